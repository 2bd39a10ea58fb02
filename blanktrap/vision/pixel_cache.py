"""Decoded images on local disk, shared by all processes of a machine and by later runs.

Owns: one file an image, named after all that its pixels depend on; what became of each image; what is left
of a killed writer. Refuses: fetching and decoding, and mapped memory, which ends a process without a word
when a disk is full.

A file is one line of JSON and the pixels behind it. It is written under another name and renamed, so that
restarts, folds, and any number of workers find whole files or none; one that is damaged is no file.
"""

import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import numpy as np

from blanktrap.core.config import Preprocessing
from blanktrap.core.errors import SourceError
from blanktrap.core.vocabulary import Status
from blanktrap.files.local import STAGING_PREFIX, remove_left_behind
from blanktrap.vision.decoding import DecodedImage
from blanktrap.vision.loading import LoadedImage

_VERSION = 2
_HEADER_BYTES = 4096
"""More than a line of JSON takes; read where the pixels are not wanted."""

Beside = Sequence[tuple[str, int | None]]
"""URIs and sizes of the media that one was compared with."""


class PixelCache:
    """Decoded images in one folder of this machine.

    Attributes:
        folder: where they are.
        image_bytes: what the pixels of one image take.
    """

    def __init__(self, folder: Path, preprocessing: Preprocessing, *, session: str = "") -> None:
        """Open a cache; its folder is made where it is absent.

        Args:
            folder: on a disk of this machine.
            preprocessing: what the pixels have been through.
            session: names the run. What says nothing for certain is believed in this run alone: a media that
                could not be decoded, and one whose size nobody knows.

        Raises:
            SourceError: the folder cannot be made, or is somebody else's.
        """
        self.folder = folder
        self.image_bytes = preprocessing.image_bytes
        self._shape = (preprocessing.height_px, preprocessing.width_px, preprocessing.num_channels)
        self._pixels_of = preprocessing.model_dump(mode="json", exclude={"std"})
        self._session = session
        self._checked: set[str] = set()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.stat().st_uid != os.getuid():
                raise SourceError(f"{folder} belongs to another user: give --cache a folder of your own")
        except OSError as problem:
            _raise_cannot_write(folder, problem)
        remove_left_behind(folder)

    def holds(self, uri: str, size_bytes: int | None, beside: Beside = ()) -> bool:
        """Whether `read` would most probably give something; pixels are not read."""
        path = self._path(uri, size_bytes, beside)
        try:
            with path.open("rb") as file:
                head = file.read(_HEADER_BYTES)
                num_bytes = os.fstat(file.fileno()).st_size
        except OSError:
            return False
        facts, start = _parse(head)
        if facts.get("status") == Status.OK:
            return num_bytes == start + self.image_bytes
        return bool(facts) and facts.get("session") == self._session

    def read(self, uri: str, size_bytes: int | None, beside: Beside = ()) -> LoadedImage | None:
        """What became of a media; None where it is not here, or its file is damaged."""
        path = self._path(uri, size_bytes, beside)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        facts, start = _parse(data[:_HEADER_BYTES])
        try:
            status = Status(facts["status"])
            if status is not Status.OK and facts["session"] != self._session:
                return None
            image = self._image(path.name, facts, memoryview(data)[start:]) if status is Status.OK else None
            if (image is None) == (status is Status.OK):
                return None
            return LoadedImage(
                status=status,
                error=facts["error"],
                image=image,
                bytes_read=int(facts["bytes_read"]),
                fetch_s=float(facts["fetch_s"]),
                decode_s=float(facts["decode_s"]),
            )
        except (KeyError, TypeError, ValueError):
            return None

    def write(self, uri: str, size_bytes: int | None, loaded: LoadedImage, beside: Beside = ()) -> None:
        """Keep what became of a media, whole or not at all.

        Raises:
            SourceError: the disk is full, or refuses; the line says what to do.
        """
        image = loaded.image
        pixels = b"" if image is None else np.ascontiguousarray(image.pixels).data
        facts: dict[str, Any] = {
            "version": _VERSION,
            "status": loaded.status.value,
            "error": loaded.error and loaded.error[: _HEADER_BYTES // 8],
            "bytes_read": loaded.bytes_read,
            "fetch_s": loaded.fetch_s,
            "decode_s": loaded.decode_s,
            "session": self._session,
        }
        if image is not None:
            facts |= {
                "crc32": zlib.crc32(pixels),
                "width_px": image.width_px,
                "height_px": image.height_px,
                "brightness": image.brightness,
                "is_night": image.is_night,
                "has_background": image.has_background,
            }
        path = self._path(uri, size_bytes, beside)
        staged = self.folder / f"{STAGING_PREFIX}{uuid4().hex}"
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with staged.open("wb") as file:
                file.write(json.dumps(facts).encode() + b"\n")
                file.write(pixels)
            staged.replace(path)
        except OSError as problem:
            staged.unlink(missing_ok=True)
            _raise_cannot_write(self.folder, problem)

    def refuse_full_disk(self, num_media: int) -> None:
        """Raise SourceError where so many more images cannot fit, before hours were spent on them."""
        wanted = num_media * self.image_bytes
        free = shutil.disk_usage(self.folder).free
        if wanted > free:
            raise SourceError(
                f"decoded images take {wanted / 1e9:.1f} GB more and {self.folder} has {free / 1e9:.1f} GB "
                f"free: give --cache a folder on a larger disk, or train at a smaller --image-size"
            )

    def _path(self, uri: str, size_bytes: int | None, beside: Beside) -> Path:
        # Without a size nothing would show that the file behind a name has been replaced.
        stamps = [
            (name, self._session if size is None else size) for name, size in ((uri, size_bytes), *beside)
        ]
        key = json.dumps([_VERSION, stamps, self._pixels_of], sort_keys=True)
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / name[:2] / name[2:]

    def _image(self, name: str, facts: dict[str, Any], pixels: memoryview) -> DecodedImage | None:
        """The image of a file, or None where its pixels are not those that were written."""
        if len(pixels) != self.image_bytes:
            return None
        if name not in self._checked:
            # Once a process: a disk that loses bytes does so before they are in memory.
            if zlib.crc32(pixels) != facts["crc32"]:
                return None
            self._checked.add(name)
        return DecodedImage(
            pixels=np.frombuffer(pixels, np.uint8).reshape(self._shape),
            width_px=int(facts["width_px"]),
            height_px=int(facts["height_px"]),
            brightness=float(facts["brightness"]),
            is_night=bool(facts["is_night"]),
            has_background=bool(facts["has_background"]),
        )


def temporary_cache(run: str) -> Path:
    """The folder for decoded images of a run that was given none; when it is gone on with, the same one."""
    digest = hashlib.sha256(run.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"blanktrap-pixels-{os.getuid()}-{digest}"


def remove_cache(folder: Path) -> None:
    """Remove a temporary cache, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def _parse(head: bytes) -> tuple[dict[str, Any], int]:
    """The facts in a file's first line and where its pixels begin; no facts where there is no such line."""
    end = head.find(b"\n")
    try:
        facts = json.loads(head[: max(end, 0)])
    except ValueError:
        return {}, 0
    return (facts, end + 1) if isinstance(facts, dict) and facts.get("version") == _VERSION else ({}, 0)


def _raise_cannot_write(folder: Path, problem: OSError) -> NoReturn:
    if isinstance(problem, SourceError):
        raise problem
    raise SourceError(
        f"decoded images cannot be kept in {folder} ({problem.strerror or problem}): give --cache a folder "
        f"on a disk with room, or train at a smaller --image-size"
    ) from problem
