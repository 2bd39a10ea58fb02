"""From an encoded file to pixels at the network's input size.

Owns: scaled decoding, orientation, banner crop and resizing, and the status and one-line reason of every
file that cannot become pixels. Refuses: torch (decoding workers stay small), fetching, and scores.

A JPEG is decoded at the smallest scale of its own transform (1/1, 1/2, 1/4, 1/8) that is not below the
input size, then resized once, antialiased. Against full decoding and the same resize, pixels differ by
at most `SCALED_MEAN_TOLERANCE` in the mean and `SCALED_PIXEL_TOLERANCE` in 99.9 % of values.
"""

import struct
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from PIL import ExifTags, Image, ImageFile

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.errors import DecodeError
from blanktrap.core.exposure import ExposureGrade, grade_exposure, mean_level
from blanktrap.core.light import has_flash_fired
from blanktrap.core.vocabulary import Status
from blanktrap.files.images.formats import PILLOW_ERRORS, open_still, unreadable
from blanktrap.vision.colour import is_infrared, levels_of, mend_exposure, to_eight_bit

SCALED_MEAN_TOLERANCE = 4.0
"""Mean absolute difference from full decoding, of 255, for photographs (measured: 2.8 at most)."""
SCALED_PIXEL_TOLERANCE = 40.0
"""The same at the 99.9th percentile of values (measured: 21 at most, 38 at hard drawn edges)."""

_TRANSPOSE = Image.Transpose
_ORIENTATIONS = {
    2: _TRANSPOSE.FLIP_LEFT_RIGHT,
    3: _TRANSPOSE.ROTATE_180,
    4: _TRANSPOSE.FLIP_TOP_BOTTOM,
    5: _TRANSPOSE.TRANSPOSE,
    6: _TRANSPOSE.ROTATE_270,
    7: _TRANSPOSE.TRANSVERSE,
    8: _TRANSPOSE.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
# Where the top edge of the upright image lies in the stored one.
_TOP_IS_RIGHT, _TOP_IS_BOTTOM = (7, 8), (3, 4)


@dataclass(frozen=True, kw_only=True)
class DecodedImage:
    """One image at the network's input size."""

    pixels: np.ndarray
    """Red, green, blue, uint8, shape (height_px, width_px, 3) of the input size. Where a media is
    compared with its place two channels follow, see `blanktrap.vision.background`."""
    width_px: int
    """Width of the original, upright."""
    height_px: int
    """Height of the original, upright, banners included."""
    brightness: float
    """Mean luminance in [0, 1] of what the network sees, padding apart and before automatic gamma: it
    describes the photograph, whatever a model makes of it."""
    is_night: bool
    """Infrared (practically no colour), or taken with flash (EXIF)."""
    has_background: bool = False
    """Whether it could be compared with its neighbours."""
    exposure: ExposureGrade | None = None
    """Of what the network sees, as `brightness`; None for images from a cache, which does not keep it."""


def decode_image(data: bytes, preprocessing: Preprocessing, limits: DecodeLimits) -> DecodedImage:
    """Decode one encoded image. Thread-safe; the heavy parts run without Python's global lock.

    Args:
        data: the whole file.
        preprocessing: input size, fit and banner crop. Banner shares are of the upright image.
        limits: what is too large, judged by the header before any pixel is decoded.

    Raises:
        DecodeError: with status `too_large`, `unsupported` or `unreadable` and a one-line reason.
    """
    image = open_still(data, limits)
    try:
        return _decode_opened(image, preprocessing)
    except PILLOW_ERRORS as problem:
        raise unreadable(problem) from problem
    except MemoryError as problem:
        size = f"{image.width:,} by {image.height:,} pixels"
        raise DecodeError(Status.TOO_LARGE, f"{size} do not fit into memory") from problem


def _decode_opened(image: ImageFile.ImageFile, preprocessing: Preprocessing) -> DecodedImage:
    if image.format == "PNG":
        image.load()  # a PNG may carry its EXIF after the pixels
    orientation, flash = _read_exif(image)
    stored_size = image.size
    width, height = stored_size[::-1] if orientation in _SIDEWAYS else stored_size
    inner_width, inner_height = inner_size(width, height, preprocessing)
    kept = 1.0 - preprocessing.banner_top - preprocessing.banner_bottom
    wanted = (inner_width, ceil(inner_height / kept))
    drafted = image.draft(None, wanted[::-1] if orientation in _SIDEWAYS else wanted)
    # The last pixel of a scaled JPEG may stand for less than a whole one; the true extent is a fraction.
    extent = drafted[1][2:] if drafted else stored_size
    image.load()
    between, box = _cut_banners(to_eight_bit(image, preprocessing.mean), extent, orientation, preprocessing)
    small = between.resize(
        (inner_height, inner_width) if orientation in _SIDEWAYS else (inner_width, inner_height),
        Image.Resampling.BILINEAR,
        box=box,
    )
    if orientation in _ORIENTATIONS:
        small = small.transpose(_ORIENTATIONS[orientation])
    levels = levels_of(small)
    return DecodedImage(
        pixels=_pad(mend_exposure(small) if preprocessing.auto_gamma else small, preprocessing),
        width_px=width,
        height_px=height,
        brightness=mean_level(levels),
        is_night=flash or is_infrared(small),
        exposure=grade_exposure(levels).grade,
    )


def _read_exif(image: ImageFile.ImageFile) -> tuple[int, bool]:
    """Orientation (1 to 8) and whether the flash fired; damaged EXIF says upright and no flash."""
    try:
        exif = image.getexif()
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        flash = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.Flash, 0)
    except (SyntaxError, ValueError, TypeError, LookupError, OSError, struct.error):
        return 1, False
    upright = orientation if orientation in _ORIENTATIONS else 1
    return upright, has_flash_fired(flash)


