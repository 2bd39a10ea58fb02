"""Two scorers on the same media: how much better one is, and whether the media can tell.

Owns: paired differences of figures, with intervals by location, and counts of media that the two judge
differently. Refuses: figures measured on different media: two reports whose intervals overlap may surely
differ all the same, so only media that both scored are compared.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.intervals import (
    LEVEL,
    NUM_RESAMPLES,
    Interval,
    check_locations,
    difference_interval,
    location_bootstrap,
)
from blanktrap.core.statistics.location_histograms import (
    areas_of_histograms,
    histogram_by_location,
    merge_bins,
)
from blanktrap.core.statistics.locations import Names, code_locations
from blanktrap.core.statistics.metrics import check_cutoff, check_scores, rank_scores

Floats = NDArray[np.float64]

# Who keeps a media. Counts by location have these four columns for nonblank media, and again for blanks.
_BOTH, _FIRST, _SECOND, _NEITHER = range(4)
_NONBLANK, _BLANK = slice(0, 4), slice(4, 8)


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """One figure of both scorers, and the first's less the second's."""

    first: float
    second: float
    interval: Interval | None
    """Of the difference, by location; None where it cannot be resampled."""

    @property
    def difference(self) -> float:
        """First less second."""
        return self.first - self.second

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval.low <= 0.0 <= self.interval.high


@dataclass(frozen=True, kw_only=True)
class Discordance:
    """Media of one label by which of the scorers keeps them."""

    kept_by_both: int
    kept_by_first_only: int
    kept_by_second_only: int
    kept_by_neither: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two scorers compared on the same labelled media."""

    differences: dict[str, PairedDifference]
    """`nonblank_recall`, `blank_recall`, `nonblank_precision`, `kept_share`, each scorer at its own cutoff;
    over all cutoffs: `area_under_roc`, `average_precision`."""
    nonblank: Discordance
    blank: Discordance
    num_media: int
    num_locations: int
    """Groups that were resampled; all media of no known location are one."""


