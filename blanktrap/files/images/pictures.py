"""Small pictures of media, as a browser shows them, and the few that are kept in memory.

Owns: fetching, decoding within limits, turning upright, and a cache that is bounded by bytes and by count.
Refuses: what a network sees (that is `vision.decoding`; here no banner is cut and no colour mended), and
deciding which URIs may be opened.
"""

import io
import struct
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageFile

from blanktrap.core.config import DecodeLimits
from blanktrap.core.errors import DecodeError, SourceError
from blanktrap.core.vocabulary import Status
from blanktrap.files.images.formats import PILLOW_ERRORS, open_still, unreadable
from blanktrap.files.s3 import ObjectTooLargeError
from blanktrap.files.storage import Storage

TILE_PX, WHOLE_PX = 480, 1440
"""Longer side of a picture among many, and of one that is looked at alone."""

# A page shows some dozens: an image that takes minutes and gigabytes to draw is named and not drawn.
LIMITS = DecodeLimits(max_pixels=100_000_000, max_bytes=64 * 1024 * 1024)

# Decoded one at a time: some at once would not fit into memory.
_LARGE_PIXELS = 25_000_000
_one_large = threading.Lock()

_QUALITY = 85
_THREADS = 4
_TRANSPOSED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A small picture of a media, or why there is none."""

    data: bytes | None
    """A JPEG; None where there is none."""
    problem: str | None = None
    """One line, where there is none."""
    is_passing: bool = False
    """The storage failed and not the image: it may work a minute later."""

    @property
    def num_bytes(self) -> int:
        """What it weighs in memory."""
        return len(self.data or b"") + len(self.problem or "")


def draw_picture(data: bytes, *, longest_px: int, limits: DecodeLimits = LIMITS) -> bytes:
    """Draw a small upright JPEG of an encoded image. Thread-safe.

    Args:
        data: the whole file.
        longest_px: the longer side, at most; smaller images keep their size.
        limits: what is too large, judged by the header before any pixel is decoded.

    Raises:
        DecodeError: with a status and a one-line reason.
    """
    image = open_still(data, limits)
    if image.width * image.height > _LARGE_PIXELS:
        with _one_large:
            return _draw_opened(image, longest_px)
    return _draw_opened(image, longest_px)


def _draw_opened(image: ImageFile.ImageFile, longest_px: int) -> bytes:
    try:
        image.draft("RGB", (longest_px, longest_px))
        image.load()
        turned = _TRANSPOSED.get(_orientation_of(image))
        # Shrunk first, so that no later step works on all pixels.
        small = image if image.mode not in ("P", "1") else image.convert("RGBA")
        small.thumbnail((longest_px, longest_px), Image.Resampling.BILINEAR, reducing_gap=2.0)
        plain = _eight_bit(small)
        sink = io.BytesIO()
        (plain.transpose(turned) if turned is not None else plain).save(sink, "JPEG", quality=_QUALITY)
        return sink.getvalue()
    except PILLOW_ERRORS as problem:
        raise unreadable(problem) from problem
    except MemoryError as problem:
        size = f"{image.width:,} by {image.height:,} pixels"
        raise DecodeError(Status.TOO_LARGE, f"{size} do not fit into memory") from problem


def _orientation_of(image: ImageFile.ImageFile) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, LookupError, OSError, struct.error):
        return 1  # damaged EXIF says nothing


def _eight_bit(image: Image.Image) -> Image.Image:
    """Any mode as red, green and blue of eight bits; transparent places grey, wide samples cut to white."""
    if image.mode.startswith(("I", "F")):
        samples = np.asarray(image, dtype=np.float32)
        top = 65535.0 if image.mode.startswith("I") else 1.0
        shares = np.clip(samples / top, 0.0, 1.0)
        return Image.fromarray(np.rint(shares * 255.0).astype(np.uint8)).convert("RGB")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        canvas = Image.new("RGBA", image.size, (128, 128, 128, 255))
        return Image.alpha_composite(canvas, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def fetch_picture(storage: Storage, uri: str, *, longest_px: int, limits: DecodeLimits = LIMITS) -> Picture:
    """Fetch an image and draw it small; what goes wrong is in the answer."""
    try:
        data = storage.read_bytes(uri, max_bytes=limits.max_bytes)
        return Picture(data=draw_picture(data, longest_px=longest_px, limits=limits))
    except ObjectTooLargeError as problem:
        return Picture(data=None, problem=f"too large to show: {problem.size_bytes:,} bytes")
    except DecodeError as problem:
        return Picture(data=None, problem=f"{problem.status}: {problem}".replace("_", " "))
    except SourceError as problem:
        return Picture(data=None, problem=str(problem), is_passing=True)


class PictureCache:
    """Pictures by URI and size, the latest used kept; thread-safe.

    Memory is bounded by `max_bytes` and `max_count`, whatever is asked for.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        max_bytes: int = 96 * 1024 * 1024,
        max_count: int = 1_000,
        fetch: Callable[..., Picture] = fetch_picture,
    ) -> None:
        self._storage, self._max_bytes, self._max_count = storage, max_bytes, max_count
        self._fetch = fetch
        self._kept: OrderedDict[tuple[str, int], Picture] = OrderedDict()
        self._num_bytes = 0
        self._lock = threading.Lock()
        # One pool for all sessions: twenty people do not decode on eighty threads.
        self._pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="pictures")

    @property
    def num_bytes(self) -> int:
        """Bytes kept now."""
        return self._num_bytes

    def __len__(self) -> int:
        return len(self._kept)

    def pictures(self, uris: Sequence[str], *, longest_px: int) -> list[Picture]:
        """The pictures of some media, in order, fetched at the same time where they are not kept."""
        return list(self._pool.map(lambda uri: self.picture(uri, longest_px=longest_px), uris))

    def fetch_ahead(self, uris: Sequence[str], *, longest_px: int) -> None:
        """Fetch pictures that will be asked for next, without waiting for them."""
        for uri in uris:
            self._pool.submit(self.picture, uri, longest_px=longest_px)

    def picture(self, uri: str, *, longest_px: int) -> Picture:
        """The picture of one media."""
        key = (uri, longest_px)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self._fetch(self._storage, uri, longest_px=longest_px)
        if not found.is_passing:
            self._keep(key, found)
        return found

    def _keep(self, key: tuple[str, int], found: Picture) -> None:
        with self._lock:
            before = self._kept.pop(key, None)
            self._num_bytes += found.num_bytes - (before.num_bytes if before else 0)
            self._kept[key] = found
            while self._kept and (self._num_bytes > self._max_bytes or len(self._kept) > self._max_count):
                _, gone = self._kept.popitem(last=False)
                self._num_bytes -= gone.num_bytes
