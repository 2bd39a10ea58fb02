"""What a camera adds to a picture: the banner, EXIF, JPEG, and now and then a broken file.

Owns: bytes of one drawn file. Refuses: the scene in it, and where the file goes.
"""

import io
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

BANNER_SHARE = 0.06
"""Share of the image height taken by the banner at the bottom; cropping that share removes all of it."""

Flaw = Literal["truncated", "zero_bytes", "text", "zeroed_tail"]
FLAWS: tuple[Flaw, ...] = ("truncated", "zero_bytes", "text", "zeroed_tail")

_MAKE, _MODEL, _DATETIME, _DETAILS = 0x010F, 0x0110, 0x0132, 0x8769
_TAKEN, _SUBSECOND, _EXPOSURE, _FLASH, _ISO = 0x9003, 0x9291, 0x829A, 0x9209, 0x8827


@dataclass(frozen=True, kw_only=True)
class Caption:
    """What the camera knows of a frame."""

    taken: datetime
    location: str
    frame_num: int
    """From 1."""
    num_frames: int
    temperature_c: int
    is_night: bool


def banner_height_px(height_px: int) -> int:
    """Rows of the banner in a picture of this height."""
    return int(height_px * BANNER_SHARE)


def develop_jpeg(picture: Image.Image, caption: Caption, *, height_px: int) -> bytes:
    """Print the banner below a picture and write it as the camera's JPEG.

    Args:
        picture: RGB, `banner_height_px` rows lower than the file.
        caption: what the banner and EXIF say.
        height_px: height of the file.
    """
    image = Image.new("RGB", (picture.width, height_px), (0, 0, 0))
    image.paste(picture, (0, 0))
    _print_banner(image, caption, top=picture.height)
    exif = Image.Exif()
    exif[_MAKE], exif[_MODEL] = "Dusksentry", "DS-4 (drawn)"
    exif[_DATETIME] = f"{caption.taken:%Y:%m:%d %H:%M:%S}"
    details = exif.get_ifd(_DETAILS)
    details[_TAKEN] = f"{caption.taken:%Y:%m:%d %H:%M:%S}"
    details[_SUBSECOND] = f"{caption.taken.microsecond // 1000:03d}"
    details[_EXPOSURE] = 1 / 30 if caption.is_night else 1 / 250
    details[_FLASH] = 1 if caption.is_night else 0
    details[_ISO] = 1600 if caption.is_night else 100
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=86, exif=exif)
    return sink.getvalue()


def spoil(rng: np.random.Generator, data: bytes, flaw: Flaw) -> bytes:
    """What is left of a file after a full card, an empty battery or a wrong copy."""
    if flaw == "zero_bytes":
        return b""
    if flaw == "text":
        return b"This is a text file that somebody renamed to .JPG.\n" * int(rng.integers(1, 40))
    kept = int(len(data) * rng.uniform(0.15, 0.85))
    return data[:kept] if flaw == "truncated" else data[:kept] + bytes(len(data) - kept)


@lru_cache(maxsize=8)
def _font(size_px: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size_px)


def _print_banner(image: Image.Image, caption: Caption, *, top: int) -> None:
    rows = image.height - top
    if rows < 4:
        return
    pen = ImageDraw.Draw(image)
    text_px = max(4, int(rows * 0.6))
    # Cameras know no umlauts.
    plain = unicodedata.normalize("NFKD", caption.location).encode("ascii", "ignore").decode()
    place = f"{caption.temperature_c:+d}°C   {plain}"
    parts = (
        (0.015, "lm", f"{caption.taken:%Y-%m-%d  %H:%M:%S}"),
        (0.5, "lm", place),
        (0.985, "rm", f"{caption.frame_num}/{caption.num_frames}"),
    )
    for share, anchor, text in parts:
        at = (image.width * share, top + rows / 2)
        pen.text(at, text, fill=(235, 235, 225), font=_font(text_px), anchor=anchor)
