"""`blanktrap index`: from sources and annotations to a manifest.

Owns: the order of the steps. Refuses: holding the archive in memory: files are staged on local disk as
they are listed, joined and sorted there, and streamed into the manifest.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from blanktrap.core.config import IndexConfig
from blanktrap.core.errors import SourceError, UsageError
from blanktrap.core.paths import parse_path_pattern
from blanktrap.files.annotations import stage_annotations
from blanktrap.files.annotations.matching import MatchCounts, match_annotations
from blanktrap.files.annotations.staging import StagedAnnotations
from blanktrap.files.exif import read_capture_times
from blanktrap.files.index_database import IndexDatabase
from blanktrap.files.index_summary import AnnotationSummary, IndexSummary
from blanktrap.files.inventory import open_inventory, walk_inventory
from blanktrap.files.listing import MediaStage, refuse_unmatched_pattern
from blanktrap.files.manifest import ROWS_PER_PART
from blanktrap.files.manifest_writer import ManifestWriter, check_manifest_output
from blanktrap.files.s3 import is_s3, one_line
from blanktrap.files.sources import LeftOut, Source, parse_source, walk_source
from blanktrap.files.storage import Storage


def build_manifest(
    sources: list[str],
    out: str,
    *,
    annotations: list[str],
    inventory: str | None,
    config: IndexConfig,
    storage: Storage,
    overwrite: bool = False,
    on_progress: Callable[[int, str], None] | None = None,
) -> IndexSummary:
    """List sources, join annotations, form sequences, and write the manifest.

    Args:
        sources: folders, S3 folders or lists of URIs, each perhaps as `name=SOURCE`. May be empty with an
            inventory: then its whole bucket.
        out: the manifest's folder, local or on S3.
        annotations: annotation files of any known format.
        inventory: `manifest.json` of an S3 Inventory that replaces listing; None lists.
        config: where sequence, place and time come from.
        storage: the door to the bytes.
        overwrite: replace a manifest that is there.
        on_progress: called with the number of files listed so far and, in words, what has been done of the
            step that is going on: `listed 3,000 files`, `read 4,096/50,000 capture times`.

    Raises:
        UsageError: no images, no sources, a pattern that fits nothing, two files with one media_id.
        AnnotationError: an annotation file cannot be understood.
        ManifestError: the output folder is taken.
        SourceError: something cannot be read or written.
    """
    started = time.monotonic()
    pattern = parse_path_pattern(config.path_pattern) if config.path_pattern else None
    check_manifest_output(storage, out, overwrite=overwrite)
    if not sources and inventory is None:
        raise UsageError("nothing to index: give a folder, s3://bucket/prefix/ or a list of URIs")
    parsed = [parse_source(storage, text) for text in sources]
    left_out = LeftOut()

    def tell(text: str) -> None:
        if on_progress is not None:
            on_progress(stage.counts.num_listed, text)

    with tempfile.TemporaryDirectory(prefix="blanktrap-index-") as name:
        folder = Path(name)
        # Before the listing, which may take an hour: a broken annotation file shows at once.
        staged = [stage_annotations(storage, where, folder, at) for at, where in enumerate(annotations)]
        media_path = folder / "media.parquet"
        stage = MediaStage(
            storage,
            media_path,
            pattern=pattern,
            left_out=left_out,
            on_progress=lambda num: tell(f"listed {num:,} files"),
        )
        listing_started = time.monotonic()
        try:
            _stage_media(storage, parsed, inventory, folder, stage, left_out)
        finally:
            stage.close()
        listing_s = time.monotonic() - listing_started
        if pattern is not None:
            refuse_unmatched_pattern(pattern, stage.counts)
        database = IndexDatabase(folder)
        try:
            database.load_media(media_path)
            matches = [match_annotations(database.connection, one, at) for at, one in enumerate(staged)]
            tell("joining")
            database.join_annotations()
            reader = partial(read_capture_times, storage) if config.read_exif else None
            exif_counts = database.add_capture_times(
                reader, lambda num, total: tell(f"read {num:,}/{total:,} capture times")
            )
            rows = database.sorted_rows(gap_s=config.sequence_gap_s, batch_rows=ROWS_PER_PART)
            writer = ManifestWriter(storage, out, overwrite=overwrite)
            tell("sorting")
            for batch in rows:
                writer.write(pa.Table.from_batches([batch]))
                tell(f"wrote {writer.num_media:,} rows")
            summary = IndexSummary(
                **database.figures(),
                num_listed=stage.counts.num_listed,
                left_out=dict(left_out.counts),
                left_out_examples=left_out.examples,
                num_pattern_missed=stage.counts.num_pattern_missed,
                pattern_example=stage.counts.pattern_missed,
                annotations=[_describe(one, found) for one, found in zip(staged, matches, strict=True)],
                num_exif_read=exif_counts[0],
                num_exif_failed=exif_counts[1],
                listing_s=listing_s,
                keys_per_s=stage.counts.num_listed / listing_s,
                total_s=time.monotonic() - started,
            )
        except duckdb.Error as problem:
            raise SourceError(
                f"the index could not be joined and sorted in {folder.parent} ({one_line(problem)[:300]}); "
                f"TMPDIR chooses another folder with more room"
            ) from problem
        finally:
            database.close()
    details = {"sources": sources, "annotations": annotations, "inventory": inventory}
    writer.finish({**details, "config": config.model_dump(), "summary": asdict(summary)})
    return summary


def _stage_media(
    storage: Storage,
    sources: list[Source],
    inventory: str | None,
    folder: Path,
    stage: MediaStage,
    left_out: LeftOut,
) -> None:
    """List every source, or read the inventory instead.

    Raises:
        UsageError: a source has no images.
        SourceError: something cannot be listed.
    """
    if inventory is not None:
        opened = open_inventory(storage, inventory)
        sources = sources or [Source(location=f"s3://{opened.bucket}", name=None, is_list=False)]
        for number, page in walk_inventory(storage, opened, sources, folder, left_out):
            stage.add_page(number, sources[number].name, page)
    else:
        for number, source in enumerate(sources):
            for page in walk_source(storage, source, left_out):
                stage.add_page(number, source.name, page)
    for number, source in enumerate(sources):
        if not stage.counts.by_source[number]:
            others = ", ".join(f"{count:,} {reason}" for reason, count in left_out.counts.most_common(5))
            as_folder = is_s3(source.location) and not source.location.endswith("/")
            raise UsageError(
                f"no images in {source.location}"
                + (f" (read as the folder {source.location}/)" if as_folder else "")
                + (f"; left out: {others}" if others else "")
            )


def _describe(staged: StagedAnnotations, matches: MatchCounts) -> AnnotationSummary:
    return AnnotationSummary(
        where=staged.where,
        format_name=staged.format_name,
        matches=matches,
        problems=dict(staged.stage.problems.counts),
        problem_examples=staged.stage.problems.examples,
    )
