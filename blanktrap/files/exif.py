"""Capture times from EXIF, reading no more than the beginning of each file.

Owns: finding the EXIF block in the first 64 KiB of a JPEG, PNG, WebP or TIFF, and its capture time.
Refuses: decoding pixels, and any other date: `DateTime` is when somebody last saved the file.
"""

import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from PIL import Image

from blanktrap.core.times import parse_capture_time, with_subsecond
from blanktrap.files.s3 import ObjectDeniedError, ObjectMissingError
from blanktrap.files.storage import Storage

HEAD_BYTES = 64 * 1024
NUM_THREADS = 32

_EXIF_IFD = 0x8769
_DATE_TIME_ORIGINAL = 0x9003
_SUBSECOND_ORIGINAL = 0x9291

# What Pillow's parser lets through on damaged blocks.
_DAMAGED = (ValueError, KeyError, TypeError, IndexError, OverflowError, OSError, SyntaxError, struct.error)


@dataclass(frozen=True, kw_only=True)
class CaptureTime:
    """What the beginning of one file says."""

    media_id: str
    timestamp: datetime | None
    """Camera's local time to the millisecond; None where there is none."""
    was_read: bool
    """False where the file is gone or may not be read."""


def read_capture_times(storage: Storage, media: list[tuple[str, str]]) -> list[CaptureTime]:
    """Read the capture times of media, many at a time, each with one range request.

    Args:
        storage: the door to the bytes.
        media: pairs of media_id and URI.

    Raises:
        SourceError: storage is out of reach. A single file that is gone or refused is no error.
    """

    def read(pair: tuple[str, str]) -> CaptureTime:
        media_id, uri = pair
        try:
            head = storage.read_range(uri, 0, HEAD_BYTES)
        except (ObjectMissingError, ObjectDeniedError):
            return CaptureTime(media_id=media_id, timestamp=None, was_read=False)
        return CaptureTime(media_id=media_id, timestamp=capture_time_of(head), was_read=True)

    # Pillow warns of every damaged block; a block that cannot be read is simply one without time.
    with (
        warnings.catch_warnings(category=UserWarning, action="ignore"),
        ThreadPoolExecutor(max_workers=NUM_THREADS, thread_name_prefix="exif") as pool,
    ):
        times = list(pool.map(read, media))
    return times


def capture_time_of(head: bytes) -> datetime | None:
    """The `DateTimeOriginal` (with its fraction of a second) in the beginning of an image file."""
    block = find_exif(head)
    if block is None:
        return None
    exif = Image.Exif()
    try:
        exif.load(block)
        details = exif.get_ifd(_EXIF_IFD)
        taken, fraction = details.get(_DATE_TIME_ORIGINAL), details.get(_SUBSECOND_ORIGINAL)
    except _DAMAGED:
        return None
    moment = parse_capture_time(taken.rstrip("\0 ")) if isinstance(taken, str) else None
    if moment is None or not isinstance(fraction, str):
        return moment
    return with_subsecond(moment, fraction.rstrip("\0 "))


def find_exif(head: bytes) -> bytes | None:
    """The EXIF block (a TIFF header and what follows) in the beginning of a file; None without one."""
    if head.startswith((b"II*\0", b"MM\0*")):
        return head
    if head.startswith(b"\xff\xd8"):
        return _find_in_jpeg(head)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _find_in_chunks(head, 8, b"eXIf", ">I4s", trailer=4)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _find_in_chunks(head, 12, b"EXIF", "<4sI", trailer=0)
    return None


def _find_in_jpeg(head: bytes) -> bytes | None:
    position = 2
    while position + 4 <= len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker == 0xDA:  # pixels follow
            return None
        length = int.from_bytes(head[position + 2 : position + 4], "big")
        body = head[position + 4 : position + 2 + length]
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            return body[6:]
        position += 2 + length
    return None


def _find_in_chunks(head: bytes, start: int, wanted: bytes, layout: str, *, trailer: int) -> bytes | None:
    """Walk the chunks of a PNG (length, name, body, checksum) or a RIFF file (name, length, body)."""
    position = start
    while position + 8 <= len(head):
        fields = struct.unpack_from(layout, head, position)
        name, length = (fields[1], fields[0]) if layout.startswith(">") else (fields[0], fields[1])
        if name == wanted:
            return head[position + 8 : position + 8 + length].removeprefix(b"Exif\0\0")
        position += 8 + length + trailer + (length % 2 if not trailer else 0)
    return None
