"""What changed at a place: a frame against a robust background of its neighbours.

Owns: the small images that are compared, and the coded difference with its mask. Refuses: decoding, and which
media are neighbours (`blanktrap.core.neighbours`). Neither torch nor chance: the same frames give the same
bytes.

What is compared is local contrast, the logarithm of luminance less its mean around: a camera that exposes
longer, a cloud, or an infrared lamp that reaches further adds something smooth to it, which falls away
(homomorphic filtering: Oppenheim, Schafer & Stockham 1968). The background is the median of the neighbours
and the noise their median deviation, the one as in Cheung & Kamath 2004 for video and Yousif et al. 2019 for
camera traps.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from blanktrap.core.config import NUM_COLOURS
from blanktrap.vision.medians import median_of
from blanktrap.vision.registration import find_shifts, lay_over, shrink

NO_CHANGE = 128
"""Code of a pixel that does not differ."""
FEWEST_NEIGHBOURS = 3
"""With fewer that show the same view in the same light there is no background."""
_LONGEST_PX = 256
"""Long side of what is compared, at the most."""
_UNIT = 1000.0
"""Of local contrast: 1/1000 of a natural logarithm, so that it fits 16 bits."""
_DARK = 10.0
"""Added to luminance in [0, 255] before its logarithm: below it there is nothing but noise."""
_SMOOTHED, _AROUND = 1.0 / 128.0, 1.0 / 12.0
"""Widths of the two means whose difference is local contrast, as shares of the long side: leaves tremble by
the first, light changes over the second. Chosen by the heuristic of benchmarks/background_ablation.py."""
_FLOOR = 25.0
"""Least noise, in units of local contrast: few neighbours may agree by accident."""
_TO_DEVIATION = 1.4826
"""From the median absolute deviation to the standard deviation of a normal distribution."""
_CODE_SCALE = 24.0
"""Codes a unit of asinh(difference / noise): fine near zero, 127 at a hundred times the noise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """A frame against its background, both arrays uint8, shape (height, width) of the small images."""

    difference: np.ndarray
    """Signed difference in units of the local noise, coded around 128: brighter than the background above."""
    mask: np.ndarray
    """255 where the background is known, else 0."""

    @property
    def has_background(self) -> bool:
        """Whether there is any."""
        return bool(self.mask.any())


