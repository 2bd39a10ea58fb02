"""Linking and copying media on disk, and taking that back.

Owns: what is done for one media and in which order it becomes durable. Refuses: moving, which is
`local_moving`, and the journal; that is `run`.
"""

import os
import stat
from collections.abc import Callable, Sequence
from functools import partial

from blanktrap.core.config import LinkKind
from blanktrap.core.errors import SourceError
from blanktrap.core.vocabulary import Decision
from blanktrap.files.separating.file_copies import (
    NO_LINKS,
    NotTheSameError,
    copy_of,
    exists,
    sha256_at,
    unlink_staged,
)
from blanktrap.files.separating.folders import Folders, split
from blanktrap.files.separating.history import COPY, HARD_LINK, LEFT, SYMBOLIC_LINK
from blanktrap.files.separating.placing import (
    CHANGED,
    LAST_COPY,
    NOT_A_FILE,
    TAKEN,
    TARGET_CHANGED,
    LeftError,
    Outcome,
    left,
    reason_of,
)
from blanktrap.files.separating.plan import PlannedMedia
from blanktrap.files.storage import local_path

_NO_LINKS_HERE = "the file system makes no such links, or does not permit them"
CHANGED_ORIGINAL = "the original has changed: this is the last copy of what it was"
_NOWHERE = "it is at neither place"


class LocalPlacer:
    """Originals on disk, `--to` on disk; the parent of the three ways."""

    keeps_original = True

    def __init__(self, folders: Folders) -> None:
        self.folders = folders

    def look(self, batch: Sequence[PlannedMedia]) -> list[str | None]:
        return [self._why_not(media) for media in batch]

    def _why_not(self, media: PlannedMedia) -> str | None:
        try:
            found = os.stat(local_path(media.uri), follow_symlinks=self.keeps_original)
            if not stat.S_ISREG(found.st_mode):
                return NOT_A_FILE
            # A media that could not be scored may have had another size then already.
            is_judged = media.decision is not Decision.UNREADABLE
            if is_judged and media.size_bytes is not None and found.st_size != media.size_bytes:
                return CHANGED
            return TAKEN if self.folders.status(media.target) is not None else None
        except (OSError, ValueError) as problem:
            return reason_of(problem, media.uri)

    def place(self, batch: Sequence[PlannedMedia]) -> list[Outcome]:
        outcomes = [self.guarded(partial(self._placed, media)) for media in batch]
        self.folders.sync()
        return self._finished(batch, outcomes)

    def guarded(self, act: Callable[[], Outcome]) -> Outcome:
        """What came of an act on one media. Raises SourceError for what concerns more than one."""
        try:
            return act()
        except LeftError as problem:
            return left(str(problem))
        except NotTheSameError as problem:
            raise SourceError(
                f"{self.folders.root}: {problem.strerror}; run the same command again"
            ) from problem
        except (OSError, ValueError) as problem:
            return left(reason_of(problem, str(self.folders.root)))

    def _placed(self, media: PlannedMedia) -> Outcome:
        folder, name = split(media.target)
        descriptor = self.folders.open(folder, make=True)
        if exists(name, descriptor):
            unlink_staged(name, descriptor)
            return self._recognised(media, name, descriptor)
        outcome = self._made(media, name, descriptor)
        self.folders.touched.add(folder)
        return outcome

    def _made(self, media: PlannedMedia, name: str, folder: int) -> Outcome:
        """Make the target of a media, whose name is free."""
        raise NotImplementedError

    def _recognised(self, media: PlannedMedia, name: str, folder: int) -> Outcome:
        """The outcome that is already there. Raises LeftError where it is something else."""
        raise NotImplementedError

    def _finished(self, batch: Sequence[PlannedMedia], outcomes: list[Outcome]) -> list[Outcome]:
        """What remains once all targets are durable."""
        return outcomes

    def undo(self, batch: Sequence[PlannedMedia], outcomes: Sequence[Outcome | None]) -> list[str | None]:
        reasons = [self._undo_guarded(*pair) for pair in zip(batch, outcomes, strict=True)]
        self.folders.sync()
        return reasons

    def _undo_guarded(self, media: PlannedMedia, outcome: Outcome | None) -> str | None:
        if outcome is not None and outcome.how == LEFT:
            return None
        folder, name = split(media.target)
        try:
            descriptor = self.folders.open(folder, make=False)
            unlink_staged(name, descriptor)
            if exists(name, descriptor):
                self._taken_back(media, outcome, name, descriptor)
                self.folders.unlink(media.target)
            elif not self.keeps_original and not os.path.lexists(local_path(media.uri)):
                return _NOWHERE
        except FileNotFoundError:
            if not self.keeps_original and not os.path.lexists(local_path(media.uri)):
                return _NOWHERE
        except LeftError as problem:
            return str(problem)
        except (OSError, ValueError) as problem:
            return reason_of(problem, str(self.folders.root))
        self.folders.prune(media.target)
        return None

    def _taken_back(self, media: PlannedMedia, outcome: Outcome | None, name: str, folder: int) -> None:
        """Do what must come before the target is removed. Raises LeftError where it must stay."""
        raise NotImplementedError


