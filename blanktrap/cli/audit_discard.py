"""`blanktrap audit-discard`."""

from typing import Annotated

import typer

from blanktrap.cli.root import NoSignRequest, print_lines
from blanktrap.core.config import AuditDrawConfig, AuditJudgeConfig, resolve
from blanktrap.core.errors import UsageError
from blanktrap.files.storage import Storage


def audit_discard(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SCORES|QUEUE",
            help="Scores to draw a sample from; or, with --answers, the queue that was drawn.",
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(help="The review queue to write; with --answers, a folder for audit.json (optional)."),
    ] = None,
    cutoff: Annotated[
        float | None,
        typer.Option(help="Media below it would be thrown away (default: the model card's)."),
    ] = None,
    num_images: Annotated[int | None, typer.Option(help="Images to draw (default 500).")] = None,
    answers: Annotated[
        list[str] | None,
        typer.Option(help="What people answered: the queue's sheet, filled in; several allowed."),
    ] = None,
    max_lost_share: Annotated[
        float | None,
        typer.Option(help="Share of the discard pile that may show animals; says how many more to look at."),
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(help="Chance that the bound holds (default 0.95).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the sample (default 0).")] = None,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Draw from a run that has not finished.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what an earlier run wrote at --out.")
    ] = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Check what a cutoff throws away, on a sample of it."""
    storage = Storage(no_sign_request=no_sign_request)
    to_draw = {"cutoff": cutoff, "num_images": num_images, "seed": seed}
    to_judge = {"max_lost_share": max_lost_share, "confidence": confidence}
    if answers:
        from blanktrap.files.discard_judging import judge_answers

        _refuse(to_draw, "only for drawing a sample, not with --answers")
        judging = resolve(AuditJudgeConfig, to_judge)
        print_lines(
            judge_answers(
                source, answers, config=judging, storage=storage, out=out, overwrite=overwrite
            ).lines()
        )
        return
    from blanktrap.files.discard_sampling import draw_audit_sample

    _refuse(to_judge, "only for judging a sample: pass --answers too")
    drawing = resolve(AuditDrawConfig, {**to_draw, "allow_incomplete": allow_incomplete or None})
    if out is None:
        raise UsageError("--out is missing: give a folder for the review queue, or --answers to judge one")
    print_lines(draw_audit_sample(source, out, config=drawing, storage=storage, overwrite=overwrite).lines())


def _refuse(values: dict[str, float | int | None], why: str) -> None:
    given = [f"--{name.replace('_', '-')}" for name, value in values.items() if value is not None]
    if given:
        raise UsageError(f"{' and '.join(given)}: {why}")
