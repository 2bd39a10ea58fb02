"""What chance decides for the images that one circumstance befalls.

Owns: the lots of a batch and what is made of them. Refuses: pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

NUM_LOTS = 10
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

    def numbers(self, lot: int, low: float, high: float) -> list[float]:
        """The same as plain numbers, for what is done to one image after the other."""
        drawn: list[float] = (self.lots[:, lot] * (high - low) + low).tolist()
        return drawn

    def either(self, lot: int) -> torch.Tensor:
        """Heads or tails for each image: boolean on the device, shape (num_media, 1, 1, 1)."""
        return (self.lots[:, lot] < 0.5).to(self.device, non_blocking=True).view(-1, 1, 1, 1)

    def uniform(self, lot: int, *shape: int) -> torch.Tensor:
        """As many numbers as wanted in [0, 1): float32 on the device, shape (num_media, *shape)."""
        return torch.stack(
            [torch.rand(shape, generator=one, device=self.device) for one in self._generators(lot)]
        )

    def normal(self, lot: int, *shape: int) -> torch.Tensor:
        """As `uniform`, of the standard normal distribution."""
        return torch.stack(
            [torch.randn(shape, generator=one, device=self.device) for one in self._generators(lot)]
        )

    def infrared(self) -> torch.Tensor:
        """`is_infrared` on the device, shape (num_media, 1, 1, 1)."""
        return self.is_infrared.to(self.device, non_blocking=True).view(-1, 1, 1, 1)

    def _generators(self, lot: int) -> list[torch.Generator]:
        # The lot itself is the seed: 53 bits of it are chance.
        seeds = (self.lots[:, lot] * 2.0**53).long().tolist()
        return [torch.Generator(self.device).manual_seed(seed) for seed in seeds]
