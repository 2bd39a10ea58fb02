"""Drawn animals: body, legs, head, tail and coat of a species in a pose.

Owns: a picture with transparency of one animal. Refuses: where it stands and the light on it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from blanktrap.vision.drawing.plants import Colour
from blanktrap.vision.drawing.species import Points, Species
from blanktrap.vision.drawing.textures import smooth_noise

Place = Callable[[NDArray[np.float64]], list[tuple[float, float]]]
SUPERSAMPLING = 3
# The drawing board in heights of the back: left, right, top; the ground is its lower edge.
BOARD = (-1.45, 1.65, 1.95)


@dataclass(frozen=True, kw_only=True)
class Pose:
    """One animal as it is to be drawn."""

    species: Species
    height_px: float
    """Height of the back."""
    stride: float
    """Phase of its step in turns."""
    facing_left: bool
    grazing: bool
    coat: Colour
    """Colour of this animal; camouflage moves it towards that of the place."""
    seed: int
    """Seed of the coat's texture: the same animal in the next frame has the same."""


@dataclass(frozen=True, kw_only=True)
class Sprite:
    """An animal with transparency. Its feet are at the lower edge."""

    image: Image.Image
    middle_px: float
    """Column of the middle of the body."""
    eye_px: tuple[float, float]
    """Column and row of the eye."""


