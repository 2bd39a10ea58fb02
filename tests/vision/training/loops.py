"""A small training loop over pixels in memory, and a feed with gaps."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from blanktrap.core.config import Preprocessing, TrainConfig
from blanktrap.core.vocabulary import Split
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.network import build_network
from blanktrap.vision.training.feeds import Batch, MemoryFeed
from blanktrap.vision.training.loop import TrainingLoop

CONFIG = TrainConfig(
    weights="none",
    num_epochs=3,
    batch_size=8,
    patience=None,
    precision="float32",
    preprocessing=Preprocessing(width_px=32, height_px=32),
)


def some_media(num_media: int = 40) -> tuple[LabelledMedia, np.ndarray]:
    """Bright (nonblank) and dark (blank) noise; every fourth media is validated on."""
    chance = np.random.default_rng(0)
    numbers = np.arange(num_media)
    is_nonblank = numbers % 2 == 0
    level = np.where(is_nonblank, 140, 60)[:, None, None, None]
    pixels = (level + chance.integers(0, 60, (num_media, 32, 32, 3))).astype(np.uint8)
    names = np.array([f"m{number}" for number in numbers], dtype=object)
    none = np.full(num_media, None, dtype=object)
    media = LabelledMedia(
        media_ids=names,
        uris=names,
        sizes_bytes=none,
        location_ids=np.array([f"place-{number // 2 % 4}" for number in numbers], dtype=object),
        sequence_ids=none,
        is_nonblank=is_nonblank,
        splits=np.where(numbers // 2 % 4 == 0, Split.VAL, Split.TRAIN).astype(object),
    )
    return media, pixels


class GapFeed(MemoryFeed):
    """A feed some of whose media cannot be decoded."""

    def __init__(self, broken: set[int]) -> None:
        pixels = some_media()[1]
        super().__init__(pixels, np.zeros(len(pixels), bool))
        self.broken = broken
        self.seen: list[int] = []

    def epoch(self, order: np.ndarray, batch_size: int) -> Iterator[Batch]:
        self.left_out.update({row: "unreadable" for row in order.tolist() if row in self.broken})
        for batch in super().epoch(np.array([r for r in order if r not in self.broken], int), batch_size):
            self.seen.extend(batch.rows.tolist())
            yield batch


def make_network() -> nn.Module:
    torch.manual_seed(0)
    return build_network("none")


def make_loop(config: TrainConfig = CONFIG, learn: MemoryFeed | None = None) -> TrainingLoop:
    media, pixels = some_media()
    is_night = np.zeros(len(pixels), bool)
    return TrainingLoop(
        make_network(),
        media,
        learn or MemoryFeed(pixels, is_night),
        MemoryFeed(pixels, is_night),
        config,
        device=torch.device("cpu"),
    )


def weights_of(loop: TrainingLoop) -> torch.Tensor:
    return torch.cat([tensor.flatten().float() for tensor in loop.state.network.values()])
