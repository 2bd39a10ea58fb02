"""Copying and moving objects within S3, and taking that back.

Owns: the requests for one media, several media at a time, and what a copy is compared by. Refuses: the
journal; that is `run`. Between S3 and disk media go by `s3_and_disk`.

Nothing passes through this machine where both ends are on S3: S3 copies by itself, in parts above 5 GB. A
copy is asked for on condition that its key is free and that the original is still the one that was looked at.
Before an original goes, its copy has the same size and the same ETag; where ETags differ by the way they are
made (parts, keys of KMS), both are read and compared by SHA-256.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from blanktrap.core.vocabulary import Decision
from blanktrap.files.s3 import (
    ObjectDeniedError,
    ObjectMissingError,
    error_code,
    raise_s3,
    s3_client,
    split_s3,
)
from blanktrap.files.separating.history import COPY, LEFT, MOVE
from blanktrap.files.separating.placing import (
    CHANGED,
    GONE,
    LAST_COPY,
    NO_PERMISSION,
    PLACE_TAKEN,
    TAKEN,
    TARGET_CHANGED,
    LeftError,
    Outcome,
    left,
)
from blanktrap.files.separating.plan import PlannedMedia
from blanktrap.files.storage import Storage, join

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NUM_THREADS = 32
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


class S3Placer:
    """Objects on S3 at one end at least; the parent of the ways, with threads."""

    keeps_original = True

    def __init__(self, storage: Storage, to: str) -> None:
        self.storage = storage
        self.to = to
        self.pool = ThreadPoolExecutor(max_workers=NUM_THREADS, thread_name_prefix="separate")

    def close(self) -> None:
        """End the threads."""
        self.pool.shutdown(cancel_futures=True)

    def look(self, batch: Sequence[PlannedMedia]) -> list[str | None]:
        return list(self.pool.map(self._why_not, batch))

    def _why_not(self, media: PlannedMedia) -> str | None:
        try:
            original = self.facts(media.uri)
            if original is None:
                return GONE
            is_judged = media.decision is not Decision.UNREADABLE
            if is_judged and media.size_bytes is not None and original.size_bytes != media.size_bytes:
                return CHANGED
            return TAKEN if self.target_facts(media) is not None else None
        except ObjectDeniedError:
            return NO_PERMISSION

    def place(self, batch: Sequence[PlannedMedia]) -> list[Outcome]:
        return list(self.pool.map(self._guarded, batch))

    def _guarded(self, media: PlannedMedia) -> Outcome:
        try:
            return self.placed(media)
        except LeftError as problem:
            return left(str(problem))
        except ObjectMissingError:
            return left(GONE)
        except ObjectDeniedError:
            return left(NO_PERMISSION)

    def placed(self, media: PlannedMedia) -> Outcome:
        """Place a media, or recognise that it was placed. Raises LeftError, SourceError."""
        raise NotImplementedError

    def undo(self, batch: Sequence[PlannedMedia], outcomes: Sequence[Outcome | None]) -> list[str | None]:
        return list(self.pool.map(self._undo_guarded, batch, outcomes))

    def _undo_guarded(self, media: PlannedMedia, outcome: Outcome | None) -> str | None:
        if outcome is not None and outcome.how == LEFT:
            return None
        try:
            self.taken_back(media, outcome)
        except LeftError as problem:
            return str(problem)
        except ObjectDeniedError:
            return NO_PERMISSION
        return None

    def taken_back(self, media: PlannedMedia, outcome: Outcome | None) -> None:
        """Take back a media. Raises LeftError where something has changed since, SourceError."""
        raise NotImplementedError

    def target(self, media: PlannedMedia) -> str:
        """The URI of a media's target."""
        return join(self.to, media.target)

    def target_facts(self, media: PlannedMedia) -> ObjectFacts | None:
        """What is at a media's target; None where nothing is."""
        return self.facts(self.target(media))

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
        """Send one request, in our own words where it fails. Raises SourceError, LeftError if the key is "
        "taken."""
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


class S3CopyPlacer(S3Placer):
    """Copies from S3 to S3."""

    def placed(self, media: PlannedMedia) -> Outcome:
        original, copied = self.facts(media.uri), self.target_facts(media)
        if original is None:
            raise LeftError(GONE)
        target = self.target(media)
        if copied is None:
            copied = self.copy(media.uri, original, target)
        elif not self.is_same((media.uri, original), (target, copied)):
            raise LeftError(TAKEN)
        return Outcome(how=COPY, proof=f"{copied.etag} {original.etag}")

    def taken_back(self, media: PlannedMedia, outcome: Outcome | None) -> None:
        target, copied = self.target(media), self.target_facts(media)
        if copied is None:
            return
        original = self.facts(media.uri)
        if original is None:
            raise LeftError(LAST_COPY)
        if outcome is not None and outcome.proof is not None:
            is_ours = outcome.proof == f"{copied.etag} {original.etag}"
        else:
            is_ours = self.is_same((media.uri, original), (target, copied))
        if not is_ours:
            raise LeftError(TARGET_CHANGED)
        self.remove(target)


class S3MovePlacer(S3Placer):
    """Moves within S3: a compared copy first, then the original goes."""

    keeps_original = False

    def placed(self, media: PlannedMedia) -> Outcome:
        target, copied, original = self.target(media), self.target_facts(media), self.facts(media.uri)
        if original is None:
            if copied is None:
                raise LeftError(GONE)
            return Outcome(how=MOVE, proof=copied.etag)
        is_new = copied is None
        if copied is None:
            copied = self.copy(media.uri, original, target)
        if not self.is_same((media.uri, original), (target, copied)):
            if is_new:
                self.remove(target)
            raise LeftError(CHANGED if is_new else TAKEN)
        self._original_gone(media, original, target)
        return Outcome(how=MOVE, proof=copied.etag)

    def _original_gone(self, media: PlannedMedia, original: ObjectFacts, target: str) -> None:
        now = self.facts(media.uri)
        try:
            if now is not None and now.etag != original.etag:
                raise LeftError(CHANGED)
            self.remove(media.uri)
        except (LeftError, ObjectDeniedError):
            # It stays where it was, so that it is not in two places.
            self.remove(target)
            raise

    def taken_back(self, media: PlannedMedia, outcome: Outcome | None) -> None:
        target, moved, original = self.target(media), self.target_facts(media), self.facts(media.uri)
        if moved is None:
            if original is None:
                raise LeftError("it is at neither place")
            return
        if outcome is not None and outcome.proof is not None and outcome.proof != moved.etag:
            raise LeftError(TARGET_CHANGED)
        if original is None:
            original = self.copy(target, moved, media.uri)
        if not self.is_same((media.uri, original), (target, moved)):
            raise LeftError(PLACE_TAKEN)
        self.remove(target)


def _copy_part(part: dict[str, Any], client: "S3Client") -> Any:
    return client.upload_part_copy(**part)


def _copy_source(uri: str) -> Any:
    bucket, key = split_s3(uri)
    return {"Bucket": bucket, "Key": key}


def _tags_as_query(tags: list[dict[str, str]]) -> str:
    return urlencode({tag["Key"]: tag["Value"] for tag in tags})
