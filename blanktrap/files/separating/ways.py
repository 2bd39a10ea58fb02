"""Which way of placing media goes from where the originals are to `--to`.

Owns: the table of ways, and one line for what cannot be done. Refuses: doing it.
"""

import contextlib
from collections.abc import Iterator

from blanktrap.core.config import SeparateConfig
from blanktrap.core.errors import UsageError
from blanktrap.core.wording import count
from blanktrap.files.s3 import is_s3
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
