"""`blanktrap select`."""

from datetime import datetime
from typing import Annotated, Literal

import typer

from blanktrap.cli.root import NoSignRequest, OverwriteManifest, print_lines
from blanktrap.core.config import SelectConfig, resolve
from blanktrap.core.errors import UsageError
from blanktrap.core.times import parse_capture_time
from blanktrap.core.vocabulary import Split
from blanktrap.files.storage import Storage
from blanktrap.progress import ProgressLine


def select(
    manifest: Annotated[
        str, typer.Argument(metavar="MANIFEST", help="A manifest with labels, local or s3://.")
    ],
    out: Annotated[str, typer.Option(help="The manifest to write, with its split column filled.")],
    by: Annotated[
        Literal["location", "deployment", "sequence", "time"] | None,
        typer.Option(help="What no split may cut (default location). Sequences stay whole always."),
    ] = None,
    shares: Annotated[
        str | None, typer.Option(help="Shares for train,val,test (default 0.6,0.2,0.2).")
    ] = None,
    assign: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPLIT=NAMES",
            help="Locations (or what --by says) for a split: test=S1,S2, or test=@names.txt with one a line. "
            "The rest is dealt by --shares, or all train. Repeatable.",
        ),
    ] = None,
    val_from: Annotated[
        str | None, typer.Option(metavar="DATE", help="With --by time: val begins here, such as 2013-06-01.")
    ] = None,
    test_from: Annotated[
        str | None, typer.Option(metavar="DATE", help="With --by time: test begins here.")
    ] = None,
    keep_splits: Annotated[
        bool, typer.Option("--keep-splits", help="Keep the manifest's own splits, and only choose.")
    ] = False,
    num_images: Annotated[
        int | None, typer.Option(help="Media to learn from, train and val together, such as 3200.")
    ] = None,
    balance: Annotated[
        bool | None,
        typer.Option(
            "--balance/--no-balance",
            help="As many blank as nonblank media to learn from (so wherever media are chosen).",
        ),
    ] = None,
    frames: Annotated[
        Literal["first", "all"] | None,
        typer.Option(
            help="Learn from each sequence's first labelled frame, or all (first where media are chosen)."
        ),
    ] = None,
    max_per_location: Annotated[
        int | None, typer.Option(help="Most media of one location to learn from.")
    ] = None,
    min_species: Annotated[
        int | None,
        typer.Option(help="Learn from deployments with so many species (locations, where there are none)."),
    ] = None,
    min_blank: Annotated[
        int | None, typer.Option(help="… and so many blank media (default 5 with --min-species).")
    ] = None,
    min_nonblank: Annotated[
        int | None, typer.Option(help="… and so many nonblank media (default 5 with --min-species).")
    ] = None,
    select_test: Annotated[
        bool, typer.Option("--select-test", help="Choose in test too; else it keeps its natural mix.")
    ] = False,
    check_duplicates: Annotated[
        bool,
        typer.Option("--check-duplicates", help="Report nearly equal pictures in different splits."),
    ] = False,
    check_sample: Annotated[int, typer.Option(min=2, help="Most pictures to look at for that.")] = 2000,
    seed: Annotated[int | None, typer.Option(help="Seed of deal and choice.")] = None,
    overwrite: OverwriteManifest = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Split labelled media, and choose what to learn from."""
    from blanktrap.files.selecting import select_splits

    storage = Storage(no_sign_request=no_sign_request)
    settings = resolve(
        SelectConfig,
        {
            "by": by,
            "shares": _parse_shares(shares),
            "assign": _parse_assign(storage, assign),
            "val_from": _parse_date("--val-from", val_from),
            "test_from": _parse_date("--test-from", test_from),
            "keep_splits": keep_splits,
            "num_images": num_images,
            "balance": balance,
            "frames": frames,
            "max_per_location": max_per_location,
            "min_species": min_species,
            "min_blank": min_blank,
            "min_nonblank": min_nonblank,
            "select_test": select_test,
            "seed": seed,
        },
    )
    with ProgressLine() as line:
        summary = select_splits(
            manifest, out, config=settings, storage=storage, overwrite=overwrite, on_progress=line.show
        )
    print_lines(summary.lines())
    if check_duplicates:
        from blanktrap.vision.near_duplicates import check_duplicates as check

        with ProgressLine() as line:
            found = check(
                out, storage=storage, sample=check_sample, seed=settings.seed, on_progress=line.show
            )
        print_lines(found.lines())


def _parse_shares(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    refusal = UsageError(f"--shares {text}: expected three shares, such as 0.6,0.2,0.2")
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError as problem:
        raise refusal from problem
    if len(shares) != 3:
        raise refusal
    return shares


def _parse_assign(storage: Storage, texts: list[str] | None) -> dict[str, tuple[str, ...]] | None:
    """The names of each split; `@FILE` stands for the lines of a file."""
    from blanktrap.files.name_lists import read_names

    names: dict[str, tuple[str, ...]] = {}
    for text in texts or []:
        split, equals, listed = text.partition("=")
        if not equals or split not in set(Split) or not listed:
            raise UsageError(
                f"--assign {text}: expected SPLIT=NAMES with train, val or test, such as test=S1,S2"
            )
        if listed.startswith("@"):
            found = read_names(storage, listed[1:])
        else:
            found = tuple(name.strip() for name in listed.split(",") if name.strip())
        names[split] = (*names.get(split, ()), *found)
    return names or None


def _parse_date(flag: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    found = parse_capture_time(text)
    if found is None:
        raise UsageError(
            f"{flag} {text}: there is no such date, or it can be read in two ways; write 2013-06-01, or "
            f"'2013-06-01 12:00'"
        )
    return found
