"""Grass before the lens.

Owns: blades that grow from the lower border. Refuses: hiding the scene: blades are thin, and together hide
less than a third of it, nearly all of that low in the picture.
"""

import torch
from torch import nn

from blanktrap.vision.augmentation.draw import Draw
from blanktrap.vision.augmentation.painting import coordinates, luminance

MOST_BLADES = 22
_FRESH: tuple[float, float, float] = (98.0, 122.0, 58.0)
_DRY: tuple[float, float, float] = (190.0, 172.0, 118.0)


def grass(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Let blades of grass stand before the scene, out of focus.

    They are drawn at half the size and enlarged: they are too near to be sharp, and it costs a quarter.
    """
    height_px, width_px = images.shape[2:]
    x, y = coordinates(height_px // 2, width_px // 2, images.device)
    tall = height_px / width_px
    # Each shape (num_media, MOST_BLADES, 1, 1), so that blades lie where pictures have channels.
    root, length, lean, width, shade, order = draw.uniform(9, 6, MOST_BLADES, 1, 1).unbind(1)
    there = order < draw.between(0, 0.25, 1.0)
    length = (0.2 + 0.55 * length) * tall * there + 1e-6
    up = ((tall - y) / length).clamp_(0.0, 1.0)
    # A blade bends with the square of the way up, and tapers to its tip.
    middle = root * 1.2 - 0.1 + (lean - 0.5 + draw.between(1, -0.3, 0.3)) * length * up**2
    half_width = (0.003 + 0.011 * width) * (1.0 - up)
    softness = draw.between(2, 0.5, 2.0) / (width_px // 2)
    blades = ((half_width - (x - middle).abs()) / softness + 0.5).clamp_(0.0, 1.0) * there * (up < 1.0)
    hidden = 1.0 - (1.0 - blades).prod(1, keepdim=True)
    shades = (blades * (0.55 + 0.7 * shade) * (0.7 + 0.5 * up)).sum(1, keepdim=True) / (
        blades.sum(1, keepdim=True) + 1e-6
    )
    layers = nn.functional.interpolate(
        torch.cat([hidden, shades * hidden], 1), (height_px, width_px), mode="bilinear", align_corners=False
    )
    hidden, shades = layers[:, :1], layers[:, 1:]
    colour = torch.lerp(_as_colour(_FRESH, images), _as_colour(_DRY, images), draw.between(3, 0.0, 1.0))
    # In the light there is; the infrared lamp makes what is near white.
    day = (images.mean(dim=(1, 2, 3), keepdim=True) / 110.0).clamp_(0.25, 1.4)
    colour = torch.where(draw.infrared(), 2.0 * luminance(colour), colour * day)
    return images.mul_(1.0 - hidden).add_(colour * shades).clamp_(max=255.0)


def _as_colour(colour: tuple[float, float, float], images: torch.Tensor) -> torch.Tensor:
    return torch.tensor(colour, device=images.device).view(1, 3, 1, 1)
