"""Pictures to change, and augmenters that do one thing."""

import torch

from blanktrap.core.config import AugmentConfig
from blanktrap.vision.augmentation import Augmenter

CPU = torch.device("cpu")
CHANCES = sorted(set(AugmentConfig.model_fields) - {"max_cut"})
ALWAYS = AugmentConfig(**dict.fromkeys(CHANCES, 1.0))


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def only(name: str, share: float = 1.0, **more: float) -> Augmenter:
    return Augmenter(AugmentConfig.off().model_copy(update={name: share, **more}))


def scenes(num_media: int = 4, height_px: int = 48, width_px: int = 64, seed: int = 0) -> torch.Tensor:
    """Smooth colourful pictures with noise: uint8, shape (num_media, height_px, width_px, 3)."""
    coarse = torch.rand(num_media, 3, 5, 6, generator=chance(seed)) * 200 + 25
    smooth = torch.nn.functional.interpolate(coarse, (height_px, width_px), mode="bilinear")
    noisy = smooth + torch.randn(smooth.shape, generator=chance(seed + 1)) * 5
    return noisy.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def as_images(pixels: torch.Tensor) -> torch.Tensor:
    return pixels.permute(0, 3, 1, 2).float()
