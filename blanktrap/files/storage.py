"""One door to bytes, on local disk and on S3.

Owns: URIs, reading (one GET an object, no HEAD; `s3_reading`), writing whole or not at all, listing, and the
translation of what S3 and the operating system say into one-line errors. Refuses: knowing what the
bytes mean.

A location is a local path, a `file://` URI or `s3://bucket/key`. S3 keys stand in URIs as they are,
without percent-encoding. A local name that is not UTF-8 becomes a percent-encoded `file://` URI.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote_from_bytes, unquote_to_bytes

import boto3
import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from blanktrap.core.errors import SourceError, UsageError
from blanktrap.files.local import STAGING_PREFIX, raise_local, remove_left_behind, staging
from blanktrap.files.s3 import (
    READ_TIMEOUT_S,
    ObjectMissingError,
    S3File,
    UnsupportedLocationError,
    is_credential_problem,
    is_refusal,
    is_s3,
    one_line,
    raise_s3,
    s3_client,
    shown,
    split_s3,
)
from blanktrap.files.s3_reading import ObjectVersion, Wanted, get_object, refuse_larger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One listed file: its URI, its path relative to what was listed, its size in bytes."""

    uri: str
    relative: str
    size_bytes: int


def local_path(location: str) -> Path:
    """The local path behind a path or `file://` URI.

    Raises:
        UsageError: no name at all.
        UnsupportedLocationError: a URI of another scheme.
    """
    if not location:
        # Such as `--out "$OUT"` with nothing in OUT: names joined to it would stand in the root folder.
        raise UsageError("a path is empty: give a folder, or s3://bucket/prefix")
    if location.startswith("file://"):
        return Path(os.fsdecode(unquote_to_bytes(location.removeprefix("file://"))))
    if _SCHEME.match(location):
        raise UnsupportedLocationError(f"{shown(location)} is neither a local path nor s3://")
    return Path(location)


def local_uri(path: Path) -> str:
    """The URI of a local path: the absolute path, or a `file://` URI where the name is not UTF-8."""
    name = os.path.abspath(path)
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return "file://" + quote_from_bytes(os.fsencode(name))
    # A folder may itself be called "file:"; only the absolute form is ever returned, so no clash.
    return name


