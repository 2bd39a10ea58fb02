"""From scored batches, in any order, back to whole chunks on storage.

Owns: which batches of a chunk have come, writing a chunk once it is whole, and how far the run is.
Refuses: Ray; it takes any iterator of tables.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from blanktrap.core.durations import duration
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.engines.chunks import CHUNK, ROW
from blanktrap.files.scores import ChunkStats, OpenRun, write_chunk
from blanktrap.files.storage import Storage


@dataclass(frozen=True, kw_only=True)
class ScoreProgress:
    """How far a run is. `num_done` includes what earlier starts of the run did, the rest does not."""

    num_done: int
    num_media: int
    num_failed: int
    images_per_s: float
    left_s: float

    def text(self) -> str:
        """The progress line: counts with their denominator, speed, time left."""
        share = 100 * self.num_done / self.num_media
        failed = f", {self.num_failed:,} failed" if self.num_failed else ""
        return (
            f"scored {self.num_done:,}/{self.num_media:,} ({share:.1f} %), "
            f"{self.images_per_s:.1f} images/s{failed}, {duration(self.left_s)} left"
        )


@dataclass
class _Collector:
    """Gathers batches into chunks and writes each chunk as soon as it is whole."""

    run: OpenRun
    storage: Storage
    pool: ThreadPoolExecutor
    pending: dict[int, dict[int, pa.Table]] = field(default_factory=dict)
    writing: dict[int, Future[None]] = field(default_factory=dict)
    written: dict[int, ChunkStats] = field(default_factory=dict)

    def add(self, batch: pa.Table) -> None:
        chunk = batch.column(CHUNK)[0].as_py()
        if chunk in self.written:
            return
        parts = self.pending.setdefault(chunk, {})
        # Keyed by position, so that a batch which a retried task delivers again replaces itself.
        parts[batch.column(ROW)[0].as_py()] = batch
        start, stop = self.run.identity.span(chunk)
        if sum(part.num_rows for part in parts.values()) == stop - start:
            del self.pending[chunk]
            table = pa.concat_tables([parts[row] for row in sorted(parts)])
            stats = _stats_of(chunk, table)
            rows = table.select(SCORES_SCHEMA.names)
            location = self.run.location
            self.writing[chunk] = self.pool.submit(write_chunk, self.storage, location, rows, stats)
            self.written[chunk] = stats
        self.settle(block=len(self.writing) > 8)

    def settle(self, *, block: bool) -> None:
        """Raise what a writer raised; with `block`, wait for all of them."""
        for chunk, future in list(self.writing.items()):
            if block or future.done():
                future.result()
                del self.writing[chunk]


def collect_chunks(
    tables: Iterator[pa.Table],
    run: OpenRun,
    storage: Storage,
    on_progress: Callable[[ScoreProgress], None] | None,
) -> dict[int, ChunkStats]:
    """Write every chunk whose rows have all come.

    Args:
        tables: scored batches, each of one chunk, with the columns of `ChunkSource.read_chunk` less the
            pixels, and `p_nonblank`, `model_id`, `device_s`.
        run: the run that may write.
        storage: the door to the bytes.
        on_progress: called after every batch.

    Returns:
        The stats of the chunks written, by chunk.
    """
    spans = [run.identity.span(chunk) for chunk in run.finished_chunks]
    num_before = sum(stop - start for start, stop in spans)
    num_done, num_failed, started = 0, 0, time.monotonic()
    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="write") as pool:
        collector = _Collector(run=run, storage=storage, pool=pool)
        for batch in tables:
            collector.add(batch)
            num_done += batch.num_rows
            num_failed += batch.column("p_nonblank").null_count
            if on_progress:
                images_per_s = num_done / max(time.monotonic() - started, 1e-9)
                left = run.identity.num_media - num_before - num_done
                on_progress(
                    ScoreProgress(
                        num_done=num_before + num_done,
                        num_media=run.identity.num_media,
                        num_failed=num_failed,
                        images_per_s=images_per_s,
                        left_s=left / images_per_s,
                    )
                )
        collector.settle(block=True)
    return collector.written


def _stats_of(chunk: int, table: pa.Table) -> ChunkStats:
    sums = {
        name: float(np.sum(table.column(name).to_numpy())) for name in ("fetch_s", "decode_s", "device_s")
    }
    return ChunkStats(
        chunk=chunk,
        num_media=table.num_rows,
        counts=dict(Counter(table.column("status").to_pylist())),
        bytes_read=int(np.sum(table.column("bytes_read").to_numpy())),
        finished=time.time(),
        **sums,
    )
