"""XMP sidecars beside separated media.

Owns: what they are called, and putting them there and taking them back. Refuses: what is in them; that is
`core.sidecars`.

A sidecar stands beside the link or copy, never beside the original. Where the original has one, ours says all
that it says, and the verdict; where the two cannot be joined safely, none is written and the media is named.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from blanktrap.core.config import SidecarNaming
from blanktrap.core.sidecars import (
    MAX_BYTES,
    UnsafeSidecarError,
    Verdict,
    merge_sidecar,
    shown_id,
    sidecar_of,
    verdict_in,
)
from blanktrap.files.s3 import is_s3
from blanktrap.files.separating.file_copies import copy_checked, exists, sha256_at, unlink_staged
from blanktrap.files.separating.folders import Folders, split
from blanktrap.files.separating.history import LEFT
from blanktrap.files.separating.placing import LeftError, Outcome, Placer, reason_of
from blanktrap.files.separating.plan import PlannedMedia
from blanktrap.files.storage import local_path

_TAKEN = "something else has the place of its sidecar"
_CHANGED = "its sidecar has changed since"


def sidecar_name(name: str, naming: SidecarNaming) -> str:
    """What the sidecar of a file is called: `IMG.JPG.xmp` for digiKam, `IMG.xmp` for Adobe's programs."""
    stem, dot, _ = name.rpartition(".")
    return f"{name}.xmp" if naming == "digikam" or not (stem and dot) else f"{stem}.xmp"


class WithSidecars:
    """A way of placing media on disk that writes sidecars beside them."""

    def __init__(self, inner: Placer, folders: Folders, naming: SidecarNaming) -> None:
        self._inner = inner
        self._folders = folders
        self._naming = naming

    def look(self, batch: Sequence[PlannedMedia]) -> list[str | None]:
        return self._inner.look(batch)

    def place(self, batch: Sequence[PlannedMedia]) -> list[Outcome]:
        pairs = zip(batch, self._inner.place(batch), strict=True)
        outcomes = [self._with_sidecar(media, outcome) for media, outcome in pairs]
        self._folders.sync()
        return outcomes

    def _with_sidecar(self, media: PlannedMedia, outcome: Outcome) -> Outcome:
        if outcome.how == LEFT:
            return outcome
        try:
            return replace(outcome, sidecar=self._written(media))
        except (LeftError, UnsafeSidecarError) as problem:
            return replace(outcome, sidecar_reason=str(problem))
        except (OSError, ValueError) as problem:
            return replace(outcome, sidecar_reason=reason_of(problem, str(self._folders.root)))

    def _written(self, media: PlannedMedia) -> str:
        """Write the sidecar of a media, and return its SHA-256."""
        folder, last = split(media.target)
        descriptor, name = self._folders.open(folder, make=True), sidecar_name(last, self._naming)
        unlink_staged(name, descriptor)
        if exists(name, descriptor):
            if not self._is_ours(media, name, descriptor):
                raise LeftError(_TAKEN)
            return sha256_at(name, folder=descriptor)
        data = self._content(media)

        def write(file: BinaryIO) -> str:
            file.write(data)
            return hashlib.sha256(data).hexdigest()

        digest = copy_checked(write, name, descriptor)
        self._folders.touched.add(folder)
        return digest

    def _content(self, media: PlannedMedia) -> bytes:
        verdict = Verdict(media_id=media.media_id, decision=media.decision, p_nonblank=media.p_nonblank)
        beside = None if is_s3(media.uri) else _beside(local_path(media.uri), self._naming)
        if beside is None:
            return sidecar_of(verdict)
        with beside.open("rb") as file:
            return merge_sidecar(file.read(MAX_BYTES + 1), verdict)

    def _is_ours(self, media: PlannedMedia, name: str, folder: int) -> bool:
        """Whether a sidecar is the one that an earlier start of this batch wrote."""
        found = verdict_in(_content_at(name, folder))
        return found is not None and found.media_id == shown_id(media.media_id)

    def undo(self, batch: Sequence[PlannedMedia], outcomes: Sequence[Outcome | None]) -> list[str | None]:
        reasons = [self._undone(*pair) for pair in zip(batch, outcomes, strict=True)]
        inner = self._inner.undo(batch, outcomes)
        for media in batch:
            self._folders.prune(media.target)
        self._folders.sync()
        return [other or reason for reason, other in zip(reasons, inner, strict=True)]

    def _undone(self, media: PlannedMedia, outcome: Outcome | None) -> str | None:
        if outcome is not None and outcome.sidecar is None:
            return None
        folder, last = split(media.target)
        name = sidecar_name(last, self._naming)
        path = f"{folder}/{name}"
        try:
            descriptor = self._folders.open(folder, make=False)
            unlink_staged(name, descriptor)
            if not exists(name, descriptor):
                return None
            if outcome is None:
                is_unchanged = self._is_ours(media, name, descriptor)
            else:
                is_unchanged = sha256_at(name, folder=descriptor) == outcome.sidecar
            if not is_unchanged:
                return _CHANGED
            self._folders.unlink(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as problem:
            return reason_of(problem, str(self._folders.root))
        return None


def _beside(original: Path, naming: SidecarNaming) -> Path | None:
    """The sidecar that an original has, by the naming asked for or the other one."""
    namings: list[SidecarNaming] = ["digikam", "adobe"] if naming == "digikam" else ["adobe", "digikam"]
    for one in namings:
        name = sidecar_name(original.name, one)
        for candidate in (name, f"{name[:-4]}.XMP"):
            # Not Path.is_file, which raises where the name is too long to be one.
            if os.path.isfile(original.with_name(candidate)):
                return original.with_name(candidate)
    return None


def _content_at(name: str, folder: int) -> bytes:
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder), "rb") as file:
        return file.read(MAX_BYTES)