def small_luminance(pixels: np.ndarray) -> np.ndarray:
    """The small image that is compared with others of its place: local contrast of luminance.

    Args:
        pixels: red, green, blue, uint8, shape (height_px, width_px, 3 or more).

    Returns:
        int16, in thousandths of a natural logarithm; the size follows from that of the pixels alone, by a
        whole factor.
    """
    light = np.log(shrink(_grey(pixels), _factor(*pixels.shape[:2])) + np.float32(_DARK))
    longest = max(light.shape)
    contrast = _mean_around(light, _SMOOTHED * longest) - _mean_around(light, _AROUND * longest)
    return np.rint(_UNIT * contrast).astype(np.int16)


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Luminance in [0, 255], uint16, shape (height_px, width_px)."""
    # Plane by plane: a product of small matrices of integers takes three times as long.
    red, green, blue = (pixels[..., channel].astype(np.uint16) for channel in range(NUM_COLOURS))
    red *= 77
    green *= 150
    blue *= 29
    red += green
    red += blue
    red >>= 8
    return red


def _factor(height_px: int, width_px: int) -> int:
    return -(-max(height_px, width_px) // _LONGEST_PX)


def _mean_around(image: np.ndarray, width_px: float) -> np.ndarray:
    """The mean around each pixel, weighted by a bell curve of this width, cut off at the borders."""
    rows, columns = image.shape
    found: np.ndarray = _bells(rows, width_px) @ image @ _bells(columns, width_px).T
    return found


@lru_cache(maxsize=16)
def _bells(size: int, width_px: float) -> np.ndarray:
    """Weights of all pixels of a line in the mean around each, float32, shape (size, size)."""
    apart = np.arange(size)[:, None] - np.arange(size)
    weights = np.exp(-0.5 * (apart / width_px) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def see_change(frame: np.ndarray, frames: np.ndarray, is_alike: np.ndarray) -> Change:
    """Compare a frame with its neighbours.

    Args:
        frame: as `small_luminance` gives it, shape (height, width).
        frames: its neighbours, the same, shape (num_neighbours, height, width).
        is_alike: those taken in the same light and at the same size, boolean, shape (num_neighbours,).

    Returns:
        Mask 0 and difference 128 everywhere where too few neighbours show the same view.
    """
    alike = frames[is_alike]
    if len(alike) < FEWEST_NEIGHBOURS:
        return no_change(frame.shape)
    shifts, is_same = find_shifts(frame, alike)
    if is_same.sum() < FEWEST_NEIGHBOURS:
        return no_change(frame.shape)
    laid, is_covered = lay_over(alike[is_same], shifts[is_same])
    background = median_of(laid)
    deviation = median_of(np.abs(laid - background)).astype(np.float32)
    apart = frame.astype(np.float32) - background
    coded = NO_CHANGE + np.rint(_CODE_SCALE * np.arcsinh(apart / (_TO_DEVIATION * deviation + _FLOOR)))
    difference = np.where(is_covered, coded.clip(1, 255), NO_CHANGE).astype(np.uint8)
    return Change(difference=difference, mask=np.where(is_covered, 255, 0).astype(np.uint8))


def in_noise(difference: np.ndarray) -> np.ndarray:
    """Coded differences as signed multiples of the noise, float64, of the same shape."""
    signed = difference.astype(np.float64) - NO_CHANGE
    found: np.ndarray = np.sinh(signed / _CODE_SCALE)
    return found


def no_change(shape: tuple[int, ...]) -> Change:
    """What is known of a frame without background."""
    return Change(difference=np.full(shape, NO_CHANGE, np.uint8), mask=np.zeros(shape, np.uint8))


def with_change(pixels: np.ndarray, change: Change) -> np.ndarray:
    """Colours, difference and mask at the size of the network's input.

    Args:
        pixels: uint8, shape (height_px, width_px, 3).
        change: of `small_luminance(pixels)`.

    Returns:
        uint8, shape (height_px, width_px, 5).
    """
    height_px, width_px = pixels.shape[:2]
    factor = _factor(height_px, width_px)
    joined = np.empty((height_px, width_px, NUM_COLOURS + 2), np.uint8)
    for channel in range(NUM_COLOURS):
        joined[..., channel] = pixels[..., channel]
    for channel, small in enumerate((change.difference, change.mask), NUM_COLOURS):
        joined[..., channel] = _enlarged(small, factor, height_px, width_px)
    return joined


def _enlarged(small: np.ndarray, factor: int, height_px: int, width_px: int) -> np.ndarray:
    """Each pixel as a square of so many; what is left over at the far edges is as the last ones."""
    large = np.empty((height_px, width_px), np.uint8)
    rows, columns = small.shape[0] * factor, small.shape[1] * factor
    for down in range(factor):
        for right in range(factor):
            large[down:rows:factor, right:columns:factor] = small
    large[rows:] = large[rows - 1]
    large[:, columns:] = large[:, columns - 1 : columns]
    return large


def without_background(pixels: np.ndarray) -> np.ndarray:
    """Media of which no background is known, as a network that compares takes them.

    Args:
        pixels: uint8, shape (…, height_px, width_px, 3 or 5).

    Returns:
        uint8, shape (…, height_px, width_px, 5), difference 128 and mask 0.
    """
    joined = np.zeros((*pixels.shape[:-1], NUM_COLOURS + 2), np.uint8)
    joined[..., :NUM_COLOURS] = pixels[..., :NUM_COLOURS]
    joined[..., NUM_COLOURS] = NO_CHANGE
    return joined
