"""From scored batches, in any order, back to whole chunks on storage.

Owns: which batches of a chunk have come, writing a chunk once it is whole, and how far the run is.
Refuses: Ray; it takes any iterator of tables.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.schemas import EMBEDDING, EXPOSURE, HAS_BACKGROUND, SCORES_SCHEMA
from blanktrap.core.wording import duration
from blanktrap.engines.sources import ROW
from blanktrap.files.scores import BackgroundStats, ChunkStats, OpenRun, write_chunk
from blanktrap.files.storage import Storage

WRITES_AT_ONCE = 8
RATE_OVER_S = 60.0
"""The speed shown is that of the last minute: a cluster grows and shrinks."""


@dataclass(frozen=True, kw_only=True)
class ScoreProgress:
    """How far a run is. `num_done` includes what earlier starts of the run did, the rest does not."""

    num_done: int
    num_media: int
    num_failed: int
    images_per_s: float
    left_s: float | None
    """None until there is a speed to tell it from."""

    def text(self) -> str:
        """The progress line: counts with their denominator, speed, time left."""
        share = 100 * self.num_done / self.num_media
        failed = f", {self.num_failed:,} failed" if self.num_failed else ""
        speed = f", {self.images_per_s:.1f} images/s" if self.left_s is not None else ""
        left = f", {duration(self.left_s)} left" if self.left_s is not None else ""
        return f"scored {self.num_done:,}/{self.num_media:,} ({share:.1f} %){speed}{failed}{left}"


@dataclass
class _Pending:
    """The rows of one chunk that have come so far."""

    seen: np.ndarray
    tables: list[pa.Table] = field(default_factory=list)


@dataclass
class _Collector:
    """Gathers batches into chunks and writes each chunk as soon as it is whole."""

    run: OpenRun
    storage: Storage
    pool: ThreadPoolExecutor
    pending: dict[int, _Pending] = field(default_factory=dict)
    writing: dict[int, Future[None]] = field(default_factory=dict)
    written: dict[int, ChunkStats] = field(default_factory=dict)

    def add(self, batch: pa.Table) -> int:
        """Take a batch in, of one chunk or of several, and return how many of its rows are new."""
        chunks = batch.column(ROW).to_numpy() // self.run.identity.chunk_size
        own = np.unique(chunks).tolist()
        if len(own) == 1:
            return self._add_to(own[0], batch)
        return sum(self._add_to(chunk, batch.filter(pa.array(chunks == chunk))) for chunk in own)

    def _add_to(self, chunk: int, batch: pa.Table) -> int:
        if chunk in self.written:
            return 0
        start, stop = self.run.identity.span(chunk)
        pending = self.pending.setdefault(chunk, _Pending(np.zeros(stop - start, bool)))
        # A task that was retried may deliver rows again: the first ones stand.
        places = batch.column(ROW).to_numpy() - start
        is_new = ~pending.seen[places]
        pending.seen[places] = True
        pending.tables.append(batch if is_new.all() else batch.filter(pa.array(is_new)))
        if pending.seen.all():
            del self.pending[chunk]
            self._write(chunk, pa.concat_tables(pending.tables).sort_by(ROW))
        self.settle(block=len(self.writing) > WRITES_AT_ONCE)
        return int(is_new.sum())

    def _write(self, chunk: int, table: pa.Table) -> None:
        stats = _stats_of(chunk, table)
        extras = [EXPOSURE.name]
        extras += [HAS_BACKGROUND.name] if stats.background is not None else []
        extras += [EMBEDDING.name] if self.run.identity.embeddings else []
        rows = table.select([*SCORES_SCHEMA.names, *extras])
        self.writing[chunk] = self.pool.submit(write_chunk, self.storage, self.run.location, rows, stats)
        self.written[chunk] = stats

    def settle(self, *, block: bool) -> None:
        """Raise what a writer raised; with `block`, wait for all of them."""
        for chunk, future in list(self.writing.items()):
            if block or future.done():
                future.result()
                del self.writing[chunk]


class Pace:
    """Turns counts of rows into progress, and tells whoever listens."""

    def __init__(self, run: OpenRun, on_progress: Callable[[ScoreProgress], None] | None) -> None:
        spans = [run.identity.span(chunk) for chunk in run.finished_chunks]
        self._num_media = run.identity.num_media
        self._num_done = sum(stop - start for start, stop in spans)
        self._num_failed = 0
        self._on_progress = on_progress
        self._recent: deque[tuple[float, int]] = deque()
        self._tell()

    def add(self, num_rows: int, num_failed: int) -> None:
        """Count rows that have come."""
        self._num_done += num_rows
        self._num_failed += num_failed
        self._recent.append((time.monotonic(), self._num_done))
        while self._recent[-1][0] - self._recent[0][0] > RATE_OVER_S:
            self._recent.popleft()
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        images_per_s = self._rate()
        left = self._num_media - self._num_done
        self._on_progress(
            ScoreProgress(
                num_done=self._num_done,
                num_media=self._num_media,
                num_failed=self._num_failed,
                images_per_s=images_per_s,
                left_s=left / images_per_s if images_per_s else None,
            )
        )

    def _rate(self) -> float:
        """Images per second between the oldest and the newest of the recent batches."""
        if not self._recent:
            return 0.0
        (oldest_s, oldest), (newest_s, newest) = self._recent[0], self._recent[-1]
        return (newest - oldest) / (newest_s - oldest_s) if newest_s > oldest_s else 0.0


def collect_chunks(
    tables: Iterator[pa.Table], run: OpenRun, storage: Storage, pace: Pace
) -> dict[int, ChunkStats]:
    """Write every chunk whose rows have all come.

    Args:
        tables: scored batches with the columns of `MediaSource.read_span` less the
            pixels, and `p_nonblank`, `model_id`, `number_format`, `device_s`; `embedding` where the run
            keeps it; `has_background` and what it took where the model looks at it.
        run: the run that may write.
        storage: the door to the bytes.
        pace: is told of every batch.

    Returns:
        The stats of the chunks written, by chunk.
    """
    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="write") as pool:
        collector = _Collector(run=run, storage=storage, pool=pool)
        for batch in tables:
            pace.add(collector.add(batch), batch.column("p_nonblank").null_count)
        collector.settle(block=True)
    return collector.written


def _stats_of(chunk: int, table: pa.Table) -> ChunkStats:
    sums = {name: _sum(table, name) for name in ("fetch_s", "decode_s", "device_s")}
    return ChunkStats(
        chunk=chunk,
        num_media=table.num_rows,
        counts=dict(Counter(table.column("status").to_pylist())),
        number_formats=dict(Counter(table.column("number_format").to_pylist())),
        bytes_read=int(_sum(table, "bytes_read")),
        finished=time.time(),
        background=_background_stats(table) if "compare_s" in table.column_names else None,
        **sums,
    )


def _background_stats(table: pa.Table) -> BackgroundStats:
    has_background = table.column(HAS_BACKGROUND.name).drop_null()
    return BackgroundStats(
        num_without=len(has_background) - int(pc.sum(has_background, min_count=0).as_py()),
        extra_reads=int(_sum(table, "num_beside")),
        extra_bytes=int(_sum(table, "bytes_beside")),
        extra_s=_sum(table, "beside_s"),
        compare_s=_sum(table, "compare_s"),
    )


def _sum(table: pa.Table, name: str) -> float:
    return float(np.sum(table.column(name).to_numpy()))
