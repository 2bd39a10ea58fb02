"""One door to bytes, on local disk and on S3.

Owns: URIs, reading (one GET an object, no HEAD), writing whole or not at all, listing, and the
translation of what S3 and the operating system say into one-line errors. Refuses: knowing what the
bytes mean.

A location is a local path, a `file://` URI or `s3://bucket/key`. S3 keys stand in URIs as they are,
without percent-encoding. A local name that is not UTF-8 becomes a percent-encoded `file://` URI.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
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
from urllib3.exceptions import ProtocolError

from blanktrap.files.s3 import (
    ABSENT_CODES,
    ObjectDeniedError,
    ObjectMissingError,
    S3File,
    error_code,
    is_s3,
    one_line,
    raise_s3,
    s3_client,
    split_s3,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_STAGING_PREFIX = ".blanktrap-"

# The server closed or stalled in mid-body: botocore's own retries end when the headers have arrived.
_BROKEN_BODY = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError, ProtocolError)


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One listed file: its URI, its path relative to what was listed, its size in bytes."""

    uri: str
    relative: str
    size_bytes: int


def local_path(location: str) -> Path:
    """The local path behind a path or `file://` URI."""
    if location.startswith("file://"):
        return Path(os.fsdecode(unquote_to_bytes(location.removeprefix("file://"))))
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
    """Append names to a location."""
    return "/".join([location.rstrip("/"), *names])


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Reads and writes locations. Small, immutable and picklable; clients are made once a process.

    The standard AWS environment decides about credentials, region and endpoint.
    """

    no_sign_request: bool = False
    """Read public buckets without credentials."""

    def client(self) -> "S3Client":
        """The S3 client of this process (thread-safe)."""
        return s3_client(self.no_sign_request)

    def read_bytes(self, uri: str) -> bytes:
        """Read a whole file with one GET.

        Raises:
            ObjectMissingError: there is no such object.
            ObjectDeniedError: it may not be read.
            SourceError: anything else, after retries with growing pauses.
        """
        return self._read(uri, None)

    def read_range(self, uri: str, start: int, num_bytes: int) -> bytes:
        """Read at most `num_bytes` from `start`; fewer at the end of the file. Errors as `read_bytes`."""
        return self._read(uri, (start, num_bytes))

    def _read(self, uri: str, span: tuple[int, int] | None) -> bytes:
        if is_s3(uri):
            return self._get(uri, span)
        try:
            with local_path(uri).open("rb") as file:
                if span is None:
                    return file.read()
                file.seek(span[0])
                return file.read(span[1])
        except (OSError, ValueError) as problem:
            _raise_local(uri, problem)

    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(_BROKEN_BODY),
        stop=tenacity.stop_after_attempt(6),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=20),
        reraise=True,
    )
    def _get_once_whole(self, bucket: str, key: str, span: tuple[int, int] | None) -> bytes:
        request: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if span is not None:
            request["Range"] = f"bytes={span[0]}-{span[0] + span[1] - 1}"
        return self.client().get_object(**request)["Body"].read()

    def _get(self, uri: str, span: tuple[int, int] | None) -> bytes:
        bucket, key = split_s3(uri)
        try:
            return self._get_once_whole(bucket, key, span)
        except ClientError as problem:
            if problem.response.get("Error", {}).get("Code") == "InvalidRange":
                return b""  # a range of an empty object
            raise_s3(uri, problem)
        except (BotoCoreError, ProtocolError) as problem:
            raise_s3(uri, problem)

    def write_bytes(self, uri: str, data: bytes) -> None:
        """Write a file whole or not at all: a rename on disk, one PUT on S3. Raises SourceError."""
        if is_s3(uri):
            bucket, key = split_s3(uri)
            try:
                self.client().put_object(Bucket=bucket, Key=key, Body=data)
            except (ClientError, BotoCoreError) as problem:
                raise_s3(uri, problem)
            return
        path = local_path(uri)
        staged = path.with_name(f"{_STAGING_PREFIX}{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(data)
            staged.replace(path)
        except OSError as problem:
            staged.unlink(missing_ok=True)
            _raise_local(uri, problem)

    def upload(self, path: Path, uri: str) -> None:
        """Copy a local file of any size to a location, whole or not at all. Raises SourceError."""
        if is_s3(uri):
            bucket, key = split_s3(uri)
            try:
                self.client().upload_file(str(path), bucket, key)
            except (ClientError, BotoCoreError, boto3.exceptions.Boto3Error) as problem:
                raise_s3(uri, problem)
            return
        target = local_path(uri)
        staged = target.with_name(f"{_STAGING_PREFIX}{uuid.uuid4().hex}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, staged)
            staged.replace(target)
        except OSError as problem:
            staged.unlink(missing_ok=True)
            _raise_local(uri, problem)

    def download(self, uri: str, path: Path) -> None:
        """Copy a file of any size to a local path. Errors as `read_bytes`."""
        if is_s3(uri):
            bucket, key = split_s3(uri)
            try:
                self.client().download_file(bucket, key, str(path))
            except (ClientError, BotoCoreError, boto3.exceptions.Boto3Error) as problem:
                raise_s3(uri, problem)
            return
        try:
            shutil.copyfile(local_path(uri), path)
        except OSError as problem:
            _raise_local(uri, problem)

    def open_random(self, uri: str) -> pa.NativeFile:
        """Open a file for random access, as Parquet wants it: by ranges. Errors as `read_bytes`."""
        if is_s3(uri):
            return pa.PythonFile(S3File(self.client(), uri, self.read_range), mode="r")
        try:
            return pa.memory_map(str(local_path(uri)))
        except OSError as problem:
            _raise_local(uri, problem)

    def exists(self, uri: str) -> bool:
        """Whether there is such a file. Raises SourceError where it cannot be told."""
        if is_s3(uri):
            bucket, key = split_s3(uri)
            try:
                self.client().head_object(Bucket=bucket, Key=key)
            except ClientError as problem:
                if error_code(problem) in ABSENT_CODES:
                    return False
                raise_s3(uri, problem)
            except BotoCoreError as problem:
                raise_s3(uri, problem)
            return True
        return local_path(uri).is_file()

    def delete(self, uri: str) -> None:
        """Remove a file that may be absent. Raises SourceError."""
        if is_s3(uri):
            bucket, key = split_s3(uri)
            try:
                self.client().delete_object(Bucket=bucket, Key=key)
            except (ClientError, BotoCoreError) as problem:
                raise_s3(uri, problem)
            return
        try:
            local_path(uri).unlink(missing_ok=True)
        except OSError as problem:
            _raise_local(uri, problem)

    def list_folder(self, location: str) -> list[FileEntry]:
        """The files directly in a folder, sorted by name; an absent folder is empty. Raises SourceError."""
        if is_s3(location):
            return sorted(self._list_s3(location), key=lambda entry: entry.relative)
        root = local_path(location)
        try:
            names = sorted(os.listdir(root))
        except FileNotFoundError:
            return []
        except OSError as problem:
            _raise_local(location, problem)
        paths = [root / name for name in names]
        return [
            FileEntry(uri=local_uri(path), relative=path.name, size_bytes=path.stat().st_size)
            for path in paths
            if path.is_file() and not path.name.startswith(_STAGING_PREFIX)
        ]

    def _list_s3(self, location: str) -> Iterator[FileEntry]:
        bucket, key = split_s3(location)
        prefix = f"{key.rstrip('/')}/" if key.rstrip("/") else ""
        pages = self.client().get_paginator("list_objects_v2")
        try:
            for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
                for item in page.get("Contents", []):
                    name = item["Key"].removeprefix(prefix)
                    if name:
                        uri = f"s3://{bucket}/{item['Key']}"
                        yield FileEntry(uri=uri, relative=name, size_bytes=item["Size"])
        except (ClientError, BotoCoreError) as problem:
            raise_s3(location, problem)

    def remove_staged(self, location: str) -> None:
        """Remove what a killed writer left behind in a local folder; S3 leaves nothing."""
        if not is_s3(location) and local_path(location).is_dir():
            for path in local_path(location).glob(f"{_STAGING_PREFIX}*"):
                path.unlink(missing_ok=True)


def _raise_local(uri: str, problem: Exception) -> NoReturn:
    """Say in one line what the operating system answered."""
    if isinstance(problem, FileNotFoundError | NotADirectoryError):
        raise ObjectMissingError(f"there is no {uri}") from problem
    if isinstance(problem, PermissionError):
        raise ObjectDeniedError(f"no permission for {uri}") from problem
    reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else one_line(problem)
    raise ObjectDeniedError(f"{uri}: {reason}") from problem
