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
from typing import Any

import pyarrow as pa

from blanktrap.core.config import IndexConfig
from blanktrap.core.errors import UsageError
from blanktrap.core.paths import PathPattern, parse_path_pattern
from blanktrap.files.annotations import holds_labels, stage_annotations
from blanktrap.files.annotations.formats import ReadOptions
from blanktrap.files.annotations.matching import MatchCounts, match_annotations
from blanktrap.files.annotations.staging import StagedAnnotations
from blanktrap.files.databases import temporary_database
from blanktrap.files.exif import read_exif
from blanktrap.files.index_database import MEMORY_LIMIT, IndexDatabase
from blanktrap.files.index_summary import AnnotationSummary, IndexSummary
from blanktrap.files.inventory import open_inventory, walk_inventory
from blanktrap.files.label_folders import label_by_folder
from blanktrap.files.listing import MediaStage, refuse_unmatched_pattern
from blanktrap.files.manifest import ROWS_PER_PART
from blanktrap.files.manifest_writer import ManifestWriter, check_manifest_output
from blanktrap.files.s3 import is_s3
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
            step that is going on: `listed 3,000 files`, `read 4,096/50,000 EXIF headers`.

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
    _refuse_labels(storage, parsed, annotations)
    left_out = LeftOut()
    with tempfile.TemporaryDirectory(prefix="blanktrap-index-") as name:
        folder = Path(name)
        # Before the listing, which may take an hour: a broken annotation file shows at once.
        staged = stage_annotations(
            storage, annotations, folder, _read_options(config), format_key=config.format
        )
        listing = _Listing(storage, folder, pattern, config, left_out, on_progress)
        listing.run(parsed, inventory)
        doing = "the index could not be joined and sorted"
        with temporary_database(doing, memory=MEMORY_LIMIT, within=folder) as connection:
            database = IndexDatabase(connection, folder)
            database.load_media(listing.path)
            matches = [match_annotations(database.connection, one, at) for at, one in enumerate(staged.sets)]
            listing.tell("joining")
            label_folders = label_by_folder(database.connection)
            database.join_annotations()
            num_read, num_failed = database.add_exif(
                partial(read_exif, storage) if config.read_exif else None,
                lambda num, total: listing.tell(f"read {num:,}/{total:,} EXIF headers"),
            )
            writer = ManifestWriter(storage, out, overwrite=overwrite)
            listing.tell("sorting")
            for batch in database.sorted_rows(gap_s=config.sequence_gap_s, batch_rows=ROWS_PER_PART):
                writer.write(pa.Table.from_batches([batch]))
                listing.tell(f"wrote {writer.num_media:,} rows")
            summary = IndexSummary(
                **database.figures(),
                **listing.figures(),
                label_folders=label_folders,
                annotations=[_describe(one, found) for one, found in zip(staged.sets, matches, strict=True)],
                passed_over=staged.passed_over,
                num_exif_read=num_read,
                num_exif_failed=num_failed,
                total_s=time.monotonic() - started,
            )
    details = {"sources": sources, "annotations": annotations, "inventory": inventory}
    writer.finish({**details, "config": config.model_dump(), "summary": asdict(summary)})
    return summary


def _refuse_labels(storage: Storage, sources: list[Source], annotations: list[str]) -> None:
    """Refuse `--annotations a.csv b.csv`, which would take b.csv for a list of images and lose its labels."""
    for source in sources:
        listed = source.is_list and not source.location.lower().endswith(".txt")
        if listed and source.location not in annotations and holds_labels(storage, source.location):
            raise UsageError(
                f"{source.location} is a table of labels and stands among the sources: write --annotations "
                f"before each such file; name it in both places where it lists the images as well"
            )


class _Listing:
    """The files found, staged on local disk, and what is told on the way."""

    def __init__(
        self,
        storage: Storage,
        folder: Path,
        pattern: PathPattern | None,
        config: IndexConfig,
        left_out: LeftOut,
        on_progress: Callable[[int, str], None] | None,
    ) -> None:
        self.path = folder / "media.parquet"
        self._storage, self._folder, self._pattern = storage, folder, pattern
        self._left_out, self._on_progress = left_out, on_progress
        self._listing_s = 0.0
        self._stage = MediaStage(
            storage,
            self.path,
            pattern=pattern,
            label_from_folder=config.label_from_path and not (pattern and pattern.names_label),
            left_out=left_out,
            on_progress=lambda num: self.tell(f"listed {num:,} files"),
        )

    def tell(self, text: str) -> None:
        """Pass on what has been done."""
        if self._on_progress is not None:
            self._on_progress(self._stage.counts.num_listed, text)

    def run(self, sources: list[Source], inventory: str | None) -> None:
        """List everything. Raises UsageError, SourceError."""
        started = time.monotonic()
        try:
            _stage_media(self._storage, sources, inventory, self._folder, self._stage, self._left_out)
        finally:
            self._stage.close()
        self._listing_s = time.monotonic() - started
        if self._pattern is not None:
            refuse_unmatched_pattern(self._pattern, self._stage.counts)

    def figures(self) -> dict[str, Any]:
        """The summary's figures of the listing."""
        counts = self._stage.counts
        return {
            "num_listed": counts.num_listed,
            "left_out": dict(self._left_out.counts),
            "left_out_examples": self._left_out.examples,
            "num_pattern_missed": counts.num_pattern_missed,
            "pattern_example": counts.pattern_missed,
            "listing_s": self._listing_s,
            "keys_per_s": counts.num_listed / self._listing_s,
        }


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


def _read_options(config: IndexConfig) -> ReadOptions:
    return ReadOptions(
        columns=config.columns,
        megadetector_cutoff=config.megadetector_cutoff,
        skip_bad_rows=config.skip_bad_rows,
    )


def _describe(staged: StagedAnnotations, matches: MatchCounts) -> AnnotationSummary:
    return AnnotationSummary(
        where=staged.where,
        format_name=staged.format_name,
        matches=matches,
        companions=list(staged.companions),
        problems=dict(staged.stage.problems.counts),
        problem_examples=staged.stage.problems.examples,
        bad_rows=dict(staged.stage.bad_rows.counts),
        bad_row_examples=staged.stage.bad_rows.examples,
    )
