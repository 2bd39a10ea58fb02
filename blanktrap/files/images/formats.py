"""Which files are images to us, and whether they are whole.

Owns: telling formats apart by content, opening the four supported ones without decoding them, the limits
on header dimensions, and the finding that a JPEG ends before its last line. Refuses: names and
extensions, pixels, and every other decoder that Pillow has: only these four ever see foreign bytes.
"""

import io
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

from PIL import ImageFile, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from PIL.JpegImagePlugin import JpegImageFile

from blanktrap.core.config import DecodeLimits
from blanktrap.core.errors import DecodeError
from blanktrap.core.vocabulary import Status

# What Pillow is known to raise on damaged files, besides its own. All bytes are in memory here, so an
# OSError speaks of the content and never of a disk.
PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    struct.error,
    zlib.error,
)

_SUPPORTED = "JPEG, PNG, TIFF and WebP are supported"

_OTHER_FORMATS = (
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a BMP"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"%PDF", "a PDF"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1aE\xdf\xa3", "a Matroska video"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL"),
    (0, b"\xff\x0a", "a JPEG XL"),
    (4, b"ftypheic", "a HEIC"),
    (4, b"ftypheix", "a HEIC"),
    (4, b"ftypmif1", "a HEIC"),
    (4, b"ftypavif", "an AVIF"),
    (4, b"ftyp", "an MP4 or QuickTime video"),
    (4, b"moov", "a QuickTime video"),
    (4, b"mdat", "a QuickTime video"),
    (8, b"AVI ", "an AVI video"),
)

# 200 zero bits are one block of 63 equal coefficients under the standard tables: no encoder writes that,
# a lost sector of a memory card reads so. Optimised tables may code a black frame as zeros, rightly.
_LOST_SECTOR = bytes(512)
_STANDARD_DC_TABLE = bytes.fromhex("00010501010101010100000000000000000102030405060708090a0b")

_SCAN_START = b"\xff\xda\x00"
_END_OF_IMAGE = b"\xff\xd9"
# A Huffman decoder looks a few bytes ahead; these let it reach the last block without an end marker.
_LOOK_AHEAD = bytes(16)


def open_still(data: bytes, limits: DecodeLimits) -> ImageFile.ImageFile:
    """Open an encoded image without decoding its pixels.

    Args:
        data: the whole file.
        limits: what is too large.

    Returns:
        Pillow's lazy image: JPEG, PNG, TIFF or WebP, one frame, dimensions within the limits.

    Raises:
        DecodeError: `too_large`, `unsupported` or `unreadable`, with a one-line reason.
    """
    if len(data) > limits.max_bytes:
        raise DecodeError(Status.TOO_LARGE, f"{len(data):,} bytes, more than {limits.max_bytes:,}")
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        # A library in the same process may have set it; a half-grey frame would then be scored, or shown.
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    opener = _opener_of(data)
    try:
        image = opener(data, limits)
        _check_size(image.width, image.height, limits)
        num_frames = 1 if isinstance(image, JpegImageFile) else getattr(image, "n_frames", 1)
    except PILLOW_ERRORS as problem:
        raise unreadable(problem) from problem
    if num_frames > 1:
        raise DecodeError(
            Status.UNSUPPORTED, f"an animated or multi-page {image.format} of {num_frames} frames"
        )
    return image


def unreadable(problem: BaseException) -> DecodeError:
    """What a failure of Pillow means for the media: a DecodeError passes, anything else is `unreadable`."""
    if isinstance(problem, DecodeError):
        return problem
    reason = " ".join(str(problem).split()) or type(problem).__name__
    return DecodeError(Status.UNREADABLE, f"damaged: {reason[:200]}")


