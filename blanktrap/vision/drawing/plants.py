"""What stands on the ground of a drawn place: grass, bushes, trees, fallen trunks, stones.

Owns: one picture with transparency for each, drawn from a palette. Refuses: where they stand and how
the light falls on them; that is the scenery's and the scene's.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from blanktrap.vision.drawing.textures import Field, smooth_noise

Colour = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The colours of a place, each red, green, blue in 0-255."""

    sky: Colour
    haze: Colour
    far: Colour
    ground_a: Colour
    ground_b: Colour
    leaf_dark: Colour
    leaf_light: Colour
    blade_a: Colour
    blade_b: Colour
    bark: Colour
    stone: Colour


def mix(first: Colour, second: Colour, share: float, *, gain: float = 1.0) -> tuple[int, int, int]:
    """The colour `share` of the way from the first to the second, times a gain, as integers."""
    red, green, blue = (
        int(min(255.0, max(0.0, (a + (b - a) * share) * gain))) for a, b in zip(first, second, strict=True)
    )
    return red, green, blue


def draw_tuft(rng: np.random.Generator, palette: Palette, *, width_px: int, height_px: int) -> Image.Image:
    """A tuft of grass whose foot is the lower edge: curved tapering blades, the darkest at the back."""
    image = Image.new("RGBA", (width_px, height_px), (*mix(palette.blade_a, palette.blade_b, 0.5), 0))
    pen = ImageDraw.Draw(image)
    num_blades = max(14, int(width_px * 0.55))
    for step in range(num_blades):
        foot = width_px * (0.5 + 0.42 * float(np.clip(rng.normal(0.0, 0.48), -1.0, 1.0)))
        length = height_px * rng.uniform(0.35, 0.98) * (1.0 - 0.45 * abs(foot / width_px - 0.5) * 2)
        lean = rng.normal(0.0, 0.22) * length
        thick = max(1.0, height_px * rng.uniform(0.008, 0.02))
        share = np.linspace(0.0, 1.0, 7)
        x = foot + lean * share**1.8
        # The feet stand in a shallow arc, or the tuft would look cut off.
        sunk = height_px * (0.02 + 0.09 * (1.0 - (2.0 * foot / width_px - 1.0) ** 2) * rng.random())
        y = height_px - 0.12 * height_px + sunk - length * 0.88 * share
        half = thick * (1.0 - share) ** 0.7
        outline = list(zip(x - half, y, strict=True)) + list(zip(x[::-1] + half[::-1], y[::-1], strict=True))
        gain = 0.62 + 0.5 * step / num_blades
        pen.polygon(outline, fill=(*mix(palette.blade_a, palette.blade_b, rng.random(), gain=gain), 255))
        if rng.random() < 0.12:  # an ear of seed
            tip_x, tip_y, size = float(x[-1]), float(y[-1]), thick * 1.6
            pen.ellipse(
                (tip_x - size, tip_y - size * 2.5, tip_x + size, tip_y + size * 2.5),
                fill=(*mix(palette.blade_b, palette.bark, 0.3), 255),
            )
    return image.filter(ImageFilter.GaussianBlur(0.5))


