"""Lists of URIs as a SOURCE: text, CSV or Parquet.

Owns: reading them, and the path that each file's media_id is made of. Refuses: looking at the files.

Relative paths are relative to the list's own folder and are, as written, what ids are made of. Where a
list has anything else, ids are relative to the deepest folder that holds all of its files: a list that
grows beyond that folder changes its ids, so lists that grow are better written with relative paths.
"""

import csv
import io
import os
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import SourceError, UsageError
from blanktrap.files.s3 import ObjectMissingError, is_s3, one_line
from blanktrap.files.storage import Storage, local_path, local_uri

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
LIST_SUFFIXES = (".txt", ".csv", ".parquet")


def read_uri_list(storage: Storage, location: str) -> list[tuple[str, str]]:
    """Read a list: each file's URI and the path that its media_id is made of, in the list's order.

    Raises:
        UsageError: the list has no usable column, is not text, or names storage that is not read.
        SourceError: the list cannot be read.
    """
    folder = location.rpartition("/")[0]
    if not is_s3(location):
        folder = os.path.dirname(os.path.abspath(local_path(location)))
    uris: list[str] = []
    all_relative = True
    for entry in _read_entries(storage, location):
        if entry.strip():
            is_relative = SCHEME.match(entry) is None and not entry.startswith("/")
            all_relative = all_relative and is_relative and ".." not in entry.split("/")
            uris.append(_resolve(entry, folder, location))
    own_folder = folder if is_s3(location) else local_uri(Path(folder))
    base = own_folder if all_relative else _common_folder(uris)
    skip = len(base.rstrip("/")) + 1 if base else 0
    return [(uri, _below(uri, skip)) for uri in uris]


def _below(uri: str, skip: int) -> str:
    return uri[skip:] if skip else uri.removeprefix("s3://").removeprefix("file://").lstrip("/")


def _resolve(entry: str, folder: str, where: str) -> str:
    """The URI that a line of a list stands for."""
    scheme = SCHEME.match(entry)
    if scheme and scheme[1] not in ("s3", "file"):
        raise UsageError(f"{where} lists {entry}: {scheme[1]}:// is not read, only s3:// and local paths")
    if is_s3(entry):
        return entry
    if scheme is None and is_s3(folder):
        if entry.startswith("/"):
            raise UsageError(
                f"{where} is on S3 and lists the local path {entry}: use s3:// or relative paths"
            )
        return f"{folder}/{entry.removeprefix('./')}"
    return local_uri(Path(os.path.normpath(os.path.join(folder, local_path(entry)))))


def _common_folder(uris: list[str]) -> str:
    """The deepest folder that holds all of them; empty where there is none."""
    # The least and the greatest of sorted strings share what all of them share.
    least, greatest = min(uris), max(uris)
    differs = (at for at, (one, other) in enumerate(zip(least, greatest, strict=False)) if one != other)
    shared = least[: next(differs, len(least))]
    folder = shared.rpartition("/")[0]
    return "" if folder in ("", "s3:", "s3:/", "file:", "file:/", "file://") else folder


def _read_entries(storage: Storage, location: str) -> list[str]:
    if location.lower().endswith(".parquet"):
        try:
            with storage.open_random(location) as file:
                names = pq.read_schema(file).names
                column = _list_column(names, location)
                return [str(entry) for entry in pq.read_table(file, columns=[column]).column(0).to_pylist()]
        except pa.ArrowException as problem:
            raise UsageError(
                f"{location} is no Parquet file that can be read ({one_line(problem)})"
            ) from problem
    try:
        text = storage.read_bytes(location).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise UsageError(
            f"{location} is not UTF-8 text (byte {problem.start}): save the list as UTF-8"
        ) from problem
    except ObjectMissingError as problem:
        raise SourceError(f"there is no {location}") from problem
    if not location.lower().endswith(".csv"):
        return [line.rstrip("\r") for line in text.split("\n")]
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    if not rows:
        return []
    header = [name.strip() for name in rows[0]]
    if len(header) == 1 and header[0].lower() not in ("uri", "path"):
        return [row[0] for row in rows]
    index = header.index(_list_column(header, location))
    return [row[index] for row in rows[1:] if len(row) > index]


def _list_column(names: list[str], location: str) -> str:
    """The column of URIs: `uri`, else `path`, else the only one."""
    by_lower = {name.lower(): name for name in reversed(names)}
    for wanted in ("uri", "path"):
        if wanted in by_lower:
            return by_lower[wanted]
    if len(names) == 1:
        return names[0]
    raise UsageError(f"{location} needs a column named uri or path; it has {', '.join(names)}")
