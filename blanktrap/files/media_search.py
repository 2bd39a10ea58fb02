"""Looking for media in a scores dataset of any size, without loading it.

Owns: which parts are read and in which order, the best rows found so far, and the frames around one of them.
Refuses: what fits; that is `core.media_filters`.

A search is one pass that is done in slices of time, so that a page can show what there is and go on. Parts
that cannot hold what is wanted are told by the least and greatest values in their footers, which are
remembered; of the others only the columns that decide are read, unless a row fits. What is kept is bounded.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import ScoresError, SourceError
from blanktrap.core.media_filters import Bounds, MediaFilter, Order, key_column, sort_keys
from blanktrap.core.schemas import HAS_BACKGROUND, SCORES_SCHEMA
from blanktrap.files.scores_reader import Scores
from blanktrap.files.storage import Storage

MOST_ROWS = 2_000
"""Media that one search keeps: a person looks at some dozens."""

PLACE = ("part", "row")
"""Where a row stands in its dataset: columns of what is found."""

_BOUNDED = ("media_id", "location_id", "timestamp", "p_nonblank", "is_night", "label")
_FIELDS = {one.name: one.with_nullable(True) for one in [*SCORES_SCHEMA, HAS_BACKGROUND]}
_SHOWN = [name for name in _FIELDS if name not in ("size_bytes", "split")]
_MOST_FRAMES = 60
_WINDOW = 16


class ScoredArchive:
    """A scores dataset and what was learned of its parts; one for all searches of a process."""

    def __init__(self, storage: Storage, scores: Scores) -> None:
        self.scores = scores
        self._storage = storage
        self._bounds: dict[int, Bounds] = {}
        self._num_rows: dict[int, int] = {}

    @property
    def num_parts(self) -> int:
        """Files of the dataset."""
        return len(self.scores.parts)

    def bounds_of(self, part: int) -> tuple[Bounds, int]:
        """Least and greatest values in a part, and its rows; remembered. Raises ScoresError, SourceError."""
        if part not in self._bounds:
            with self._open(part) as file:
                self._learn(part, file)
        return self._bounds[part], self._num_rows[part]

    def look(self, part: int, wanted: MediaFilter) -> tuple[pa.Table | None, int]:
        """The rows of a part that fit, with `PLACE`, or None; and how many rows it has."""
        if part in self._bounds and not wanted.may_be_in(self._bounds[part]):
            return None, self._num_rows[part]
        with self._open(part) as file:
            bounds = self._learn(part, file)
            if not wanted.may_be_in(bounds):
                return None, self._num_rows[part]
            names = wanted.columns()
            where = self.scores.parts[part]
            fits = wanted.fits(_read(file, names, where)) if names else np.ones(self._num_rows[part], bool)
            hits = np.flatnonzero(fits)
            if not hits.size:
                return None, self._num_rows[part]
            return self._rows(part, file, hits), self._num_rows[part]

    def frames_around(self, part: int, row: int) -> pa.Table:
        """The frames of the sequence that a row belongs to, in order, at most 60; the row alone without one.

        They are looked for in the row's part and those beside it: a dataset is sorted by place and time.

        Raises:
            ScoresError, SourceError: a part cannot be read.
        """
        own = self._rows_of(part, np.array([row]))
        sequence, location = (own.column(name)[0].as_py() for name in ("sequence_id", "location_id"))
        if sequence is None:
            return own
        found = []
        for one in range(max(part - 1, 0), min(part + 2, self.num_parts)):
            with self._open(one) as file:
                keys = _read(file, ["sequence_id", "location_id"], self.scores.parts[one])
                sequences, locations = (column.to_pylist() for column in keys.columns)
                hits = [
                    at
                    for at, key in enumerate(zip(sequences, locations, strict=True))
                    if key == (sequence, location)
                ]
                if hits:
                    found.append(self._rows(one, file, np.asarray(hits)))
        frames = pa.concat_tables(found)
        if frames.column("frame_num").null_count == 0:
            frames = frames.sort_by([("frame_num", "ascending"), ("timestamp", "ascending")])
        return frames.slice(0, _MOST_FRAMES)

    def _rows_of(self, part: int, rows: np.ndarray) -> pa.Table:
        with self._open(part) as file:
            return self._rows(part, file, rows)

    def _rows(self, part: int, file: pq.ParquetFile, hits: np.ndarray) -> pa.Table:
        rows = _read(file, _SHOWN, self.scores.parts[part]).take(pa.array(hits))
        rows = rows.append_column(PLACE[0], pa.array(np.full(hits.size, part, np.int32)))
        return rows.append_column(PLACE[1], pa.array(hits.astype(np.int32)))

    def _open(self, part: int) -> pq.ParquetFile:
        uri = self.scores.parts[part]
        try:
            return pq.ParquetFile(self._storage.open_random(uri))
        except pa.ArrowException as problem:
            raise ScoresError(f"{uri} cannot be read as Parquet: {str(problem).splitlines()[0]}") from problem

    def _learn(self, part: int, file: pq.ParquetFile) -> Bounds:
        if part not in self._bounds:
            self._num_rows[part] = file.metadata.num_rows
            self._bounds[part] = _bounds_of(file)
        return self._bounds[part]


@dataclass(kw_only=True, eq=False)
class MediaSearch:
    """A pass over an archive for one filter and order, and the best rows so far. Thread-safe."""

    archive: ScoredArchive
    wanted: MediaFilter
    order: Order
    num_looked_at: int = 0
    """Media of the parts that were dealt with."""
    num_found: int = 0
    """Media among them that fit; more than are kept, perhaps."""
    is_done: bool = False
    """All parts were dealt with, or as many as the order needs."""
    damaged: list[str] = field(default_factory=list)
    """Why parts were left out that cannot be read as scores."""
    stopped_early: bool = False
    """Enough were found in the order of the archive: there may be more."""
    _kept: list[pa.Table] = field(default_factory=list)
    _parts: Iterator[int] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def advance(self, seconds: float) -> None:
        """Look on for about so long; does nothing when all is done.

        Raises:
            SourceError: the storage fails; asked again, the search goes on where it stopped.
        """
        deadline = time.monotonic() + seconds
        with self._lock:
            if self._parts is None:
                self._parts = iter(self._visits())
            while not self.is_done:
                self._look_at_some()
                if time.monotonic() >= deadline:
                    return

    def rows(self) -> pa.Table:
        """The best rows so far, in order, with `PLACE`; at most `MOST_ROWS`."""
        with self._lock:
            return self._best().slice(0, MOST_ROWS)

    def _look_at_some(self) -> None:
        assert self._parts is not None
        window = list(islice(self._parts, _WINDOW))
        try:
            with ThreadPoolExecutor(max_workers=_WINDOW // 2, thread_name_prefix="search") as pool:
                looks = list(pool.map(self._look, window))
        except SourceError:
            self._parts = chain(window, self._parts)
            raise
        for found, num_rows in looks:
            self.num_looked_at += num_rows
            if found is not None:
                self.num_found += found.num_rows
                self._kept.append(found)
        if sum(table.num_rows for table in self._kept) > 4 * MOST_ROWS:
            self._kept = [self._best().slice(0, MOST_ROWS)]
        if self._in_order and self.num_found >= MOST_ROWS:
            self.is_done = self.stopped_early = True
        if len(window) < _WINDOW:
            self.is_done = True

    def _look(self, part: int) -> tuple[pa.Table | None, int]:
        try:
            return self.archive.look(part, self.wanted)
        except ScoresError as problem:
            self.damaged.append(str(problem))
            return None, 0

    @property
    def _in_order(self) -> bool:
        return self.order is Order.PLACE_TIME and self.wanted.location_id is None

    def _best(self) -> pa.Table:
        empty = pa.schema(
            [
                *(_FIELDS[name] for name in _SHOWN),
                *(pa.field(name, pa.int32()) for name in PLACE),
            ]
        ).empty_table()
        rows = pa.concat_tables([empty, *self._kept])
        places = [rows.column(name).to_numpy() for name in reversed(PLACE)]
        if key_column(self.order) is not None:
            # nan sorts last.
            places.append(sort_keys(rows, self.order, cutoff=self.wanted.cutoff))
        return rows.take(pa.array(np.lexsort(places)))

    def _visits(self) -> Iterator[int]:
        """All parts, those that should hold the wanted location first: the rest is looked at to be sure."""
        num_parts = self.archive.num_parts
        if self.wanted.location_id is None:
            yield from range(num_parts)
            return
        first = self._first_of(self.wanted.location_id)
        last = first
        while last < num_parts and self._is_within(last, self.wanted.location_id):
            yield last
            last += 1
        yield from (part for part in range(num_parts) if not first <= part < last)

    def _first_of(self, location_id: str) -> int:
        """The first part that reaches a location, where the dataset is sorted as it should be."""
        low, high = 0, self.archive.num_parts
        while low < high:
            middle = (low + high) // 2
            bounds = self.archive.bounds_of(middle)[0].get("location_id")
            if bounds is not None and bounds[1] < location_id:
                low = middle + 1
            else:
                high = middle
        return low

    def _is_within(self, part: int, location_id: str) -> bool:
        bounds = self.archive.bounds_of(part)[0].get("location_id")
        return bounds is not None and bounds[0] <= location_id <= bounds[1]


def _bounds_of(file: pq.ParquetFile) -> Bounds:
    """Of the columns that filters ask about, over all row groups; a column without statistics is left out."""
    found: dict[str, tuple[Any, Any] | None] = {}
    metadata = file.metadata
    columns = {metadata.schema.column(at).path: at for at in range(metadata.num_columns)}
    for name in _BOUNDED:
        if name not in columns:
            found[name] = None  # null throughout
            continue
        groups = [metadata.row_group(at).column(columns[name]) for at in range(metadata.num_row_groups)]
        statistics = [group.statistics for group in groups]
        spans: list[tuple[Any, Any]] = []
        for group, one in zip(groups, statistics, strict=True):
            if one is not None and one.has_min_max:
                spans.append((one.min, one.max))
            elif one is None or not one.has_null_count or one.null_count < group.num_values:
                break
        else:
            found[name] = (min(low for low, _ in spans), max(high for _, high in spans)) if spans else None
    return found


def _read(file: pq.ParquetFile, names: list[str], where: str) -> pa.Table:
    """Columns in the contract's types; one that the part lacks is null throughout."""
    there = [name for name in names if name in file.schema_arrow.names]
    try:
        table = file.read(columns=there, use_threads=False)
    except (pa.ArrowException, OSError) as problem:
        raise ScoresError(f"{where} cannot be read as Parquet: {str(problem).splitlines()[0]}") from problem
    num_rows = file.metadata.num_rows
    fields = [_FIELDS[name] for name in names]
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in there
        else pa.chunked_array([pa.nulls(num_rows, field.type)])
        for field in fields
    ]
    return pa.table(columns, schema=pa.schema(fields))
