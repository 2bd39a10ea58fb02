"""Lists of URIs as a SOURCE: text, CSV or Parquet.

Owns: reading them, and the path that each file's media_id is made of. Refuses: looking at the files.

Relative paths are relative to the list's own folder and are, as written, what ids are made of. Where a
list has anything else, ids are relative to the deepest folder that holds all of its files: a list that
grows beyond that folder changes its ids, so lists that grow are better written with relative paths.
"""

import csv
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import SourceError, UsageError
from blanktrap.files.s3 import is_s3, one_line
from blanktrap.files.storage import Storage, local_path, local_uri

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
LIST_SUFFIXES = (".txt", ".csv", ".parquet")
_BATCH = 4096


def walk_uri_list(storage: Storage, location: str) -> Iterator[tuple[str, str]]:
    """Yield each file's URI and the path that its media_id is made of, in the list's order.

    The list is read twice, first for the folder that holds all of its files: it may be longer than memory.

    Raises:
        UsageError: the list has no usable column, is not text, or names storage that is not read.
        SourceError: the list cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="blanktrap-list-") as name:
        if is_s3(location):
            folder = own_folder = location.rpartition("/")[0]
            path = Path(name) / "list"
            storage.download(location, path)
        else:
            path = Path(os.path.abspath(local_path(location)))
            folder, own_folder = str(path.parent), local_uri(path.parent)
        base = _base_of(path, location, folder, own_folder)
        skip = len(base.rstrip("/")) + 1 if base else 0
        for entry in _read_entries(path, location):
            uri = _resolve(entry, folder, location)
            yield uri, _below(uri, skip)


def _base_of(path: Path, location: str, folder: str, own_folder: str) -> str:
    """The folder that ids are relative to: the list's own, else the deepest that holds all of its files."""
    all_relative = True
    least = greatest = None
    for entry in _read_entries(path, location):
        is_relative = SCHEME.match(entry) is None and not entry.startswith("/")
        all_relative = all_relative and is_relative and ".." not in entry.split("/")
        uri = _resolve(entry, folder, location)
        least = uri if least is None else min(least, uri)
        greatest = uri if greatest is None else max(greatest, uri)
    if all_relative or least is None or greatest is None:
        return own_folder
    return _common_folder(least, greatest)


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


def _common_folder(least: str, greatest: str) -> str:
    """The deepest folder that holds all URIs from the least to the greatest; empty where there is none."""
    # The least and the greatest of sorted strings share what all of them share.
    differs = (at for at, (one, other) in enumerate(zip(least, greatest, strict=False)) if one != other)
    shared = least[: next(differs, len(least))]
    folder = shared.rpartition("/")[0]
    return "" if folder in ("", "s3:", "s3:/", "file:", "file:/", "file://") else folder


def _read_entries(path: Path, location: str) -> Iterator[str]:
    """Entries of a list on local disk, without the empty ones. `location` names it in messages."""
    suffix = location.lower().rpartition(".")[2]
    read = {"parquet": _parquet_entries, "csv": _csv_entries}.get(suffix, _text_entries)
    try:
        for entry in read(path, location):
            if entry.strip():
                yield entry
    except pa.ArrowException as problem:
        raise UsageError(f"{location} is no Parquet file that can be read ({one_line(problem)})") from problem
    except UnicodeDecodeError as problem:
        raise UsageError(f"{location} is not UTF-8 text: save the list as UTF-8") from problem
    except csv.Error as problem:
        raise UsageError(f"{location} is no CSV that can be read ({one_line(problem)})") from problem
    except OSError as problem:
        raise SourceError(f"{location}: {problem.strerror or one_line(problem)}") from problem


def _parquet_entries(path: Path, location: str) -> Iterator[str]:
    with path.open("rb") as source:
        file = pq.ParquetFile(source)
        column = _list_column(file.schema_arrow.names, location)
        for batch in file.iter_batches(_BATCH, columns=[column]):
            yield from (str(entry) for entry in batch.column(0).to_pylist() if entry is not None)


def _text_entries(path: Path, location: str) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="\n") as lines:
        yield from (line.rstrip("\n").rstrip("\r") for line in lines)


def _csv_entries(path: Path, location: str) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = (row for row in csv.reader(lines) if row)
        first = next(rows, None)
        if first is None:
            return
        header = [name.strip() for name in first]
        index = 0
        if len(header) == 1 and header[0].lower() not in ("uri", "path"):
            yield first[0]
        else:
            index = header.index(_list_column(header, location))
        yield from (row[index] for row in rows if len(row) > index)


def _list_column(names: list[str], location: str) -> str:
    """The column of URIs: `uri`, else `path`, else the only one."""
    by_lower = {name.lower(): name for name in reversed(names)}
    for wanted in ("uri", "path"):
        if wanted in by_lower:
            return by_lower[wanted]
    if len(names) == 1:
        return names[0]
    raise UsageError(f"{location} needs a column named uri or path; it has {', '.join(names)}")
