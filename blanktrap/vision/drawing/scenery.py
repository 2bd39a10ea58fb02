"""One place with a camera: what it looks like before light, wind and animals.

Owns: palette, background plate and the props standing on the ground, all drawn from a seed. Refuses:
anything that changes from frame to frame.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from blanktrap.vision.drawing.habitats import PALETTES, Habitat
from blanktrap.vision.drawing.plants import (
    Palette,
    draw_bush,
    draw_log,
    draw_stone,
    draw_trunk,
    draw_tuft,
    mix,
)
from blanktrap.vision.drawing.textures import Field, enlarge, smooth_noise, soft_step, tileable_noise

_CANOPY: dict[Habitat, float] = {"forest": 0.9, "meadow": 0.15, "savanna": 0.2, "scrub": 0.25}


@dataclass(frozen=True, kw_only=True)
class Prop:
    """Something that stands on the ground."""

    image: Image.Image
    x_px: float
    """Column of the middle of its foot."""
    foot_px: float
    """Row of its foot; what has a larger one stands in front."""
    sway: float
    """How far its top moves in wind, in share of its height; 0 for wood and stone."""
    hides: bool
    """Whether an animal may stand in it."""


@dataclass(frozen=True, kw_only=True)
class Scenery:
    """One place, without the banner."""

    width_px: int
    height_px: int
    horizon_px: float
    palette: Palette
    plate: Image.Image
    """Sky, trees far away and the ground, evenly lit, RGB."""
    props: tuple[Prop, ...]
    """By foot, the farthest first."""
    shade: Field
    """Tileable noise for leaf shadows, mean 0, standard deviation 1."""
    canopy: float
    """0 is open sky, 1 is closed forest: how much of the sun comes through as flecks."""
    grain: Image.Image
    """Sensor noise around 128, larger than a frame: each frame takes another part of it."""

    def nearness(self, row_px: float) -> float:
        """Apparent size of things that stand at a row: 1 at the lower edge, 0 at the horizon."""
        return (row_px - self.horizon_px) / (self.height_px - self.horizon_px)

    def row_at(self, nearness: float) -> float:
        """The row of the ground where things have this apparent size."""
        return self.horizon_px + nearness * (self.height_px - self.horizon_px)


def draw_scenery(seed: tuple[int, ...], *, width_px: int, height_px: int, difficulty: float) -> Scenery:
    """Draw a place.

    Args:
        seed: the same seed gives the same place.
        width_px: width of the picture.
        height_px: height of the picture without the banner.
        difficulty: in [0, 1]; more grass and more trunks that look like animals.
    """
    rng = np.random.default_rng(seed)
    habitats: list[Habitat] = list(PALETTES)
    habitat = habitats[int(rng.integers(len(habitats)))]
    palette = _vary(rng, PALETTES[habitat])
    horizon_px = height_px * rng.uniform(0.26, 0.4)
    shade = tileable_noise(rng, 256, roughness=1.3)
    plate = _draw_plate(rng, habitat, palette, horizon_px, width_px, height_px)
    props = _draw_props(rng, habitat, palette, horizon_px, width_px, height_px, difficulty)
    grain = np.clip(128.0 + 22.0 * rng.standard_normal((height_px + 64, width_px + 64)), 0.0, 255.0)
    return Scenery(
        width_px=width_px,
        height_px=height_px,
        horizon_px=horizon_px,
        palette=palette,
        plate=plate,
        props=props,
        shade=shade,
        canopy=_CANOPY[habitat] * (0.4 + 0.6 * difficulty),
        grain=Image.fromarray(grain.astype(np.uint8)),
    )


def _vary(rng: np.random.Generator, palette: Palette) -> Palette:
    """Another season and another soil: every colour a little off, together and each for itself."""
    common = rng.normal(0.0, 10.0) + rng.normal(0.0, 2.5, 3)
    changed = {
        name: tuple(np.clip(np.array(value) + common + rng.normal(0.0, 3.0, 3), 8.0, 250.0).tolist())
        for name, value in vars(palette).items()
    }
    return Palette(**changed)


def _draw_plate(
    rng: np.random.Generator, habitat: Habitat, palette: Palette, horizon_px: float, width: int, height: int
) -> Image.Image:
    rows = np.arange(height, dtype=np.float32)[:, None]
    sky_share = np.clip(rows / horizon_px, 0.0, 1.0)[..., None]
    clouds = smooth_noise(rng, (height, width), cell_px=(height / 6, width / 3), octaves=4)[..., None]
    picture = _colour(palette.sky) * (1.0 - sky_share) + _colour(palette.haze) * 1.15 * sky_share
    picture = picture + 26.0 * np.clip(clouds, -0.2, 1.0)
    for depth in range(3):
        picture = _add_treeline(rng, picture, palette, horizon_px, depth, forest=habitat == "forest")
    picture = _add_ground(rng, picture, palette, horizon_px)
    image = Image.fromarray(np.clip(picture, 0.0, 255.0).astype(np.uint8), "RGB")
    _add_ground_cover(rng, image, palette, horizon_px, dense=habitat in ("meadow", "savanna"))
    return image


def _colour(colour: tuple[float, float, float]) -> Field:
    return np.asarray(colour, dtype=np.float32)


def _add_treeline(
    rng: np.random.Generator, picture: Field, palette: Palette, horizon_px: float, depth: int, *, forest: bool
) -> Field:
    """A row of trees in front of the picture so far, the farther the hazier."""
    height, width = picture.shape[:2]
    reach = horizon_px * ((0.75 + 0.4 * depth) if forest else (0.22 + 0.14 * depth))
    cell = width / (5 + 4 * depth)
    outline = smooth_noise(rng, (1, width), cell_px=(1.0, cell), octaves=5)
    leaves = smooth_noise(rng, (height, width), cell_px=(28.0, 28.0), octaves=4)
    rows = np.arange(height, dtype=np.float32)[:, None]
    top = horizon_px - reach * (0.6 + 0.5 * outline) + 16.0 * leaves * reach / 100.0
    covered = soft_step(rows - top, -1.0, 2.0)[..., None]
    if depth == 2:
        # Gaps, so that the rows behind are seen.
        covered = (
            covered * soft_step(smooth_noise(rng, (1, width), cell_px=(1, cell * 1.5)), -0.2, 0.15)[..., None]
        )
    nearness = 0.3 + 0.3 * depth
    base = _colour(palette.haze) * (1.0 - nearness) + _colour(palette.far) * nearness
    lit = base * (1.0 + 0.45 * leaves[..., None])
    if forest:
        stems = smooth_noise(rng, (1, width), cell_px=(1.0, 9.0 + 6.0 * depth))
        lit = lit * (1.0 - 0.35 * soft_step(stems, 0.35, 0.55)[..., None])
    return (picture * (1.0 - covered) + lit * covered).astype(np.float32)


def _add_ground(rng: np.random.Generator, picture: Field, palette: Palette, horizon_px: float) -> Field:
    """The ground in perspective: noise on a plane, looked up row by row."""
    height, width = picture.shape[:2]
    texture = tileable_noise(rng, 512, roughness=1.15)
    patches = tileable_noise(rng, 256, roughness=1.9)
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None, :]
    near = np.clip((rows - horizon_px) / (height - horizon_px), 0.004, 1.0)
    along = (columns - width / 2) / near
    away = height * 0.9 / near
    fine = texture[(away * 1.1).astype(np.int64) % 512, (along * 0.9).astype(np.int64) % 512]
    coarse = patches[(away * 0.35).astype(np.int64) % 256, (along * 0.22).astype(np.int64) % 256]
    share = np.clip(0.5 + 0.33 * coarse, 0.0, 1.0)[..., None]
    # Far away the grains run into each other.
    fade = np.clip(near * 3.0, 0.15, 1.0)[..., None]
    ground = _colour(palette.ground_a) * (1.0 - share) + _colour(palette.ground_b) * share
    ground = ground * (1.0 + 0.13 * fine[..., None] * fade)
    hazy = np.clip(1.0 - near * 3.5, 0.0, 1.0)[..., None] * 0.5
    ground = ground * (1.0 - hazy) + _colour(palette.haze) * hazy
    edge = horizon_px + 5.0 * smooth_noise(rng, (1, width), cell_px=(1.0, width / 6), octaves=3)
    covered = soft_step(rows - edge, -1.0, 1.5)[..., None]
    return (picture * (1.0 - covered) + ground * covered).astype(np.float32)


def _add_ground_cover(
    rng: np.random.Generator, image: Image.Image, palette: Palette, horizon_px: float, *, dense: bool
) -> None:
    """Thousands of short blades and litter, the farthest first, in patches."""
    width, height = image.size
    area = width * height / (640 * 451)
    num_blades = int((5200 if dense else 2600) * area)
    near = np.sort(rng.uniform(0.03, 1.05, num_blades) ** 1.25)
    foot_y = horizon_px + near * (height - horizon_px)
    x = rng.uniform(-10, width + 10, num_blades)
    patch = enlarge(rng.uniform(0.0, 1.0, (7, 9)).astype(np.float32), (height, width))
    thick_here = patch[
        np.clip(foot_y, 0, height - 1).astype(np.int64), np.clip(x, 0, width - 1).astype(np.int64)
    ]
    keep = rng.random(num_blades) < np.clip(thick_here * 1.6 - 0.2, 0.08, 1.0)
    length = near * height * rng.uniform(0.025, 0.085, num_blades) * (0.6 + 0.8 * thick_here)
    lean = rng.normal(0.0, 0.35, num_blades) * length
    share, gain = rng.random(num_blades), rng.uniform(0.6, 1.12, num_blades)
    pen = ImageDraw.Draw(image)
    for one in np.flatnonzero(keep):
        middle = (x[one] + lean[one] * 0.3, foot_y[one] - length[one] * 0.6)
        tip = (x[one] + lean[one], foot_y[one] - length[one])
        colour = mix(palette.blade_a, palette.blade_b, float(share[one]), gain=float(gain[one]))
        stroke = max(1, round(near[one] * height / 260))
        pen.line([(x[one], foot_y[one]), middle, tip], fill=colour, width=stroke)


def _draw_props(
    rng: np.random.Generator,
    habitat: Habitat,
    palette: Palette,
    horizon_px: float,
    width: int,
    height: int,
    difficulty: float,
) -> tuple[Prop, ...]:
    """Trees, bushes, stones, a fallen trunk and tufts, each at its place and size."""
    ground = height - horizon_px
    props: list[Prop] = []

    def stand(image: Image.Image, near: float, *, sway: float, hides: bool, x: float | None = None) -> None:
        place = rng.uniform(0.0, width) if x is None else x
        foot = horizon_px + near * ground
        props.append(Prop(image=image, x_px=place, foot_px=foot, sway=sway, hides=hides))

    num_trees = {"forest": 6, "meadow": 1, "savanna": 1, "scrub": 0}[habitat] + int(rng.integers(0, 2))
    for _ in range(num_trees):
        near = rng.uniform(0.06, 0.42)
        thick = max(6, int(height * near * rng.uniform(0.14, 0.24)) + 5)
        tall = int(horizon_px + near * ground) + 4
        stand(draw_trunk(rng, palette, width_px=thick, height_px=tall), near, sway=0.0, hides=False)
    num_bushes = int(rng.integers(1, 4)) + (0 if habitat == "meadow" else 1 + round(3 * difficulty))
    for _ in range(num_bushes):
        near = rng.uniform(0.06, 0.5)
        wide = int(height * (0.1 + near * rng.uniform(0.45, 0.85)))
        bush = draw_bush(rng, palette, width_px=wide, height_px=int(wide * rng.uniform(0.55, 0.95)))
        stand(bush, near, sway=0.05, hides=False)
    for _ in range(int(rng.integers(0, 2)) + round(3 * difficulty)):
        near = rng.uniform(0.1, 0.9)
        wide = max(8, int(height * near * rng.uniform(0.06, 0.22)))
        stone = draw_stone(rng, palette, width_px=wide, height_px=max(5, int(wide * 0.6)))
        stand(stone, near, sway=0.0, hides=False)
    if rng.random() < 0.1 + 0.8 * difficulty:
        near = rng.uniform(0.22, 0.6)
        wide = int(height * near * rng.uniform(0.6, 1.0)) + 20
        log = draw_log(rng, palette, width_px=wide, height_px=int(wide * rng.uniform(0.28, 0.42)))
        stand(log, near, sway=0.0, hides=False, x=rng.uniform(0.15, 0.85) * width)
    for _ in range(int(rng.integers(4, 8)) + round(6 * difficulty)):
        near = rng.uniform(0.25, 0.92)
        wide = int(height * near * rng.uniform(0.16, 0.36)) + 8
        tall = int(height * near * (0.14 + 0.16 * difficulty) * rng.uniform(0.7, 1.4)) + 6
        stand(draw_tuft(rng, palette, width_px=wide, height_px=tall), near, sway=0.16, hides=True)
    for _ in range(int(rng.integers(2, 5))):
        wide = int(width * rng.uniform(0.16, 0.4))
        tuft = draw_tuft(rng, palette, width_px=wide, height_px=int(height * rng.uniform(0.1, 0.24)))
        stand(tuft, rng.uniform(1.0, 1.08), sway=0.2, hides=False)
    return tuple(sorted(props, key=lambda prop: prop.foot_px))
