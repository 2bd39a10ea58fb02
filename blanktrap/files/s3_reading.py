"""Reading one object of S3 with one GET, whole or not at all.

Owns: bodies that break off on the way, and telling the object that was indexed from one that took its place.
Refuses: local files and the names of objects; that is `storage`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tenacity
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from urllib3.exceptions import HTTPError

from blanktrap.files.s3 import (
    ObjectReplacedError,
    ObjectTooLargeError,
    StoreUnavailableError,
    error_code,
    raise_s3,
    shown,
    split_s3,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# What a body that breaks off or stalls raises.
_BROKEN_BODY = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError, HTTPError)
_BODY_ATTEMPTS = 6


class _BrokenBodyError(Exception):
    """The headers came, and then not the whole body."""


@dataclass(frozen=True, kw_only=True)
class ObjectVersion:
    """The state of an object that a listing saw."""

    etag: str
    """Without quotes."""
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is wanted of an object."""

    span: tuple[int, int] | None = None
    """Start and number of bytes; None: all."""
    max_bytes: int | None = None
    """More are refused before they are read."""
    version: ObjectVersion | None = None
    """The only one that will do; None takes any."""


def plain_etag(text: str | None) -> str | None:
    """An ETag without the quotes that it travels in; None where there is none."""
    return (text or "").removeprefix("W/").strip('"') or None


def get_object(
    ask: Callable[[Callable[["S3Client"], Any]], Any],
    uri: str,
    wanted: Wanted,
) -> bytes:
    """Read an object, or a range of it; a range of an empty object is empty.

    Args:
        ask: puts a question to the client that reads; see `Storage.reading`.
        uri: the object.
        wanted: what of it.

    Raises:
        SourceError: what `Storage.read_bytes` says.
    """
    try:
        return _get_whole(ask, uri, wanted)
    except ClientError as problem:
        if error_code(problem) == "InvalidRange":
            return b""
        raise_s3(uri, problem)
    except _BrokenBodyError as problem:
        raise StoreUnavailableError(
            f"{shown(uri)} broke off on the way, {_BODY_ATTEMPTS} times in a row: "
            f"check the network and run the same command again"
        ) from problem
    except (BotoCoreError, HTTPError) as problem:
        raise_s3(uri, problem)


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(_BrokenBodyError),
    stop=tenacity.stop_after_attempt(_BODY_ATTEMPTS),
    wait=tenacity.wait_random_exponential(multiplier=0.2, max=20),
    reraise=True,
)
def _get_whole(ask: Callable[[Callable[["S3Client"], Any]], Any], uri: str, wanted: Wanted) -> bytes:
    bucket, key = split_s3(uri)
    request: dict[str, Any] = {"Bucket": bucket, "Key": key}
    if wanted.span is not None:
        start, num_bytes = wanted.span
        request["Range"] = f"bytes={start}-{start + num_bytes - 1}"
    answer = ask(lambda client: client.get_object(**request))
    body = answer["Body"]
    # Absent where a server or a proxy sends the body in pieces.
    length: int | None = answer.get("ContentLength")
    try:
        refuse_larger(uri, length or 0, wanted.max_bytes)
        is_known = _is_same(uri, answer, wanted.version)
    except (ObjectTooLargeError, ObjectReplacedError):
        body.close()
        raise
    most = None if length is not None or wanted.max_bytes is None else wanted.max_bytes + 1
    try:
        # The client's own retries end here, when the headers have arrived.
        data: bytes = body.read(most)
    except _BROKEN_BODY as problem:
        raise _BrokenBodyError from problem
    refuse_larger(uri, len(data), wanted.max_bytes)
    if is_known and wanted.version is not None and len(data) != wanted.version.size_bytes:
        # The right object by its ETag, and another length: a proxy cut it and took no notice.
        raise _BrokenBodyError
    return data


def refuse_larger(uri: str, size_bytes: int, max_bytes: int | None) -> None:
    """Raise ObjectTooLargeError where there are more bytes than are wanted at most."""
    if max_bytes is not None and size_bytes > max_bytes:
        raise ObjectTooLargeError(
            f"{shown(uri)} has {size_bytes:,} bytes, more than {max_bytes:,}", size_bytes
        )


def _is_same(uri: str, answer: Any, version: ObjectVersion | None) -> bool:
    """Whether the answer is of the wanted version; raises ObjectReplacedError where it is not."""
    etag = plain_etag(answer.get("ETag"))
    if version is None or etag is None:
        return False
    if etag != version.etag:
        raise ObjectReplacedError(
            f"{shown(uri)} was replaced since it was indexed (ETag {etag}, then {version.etag}): index again"
        )
    return True
