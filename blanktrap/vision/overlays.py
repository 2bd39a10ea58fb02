"""A heatmap drawn over its image.

Owns: the colours of heat, boxes and peak. Refuses: computing heat, text, and files.

Heat goes from violet over orange to yellow, brighter with every step, so that it can be read without telling
red from green and in print without colours; where there is no heat the image shows.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from blanktrap.core.config import NUM_COLOURS
from blanktrap.vision.background import NO_CHANGE, in_noise
from blanktrap.vision.framing import Area

Pixels = NDArray[np.uint8]

# Points of a scale whose lightness rises evenly, from 0 to 1 of heat ("plasma" of Smith & van der Walt 2015).
_SCALE = np.array([(13, 8, 135), (126, 3, 168), (204, 71, 120), (248, 149, 64), (240, 249, 33)], np.float64)
_MOST_COVER = 0.7
"""Share of the strongest heat in a pixel; the image stays visible under it."""
_BOX_COLOUR = (86, 180, 233)
_DARK, _LIGHT = (0, 0, 0), (255, 255, 255)
_BRIGHTER, _DARKER = (213.0, 94.0, 0.0), (0.0, 90.0, 181.0)
_PALE = 0.35
"""How much of the image's own darkness is left under the colours of change."""
_FULL_CHANGE = 12.0
"""Multiples of the noise from which the colour is full."""
# Small inputs are shown enlarged by a whole factor, so that a person can see them.
_LEAST_SIDE_PX = 480


def colour_of(heat: NDArray[np.float32]) -> NDArray[np.float64]:
    """Red, green and blue in [0, 255] of heat in [0, 1], shape (…, 3)."""
    steps = np.linspace(0.0, 1.0, len(_SCALE))
    return np.stack([np.interp(heat, steps, channel) for channel in _SCALE.T], axis=-1)


def paint_heat(pixels: Pixels, heat: NDArray[np.float32]) -> Pixels:
    """The image with heat over it; where heat is 0 it is left as it is.

    Args:
        pixels: uint8, shape (height_px, width_px, 3).
        heat: in [0, 1], shape (height_px, width_px).
    """
    cover = _MOST_COVER * np.sqrt(heat)[..., None]
    painted = pixels * (1.0 - cover) + colour_of(heat) * cover
    return np.rint(painted).astype(np.uint8)


def draw_overlay(
    pixels: Pixels, heat: NDArray[np.float32], *, peak: tuple[float, float] | None, areas: list[Area]
) -> Pixels:
    """The image with heat, the peak as a ring with a dot, and boxes, enlarged where it is small.

    Args:
        pixels: as the network sees them, uint8, shape (height_px, width_px, 3).
        heat: in [0, 1], shape (height_px, width_px).
        peak: in (0, 1) of width and height; None draws none.
        areas: boxes in pixels of the input.
    """
    factor = enlargement(pixels)
    canvas = _enlarged(paint_heat(pixels, heat), factor)
    _draw_areas(canvas, areas, factor)
    if peak is not None:
        x, y = peak[0] * canvas.width, peak[1] * canvas.height
        radius = max(6.0, 0.025 * max(canvas.size))
        pen = ImageDraw.Draw(canvas)
        for size, width, colour in ((radius + 2, 6, _DARK), (radius, 2, _LIGHT)):
            pen.ellipse((x - size, y - size, x + size, y + size), outline=colour, width=width)
        pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=_LIGHT, outline=_DARK)
    return np.asarray(canvas)


def draw_plain(pixels: Pixels, areas: list[Area]) -> Pixels:
    """The image without heat, with its boxes, in the size of its overlay."""
    factor = enlargement(pixels)
    canvas = _enlarged(pixels, factor)
    _draw_areas(canvas, areas, factor)
    return np.asarray(canvas)


def draw_change(pixels: Pixels, areas: list[Area]) -> Pixels:
    """What differs from the background of the place: brighter orange, darker blue, over a pale image.

    Args:
        pixels: as `comparing.compare_images` gives them, uint8, shape (height_px, width_px, 5 or 3); where no
            background is known the picture is plain grey.
        areas: boxes in pixels of the input.
    """
    factor = enlargement(pixels)
    canvas = _enlarged(paint_change(pixels), factor)
    _draw_areas(canvas, areas, factor)
    return np.asarray(canvas)


def paint_change(pixels: Pixels) -> Pixels:
    """As `draw_change`, without boxes and as large as the input: shape (height_px, width_px, 3)."""
    colours = pixels[..., :NUM_COLOURS].astype(np.float64)
    pale = 255.0 - _PALE * (255.0 - colours.mean(axis=2, keepdims=True)).repeat(NUM_COLOURS, axis=2)
    if pixels.shape[2] == NUM_COLOURS:
        return np.full(colours.shape, NO_CHANGE, np.uint8)
    signed = in_noise(pixels[..., NUM_COLOURS])
    cover = np.minimum(np.abs(signed) / _FULL_CHANGE, 1.0)[..., None]
    hue = np.where(signed[..., None] > 0.0, _BRIGHTER, _DARKER)
    painted = pale * (1.0 - cover) + hue * cover
    is_known = pixels[..., NUM_COLOURS + 1, None] > 0
    return np.rint(np.where(is_known, painted, NO_CHANGE)).astype(np.uint8)


def enlargement(pixels: Pixels) -> int:
    """The whole factor by which an image is enlarged."""
    return max(1, -(-_LEAST_SIDE_PX // max(pixels.shape[:2])))


def _enlarged(pixels: Pixels, factor: int) -> Image.Image:
    image = Image.fromarray(pixels)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.BICUBIC)


def _draw_areas(canvas: Image.Image, areas: list[Area], factor: int) -> None:
    pen = ImageDraw.Draw(canvas)
    for area in areas:
        left, top, right, bottom = (round(factor * side) for side in area)
        right, bottom = max(right - 1, left), max(bottom - 1, top)
        pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=_DARK, width=4)
        pen.rectangle((left, top, right, bottom), outline=_BOX_COLOUR, width=2)
