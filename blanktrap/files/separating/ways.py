"""Which way of placing media goes from where the originals are to `--to`.

Owns: the table of ways, and one line for what cannot be done. Refuses: doing it.
"""

import contextlib
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from blanktrap.core.config import SeparateConfig
from blanktrap.core.errors import UsageError
from blanktrap.core.wording import count
from blanktrap.files.s3 import is_s3, shown, split_s3
from blanktrap.files.separating.folders import open_folders
from blanktrap.files.separating.local_moving import MovePlacer
from blanktrap.files.separating.local_placing import CopyPlacer, LinkPlacer
from blanktrap.files.separating.placing import Placer
from blanktrap.files.separating.plan import PlanCounts
from blanktrap.files.separating.s3_and_disk import ByOrigin, FetchPlacer, UploadPlacer
from blanktrap.files.separating.s3_placing import S3CopyPlacer, S3MovePlacer, S3Placer
from blanktrap.files.separating.sidecars import WithSidecars
from blanktrap.files.separating.tagging import TagPlacer
from blanktrap.files.storage import Storage, local_path


def refuse_impossible(config: SeparateConfig, to: str, counts: PlanCounts | None = None) -> None:
    """Raise UsageError where a mode does not go from the originals to `to`.

    Args:
        config: the mode.
        to: the `--to`.
        counts: where the originals are; None while nobody knows.
    """
    goes_to_s3 = is_s3(to)
    num_local, num_on_s3 = (counts.num_local, counts.num_on_s3) if counts is not None else (0, 0)
    if config.mode == "link":
        if goes_to_s3:
            raise UsageError(
                f"--mode link makes links on disk, and --to {to} is on S3: use copy, tag or manifest"
            )
        if num_on_s3:
            raise UsageError(
                f"--mode link needs originals on disk, and {count(num_on_s3)} of {count(counts_of(counts))} "
                "media are on S3: use --mode tag or manifest, or copy to fetch them"
            )
    elif config.mode == "move":
        num_elsewhere = num_local if goes_to_s3 else num_on_s3
        if num_elsewhere:
            raise UsageError(
                f"--mode move stays on disk or on S3, and {count(num_elsewhere)} of "
                f"{count(counts_of(counts))} media "
                "would go from one to the other: use --mode copy, and remove the originals when you have "
                "checked it"
            )
    elif config.mode in ("tag", "manifest") and num_local:
        what = "tags objects" if config.mode == "tag" else "lists objects for S3 Batch Operations"
        raise UsageError(
            f"--mode {config.mode} {what}, and {count(num_local)} of {count(counts_of(counts))} media are "
            "on disk: use --mode link or copy, or blanktrap export for a list"
        )
    if config.xmp and goes_to_s3:
        raise UsageError(f"--xmp writes beside files on disk, and --to {to} is on S3: give a folder")


def outside_archive(rows: Iterable[pa.Table], to: str, config: SeparateConfig) -> Iterator[pa.Table]:
    """Let the rows of a plan pass, as long as `--to` is not inside the archive that they are of.

    The archive is the folder that media_ids are relative to. Of each table the first and the last row are
    looked at: a plan is in the order of the manifest, and sources are few. A whole bucket or disk is let
    through, as there may be no other.

    Raises:
        UsageError: what is placed would be found again by whoever indexes the archive.
    """
    places_images = config.mode in ("link", "copy", "move")
    for table in rows:
        for place in (0, table.num_rows - 1) if places_images and table.num_rows else ():
            uri, media_id = (table.column(name)[place].as_py() for name in ("uri", "media_id"))
            archive = _archive_of(uri, media_id)
            if archive is not None and _is_inside(to, archive):
                raise UsageError(
                    f"--to {to} is inside the archive {shown(archive)}: whoever indexes that again would "
                    "find each media twice; give a folder beside it"
                )
        yield table


def _archive_of(uri: str, media_id: str) -> str | None:
    """The folder that a media_id is relative to; None where nobody can tell, or it is a bucket or a disk."""
    parts = (uri if is_s3(uri) else str(local_path(uri))).split("/")
    same = 0
    for part, named in zip(reversed(parts), reversed(media_id.split("/")), strict=False):
        if unicodedata.normalize("NFC", part) != named:
            break
        same += 1
    archive = "/".join(parts[: len(parts) - same])
    is_whole = not archive or (is_s3(uri) and not split_s3(f"{archive}/")[1])
    return None if not same or is_whole else archive


def _is_inside(to: str, archive: str) -> bool:
    if is_s3(to) or is_s3(archive):
        return f"{to.rstrip('/')}/".startswith(f"{archive}/")
    return local_path(to).resolve().is_relative_to(Path(archive).resolve())


def counts_of(counts: PlanCounts | None) -> int:
    """Media of a plan."""
    return counts.num_media if counts is not None else 0


@contextlib.contextmanager
def open_placer(config: SeparateConfig, to: str, storage: Storage) -> Iterator[Placer]:
    """Open the way that a configuration asks for; what it holds open is closed when the block ends."""
    if is_s3(to) or config.mode == "tag":
        way = _way_on_s3(config, to, storage)
        with contextlib.closing(way):
            yield way
        return
    with open_folders(local_path(to)) as folders, contextlib.closing(S3Placer(storage, to)) as remote:
        placer: Placer
        if config.mode == "link":
            placer = LinkPlacer(folders, config.link)
        elif config.mode == "copy":
            placer = ByOrigin(local=CopyPlacer(folders), remote=FetchPlacer(folders, remote))
        else:
            assert config.mode == "move"  # lists are not placed
            placer = MovePlacer(folders)
        yield WithSidecars(placer, folders, config.xmp) if config.xmp else placer


def _way_on_s3(config: SeparateConfig, to: str, storage: Storage) -> S3Placer | ByOrigin:
    if config.mode == "tag":
        return TagPlacer(storage, to, config.tag_key)
    if config.mode == "move":
        return S3MovePlacer(storage, to)
    return ByOrigin(local=UploadPlacer(storage, to), remote=S3CopyPlacer(storage, to))
