"""`blanktrap evaluate`."""

from typing import Annotated, Literal

import typer

from blanktrap.cli.root import NoSignRequest, print_lines
from blanktrap.core.config import EvaluateConfig, resolve
from blanktrap.core.errors import UsageError
from blanktrap.files.storage import Storage


def evaluate(
    scores: Annotated[str, typer.Argument(metavar="SCORES", help="The scores dataset, local or s3://.")],
    out: Annotated[str, typer.Option(help="The report to write: a folder, local or s3://.")],
    labels: Annotated[
        str | None, typer.Option(help="A manifest whose labels replace those the scores carry.")
    ] = None,
    cutoff: Annotated[
        list[float] | None,
        typer.Option(
            help="Media at or above it are kept (default: the model card's). Give several to see each; "
            "the first is the chosen one."
        ),
    ] = None,
    min_recall: Annotated[
        float | None,
        typer.Option(
            help="Choose the highest cutoff that promises this nonblank recall on new locations, or say what "
            "is missing."
        ),
    ] = None,
    confidence: Annotated[
        float | None, typer.Option(help="Chance that the promise holds (default 0.95).")
    ] = None,
    choose_on: Annotated[
        Literal["train", "val", "test"] | None,
        typer.Option(help="Split to choose the promised cutoff on (default: the media that are measured)."),
    ] = None,
    strata: Annotated[
        Literal["night"] | None, typer.Option(help="Promise a cutoff for night and one for day as well.")
    ] = None,
    beta: Annotated[float | None, typer.Option(help="Weight of recall in F-beta (default 2).")] = None,
    blank_rate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SHARE",
            help="Share of blanks in the archive to extrapolate to (default 0.75), or estimate: that of the "
            "media without a label, from their scores. Several allowed.",
        ),
    ] = None,
    num_archive_media: Annotated[
        int | None, typer.Option(help="Images of that archive (default 1,000,000).")
    ] = None,
    images_per_hour: Annotated[
        float | None, typer.Option(help="Images one person excludes in an hour (default 500).")
    ] = None,
    hours_per_week: Annotated[
        float | None, typer.Option(help="Working hours in a week (default 40).")
    ] = None,
    cost_per_hour: Annotated[
        float | None, typer.Option(help="Cost of an hour of that work, in any currency.")
    ] = None,
    price_per_hour: Annotated[
        float | None, typer.Option(help="Price of an hour of the machine that scored, in the same.")
    ] = None,
    audit_images: Annotated[
        int | None, typer.Option(help="Images of the discard pile that people check all the same.")
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(help="Other scores of the same media: scores, a report, MegaDetector results; several."),
    ] = None,
    second_cutoff: Annotated[
        float | None, typer.Option(help="Cutoff of what is compared (default: its own).")
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(help="What people saw in missed and found media: a filled-in queue; several allowed."),
    ] = None,
    sample_errors: Annotated[
        str | None,
        typer.Option(
            metavar="MISSED:FOUND",
            help="Draw missed and found nonblank media for people to tag, such as 1144:600.",
        ),
    ] = None,
    split: Annotated[
        Literal["train", "val", "test"] | None,
        typer.Option(help="Part to measure on (default: test where there is one, else all)."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the resampling behind intervals.")] = None,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Measure a run that has not finished.")
    ] = False,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="Measure places that the model has seen; warned of.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier report at --out.")
    ] = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Measure scores against labels: recall, precision, hours."""
    from blanktrap.files.evaluating import evaluate_scores

    settings = resolve(
        EvaluateConfig,
        {
            "cutoffs": cutoff or None,
            "min_recall": min_recall,
            "confidence": confidence,
            "choose_on": choose_on,
            "strata": strata,
            "beta": beta,
            "blank_rates": blank_rate or None,
            "num_archive_media": num_archive_media,
            "second_cutoff": second_cutoff,
            "sample_errors": _parse_sample(sample_errors),
            "images_per_hour": images_per_hour,
            "hours_per_week": hours_per_week,
            "cost_per_hour": cost_per_hour,
            "price_per_hour": price_per_hour,
            "num_audit_images": audit_images,
            "split": split,
            "seed": seed,
            "allow_incomplete": allow_incomplete,
            "allow_seen": allow_seen,
        },
        flags={"cutoffs": "cutoff", "blank_rates": "blank-rate", "num_audit_images": "audit-images"},
    )
    report = evaluate_scores(
        scores,
        out,
        config=settings,
        storage=Storage(no_sign_request=no_sign_request),
        labels=labels,
        tags=tags or (),
        compare=compare or (),
        overwrite=overwrite,
    )
    print_lines(report.lines())


def _parse_sample(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    refusal = UsageError(f"--sample-errors {text}: expected missed:found, such as 1144:600")
    try:
        nums = tuple(int(part) for part in text.split(":"))
    except ValueError as problem:
        raise refusal from problem
    if len(nums) != 2 or min(nums) < 0 or not any(nums):
        raise refusal
    return nums[0], nums[1]
