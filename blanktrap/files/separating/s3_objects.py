"""Objects on S3: what they are, whether two are the same, and copies that S3 makes by itself.

Owns: the requests for one object, and that a copy is asked for only where its key is free and the original is
still the one that was looked at. Refuses: media and plans; those are the placers'.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from blanktrap.files.s3 import ObjectMissingError, error_code, raise_s3, s3_client, split_s3
from blanktrap.files.separating.placing import TAKEN, LeftError
from blanktrap.files.storage import Storage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_COPY_BYTES = 5 * 1024**3
"""S3 copies up to this in one request."""
PART_BYTES = 1024**3

_TAKEN_CODES = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_CHUNK = 1 << 20
# What a copy in parts does not take over by itself.
_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
)


@dataclass(frozen=True, kw_only=True)
class ObjectFacts:
    """What S3 says of an object."""

    size_bytes: int
    etag: str
    headers: dict[str, Any]


class S3Objects:
    """Requests for objects."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def facts(self, uri: str) -> ObjectFacts | None:
        """What S3 says of an object; None where there is none. Raises SourceError."""
        bucket, key = split_s3(uri)
        try:
            answer: Any = self.storage.reading(lambda client: client.head_object(Bucket=bucket, Key=key))
        except (ClientError, BotoCoreError) as problem:
            try:
                raise_s3(uri, problem)
            except ObjectMissingError:
                return None
        headers = {name: answer[name] for name in _HEADERS if answer.get(name)}
        return ObjectFacts(size_bytes=answer["ContentLength"], etag=answer["ETag"], headers=headers)

    def ask(self, uri: str, request: Callable[["S3Client"], Any]) -> Any:
        """Send one request. Raises LeftError where the key is taken, SourceError where it fails."""
        try:
            return request(s3_client(False))
        except ClientError as problem:
            if error_code(problem) in _TAKEN_CODES:
                raise LeftError(TAKEN) from problem
            raise_s3(uri, problem)
        except BotoCoreError as problem:
            raise_s3(uri, problem)

    def remove(self, uri: str) -> None:
        """Remove an object."""
        bucket, key = split_s3(uri)
        self.ask(uri, lambda client: client.delete_object(Bucket=bucket, Key=key))

    def sha256(self, uri: str) -> str:
        """The SHA-256 of an object, read in pieces."""
        digest, position = hashlib.sha256(), 0
        while chunk := self.storage.read_range(uri, position, 16 * _CHUNK):
            digest.update(chunk)
            position += len(chunk)
        return digest.hexdigest()

    def is_same(self, one: tuple[str, ObjectFacts], other: tuple[str, ObjectFacts]) -> bool:
        """Whether two objects have the same content."""
        if one[1].size_bytes != other[1].size_bytes:
            return False
        return one[1].etag == other[1].etag or self.sha256(one[0]) == self.sha256(other[0])

    def copy(self, source: str, original: ObjectFacts, target: str) -> ObjectFacts:
        """Copy an object within S3, and return what S3 says of the copy. Raises LeftError, SourceError."""
        if original.size_bytes > MAX_COPY_BYTES:
            self._copy_in_parts(source, original, target)
        else:
            to_bucket, to_key = split_s3(target)
            request: dict[str, Any] = {
                "Bucket": to_bucket,
                "Key": to_key,
                "CopySource": _copy_source(source),
                "CopySourceIfMatch": original.etag,
                "IfNoneMatch": "*",
            }
            self.ask(source, lambda client: client.copy_object(**request))
        copied = self.facts(target)
        if copied is None or copied.size_bytes != original.size_bytes:
            raise LeftError("S3 made no whole copy")
        return copied

    def _copy_in_parts(self, source: str, original: ObjectFacts, target: str) -> None:
        bucket, key = split_s3(target)
        from_bucket, from_key = split_s3(source)
        tags = self.ask(source, lambda client: client.get_object_tagging(Bucket=from_bucket, Key=from_key))
        begun = self.ask(
            target,
            lambda client: client.create_multipart_upload(
                Bucket=bucket, Key=key, Tagging=_tags_as_query(tags["TagSet"]), **original.headers
            ),
        )
        named: dict[str, Any] = {"Bucket": bucket, "Key": key, "UploadId": begun["UploadId"]}
        try:
            parts = []
            for number, start in enumerate(range(0, original.size_bytes, PART_BYTES), start=1):
                stop = min(start + PART_BYTES, original.size_bytes)
                part: dict[str, Any] = {
                    **named,
                    "PartNumber": number,
                    "CopySource": _copy_source(source),
                    "CopySourceIfMatch": original.etag,
                    "CopySourceRange": f"bytes={start}-{stop - 1}",
                }
                answer = self.ask(source, partial(_copy_part, part))
                parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
            whole: Any = {**named, "MultipartUpload": {"Parts": parts}, "IfNoneMatch": "*"}
            self.ask(target, lambda client: client.complete_multipart_upload(**whole))
        except BaseException:
            self.ask(target, lambda client: client.abort_multipart_upload(**named))
            raise


def _copy_part(part: dict[str, Any], client: "S3Client") -> Any:
    return client.upload_part_copy(**part)


def _copy_source(uri: str) -> Any:
    bucket, key = split_s3(uri)
    return {"Bucket": bucket, "Key": key}


def _tags_as_query(tags: list[dict[str, str]]) -> str:
    return urlencode({tag["Key"]: tag["Value"] for tag in tags})
