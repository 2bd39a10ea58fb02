"""What is measured: scores with human labels and their locations, of media or of sequences.

Owns: counts by location at any cutoff, from arrays of one row a media or sequence. Refuses: choosing a
cutoff, and anything without a score: those are counted apart and in no other figure.

Locations are numbered; number 0 is "no known location".
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from blanktrap.core.statistics.location_histograms import LocationHistograms
from blanktrap.core.statistics.metrics import Counts, Floats, RankedScores, check_cutoff, grid_cutoffs

KEPT_NONBLANK, MISSED_NONBLANK, KEPT_BLANK, REMOVED_BLANK = range(4)
"""Columns of counts by location: what a cutoff does."""

# Counts by location and cutoff: 128 MiB at the most, whatever the number of locations.
_CELLS_AT_MOST = 2**24


@dataclass(frozen=True, kw_only=True, eq=False)
class SpeciesRows:
    """Nonblank media by species: one row for each media and species, so two species make two rows."""

    names: tuple[str, ...]
    code: NDArray[np.int32]
    """Position of the name, shape (num_rows,)."""
    p_nonblank: Floats
    """Of the media; nan where it was not scored. Shape (num_rows,)."""
    location: NDArray[np.int32]
    """Number of the media's location, shape (num_rows,)."""

    @classmethod
    def none(cls) -> "SpeciesRows":
        """No species at all."""
        return cls(
            names=(),
            code=np.zeros(0, np.int32),
            p_nonblank=np.zeros(0, np.float32),
            location=np.zeros(0, np.int32),
        )

    def counts_at(self, cutoff: float) -> dict[str, Counts]:
        """Kept, missed and not scored media of each species by location.

        Returns:
            By species with any media: shape (num_places, 4), columns location number, kept, missed, not
            scored; only locations where the species is.
        """
        fate = np.where(np.isnan(self.p_nonblank), 2, self.p_nonblank < np.float32(cutoff)).astype(np.int64)
        num_places = int(self.location.max(initial=0)) + 1
        cells = (self.code.astype(np.int64) * num_places + self.location) * 3 + fate
        found, nums = np.unique(cells, return_counts=True)
        species, place, fates = found // (3 * num_places), found // 3 % num_places, found % 3
        counts: dict[str, Counts] = {}
        for code in np.unique(species):
            mine = species == code
            places, row = np.unique(place[mine], return_inverse=True)
            table = np.zeros((places.size, 4), dtype=np.int64)
            table[:, 0] = places
            table[row, 1 + fates[mine]] = nums[mine]
            counts[self.names[code]] = table
        return counts


def count_bins(
    p_nonblank: Floats, location: NDArray[np.int32], num_locations: int, cutoffs: Floats
) -> Counts:
    """Media by location and score: in the bin that starts at each cutoff, of which the first is 0.

    Args:
        p_nonblank: scores in [0, 1], shape (num_media,).
        location: number of each media's location, shape (num_media,).
        num_locations: rows of the result.
        cutoffs: ascending from 0, shape (num_cutoffs,).

    Returns:
        Shape (num_locations, num_cutoffs).
    """
    bins = np.searchsorted(cutoffs.astype(np.float32), p_nonblank, side="right") - 1
    cells = location.astype(np.int64) * cutoffs.size + bins
    counts = np.bincount(cells, minlength=num_locations * cutoffs.size)
    return counts.reshape(num_locations, cutoffs.size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Labelled media or sequences of the split that is measured; n of them have a score."""

    p_nonblank: Floats
    """Shape (n,), in [0, 1]."""
    is_nonblank: NDArray[np.bool_]
    """Shape (n,)."""
    location: NDArray[np.int32]
    """Number of each one's location, shape (n,)."""
    is_night: NDArray[np.bool_]
    """Taken by infrared or flash, shape (n,); where nobody knows, it counts as day."""
    locations: tuple[str | None, ...]
    """Location ids by number; the first is None."""
    not_scored: Counts
    """Labelled and without a score: nonblank and blank by location, shape (num_locations + 1, 2)."""
    species: SpeciesRows = field(default_factory=SpeciesRows.none)

    @cached_property
    def ranked(self) -> RankedScores:
        """The scores of each label, sorted once."""
        return RankedScores(
            nonblank=np.sort(self.p_nonblank[self.is_nonblank]),
            blank=np.sort(self.p_nonblank[~self.is_nonblank]),
        )

    @cached_property
    def sizes(self) -> Counts:
        """Nonblank and blank by location, shape (num_locations + 1, 2)."""
        return self._count(self.location * 2 + ~self.is_nonblank, 2)

    def counts_at(self, cutoff: float) -> Counts:
        """Counts at a cutoff by location, shape (num_locations + 1, 4): the columns named above.

        Raises:
            EvaluationError: the cutoff is outside [0, 1].
        """
        check_cutoff(cutoff)
        return self.counts_where(self.p_nonblank >= np.float32(cutoff))

    def counts_where(self, is_kept: NDArray[np.bool_]) -> Counts:
        """As `counts_at`, for any choice of what is kept, shape (n,)."""
        return self._count(self.location * 4 + 2 * ~self.is_nonblank + ~is_kept, 4)

    def counts_on_grid(self) -> tuple[Floats, Counts, Counts]:
        """Nonblank and blank kept at many cutoffs, by location.

        Returns:
            The cutoffs, ascending: the grid's 1,001, or every second, fifth, … where locations are very
            many; nonblank kept at each, shape (num_locations + 1, num_cutoffs); blank kept at each.
        """
        step = next(
            step
            for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
            if step == 1000 or len(self.locations) * 2 * (1000 // step + 1) <= _CELLS_AT_MOST
        )
        cutoffs = grid_cutoffs()[::step]
        nonblank, blank = (
            bins[:, ::-1].cumsum(axis=1)[:, ::-1]
            for bins in (self._bins(label, cutoffs) for label in (True, False))
        )
        return cutoffs, nonblank, blank

    def histograms(self) -> LocationHistograms:
        """Each label by score on the grid of 1,001 cutoffs, one row for each location with any media."""
        there = self.sizes.sum(axis=1) > 0
        nonblank, blank = (self._bins(label, grid_cutoffs())[there] for label in (True, False))
        return LocationHistograms(nonblank=nonblank, blank=blank)

    def num_known_locations(self, counts: Counts) -> int:
        """Known locations with something in a column of counts, shape (num_locations + 1, num_columns)."""
        return int((counts[1:].sum(axis=1) > 0).sum())

    def _bins(self, is_nonblank: bool, cutoffs: Floats) -> Counts:
        mine = self.is_nonblank == is_nonblank
        return count_bins(self.p_nonblank[mine], self.location[mine], len(self.locations), cutoffs)

    def _count(self, cells: NDArray[np.integer], num_columns: int) -> Counts:
        counts = np.bincount(cells, minlength=len(self.locations) * num_columns)
        return counts.reshape(len(self.locations), num_columns)


@dataclass(frozen=True, kw_only=True)
class MeasuredSequences:
    """The labelled sequences of the split that is measured."""

    measured: Measured
    """Those with a label and a scored frame; `not_scored` has those without a scored frame."""
    num_labelled_whole: int
    """Among those with a score, sequences whose label was given to the whole."""
    num_partly_scored: int
    """Among those with a score, sequences with a frame that has none."""
    num_undecided: int
    """Sequences of which some frames are labelled blank and the others not at all."""
    num_media_without_sequence: int
    """Labelled media that belong to no known sequence."""
