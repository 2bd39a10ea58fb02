"""How far the estimated number of wrong labels may be off.

Owns: its bootstrap of locations, in which the means that decide what is confident are drawn again too.
Refuses: the estimate itself; that is `label_audit`. Pairs are in the order blank, nonblank.
"""

import numpy as np
from numpy.typing import NDArray

from blanktrap.core.statistics.intervals import Interval, location_bootstrap, share_interval

NUM_EDGES = 200
"""Values of `lower` and of `upper` at which resamples are counted; between them the nearest one counts."""

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def share_of(wrong: Floats | Ints, right: Floats | Ints) -> Floats:
    """Share of confident labels that are on the wrong side; nan where none is confident."""
    total = np.asarray(wrong + right, dtype=np.float64)
    found: Floats = np.full(total.shape, np.nan)
    np.divide(wrong, total, out=found, where=total > 0)
    return found


def wrong_intervals(
    p_nonblank: Floats, is_nonblank: Bools, locations: Ints, wrong: Floats, *, seed: int
) -> list[Interval | None]:
    """Intervals of the share that is wrong: of labels blank, of labels nonblank, and of both together.

    Whole locations are drawn again, and `lower` and `upper` follow them: two passes over the same draws, the
    first for the means, the second for the counts beyond them.

    Args:
        p_nonblank: scores in [0, 1], shape (num_labels,).
        is_nonblank: what each label says, shape (num_labels,).
        locations: a number for each location, -1 for none: those form one group; shape (num_labels,).
        wrong: estimated number of wrong labels blank and nonblank, shape (2,).
        seed: of the draws.

    Returns:
        Three intervals; None where fewer than two locations have such labels.
    """
    _, places = np.unique(locations, return_inverse=True)
    num_places = int(places.max()) + 1
    if num_places < 2:
        return [None, None, None]
    kinds = (~is_nonblank, is_nonblank)

    def per_place(values: Floats | Bools) -> Floats:
        return np.bincount(places, weights=values, minlength=num_places).astype(np.float64)

    sizes = np.stack([per_place(mine) for mine in kinds], axis=1)
    totals = np.stack([per_place(np.where(mine, p_nonblank, 0.0)) for mine in kinds], axis=1)
    drawn = location_bootstrap(np.hstack([sizes, totals]), seed=seed)
    means = share_of(drawn[:, 2:], drawn[:, :2] - drawn[:, 2:])
    # Beyond `lower` means at or below it: from there on, scores are counted upside down.
    below = [_count_beyond(-p_nonblank, mine, places, -means[:, 0], seed) for mine in kinds]
    above = [_count_beyond(p_nonblank, mine, places, means[:, 1], seed) for mine in kinds]
    of_blank = share_of(above[0], below[0])
    of_nonblank = share_of(below[1], above[1])
    tells = means[:, 0] < means[:, 1]
    of_both = (drawn[:, 0] * of_blank + drawn[:, 1] * of_nonblank) / drawn[:, :2].sum(axis=1)
    numbers = sizes.sum(axis=0)
    cases = [
        (wrong[0] / numbers[0], of_blank, sizes[:, 0]),
        (wrong[1] / numbers[1], of_nonblank, sizes[:, 1]),
        (wrong.sum() / numbers.sum(), of_both, sizes.sum(axis=1)),
    ]
    return [
        share_interval(float(share), np.where(tells, values, np.nan), sizes=size)
        if (size > 0).sum() > 1
        else None
        for share, values, size in cases
    ]


def _count_beyond(scores: Floats, mine: Bools, places: Ints, limits: Floats, seed: int) -> Floats:
    """Count, in every resample, the chosen scores at or above its own limit.

    Args:
        scores: shape (num_labels,).
        mine: which labels to count, shape (num_labels,).
        places: the location of each, numbered from 0, shape (num_labels,).
        limits: one for each resample, shape (num_resamples,); nan counts nothing.
        seed: of the same draws as the limits come from.
    """
    known = limits[~np.isnan(limits)]
    if not known.size:
        return np.full(limits.shape, np.nan)
    edges = np.unique(np.quantile(known, np.linspace(0.0, 1.0, NUM_EDGES)))
    num_places = int(places.max()) + 1
    reached = np.searchsorted(edges, scores[mine], side="right")
    width = edges.size + 1
    cells = np.bincount(places[mine] * width + reached, minlength=num_places * width)
    # A score that reaches an edge has reached those before it.
    table = cells.reshape(num_places, width)[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    sums = location_bootstrap(table, seed=seed, num_resamples=limits.size)
    after = np.clip(np.searchsorted(edges, limits), 1, edges.size - 1) if edges.size > 1 else 0
    nearest = np.where(limits - edges[after - 1] < edges[after] - limits, after - 1, after)
    counts = sums[np.arange(limits.size), nearest]
    counts[np.isnan(limits)] = np.nan
    return counts
