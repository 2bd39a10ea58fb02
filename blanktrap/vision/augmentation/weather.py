"""Weather between the camera and the scene, and on its lens.

Owns: fog, rain, drops. Refuses: snow on the ground and wet fur: they change the scene itself.
"""

import math

import torch
from torch import nn

from blanktrap.vision.augmentation.blur import smear
from blanktrap.vision.augmentation.draw import Draw
from blanktrap.vision.augmentation.painting import coordinates, tint

FOG: tuple[float, float, float] = (205.0, 209.0, 212.0)
RAIN: tuple[float, float, float] = (214.0, 218.0, 222.0)

_PATCHES = (4, 5)
"""Coarse patches of fog, down and across."""
_MOST_STREAKS = 700
_MOST_DROPS = 12
_DROP_RADIUS = (0.02, 0.08)
"""As shares of the width: all drops together hide 6 % of a picture (4 by 3) on average, never a third."""


def fog(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Veil the scene in patches, the more the farther: what is higher in the picture is farther off."""
    height_px, width_px = images.shape[2:]
    patches = nn.functional.interpolate(
        draw.uniform(9, 1, *_PATCHES), (height_px, width_px), mode="bicubic", align_corners=False
    )
    far = torch.linspace(1.0, 0.35, height_px, device=images.device).view(1, 1, -1, 1)
    veil = draw.between(0, 0.35, 0.8) * far * (0.75 + 0.5 * patches.clamp_(0.0, 1.0))
    # In the light there is: by dusk fog is grey.
    bright = (images.mean(dim=(1, 2, 3), keepdim=True) / 128.0).clamp_(0.35, 1.0)
    return torch.lerp(images, tint(FOG, draw.infrared()) * bright, veil.clamp_(max=0.9))


def rain(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Let bright streaks fall through a thin veil, all in one direction for an image."""
    height_px, width_px = images.shape[2:]
    share = draw.between(0, 0.3, 1.0) * _MOST_STREAKS / (height_px * width_px)
    streaks = (draw.uniform(9, 1, height_px, width_px) < share).float()
    lengths, angles = draw.numbers(1, 0.03, 0.09), draw.numbers(2, 0.4 * math.pi, 0.6 * math.pi)
    for image, length, angle in zip(streaks, lengths, angles, strict=True):
        length_px = max(3.0, length * height_px)
        image.copy_(smear(image, length_px, angle).mul_(length_px + 1.0).clamp_(max=1.0))
    veil = draw.between(3, 0.05, 0.2) + streaks * draw.between(4, 0.2, 0.5)
    bright = (images.mean(dim=(1, 2, 3), keepdim=True) / 100.0).clamp_(0.4, 1.0)
    return torch.lerp(images, tint(RAIN, draw.infrared()) * bright, veil)


def drops(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Put drops on the lens: through each one sees no more than the colours behind it, bright at one side."""
    height_px, width_px = images.shape[2:]
    x, y = coordinates(height_px, width_px, images.device)
    tall = height_px / width_px
    drawn = draw.uniform(9, 4, _MOST_DROPS, 1, 1, 1).unbind(1)
    across, down, size, order = (numbers.unbind(1) for numbers in drawn)
    most = draw.between(0, 0.3, 1.0)
    covered = images.new_zeros(len(images), 1, height_px, width_px)
    shine = torch.zeros_like(covered)
    for number in range(_MOST_DROPS):
        smallest, largest = _DROP_RADIUS
        radius = (smallest + (largest - smallest) * size[number] ** 2) * (order[number] < most) + 1e-6
        right, below = (x - across[number]) / radius, (y - down[number] * tall) / radius
        inside = ((1.0 - (right**2 + below**2).sqrt()) * 2.5).clamp_(0.0, 1.0)
        covered = torch.maximum(covered, inside)
        shine += inside * below
    coarse = nn.functional.adaptive_avg_pool2d(images, (max(4, height_px // 32), max(4, width_px // 32)))
    seen = nn.functional.interpolate(coarse, (height_px, width_px), mode="bilinear", align_corners=False)
    seen = seen * (1.08 + draw.between(1, 0.1, 0.35) * shine)
    return torch.lerp(images, seen, covered * 0.95).clamp_(0.0, 255.0)
