"""One door to bytes, on local disk and on S3.

Owns: URIs, reading (one GET an object, no HEAD), writing whole or not at all, listing, and the
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
import tenacity
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from urllib3.exceptions import HTTPError

from blanktrap.core.errors import SourceError, UsageError
from blanktrap.files.local import STAGING_PREFIX, raise_local, remove_left_behind, staging
from blanktrap.files.s3 import (
    ObjectMissingError,
    ObjectTooLargeError,
    S3File,
    UnsupportedLocationError,
    error_code,
    is_credential_problem,
    is_refusal,
    is_s3,
    one_line,
    raise_s3,
    s3_client,
    shown,
    split_s3,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# What a body that breaks off or stalls raises.
_BROKEN_BODY = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError, HTTPError)
_BODY_ATTEMPTS = 6

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

_Answer = TypeVar("_Answer")


class _BrokenBodyError(Exception):
    """The headers came, and then not the whole body."""


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

    def client(self) -> "S3Client":
        """The S3 client of this process that reads (thread-safe)."""
        return s3_client(self.no_sign_request)

    def reading(self, ask: Callable[["S3Client"], _Answer]) -> _Answer:
        """Ask as a reader; where that is refused without a signature, with one if there are credentials."""
        try:
            return ask(self.client())
        except ClientError as refused:
            if not self.no_sign_request or not is_refusal(refused):
                raise
            try:
                return ask(s3_client(False))
            except (ClientError, BotoCoreError) as problem:
                if is_credential_problem(problem):
                    raise refused from problem
                raise

    def read_bytes(self, uri: str, *, max_bytes: int | None = None) -> bytes:
        """Read a whole file with one GET.

        Raises:
            ObjectMissingError: there is no such object.
            ObjectDeniedError: it may not be read.
            ObjectTooLargeError: it has more than `max_bytes`; none was read.
            SourceError: anything else, after retries with growing pauses.
        """
        return self._read(uri, None, max_bytes)

    def read_range(self, uri: str, start: int, num_bytes: int) -> bytes:
        """Read at most `num_bytes` from `start`; fewer at the end of the file. Errors as `read_bytes`."""
        return self._read(uri, (start, num_bytes))

    def _read(self, uri: str, span: tuple[int, int] | None, max_bytes: int | None = None) -> bytes:
        if is_s3(uri):
            return self._get(uri, span, max_bytes)
        try:
            with local_path(uri).open("rb") as file:
                _refuse_larger(uri, os.fstat(file.fileno()).st_size, max_bytes)
                if span is None:
                    return file.read()
                file.seek(span[0])
                return file.read(span[1])
        except (OSError, ValueError) as problem:
            raise_local(uri, problem)

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(_BrokenBodyError),
        stop=tenacity.stop_after_attempt(_BODY_ATTEMPTS),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=20),
        reraise=True,
    )
    def _get_once_whole(self, uri: str, span: tuple[int, int] | None, max_bytes: int | None) -> bytes:
        bucket, key = split_s3(uri)
        request: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if span is not None:
            request["Range"] = f"bytes={span[0]}-{span[0] + span[1] - 1}"
        answer = self.reading(lambda client: client.get_object(**request))
        body = answer["Body"]
        try:
            _refuse_larger(uri, answer["ContentLength"], max_bytes)
        except ObjectTooLargeError:
            body.close()
            raise
        try:
            # The client's own retries end here, when the headers have arrived.
            return body.read()
        except _BROKEN_BODY as problem:
            raise _BrokenBodyError from problem

    def _get(self, uri: str, span: tuple[int, int] | None, max_bytes: int | None) -> bytes:
        try:
            return self._get_once_whole(uri, span, max_bytes)
        except ClientError as problem:
            if error_code(problem) == "InvalidRange":
                return b""  # a range of an empty object
            raise_s3(uri, problem)
        except _BrokenBodyError as problem:
            raise SourceError(
                f"{shown(uri)} broke off on the way, {_BODY_ATTEMPTS} times in a row: "
                f"check the network and run the same command again"
            ) from problem
        except (BotoCoreError, HTTPError) as problem:
            raise_s3(uri, problem)

    def write_bytes(self, uri: str, data: bytes) -> None:
        """Write a file whole or not at all: a rename on disk, one PUT on S3. Raises SourceError."""
        if is_s3(uri):
            bucket, key = split_s3(uri)
            try:
                s3_client(False).put_object(Bucket=bucket, Key=key, Body=data)
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
                s3_client(False).upload_file(str(path), bucket, key)
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
                s3_client(False).delete_object(Bucket=bucket, Key=key)
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


def _refuse_larger(uri: str, size_bytes: int, max_bytes: int | None) -> None:
    if max_bytes is not None and size_bytes > max_bytes:
        raise ObjectTooLargeError(
            f"{shown(uri)} has {size_bytes:,} bytes, more than {max_bytes:,}", size_bytes
        )
