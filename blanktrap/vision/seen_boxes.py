"""The boxes of a media as they lie in the network's input.

Owns: which of them can be used and are seen, and where. Refuses: reading boxes, pixels, and guessing to which
side an image was turned.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from blanktrap.core.config import Preprocessing
from blanktrap.files.annotations.boxes import MediaBoxes
from blanktrap.vision.framing import Area, Framing


def is_turned(boxes: MediaBoxes, width_px: int, height_px: int) -> bool:
    """Whether boxes were drawn on the image lying on its side: nobody says to which side it was turned.

    Args:
        boxes: of one file, with the shape that it states.
        width_px: of the upright image, as `height_px`.
        height_px: banners included.
    """
    if boxes.shape is None:
        return False
    return (boxes.shape[0] - boxes.shape[1]) * (width_px - height_px) < 0


def areas_in_input(
    boxes: Iterable[MediaBoxes], width_px: int, height_px: int, preprocessing: Preprocessing
) -> tuple[Area, ...]:
    """What of a media's boxes is seen, in pixels of the input; those of a turned image are left out.

    Args:
        boxes: of each file that has some.
        width_px: of the upright image, as `height_px`.
        height_px: banners included.
        preprocessing: what the image has been through.
    """
    framing = Framing.of(width_px, height_px, preprocessing)
    usable = (one for one in boxes if not is_turned(one, width_px, height_px))
    seen = (framing.to_input(area) for one in usable for area in one.areas)
    return tuple(area for area in seen if area is not None)


def shares_of_input(
    boxes: Iterable[MediaBoxes], width_px: int, height_px: int, preprocessing: Preprocessing
) -> NDArray[np.float64]:
    """As `areas_in_input`, in shares of the input's width and height, shape (num_boxes, 4)."""
    areas = np.array(areas_in_input(boxes, width_px, height_px, preprocessing), np.float64).reshape(-1, 4)
    return areas / ([preprocessing.width_px, preprocessing.height_px] * 2)
