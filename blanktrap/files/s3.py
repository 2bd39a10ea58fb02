"""The S3 client, and what S3's answers mean.

Owns: one client a process, its retries and time-outs, the splitting of `s3://` URIs, and the
translation of S3's error codes into one line that says what to do. Refuses: reading and writing whole
files; that is `storage`.
"""

import io
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
from botocore import UNSIGNED
from botocore.config import Config as ClientConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)

from blanktrap.core.errors import SourceError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_CONNECTIONS = 64
READ_TIMEOUT_S = 30.0
"""Without a byte for so long, a request is tried again."""

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_BAD_KEYS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthorizationHeaderMalformed",
    "AuthFailure",
}
_DENIED = {"AccessDenied", "403", "Forbidden", "AllAccessDisabled", "AccountProblem"}
_ABSENT = {"NoSuchKey", "404", "NotFound"}
_TOO_BUSY = {"RequestLimitExceeded", "RequestThrottled", "RequestTimeout", "SlowDown", "TooManyRequests"}
# Refusals that would meet every object alike: the clock, the region, the account, the pace.
_OF_THE_WHOLE_STORE = _TOO_BUSY | {
    "IllegalLocationConstraintException",
    "LimitExceededException",
    "NotSignedUp",
    "RequestTimeTooSkewed",
}
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, ProfileNotFound, TokenRetrievalError)


class ObjectMissingError(SourceError):
    """There is no such file or object."""


class ObjectDeniedError(SourceError):
    """The file or object is there, or may be, and cannot be read: no permission, archived, a bad disk."""


class UnsupportedLocationError(ObjectDeniedError):
    """The location is of a kind that is not read here, such as `https://`."""


class ObjectReplacedError(SourceError):
    """The object is another one than was asked for; nothing was read."""


class StoreUnavailableError(SourceError):
    """The storage is too busy, failing, or out of reach for now, and was after retries: that may pass."""


class ObjectTooLargeError(SourceError):
    """The file or object has more bytes than were asked for at most; nothing was read.

    Attributes:
        size_bytes: how many it has.
    """

    def __init__(self, message: str, size_bytes: int) -> None:
        super().__init__(message)
        self.size_bytes = size_bytes

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        return type(self), (str(self), self.size_bytes)


def is_s3(location: str) -> bool:
    """Whether the location is on S3."""
    return location.startswith("s3://")


def split_s3(uri: str) -> tuple[str, str]:
    """Split `s3://bucket/key` into bucket and key; the key may be empty and holds any character."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket:
        raise ObjectDeniedError(f"{uri!r} names no bucket: expected s3://bucket/prefix")
    return bucket, key


# By signing, time-out and AWS environment: another endpoint or other credentials get a client of their own.
_clients: dict[tuple[bool, float, frozenset[tuple[str, str]]], "S3Client"] = {}
_clients_lock = threading.Lock()


def s3_client(no_sign_request: bool, read_timeout_s: float = READ_TIMEOUT_S) -> "S3Client":
    environment = frozenset((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))
    key = (no_sign_request, read_timeout_s, environment)
    with _clients_lock:
        if key not in _clients:
            # Own figures only where the environment says nothing; checksums only where S3 demands them,
            # since other S3 servers do not know the newer ones.
            retries: Any = (
                None
                if os.environ.get("AWS_MAX_ATTEMPTS")
                else {
                    "mode": "standard",
                    "total_max_attempts": 8,
                }
            )
            config = ClientConfig(
                signature_version=UNSIGNED if no_sign_request else None,
                max_pool_connections=MAX_CONNECTIONS,
                connect_timeout=10,
                read_timeout=read_timeout_s,
                retries=retries,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
            # Another region than the bucket's is followed by redirect; some region must be named.
            region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            try:
                session = boto3.session.Session()
                _clients[key] = session.client(
                    "s3", config=config, region_name=region or session.region_name or "us-east-1"
                )
            except (BotoCoreError, ValueError) as problem:
                raise SourceError(
                    f"S3 cannot be used: {one_line(problem)}; check the AWS_ settings"
                ) from problem
        return _clients[key]


def error_code(problem: Exception) -> str:
    if isinstance(problem, ClientError):
        return str(problem.response.get("Error", {}).get("Code", ""))
    return type(problem).__name__


def is_refusal(problem: ClientError) -> bool:
    """Whether S3 said that this caller may not."""
    return problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 403


def is_credential_problem(problem: Exception) -> bool:
    """Whether there are no credentials, or none that AWS takes."""
    return isinstance(problem, _NO_CREDENTIALS) or error_code(problem) in _EXPIRED | _BAD_KEYS


def _may_pass(problem: Exception) -> bool:
    """Whether S3 said that it is too busy, or failed itself."""
    if not isinstance(problem, ClientError):
        return False
    code, status = error_code(problem), problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code in _TOO_BUSY or "Throttl" in code or status in (408, 429) or status >= 500


def _is_of_one_object(problem: Exception) -> bool:
    """Whether S3 refused for what the object or its name is: its encryption, its key, its state."""
    code = error_code(problem)
    if not isinstance(problem, ClientError) or code in _OF_THE_WHOLE_STORE or "Throttl" in code:
        return False
    # Without a body, as after HEAD, an expired token and an odd object look alike: "400".
    status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return not code.isdigit() and 400 <= status < 500 and status not in (401, 408, 429)


def one_line(problem: BaseException) -> str:
    return " ".join(str(problem).split()) or type(problem).__name__


def _within(problem: Exception) -> Exception:
    """What S3 answered, or what broke, under what boto3's transfers wrap around it."""
    last = getattr(problem, "last_exception", None)
    if isinstance(last, Exception):
        return last
    below = problem.__context__
    if not isinstance(problem, ClientError | BotoCoreError) and isinstance(
        below, ClientError | BotoCoreError
    ):
        return below
    return problem


