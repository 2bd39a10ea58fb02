"""Review queues on disk: the media that people are asked to look at.

Owns: the folder of a queue, writing it whole and reading it back. Refuses: choosing the media, and
reading answers; that is `answers`.

A queue is a folder: `queue.parquet`, `queue.csv` (the same rows for a spreadsheet, with empty columns for the
answer) and `queue.json`, written last.
"""

import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import blanktrap
from blanktrap.core.audits.review import ANSWER_COLUMNS, REVIEW_QUEUE
from blanktrap.core.errors import ReviewError
from blanktrap.core.vocabulary import QueueKind
from blanktrap.files.parquet import read_parquet
from blanktrap.files.s3 import ObjectMissingError
from blanktrap.files.storage import Storage, join

RECORD = "queue.json"
QUEUE_VERSION = 1

_TABLE, _SHEET = "queue.parquet", "queue.csv"
QUEUE_FILES = frozenset({RECORD, _TABLE, _SHEET})


@dataclass(frozen=True, kw_only=True, eq=False)
class ReviewQueue:
    """A queue as it was read."""

    location: str
    kind: QueueKind
    made_from: str
    """Location of the scores or report behind it."""
    details: dict[str, Any]
    """What the command that made it wrote down, such as the sizes of strata."""
    rows: pa.Table
    """With the columns of `REVIEW_QUEUE`, in the order in which to look."""


def check_queue_output(storage: Storage, location: str, *, overwrite: bool) -> None:
    """Refuse a folder that a queue must not be written to. Writes nothing.

    Raises:
        ReviewError: it is a file, holds something else, or holds a queue and `overwrite` is not set.
        SourceError: it cannot be listed.
    """
    if storage.exists(location.rstrip("/")):
        raise ReviewError(f"{location} is a file: give --out a folder; nothing was overwritten")
    names = {entry.relative for entry in storage.list_folder(location)}
    foreign = sorted(names - QUEUE_FILES)
    if foreign:
        raise ReviewError(
            f"{location} holds something else (it has {foreign[0]}): give --out a new or empty folder; "
            f"nothing was overwritten"
        )
    if names and not overwrite:
        raise ReviewError(
            f"{location} already holds a review queue: pass --overwrite or give --out another folder; "
            f"nothing was overwritten"
        )


def write_review_queue(
    storage: Storage,
    location: str,
    rows: pa.Table,
    *,
    kind: QueueKind,
    made_from: str,
    details: dict[str, Any],
    overwrite: bool = False,
) -> None:
    """Write a queue.

    Args:
        storage: the door to the bytes.
        location: the folder, local or S3.
        rows: the columns of `REVIEW_QUEUE` less `order`, in the order in which to look.
        kind: why people are asked.
        made_from: location of the scores or report behind it.
        details: what reading the answers will need, as JSON.
        overwrite: replace a queue that is there.

    Raises:
        ReviewError: as `check_queue_output`.
        SourceError: it cannot be written.
    """
    check_queue_output(storage, location, overwrite=overwrite)
    order = pa.array(range(rows.num_rows), pa.int32())
    columns = [order if field.name == "order" else rows.column(field.name) for field in REVIEW_QUEUE]
    table = pa.table(columns, names=REVIEW_QUEUE.names).cast(REVIEW_QUEUE)
    storage.delete(join(location, RECORD))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    storage.write_bytes(join(location, _TABLE), sink.getvalue().to_pybytes())
    storage.write_bytes(join(location, _SHEET), _sheet_of(table))
    record = {
        "queue_version": QUEUE_VERSION,
        "kind": kind.value,
        "made_from": made_from,
        "num_media": table.num_rows,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "blanktrap_version": blanktrap.__version__,
        "details": details,
    }
    storage.write_bytes(join(location, RECORD), json.dumps(record, indent=1, ensure_ascii=False).encode())


def read_review_queue(storage: Storage, location: str) -> ReviewQueue:
    """Read a queue.

    Raises:
        ReviewError: there is none, it is unfinished, damaged or of another version.
        SourceError: it cannot be read.
    """
    uri = join(location, RECORD)
    try:
        record = json.loads(storage.read_bytes(uri))
        if record["queue_version"] != QUEUE_VERSION:
            raise ReviewError(
                f"{uri} has version {record['queue_version']}, this blanktrap reads {QUEUE_VERSION}: "
                f"make the queue again"
            )
        rows = read_parquet(storage.read_bytes(join(location, _TABLE))).cast(REVIEW_QUEUE)
        if rows.num_rows != record["num_media"]:
            raise ReviewError(
                f"{location} is damaged: {_TABLE} has {rows.num_rows:,} rows, {RECORD} says "
                f"{record['num_media']:,}; make the queue again"
            )
        return ReviewQueue(
            location=location,
            kind=QueueKind(record["kind"]),
            made_from=str(record["made_from"]),
            details=dict(record["details"]),
            rows=rows,
        )
    except ObjectMissingError as problem:
        raise ReviewError(
            f"{location} is no review queue (it has no {RECORD} or no {_TABLE}): give the folder that "
            f"audit-labels, audit-discard or evaluate --sample-errors wrote"
        ) from problem
    except ReviewError:
        raise
    except (ValueError, KeyError, TypeError, pa.ArrowException) as problem:
        raise ReviewError(f"{location} is damaged ({problem!r}): make the queue again") from problem


def _sheet_of(table: pa.Table) -> bytes:
    """The rows as CSV, with a byte-order mark so that spreadsheets read names beyond ASCII as they are."""
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow([*table.column_names, *ANSWER_COLUMNS])
    for row in table.to_pylist():
        row["given_species"] = "|".join(row["given_species"] or ())
        writer.writerow(
            ["" if value is None else value for value in row.values()] + [""] * len(ANSWER_COLUMNS)
        )
    return b"\xef\xbb\xbf" + sink.getvalue().encode()
