"""Copying and moving objects within S3, and taking that back.

Owns: what is asked of S3 for one media, several media at a time, and what a copy is compared by. Refuses: the
journal; that is `run`. Between S3 and disk media go by `s3_and_disk`.

Nothing passes through this machine where both ends are on S3: S3 copies by itself, in parts above 5 GB.
Before an original goes, its copy has the same size and the same ETag; where ETags differ by the way they are
made (parts, keys of KMS), both are read and compared by SHA-256.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from blanktrap.core.vocabulary import Decision
from blanktrap.files.s3 import ObjectDeniedError, ObjectMissingError
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
from blanktrap.files.separating.s3_objects import ObjectFacts, S3Objects
from blanktrap.files.storage import Storage, join

NUM_THREADS = 32


class S3Placer(S3Objects):
    """Objects on S3 at one end at least; the parent of the ways, with threads."""

    keeps_original = True

    def __init__(self, storage: Storage, to: str) -> None:
        super().__init__(storage)
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
