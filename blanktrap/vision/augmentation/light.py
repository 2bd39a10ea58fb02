"""Other light and other sensors.

Owns: brightness, contrast, saturation, gamma, wrong exposure, and the sun in the picture. Refuses: hue:
infrared has none, and a green lion is no circumstance of the field.
"""

import math

import torch

from blanktrap.vision.augmentation.draw import Draw
from blanktrap.vision.augmentation.painting import coordinates, luminance, screen, tint

MAX_BRIGHTNESS = 0.25
"""Largest factor of brightness above and below 1: clouds, dusk, the flash's reach."""
MAX_CONTRAST = 0.25
"""Largest factor of contrast above and below 1: mist, a dirty lens."""
MAX_SATURATION = 0.4
"""Largest factor of saturation above and below 1: other sensors, other firmware."""
MAX_GAMMA = 1.3
"""Largest gamma; the smallest is its inverse."""

OVEREXPOSED_STOPS = (1.0, 2.5)
UNDEREXPOSED_STOPS = (-3.0, -1.0)
"""Doublings of the light that the sensor got. What passes white is lost, as on a sensor."""
DARKEST = 16.0
"""Mean value of 255 that no image is darkened beyond: in the dark an animal is none."""
DISPLAY_GAMMA = 2.2
"""Light goes with this power of a pixel's value (sRGB, nearly)."""

SUN: tuple[float, float, float] = (255.0, 244.0, 214.0)
DARK = 50.0
"""Mean value of 255 below which no sun is painted: it is night, or the wood is too dense."""


def light(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Change saturation, contrast, brightness and gamma, each by its own factor for each image.

    The factors mean what they mean to torchvision's `adjust_*` functions, which know one for all images.
    """
    saturation = draw.between(0, 1.0 - MAX_SATURATION, 1.0 + MAX_SATURATION)
    contrast = draw.between(1, 1.0 - MAX_CONTRAST, 1.0 + MAX_CONTRAST)
    brightness = draw.between(2, 1.0 - MAX_BRIGHTNESS, 1.0 + MAX_BRIGHTNESS)
    gamma = draw.between(3, -math.log(MAX_GAMMA), math.log(MAX_GAMMA)).exp()
    grey = luminance(images)
    mean = grey.mean(dim=(1, 2, 3), keepdim=True)
    images = torch.lerp(grey, images, saturation)
    # Contrast about the mean, then brightness: a line, a * x + b.
    images = images.mul_(contrast * brightness).add_(mean * (1.0 - contrast) * brightness)
    return images.div_(255.0).clamp_(0.0, 1.0).pow_(gamma).mul_(255.0)


def exposure(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Expose far too long or far too short.

    Twice the light is a factor of 2^(1 / 2.2) on values that are its 2.2nd root. An underexposed file has
    few grey levels left, so values are whole numbers again.
    """
    over, under = draw.between(1, *OVEREXPOSED_STOPS), draw.between(1, *UNDEREXPOSED_STOPS)
    factor = (torch.where(draw.either(0), over, under) / DISPLAY_GAMMA).exp2()
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    factor = torch.maximum(factor, (DARKEST / mean.clamp(min=1e-6)).clamp_(max=1.0))
    return images.mul_(factor).clamp_(max=255.0).round_()


def sun_flare(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Put a low sun into the upper part of the picture, with haze, rays and its ghosts in the lens.

    Infrared and dark images stay as they are.
    """
    height_px, width_px = images.shape[2:]
    x, y = coordinates(height_px, width_px, images.device)
    tall = height_px / width_px
    sun_x, sun_y = draw.between(0, 0.0, 1.0), draw.between(1, -0.1, 0.35) * tall
    strength = draw.between(2, 0.6, 1.0)
    distance = ((x - sun_x) ** 2 + (y - sun_y) ** 2).sqrt()
    rays = 1.0 + 0.35 * torch.cos(8.0 * torch.atan2(y - sun_y, x - sun_x) + draw.between(3, 0.0, 6.3))
    glare = 1.6 * torch.exp(-distance / draw.between(4, 0.03, 0.08))
    haze = draw.between(5, 0.25, 0.6) * torch.exp(-distance / (0.3 * rays + 0.15))
    shine = (glare + haze).mul_(strength)
    for lot, place, size in ((6, 0.7, 0.02), (7, 1.35, 0.035), (8, 1.7, 0.06)):
        # Ghosts lie on the line from the sun through the middle of the picture.
        ghost_x, ghost_y = sun_x + (0.5 - sun_x) * place, sun_y + (0.5 * tall - sun_y) * place
        off = ((x - ghost_x) ** 2 + (y - ghost_y) ** 2).sqrt() / size
        shine += draw.between(lot, 0.0, 0.25) * torch.sigmoid((1.0 - off) * 12.0)
    by_day = ~draw.infrared() & (images.mean(dim=(1, 2, 3), keepdim=True) >= DARK)
    return screen(images, shine.clamp_(max=1.0) * by_day * tint(SUN, draw.infrared()) / 255.0)
