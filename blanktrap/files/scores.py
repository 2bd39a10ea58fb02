"""The scores dataset: chunks of rows that are written once, and the run that wrote them.

Owns: the names of chunks, `run.json`, `_SUCCESS`, and what is already done when a run starts again.
Refuses: scoring, reading rows (`scores_reader`), and any output that belongs to another run.

A dataset is a folder: `part-00000000.parquet` … (one file a chunk, rows in manifest order), `run.json`
(written first as "running", at the end as "complete") and `_SUCCESS`, written last. Every part carries
its counts and seconds in its Parquet metadata, so that totals are exact after any number of restarts.
"""

import json
import logging
import re
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import ScoresError, SourceError
from blanktrap.core.schemas import SCORES_VERSION, conform_scores
from blanktrap.core.vocabulary import Status
from blanktrap.files.patience import patiently
from blanktrap.files.s3 import ObjectMissingError, is_s3
from blanktrap.files.storage import FileEntry, Storage, join

PART_NAME = re.compile(r"part-(\d{8,})\.parquet")
CHUNK_KEY = b"blanktrap.chunk"

logger = logging.getLogger(__name__)


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
    embeddings: bool = False
    """Whether the network's features are kept; not in runs from before there was a choice."""

    @property
    def num_chunks(self) -> int:
        """Files of the finished dataset."""
        return -(-self.num_media // self.chunk_size)

    def span(self, chunk: int) -> tuple[int, int]:
        """Manifest rows [start, stop) of a chunk."""
        return chunk * self.chunk_size, min((chunk + 1) * self.chunk_size, self.num_media)


@dataclass(frozen=True, kw_only=True)
class BackgroundStats:
    """What the background of the place took, summed over some media."""

    num_without: int
    """Media with a score that had no background."""
    extra_reads: int
    """Neighbours fetched that are scored by another task: they are read there too."""
    extra_bytes: int
    extra_s: float
    """Seconds of fetching and decoding those neighbours."""
    compare_s: float
    """Seconds of comparing media with their neighbours."""


@dataclass(frozen=True, kw_only=True)
class ChunkStats:
    """What scoring one chunk took, summed over its media."""

    chunk: int
    num_media: int
    counts: dict[str, int]
    """Media by status."""
    number_formats: dict[str, int]
    """Media by the number format of inference; more than one says that machines differed."""
    bytes_read: int
    fetch_s: float
    decode_s: float
    device_s: float
    finished: float
    """Unix time at which the chunk was complete."""
    background: BackgroundStats | None = None
    """None where the model looks at single images."""

    @classmethod
    def parse(cls, text: bytes) -> "ChunkStats":
        """From the JSON in a part's footer. Raises ValueError, TypeError where it is none of this kind."""
        told = json.loads(text)
        background = told.get("background")
        return cls(**{**told, "background": background and BackgroundStats(**background)})


@dataclass(frozen=True, kw_only=True)
class OpenRun:
    """A run that may write: where, what, and which chunks an earlier start finished."""

    location: str
    identity: RunIdentity
    finished_chunks: frozenset[int]
    finished_stats: dict[int, ChunkStats]
    """Of the finished chunks; empty where the run is complete."""
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

    A part that is damaged, as after a power cut, is not among the finished ones: it is scored again.
    """
    names = list_dataset(storage, location)
    if "run.json" in names:
        record = read_record(storage, location)
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
    parts = {int(match[1]): entry for name, entry in names.items() if (match := PART_NAME.fullmatch(name))}
    stats = {} if is_complete else _read_finished(storage, parts)
    if not is_complete:
        storage.remove_staged(location)
        record = {**record, **description, "state": "running"}
        record["sessions"] = [*record["sessions"], {"started": time.time()}]
        _write_record(storage, location, record)
    return OpenRun(
        location=location,
        identity=identity,
        finished_chunks=frozenset(parts if is_complete else stats),
        finished_stats=stats,
        record=record,
        is_complete=is_complete,
    )


def write_chunk(storage: Storage, location: str, table: pa.Table, stats: ChunkStats) -> None:
    """Write one chunk whole or not at all. Writing it a second time writes the same rows."""
    table = conform_scores(table, where=f"chunk {stats.chunk}")
    metadata = {**(table.schema.metadata or {}), CHUNK_KEY: json.dumps(asdict(stats)).encode()}
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), sink, compression="zstd")
    uri, data = join(location, _part_name(stats.chunk)), sink.getvalue().to_pybytes()
    patiently(lambda: storage.write_bytes(uri, data))


def finish_run(storage: Storage, run: OpenRun, written: dict[int, ChunkStats]) -> dict[str, Any]:
    """Check that every media has its row, complete run.json, and write `_SUCCESS`.

    Args:
        storage: the door to the bytes.
        run: what `begin_run` returned.
        written: the stats of the chunks written since then.

    Returns:
        The content of run.json.

    Raises:
        ScoresError: a chunk is missing or has another number of rows; `_SUCCESS` is not written.
    """
    stats = {**run.finished_stats, **written}
    for chunk in range(run.identity.num_chunks):
        start, stop = run.identity.span(chunk)
        if chunk not in stats or stats[chunk].num_media != stop - start:
            found = f"{stats[chunk].num_media} rows" if chunk in stats else "no file"
            raise ScoresError(
                f"{run.location}: chunk {chunk} should have {stop - start} rows and has {found}; "
                f"remove {_part_name(chunk)} if it is there and run the same command again"
            )
    counts = Counter({status.value: 0 for status in Status})
    number_formats: Counter[str] = Counter()
    for one in stats.values():
        counts.update(one.counts)
        number_formats.update(one.number_formats)
    sessions = _close_sessions(run.record["sessions"], stats)
    wall_s = sum(session["wall_s"] for session in sessions)
    record = {
        **run.record,
        "state": "complete",
        "sessions": sessions,
        "counts": dict(counts),
        "number_formats": dict(number_formats),
        "num_media": run.identity.num_media,
        "num_chunks": run.identity.num_chunks,
        "wall_s": wall_s,
        "images_per_s": run.identity.num_media / wall_s if wall_s else None,
        "bytes_read": sum(one.bytes_read for one in stats.values()),
        "fetch_s": sum(one.fetch_s for one in stats.values()),
        "decode_s": sum(one.decode_s for one in stats.values()),
        "device_s": sum(one.device_s for one in stats.values()),
        **_background_record([one.background for one in stats.values()], run.identity.num_media),
    }
    if sum(counts.values()) != run.identity.num_media:
        raise ScoresError(
            f"{run.location}: counts by status sum to {sum(counts.values()):,}, "
            f"the manifest has {run.identity.num_media:,} media"
        )
    _write_record(storage, run.location, record)
    storage.write_bytes(join(run.location, "_SUCCESS"), b"")
    return record


def _background_record(found: Sequence[BackgroundStats | None], num_media: int) -> dict[str, Any]:
    """What run.json says of the background; nothing where the model looks at single images."""
    used = [asdict(one) for one in found if one is not None]
    if not used:
        return {}
    sums = {name: sum(one[name] for one in used) for name in used[0]}
    return {"background": {**sums, "extra_share": sums["extra_reads"] / num_media}}


def _part_name(chunk: int) -> str:
    return f"part-{chunk:08d}.parquet"


def list_dataset(storage: Storage, location: str) -> dict[str, FileEntry]:
    """The files of a dataset's folder by name. Raises ScoresError where it is no folder."""
    if not is_s3(location) and storage.exists(location):
        raise ScoresError(f"{location} is a file: give a folder")
    return {entry.relative: entry for entry in storage.list_folder(location)}


def _read_finished(storage: Storage, parts: dict[int, FileEntry]) -> dict[int, ChunkStats]:
    """The stats of the parts that are whole, from their footers; a damaged one is told and left out."""
    with ThreadPoolExecutor(max_workers=16, thread_name_prefix="stats") as pool:
        stats = dict(
            zip(parts, pool.map(lambda entry: _read_stats(storage, entry), parts.values()), strict=True)
        )
    for chunk, found in stats.items():
        if found is None:
            logger.warning("%s is damaged: its images are scored again", parts[chunk].uri)
    return {chunk: found for chunk, found in stats.items() if found is not None}


def _read_stats(storage: Storage, entry: FileEntry) -> ChunkStats | None:
    """What a part's footer says of its chunk; None where the part is damaged."""
    if entry.size_bytes == 0:
        return None
    try:
        footer = pq.read_metadata(storage.open_random(entry.uri))
    except SourceError:
        raise
    except (pa.ArrowException, OSError):
        return None
    metadata = footer.metadata or {}
    if CHUNK_KEY not in metadata:
        raise ScoresError(
            f"{entry.uri} was not written by this run: remove it and run the same command again"
        )
    stats = ChunkStats.parse(metadata[CHUNK_KEY])
    return stats if footer.num_rows == stats.num_media else None


def _close_sessions(sessions: list[dict[str, float]], stats: dict[int, ChunkStats]) -> list[dict[str, Any]]:
    """Give each start of the run its end: the last chunk finished before the next start."""
    starts = [session["started"] for session in sessions]
    closed: list[dict[str, Any]] = []
    for start, following in zip(starts, [*starts[1:], float("inf")], strict=True):
        ends = [one.finished for one in stats.values() if start <= one.finished < following]
        num_media = sum(one.num_media for one in stats.values() if start <= one.finished < following)
        closed.append({"started": start, "wall_s": max(ends, default=start) - start, "num_media": num_media})
    return closed


def read_record(storage: Storage, location: str) -> dict[str, Any]:
    """Read run.json; its identity has every field. Raises ScoresError."""
    uri = join(location, "run.json")
    try:
        record = json.loads(storage.read_bytes(uri))
    except (ValueError, ObjectMissingError) as problem:
        raise ScoresError(f"{uri} cannot be read: it is damaged or absent ({problem})") from problem
    if not isinstance(record, dict) or record.get("schema_version") != SCORES_VERSION:
        version = record.get("schema_version") if isinstance(record, dict) else None
        raise ScoresError(f"{uri} has schema version {version}, this blanktrap reads {SCORES_VERSION}")
    identity = record.get("identity")
    if isinstance(identity, dict):
        identity = record["identity"] = {"embeddings": RunIdentity.embeddings, **identity}
    kinds = {field.name: field.type for field in fields(RunIdentity)}
    if (
        not isinstance(identity, dict)
        or identity.keys() != kinds.keys()
        or any(type(identity[name]) is not kind for name, kind in kinds.items())
        or identity["chunk_size"] < 1
        or not isinstance(record.get("sessions"), list)
    ):
        raise ScoresError(f"{uri} is damaged: it does not say which run it belongs to; give another folder")
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
        "embeddings": "a run with or without --embeddings, unlike this one",
    }
    for name, wanted in vars(identity).items():
        found = record["identity"].get(name)
        if found != wanted:
            raise ScoresError(
                f"{location} belongs to {words[name]} ({name} {found}, now {wanted}): "
                f"give --out another folder; nothing was overwritten"
            )