class LinkPlacer(LocalPlacer):
    """Links, hard or symbolic."""

    def __init__(self, folders: Folders, kind: LinkKind) -> None:
        super().__init__(folders)
        self._kind = kind

    def _made(self, media: PlannedMedia, name: str, folder: int) -> Outcome:
        source = os.path.abspath(local_path(media.uri))
        if self._kind != "symbolic":
            try:
                os.link(os.path.realpath(source), name, dst_dir_fd=folder, follow_symlinks=False)
                return Outcome(how=HARD_LINK)
            except OSError as problem:
                if problem.errno not in NO_LINKS:
                    raise
                if self._kind == "hard":
                    raise LeftError(f"no hard link: {os.strerror(problem.errno)}") from problem
        try:
            os.symlink(source, name, dir_fd=folder)
        except PermissionError as problem:
            raise LeftError(_NO_LINKS_HERE) from problem
        return Outcome(how=SYMBOLIC_LINK)

    def _recognised(self, media: PlannedMedia, name: str, folder: int) -> Outcome:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        source = os.path.abspath(local_path(media.uri))
        if stat.S_ISLNK(found.st_mode):
            if os.readlink(name, dir_fd=folder) == source:
                return Outcome(how=SYMBOLIC_LINK)
        elif os.path.samestat(found, os.stat(source)):
            return Outcome(how=HARD_LINK)
        raise LeftError(TAKEN)

    def _taken_back(self, media: PlannedMedia, outcome: Outcome | None, name: str, folder: int) -> None:
        try:
            self._recognised(media, name, folder)
        except LeftError:
            raise LeftError(TARGET_CHANGED) from None
        except FileNotFoundError:
            raise LeftError(LAST_COPY) from None


class CopyPlacer(LocalPlacer):
    """Copies that were read back."""

    def _made(self, media: PlannedMedia, name: str, folder: int) -> Outcome:
        return Outcome(how=COPY, proof=copy_of(local_path(media.uri), name, folder))

    def _recognised(self, media: PlannedMedia, name: str, folder: int) -> Outcome:
        refuse_no_file(name, folder, TAKEN)
        digest = sha256_at(name, folder=folder)
        if digest != sha256_at(local_path(media.uri)):
            raise LeftError(TAKEN)
        return Outcome(how=COPY, proof=digest)

    def _taken_back(self, media: PlannedMedia, outcome: Outcome | None, name: str, folder: int) -> None:
        refuse_no_file(name, folder, TARGET_CHANGED)
        digest = sha256_at(name, folder=folder)
        if outcome is not None and digest != outcome.proof:
            raise LeftError(TARGET_CHANGED)
        try:
            if digest != sha256_at(local_path(media.uri)):
                raise LeftError(CHANGED_ORIGINAL if outcome else TARGET_CHANGED)
        except FileNotFoundError:
            raise LeftError(LAST_COPY) from None


def refuse_no_file(name: str, folder: int, reason: str) -> None:
    """Raise LeftError where a name below a folder's descriptor is no regular file."""
    if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise LeftError(reason)
