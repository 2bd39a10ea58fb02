"""Light and wind over a drawn place at one moment.

Owns: the sun's height, colour and flecks by the hour, the infrared flash at night, and the smooth
displacement that wind brings. Refuses: drawing things.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from blanktrap.vision.drawing.scenery import Scenery
from blanktrap.vision.drawing.textures import Field

SUNRISE_H, SUNSET_H = 6.0, 19.5
# Light maps are smooth: a quarter of the size is enough, and sixteen times cheaper.
COARSE = 4


@dataclass(frozen=True, kw_only=True)
class Light:
    """What lights one moment."""

    is_night: bool
    sun_height: float
    """0 at the horizon, 1 at its highest; 0 at night."""
    sun_side: float
    """-1 in the east (left), 1 in the west: shadows fall to the other side."""
    cloud: float
    """0 is a clear sky with hard flecks, 1 is overcast."""
    hour: float


def light_at(taken: datetime, *, cloud: float) -> Light:
    """The light at a time of day; night is when the camera switches to infrared."""
    hour = taken.hour + taken.minute / 60 + taken.second / 3600
    share = (hour - SUNRISE_H) / (SUNSET_H - SUNRISE_H)
    is_night = not 0.0 <= share <= 1.0
    return Light(
        is_night=is_night,
        sun_height=0.0 if is_night else float(np.sin(np.pi * share)),
        sun_side=float(np.clip(2.0 * share - 1.0, -1.0, 1.0)),
        cloud=cloud,
        hour=hour,
    )


def draw_light_map(
    scenery: Scenery, light: Light, *, shadows: list[tuple[float, float, float, float]], drift: float
) -> Image.Image:
    """What every pixel of the place is multiplied by, 255 being full light.

    Args:
        scenery: the place.
        light: the moment.
        shadows: for each thing that stands: column and row of the foot, width and height in pixels.
        drift: moves leaf shadows a little, as wind in the canopy does.

    Returns:
        RGB by day, L at night, in the size of the place.
    """
    size = (scenery.width_px // COARSE + 1, scenery.height_px // COARSE + 1)
    full = (scenery.width_px, scenery.height_px)
    rows = (np.arange(size[1], dtype=np.float32)[:, None] + 0.5) * COARSE
    if light.is_night:
        near = np.clip((rows - scenery.horizon_px) / (scenery.height_px - scenery.horizon_px), 0.0, 1.0)
        columns = np.linspace(-1.0, 1.0, size[0], dtype=np.float32)[None, :]
        beam = flash_at(near) * (1.0 - 0.45 * columns**2)
        shadow = _shadow_mask(size, shadows, side=0.0, stretch=0.0)
        field = beam * (1.0 - 0.35 * shadow)
        return Image.fromarray(np.clip(field * 255.0, 0.0, 255.0).astype(np.uint8)).resize(
            full, Image.Resampling.BICUBIC
        )
    stretch = min(2.2, 0.35 / max(0.12, light.sun_height))
    shadow = _shadow_mask(size, shadows, side=-light.sun_side, stretch=stretch)
    sun = (1.0 - light.cloud) * (0.35 + 0.65 * light.sun_height)
    open_share = _flecks(scenery, light, size, drift)
    direct = sun * (1.0 - shadow) * open_share
    # The camera's own exposure makes up for clouds: they take contrast more than light.
    contrast = min(1.0, 1.5 * sun)
    level = (1.0 - contrast) * (0.84 - 0.2 * shadow) + contrast * (0.46 + 0.54 * direct / max(sun, 1e-3))
    level = level * (0.84 + 0.16 * light.sun_height)
    warmth = (1.0 - light.sun_height) ** 2 * (1.0 - 0.7 * light.cloud)
    tint = np.array([1.0, 1.0 - 0.07 * warmth, 1.0 - 0.2 * warmth], dtype=np.float32)
    shade_tint = np.array([0.94, 0.98, 1.0], dtype=np.float32)
    share = (direct / max(sun, 1e-3))[..., None]
    colour = level[..., None] * (tint * share + shade_tint * (1.0 - share))
    pixels = np.clip(colour * 255.0, 0.0, 255.0).astype(np.uint8)
    return Image.fromarray(pixels, "RGB").resize(full, Image.Resampling.BILINEAR)


def flash_at(near: Field | float) -> Field:
    """Share of the infrared flash that reaches the ground at a nearness: strong close by, little far away."""
    near = np.asarray(near, dtype=np.float32)
    return np.clip(0.1 + 1.15 * near**0.8, 0.0, 1.0) * (1.0 - 0.12 * np.clip(near - 0.8, 0.0, 1.0))


def _flecks(scenery: Scenery, light: Light, size: tuple[int, int], drift: float) -> Field:
    """Where the sun comes through: leaf shadows stretched along the ground, moving with the hour."""
    side = scenery.shade.shape[0]
    rows = np.arange(size[1], dtype=np.float32)[:, None] * COARSE
    columns = np.arange(size[0], dtype=np.float32)[None, :] * COARSE
    near = np.clip((rows - scenery.horizon_px) / (scenery.height_px - scenery.horizon_px), 0.08, 1.0)
    down = (rows * 0.55 + light.hour * 37.0 + drift).astype(np.int64) % side
    across = (
        (columns - scenery.width_px / 2) * 0.4 / np.sqrt(near) + light.hour * 61.0 + drift * 1.7
    ).astype(np.int64) % side
    noise = scenery.shade[down, across]
    through = np.clip((noise + 0.75 - 1.1 * scenery.canopy) * 1.6 + 0.5, 0.0, 1.0)
    # Leaves throw their shadows on the ground, not into the sky.
    strength = (0.25 + 0.6 * scenery.canopy) * np.clip((rows - scenery.horizon_px) / 30.0 + 1.0, 0.0, 1.0)
    return (1.0 - strength * (1.0 - through)).astype(np.float32)


def _shadow_mask(
    size: tuple[int, int], shadows: list[tuple[float, float, float, float]], *, side: float, stretch: float
) -> Field:
    """Soft shadows on the ground in [0, 1]: an ellipse below each thing, drawn out away from the sun."""
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    for x, foot, width, height in shadows:
        reach = side * stretch * height
        across, deep = width * 0.5, max(2.0, width * 0.09)
        left, right = min(0.0, reach) - across, max(0.0, reach) + across
        box = [x + left, foot - deep - stretch * height * 0.04, x + right, foot + deep]
        pen.ellipse([value / COARSE for value in box], fill=210)
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(1.6)), dtype=np.float32) / 255.0


def blow(
    rng: np.random.Generator, image: Image.Image, *, strength_px: float, still_above: float
) -> Image.Image:
    """Displace a picture by a smooth random field, as wind does with grass and leaves.

    Args:
        rng: another draw is another gust.
        image: what is displaced.
        strength_px: typical displacement.
        still_above: row above which hardly anything moves.
    """
    width, height = image.size
    columns, rows = 14, 10
    x = np.linspace(0.0, width, columns + 1).round()
    y = np.linspace(0.0, height, rows + 1).round()
    moving = np.where(y < still_above, 0.35, 1.0)[:, None]
    shift: NDArray[np.float64] = rng.normal(0.0, strength_px, (2, rows + 1, columns + 1)) * moving
    shift[1] *= 0.35
    # The rim stays, so that nothing from outside comes in.
    shift[:, [0, -1], :] = 0.0
    shift[:, :, [0, -1]] = 0.0
    source_x, source_y = x[None, :] + shift[0], y[:, None] + shift[1]
    mesh = []
    for row in range(rows):
        for column in range(columns):
            box = (int(x[column]), int(y[row]), int(x[column + 1]), int(y[row + 1]))
            corners = ((row, column), (row + 1, column), (row + 1, column + 1), (row, column + 1))
            quad = [value for at in corners for value in (source_x[at], source_y[at])]
            mesh.append((box, tuple(quad)))
    return image.transform(image.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def lean(image: Image.Image, shift_px: float) -> Image.Image:
    """Bend a plant: its top moves by so many pixels, its foot stays. The picture grows to both sides."""
    margin = int(abs(shift_px)) + 1
    width, height = image.size[0] + 2 * margin, image.size[1]
    slope = shift_px / height
    return image.transform(
        (width, height),
        Image.Transform.AFFINE,
        (1.0, slope, -margin - slope * height, 0.0, 1.0, 0.0),
        Image.Resampling.BILINEAR,
    )
