"""`blanktrap plan`."""

from typing import Annotated

import typer

from blanktrap.cli.root import NoSignRequest, print_lines
from blanktrap.core.config import InstanceChoice, PlanConfig, ScoreConfig, resolve
from blanktrap.core.errors import UsageError
from blanktrap.files.storage import Storage


def plan(
    manifest: Annotated[str, typer.Argument(metavar="MANIFEST", help="The manifest, local or s3://.")],
    model: Annotated[
        str | None, typer.Option(help="The checkpoint directory (default: one with an input of 500x375).")
    ] = None,
    instances: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE[:MARKET]",
            help="EC2 machines, on-demand or spot: g6.xlarge:spot. Separated by commas, or repeatable.",
        ),
    ] = None,
    machines: Annotated[
        int | None, typer.Option(help="Machines of the kind (default: as many as --within-hours takes).")
    ] = None,
    within_hours: Annotated[
        float | None, typer.Option(help="Hours in which it is to be done, at the low speed (default 12).")
    ] = None,
    chunk_size: Annotated[int | None, typer.Option(help="As for score.")] = None,
    took: Annotated[
        str | None,
        typer.Option(metavar="SCORES", help="A run that has ended: print what it really took, too."),
    ] = None,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Say what scoring on a cluster would take and cost."""
    from blanktrap.core.planning.wording import (
        describe_machines,
        describe_sources,
        describe_taken,
        describe_workload,
    )
    from blanktrap.files.planning import plan_scoring, read_taken

    storage = Storage(no_sign_request=no_sign_request)
    settings = resolve(
        PlanConfig,
        {"instances": _parse_instances(instances), "num_machines": machines, "within_hours": within_hours},
        flags={"num_machines": "machines"},
    )
    score = resolve(ScoreConfig, {"chunk_size": chunk_size})
    if took is not None and len(settings.instances) != 1:
        raise UsageError("--took wants one --instances: the kind of machine that the run was on")
    found = plan_scoring(manifest, model, config=settings, score=score, storage=storage)
    lines = describe_workload(found.workload, found.requests, is_sampled=found.is_sampled)
    if took is None:
        lines += describe_machines(found.machines)
    else:
        lines += describe_taken(
            found.machines[0], read_taken(took, settings.instances[0], config=settings, storage=storage)
        )
    print_lines([*lines, *describe_sources(settings)])


def _parse_instances(texts: list[str] | None) -> tuple[InstanceChoice, ...] | None:
    """`g6.xlarge:spot,c7i.4xlarge`; without a market on demand."""
    choices = []
    for text in (part.strip() for given in texts or [] for part in given.split(",")):
        name, _, market = text.partition(":")
        if market not in ("", "spot", "on-demand"):
            raise UsageError(f"--instances {text}: expected spot or on-demand after the colon, got {market}")
        choices.append(
            resolve(
                InstanceChoice,
                {"name": name, "market": market or None},
                flags={"name": "instances", "market": "instances"},
            )
        )
    return tuple(choices) or None