def shown(location: str) -> str:
    """A location as it is printed: a line break or a control character in a name is escaped."""
    return location if location.isprintable() else ascii(location)


def raise_s3(uri: str, problem: Exception) -> NoReturn:
    """Say in one line what S3 answered and what to do."""
    problem = _within(problem)
    code = error_code(problem)
    bucket, _ = split_s3(uri)
    uri = shown(uri)
    if code in _ABSENT:
        raise ObjectMissingError(f"there is no {uri}") from problem
    if code == "NoSuchBucket":
        raise SourceError(f"there is no bucket {bucket} (asked for {uri})") from problem
    if code in _DENIED:
        raise ObjectDeniedError(
            f"no permission for {uri}: check AWS_PROFILE and the bucket's policy, "
            f"or read a public bucket with --no-sign-request"
        ) from problem
    if code == "InvalidObjectState":
        raise ObjectDeniedError(f"{uri} is archived (Glacier): restore it first") from problem
    if code in _EXPIRED:
        raise SourceError(
            f"the AWS credentials have expired (at {uri}): renew them and run the same command again"
        ) from problem
    if code in _BAD_KEYS:
        raise SourceError(
            f"AWS refused the credentials ({code}, at {uri}): check AWS_PROFILE or the keys"
        ) from problem
    if isinstance(problem, ParamValidationError):
        raise ObjectDeniedError(f"{uri} is no S3 location: expected s3://bucket/key") from problem
    if isinstance(problem, _NO_CREDENTIALS):
        raise SourceError(
            f"no usable AWS credentials for {uri}: set AWS_PROFILE, "
            f"or read a public bucket with --no-sign-request"
        ) from problem
    if isinstance(problem, ConnectionError | HTTPClientError):
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "AWS"
        raise StoreUnavailableError(
            f"{uri} cannot be reached at {endpoint} ({one_line(problem)})"
        ) from problem
    if code == "400":
        # An answer to HEAD has no body to say why.
        raise SourceError(
            f"S3 refused {uri} without a reason (400), as it does when credentials have expired: renew them "
            f"and run the same command again"
        ) from problem
    if _may_pass(problem):
        raise StoreUnavailableError(f"{uri}: S3 answered {code} ({one_line(problem)})") from problem
    kind = ObjectDeniedError if _is_of_one_object(problem) else SourceError
    raise kind(f"{uri}: S3 answered {code} ({one_line(problem)})") from problem


class S3File(io.RawIOBase):
    """A seekable view of one object of `size` bytes, for readers that fetch ranges."""

    def __init__(self, uri: str, size: int, read_range: Callable[[str, int, int], bytes]) -> None:
        self._uri = uri
        self._size = size
        self._read_range = read_range
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        left = self._size - self._position
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted <= 0:
            return b""
        data = self._read_range(self._uri, self._position, wanted)
        self._position += len(data)
        return data
