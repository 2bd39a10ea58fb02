"""Copies between disk and S3, and taking them back.

Owns: putting files to S3 and fetching objects to disk, each compared by its digest. Refuses: moving; what is
at both ends is for people to compare before originals go.
"""

import base64
import hashlib
import mimetypes
import os
import stat
from collections.abc import Sequence
from typing import Any, BinaryIO

from blanktrap.core.vocabulary import Decision
from blanktrap.files.s3 import ObjectDeniedError, ObjectMissingError, is_s3, split_s3
from blanktrap.files.separating.file_copies import copy_checked, sha256_at
from blanktrap.files.separating.folders import Folders
from blanktrap.files.separating.history import COPY
from blanktrap.files.separating.local_placing import CHANGED_ORIGINAL, LocalPlacer
from blanktrap.files.separating.placing import (
    CHANGED,
    GONE,
    LAST_COPY,
    NO_PERMISSION,
    NOT_A_FILE,
    TAKEN,
    TARGET_CHANGED,
    LeftError,
    Outcome,
    Placer,
    left,
    reason_of,
)
from blanktrap.files.separating.plan import PlannedMedia
from blanktrap.files.separating.s3_objects import MAX_COPY_BYTES
from blanktrap.files.separating.s3_placing import NUM_THREADS, S3Placer
from blanktrap.files.storage import local_path


class UploadPlacer(S3Placer):
    """Copies from disk to S3; S3 itself compares the MD5 of what arrives."""

    def facts_of_file(self, media: PlannedMedia) -> os.stat_result:
        """The status of an original on disk. Raises LeftError."""
        try:
            return os.stat(local_path(media.uri))
        except OSError as problem:
            raise LeftError(reason_of(problem, media.uri)) from problem

    def _why_not(self, media: PlannedMedia) -> str | None:
        try:
            found = self.facts_of_file(media)
            if not stat.S_ISREG(found.st_mode):
                return NOT_A_FILE
            is_judged = media.decision is not Decision.UNREADABLE
            if is_judged and media.size_bytes is not None and found.st_size != media.size_bytes:
                return CHANGED
            return TAKEN if self.target_facts(media) is not None else None
        except LeftError as problem:
            return str(problem)
        except ObjectDeniedError:
            return NO_PERMISSION

    def placed(self, media: PlannedMedia) -> Outcome:
        target, digest = self.target(media), self._digest(media)
        copied = self.target_facts(media)
        if copied is None:
            self._put(media, target)
            copied = self.target_facts(media)
            if copied is None or copied.size_bytes != self.facts_of_file(media).st_size:
                raise LeftError("S3 has no whole copy")
        elif self.sha256(target) != digest:
            raise LeftError(TAKEN)
        return Outcome(how=COPY, proof=f"{copied.etag} {digest}")

    def _put(self, media: PlannedMedia, target: str) -> None:
        bucket, key = split_s3(target)
        path = local_path(media.uri)
        if self.facts_of_file(media).st_size > MAX_COPY_BYTES:
            self.storage.upload(path, target)
            return
        with path.open("rb") as file:
            md5 = hashlib.file_digest(file, "md5")
            file.seek(0)
            request: dict[str, Any] = {
                "Bucket": bucket,
                "Key": key,
                "Body": file,
                "ContentMD5": base64.b64encode(md5.digest()).decode(),
                "IfNoneMatch": "*",
            }
            content_type = mimetypes.guess_type(path.name)[0]
            if content_type:
                request["ContentType"] = content_type
            self.ask(target, lambda client: client.put_object(**request))

    def _digest(self, media: PlannedMedia) -> str:
        try:
            return sha256_at(local_path(media.uri))
        except OSError as problem:
            raise LeftError(reason_of(problem, media.uri)) from problem

    def taken_back(self, media: PlannedMedia, outcome: Outcome | None) -> None:
        target, copied = self.target(media), self.target_facts(media)
        if copied is None:
            return
        try:
            digest = sha256_at(local_path(media.uri))
        except FileNotFoundError as problem:
            raise LeftError(LAST_COPY) from problem
        except OSError as problem:
            raise LeftError(reason_of(problem, media.uri)) from problem
        if outcome is not None and outcome.proof is not None:
            is_ours = outcome.proof == f"{copied.etag} {digest}"
        else:
            is_ours = self.sha256(target) == digest
        if not is_ours:
            raise LeftError(TARGET_CHANGED)
        self.remove(target)


