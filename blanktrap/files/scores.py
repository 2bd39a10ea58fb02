"""The scores dataset: chunks of rows that are written once, and the run that wrote them.

Owns: the names of chunks, `run.json`, `_SUCCESS`, what is already done when a run starts again, and the
reading of finished datasets. Refuses: scoring, and any output that belongs to another run.

A dataset is a folder: `part-00000000.parquet` … (one file a chunk, rows in manifest order), `run.json`
(written first as "running", at the end as "complete") and `_SUCCESS`, written last. Every part carries
its counts and seconds in its Parquet metadata, so that totals are exact after any number of restarts.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import ScoresError
from blanktrap.core.schemas import SCORES_VERSION, conform_scores
from blanktrap.core.vocabulary import Status
from blanktrap.core.wording import duration
from blanktrap.files.s3 import ObjectMissingError
from blanktrap.files.storage import Storage, join

_PART = re.compile(r"part-(\d{8,})\.parquet")
_CHUNK_KEY = b"blanktrap.chunk"


@dataclass(frozen=True, kw_only=True)
class RunIdentity:
    """What decides the content of a scores dataset. Two runs may share an output only if these agree."""

    manifest_digest: str
    num_media: int
    model_id: str
    chunk_size: int
    precision: str
    max_pixels: int
    max_bytes: int

    @property
    def num_chunks(self) -> int:
        """Files of the finished dataset."""
        return -(-self.num_media // self.chunk_size)

    def span(self, chunk: int) -> tuple[int, int]:
        """Manifest rows [start, stop) of a chunk."""
        return chunk * self.chunk_size, min((chunk + 1) * self.chunk_size, self.num_media)


@dataclass(frozen=True, kw_only=True)
class ChunkStats:
    """What scoring one chunk took, summed over its media."""

    chunk: int
    num_media: int
    counts: dict[str, int]
    bytes_read: int
    fetch_s: float
    decode_s: float
    device_s: float
    finished: float
    """Unix time at which the chunk was complete."""


@dataclass(frozen=True, kw_only=True)
class OpenRun:
    """A run that may write: where, what, and which chunks an earlier start finished."""

    location: str
    identity: RunIdentity
    finished_chunks: frozenset[int]
    record: dict[str, Any]
    """The content of run.json so far."""
    is_complete: bool
    """`_SUCCESS` is there: nothing is left to do."""


def begin_run(storage: Storage, location: str, identity: RunIdentity, description: dict[str, Any]) -> OpenRun:
    """Claim an output folder, or go on with what an earlier start of the same run left there.

    Args:
        storage: the door to the bytes.
        location: the output folder, local or S3.
        identity: what the run is of.
        description: what else run.json says: configuration, manifest, model, versions.

    Raises:
        ScoresError: the folder belongs to another manifest, model or cut, or holds something else.
            Nothing is overwritten.
    """
    names = {entry.relative for entry in storage.list_folder(location)}
    if "run.json" in names:
        record = _read_record(storage, location)
        _refuse_other_run(location, record, identity)
    elif names:
        example = sorted(names)[0]
        raise ScoresError(
            f"{location} is not empty (it has {example}) and is no scores dataset: "
            f"give --out a new or empty folder; nothing was overwritten"
        )
    else:
        record = {"schema_version": SCORES_VERSION, "identity": vars(identity), "sessions": []}
    is_complete = "_SUCCESS" in names
    if not is_complete:
        storage.remove_staged(location)
        record = {**record, **description, "state": "running"}
        record["sessions"] = [*record["sessions"], {"started": time.time()}]
        _write_record(storage, location, record)
    finished = frozenset(int(match[1]) for name in names if (match := _PART.fullmatch(name)))
    return OpenRun(
        location=location,
        identity=identity,
        finished_chunks=finished,
        record=record,
        is_complete=is_complete,
    )


def write_chunk(storage: Storage, location: str, table: pa.Table, stats: ChunkStats) -> None:
    """Write one chunk whole or not at all. Writing it a second time writes the same rows."""
    table = conform_scores(table, where=f"chunk {stats.chunk}")
    metadata = {**(table.schema.metadata or {}), _CHUNK_KEY: json.dumps(vars(stats)).encode()}
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), sink, compression="zstd")
    storage.write_bytes(join(location, _part_name(stats.chunk)), sink.getvalue().to_pybytes())


def finish_run(storage: Storage, run: OpenRun, written: dict[int, ChunkStats]) -> dict[str, Any]:
    """Check that every media has its row, complete run.json, and write `_SUCCESS`.

    Args:
        storage: the door to the bytes.
        run: what `begin_run` returned.
        written: the stats of the chunks written since then; the others are read from their files.

    Returns:
        The content of run.json.

    Raises:
        ScoresError: a chunk is missing or has another number of rows; `_SUCCESS` is not written.
    """
    stats = {**_read_stats(storage, run, skip=written.keys()), **written}
    for chunk in range(run.identity.num_chunks):
        start, stop = run.identity.span(chunk)
        if chunk not in stats or stats[chunk].num_media != stop - start:
            found = f"{stats[chunk].num_media} rows" if chunk in stats else "no file"
            raise ScoresError(
                f"{run.location}: chunk {chunk} should have {stop - start} rows and has {found}; "
                f"remove {_part_name(chunk)} if it is there and run the same command again"
            )
    counts = Counter({status.value: 0 for status in Status})
    for one in stats.values():
        counts.update(one.counts)
    sessions = _close_sessions(run.record["sessions"], stats)
    wall_s = sum(session["wall_s"] for session in sessions)
    record = {
        **run.record,
        "state": "complete",
        "sessions": sessions,
        "counts": dict(counts),
        "num_media": run.identity.num_media,
        "num_chunks": run.identity.num_chunks,
        "wall_s": wall_s,
        "images_per_s": run.identity.num_media / wall_s if wall_s else None,
        "bytes_read": sum(one.bytes_read for one in stats.values()),
        "fetch_s": sum(one.fetch_s for one in stats.values()),
        "decode_s": sum(one.decode_s for one in stats.values()),
        "device_s": sum(one.device_s for one in stats.values()),
    }
    if sum(counts.values()) != run.identity.num_media:
        raise ScoresError(
            f"{run.location}: counts by status sum to {sum(counts.values()):,}, "
            f"the manifest has {run.identity.num_media:,} media"
        )
    _write_record(storage, run.location, record)
    storage.write_bytes(join(run.location, "_SUCCESS"), b"")
    return record


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A scores dataset that can be read."""

    location: str
    run: dict[str, Any]
    """The content of run.json."""
    parts: tuple[str, ...]
    """URIs of the parts, in manifest order."""
    is_complete: bool
    """`_SUCCESS` is there."""

    @property
    def num_media(self) -> int:
        """Media of the manifest; an incomplete dataset has fewer rows."""
        return int(self.run["identity"]["num_media"])

    def iter_tables(self, storage: Storage, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """Yield the rows in manifest order, a few parts ahead; all columns, or those named."""
        with ThreadPoolExecutor(max_workers=8, thread_name_prefix="scores") as pool:
            window: list[str] = []
            for uri in [*self.parts, None]:
                if uri is not None:
                    window.append(uri)
                if window and (uri is None or len(window) == 32):
                    yield from pool.map(lambda part: _read_part(storage, part, columns), window)
                    window = []


def open_scores(storage: Storage, location: str, *, allow_incomplete: bool = False) -> Scores:
    """Open a scores dataset.

    Raises:
        ScoresError: it is not there, not a scores dataset, of another schema version, or incomplete
            (no `_SUCCESS`) without `allow_incomplete`.
    """
    entries = {entry.relative: entry.uri for entry in storage.list_folder(location)}
    if "run.json" not in entries:
        found = "nothing is there" if not entries else f"it has {sorted(entries)[0]}, but no run.json"
        raise ScoresError(f"{location} is no scores dataset: {found}")
    record = _read_record(storage, location)
    parts = tuple(uri for name, uri in sorted(entries.items()) if _PART.fullmatch(name))
    is_complete = "_SUCCESS" in entries
    if not is_complete and not allow_incomplete:
        identity = RunIdentity(**record["identity"])
        raise ScoresError(
            f"{location} is incomplete ({len(parts):,} of {identity.num_chunks:,} parts): "
            f"run the same `blanktrap score` again, or pass --allow-incomplete"
        )
    return Scores(location=location, run=record, parts=parts, is_complete=is_complete)


def describe_run(location: str, run: dict[str, Any]) -> list[str]:
    """Word a finished run: counts with their denominator, speed, where it went."""
    total = run["num_media"]
    failed = {status: count for status, count in run["counts"].items() if status != "ok" and count}
    told = ", ".join(f"{count:,} {status}" for status, count in failed.items()) or "no failures"
    speed = f", {run['images_per_s']:.1f} images/s" if run["images_per_s"] else ""
    return [
        f"scored {run['counts']['ok']:,} of {total:,} media, {told}",
        f"took {duration(run['wall_s'])}{speed}, {run['bytes_read'] / 1e9:.2f} GB read",
        f"model {run['model_id']}",
        f"scores in {location}",
    ]


def _part_name(chunk: int) -> str:
    return f"part-{chunk:08d}.parquet"


def _read_part(storage: Storage, uri: str, columns: list[str] | None) -> pa.Table:
    try:
        table = pq.ParquetFile(pa.BufferReader(storage.read_bytes(uri))).read(columns=columns)
    except (pa.ArrowInvalid, OSError) as problem:
        raise ScoresError(f"{uri} cannot be read as Parquet: {str(problem).splitlines()[0]}") from problem
    return table if columns is not None else conform_scores(table, where=uri)


def _read_stats(storage: Storage, run: OpenRun, skip: Any) -> dict[int, ChunkStats]:
    def read(chunk: int) -> ChunkStats:
        uri = join(run.location, _part_name(chunk))
        try:
            metadata = pq.read_metadata(storage.open_random(uri)).metadata or {}
        except (pa.ArrowInvalid, OSError) as problem:
            raise ScoresError(f"{uri} is damaged: remove it and run the same command again") from problem
        if _CHUNK_KEY not in metadata:
            raise ScoresError(f"{uri} was not written by this run: remove it and run the same command again")
        return ChunkStats(**json.loads(metadata[_CHUNK_KEY]))

    with ThreadPoolExecutor(max_workers=16, thread_name_prefix="stats") as pool:
        chunks = [chunk for chunk in run.finished_chunks if chunk not in skip]
        return dict(zip(chunks, pool.map(read, chunks), strict=True))


def _close_sessions(sessions: list[dict[str, float]], stats: dict[int, ChunkStats]) -> list[dict[str, Any]]:
    """Give each start of the run its end: the last chunk finished before the next start."""
    starts = [session["started"] for session in sessions]
    closed: list[dict[str, Any]] = []
    for start, following in zip(starts, [*starts[1:], float("inf")], strict=True):
        ends = [one.finished for one in stats.values() if start <= one.finished < following]
        num_media = sum(one.num_media for one in stats.values() if start <= one.finished < following)
        closed.append({"started": start, "wall_s": max(ends, default=start) - start, "num_media": num_media})
    return closed


def _read_record(storage: Storage, location: str) -> dict[str, Any]:
    uri = join(location, "run.json")
    try:
        record = json.loads(storage.read_bytes(uri))
    except (ValueError, ObjectMissingError) as problem:
        raise ScoresError(f"{uri} cannot be read: it is damaged or absent ({problem})") from problem
    if not isinstance(record, dict) or record.get("schema_version") != SCORES_VERSION:
        version = record.get("schema_version") if isinstance(record, dict) else None
        raise ScoresError(f"{uri} has schema version {version}, this blanktrap reads {SCORES_VERSION}")
    return record


def _write_record(storage: Storage, location: str, record: dict[str, Any]) -> None:
    stamped = {**record, "updated": datetime.now(UTC).isoformat(timespec="seconds")}
    storage.write_bytes(join(location, "run.json"), json.dumps(stamped, indent=1).encode())


def _refuse_other_run(location: str, record: dict[str, Any], identity: RunIdentity) -> None:
    words = {
        "manifest_digest": "another manifest",
        "num_media": "another manifest",
        "model_id": "another model",
        "chunk_size": "another --chunk-size",
        "precision": "another --precision",
        "max_pixels": "another --max-pixels",
        "max_bytes": "another --max-bytes",
    }
    for name, wanted in vars(identity).items():
        found = record["identity"].get(name)
        if found != wanted:
            raise ScoresError(
                f"{location} belongs to {words[name]} ({name} {found}, now {wanted}): "
                f"give --out another folder; nothing was overwritten"
            )
