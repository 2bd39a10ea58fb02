"""Figures with their intervals, from counts by location.

Owns: which media each figure rests on, and its interval by drawing the locations again. Refuses: an interval
where the media a figure rests on come from one location only; the figure then stands alone.

Counts by location have the columns of `measured` and one row a location, the first for media of no known
location.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from blanktrap.core.errors import IntervalError
from blanktrap.core.evaluation.measured import (
    KEPT_BLANK,
    KEPT_NONBLANK,
    MISSED_NONBLANK,
    REMOVED_BLANK,
    Measured,
)
from blanktrap.core.reporting.report_parts import Figure
from blanktrap.core.statistics.extrapolation import extrapolate_kept_share, extrapolate_precision
from blanktrap.core.statistics.intervals import location_bootstrap, share_interval
from blanktrap.core.statistics.location_histograms import areas_of_histograms
from blanktrap.core.statistics.metrics import Counts, Floats

INTERVAL_BY = "bootstrap of locations"

_NONBLANK = (KEPT_NONBLANK, MISSED_NONBLANK)
_BLANK = (KEPT_BLANK, REMOVED_BLANK)
_KEPT = (KEPT_NONBLANK, KEPT_BLANK)
_ALL = (*_NONBLANK, *_BLANK)


@dataclass(frozen=True, kw_only=True)
class _Share:
    """How a share is computed from counts, and on which counts it rests."""

    compute: Callable[[Floats], Floats]
    """From counts of shape (…, 4) to shares of shape (…)."""
    rests_on: tuple[tuple[int, ...], ...]
    """Columns that are summed; several sums where the share needs media of each kind."""


def share_figures(counts: Counts, *, beta: float, seed: int, measured_on: str) -> dict[str, Figure]:
    """Recall, precision, blank recall, kept share, F1 and F-beta at a cutoff.

    Args:
        counts: by location, shape (num_locations + 1, 4).
        beta: weight of recall in `f_beta`.
        seed: of the resampling.
        measured_on: in words.
    """
    shares = {
        "nonblank_recall": _Share(compute=_recall, rests_on=(_NONBLANK,)),
        "nonblank_precision": _Share(
            compute=lambda sums: _divided(sums[..., KEPT_NONBLANK], _total(sums, _KEPT)), rests_on=(_KEPT,)
        ),
        "blank_recall": _Share(compute=_blank_recall, rests_on=(_BLANK,)),
        "kept_share": _Share(
            compute=lambda sums: _divided(_total(sums, _KEPT), _total(sums, _ALL)), rests_on=(_ALL,)
        ),
        "f1": _Share(compute=lambda sums: _f_beta(sums, 1.0), rests_on=(_ALL,)),
        "f_beta": _Share(compute=lambda sums: _f_beta(sums, beta), rests_on=(_ALL,)),
    }
    return _figures(counts, shares, seed=seed, measured_on=measured_on)


def extrapolated_figures(
    counts: Counts,
    *,
    blank_rate: float,
    num_media: float,
    images_per_hour: float,
    seed: int,
    measured_on: str,
) -> dict[str, Figure]:
    """The same at another blank rate, with the expected counts and hours of an archive of `num_media`.

    Intervals say how much other locations would change the two recalls; the blank rate is taken as given.
    """
    # An archive of one label only needs no media of the other to tell its figures.
    has_nonblank, has_blank = blank_rate < 1.0, blank_rate > 0.0
    both = tuple(columns for columns, has in ((_NONBLANK, has_nonblank), (_BLANK, has_blank)) if has)

    def recalls(sums: Floats) -> tuple[Floats, Floats]:
        nothing = np.zeros(sums.shape[:-1])
        return (
            _recall(sums) if has_nonblank else nothing,
            _blank_recall(sums) if has_blank else nothing,
        )

    def kept_share(sums: Floats) -> Floats:
        return extrapolate_kept_share(*recalls(sums), blank_rate=blank_rate)

    def precision(sums: Floats) -> Floats:
        return extrapolate_precision(*recalls(sums), blank_rate=blank_rate)

    shares = {
        "nonblank_recall": _Share(compute=_recall, rests_on=(_NONBLANK,)),
        "nonblank_precision": _Share(compute=precision, rests_on=both),
        "blank_recall": _Share(compute=_blank_recall, rests_on=(_BLANK,)),
        "kept_share": _Share(compute=kept_share, rests_on=both),
    }
    found = _figures(counts, shares, seed=seed, measured_on=measured_on)
    num_blank, num_nonblank = blank_rate * num_media, (1.0 - blank_rate) * num_media
    return {
        **found,
        "num_blanks_removed": _scaled(found["blank_recall"], num_blank),
        "num_nonblank_lost": _scaled(found["nonblank_recall"], -num_nonblank, num_nonblank),
        "num_not_looked_at": _scaled(found["kept_share"], -num_media, num_media),
        "hours_not_looking": _scaled(
            found["kept_share"], -num_media / images_per_hour, num_media / images_per_hour
        ),
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class CurveBands:
    """Figures over all cutoffs, and how far they may lie off at other locations."""

    cutoffs: Floats
    """Ascending: the grid's 1,001, or fewer where locations are very many."""
    bounds: dict[str, Floats]
    """`nonblank_recall_low`, `_high`, `blank_recall_low`, `_high`: nan where there is no interval."""
    areas: dict[str, Figure]
    """`average_precision` and `area_under_roc`."""


