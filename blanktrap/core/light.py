"""What tells a photograph taken at night: no colour, or a flash.

Owns: the two signs and their limits. Refuses: the clock: cameras' clocks are wrong too often, and where the
sun stands depends on a place that nobody wrote down.
"""

import numpy as np
from numpy.typing import NDArray

INFRARED_CHROMA = 6.0 / 255.0
"""Mean of (largest - smallest channel), in [0, 1], below which a photograph counts as infrared.

Measured on 1,047 photographs of 43 stations and one camera more: infrared ones have 0.0001 at most,
coloured ones 0.05 at least. The space between is left to cameras whose infrared is tinted and to JPEG's
colour noise.
"""

_FLASH_FIRED = 0x01


def is_colourless(pixels: NDArray[np.uint8]) -> bool:
    """Whether a photograph has practically no colour, as infrared light gives it.

    A photograph in fog or of a grey wall by day has more colour than `INFRARED_CHROMA`; a colour image
    that somebody turned grey is taken for infrared, since nothing in it says otherwise.

    Args:
        pixels: red, green, blue from 0 to 255, shape (height_px, width_px, 3).
    """
    red, green, blue = np.moveaxis(pixels, 2, 0)
    chroma = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return float(chroma.mean()) / 255.0 < INFRARED_CHROMA


def has_flash_fired(flash: object) -> bool:
    """Whether the EXIF tag `Flash` says that the flash fired.

    That it did not says nothing: cameras with infrared lamps write 0 by night as well (a Bushnell does).
    """
    return isinstance(flash, int) and bool(flash & _FLASH_FIRED)
