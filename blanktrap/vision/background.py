"""What changed at a place: a frame against a robust background of its neighbours, pure numpy.

Owns: the small grey images that are compared, and the coded difference with its mask. Refuses: decoding, and
which media are neighbours (`blanktrap.core.neighbours`).
"""

from dataclasses import dataclass

import numpy as np

from blanktrap.core.config import NUM_COLOURS

NO_CHANGE = 128
"""Code of a pixel that does not differ."""
FEWEST_NEIGHBOURS = 3
"""With fewer that are alike there is no background."""
_LONGEST_PX = 256
"""Long side of what is compared, at the most."""
_CODES_PER_NOISE = 8.0
_FLOOR = 3.0
_TO_DEVIATION = 1.4826


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
    """The grey image that is compared with others of its place.

    Args:
        pixels: red, green, blue, uint8, shape (height_px, width_px, 3).

    Returns:
        uint8; the size follows from that of the pixels alone, by a whole factor.
    """
    grey = (pixels[..., :NUM_COLOURS].astype(np.uint16) @ np.array([77, 150, 29], np.uint16)) >> 8
    factor = _factor(pixels.shape[0], pixels.shape[1])
    if factor == 1:
        return grey.astype(np.uint8)
    rows, columns = grey.shape[0] // factor, grey.shape[1] // factor
    cells = grey[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return np.rint(cells.mean(axis=(1, 3))).astype(np.uint8)


def _factor(height_px: int, width_px: int) -> int:
    return -(-max(height_px, width_px) // _LONGEST_PX)


def see_change(frame: np.ndarray, frames: np.ndarray, is_alike: np.ndarray) -> Change:
    """Compare a frame with its neighbours.

    Args:
        frame: as `small_luminance` gives it, shape (height, width).
        frames: its neighbours, the same, shape (num_neighbours, height, width).
        is_alike: those taken in the same light and at the same size, boolean, shape (num_neighbours,).

    Returns:
        Mask 0 and difference 128 everywhere where too few neighbours show the same view.
    """
    alike = frames[is_alike].astype(np.float32)
    if len(alike) < FEWEST_NEIGHBOURS:
        return no_change(frame.shape)
    now = frame.astype(np.float32)
    background = np.median(alike, axis=0)
    noise = _TO_DEVIATION * np.median(np.abs(alike - background), axis=0) + _FLOOR
    coded = np.rint(NO_CHANGE + _CODES_PER_NOISE * (now - background) / noise).clip(1, 255)
    return Change(difference=coded.astype(np.uint8), mask=np.full(frame.shape, 255, np.uint8))


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
    joined[..., :NUM_COLOURS] = pixels[..., :NUM_COLOURS]
    for channel, small in enumerate((change.difference, change.mask), NUM_COLOURS):
        large = small.repeat(factor, axis=0).repeat(factor, axis=1)
        beyond = ((0, height_px - large.shape[0]), (0, width_px - large.shape[1]))
        joined[..., channel] = np.pad(large, beyond, mode="edge")
    return joined


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
