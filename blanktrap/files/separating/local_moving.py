"""Moving media on disk, and moving them back.

Owns: that a media is at one place at least, at any moment. Refuses: anything that would overwrite what is at
a media's new or old place.

A moved media is at its new place, on the disk, before it leaves the old one: as another name of the same file
where the file system can, else as a copy that was read back.
"""

import contextlib
import os
import stat
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from blanktrap.files.separating.file_copies import NO_LINKS, copy_of, sha256_at
from blanktrap.files.separating.folders import Folders, split
from blanktrap.files.separating.history import MOVE
from blanktrap.files.separating.local_journal import sync_folder
from blanktrap.files.separating.local_placing import LocalPlacer, refuse_no_file
from blanktrap.files.separating.placing import (
    CHANGED,
    PLACE_TAKEN,
    TAKEN,
    TARGET_CHANGED,
    LeftError,
    Outcome,
)
from blanktrap.files.separating.plan import PlannedMedia
from blanktrap.files.storage import local_path


class MovePlacer(LocalPlacer):
    """Moves: a second name or a checked copy first, then the original goes."""

    keeps_original = False

    def __init__(self, folders: Folders) -> None:
        super().__init__(folders)
        self._compared: dict[str, str] = {}
        """What originals were, by target, when they were compared with their copies."""

    def _made(self, media: PlannedMedia, name: str, folder: int) -> Outcome:
        source = local_path(media.uri)
        self._compared[media.target] = _proof(os.stat(source, follow_symlinks=False))
        try:
            os.link(source, name, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as problem:
            if problem.errno not in NO_LINKS:
                raise
            copy_of(source, name, folder)
        return Outcome(how=MOVE, proof=_proof(os.stat(name, dir_fd=folder, follow_symlinks=False)))

    def _recognised(self, media: PlannedMedia, name: str, folder: int) -> Outcome:
        refuse_no_file(name, folder, TAKEN)
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        source = local_path(media.uri)
        with contextlib.suppress(FileNotFoundError):
            self._compared[media.target] = _proof(os.stat(source, follow_symlinks=False))
        if not self._is_same(source, found, name, folder):
            raise LeftError(TAKEN)
        return Outcome(how=MOVE, proof=_proof(found))

    def _is_same(self, source: Path, found: os.stat_result, name: str, folder: int) -> bool:
        """Whether a target is what stands at the old place, or nothing stands there any more."""
        try:
            original = os.stat(source, follow_symlinks=False)
        except FileNotFoundError:
            return True
        if os.path.samestat(found, original):
            return True
        if not stat.S_ISREG(original.st_mode) or found.st_size != original.st_size:
            return False
        return sha256_at(name, folder=folder) == sha256_at(source)

    def _finished(self, batch: Sequence[PlannedMedia], outcomes: list[Outcome]) -> list[Outcome]:
        """The originals go, now that all targets are on the disk."""
        finished, emptied = [], set()
        for media, outcome in zip(batch, outcomes, strict=True):
            if outcome.how == MOVE:
                outcome = self.guarded(partial(self._original_gone, media, outcome))
                emptied.add(local_path(media.uri).parent)
            finished.append(outcome)
        _sync_all(emptied)
        self.folders.sync()
        self._compared.clear()
        return finished

    def _original_gone(self, media: PlannedMedia, outcome: Outcome) -> Outcome:
        folder, name = split(media.target)
        descriptor = self.folders.open(folder, make=False)
        found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        source = local_path(media.uri)
        try:
            original = os.stat(source, follow_symlinks=False)
            if not os.path.samestat(found, original) and self._compared[media.target] != _proof(original):
                raise LeftError(CHANGED)
            source.unlink()
        except FileNotFoundError:
            return outcome
        except (PermissionError, LeftError):
            # It stays where it was, so that it is not in two places.
            self.folders.unlink(media.target)
            self.folders.prune(media.target)
            raise
        return outcome

    def undo(self, batch: Sequence[PlannedMedia], outcomes: Sequence[Outcome | None]) -> list[str | None]:
        reasons = super().undo(batch, outcomes)
        _sync_all({local_path(media.uri).parent for media in batch})
        return reasons

    def _taken_back(self, media: PlannedMedia, outcome: Outcome | None, name: str, folder: int) -> None:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        source = local_path(media.uri)
        if not stat.S_ISREG(found.st_mode) or (outcome is not None and outcome.proof != _proof(found)):
            raise LeftError(TARGET_CHANGED)
        if os.path.lexists(source):
            if not self._is_same(source, found, name, folder):
                raise LeftError(PLACE_TAKEN)
            return
        source.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(name, source, src_dir_fd=folder, follow_symlinks=False)
            sync_folder(source.parent)
        except FileExistsError:
            raise LeftError(PLACE_TAKEN) from None
        except OSError as problem:
            if problem.errno not in NO_LINKS:
                raise
            _copy_back(name, folder, source)


def _copy_back(name: str, folder: int, source: Path) -> None:
    descriptor = os.open(source.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        copy_of(name, source.name, descriptor, source_folder=folder)
        os.fsync(descriptor)
    except FileExistsError:
        raise LeftError(PLACE_TAKEN) from None
    finally:
        os.close(descriptor)


def _proof(found: os.stat_result) -> str:
    """What a moved file is known by again: its size, and when it was last written."""
    return f"{found.st_size}:{found.st_mtime_ns}"


def _sync_all(folders: set[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            sync_folder(folder)
