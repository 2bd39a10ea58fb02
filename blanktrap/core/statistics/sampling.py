"""Random samples without replacement, from rows that stream by once.

Owns: what is kept of each stratum while rows pass, and the rows that are drawn. Refuses: choosing the strata
and how many rows each gives, and reading rows.

A media's lot is the fingerprint of its id and a seed; a sample is the media with the lowest lots. So the same
seed draws the same media whatever the order of the rows, none is drawn twice, and a larger sample contains
the smaller one.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blanktrap.core.statistics.fingerprints import Fingerprints


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
        """The sample, in an order such that any first part of it is a random sample as well.

        Within a stratum rows stand in the order of their lots; strata take turns, so that each has about its
        share of a first part, too.

        Args:
            nums: rows to draw from each stratum, at most as many as were kept and have passed.

        Returns:
            The rows, and the name of each one's stratum.
        """
        tables, names, lots, turns = [], [], [], []
        for name, num in nums.items():
            stratum = self._strata[name]
            self._trim(stratum)
            if stratum.lots[0].size < num:
                raise ValueError(f"{num} rows of stratum {name} were never kept: {stratum.lots[0].size} were")
            tables.append(stratum.tables[0].slice(0, num))
            lots.append(stratum.lots[0][:num])
            names.append(np.full(num, name))
            turns.append((np.arange(num) + 0.5) / max(num, 1))
        order = np.lexsort((np.concatenate(lots), np.concatenate(turns)))
        return pa.concat_tables(tables).take(order), np.concatenate(names)[order]

    def _trim(self, stratum: Stratum) -> None:
        lots = np.concatenate(stratum.lots)
        order = np.argsort(lots, kind="stable")[: self._num_rows]
        stratum.tables = [pa.concat_tables(stratum.tables).take(order)]
        stratum.lots = [lots[order]]
        if order.size == self._num_rows and order.size:
            stratum.highest = int(stratum.lots[0][-1])
