"""Report directories: `report.json`, the tables and the pages beside it, local or on S3.

Owns: their names, writing them whole with `report.json` last, and reading them back. Refuses: writing
over anything that is no report, over a report without being told to, and reading other schema versions.
"""

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from blanktrap.core.errors import ReportError
from blanktrap.core.reporting.report import Report
from blanktrap.core.schemas import REPORT_VERSION
from blanktrap.files.parquet import read_parquet
from blanktrap.files.review_queues import QUEUE_FILES
from blanktrap.files.s3 import ObjectMissingError
from blanktrap.files.storage import Storage, join

REPORT_FILE = "report.json"
TABLES = (
    "curve",
    "roc",
    "histogram",
    "promises",
    "confusion",
    "locations",
    "species",
    "errors",
    "static_scenes",
    "error_tags",
    "comparisons",
)
PAGES = ("report.html", "report.md")
ERROR_SAMPLE = "error_sample"
"""Folder of the review queue that `--sample-errors` puts into a report."""

_OWN_FILES = frozenset(
    {
        REPORT_FILE,
        *PAGES,
        *(f"{name}.parquet" for name in TABLES),
        *(f"{ERROR_SAMPLE}/{name}" for name in QUEUE_FILES),
    }
)


def check_output(storage: Storage, location: str, *, overwrite: bool) -> None:
    """Refuse an output folder that must not be written to, before any work is done.

    Raises:
        ReportError: it is a file, holds something that is no report, or holds a report and `overwrite`
            is not set.
        SourceError: it cannot be listed.
    """
    if storage.exists(location.rstrip("/")):
        raise ReportError(f"{location} is a file: give --out a folder; nothing was overwritten")
    names = {entry.relative for entry in storage.list_folder(location)}
    foreign = sorted(names - _OWN_FILES)
    if names and REPORT_FILE not in names and (foreign or not overwrite):
        example = (foreign or sorted(names))[0]
        more = "give --out a new or empty folder" if foreign else "pass --overwrite to finish what was begun"
        raise ReportError(
            f"{location} is not empty (it has {example}) and is no report: {more}; nothing was overwritten"
        )
    if REPORT_FILE in names and not overwrite:
        raise ReportError(
            f"{location} already holds a report: pass --overwrite or give --out another folder; "
            f"nothing was overwritten"
        )


def write_report(
    storage: Storage,
    location: str,
    report: Report,
    tables: dict[str, pa.Table],
    pages: dict[str, str],
    *,
    overwrite: bool = False,
) -> None:
    """Write a report; `report.json` goes first where there is an old one and comes last when it is new.

    Args:
        storage: the door to the bytes.
        location: the report folder.
        report: the content of `report.json`.
        tables: one table for each name of `TABLES`.
        pages: one text for each name of `PAGES`.
        overwrite: replace an old report. Files beside it that are none of a report's stay.

    Raises:
        ReportError: as `check_output`.
        SourceError: it cannot be written.
    """
    if tables.keys() != set(TABLES) or pages.keys() != set(PAGES):
        got = ", ".join(sorted([*tables, *pages]))
        raise ReportError(f"a report has {', '.join([*TABLES, *PAGES])}; got {got}")
    check_output(storage, location, overwrite=overwrite)
    # Killed in between, the folder holds tables and no report.json: unfinished, and readers say so.
    storage.delete(join(location, REPORT_FILE))
    for name, table in tables.items():
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        storage.write_bytes(join(location, f"{name}.parquet"), sink.getvalue().to_pybytes())
    for name, page in pages.items():
        storage.write_bytes(join(location, name), page.encode())
    text = json.dumps(report.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
    storage.write_bytes(join(location, REPORT_FILE), text.encode())


def read_report(storage: Storage, location: str) -> Report:
    """Read `report.json`.

    Raises:
        ReportError: it is not there, damaged, or of another schema version.
        SourceError: it cannot be read.
    """
    uri = join(location, REPORT_FILE)
    try:
        record: Any = json.loads(storage.read_bytes(uri))
    except ObjectMissingError as problem:
        raise ReportError(
            f"{location} is no report: there is no {REPORT_FILE}; make one with "
            f"`blanktrap evaluate SCORES --out {location}`"
        ) from problem
    except ValueError as problem:
        raise ReportError(f"{uri} is damaged ({problem}): run `blanktrap evaluate` again") from problem
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version != REPORT_VERSION:
        raise ReportError(
            f"{uri} has schema version {version}, this blanktrap reads {REPORT_VERSION}: "
            f"run `blanktrap evaluate` again, or use the blanktrap that wrote it"
        )
    try:
        return Report.model_validate(record)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ReportError(
            f"{uri} is damaged ({name}: {first['msg']}): run `blanktrap evaluate` again"
        ) from problem


def read_report_table(storage: Storage, location: str, name: str) -> pa.Table:
    """Read one of the tables named in `TABLES`.

    Raises:
        ReportError: there is no such table, or it is damaged.
        SourceError: it cannot be read.
    """
    if name not in TABLES:
        raise ReportError(f"a report has no table {name}; it has {', '.join(TABLES)}")
    uri = join(location, f"{name}.parquet")
    try:
        return read_parquet(storage.read_bytes(uri))
    except ObjectMissingError as problem:
        raise ReportError(f"{uri} is missing: run `blanktrap evaluate` again") from problem
    except pa.ArrowInvalid as problem:
        raise ReportError(f"{uri} is damaged: run `blanktrap evaluate` again") from problem
