"""The look of infrared night.

Owns: grey, the reach of the lamp, noise. Refuses: to give a night image colour.
"""

import torch

from blanktrap.vision.augmentation.draw import Draw
from blanktrap.vision.augmentation.painting import coordinates

BRIGHTNESS = (45.0, 140.0)
"""Mean value of 255 (measured: 42 to 146 in nine of ten of 118 infrared photographs from 43 stations)."""
NOISE = (3.0, 14.0)
"""Standard deviation in values of 255."""


def infrared(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Show an image by the light of an infrared lamp; one that is infrared gets noise only.

    Leaves and fur are bright in infrared and the sky is dark, so red and green count and blue does not. The
    lamp lights the middle, a little low, and the corners stay dark. The sensor's amplifier is turned up until
    there is a picture, so there is noise, the same in all three channels.
    """
    height_px, width_px = images.shape[2:]
    is_infrared = draw.infrared()
    red, blue = draw.between(0, 0.3, 0.6), draw.between(1, -0.1, 0.15)
    channels = torch.cat([red, 1.0 - red - blue, blue], 1)
    grey = (images * channels).sum(1, keepdim=True).clamp_(0.0, 255.0)
    x, y = coordinates(height_px, width_px, images.device)
    low = draw.between(3, 0.45, 0.7) * height_px / width_px
    off = (x - draw.between(2, 0.4, 0.6)) ** 2 + (y - low) ** 2
    lamp = 1.0 - draw.between(4, 0.5, 0.9) * (off / 0.3).clamp_(max=1.0)
    # What is far off the lamp does not reach; it tends to be dark by day as well: a power above 1.
    lit = (grey / 255.0).pow_(draw.between(5, 1.0, 1.6)).mul_(lamp)
    brightness = draw.between(6, *BRIGHTNESS) / lit.mean(dim=(1, 2, 3), keepdim=True).clamp_(min=1e-3)
    grey = torch.where(is_infrared, grey, lit.mul_(brightness))
    noise = draw.normal(8, 1, height_px, width_px) * draw.between(7, *NOISE)
    return (grey + noise).clamp_(0.0, 255.0).expand(-1, 3, -1, -1)