def inner_size(width: int, height: int, preprocessing: Preprocessing) -> tuple[int, int]:
    """Size that the cropped upright image takes within the input."""
    if preprocessing.fit == "squash":
        return preprocessing.width_px, preprocessing.height_px
    cropped = height * (1.0 - preprocessing.banner_top - preprocessing.banner_bottom)
    scale = min(preprocessing.width_px / width, preprocessing.height_px / cropped)
    return (
        min(preprocessing.width_px, max(1, round(width * scale))),
        min(preprocessing.height_px, max(1, round(cropped * scale))),
    )


def _cut_banners(
    image: Image.Image, extent: tuple[float, float], orientation: int, preprocessing: Preprocessing
) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """Cut the stored image between the banners.

    Returns:
        What is left, and the box of it that counts: the last pixel of a scaled JPEG may do so in part.
    """
    width, height = min(extent[0], image.width), min(extent[1], image.height)
    top, bottom = preprocessing.banner_top, preprocessing.banner_bottom
    if not top and not bottom:
        return image, (0.0, 0.0, width, height)
    if orientation in _TOP_IS_BOTTOM or orientation in _TOP_IS_RIGHT:
        top, bottom = bottom, top
    left, right = 0.0, width
    upper, lower = top * height, (1.0 - bottom) * height
    if orientation in _SIDEWAYS:
        left, right, upper, lower = top * width, (1.0 - bottom) * width, 0.0, height
    # Really cut, since resizing with a box reads beyond it; and to whole pixels on the picture's side,
    # so that not even a part of the banner's last row gets in. An image of a few rows keeps one.
    first_x, first_y = min(ceil(left), image.width - 1), min(ceil(upper), image.height - 1)
    last_x = max(first_x + 1, floor(right) if right < width else ceil(width))
    last_y = max(first_y + 1, floor(lower) if lower < height else ceil(height))
    cut = Image.new(image.mode, (last_x - first_x, last_y - first_y))
    cut.paste(image, (-first_x, -first_y))
    return cut, (0.0, 0.0, min(cut.width, width - first_x), min(cut.height, height - first_y))


def _pad(small: Image.Image, preprocessing: Preprocessing) -> np.ndarray:
    """Place the image in the middle of the input; what is left over has the mean colour."""
    pixels = np.array(small if small.mode == "RGB" else small.convert("RGB"))
    shape = (preprocessing.height_px, preprocessing.width_px, 3)
    if pixels.shape == shape:
        return pixels
    canvas = np.empty(shape, dtype=np.uint8)
    canvas[:] = np.rint(255.0 * np.asarray(preprocessing.mean)).astype(np.uint8)
    top, left = (shape[0] - pixels.shape[0]) // 2, (shape[1] - pixels.shape[1]) // 2
    canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return canvas
