"""One frame of a drawn place: place, light, wind and animals put together.

Owns: the picture above the banner and the box of every animal that is seen in it. Refuses: files,
labels, and what happens from frame to frame.

    scenery = draw_scenery((0, 1), width_px=640, height_px=451, difficulty=0.3)
    frame = draw_frame(scenery, Moment(taken=datetime(2024, 5, 1, 9), cloud=0.2, wind=0.5, seed=1))
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from blanktrap.vision.drawing.animals import Pose, Sprite, draw_animal
from blanktrap.vision.drawing.daylight import Light, blow, draw_light_map, flash_at, lean, light_at
from blanktrap.vision.drawing.scenery import Scenery

Box = tuple[float, float, float, float]
# Red, green and blue as an infrared camera sees them: leaves shine.
INFRARED = (0.4, 0.75, -0.15, 0.0)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When and how a frame is taken."""

    taken: datetime
    cloud: float
    """From 0, clear, to 1, overcast."""
    wind: float
    """From 0, still, to 1, strong."""
    seed: int
    """Seed of gusts and noise: another frame of a burst has another."""
    exposure: float = 1.0
    """Gain of the whole picture; cameras drift."""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """An animal in a frame."""

    pose: Pose
    x_px: float
    """Column of the middle of its body; may lie outside."""
    foot_px: float
    """Row of its feet."""
    blur_px: float = 0.0
    """Motion blur along its way."""
    eyes_shine: bool = True
    """Whether it looks into the flash at night."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A picture and what is in it."""

    image: Image.Image
    """RGB, in the size of the scenery."""
    boxes: tuple[Box | None, ...]
    """For each actor: left, top, width, height of what is seen of it, in pixels; None if nothing is."""
    seen: tuple[float, ...]
    """For each actor: the share of its silhouette that is seen."""


def draw_frame(scenery: Scenery, moment: Moment, actors: tuple[Actor, ...] = ()) -> Frame:
    """Draw one frame.

    Args:
        scenery: the place.
        moment: time, weather and seed; equal arguments give equal pixels.
        actors: the animals in it.

    Returns:
        The picture and the boxes of the animals.
    """
    rng = np.random.default_rng((moment.seed, 5))
    light = light_at(moment.taken, cloud=moment.cloud)
    ground = blow(
        rng, scenery.plate, strength_px=0.5 + 3.2 * moment.wind, still_above=scenery.horizon_px * 0.6
    )
    sprites = [draw_animal(actor.pose) for actor in actors]
    casts = [
        (prop.x_px, prop.foot_px, prop.image.width * 0.8, prop.image.height * 1.0) for prop in scenery.props
    ]
    casts += [
        (actor.x_px, actor.foot_px, actor.pose.height_px * 1.3, actor.pose.height_px) for actor in actors
    ]
    light_map = draw_light_map(
        scenery, light, shadows=casts, drift=float(rng.uniform(0, 4 + 20 * moment.wind))
    )
    picture = ImageChops.multiply(_infrared(ground), light_map) if light.is_night else ground
    stage = _Stage(scenery=scenery, light=light, picture=picture)
    gust = rng.normal(0.0, 1.0)
    for prop in scenery.props:
        stage.place_waiting(actors, sprites, before_row=prop.foot_px)
        bend = prop.sway * prop.image.height * moment.wind * (0.7 * gust + 0.7 * rng.normal())
        image = lean(prop.image, bend) if prop.sway else prop.image
        stage.put(image, prop.x_px - image.width / 2, prop.foot_px)
    stage.place_waiting(actors, sprites, before_row=np.inf)
    picture = stage.picture
    if not light.is_night:
        picture = ImageChops.multiply(picture, light_map)
    picture = _develop(rng, scenery, light, moment, picture)
    return Frame(image=picture, boxes=tuple(stage.boxes()), seen=tuple(stage.shares()))


