"""What chance decides for the images that one circumstance befalls.

Owns: the lots of a batch and what is made of them. Refuses: pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

NUM_LOTS = 8
"""Numbers that every image draws for every circumstance, whether it befalls the image or not: so neither
another image nor another circumstance changes what happens to this one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Draw:
    """Lots of some images for one circumstance."""

    lots: torch.Tensor
    """In [0, 1), float64 on the CPU, shape (num_media, NUM_LOTS)."""
    is_infrared: torch.Tensor
    """Images without colour, which must get none; boolean on the CPU, shape (num_media,)."""
    boxes: Sequence[torch.Tensor] | None
    """Boxes of animals in each image as they lie now, where they are known; see `Augmenter`."""
    device: torch.device
    """Where the images are."""

    def between(self, lot: int, low: float, high: float) -> torch.Tensor:
        """A number for each image in [low, high): float32 on the device, shape (num_media, 1, 1, 1)."""
        drawn = self.lots[:, lot] * (high - low) + low
        return drawn.float().to(self.device, non_blocking=True).view(-1, 1, 1, 1)
