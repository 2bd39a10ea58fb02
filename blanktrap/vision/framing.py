"""Where a place of the original image lies in the network's input, and back.

Owns: the geometry of decoding (banner crop, squash, letterbox) as a map between normalised coordinates.
Refuses: pixels; what it says is what `decoding` does, within a pixel of the input.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanktrap.core.config import Preprocessing
from blanktrap.vision.decoding import inner_size

Area = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True, kw_only=True)
class Framing:
    """The map of one image. Coordinates of the original are shares of its upright width and height."""

    preprocessing: Preprocessing
    picture: tuple[int, int, int, int]
    """Left, top, right, bottom of what is no padding, in pixels of the input."""

    @classmethod
    def of(cls, width_px: int, height_px: int, preprocessing: Preprocessing) -> "Framing":
        """The map of an image of this upright size, banners included."""
        width, height = inner_size(width_px, height_px, preprocessing)
        left, top = (preprocessing.width_px - width) // 2, (preprocessing.height_px - height) // 2
        return cls(preprocessing=preprocessing, picture=(left, top, left + width, top + height))

    def to_input(self, area: Area) -> Area | None:
        """An area of the original in pixels of the input, cut to the picture; None where nothing is left."""
        left, top, right, bottom = self.picture
        banner, kept = self._rows()
        xs = [left + x * (right - left) for x in area[::2]]
        ys = [top + (y - banner) / kept * (bottom - top) for y in area[1::2]]
        cut = (max(xs[0], left), max(ys[0], top), min(xs[1], right), min(ys[1], bottom))
        return cut if cut[0] < cut[2] and cut[1] < cut[3] else None

    def to_original(self, x: float, y: float) -> tuple[float, float]:
        """A point of the input, in shares of its size, in shares of the original.

        A point in the padding lies outside [0, 1], or in a banner.
        """
        left, top, right, bottom = self.picture
        banner, kept = self._rows()
        across = (x * self.preprocessing.width_px - left) / (right - left)
        down = (y * self.preprocessing.height_px - top) / (bottom - top)
        return across, banner + down * kept

    def _rows(self) -> tuple[float, float]:
        """The share of the height above the picture, and that of the picture."""
        top, bottom = self.preprocessing.banner_top, self.preprocessing.banner_bottom
        return top, 1.0 - top - bottom


def distance_to_areas(
    x: NDArray[np.floating], y: NDArray[np.floating], areas: list[Area]
) -> NDArray[np.floating]:
    """Distance of points to the nearest of some areas, 0 inside one; of the shape that x and y broadcast to.

    Args:
        x: columns, in the unit of the areas.
        y: rows.
        areas: at least one.
    """
    distances = [
        np.hypot(
            np.maximum(np.maximum(left - x, x - right), 0.0), np.maximum(np.maximum(top - y, y - bottom), 0.0)
        )
        for left, top, right, bottom in areas
    ]
    nearest: NDArray[np.floating] = np.minimum.reduce(distances)
    return nearest
