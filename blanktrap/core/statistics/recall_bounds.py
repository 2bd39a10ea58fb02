"""How much of the nonblank media of new locations is surely kept, at many cutoffs at once.

Owns: counts of missed media by location and cutoff, and the two tests of recall that go by location. Refuses:
choosing a cutoff, and treating media of one location as independent.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri, stdtrit

# Counts held at once: locations times cutoffs tested.
_MOST_CELLS = 4_000_000
_MOST_CUTOFFS = 256

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MissedCounts:
    """Nonblank media by location at each cutoff tested."""

    cutoffs: NDArray[np.floating]
    """Ascending distinct scores, shape (num_cutoffs,)."""
    missed: Floats
    """Nonblank media below each cutoff, shape (num_locations, num_cutoffs)."""
    sizes: Floats
    """Nonblank media, shape (num_locations,)."""


def count_missed(
    scores: NDArray[np.floating], codes: NDArray[np.int64], min_recall: float, *, by_media: bool
) -> MissedCounts:
    """Count missed media by location at cutoffs that lose no more of the labelled media than is tolerable.

    Args:
        scores: of nonblank media, shape (num_nonblank,).
        codes: the location of each, whole numbers from 0, shape (num_nonblank,).
        min_recall: no cutoff tested keeps less of the labelled media.
        by_media: count recall over media; else as the mean of the locations' recalls.
    """
    media = np.bincount(codes)
    sizes = media[media > 0]
    places = (np.cumsum(media > 0) - 1)[codes]
    num_cutoffs = int(np.clip(_MOST_CELLS // sizes.size, 16, _MOST_CUTOFFS))
    # Above the last level the labelled media themselves lose too many.
    levels = np.linspace(0.0, 1.0 - min_recall + 1e-12, num_cutoffs)
    if by_media:
        ascending = np.sort(scores)
        ranks = np.minimum((levels * scores.size).astype(np.int64), scores.size - 1)
    else:
        order = np.argsort(scores)
        ascending = scores[order]
        lost = np.cumsum(1.0 / sizes[places[order]]) / sizes.size
        ranks = np.searchsorted(np.append(0.0, lost[:-1]), levels, side="right") - 1
    cutoffs = np.unique(ascending[ranks])
    # A media is below all cutoffs from this position on.
    positions = np.searchsorted(cutoffs, scores, side="right")
    cells = np.bincount(
        places * (cutoffs.size + 1) + positions, minlength=sizes.size * (cutoffs.size + 1)
    ).reshape(sizes.size, -1)
    return MissedCounts(
        cutoffs=cutoffs,
        missed=cells.cumsum(axis=1)[:, :-1].astype(np.float64),
        sizes=sizes.astype(np.float64),
    )


def _inner_error(error: float, num_locations: float) -> float:
    """The error that a test is run at so that its promise is broken no more often than `error`.

    With few locations the worst kinds of places are likely to be missing among them, so bounds fall short
    more often than they say. Measured in `benchmarks/cutoff_coverage.py`: a fifth of the error suffices from
    51 locations on; below, less by the square of their number.
    """
    return error * min(0.2, num_locations**2 / 12_800.0)


def pooled_bounds(counts: MissedCounts, error: float, *, times: float = 1.0) -> Floats:
    """Lower bounds of pooled recall on new locations at each cutoff, shape (num_cutoffs,).

    Korn & Graubard 1998: Clopper-Pearson with the number of media divided by the design effect of locations,
    and Student's t with the effective number of locations. The variance is the jackknife's, which errs on the
    safe side. The location that loses most is counted twice: the next one like it may be any new location (an
    observed stand-in for the worst case that conformal risk control adds, Angelopoulos et al. 2022).

    Args:
        counts: as `count_missed` gives them.
        error: share of archives in which the bound may lie above the truth.
        times: as if there were so many times the locations, all like these.
    """
    usual = counts.missed[:, -1].sum() / counts.sizes.sum()
    weights = np.ones(counts.sizes.size)
    weights[np.argmax(counts.missed[:, -1] - usual * counts.sizes)] = 2.0
    num_locations = weights.sum()
    num_media = float(weights @ counts.sizes)
    missed = weights @ counts.missed
    left_out = (missed - counts.missed) / np.maximum(num_media - counts.sizes, 1.0)[:, None]
    spread = (left_out - weights @ left_out / num_locations) ** 2
    variance = (num_locations - 1.0) / num_locations * (weights @ spread) / times
    share = missed / num_media
    alone = share * (1.0 - share) / (num_media * times)
    effect = np.maximum(np.divide(variance, alone, out=np.ones_like(share), where=alone > 0.0), 1.0)
    effective = num_media**2 / float(weights @ counts.sizes**2) * times
    inner = _inner_error(error, counts.sizes.size * times)
    deviates = ndtri(1.0 - inner) / stdtrit(max(effective - 1.0, 0.5), 1.0 - inner)
    worth = num_media * times / effect * min(float(deviates) ** 2, 1.0)
    bounds: Floats = betaincinv(np.maximum(worth * (1.0 - share), 1e-9), worth * share + 1.0, inner)
    return bounds


def bets_win(counts: MissedCounts, min_recall: float, error: float) -> NDArray[np.bool_]:
    """Whether the mean recall of locations is at least `min_recall`, at each cutoff, shape (num_cutoffs,).

    A gambler bets on each location in turn that its recall lies above `min_recall`, staking by what was seen
    before. Were the mean below, his capital would rarely grow 1 / error fold (Waudby-Smith & Ramdas 2024).
    The order is random, and the same for the same counts.
    """
    order = np.lexsort((*counts.missed.T, counts.sizes))
    order = order[np.random.default_rng(0).permutation(order.size)]
    gains = 1.0 - (counts.missed / counts.sizes[:, None])[order] - min_recall
    seen = np.arange(1, order.size + 1)[:, None] + 1.0
    means = np.cumsum(gains, axis=0) / seen
    spreads = (0.0125 + np.cumsum((gains - means) ** 2, axis=0)) / seen
    before = np.vstack([np.full((1, gains.shape[1]), 0.05), spreads[:-1]])
    stakes = np.minimum(np.sqrt(2.0 * np.log(1.0 / error) / (order.size * before)), 0.9 / min_recall)
    capital = np.cumsum(np.log1p(stakes * gains), axis=0).max(axis=0)
    won: NDArray[np.bool_] = capital >= np.log(1.0 / error)
    return won