class _Stage:
    """The picture while things are put into it from the back to the front."""

    def __init__(self, *, scenery: Scenery, light: Light, picture: Image.Image) -> None:
        self.picture = picture
        self._scenery = scenery
        self._light = light
        self._next = 0
        self._order: list[int] | None = None
        self._masks: dict[int, tuple[Image.Image, int]] = {}
        self._num = 0

    def put(self, image: Image.Image, left: float, foot: float, *, own: int | None = None) -> None:
        """Put something with transparency where its foot is, under the light of that place."""
        at = (round(left), round(foot) - image.height)
        alpha = image.getchannel("A")
        for number, (mask, area) in self._masks.items():
            if number != own:
                hidden = Image.new("L", image.size, 0)
                mask.paste(hidden, at, alpha)
                self._masks[number] = (mask, area)
        if self._light.is_night:
            level = float(flash_at(np.clip(self._scenery.nearness(foot), 0.0, 1.0)))
            middle = (left + image.width / 2) / self._scenery.width_px * 2.0 - 1.0
            level *= 1.0 - 0.45 * min(1.0, middle * middle)
            self.picture.paste(
                _infrared(image.convert("RGB")).point([int(v * level) for v in range(256)]), at, alpha
            )
        else:
            self.picture.paste(image.convert("RGB"), at, alpha)

    def place_waiting(self, actors: tuple[Actor, ...], sprites: list[Sprite], *, before_row: float) -> None:
        """Put the animals that stand farther away than a row and are not placed yet."""
        if self._order is None:
            self._order = sorted(range(len(actors)), key=lambda one: actors[one].foot_px)
            self._num = len(actors)
        while self._next < self._num and actors[self._order[self._next]].foot_px < before_row:
            number = self._order[self._next]
            self._place(number, actors[number], sprites[number])
            self._next += 1

    def _place(self, number: int, actor: Actor, sprite: Sprite) -> None:
        image, left = sprite.image, actor.x_px - sprite.middle_px
        if self._light.is_night and actor.eyes_shine:
            image = _shining_eye(image, sprite.eye_px, actor.pose.height_px)
        if actor.blur_px >= 1.5:
            image, left = _motion_blur(image, left, actor.blur_px)
        mask = Image.new("L", self.picture.size, 0)
        alpha = image.getchannel("A")
        mask.paste(alpha, (round(left), round(actor.foot_px) - image.height))
        self._masks[number] = (mask, int(np.count_nonzero(np.asarray(alpha) > 127)))
        self.put(image, left, actor.foot_px, own=number)

    def boxes(self) -> list[Box | None]:
        """What is seen of each animal."""
        found: list[Box | None] = []
        for number in range(self._num):
            bounds = self._masks[number][0].point([0] * 128 + [255] * 128).getbbox()
            found.append(
                None
                if bounds is None
                else (
                    float(bounds[0]),
                    float(bounds[1]),
                    float(bounds[2] - bounds[0]),
                    float(bounds[3] - bounds[1]),
                )
            )
        return found

    def shares(self) -> list[float]:
        """The share of each silhouette that is seen."""
        return [
            float(np.count_nonzero(np.asarray(mask) > 127)) / max(1, area)
            for mask, area in (self._masks[number] for number in range(self._num))
        ]


def _infrared(image: Image.Image) -> Image.Image:
    return image.convert("L", INFRARED)


def _shining_eye(image: Image.Image, eye: tuple[float, float], height_px: float) -> Image.Image:
    """The eye as the flash makes it: a bright dot with a small halo."""
    image = image.copy()
    radius = max(1.2, height_px * 0.026)
    glow = Image.new("L", image.size, 0)
    ImageDraw.Draw(glow).ellipse(
        (eye[0] - radius * 1.6, eye[1] - radius * 1.6, eye[0] + radius * 1.6, eye[1] + radius * 1.6), fill=150
    )
    glow = glow.filter(ImageFilter.GaussianBlur(radius * 0.6))
    image.paste((255, 255, 255), (0, 0), ImageChops.multiply(glow, image.getchannel("A")))
    ImageDraw.Draw(image).ellipse(
        (eye[0] - radius, eye[1] - radius, eye[0] + radius, eye[1] + radius), fill=(255, 255, 255, 255)
    )
    return image


def _motion_blur(image: Image.Image, left: float, blur_px: float) -> tuple[Image.Image, float]:
    """Smear a picture sideways over so many pixels; it grows by as much on both sides."""
    margin = int(blur_px) + 1
    wide = Image.new("RGBA", (image.width + 2 * margin, image.height), (0, 0, 0, 0))
    wide.paste(image, (margin, 0))
    num = max(3, min(9, int(blur_px)))
    total: NDArray[np.float32] = np.zeros((wide.height, wide.width, 4), dtype=np.float32)
    # Premultiplied, so that what is transparent lends no colour.
    source = np.asarray(wide.convert("RGBa"), dtype=np.float32)
    for step in np.linspace(-blur_px / 2, blur_px / 2, num):
        total += np.roll(source, round(float(step)), axis=1)
    smeared = Image.frombytes("RGBa", wide.size, (total / num).astype(np.uint8).tobytes())
    return smeared.convert("RGBA"), left - margin


def _develop(
    rng: np.random.Generator, scenery: Scenery, light: Light, moment: Moment, picture: Image.Image
) -> Image.Image:
    """What the camera does: exposure, tone, vignette by night, sensor noise."""
    values = np.arange(256) / 255.0
    gain = moment.exposure * (1.12 if not light.is_night else 1.05)
    tone = np.clip(values * gain, 0.0, 1.0) ** (0.94 if not light.is_night else 0.88)
    table = (np.clip(tone * (1.06 - 0.05 * light.cloud), 0.0, 1.0) * 255.0).astype(int).tolist()
    picture = picture.point(table * len(picture.getbands())).convert("RGB")
    x, y = int(rng.integers(0, 64)), int(rng.integers(0, 64))
    grain = scenery.grain.crop((x, y, x + scenery.width_px, y + scenery.height_px))
    strength = 0.34 if light.is_night else 0.16
    quiet = grain.point([round(128 + (v - 128) * strength) for v in range(256)])
    return ImageChops.add(picture, Image.merge("RGB", (quiet, quiet, quiet)), 1.0, -128)