def _opener_of(data: bytes) -> Callable[[bytes, DecodeLimits], ImageFile.ImageFile]:
    if not data:
        raise DecodeError(Status.UNREADABLE, "empty: 0 bytes")
    if data.startswith(b"\xff\xd8"):
        return _open_jpeg
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return lambda data, limits: PngImagePlugin.PngImageFile(io.BytesIO(data))
    if data[:4] in {b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"}:
        return lambda data, limits: TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _open_webp
    for offset, magic, name in _OTHER_FORMATS:
        if data[offset:].startswith(magic) if offset == 0 else data[offset : offset + len(magic)] == magic:
            raise DecodeError(Status.UNSUPPORTED, f"{name}: {_SUPPORTED}")
    raise DecodeError(Status.UNREADABLE, f"no image: it begins with {data[:12]!r}; {_SUPPORTED}")


def _check_size(width_px: int, height_px: int, limits: DecodeLimits) -> None:
    # Ours and not Pillow's: that one is a global of the process, and only warns up to twice its limit.
    if width_px * height_px > limits.max_pixels:
        raise DecodeError(
            Status.TOO_LARGE, f"{width_px:,} by {height_px:,} pixels, more than {limits.max_pixels:,} in all"
        )
    if width_px < 1 or height_px < 1:
        raise DecodeError(Status.UNREADABLE, f"damaged: {width_px} by {height_px} pixels")


def _open_webp(data: bytes, limits: DecodeLimits) -> ImageFile.ImageFile:
    # Pillow's WebP decoder takes memory for the whole canvas on opening, so the header is read here first.
    chunk = data[12:16]
    if len(data) < 30:
        raise DecodeError(Status.UNREADABLE, "damaged: it ends within the header")
    if chunk == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        if data[20] & 0x02:
            raise DecodeError(Status.UNSUPPORTED, "an animated WebP")
    elif chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif chunk == b"VP8 ":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    else:
        raise DecodeError(Status.UNREADABLE, f"damaged: a WebP that begins with chunk {chunk!r}")
    _check_size(width, height, limits)
    declared = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < declared:
        raise DecodeError(Status.UNREADABLE, f"truncated: {len(data):,} of {declared:,} bytes")
    return WebPImagePlugin.WebPImageFile(io.BytesIO(data))


class _JpegHeader(NamedTuple):
    frame_marker: int
    components: bytes
    scan_start: int
    standard_tables: bool


def _open_jpeg(data: bytes, limits: DecodeLimits) -> ImageFile.ImageFile:
    header = _read_jpeg_header(data)
    if header is None:  # Pillow names what is wrong with it
        return JpegImageFile(io.BytesIO(data))
    end = data.find(_END_OF_IMAGE, header.scan_start)
    stop = len(data) if end < 0 else end
    if header.standard_tables and _has_lost_sector(data, header.scan_start, stop):
        raise DecodeError(Status.UNREADABLE, "damaged: a part of the image data is overwritten with zeros")
    first = _read_scan(data, header.scan_start, stop)
    if first and first.components == header.components and header.frame_marker in (0xC0, 0xC1):
        # At an end marker libjpeg fills what is missing with grey and only warns, a warning that Pillow
        # drops. Without the marker it asks for more, and Pillow says that the file is truncated.
        data = data[:stop] + _LOOK_AHEAD
    elif header.frame_marker in (0xC0, 0xC1, 0xC2):
        _check_scans(data, header, stop)
    return JpegImageFile(io.BytesIO(data))


def _has_lost_sector(data: bytes, start: int, stop: int) -> bool:
    # Any 512 zeros hold two neighbours of this sample: one look in 256 spares most files the search.
    return b"\x00\x00" in data[start:stop:256] and data.find(_LOST_SECTOR, start, stop) >= 0


def _read_jpeg_header(data: bytes) -> _JpegHeader | None:
    """Walk the segments to the first scan; None where the file does not have that form."""
    at, frame_marker, components, standard_tables = 2, 0, b"", False
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if marker == 0xDA:
            return _JpegHeader(frame_marker, components, at, standard_tables) if components else None
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame_marker, components = marker, body[6::3]
        elif marker == 0xC4:
            standard_tables = standard_tables or body[1:].startswith(_STANDARD_DC_TABLE)
        at += 2 + length
    return None


class _Scan(NamedTuple):
    components: bytes
    first: int
    last: int
    low_bit: int


def _read_scan(data: bytes, start: int, stop: int) -> _Scan | None:
    """The scan header at `start`, or None where the bytes are none."""
    at = start + 4
    num_components = data[at] if at < stop else 0
    tail = at + 1 + 2 * num_components
    if not 1 <= num_components <= 4 or tail + 3 > stop or data[at - 1] != 6 + 2 * num_components:
        return None
    return _Scan(data[at + 1 : tail : 2], data[tail], min(data[tail + 1], 63), data[tail + 2] & 0x0F)


def _check_scans(data: bytes, header: _JpegHeader, stop: int) -> None:
    """Raise DecodeError unless each component has had every coefficient refined to its last bit.

    A file of many scans, cut in an early one and closed by an end marker, looks blurred or grey and
    raises no error in Pillow; one cut within its last scans has lost what nobody sees.
    """
    done, num_scans, at = set(), 0, header.scan_start
    # Entropy-coded bytes cannot imitate a scan header.
    while 0 <= at < stop:
        scan = _read_scan(data, at, stop)
        if scan is not None:
            num_scans += 1
            if scan.low_bit == 0:
                done |= {(name, end) for name in scan.components for end in (scan.first, scan.last)}
        at = data.find(_SCAN_START, at + 2, stop)
    ends = (0, 63) if header.frame_marker == 0xC2 else (0,)
    if not {(name, end) for name in header.components for end in ends} <= done:
        raise DecodeError(Status.UNREADABLE, f"truncated: its last scans are missing, {num_scans} are there")
