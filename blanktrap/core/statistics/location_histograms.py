"""Scores by location, counted in bins: what curves and areas of resampled locations are computed from.

Owns: histograms of each label at each location on the grid of 1,001 cutoffs, and figures of many histograms
at once. Refuses: scores of single media; at the grid's cutoffs counts are exact all the same, and for the two
areas it says how far a histogram may be from the scores behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.intervals import (
    LEVEL,
    NUM_RESAMPLES,
    Interval,
    location_bootstrap,
    share_interval,
)
from blanktrap.core.statistics.locations import Names, code_locations
from blanktrap.core.statistics.metrics import NUM_GRID_CUTOFFS, check_scores, grid_cutoffs

# Counts that are resampled at once: with more locations, neighbouring bins are merged.
_MOST_CELLS = 8_000_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class LocationHistograms:
    """Labelled, scored media of each location by score."""

    nonblank: NDArray[np.integer]
    """Nonblank media in each bin, shape (num_locations, 1001): bin i holds scores from i/1000 up to, and
    without, (i+1)/1000; the last bin holds 1 alone."""
    blank: NDArray[np.integer]
    """As `nonblank`, for blanks."""


@dataclass(frozen=True, kw_only=True)
class AreaIntervals:
    """Intervals by location of the two areas; None where an area cannot be computed."""

    area_under_roc: Interval | None
    average_precision: Interval | None
    largest_roc_error: float
    """How far the area of the histograms can at most be from that of the scores: half the share of pairs of
    one nonblank and one blank media that fall into one bin."""


def histogram_by_location(
    p_nonblank: ArrayLike, is_nonblank: ArrayLike, locations: Names
) -> LocationHistograms:
    """Count the media of each location by score and label.

    Args:
        p_nonblank: scores in [0, 1], shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).
        locations: as for `code_locations`; rows of the histograms follow its codes.

    Raises:
        EvaluationError: the shapes differ, or a score is no number in [0, 1].
    """
    scores, labels = check_scores(p_nonblank), np.asarray(is_nonblank, dtype=bool)
    codes, names = code_locations(locations)
    if not scores.shape == labels.shape == codes.shape:
        raise EvaluationError(
            f"{scores.shape} scores do not match {labels.shape} labels and {codes.shape} locations"
        )
    # In the scores' own format, so that a float32 0.7 falls into the bin that starts at 0.7.
    bins = np.searchsorted(grid_cutoffs().astype(scores.dtype), scores, side="right") - 1
    cells = codes * NUM_GRID_CUTOFFS + bins
    shape = (len(names), NUM_GRID_CUTOFFS)
    nonblank, blank = (
        np.bincount(cells[mine], minlength=shape[0] * shape[1]).reshape(shape) for mine in (labels, ~labels)
    )
    return LocationHistograms(nonblank=nonblank, blank=blank)


def areas_of_histograms(nonblank: NDArray[np.number], blank: NDArray[np.number]) -> tuple[Floats, Floats]:
    """Area under the ROC and average precision of histograms; scores in one bin count as equal.

    Args:
        nonblank: media in each bin, ascending scores, shape (..., num_bins).
        blank: of the same shape.

    Returns:
        Two arrays of shape (...); nan where a label is absent.
    """
    kept_nonblank = np.cumsum(nonblank[..., ::-1], axis=-1, dtype=np.float64)[..., ::-1]
    kept_blank = np.cumsum(blank[..., ::-1], axis=-1, dtype=np.float64)[..., ::-1]
    num_nonblank, num_blank = kept_nonblank[..., 0], kept_blank[..., 0]
    # Blanks below a bin are beaten by its nonblank media, those within it tie.
    beaten = num_blank[..., None] - kept_blank + 0.5 * blank
    roc = _divided((nonblank * beaten).sum(axis=-1), num_nonblank * num_blank)
    precision = np.divide(
        kept_nonblank,
        kept_nonblank + kept_blank,
        out=np.zeros_like(kept_nonblank),
        where=kept_nonblank > 0.0,
    )
    average = _divided((nonblank * precision).sum(axis=-1), np.where(num_blank > 0.0, num_nonblank, 0.0))
    return roc, average


def area_intervals(
    histograms: LocationHistograms,
    *,
    area_under_roc: float,
    average_precision: float,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> AreaIntervals:
    """Intervals of the areas by resampling locations.

    Args:
        histograms: one row a location.
        area_under_roc: of the scores themselves, see `RankedScores.area_under_roc`.
        average_precision: likewise.
        num_resamples, seed, level: as for `location_bootstrap` and `share_interval`.

    Raises:
        IntervalError: fewer than two locations have nonblank media, or blanks.
    """
    nonblank, blank = merge_bins([histograms.nonblank, histograms.blank])
    sizes = np.column_stack([nonblank.sum(axis=1), blank.sum(axis=1)])
    sums = location_bootstrap(np.hstack([nonblank, blank]), num_resamples=num_resamples, seed=seed)
    roc, average = areas_of_histograms(*np.split(sums, 2, axis=1))
    return AreaIntervals(
        area_under_roc=share_interval(area_under_roc, roc, sizes=sizes, level=level),
        average_precision=share_interval(average_precision, average, sizes=sizes, level=level),
        largest_roc_error=_largest_roc_error(nonblank.sum(axis=0), blank.sum(axis=0)),
    )


def merge_bins(histograms: Sequence[NDArray[np.integer]]) -> list[NDArray[np.integer]]:
    """The histograms, each of shape (num_locations, num_bins), coarse enough to be resampled at once."""
    times = -(-sum(one.size for one in histograms) // _MOST_CELLS)
    if times <= 1:
        return list(histograms)
    return [np.add.reduceat(one, np.arange(0, one.shape[1], times), axis=1) for one in histograms]


def _largest_roc_error(nonblank: NDArray[np.integer], blank: NDArray[np.integer]) -> float:
    pairs = float(nonblank.sum()) * float(blank.sum())
    return 0.5 * float(nonblank.astype(np.float64) @ blank.astype(np.float64)) / pairs if pairs else 0.0


def _divided(part: Floats, whole: Floats) -> Floats:
    filled: Floats = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=filled, where=np.asarray(whole) > 0.0)
    return filled