def compare_scorers(
    first: ArrayLike,
    second: ArrayLike,
    is_nonblank: ArrayLike,
    locations: Names,
    *,
    first_cutoff: float,
    second_cutoff: float,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Comparison:
    """Compare two scorers by what they do with the same media.

    Both are resampled with the same locations, so that what makes a location hard for both cancels out.

    Args:
        first: scores of the one in [0, 1], shape (num_media,).
        second: scores of the other, in the same order; such as MegaDetector's confidence.
        is_nonblank: human labels, boolean, shape (num_media,).
        locations: as for `code_locations`, shape (num_media,).
        first_cutoff: media at or above it are kept by the first.
        second_cutoff: likewise; compare cutoffs that keep equally many animals, or blanks, not equal numbers.
        num_resamples, seed, level: as for `location_bootstrap` and `difference_interval`.

    Raises:
        EvaluationError: shapes differ, a label is absent, or a score or cutoff is outside [0, 1].
        IntervalError: fewer than two locations.
    """
    labels = np.asarray(is_nonblank, dtype=bool)
    codes, names = code_locations(locations)
    scores = check_scores(first), check_scores(second)
    if not scores[0].shape == scores[1].shape == labels.shape == codes.shape:
        raise EvaluationError(
            f"{scores[0].shape} and {scores[1].shape} scores do not match {labels.shape} labels and "
            f"{codes.shape} locations"
        )
    if not labels.any() or labels.all():
        raise EvaluationError("scorers are compared on media of both labels: label some of the other kind")
    check_locations(len(names))
    kept = _kept(scores[0], first_cutoff), _kept(scores[1], second_cutoff)
    fates = np.where(kept[0], np.where(kept[1], _BOTH, _FIRST), np.where(kept[1], _SECOND, _NEITHER))
    cells = codes * 8 + fates + np.where(labels, 0, 4)
    counts = np.bincount(cells, minlength=len(names) * 8).reshape(-1, 8)
    resampled = location_bootstrap(counts, num_resamples=num_resamples, seed=seed)
    estimates, values = _shares(counts.sum(axis=0, dtype=np.float64)), _shares(resampled)
    sizes = {
        "nonblank_recall": counts[:, _NONBLANK].sum(axis=1),
        "blank_recall": counts[:, _BLANK].sum(axis=1),
        "nonblank_precision": counts.sum(axis=1),
        "kept_share": counts.sum(axis=1),
    }
    return Comparison(
        differences={
            name: PairedDifference(
                first=float(one),
                second=float(other),
                interval=difference_interval(
                    float(one - other),
                    values[name][0] - values[name][1],
                    sizes=sizes[name],
                    level=level,
                ),
            )
            for name, (one, other) in estimates.items()
        }
        | _areas(scores, labels, codes, num_resamples=num_resamples, seed=seed, level=level),
        nonblank=_discordance(counts[:, _NONBLANK]),
        blank=_discordance(counts[:, _BLANK]),
        num_media=labels.size,
        num_locations=len(names),
    )


def _kept(scores: NDArray[np.floating], cutoff: float) -> NDArray[np.bool_]:
    check_cutoff(cutoff)
    kept: NDArray[np.bool_] = scores >= scores.dtype.type(cutoff)
    return kept


def _shares(sums: Floats) -> dict[str, tuple[Floats, Floats]]:
    """The figures of the first and the second scorer, from sums of shape (..., 8)."""
    nonblank, blank = sums[..., _NONBLANK], sums[..., _BLANK]
    num_nonblank, num_blank = nonblank.sum(axis=-1), blank.sum(axis=-1)
    found: dict[str, list[Floats]] = {}
    for who in (_FIRST, _SECOND):
        kept_nonblank = nonblank[..., _BOTH] + nonblank[..., who]
        kept_blank = blank[..., _BOTH] + blank[..., who]
        kept = kept_nonblank + kept_blank
        for name, part, whole in (
            ("nonblank_recall", kept_nonblank, num_nonblank),
            ("blank_recall", num_blank - kept_blank, num_blank),
            ("nonblank_precision", kept_nonblank, kept),
            ("kept_share", kept, num_nonblank + num_blank),
        ):
            share: Floats = np.full(np.shape(part), np.nan)
            np.divide(part, whole, out=share, where=np.asarray(whole) > 0.0)
            found.setdefault(name, []).append(share)
    return {name: (one, other) for name, (one, other) in found.items()}


def _areas(
    scores: tuple[NDArray[np.floating], NDArray[np.floating]],
    labels: NDArray[np.bool_],
    codes: NDArray[np.int64],
    *,
    num_resamples: int,
    seed: int,
    level: float,
) -> dict[str, PairedDifference]:
    """Differences of the areas: exact themselves, their intervals from histograms."""
    ranked = [rank_scores(one, labels) for one in scores]
    histograms = [histogram_by_location(one, labels, codes) for one in scores]
    columns = merge_bins([part for one in histograms for part in (one.nonblank, one.blank)])
    sizes = np.column_stack([columns[0].sum(axis=1), columns[1].sum(axis=1)])
    sums = location_bootstrap(np.hstack(columns), num_resamples=num_resamples, seed=seed)
    nonblank_one, blank_one, nonblank_other, blank_other = np.split(sums, 4, axis=1)
    ones, others = (
        areas_of_histograms(nonblank_one, blank_one),
        areas_of_histograms(nonblank_other, blank_other),
    )
    found = {}
    for place, name in enumerate(("area_under_roc", "average_precision")):
        first, second = (getattr(one, name)() for one in ranked)
        found[name] = PairedDifference(
            first=first,
            second=second,
            interval=difference_interval(
                first - second, ones[place] - others[place], sizes=sizes, level=level
            ),
        )
    return found


def _discordance(counts: NDArray[np.int64]) -> Discordance:
    both, first, second, neither = (int(num) for num in counts.sum(axis=0))
    return Discordance(
        kept_by_both=both, kept_by_first_only=first, kept_by_second_only=second, kept_by_neither=neither
    )
