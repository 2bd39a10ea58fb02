"""Pieces of a manifest, or media in any order, as a Ray Data source of decoded batches.

Owns: one read task a piece, which fetches and decodes its media and yields batches of pixels with the
rows they belong to. Refuses: where pieces are cut (`engines.pieces`), and the network; torch is not loaded
here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from ray.data import DataContext
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.neighbours import neighbour_rows, rule_of
from blanktrap.core.places import NEIGHBOURS, places_of
from blanktrap.core.schemas import MANIFEST_SCHEMA
from blanktrap.engines.pieces import Span
from blanktrap.files.manifest import Manifest
from blanktrap.files.patience import patiently
from blanktrap.files.storage import Storage
from blanktrap.vision.comparing import compare_images, compare_places
from blanktrap.vision.loading import LoadedImage, compare_columns, image_columns, load_images

# Columns between the stages, beside the manifest's own.
ROW, PIXELS = "row", "pixels"
ETAG = "etag"


@dataclass(frozen=True, kw_only=True)
class MediaSource:
    """What every read task needs to know."""

    storage: Storage
    preprocessing: Preprocessing
    limits: DecodeLimits
    batch_size: int
    fetch_threads: int

    def batch_bytes(self) -> int:
        """Bytes of the pixels of a full batch."""
        return self.batch_size * self.preprocessing.image_bytes

    @property
    def reach_rows(self) -> int:
        """Rows before and behind a piece that may be neighbours of its media; 0 without background."""
        rule = rule_of(self.preprocessing.background)
        return 0 if rule is None else rule.reach_rows

    def reach_of(self, span: Span, num_media: int) -> tuple[int, int]:
        """Rows [start, stop) of a manifest of so many media that are read for a piece."""
        return max(0, span.start - self.reach_rows), min(num_media, span.stop + self.reach_rows)

    def read_span(self, span: Span, rows: pa.Table, start: int) -> Iterator[pa.Table]:
        """Fetch and decode a piece and yield it in batches.

        Args:
            span: the piece.
            rows: its rows of the manifest, and `reach_rows` more on either side where there are as many.
            start: the position of their first in the manifest.

        Yields:
            Tables of at most `batch_size` rows: the manifest's columns, `row` (position in the manifest),
            the columns of the scores that decoding knows, `pixels` (fixed-size binary of height x width x
            channels bytes, null unless `status` is `ok`), and seconds and bytes.
        """
        # Another program's manifest may have columns of its own, under names that are used here.
        rows = rows.select([*MANIFEST_SCHEMA.names, *([ETAG] if has_etags(rows) else [])])
        positions = np.arange(start, start + rows.num_rows)
        rows = rows.append_column(ROW, pa.array(positions, pa.int64()))
        return self.read_media(rows, (positions >= span.start) & (positions < span.stop))

    def read_media(self, rows: pa.Table, is_wanted: np.ndarray | None = None) -> Iterator[pa.Table]:
        """Fetch and decode media and yield them in batches.

        Args:
            rows: with `uri` and `size_bytes`; `etag` where it is known. With a background either a run of the
                manifest, and `reach_rows` more on either side of what is wanted where there are as many; or
                any media with the columns `row` and `neighbours` of `blanktrap.core.places`.
            is_wanted: the media to yield, bool, shape (num_rows,); None: all of them.

        Yields:
            Tables of at most `batch_size` rows, in order: the columns of `rows` but `etag` and `neighbours`,
            those that decoding knows, and `pixels`; see `read_span`.
        """
        is_wanted = np.ones(rows.num_rows, bool) if is_wanted is None else is_wanted
        loaded = self._load(rows, is_wanted)
        rows = rows.filter(pa.array(is_wanted))
        rows = rows.drop_columns([name for name in (ETAG, NEIGHBOURS) if name in rows.column_names])
        for offset in range(0, rows.num_rows, self.batch_size):
            part = rows.slice(offset, self.batch_size)
            yield self._with_images(part, list(islice(loaded, part.num_rows)))

    def _load(self, rows: pa.Table, is_wanted: np.ndarray) -> Iterator[LoadedImage]:
        common: dict[str, Any] = {
            "storage": self.storage,
            "preprocessing": self.preprocessing,
            "limits": self.limits,
            "num_threads": self.fetch_threads,
        }
        places = places_of(rows)
        if places is not None:
            return compare_places(places[is_wanted].tolist(), **common)
        rule, wanted = rule_of(self.preprocessing.background), np.flatnonzero(is_wanted)
        if rule is None:
            rows = rows.take(pa.array(wanted))
        uris, sizes_bytes = (rows.column(name).to_pylist() for name in ("uri", "size_bytes"))
        common["etags"] = rows.column(ETAG).to_pylist() if ETAG in rows.column_names else None
        if rule is None:
            return load_images(uris, sizes_bytes, **common)
        around = neighbour_rows(rows, rule)
        return compare_images(uris, sizes_bytes, wanted.tolist(), [around[row] for row in wanted], **common)

    def _with_images(self, rows: pa.Table, loaded: list[LoadedImage]) -> pa.Table:
        columns = {**image_columns(loaded), PIXELS: self._pixel_column(loaded)}
        if self.reach_rows:
            columns |= compare_columns(loaded)
        for name, column in columns.items():
            rows = rows.append_column(name, column)
        return rows

    def _pixel_column(self, loaded: list[LoadedImage]) -> pa.Array:
        shape = (len(loaded), *_shape(self.preprocessing))
        pixels = np.zeros(shape, np.uint8)
        is_there = np.zeros(len(loaded), bool)
        for position, one in enumerate(loaded):
            if one.image is not None:
                pixels[position] = one.image.pixels
                is_there[position] = True
        validity = pa.py_buffer(np.packbits(is_there, bitorder="little").tobytes())
        width = int(np.prod(shape[1:]))
        return pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(width), len(loaded), [validity, pa.py_buffer(pixels)]
        )


def has_etags(rows: pa.Table) -> bool:
    """Whether rows of a manifest say which states of objects were indexed."""
    return ETAG in rows.column_names and rows.schema.field(ETAG).type == pa.string()


def pixels_of(table: pa.Table, preprocessing: Preprocessing) -> tuple[np.ndarray, np.ndarray]:
    """Take the pixels out of a batch without copying them where the batch is in one piece.

    Returns:
        Pixels, uint8, shape (num_ok, height_px, width_px, num_channels), and the positions of their rows in
        the table, shape (num_ok,).
    """
    column = table.column(PIXELS).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    flat = np.frombuffer(column.buffers()[1], np.uint8)
    size = preprocessing.image_bytes
    pixels = flat[column.offset * size : (column.offset + len(column)) * size]
    pixels = pixels.reshape(len(column), *_shape(preprocessing))
    positions = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    return (pixels if len(positions) == len(pixels) else pixels[positions]), positions


def _shape(preprocessing: Preprocessing) -> tuple[int, int, int]:
    return preprocessing.height_px, preprocessing.width_px, preprocessing.num_channels


class SpanDatasource(Datasource):
    """A list of pieces of a manifest, one read task each."""

    def __init__(self, manifest: Manifest, source: MediaSource, spans: list[Span]) -> None:
        """Args: manifest: the rows. source: how to read. spans: the pieces."""
        super().__init__()
        self._manifest = manifest
        self._source = source
        self._spans = spans

    def get_name(self) -> str:
        return "Spans"

    def estimate_inmemory_data_size(self) -> int | None:
        return sum(span.num_rows for span in self._spans) * self._source.preprocessing.image_bytes

    def get_read_tasks(
        self,
        parallelism: int,
        per_task_row_limit: int | None = None,
        data_context: DataContext | None = None,
    ) -> list[ReadTask]:
        return [self._task(span) for span in self._spans]

    def _task(self, span: Span) -> ReadTask:
        source = self._source
        start, stop = source.reach_of(span, self._manifest.num_media)
        window, offset = self._manifest.window(start, stop)

        def read() -> Iterable[pa.Table]:
            rows = patiently(lambda: window.read_rows(source.storage, start - offset, stop - offset))
            return source.read_span(span, rows, start)

        size = span.num_rows * source.preprocessing.image_bytes
        metadata = BlockMetadata(num_rows=span.num_rows, size_bytes=size, input_files=None, exec_stats=None)
        return ReadTask(read, metadata)


class MediaDatasource(Datasource):
    """Media in the order given, one read task a table."""

    def __init__(self, source: MediaSource, parts: list[pa.Table]) -> None:
        """Args: source: how to read. parts: tables with `uri` and `size_bytes`."""
        super().__init__()
        self._source = source
        self._parts = parts

    def get_name(self) -> str:
        return "Media"

    def estimate_inmemory_data_size(self) -> int | None:
        return sum(self._bytes_of(part) for part in self._parts)

    def get_read_tasks(
        self,
        parallelism: int,
        per_task_row_limit: int | None = None,
        data_context: DataContext | None = None,
    ) -> list[ReadTask]:
        return [self._task(part) for part in self._parts]

    def _bytes_of(self, part: pa.Table) -> int:
        return int(part.num_rows * self._source.preprocessing.image_bytes)

    def _task(self, part: pa.Table) -> ReadTask:
        source = self._source

        def read() -> Iterable[pa.Table]:
            return source.read_media(part)

        metadata = BlockMetadata(
            num_rows=part.num_rows, size_bytes=self._bytes_of(part), input_files=None, exec_stats=None
        )
        return ReadTask(read, metadata)
