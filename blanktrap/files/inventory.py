"""S3 Inventory: the list of a bucket that S3 writes every day, instead of listing it now.

Owns: reading its manifest and its CSV and Parquet files. Refuses: ORC, and files that were changed.
"""

import csv
import gzip
import hashlib
import io
import json
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import SourceError, UsageError
from blanktrap.files.s3 import is_s3, one_line, split_s3
from blanktrap.files.s3_reading import plain_etag
from blanktrap.files.sources import FoundFile, LeftOut, Source
from blanktrap.files.storage import Storage, local_path

_PAGE = 10_000
_HASH_STEP_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """An opened inventory."""

    location: str
    bucket: str
    """The bucket that is listed."""
    file_format: str
    """`CSV` or `Parquet`."""
    columns: tuple[str, ...]
    """Names of the CSV's columns, without underscores and in lower case."""
    files: tuple[tuple[str, str], ...]
    """URI and MD5 of each data file."""


def open_inventory(storage: Storage, location: str) -> Inventory:
    """Read an inventory's `manifest.json`, local or on S3.

    Raises:
        SourceError: it is absent, damaged, or in a format that is not read.
    """
    try:
        record = json.loads(storage.read_bytes(location))
        bucket = record["sourceBucket"]
        file_format = record["fileFormat"]
        columns = tuple(_plain(name) for name in _schema_names(record["fileSchema"], file_format))
        destination = record["destinationBucket"].rpartition(":")[2]
        files = tuple(
            (_data_uri(location, destination, item["key"]), item.get("MD5checksum", ""))
            for item in record["files"]
        )
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise SourceError(f"{location} is no S3 Inventory manifest.json ({problem!r})") from problem
    if file_format not in ("CSV", "Parquet"):
        raise SourceError(
            f"{location} is an inventory in {file_format}: only CSV and Parquet are read; "
            f"choose one of them in the bucket's inventory configuration, or list without --inventory"
        )
    if "key" not in columns:
        raise SourceError(f"{location}: the inventory's fileSchema has no Key")
    return Inventory(location=location, bucket=bucket, file_format=file_format, columns=columns, files=files)


def walk_inventory(
    storage: Storage, inventory: Inventory, sources: list[Source], folder: Path, left_out: LeftOut
) -> Iterator[tuple[int, list[FoundFile]]]:
    """Yield the inventory's objects that belong to the sources, in pages, with the source's number.

    Args:
        storage: the door to the bytes.
        inventory: what `open_inventory` returned.
        sources: S3 folders of the listed bucket; an object belongs to the first that holds it.
        folder: a local folder for one data file at a time.
        left_out: counts old versions and delete markers.

    Raises:
        UsageError: a source is not in the listed bucket.
        SourceError: a data file is absent, was changed, or is damaged.
    """
    prefixes = [_prefix_in(source, inventory) for source in sources]
    pages: dict[int, list[FoundFile]] = {}
    for uri, md5 in inventory.files:
        path = _fetch(storage, uri, md5, folder)
        for row in _rows(inventory, path, uri):
            found = _found(row, inventory, prefixes, left_out)
            if found is None:
                continue
            page = pages.setdefault(found[0], [])
            page.append(found[1])
            if len(page) >= _PAGE:
                yield found[0], page
                pages[found[0]] = []
    yield from pages.items()


def _found(
    row: dict[str, Any], inventory: Inventory, prefixes: list[str], left_out: LeftOut
) -> tuple[int, FoundFile] | None:
    key = row["key"]
    number = next((number for number, prefix in enumerate(prefixes) if key.startswith(prefix)), None)
    if number is None:
        return None
    if key.endswith("/"):
        left_out.add("folder marker", key)
        return None
    if str(row.get("isdeletemarker")).lower() == "true":
        left_out.add("delete marker", key)
        return None
    if str(row.get("islatest", True)).lower() == "false":
        left_out.add("older version", key)
        return None
    size = row.get("size")
    return number, FoundFile(
        uri=f"s3://{inventory.bucket}/{key}",
        relative=key[len(prefixes[number]) :],
        size_bytes=int(size) if size not in (None, "") else None,
        etag=plain_etag(row.get("etag")),
    )


def _prefix_in(source: Source, inventory: Inventory) -> str:
    if not is_s3(source.location) or split_s3(source.location)[0] != inventory.bucket:
        raise UsageError(
            f"{source.location} is not in s3://{inventory.bucket}, which {inventory.location} lists"
        )
    key = split_s3(source.location)[1].rstrip("/")
    return f"{key}/" if key else ""


def _fetch(storage: Storage, uri: str, md5: str, folder: Path) -> Path:
    """A local copy of one data file, checked against the manifest."""
    path = folder / "inventory.download"
    storage.download(uri, path)
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_HASH_STEP_BYTES):
            digest.update(block)
    if md5 and digest.hexdigest() != md5.lower():
        raise SourceError(f"{uri} is damaged: its MD5 is not the one that the inventory's manifest lists")
    return path


def _rows(inventory: Inventory, path: Path, uri: str) -> Iterator[dict[str, Any]]:
    try:
        if inventory.file_format == "Parquet":
            file = pq.ParquetFile(path)
            wanted = [name for name in file.schema_arrow.names if _plain(name) in _USED]
            for batch in file.iter_batches(_PAGE, columns=wanted):
                for row in batch.to_pylist():
                    yield {_plain(name): value for name, value in row.items()}
            return
        with gzip.open(path, "rb") as packed:
            text = io.TextIOWrapper(packed, encoding="utf-8", newline="")
            for values in csv.reader(text, strict=True):
                row = dict(zip(inventory.columns, values, strict=True))
                yield {**row, "key": unquote_plus(row["key"])}
    except (OSError, EOFError, zlib.error, csv.Error, ValueError, pa.ArrowException) as problem:
        raise SourceError(f"{uri} is no {inventory.file_format} inventory ({one_line(problem)})") from problem


_USED = frozenset({"key", "size", "etag", "islatest", "isdeletemarker"})


def _plain(name: str) -> str:
    """CSV says `IsLatest`, Parquet `is_latest`."""
    return name.strip().replace("_", "").lower()


def _schema_names(schema: str, file_format: str) -> list[str]:
    if file_format == "CSV":
        return schema.split(",")
    return re.findall(r"(\w+)\s*(?:\(\w+\))?\s*;", schema)


def _data_uri(location: str, destination: str, key: str) -> str:
    """Where a data file is: beside a local copy of the manifest if it was copied too, else in its bucket."""
    if not is_s3(location):
        folder = local_path(location).parent
        name = os.path.basename(key)
        for candidate in (folder / key, folder / name, folder / "data" / name, folder.parent / "data" / name):
            if candidate.is_file():
                return str(candidate)
    return f"s3://{destination}/{key}"
