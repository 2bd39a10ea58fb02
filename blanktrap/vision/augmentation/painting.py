"""What lies before the scene or on the lens: where it is, and how it is laid over the picture.

Owns: coordinates, and blending that gives no colour to images without. Refuses: what is painted.
"""

import torch
from torchvision.transforms.v2 import functional

Colour = tuple[float, float, float]


def coordinates(height_px: int, width_px: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Middles of pixels in units of the width, from the upper left corner: round things stay round.

    Returns:
        x in (0, 1), shape (1, 1, 1, width_px), and y in (0, height / width), shape (1, 1, height_px, 1).
    """
    x = (torch.arange(width_px, device=device) + 0.5) / width_px
    y = (torch.arange(height_px, device=device) + 0.5) / width_px
    return x.view(1, 1, 1, -1), y.view(1, 1, -1, 1)


def tint(colour: Colour, is_infrared: torch.Tensor) -> torch.Tensor:
    """A colour for each image, and its grey for infrared ones.

    Args:
        colour: red, green, blue in [0, 255].
        is_infrared: boolean, shape (num_media, 1, 1, 1).

    Returns:
        Shape (num_media, 3, 1, 1).
    """
    painted = torch.tensor(colour, device=is_infrared.device).view(1, 3, 1, 1)
    return torch.where(is_infrared, luminance(painted), painted)


def luminance(images: torch.Tensor) -> torch.Tensor:
    """Rec. 601 luminance, shape (num_media, 1, height_px, width_px)."""
    grey: torch.Tensor = functional.rgb_to_grayscale(images)
    return grey


def screen(images: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
    """Add light as two exposures of one film do: white stays white, nothing passes 255.

    Args:
        images: values in [0, 255], shape (num_media, 3, height_px, width_px); changed in place.
        light: values in [0, 1] that broadcast to it.
    """
    return images.add_((255.0 - images) * light)