def curve_bands(measured: Measured, *, seed: int, measured_on: str) -> CurveBands:
    """Recall and blank recall against the cutoff with their intervals, and the areas with theirs.

    The areas themselves are exact; their intervals come from the grid of cutoffs.
    """
    cutoffs, nonblank, blank = measured.counts_on_grid()
    sizes = measured.sizes
    there = sizes.sum(axis=1) > 0
    num_cutoffs = cutoffs.size
    ranked = measured.ranked
    exact = {"average_precision": ranked.average_precision(), "area_under_roc": ranked.area_under_roc()}
    intervals: dict[str, tuple[float, float] | None] = dict.fromkeys(exact)
    bounds = {
        f"{name}_{side}": np.full(num_cutoffs, np.nan)
        for name in ("nonblank_recall", "blank_recall")
        for side in ("low", "high")
    }
    if there.sum() >= 2:
        columns = np.concatenate([nonblank[there], blank[there], sizes[there]], axis=1)
        sums = location_bootstrap(columns, seed=seed)
        kept_nonblank, kept_blank = sums[:, :num_cutoffs], sums[:, num_cutoffs : 2 * num_cutoffs]
        num_nonblank, num_blank = sums[:, -2:-1], sums[:, -1:]
        roc, average = areas_of_histograms(_binned(kept_nonblank), _binned(kept_blank))
        for name, value in (("average_precision", average), ("area_under_roc", roc)):
            intervals[name] = _interval(exact[name], value, sizes[there])
        total = sizes.sum(axis=0)
        lines = {
            "nonblank_recall": (
                _divided(nonblank.sum(axis=0), total[0]),
                _divided(kept_nonblank, num_nonblank),
                0,
            ),
            "blank_recall": (
                1.0 - _divided(blank.sum(axis=0), total[1]),
                1.0 - _divided(kept_blank, num_blank),
                1,
            ),
        }
        for name, (estimates, resampled, column) in lines.items():
            for index in range(num_cutoffs):
                found = _interval(float(estimates[index]), resampled[:, index], sizes[there, column])
                if found is not None:
                    bounds[f"{name}_low"][index], bounds[f"{name}_high"][index] = found
    figures = {
        name: Figure(
            value=None if np.isnan(value) else value,
            interval=intervals[name],
            interval_by=INTERVAL_BY if intervals[name] else None,
            n=int(sizes.sum()),
            num_locations=measured.num_known_locations(sizes),
            measured_on=measured_on,
        )
        for name, value in exact.items()
    }
    return CurveBands(cutoffs=cutoffs, bounds=bounds, areas=figures)


def _figures(counts: Counts, shares: dict[str, _Share], *, seed: int, measured_on: str) -> dict[str, Figure]:
    there = counts[counts.sum(axis=1) > 0]
    sums = location_bootstrap(there, seed=seed) if len(there) >= 2 else None
    figures = {}
    for name, share in shares.items():
        estimate = float(share.compute(counts.sum(axis=0).astype(np.float64)))
        sizes = np.stack([there[:, columns].sum(axis=1) for columns in share.rests_on], axis=1)
        interval = None if sums is None else _interval(estimate, share.compute(sums), sizes)
        known = counts[1:][:, sorted({column for columns in share.rests_on for column in columns})]
        figures[name] = Figure(
            value=None if np.isnan(estimate) else estimate,
            interval=interval,
            interval_by=None if interval is None else INTERVAL_BY,
            n=int(sizes.sum()),
            num_locations=int((known.sum(axis=1) > 0).sum()),
            measured_on=measured_on,
        )
    return figures


def _interval(estimate: float, values: Floats, sizes: Counts) -> tuple[float, float] | None:
    """None where there is no estimate, or where what it rests on comes from fewer than two locations."""
    try:
        found = share_interval(estimate, values, sizes=sizes)
    except IntervalError:
        return None
    return None if found is None else (found.low, found.high)


def _scaled(figure: Figure, factor: float, offset: float = 0.0) -> Figure:
    """A share as a count, or as hours: offset + factor · share."""

    def count(share: float) -> float:
        return offset + factor * share

    interval = None
    if figure.interval is not None:
        low, high = sorted(count(bound) for bound in figure.interval)
        interval = (low, high)
    value = None if figure.value is None else count(figure.value)
    return figure.model_copy(update={"value": value, "interval": interval})


def _recall(sums: Floats) -> Floats:
    return _divided(sums[..., KEPT_NONBLANK], _total(sums, _NONBLANK))


def _blank_recall(sums: Floats) -> Floats:
    return _divided(sums[..., REMOVED_BLANK], _total(sums, _BLANK))


def _f_beta(sums: Floats, beta: float) -> Floats:
    """As `Curve.f_beta`, for sums of shape (…, 4)."""
    gained = (1.0 + beta * beta) * sums[..., KEPT_NONBLANK]
    return _divided(gained, gained + beta * beta * sums[..., MISSED_NONBLANK] + sums[..., KEPT_BLANK])


def _total(sums: Floats, columns: tuple[int, ...]) -> Floats:
    total: Floats = sums[..., list(columns)].sum(axis=-1)
    return total


def _divided(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Floats = np.asarray(part, dtype=np.float64) / whole
    return share


def _binned(kept: Floats) -> Floats:
    """Media in the bin that starts at each cutoff, from those at or above it; shape (…, num_cutoffs)."""
    bins: Floats = kept - np.concatenate([kept[:, 1:], np.zeros((len(kept), 1))], axis=1)
    return bins
