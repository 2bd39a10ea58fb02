"""Other light and other sensors.

Owns: brightness, contrast, saturation and gamma. Refuses: hue: infrared has none, and a green lion is no
circumstance of the field.
"""

import math

import torch
from torchvision.transforms.v2 import functional

from blanktrap.vision.augmentation.draw import Draw

MAX_BRIGHTNESS = 0.25
"""Largest factor of brightness above and below 1: clouds, dusk, the flash's reach."""
MAX_CONTRAST = 0.25
"""Largest factor of contrast above and below 1: mist, a dirty lens."""
MAX_SATURATION = 0.4
"""Largest factor of saturation above and below 1: other sensors, other firmware."""
MAX_GAMMA = 1.4
"""Largest gamma; the smallest is its inverse."""


def light(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Change saturation, contrast, brightness and gamma, each by its own factor for each image.

    The factors mean what they mean to torchvision's `adjust_*` functions, which know one for all images.

    Args:
        images: values in [0, 255], shape (num_media, 3, height_px, width_px).
        draw: lots 0 to 3 are used.
    """
    saturation = draw.between(0, 1.0 - MAX_SATURATION, 1.0 + MAX_SATURATION)
    contrast = draw.between(1, 1.0 - MAX_CONTRAST, 1.0 + MAX_CONTRAST)
    brightness = draw.between(2, 1.0 - MAX_BRIGHTNESS, 1.0 + MAX_BRIGHTNESS)
    gamma = draw.between(3, -math.log(MAX_GAMMA), math.log(MAX_GAMMA)).exp()
    grey = functional.rgb_to_grayscale(images)
    mean = grey.mean(dim=(1, 2, 3), keepdim=True)
    images = torch.lerp(grey, images, saturation)
    # Contrast about the mean, then brightness: one line, a * x + b.
    images = images.mul_(contrast * brightness).add_(mean * (1.0 - contrast) * brightness)
    return images.div_(255.0).clamp_(0.0, 1.0).pow_(gamma).mul_(255.0)
