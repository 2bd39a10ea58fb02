"""Tiles that let a person look at what may happen to a picture in training.

Owns: one row for each circumstance at chance 1: the picture as it is, then several draws. Refuses: pages and
files.
"""

from collections.abc import Iterator

import numpy as np
import torch

from blanktrap.core.config import AugmentConfig
from blanktrap.vision.augmentation.augmenter import Augmenter
from blanktrap.vision.contact_sheets import Tile

_CPU = torch.device("cpu")


def augmentation_tiles(
    pixels: np.ndarray, config: AugmentConfig, *, name: str, num_draws: int = 4, seed: int = 0
) -> Iterator[Tile]:
    """Show each circumstance of a configuration, then all together at their own chances.

    Args:
        pixels: red, green, blue, uint8, shape (height_px, width_px, 3).
        config: its chances stand in the captions, and rule the last row.
        name: of the picture, for the captions.
        num_draws: changed pictures in a row, after the one that is not.
        seed: of the draws.

    Yields:
        Rows of 1 + num_draws tiles; circumstances with chance 0 are shown as well.
    """
    batch = torch.from_numpy(pixels).expand(num_draws, *pixels.shape)
    for circumstance, share in config.chances().items():
        told = f"{circumstance.replace('_', ' ')}, chance {share:g}"
        only = AugmentConfig.off().model_copy(update={circumstance: 1.0, "max_cut": config.max_cut})
        yield from _row(pixels, batch, only, (told, name), seed)
    yield from _row(pixels, batch, config, ("as in training", name), seed)


def _row(
    pixels: np.ndarray, batch: torch.Tensor, config: AugmentConfig, caption: tuple[str, str], seed: int
) -> Iterator[Tile]:
    yield Tile(picture=pixels, caption=caption)
    chance = torch.Generator().manual_seed(seed)
    changed = Augmenter(config)(batch, _CPU, chance).round().to(torch.uint8).permute(0, 2, 3, 1)
    for number, picture in enumerate(changed.numpy(), 1):
        yield Tile(picture=picture, caption=(f"draw {number}",))
