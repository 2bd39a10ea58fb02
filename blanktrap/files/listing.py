"""From listed files to staged media: what is an image, and what it is called.

Owns: the decision, and the staging files on local disk. Refuses: holding the archive in memory; labels
and times come later.

A file with an image's extension is an image, whatever is in it: scoring gives it a status. A file with the
extension of something else (text, tables, video, archives) is none, whatever is in it, and so are camera raw
formats and macOS's `._` companions. Any other file, such as `IMG.001`, is looked at: its first bytes decide,
one small request each on S3. Folders and S3 decide alike, so that an archive keeps its media when it moves.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import UsageError
from blanktrap.core.paths import (
    RAW_SUFFIXES,
    PathFields,
    PathPattern,
    folder_name_of,
    is_apple_double,
    is_image_name,
    media_id_of,
    suffix_of,
)
from blanktrap.files.s3 import ObjectDeniedError, ObjectMissingError
from blanktrap.files.sources import FoundFile, LeftOut
from blanktrap.files.storage import Storage

# Text, tables, video, sound, packed files: not worth a request each.
# fmt: off
_OTHER_SUFFIXES = frozenset({
    "txt", "md", "log", "csv", "tsv", "json", "jsonl", "xml", "html", "htm", "pdf", "doc", "docx",
    "xls", "xlsx", "yaml", "yml", "toml", "ini", "parquet", "db", "sqlite", "npy", "npz", "mp4", "avi",
    "mov", "mkv", "mpg", "mpeg", "m4v", "wmv", "wav", "mp3", "zip", "gz", "tgz", "tar", "bz2", "xz",
    "7z", "rar"
})
# fmt: on
_NO_IMAGE_SUFFIXES = RAW_SUFFIXES | _OTHER_SUFFIXES

_SNIFFED_BYTES = 16
_SNIFF_THREADS = 16
_ROWS_PER_GROUP = 65_536

STAGED_MEDIA = pa.schema(
    [
        pa.field("source", pa.int32()),
        pa.field("media_id", pa.string()),
        pa.field("uri", pa.string()),
        pa.field("size_bytes", pa.int64()),
        pa.field("etag", pa.string()),
        pa.field("location_id", pa.string()),
        pa.field("deployment_id", pa.string()),
        pa.field("sequence_id", pa.string()),
        pa.field("label_name", pa.string()),
    ]
)


def sniff_image(head: bytes) -> bool:
    """Whether a file's first 16 bytes are those of a JPEG, PNG, TIFF or WebP."""
    return head.startswith(
        (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    ) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


@dataclass(kw_only=True)
class ListingCounts:
    """What staging saw."""

    num_listed: int = 0
    num_images: int = 0
    num_pattern_missed: int = 0
    pattern_missed: str | None = None
    """An image that the path pattern does not fit."""
    by_source: Counter[int] = field(default_factory=Counter)
    """Images of each source, by its number."""


class MediaStage:
    """Writes the images among listed files into one local Parquet file, a row group at a time."""

    def __init__(
        self,
        storage: Storage,
        path: Path,
        *,
        pattern: PathPattern | None,
        label_from_folder: bool = False,
        left_out: LeftOut,
        on_progress: Callable[[int], None] | None,
    ) -> None:
        self._storage = storage
        self._writer = pq.ParquetWriter(path, STAGED_MEDIA, compression="zstd")
        self._pattern = pattern
        self._label_from_folder = label_from_folder
        self._left_out = left_out
        self._on_progress = on_progress
        self._pool = ThreadPoolExecutor(max_workers=_SNIFF_THREADS, thread_name_prefix="sniff")
        self._rows: list[tuple[object, ...]] = []
        self.counts = ListingCounts()

    def add_page(self, number: int, name: str | None, page: list[FoundFile]) -> None:
        """Stage the images of one page of a source. Raises SourceError where storage is out of reach."""
        self.counts.num_listed += len(page)
        for found in self._images_of(page):
            self._stage(number, name, found)
        if len(self._rows) >= _ROWS_PER_GROUP:
            self._flush()
        if self._on_progress is not None:
            self._on_progress(self.counts.num_listed)

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        self._writer.close()
        self._pool.shutdown()

    def _stage(self, number: int, name: str | None, found: FoundFile) -> None:
        fields = PathFields()
        if self._pattern is not None:
            matched = self._pattern.match(found.relative)
            if matched is None:
                self.counts.num_pattern_missed += 1
                self.counts.pattern_missed = self.counts.pattern_missed or found.relative
            else:
                fields = matched
        media_id = media_id_of(found.relative, name=name)
        label_name = fields.label_name
        if self._label_from_folder:
            label_name = folder_name_of(found.relative) or None
        ids = (fields.location_id, fields.deployment_id, fields.sequence_id)
        facts = (found.uri, found.size_bytes, found.etag)
        self._rows.append((number, media_id, *facts, *ids, label_name))
        self.counts.num_images += 1
        self.counts.by_source[number] += 1

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [
                pa.array(column, field.type) for column, field in zip(columns, STAGED_MEDIA, strict=True)
            ]
            self._writer.write_table(pa.table(arrays, schema=STAGED_MEDIA))
            self._rows = []

    def _images_of(self, page: list[FoundFile]) -> Iterator[FoundFile]:
        doubtful = []
        for found in page:
            if is_image_name(found.relative):
                yield found
            elif is_apple_double(found.relative):
                self._left_out.add("AppleDouble (._)", found.relative)
            elif suffix_of(found.relative) in _NO_IMAGE_SUFFIXES:
                self._leave_out(found)
            else:
                doubtful.append(found)
        for found, is_image in zip(doubtful, self._pool.map(self._sniff, doubtful), strict=True):
            if is_image:
                yield found
            else:
                self._leave_out(found)

    def _leave_out(self, found: FoundFile) -> None:
        suffix = suffix_of(found.relative)
        self._left_out.add(f".{suffix}" if suffix else "no extension", found.relative)

    def _sniff(self, found: FoundFile) -> bool:
        if found.size_bytes == 0:
            return False
        try:
            return sniff_image(self._storage.read_range(found.uri, 0, _SNIFFED_BYTES))
        except (ObjectMissingError, ObjectDeniedError):
            return False  # no image by name, and nothing that can be looked at


def refuse_unmatched_pattern(pattern: PathPattern, counts: ListingCounts) -> None:
    """Raise UsageError where a path pattern fits no image at all."""
    if counts.num_images and counts.num_pattern_missed == counts.num_images:
        raise UsageError(
            f"--path-pattern {pattern.text!r} fits none of the {counts.num_images:,} images; "
            f"one of their paths is {counts.pattern_missed!r}"
        )
