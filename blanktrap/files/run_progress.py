"""How far a scoring run is, and how fast it went.

Owns: what run.json and the footers of some parts say, read while the run may still write. Refuses: reading
rows but for the reasons of failures, and reading more parts than a page may wait for: of very many an even
selection is read, and counts are extrapolated from it.

Chunks are written in any order and by several starts of a run; when each was finished stands in its own part.
"""

import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from blanktrap.core.errors import SourceError
from blanktrap.core.vocabulary import Status
from blanktrap.files.parquet import read_parquet
from blanktrap.files.scores import CHUNK_KEY, PART_NAME, ChunkStats, list_dataset, read_record
from blanktrap.files.storage import Storage

MOST_PARTS = 240
"""Footers read at the most."""
MOST_FAILED_PARTS = 12
"""Parts whose failures are read at the most."""

_NUM_INTERVALS = 40
_THREADS = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class RunProgress:
    """A run, finished or not."""

    location: str
    record: dict[str, Any]
    """The content of run.json."""
    is_complete: bool
    """`_SUCCESS` is there."""
    num_parts: int
    """Chunks finished."""
    num_chunks: int
    """Chunks of the finished dataset."""
    num_scored: int
    """Media in finished chunks, whatever happened to them."""
    counts: dict[str, int]
    """Finished media by status; extrapolated where not all parts were read and run.json has none."""
    is_sampled: bool
    """Not all footers were read: what follows is of an even selection."""
    speed: pa.Table
    """`time` (when the interval ended, UTC), `images_per_s`; one row an interval in which chunks ended."""
    reasons: pa.Table
    """`status`, `reason`, `num_media`, `example_media_id`: of some parts with failures, by frequency."""

    @property
    def num_media(self) -> int:
        """Media of the manifest."""
        return int(self.record["identity"]["num_media"])


def read_progress(storage: Storage, location: str) -> RunProgress:
    """Read how far a run is.

    Raises:
        ScoresError: there is no run, or its run.json is damaged.
        SourceError: it cannot be reached.
    """
    entries = list_dataset(storage, location)
    record = read_record(storage, location)
    parts = sorted(name for name in entries if PART_NAME.fullmatch(name))
    chosen = [parts[place] for place in _evenly(len(parts), MOST_PARTS)]
    with ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="footers") as pool:
        read = list(pool.map(lambda name: _stats_of(storage, entries[name].uri), chosen))
    stats = [(name, one) for name, one in zip(chosen, read, strict=True) if one is not None]
    identity = record["identity"]
    times = len(parts) / len(stats) if stats else 1.0
    num_scored = round(sum(one.num_media for _, one in stats) * times)
    is_complete = "_SUCCESS" in entries
    return RunProgress(
        location=location,
        record=record,
        is_complete=is_complete,
        num_parts=len(parts),
        num_chunks=-(-identity["num_media"] // identity["chunk_size"]),
        num_scored=identity["num_media"] if is_complete else min(num_scored, identity["num_media"]),
        counts=_counts(record, [one for _, one in stats], times),
        is_sampled=len(stats) < len(parts),
        speed=_speed([one for _, one in stats], times),
        reasons=_reasons(storage, [entries[name].uri for name, one in stats if _num_failed(one)]),
    )


def _counts(record: dict[str, Any], stats: Sequence[ChunkStats], times: float) -> dict[str, int]:
    if isinstance(record.get("counts"), dict):
        return {str(status): int(num) for status, num in record["counts"].items()}
    found: Counter[str] = Counter()
    for one in stats:
        found.update(one.counts)
    return {status.value: round(found[status.value] * times) for status in Status}


def _speed(stats: Sequence[ChunkStats], times: float) -> pa.Table:
    """Images a second over time: chunks by when they ended, in intervals of equal length."""
    schema = pa.schema([("time", pa.timestamp("ms")), ("images_per_s", pa.float64())])
    ends = np.array([one.finished for one in stats])
    span = float(np.ptp(ends)) if ends.size else 0.0
    if not span:
        return schema.empty_table()
    num = min(_NUM_INTERVALS, ends.size - 1)
    edges = np.linspace(ends.min(), ends.max(), num + 1)
    # What ended with the first chunk began before the first interval.
    places = np.searchsorted(edges, ends, side="left") - 1
    media = np.array([one.num_media for one in stats], np.float64)
    sums = np.bincount(places[places >= 0], media[places >= 0], num) * times
    return pa.table(
        [pa.array((edges[1:] * 1000).astype(np.int64)).cast(pa.timestamp("ms")), sums / (span / num)],
        schema=schema,
    )


def _reasons(storage: Storage, uris: Sequence[str]) -> pa.Table:
    schema = pa.schema(
        [
            ("status", pa.string()),
            ("reason", pa.string()),
            ("num_media", pa.int64()),
            ("example_media_id", pa.string()),
        ]
    )
    chosen = [uris[place] for place in _evenly(len(uris), MOST_FAILED_PARTS)]
    found: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    with ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="reasons") as pool:
        for rows in pool.map(lambda uri: _failures_of(storage, uri), chosen):
            for media_id, status, error in rows:
                key = status, _without_numbers(error)
                found[key] += 1
                examples.setdefault(key, media_id)
    rows_found = [
        {"status": status, "reason": reason, "num_media": num, "example_media_id": examples[status, reason]}
        for (status, reason), num in found.most_common()
    ]
    return pa.Table.from_pylist(rows_found, schema=schema)


def _failures_of(storage: Storage, uri: str) -> list[tuple[str, str, str]]:
    try:
        table = read_parquet(storage.read_bytes(uri), ["media_id", "status", "error"])
    except (SourceError, pa.ArrowException, OSError):
        # A part may be replaced while it is read; the next look has it.
        return []
    failed = table.filter(pc.not_equal(table.column("status"), Status.OK.value))
    return [(row["media_id"], row["status"], row["error"] or "") for row in failed.to_pylist()]


def _without_numbers(error: str) -> str:
    """A reason without what differs from image to image, so that equal ones can be counted."""
    return re.sub(r"\d[\d,.]*", "…", error)


def _stats_of(storage: Storage, uri: str) -> ChunkStats | None:
    """What a part's footer says of its chunk; None where it is damaged, as one just being replaced is."""
    try:
        metadata = pq.read_metadata(storage.open_random(uri)).metadata or {}
        return ChunkStats.parse(metadata[CHUNK_KEY])
    except (SourceError, pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        return None


def _num_failed(stats: ChunkStats) -> int:
    return stats.num_media - stats.counts.get(Status.OK.value, 0)


def _evenly(num: int, most: int) -> list[int]:
    """Places of at most so many of `num` things, evenly apart."""
    if num <= most:
        return list(range(num))
    return sorted({round(place) for place in np.linspace(0, num - 1, most)})
