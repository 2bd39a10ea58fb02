"""The processes that learn together: this one alone, or those of torch.distributed.

Owns: who this worker is, sums and lists over all of them, and its part of a step and of the media. Refuses:
starting processes; whoever started them has initialised torch.distributed, or has not.
"""

from typing import Any, TypeVar

import numpy as np
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from blanktrap.core.errors import TrainingError

T = TypeVar("T")


class Workers:
    """All workers, seen from one of them.

    Attributes:
        rank: this worker's number, from 0.
        count: how many there are.
    """

    def __init__(self) -> None:
        self._together = distributed.is_available() and distributed.is_initialized()
        self.rank = distributed.get_rank() if self._together else 0
        self.count = distributed.get_world_size() if self._together else 1

    def total(self, value: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over all workers; each must ask."""
        if self._together:
            value = value.clone()
            distributed.all_reduce(value)
        return value

    def gather(self, thing: T) -> list[T]:
        """What each worker brings, by rank; each must ask."""
        if not self._together:
            return [thing]
        things: list[Any] = [None] * self.count
        distributed.all_gather_object(things, thing)
        return things

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network with gradients averaged over all workers, or as it is."""
        if not self._together:
            return network
        device = next(network.parameters()).device
        return DistributedDataParallel(
            network,
            device_ids=[device] if device.type == "cuda" else None,
            gradient_as_bucket_view=True,  # one copy of 85 MB less in each step
        )

    def share_of(self, batch_size: int) -> int:
        """How many media of a step are this worker's; all shares sum to the step.

        Raises:
            TrainingError: there are more workers than media in a step.
        """
        if batch_size < self.count:
            raise TrainingError(
                f"{self.count} workers have nothing to share in steps of {batch_size} media: raise "
                f"--batch-size, or take fewer workers"
            )
        return batch_size // self.count + (self.rank < batch_size % self.count)

    def part_of(self, rows: np.ndarray, seed: int) -> np.ndarray:
        """This worker's part of the media, dealt by chance, so that no worker gets the places of its own."""
        return np.random.default_rng(seed).permutation(rows)[self.rank :: self.count]