def draw_animal(pose: Pose) -> Sprite:
    """Draw an animal standing on the lower edge of its picture."""
    species = pose.species
    unit = pose.height_px * SUPERSAMPLING
    left, right, top = BOARD
    size = (max(4, int((right - left) * unit)), max(4, int(top * unit)))

    def place(points: NDArray[np.float64]) -> list[tuple[float, float]]:
        return [((x - left) * unit, size[1] - 1 - y * unit) for x, y in points]

    coat = np.array(pose.coat)
    ratio = coat / np.array(species.coat)
    belly = np.clip(np.array(species.belly) * ratio, 0, 255)
    image = Image.new("RGBA", size, (*_whole(coat), 0))
    pen = ImageDraw.Draw(image)
    outline = _smooth_outline(species.back)
    if pose.grazing:
        outline = _lower_head(outline)
    near = species.legs[len(species.legs) // 2 - 1 :: len(species.legs) // 2]
    for leg in species.legs:
        phase = pose.stride + (0.5 if leg in near else 0.0) + (0.25 if leg > 0 else 0.0)
        gain = 0.82 if leg in near else 0.55
        pen.polygon(place(_leg(species, leg, phase)), fill=(*_whole(coat * gain), 255))
    tail = _ribbon(np.array(species.tail), species.tail_width)
    pen.polygon(place(tail), fill=(*_whole(coat * 0.9), 255))
    ears = [np.array(ear) for ear in species.ears]
    if pose.grazing:
        ears = [_lower_head(ear) for ear in ears]
    pen.polygon(place(ears[0]), fill=(*_whole(coat * 0.7), 255))
    if species.antlers and pose.seed % 3 == 0:
        _draw_antlers(pen, place, unit, grazing=pose.grazing)
    pen.polygon(place(outline), fill=(*_whole(coat), 255))
    if species.stripe:
        pen.polygon(place(np.array(species.stripe)), fill=(226, 222, 214, 255))
    pen.polygon(place(ears[-1]), fill=(*_whole(coat * 0.85), 255))
    eye = np.array([species.eye])
    eye = _lower_head(eye) if pose.grazing else eye
    (eye_x, eye_y), radius = place(eye)[0], max(1.0, 0.022 * unit)
    pen.ellipse((eye_x - radius, eye_y - radius, eye_x + radius, eye_y + radius), fill=(18, 14, 12, 255))
    small = image.resize(
        (max(2, size[0] // SUPERSAMPLING), max(2, size[1] // SUPERSAMPLING)), Image.Resampling.BOX
    )
    small = _shade_coat(small, pose, belly)
    middle, eye_at = -left * pose.height_px, (eye_x / SUPERSAMPLING, eye_y / SUPERSAMPLING)
    if pose.facing_left:
        small = small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        middle, eye_at = small.width - middle, (small.width - eye_at[0], eye_at[1])
    return Sprite(image=small, middle_px=middle, eye_px=eye_at)


def _whole(colour: NDArray[np.float64]) -> tuple[int, int, int]:
    red, green, blue = np.clip(colour, 0.0, 255.0).astype(int).tolist()
    return red, green, blue


@cache
def _smooth_outline(points: Points) -> NDArray[np.float64]:
    """A closed curve through the points (Catmull-Rom), shape (12 * num_points, 2)."""
    knots = np.array(points)
    before, after, beyond = np.roll(knots, 1, 0), np.roll(knots, -1, 0), np.roll(knots, -2, 0)
    t = np.linspace(0.0, 1.0, 12, endpoint=False)[None, :, None]
    a, b, c, d = (part[:, None, :] for part in (before, knots, after, beyond))
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    curve = curve.reshape(-1, 2)
    curve.setflags(write=False)
    return curve


def _lower_head(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn what lies before the shoulder downward, the more the farther forward."""
    pivot = np.array([0.46, 0.84])
    ahead = np.clip((points[:, 0] - 0.34) / 0.4, 0.0, 1.0)
    ahead = ahead * ahead * (3.0 - 2.0 * ahead)
    turn = -1.5 * ahead
    offset = points - pivot
    rotated = np.stack(
        [
            offset[:, 0] * np.cos(turn) - offset[:, 1] * np.sin(turn),
            offset[:, 0] * np.sin(turn) + offset[:, 1] * np.cos(turn),
        ],
        axis=1,
    )
    lowered = pivot + rotated
    lowered[:, 1] = np.maximum(lowered[:, 1], 0.03)
    return lowered


def _leg(species: Species, x: float, phase: float) -> NDArray[np.float64]:
    """A leg with a knee, swung forward or back by the phase of the step."""
    swing = 0.2 * np.sin(2 * np.pi * phase) * min(1.0, species.leg_top * 1.4)
    lift = 0.07 * max(0.0, np.cos(2 * np.pi * phase)) * species.leg_top
    bend = 0.06 if x > 0 else -0.07
    line = np.array(
        [
            (x, species.leg_top),
            (x + swing * 0.35 + bend * 0.6, species.leg_top * 0.52),
            (x + swing * 0.8, species.leg_top * 0.1 + lift),
            (x + swing + species.leg_width * 0.7, lift + 0.015),
        ]
    )
    return _ribbon(line, np.array([1.9, 1.0, 0.62, 0.8]) * species.leg_width)


def _ribbon(line: NDArray[np.float64], width: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """The outline of a thick line, rounded where it is a tail: widest in the middle."""
    num = len(line)
    if np.ndim(width) == 0:
        width = float(np.asarray(width)) * np.interp(np.linspace(0, 1, num), [0, 0.5, 1], [0.7, 1.0, 0.5])
    direction = np.gradient(line, axis=0)
    direction /= np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-6)[:, None]
    across = np.stack([-direction[:, 1], direction[:, 0]], axis=1) * np.asarray(width)[:, None] / 2
    return np.concatenate([line + across, (line - across)[::-1]])


def _draw_antlers(pen: ImageDraw.ImageDraw, place: Place, unit: float, *, grazing: bool) -> None:
    for lean in (0.0, 0.1):
        for points in (
            [(0.8 + lean, 1.54), (0.66 + lean, 1.72), (0.7 + lean, 1.93)],
            [(0.7 + lean, 1.68), (0.86 + lean, 1.82)],
        ):
            line = np.array(points)
            pen.line(
                place(_lower_head(line) if grazing else line),
                fill=(92, 78, 60, 255),
                width=max(1, int(0.035 * unit)),
            )


def _shade_coat(image: Image.Image, pose: Pose, belly: NDArray[np.float64]) -> Image.Image:
    """Round the body by light from above, lighten the belly, add fur and spots."""
    rng = np.random.default_rng((pose.seed, 77))
    pixels = np.asarray(image).astype(np.float32)
    height, width = pixels.shape[:2]
    up = 1.0 - np.arange(height, dtype=np.float32)[:, None] / height * 1.0
    up = up * BOARD[2]  # heights of the back above the ground
    unit = height / BOARD[2]
    fur = smooth_noise(rng, (height, width), cell_px=(unit * 0.06, unit * 0.14), octaves=2)
    patches = smooth_noise(rng, (height, width), cell_px=(unit * 0.5, unit * 0.5))
    alpha = image.getchannel("A")
    # The blurred silhouette is thin at its rim: that is where the body turns away.
    rim = np.asarray(alpha.filter(ImageFilter.GaussianBlur(unit * 0.06)))
    low = np.clip((0.72 - up) / 0.22, 0.0, 1.0) * np.clip((up - 0.3) / 0.15, 0.0, 1.0)
    light = 0.74 + 0.26 * np.clip(up - 0.25, 0.0, 1.0)
    light = light * (0.72 + 0.34 * rim.astype(np.float32) / 255.0) * (1.0 + 0.16 * fur + 0.1 * patches)
    if pose.species.pattern:
        spots = smooth_noise(rng, (height, width), cell_px=(unit * 0.15, unit * 0.1))
        light = light * (1.0 - 0.42 * pose.species.pattern * np.clip(spots * 3.0 - 0.4, 0.0, 1.0))
    for channel in range(3):
        blended = pixels[..., channel] * (1.0 - 0.6 * low) + belly[channel] * 0.6 * low
        pixels[..., channel] = blended * light
    return Image.fromarray(np.clip(pixels, 0.0, 255.0).astype(np.uint8), "RGBA")
