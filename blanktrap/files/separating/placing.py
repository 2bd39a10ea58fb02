"""What every way of placing media has in common.

Owns: the interface between the run and the ways (on disk, on S3, tags), and what they report. Refuses: doing
any of it.

A batch goes through a way in two steps. `look` names the media that cannot be placed; then the journal says
that the batch has begun. `place` does the rest, and does it again after a run was killed: what is at a target
by then was put there by this separation.
"""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

from blanktrap.core.errors import SourceError
from blanktrap.files.local import raise_local
from blanktrap.files.separating.history import LEFT
from blanktrap.files.separating.plan import PlannedMedia

GONE = "the original is gone"
CHANGED = "the original has changed since it was scored"
TAKEN = "something else has its place"
NO_PERMISSION = "no permission"
NOT_A_FILE = "the original is a link or no regular file, and is left where it is"
TARGET_CHANGED = "changed since"
LAST_COPY = "the original is gone: this is the last copy"
PLACE_TAKEN = "its old place is taken"

# What fails for one media, and not for the place as a whole.
_OF_ONE_MEDIA = {
    errno.EACCES: NO_PERMISSION,
    errno.EPERM: NO_PERMISSION,
    errno.EEXIST: TAKEN,
    errno.ELOOP: "a link stands where a folder should be",
    errno.ENOTDIR: "a file or link stands where a folder should be",
    errno.EISDIR: "a folder has its place",
    errno.ENAMETOOLONG: "the name is too long for the file system",
    errno.EINVAL: "the file system does not take the name",
    errno.EILSEQ: "the file system does not take the name",
    errno.ENOENT: GONE,
    errno.EXDEV: "archive and folder are not on one file system",
    errno.EMLINK: "the file has as many links as the file system allows",
    errno.ENOTSUP: "the file system has no such links",
}


class LeftError(Exception):
    """One media cannot be placed, or not be taken back; says why in a few words."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one media."""

    how: str
    """One letter of `history`."""
    proof: str | None = None
    """What undoing compares with."""
    sidecar: str | None = None
    """The proof of its XMP sidecar; None where there is none."""
    sidecar_reason: str | None = None
    """Why it has no sidecar where it should have one."""
    reason: str | None = None
    """Why it was left; None where it was placed."""


def left(reason: str) -> Outcome:
    """The outcome of a media that was left."""
    return Outcome(how=LEFT, reason=reason)


class Placer(Protocol):
    """One way of placing media."""

    def look(self, batch: Sequence[PlannedMedia]) -> list[str | None]:
        """Why each media cannot be placed; None where it can. Changes nothing."""
        ...

    def place(self, batch: Sequence[PlannedMedia]) -> list[Outcome]:
        """Place media whose targets were free when the journal was told; durable when this returns.

        Raises SourceError where the place as a whole fails, such as a full disk or a bucket out of reach.
        """
        ...

    def undo(self, batch: Sequence[PlannedMedia], outcomes: Sequence[Outcome | None]) -> list[str | None]:
        """Take back media, and say why of those that were left; None where nothing of ours is there any more.

        An outcome of None is one that nobody wrote down: the run was killed in this batch.
        """
        ...


def reason_of(problem: OSError | ValueError, where: str) -> str:
    """Why one media was left; raises SourceError for what concerns more than one."""
    if isinstance(problem, ValueError):
        return "the name has a NUL"
    if problem.errno in _OF_ONE_MEDIA:
        return _OF_ONE_MEDIA[problem.errno]
    _raise(problem, where)


def _raise(problem: OSError, where: str) -> NoReturn:
    if isinstance(problem, SourceError):
        raise problem
    reason = os.strerror(problem.errno) if problem.errno else str(problem)
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        raise SourceError(
            f"{where}: {reason}; make room and run the same command again, or take it back with --undo"
        ) from problem
    raise_local(where, problem)
