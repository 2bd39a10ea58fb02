"""Pictures that are not sharp.

Owns: the smear of a movement and the softness of a lens out of focus. Refuses: blurring the animal alone:
where it is, nobody knows here.
"""

import math

import torch
from torch import nn

from blanktrap.vision.augmentation.draw import Draw

SMEAR = (0.008, 0.03)
"""Length of a movement as a share of the width, at least two pixels."""
SOFTNESS = (0.002, 0.008)
"""Standard deviation of the blur as a share of the width, at least half a pixel."""


def motion_blur(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Smear each image along a line of any direction: what moves while the shutter is open."""
    width_px = images.shape[3]
    lengths, angles = draw.numbers(0, *SMEAR), draw.numbers(1, 0.0, math.pi)
    for image, length, angle in zip(images, lengths, angles, strict=True):
        image.copy_(smear(image, max(2.0, length * width_px), angle))
    return images


def smear(image: torch.Tensor, length_px: float, angle: float) -> torch.Tensor:
    """The mean of an image moved along a line; the border is repeated.

    Args:
        image: shape (channels, height_px, width_px).
        length_px: of the line.
        angle: of the line, in radians from the horizontal.
    """
    height_px, width_px = image.shape[1:]
    num_places = math.ceil(length_px) + 1
    reach = math.ceil(length_px / 2.0)
    padded = nn.functional.pad(image[None], (reach,) * 4, mode="replicate")[0]
    total = torch.zeros_like(image)
    for place in range(num_places):
        along = (place / (num_places - 1) - 0.5) * length_px
        right, down = reach + round(along * math.cos(angle)), reach + round(along * math.sin(angle))
        total += padded[:, down : down + height_px, right : right + width_px]
    return total.div_(num_places)


def defocus(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Blur each image by a Gaussian of its own width.

    torchvision's `gaussian_blur` takes one width for a batch, and convolves in two dimensions at once.
    """
    deviations = draw.between(0, *SOFTNESS).mul(images.shape[3]).clamp_(min=0.5)
    return blurred(images, deviations, reach_px=math.ceil(2.5 * max(0.5, SOFTNESS[1] * images.shape[3])))


def blurred(images: torch.Tensor, deviations_px: torch.Tensor, *, reach_px: int) -> torch.Tensor:
    """Convolve with Gaussians, along each axis in turn; the border is repeated.

    Args:
        images: shape (num_media, channels, height_px, width_px).
        deviations_px: standard deviation for each image, shape (num_media, 1, 1, 1).
        reach_px: how far a pixel reaches.
    """
    num_media, channels, height_px, width_px = images.shape
    away = torch.arange(-reach_px, reach_px + 1, device=images.device) / deviations_px
    kernels = torch.exp(-0.5 * away**2)
    kernels = (kernels / kernels.sum(3, keepdim=True)).repeat_interleave(channels, 0)
    flat = images.reshape(1, num_media * channels, height_px, width_px)
    flat = nn.functional.pad(flat, (reach_px,) * 4, mode="replicate")
    flat = nn.functional.conv2d(flat, kernels, groups=num_media * channels)
    flat = nn.functional.conv2d(flat, kernels.transpose(2, 3), groups=num_media * channels)
    return flat.view_as(images)