class FetchPlacer(LocalPlacer):
    """Copies from S3 to disk, fetched a few at a time."""

    def __init__(self, folders: Folders, remote: S3Placer) -> None:
        super().__init__(folders)
        self._remote = remote
        self._fetched: dict[str, bytes | LeftError] = {}

    def look(self, batch: Sequence[PlannedMedia]) -> list[str | None]:
        reasons = list(self._remote.pool.map(self._why_not_there, batch))
        return [reason or self._why_not(media) for reason, media in zip(reasons, batch, strict=True)]

    def _why_not_there(self, media: PlannedMedia) -> str | None:
        try:
            original = self._remote.facts(media.uri)
        except ObjectDeniedError:
            return NO_PERMISSION
        if original is None:
            return GONE
        is_judged = media.decision is not Decision.UNREADABLE
        has_changed = media.size_bytes is not None and original.size_bytes != media.size_bytes
        return CHANGED if is_judged and has_changed else None

    def _why_not(self, media: PlannedMedia) -> str | None:
        try:
            return TAKEN if self.folders.status(media.target) is not None else None
        except (OSError, ValueError) as problem:
            return reason_of(problem, str(self.folders.root))

    def place(self, batch: Sequence[PlannedMedia]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(batch), NUM_THREADS):
            window = batch[start : start + NUM_THREADS]
            uris = [media.uri for media in window]
            self._fetched = dict(zip(uris, self._remote.pool.map(self._fetch, uris), strict=True))
            outcomes += super().place(window)
        self._fetched = {}
        return outcomes

    def _fetch(self, uri: str) -> bytes | LeftError:
        try:
            return self._remote.storage.read_bytes(uri)
        except ObjectMissingError:
            return LeftError(GONE)
        except ObjectDeniedError:
            return LeftError(NO_PERMISSION)

    def _content(self, media: PlannedMedia) -> bytes:
        content = self._fetched[media.uri]
        if isinstance(content, LeftError):
            raise content
        return content

    def _made(self, media: PlannedMedia, name: str, folder: int) -> Outcome:
        content = self._content(media)

        def write(file: BinaryIO) -> str:
            file.write(content)
            return hashlib.sha256(content).hexdigest()

        return Outcome(how=COPY, proof=copy_checked(write, name, folder))

    def _recognised(self, media: PlannedMedia, name: str, folder: int) -> Outcome:
        digest = hashlib.sha256(self._content(media)).hexdigest()
        if sha256_at(name, folder=folder) != digest:
            raise LeftError(TAKEN)
        return Outcome(how=COPY, proof=digest)

    def _taken_back(self, media: PlannedMedia, outcome: Outcome | None, name: str, folder: int) -> None:
        digest = sha256_at(name, folder=folder)
        if outcome is not None and digest != outcome.proof:
            raise LeftError(TARGET_CHANGED)
        original = self._remote.facts(media.uri)
        if original is None:
            raise LeftError(LAST_COPY)
        if digest != self._remote.sha256(media.uri):
            raise LeftError(TARGET_CHANGED if outcome is None else CHANGED_ORIGINAL)


class ByOrigin:
    """Sends each media the way that starts where its original is."""

    def __init__(self, *, local: Placer, remote: Placer) -> None:
        self._ways = {False: local, True: remote}

    def close(self) -> None:
        """End the threads."""
        for way in self._ways.values():
            if isinstance(way, S3Placer):
                way.close()

    def look(self, batch: Sequence[PlannedMedia]) -> list[str | None]:
        found: list[str | None] = [None] * len(batch)
        for rows, way in self._parts(batch):
            for row, reason in zip(rows, way.look([batch[row] for row in rows]), strict=True):
                found[row] = reason
        return found

    def place(self, batch: Sequence[PlannedMedia]) -> list[Outcome]:
        found = [left("")] * len(batch)
        for rows, way in self._parts(batch):
            for row, outcome in zip(rows, way.place([batch[row] for row in rows]), strict=True):
                found[row] = outcome
        return found

    def undo(self, batch: Sequence[PlannedMedia], outcomes: Sequence[Outcome | None]) -> list[str | None]:
        found: list[str | None] = [None] * len(batch)
        for rows, way in self._parts(batch):
            undone = way.undo([batch[row] for row in rows], [outcomes[row] for row in rows])
            for row, reason in zip(rows, undone, strict=True):
                found[row] = reason
        return found

    def _parts(self, batch: Sequence[PlannedMedia]) -> list[tuple[list[int], Placer]]:
        split = [
            ([row for row, media in enumerate(batch) if is_s3(media.uri) == is_remote], way)
            for is_remote, way in self._ways.items()
        ]
        return [(rows, way) for rows, way in split if rows]
