"""Random samples without replacement, from rows that stream by once.

Owns: the lot that each media draws, what is kept of each stratum, and how a sample is shared out over strata.
Refuses: choosing the strata, and reading rows.

A media's lot is the fingerprint of its id and a seed; a sample is the media with the lowest lots. So the same
seed draws the same media whatever the order of the rows, none is drawn twice, and a larger sample contains
the smaller one.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from blanktrap.core.fingerprints import Fingerprints

Integers = NDArray[np.int64]


@dataclass(kw_only=True)
class Stratum:
    """The media of one stratum that have passed so far."""

    num_media: int = 0
    tables: list[pa.Table] = field(default_factory=list)
    lots: list[Fingerprints] = field(default_factory=list)
    highest: int = 2**64 - 1
    """A lot above it can no longer be drawn."""


class StratifiedSample:
    """The rows with the lowest lots of each stratum, in memory that does not grow with the rows that pass."""

    def __init__(self, num_rows: int) -> None:
        """Keep at most this many rows of each stratum."""
        self._num_rows = num_rows
        self._strata: dict[str, Stratum] = {}

    @property
    def sizes(self) -> dict[str, int]:
        """Media of each stratum that have passed, by its name, sorted."""
        return {name: self._strata[name].num_media for name in sorted(self._strata)}

    def add(self, rows: pa.Table, strata: NDArray[np.str_], lots: Fingerprints) -> None:
        """Let rows pass.

        Args:
            rows: whatever is to come back of a row that is drawn.
            strata: name of each row's stratum, shape (num_rows,).
            lots: what each row has drawn, shape (num_rows,).
        """
        for name in np.unique(strata).tolist():
            stratum = self._strata.setdefault(name, Stratum())
            mine = strata == name
            stratum.num_media += int(mine.sum())
            low = np.flatnonzero(mine & (lots <= np.uint64(stratum.highest)))
            if low.size:
                stratum.tables.append(rows.take(low))
                stratum.lots.append(lots[low])
                if sum(part.size for part in stratum.lots) > 2 * self._num_rows:
                    self._trim(stratum)

    def draw(self, nums: dict[str, int]) -> tuple[pa.Table, NDArray[np.str_]]:
        """The sample, in the order of the lots: any first part of it is a random sample as well.

        Args:
            nums: rows to draw from each stratum, at most as many as were kept and have passed.

        Returns:
            The rows, and the name of each one's stratum.
        """
        tables, names, lots = [], [], []
        for name, num in nums.items():
            stratum = self._strata[name]
            self._trim(stratum)
            if stratum.lots[0].size < num:
                raise ValueError(f"{num} rows of stratum {name} were never kept: {stratum.lots[0].size} were")
            tables.append(stratum.tables[0].slice(0, num))
            lots.append(stratum.lots[0][:num])
            names.append(np.full(num, name))
        order = np.argsort(np.concatenate(lots), kind="stable")
        return pa.concat_tables(tables).take(order), np.concatenate(names)[order]

    def _trim(self, stratum: Stratum) -> None:
        lots = np.concatenate(stratum.lots)
        order = np.argsort(lots, kind="stable")[: self._num_rows]
        stratum.tables = [pa.concat_tables(stratum.tables).take(order)]
        stratum.lots = [lots[order]]
        if order.size == self._num_rows and order.size:
            stratum.highest = int(stratum.lots[0][-1])


def share_out(num: int, sizes: ArrayLike, weights: ArrayLike, *, least: int = 0) -> Integers:
    """Share a sample out over strata.

    Each stratum gets `least` rows or all it has; what is left goes by weight, and what a stratum cannot give
    goes to the others by weight again.

    Args:
        num: rows to draw in all.
        sizes: media of each stratum, shape (num_strata,).
        weights: at least 0, shape (num_strata,); strata without any weight come last, by size.
        least: rows of every stratum, as far as `num` reaches.

    Returns:
        Rows to draw from each stratum, shape (num_strata,); they sum to `num`, or to all media where there
        are fewer.

    Source: largest remainders (Hamilton). With weights of size times standard deviation it is Neyman's
    allocation (Neyman 1934), which makes the variance of the estimated total least.
    """
    available = np.asarray(sizes, dtype=np.int64)
    wanted = np.asarray(weights, dtype=np.float64)
    given = np.zeros_like(available)
    num = min(num, int(available.sum()))
    given = _by_weight(min(num, int(np.minimum(available, least).sum())), np.minimum(available, least), None)
    while (left := num - int(given.sum())) > 0:
        room = available - given
        pull = np.where(room > 0, wanted, 0.0)
        pull = pull if pull.sum() > 0.0 else room.astype(np.float64)
        given += _by_weight(left, room, pull)
    return given


def _by_weight(num: int, room: Integers, weights: NDArray[np.float64] | None) -> Integers:
    """Hand out at most `num` by weight, by room without weights, and no more than there is room for."""
    pull = room.astype(np.float64) if weights is None else weights
    if num <= 0 or pull.sum() <= 0.0:
        return np.zeros_like(room)
    exact = num * (pull / pull.sum())
    whole = np.floor(exact).astype(np.int64)
    # The sum of the shares may fall short of a whole number by rounding, never by one or more.
    ranked = np.argsort(-(exact - whole), kind="stable")[: num - int(whole.sum())]
    whole[ranked] += 1
    handed: Integers = np.minimum(whole, room)
    return handed