def join(location: str, *names: str) -> str:
    """Append names to a location. Raises UsageError where the location is empty."""
    if not location:
        raise UsageError("a path is empty: give a folder, or s3://bucket/prefix")
    return "/".join([location.rstrip("/"), *names])


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Reads and writes locations. Small, immutable and picklable; clients are made once a process.

    The standard AWS environment decides about credentials, region and endpoint.
    """

    no_sign_request: bool = False
    """Read public buckets without credentials; what they refuse, and all writing, is signed."""
    read_timeout_s: float = READ_TIMEOUT_S
    """Seconds without a byte from S3 after which a request is tried again."""

    def client(self) -> "S3Client":
        """The S3 client of this process that reads (thread-safe)."""
        return s3_client(self.no_sign_request, self.read_timeout_s)

    def _signing(self) -> "S3Client":
        return s3_client(False, self.read_timeout_s)

    def reading(self, ask: Callable[["S3Client"], _Answer]) -> _Answer:
        """Ask as a reader; where that is refused without a signature, with one if there are credentials."""
        try:
            return ask(self.client())
        except ClientError as refused:
            if not self.no_sign_request or not is_refusal(refused):
                raise
            try:
                return ask(self._signing())
            except (ClientError, BotoCoreError) as problem:
                if is_credential_problem(problem):
                    raise refused from problem
                raise

    def read_bytes(
        self, uri: str, *, max_bytes: int | None = None, version: ObjectVersion | None = None
    ) -> bytes:
        """Read a whole file with one GET.

        Args:
            uri: what to read.
            max_bytes: more are refused.
            version: the one that is wanted of an object on S3; None takes any.

        Raises:
            ObjectMissingError: there is no such object.
            ObjectDeniedError: it may not be read.
            ObjectTooLargeError: it has more than `max_bytes`; none was read.
            ObjectReplacedError: it is another version than the one that is wanted.
            StoreUnavailableError: the storage cannot be reached or is too busy, after retries.
            SourceError: anything else.
        """
        return self._read(uri, Wanted(max_bytes=max_bytes, version=version))

    def read_range(self, uri: str, start: int, num_bytes: int) -> bytes:
        """Read at most `num_bytes` from `start`; fewer at the end of the file. Errors as `read_bytes`."""
        return self._read(uri, Wanted(span=(start, num_bytes)))

    def _read(self, uri: str, wanted: Wanted) -> bytes:
        if is_s3(uri):
            return get_object(self.reading, uri, wanted)
        try:
            with local_path(uri).open("rb") as file:
                refuse_larger(uri, os.fstat(file.fileno()).st_size, wanted.max_bytes)
                if wanted.span is None:
                    return file.read()
                file.seek(wanted.span[0])
                return file.read(wanted.span[1])
        except (OSError, ValueError) as problem:
            raise_local(uri, problem)

    def write_bytes(self, uri: str, data: bytes) -> None:
        """Write a file whole or not at all: a rename on disk, one PUT on S3. Raises SourceError."""
        if is_s3(uri):
            bucket, key = split_s3(uri)
            try:
                self._signing().put_object(Bucket=bucket, Key=key, Body=data)
            except (ClientError, BotoCoreError) as problem:
                raise_s3(uri, problem)
            return
        with staging(uri, local_path(uri)) as staged:
            staged.write_bytes(data)

    def upload(self, path: Path, uri: str) -> None:
        """Copy a local file of any size to a location, whole or not at all. Raises SourceError."""
        if not path.is_file():
            raise ObjectMissingError(f"there is no {shown(str(path))}")
        if is_s3(uri):
            bucket, key = split_s3(uri)
            try:
                self._signing().upload_file(str(path), bucket, key)
            except (ClientError, BotoCoreError, boto3.exceptions.Boto3Error) as problem:
                raise_s3(uri, problem)
            return
        with staging(uri, local_path(uri)) as staged:
            shutil.copyfile(path, staged)

    def download(self, uri: str, path: Path) -> None:
        """Copy a file of any size to a local path. Errors as `read_bytes`."""
        if is_s3(uri):
            bucket, key = split_s3(uri)
            try:
                self.reading(lambda client: client.download_file(bucket, key, str(path)))
            except (ClientError, BotoCoreError, boto3.exceptions.Boto3Error) as problem:
                raise_s3(uri, problem)
            except OSError as problem:
                reason = problem.strerror or one_line(problem)
                raise SourceError(f"{shown(str(path))} cannot be written: {reason}") from problem
            return
        try:
            shutil.copyfile(local_path(uri), path)
        except (OSError, ValueError) as problem:
            raise_local(uri, problem)

    def open_random(self, uri: str) -> pa.NativeFile:
        """Open a file for random access, as Parquet wants it: by ranges. Errors as `read_bytes`."""
        if is_s3(uri):
            return pa.PythonFile(S3File(uri, self._size_s3(uri), self.read_range), mode="r")
        try:
            with local_path(uri).open("rb"):
                pass  # the system's own errors are clearer than Arrow's
            return pa.memory_map(os.fsencode(local_path(uri)))
        except (OSError, ValueError) as problem:
            raise_local(uri, problem)

    def _size_s3(self, uri: str) -> int:
        bucket, key = split_s3(uri)
        try:
            return self.reading(lambda client: client.head_object(Bucket=bucket, Key=key))["ContentLength"]
        except (ClientError, BotoCoreError) as problem:
            raise_s3(uri, problem)

    def exists(self, uri: str) -> bool:
        """Whether there is such a file. Raises SourceError where it cannot be told."""
        if is_s3(uri):
            try:
                return bool(split_s3(uri)[1]) and self._size_s3(uri) >= 0
            except ObjectMissingError:
                return False
        try:
            return local_path(uri).is_file()
        except OSError as problem:
            raise_local(uri, problem)

    def delete(self, uri: str) -> None:
        """Remove a file that may be absent. Raises SourceError."""
        if is_s3(uri):
            bucket, key = split_s3(uri)
            try:
                self._signing().delete_object(Bucket=bucket, Key=key)
            except (ClientError, BotoCoreError) as problem:
                raise_s3(uri, problem)
            return
        try:
            local_path(uri).unlink(missing_ok=True)
        except (OSError, ValueError) as problem:
            raise_local(uri, problem)

    def list_folder(self, location: str) -> list[FileEntry]:
        """The files directly in a folder, sorted by name; an absent folder is empty. Raises SourceError."""
        if is_s3(location):
            return sorted(self._list_s3(location), key=lambda entry: entry.relative)
        root = local_path(location)
        try:
            names = sorted(os.listdir(root))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as problem:
            raise_local(location, problem)
        paths = [root / name for name in names]
        return [
            FileEntry(uri=local_uri(path), relative=path.name, size_bytes=path.stat().st_size)
            for path in paths
            if path.is_file() and not path.name.startswith(STAGING_PREFIX)
        ]

    def _list_s3(self, location: str) -> Iterator[FileEntry]:
        bucket, key = split_s3(location)
        prefix = f"{key.rstrip('/')}/" if key.rstrip("/") else ""
        request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix, "Delimiter": "/"}
        try:
            pages = self.reading(
                lambda client: list(client.get_paginator("list_objects_v2").paginate(**request))
            )
        except (ClientError, BotoCoreError) as problem:
            raise_s3(location, problem)
        for item in (item for page in pages for item in page.get("Contents", [])):
            name = item["Key"].removeprefix(prefix)
            if name:
                uri = f"s3://{bucket}/{item['Key']}"
                yield FileEntry(uri=uri, relative=name, size_bytes=item["Size"])

    def remove_staged(self, location: str) -> None:
        """Remove what a killed writer left in a local folder over an hour ago; S3 leaves nothing."""
        if not is_s3(location):
            remove_left_behind(local_path(location))
