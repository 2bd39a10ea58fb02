"""What may happen to a camera-trap photograph without changing its label.

Owns: light random changes of a training batch. Refuses: crops that could cut an animal at the border
away, and changes of hue: infrared has none.
"""

import torch
from torch import nn

MAX_SHIFT = 0.06
"""Largest shift as a share of width and height: wind moves the camera. The border is repeated."""
MAX_BRIGHTNESS = 0.25
"""Largest factor of brightness above and below 1: clouds, dusk, the flash's reach."""
MAX_CONTRAST = 0.25
"""Largest factor of contrast above and below 1: mist, a dirty lens."""


def augment(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Change each image of a batch by chance: mirror, shift, brightness, contrast.

    Args:
        images: values in [0, 255], float, shape (num_media, 3, height_px, width_px).
        generator: source of chance, on the CPU.

    Returns:
        Images of the same shape, in [0, 255].
    """
    num_media = len(images)

    def between(low: float, high: float) -> torch.Tensor:
        drawn = torch.rand(num_media, generator=generator) * (high - low) + low
        return drawn.to(images.device)

    mirror = torch.where(between(0.0, 1.0) < 0.5, -1.0, 1.0)
    # A sampling grid spans -1 to 1, so a share of the width is twice as much on it.
    moves = torch.zeros(num_media, 2, 3, device=images.device)
    moves[:, 0, 0], moves[:, 1, 1] = mirror, 1.0
    moves[:, 0, 2] = between(-2.0 * MAX_SHIFT, 2.0 * MAX_SHIFT)
    moves[:, 1, 2] = between(-2.0 * MAX_SHIFT, 2.0 * MAX_SHIFT)
    grid = nn.functional.affine_grid(moves, list(images.shape), align_corners=False)
    images = nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    brightness = between(1.0 - MAX_BRIGHTNESS, 1.0 + MAX_BRIGHTNESS).view(-1, 1, 1, 1)
    contrast = between(1.0 - MAX_CONTRAST, 1.0 + MAX_CONTRAST).view(-1, 1, 1, 1)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (((images - mean) * contrast + mean) * brightness).clamp_(0.0, 255.0)


class Augmenter:
    def __init__(self, config: object) -> None:
        self._config = config

    def __call__(self, pixels: torch.Tensor, device: torch.device, chance: torch.Generator) -> torch.Tensor:
        images = pixels.to(device).permute(0, 3, 1, 2).float()
        return augment(images, chance) if getattr(self._config, "flip", 0) else images