def draw_bush(rng: np.random.Generator, palette: Palette, *, width_px: int, height_px: int) -> Image.Image:
    """A bush: leaves in clumps, each clump lit from above, the dark ones first."""
    image = Image.new("RGBA", (width_px, height_px), (*mix(palette.leaf_dark, palette.leaf_light, 0.2), 0))
    pen = ImageDraw.Draw(image)
    num_clumps = int(rng.integers(6, 12))
    angle = rng.uniform(0.05, np.pi - 0.05, num_clumps)
    reach = rng.uniform(0.15, 0.72, num_clumps)
    clump_x = width_px * (0.5 + 0.46 * reach * np.cos(angle))
    clump_y = height_px * (1.0 - 0.16 - 0.8 * reach * np.sin(angle))
    size = rng.uniform(0.13, 0.22, num_clumps)
    for twig in range(num_clumps):
        pen.line(
            (width_px / 2, height_px, clump_x[twig], clump_y[twig]),
            fill=(*mix(palette.bark, palette.leaf_dark, 0.4, gain=0.6), 255),
            width=max(1, width_px // 70),
        )
    leaf_px = max(1.6, height_px * 0.022)
    for clump in np.argsort(clump_y):
        num_leaves = int(np.clip(width_px * height_px * 0.012, 40, 150))
        spread = size[clump]
        leaf = rng.normal(0.0, 0.5, (num_leaves, 2)).clip(-1.15, 1.15)
        x = clump_x[clump] + leaf[:, 0] * spread * width_px
        y = clump_y[clump] + leaf[:, 1] * spread * height_px * 0.9
        lit = np.clip(0.5 - 0.42 * leaf[:, 1] + rng.normal(0.0, 0.2, num_leaves), 0.0, 1.0)
        turn = rng.uniform(0.0, np.pi, num_leaves)
        long = leaf_px * rng.uniform(0.8, 1.9, num_leaves)
        for one in np.argsort(lit):
            along = np.array([np.cos(turn[one]), np.sin(turn[one])]) * long[one]
            across = np.array([-along[1], along[0]]) * 0.45
            centre = np.array([x[one], min(y[one], height_px - 1.0)])
            corners = [centre + along, centre + across, centre - along, centre - across]
            colour = mix(palette.leaf_dark, palette.leaf_light, float(lit[one]), gain=0.7 + 0.4 * lit[one])
            pen.polygon([tuple(corner) for corner in corners], fill=(*colour, 255))
    return image


def draw_trunk(rng: np.random.Generator, palette: Palette, *, width_px: int, height_px: int) -> Image.Image:
    """A standing tree trunk: round, barked, wider at the foot."""
    margin = max(2, width_px // 3)
    full = width_px + 2 * margin
    rows = np.linspace(0.0, 1.0, height_px, dtype=np.float32)[:, None]
    columns = np.arange(full, dtype=np.float32)[None, :]
    bend = smooth_noise(rng, (height_px, 1), cell_px=(height_px / 2.5, 1.0))
    centre = full / 2 + bend * width_px * 0.18
    half = width_px * 0.5 * (0.78 + 0.22 * rows + 0.42 * np.clip(rows - 0.93, 0, 1) / 0.07)
    across = (columns - centre) / half
    edge = smooth_noise(rng, (height_px, full), cell_px=(14.0, full), octaves=2)
    inside = np.clip((1.0 + 0.05 * edge - np.abs(across)) * half / 1.2, 0.0, 1.0)
    round_light = 0.45 + 0.6 * np.sqrt(np.clip(1.0 - (across * 0.9 + 0.25) ** 2, 0.02, 1.0))
    cell = max(3.0, width_px / 6)
    grain = smooth_noise(rng, (height_px, full), cell_px=(cell * 6, cell), octaves=3)
    return _textured(palette.bark, round_light * (1.0 + 0.42 * grain), inside)


def draw_log(rng: np.random.Generator, palette: Palette, *, width_px: int, height_px: int) -> Image.Image:
    """A fallen trunk, bent like a back, sometimes with a stub like a head: it passes for an animal."""
    columns = np.linspace(-1.0, 1.0, width_px, dtype=np.float32)[None, :]
    rows = np.arange(height_px, dtype=np.float32)[:, None]
    arch = height_px * (0.58 - 0.16 * np.cos(columns * 1.5) + 0.05 * np.sin(columns * rng.uniform(2, 5)))
    half = height_px * (0.23 + 0.07 * np.cos(columns * 1.7 + rng.uniform(-0.6, 0.6)))
    half = half * np.sqrt(np.clip(1.0 - columns**10, 0.0, 1.0))
    across = (rows - arch) / np.maximum(half, 0.5)
    inside = np.clip((1.0 - np.abs(across)) * half, 0.0, 1.0)
    round_light = 0.4 + 0.68 * np.sqrt(np.clip(1.0 - (across * 0.85 + 0.3) ** 2, 0.02, 1.0))
    grain = smooth_noise(rng, (height_px, width_px), cell_px=(5.0, 40.0), octaves=3)
    moss = smooth_noise(rng, (height_px, width_px), cell_px=(18.0, 30.0), octaves=2)
    image = _textured(palette.bark, round_light * (1.0 + 0.35 * grain), inside)
    green = _textured(
        palette.leaf_light, round_light * 0.8, inside * np.clip(moss * 2 - 0.5 - across, 0, 0.7)
    )
    image.alpha_composite(green)
    if rng.random() < 0.6:
        foot_x = width_px * rng.uniform(0.72, 0.9)
        top = (foot_x + height_px * rng.uniform(0.1, 0.35), height_px * rng.uniform(0.02, 0.16))
        thick = height_px * 0.07
        pen = ImageDraw.Draw(image)
        outline = [(foot_x - thick, height_px * 0.5), (foot_x + thick, height_px * 0.5)]
        outline += [(top[0] + thick * 0.6, top[1]), (top[0] - thick * 0.6, top[1])]
        pen.polygon(outline, fill=(*mix(palette.bark, palette.bark, 0.0, gain=0.8), 255))
    return image


def draw_stone(rng: np.random.Generator, palette: Palette, *, width_px: int, height_px: int) -> Image.Image:
    """A stone, lit from above."""
    angle = np.linspace(0.0, 2 * np.pi, 15)[:-1]
    radius = 0.86 + rng.normal(0.0, 0.07, angle.size)
    outline = [
        (width_px * (0.5 + 0.5 * r * np.cos(a)), height_px * (0.55 + 0.5 * r * np.sin(a)))
        for a, r in zip(angle, radius, strict=True)
    ]
    mask = Image.new("L", (width_px, height_px), 0)
    ImageDraw.Draw(mask).polygon(outline, fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(0.8))
    rows = np.linspace(1.0, -1.0, height_px, dtype=np.float32)[:, None]
    bumps = smooth_noise(rng, (height_px, width_px), cell_px=(height_px / 3, width_px / 4), octaves=4)
    light = 0.72 + 0.3 * rows + 0.35 * bumps
    return _textured(palette.stone, light, np.asarray(mask, dtype=np.float32) / 255.0)


def _textured(colour: Colour, light: Field, inside: Field) -> Image.Image:
    """One colour under a light field, with transparency `inside` in [0, 1]."""
    shape = np.broadcast_shapes(light.shape, inside.shape)
    pixels = np.empty((*shape, 4), dtype=np.uint8)
    for channel, value in enumerate(colour):
        pixels[..., channel] = np.clip(value * light, 0.0, 255.0)
    pixels[..., 3] = np.clip(inside * 255.0, 0.0, 255.0)
    return Image.fromarray(pixels, "RGBA")
