"""`blanktrap separate`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from blanktrap.cli.root import Cutoff, KeepSequences, NoSignRequest, ReviewBelow, print_lines
from blanktrap.core.config import LinkKind, SeparateConfig, SeparateMode, SidecarNaming, resolve
from blanktrap.core.errors import SeparationError, UsageError
from blanktrap.core.vocabulary import Decision
from blanktrap.files.storage import Storage
from blanktrap.progress import ProgressLine


def separate(
    scores: Annotated[
        str | None, typer.Argument(metavar="SCORES", help="The scores dataset; not needed with --undo.")
    ] = None,
    to: Annotated[
        str,
        typer.Option(help="A new or empty folder, local or s3://, for the media and the journal. Resumes."),
    ] = ...,  # type: ignore[assignment]
    mode: Annotated[
        SeparateMode | None,
        typer.Option(help="How (default link); manifest and tag are for media on S3."),
    ] = None,
    cutoff: Cutoff = None,
    review_below: ReviewBelow = None,
    keep_sequences: KeepSequences = False,
    only: Annotated[
        str | None,
        typer.Option(help="Separate these alone, such as set_aside or keep,review (default: all four)."),
    ] = None,
    link: Annotated[
        LinkKind | None,
        typer.Option(help="Kind of link (default auto: hard where archive and folder share a disk)."),
    ] = None,
    xmp: Annotated[
        SidecarNaming | None,
        typer.Option(help="Write XMP sidecars with keywords: IMG.JPG.xmp (digikam) or IMG.xmp (adobe)."),
    ] = None,
    tag_key: Annotated[str | None, typer.Option(help="Key of the object tag (default blanktrap).")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print counts and bytes; write nothing.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take back what was done under --to.")] = False,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Separate a run that has not finished.")
    ] = False,
    no_sign_request: NoSignRequest = False,
) -> None:
    """Link, copy, move or tag media by what was decided on them."""
    from blanktrap.files.separating.run import plan_separation, separate_media
    from blanktrap.files.separating.undo import undo_separation

    storage = Storage(no_sign_request=no_sign_request)
    if undo:
        if dry_run:
            raise UsageError("--dry-run and --undo do not go together: give one")
        with _told_when_stopped(to, "taken back"), ProgressLine() as line:
            taken_back = undo_separation(to, storage=storage, on_progress=line.show)
        print_lines(taken_back.lines())
        return
    if scores is None:
        raise UsageError("SCORES is missing: give the folder that blanktrap score wrote, or --undo")
    settings = resolve(
        SeparateConfig,
        {
            "mode": mode,
            "cutoff": cutoff,
            "review_below": review_below,
            "keep_sequences": keep_sequences,
            "only": _decisions(only),
            "link": link,
            "xmp": xmp,
            "tag_key": tag_key,
            "allow_incomplete": allow_incomplete,
        },
    )
    if dry_run:
        print_lines(plan_separation(scores, to, config=settings, storage=storage).lines())
        return
    with _told_when_stopped(to, "separated"), ProgressLine() as line:
        separated = separate_media(scores, to, config=settings, storage=storage, on_progress=line.show)
    print_lines(separated.lines())


@contextmanager
def _told_when_stopped(to: str, what: str) -> Iterator[None]:
    """Turn Ctrl-C into a line that says how to go on. Raises SeparationError."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        undo = "" if what == "taken back" else f", or take it back with `blanktrap separate --to {to} --undo`"
        raise SeparationError(
            f"stopped: what was {what} so far is in the journal; run the same command again to go on{undo}"
        ) from stopped


def _decisions(text: str | None) -> tuple[Decision, ...] | None:
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    if not set(words) <= set(Decision):
        allowed = ", ".join(Decision)
        raise UsageError(f"--only {text}: expected some of {allowed}, such as keep,review")
    return tuple(Decision(word) for word in dict.fromkeys(words))
