"""What the training loop is fed with: decoded media, a batch at a time.

Owns: the contract of a feed, and the plainest one, over pixels that are in memory. Refuses: decoding, and the
order of an epoch, which the loop decides.
"""

import time
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
    sizes_px: np.ndarray
    """Width and height of the upright originals, int64, shape (num_media, 2)."""


class Feed(Protocol):
    """Decoded media of one worker."""

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
        """Seconds that the loop has waited for batches so far."""
        ...

    @property
    def left_out(self) -> dict[int, str]:
        """Media met so far that cannot be decoded: their positions, and the status of each."""
        ...


class MemoryFeed:
    """Media whose pixels are in memory already, all of them."""

    def __init__(self, pixels: np.ndarray, is_night: np.ndarray) -> None:
        """Args: pixels: as in `Batch`, of all labelled media of the run. is_night: of them too.

        The originals are as large as the pixels.
        """
        self._pixels, self._is_night = pixels, is_night
        self._size_px = np.array(pixels.shape[2:0:-1], np.int64)
        self.waited_s = 0.0
        self.left_out: dict[int, str] = {}

    def epoch(self, order: np.ndarray, batch_size: int) -> Iterator[Batch]:
        """See `Feed.epoch`."""
        for start in range(0, len(order), batch_size):
            started = time.perf_counter()
            rows = order[start : start + batch_size]
            batch = Batch(
                rows=rows,
                pixels=self._pixels[rows],
                is_night=self._is_night[rows],
                sizes_px=np.tile(self._size_px, (len(rows), 1)),
            )
            self.waited_s += time.perf_counter() - started
            yield batch
