"""Which share of the nonblank media a cutoff misses, apart by some property of them.

Owns: the counts and intervals for any one property. Refuses: which properties there are; that is
`error_analysis`.

What is seen here is where misses gather, not why: a species that is missed often may be one that comes by
night.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blanktrap.core.statistics.intervals import clopper_pearson_interval, location_bootstrap, share_interval

MIN_MEDIA, MIN_LOCATIONS = 30, 3
"""A share of fewer media, or of media from fewer locations, is marked as thin."""

NOT_SCORED = "not scored"

BY_LOCATIONS, EXACT = "locations drawn again", "Clopper-Pearson"

SCHEMA = pa.schema(
    [
        ("factor", pa.string()),
        ("value", pa.string()),
        ("num_media", pa.int64()),
        ("num_missed", pa.int64()),
        ("missed_share", pa.float64()),
        ("interval_low", pa.float64()),
        ("interval_high", pa.float64()),
        ("interval_by", pa.string()),
        ("num_locations", pa.int64()),
        ("is_thin", pa.bool_()),
        ("num_not_scored", pa.int64()),
    ]
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Factor:
    """A property of nonblank media by which they can be told apart."""

    name: str
    values: tuple[str, ...]
    """In words, in the order in which to show them."""
    codes: NDArray[np.integer]
    """Which value each entry has, shape (num_entries,)."""
    media: NDArray[np.int64] | None = None
    """Which media each entry belongs to, shape (num_entries,); None for one entry a media, in order. A media
    with two species has two entries."""
    by_share: bool = False
    """Show the values with the largest missed share first."""
    is_location: bool = False
    """The values are locations: each has an interval of its own media alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fates:
    """What became of the nonblank media; arrays of shape (num_media,)."""

    is_scored: NDArray[np.bool_]
    is_missed: NDArray[np.bool_]
    """Never true for a media without a score: it is kept for people."""
    location: NDArray[np.integer]
    """Numbers of locations, from 0."""
    is_known: NDArray[np.bool_]
    """Whether a location's number stands for a known place, shape (num_locations,)."""


def missed_shares(factor: Factor, fates: Fates, *, seed: int) -> pa.Table:
    """Count missed nonblank media by one property.

    Args:
        factor: the property.
        fates: what became of the media.
        seed: of the resampling of locations.

    Returns:
        The columns of `SCHEMA`: one row for each value with media, and a last one for the media without a
        score, if there are any. Intervals are 95 % ones and draw locations again; they are null where the
        media of a value come from one location. `is_thin` marks fewer than 30 media or 3 known locations.
    """
    media = np.arange(fates.is_scored.size) if factor.media is None else factor.media
    num_values, place, is_known = len(factor.values), fates.location[media], fates.is_known
    if factor.is_location:
        # All media of a value stand at one place: its row is one cell wide, however many locations there are.
        is_known_value = np.zeros(num_values, dtype=bool)
        is_known_value[factor.codes] = is_known[place]
        place, is_known = np.zeros_like(place), np.ones(1, dtype=bool)
    num_locations = is_known.size
    scored, missed = fates.is_scored[media], fates.is_missed[media]
    cells = factor.codes.astype(np.int64) * num_locations + place
    shape = (num_values, num_locations)
    totals = np.bincount(cells[scored], minlength=num_values * num_locations).reshape(shape)
    misses = np.bincount(cells[missed], minlength=num_values * num_locations).reshape(shape)
    failed = np.bincount(factor.codes[~scored], minlength=num_values)
    bounds, method = _bounds(factor, totals, misses, seed)
    num_media, num_missed = totals.sum(axis=1), misses.sum(axis=1)
    num_known = (totals[:, is_known] > 0).sum(axis=1)
    if factor.is_location:
        num_known = num_known * is_known_value
    share = num_missed / np.maximum(num_media, 1)
    shown = np.flatnonzero((num_media > 0) | (failed > 0))
    if factor.by_share:
        shown = shown[np.lexsort((-num_media[shown], -np.where(num_media > 0, share, -1.0)[shown]))]
    rows: list[dict[str, object]] = [
        {
            "factor": factor.name,
            "value": factor.values[one],
            "num_media": int(num_media[one]),
            "num_missed": int(num_missed[one]),
            "missed_share": float(share[one]) if num_media[one] else None,
            "interval_low": None if np.isnan(bounds[one, 0]) else float(bounds[one, 0]),
            "interval_high": None if np.isnan(bounds[one, 1]) else float(bounds[one, 1]),
            "interval_by": None if np.isnan(bounds[one, 0]) else method,
            "num_locations": int(num_known[one]),
            "is_thin": bool(
                0 < num_media[one] < MIN_MEDIA
                or (num_media[one] and num_known[one] < MIN_LOCATIONS and not factor.is_location)
            ),
            "num_not_scored": int(failed[one]),
        }
        for one in shown.tolist()
    ]
    num_failed = int((~fates.is_scored).sum())
    if num_failed:
        rows.append(_not_scored(factor.name, num_failed))
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _bounds(
    factor: Factor, totals: NDArray[np.int64], misses: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.float64], str]:
    """Lower and upper bound by value, shape (num_values, 2); nan where there is none."""
    bounds = np.full((len(factor.values), 2), np.nan)
    num_media = totals.sum(axis=1)
    if factor.is_location:
        for one in np.flatnonzero(num_media).tolist():
            found = clopper_pearson_interval(float(misses[one].sum()), float(num_media[one]))
            bounds[one] = found.low, found.high
        return bounds, EXACT
    at_several = np.flatnonzero((totals > 0).sum(axis=1) >= 2)
    if at_several.size:
        counts = np.concatenate([misses[at_several], totals[at_several]])
        sums = location_bootstrap(counts.T, seed=seed)
        part, whole = sums[:, : at_several.size], sums[:, at_several.size :]
        drawn = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
        for place, one in enumerate(at_several.tolist()):
            interval = share_interval(
                float(misses[one].sum() / num_media[one]), drawn[:, place], sizes=totals[one]
            )
            if interval is not None:
                bounds[one] = interval.low, interval.high
    return bounds, BY_LOCATIONS


def _not_scored(factor: str, num_media: int) -> dict[str, object]:
    return {
        "factor": factor,
        "value": NOT_SCORED,
        "num_media": 0,
        "num_missed": 0,
        "missed_share": None,
        "interval_low": None,
        "interval_high": None,
        "interval_by": None,
        "num_locations": 0,
        "is_thin": False,
        "num_not_scored": num_media,
    }
