"""`blanktrap suggest`."""

from typing import Annotated

import typer

from blanktrap.cli.root import NoSignRequest, print_lines
from blanktrap.core.config import SuggestConfig, resolve
from blanktrap.core.errors import UsageError
from blanktrap.core.wording import number
from blanktrap.files.storage import Storage


def suggest(
    scores: Annotated[str, typer.Argument(metavar="SCORES", help="The scores dataset, local or s3://.")],
    out: Annotated[str, typer.Option(help="The review queue to write: a folder, local or s3://.")],
    num_images: Annotated[int | None, typer.Option(help="Images to suggest (default 500).")] = None,
    shares: Annotated[
        str | None,
        typer.Option(
            help="Shares of uncertain, unusual, typical and thinly covered (default 0.4,0.3,0,0.3)."
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="MANIFEST",
            help="A manifest whose labels are newer than those of the scores; replaces them.",
        ),
    ] = None,
    cutoff: Annotated[
        float | None,
        typer.Option(help="Media near it are uncertain (default: the model card's)."),
    ] = None,
    max_per_sequence: Annotated[
        int | None, typer.Option(help="Media of one sequence at the most (default 1).")
    ] = None,
    include_test: Annotated[
        bool, typer.Option("--include-test", help="Suggest media of test locations too.")
    ] = False,
    num_candidates: Annotated[
        int | None,
        typer.Option(help="Media drawn at random to look for the unusual and typical in (default 10,000)."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of what is left to chance (default 0).")] = None,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Suggest from a run that has not finished.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier review queue at --out.")
    ] = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Suggest which images people should label next."""
    from blanktrap.files.suggesting import suggest_media

    settings = resolve(
        SuggestConfig,
        {
            "num_images": num_images,
            "shares": _parse_shares(shares),
            "cutoff": cutoff,
            "max_per_sequence": max_per_sequence,
            "include_test": include_test or None,
            "num_candidates": num_candidates,
            "seed": seed,
            "allow_incomplete": allow_incomplete or None,
        },
    )
    storage = Storage(no_sign_request=no_sign_request)
    suggested = suggest_media(
        scores, out, config=settings, storage=storage, labels=labels, overwrite=overwrite
    )
    print_lines(suggested.lines())


def _parse_shares(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError as problem:
        raise UsageError(f"--shares: {text!r} is no list of numbers: write 0.4,0.3,0,0.3") from problem
    if len(shares) != 4:
        raise UsageError(
            f"--shares: {text!r} has {number(len(shares), 'number')}, four are wanted: uncertain, unusual, "
            f"typical and thinly covered"
        )
    return shares
