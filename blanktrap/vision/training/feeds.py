"""What the training loop is fed with: decoded media, a batch at a time.

Owns: the contract of a feed. Refuses: decoding, and the order of an epoch; both are the feed's own matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some decoded media."""

    rows: np.ndarray
    """Positions in the labelled media of the run, int64, shape (num_media,)."""
    pixels: np.ndarray
    """Red, green, blue, uint8, shape (num_media, height_px, width_px, 3)."""
    is_night: np.ndarray
    """Infrared or flash, boolean, shape (num_media,)."""


class Feed(Protocol):
    """The media of one worker. Media that cannot be decoded are in no batch."""

    def epoch(self, order: np.ndarray, batch_size: int) -> Iterator[Batch]:
        """Give decoded media in the given order.

        Args:
            order: positions in the labelled media of the run, int64; those of this worker, as often as it is
                to see them.
            batch_size: media in a batch; the last one may be smaller. A media that cannot be decoded is left
                out, and the next one takes its place.

        Raises:
            SourceError: the storage itself fails.
        """
        ...

    @property
    def waited_s(self) -> float:
        """Seconds that the loop has waited for batches, from the beginning of the run."""
        ...

    @property
    def left_out(self) -> dict[str, int]:
        """Distinct media that could not be decoded so far, by status."""
        ...
