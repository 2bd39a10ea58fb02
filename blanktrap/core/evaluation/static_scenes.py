"""Locations where something that stands still is taken for an animal: a fallen trunk, a bright leaf.

Owns: finding them from scores and labels alone. Refuses: naming the place in the picture: scores say how
often a location fires, not what in it. Many high scores at one location, in unbroken rows, point to the scene
itself; they may as well come from grass in the wind, or from labels that are wrong.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blanktrap.core.evaluation.error_facts import NO_TIME, BlankFacts, Facts
from blanktrap.core.statistics.intervals import clopper_pearson_interval

TIMES_TYPICAL = 3.0
"""A location is listed when the lower bound of its false-positive rate is above so many times the typical."""

MIN_FALSE_POSITIVES = 5

SCHEMA = pa.schema(
    [
        ("location_id", pa.string()),
        ("num_blank", pa.int64()),
        ("num_kept_blank", pa.int64()),
        ("false_positive_rate", pa.float64()),
        ("interval_low", pa.float64()),
        ("interval_high", pa.float64()),
        ("typical_rate", pa.float64()),
        ("share_of_all", pa.float64()),
        ("num_in_runs", pa.int64()),
        ("longest_run", pa.int64()),
        ("longest_run_from", pa.timestamp("ms")),
        ("longest_run_to", pa.timestamp("ms")),
        ("example_media_ids", pa.list_(pa.string())),
    ]
)

_MIN_RUN = 3


def find_static_scenes(facts: Facts, *, cutoff: float) -> pa.Table:
    """List the locations whose blanks are kept far more often than elsewhere.

    A location's rate has an exact (Clopper-Pearson) interval, at a level that Bonferroni's rule corrects for
    the number of locations, so that among locations that are all alike one is listed in 2.5 % of archives at
    most. The typical rate is the median over blanks: half of all blanks come from locations with that rate
    or less, so a few bad locations do not move it.

    Args:
        facts: of the measured media.
        cutoff: in [0, 1]; a blank at or above it is a false positive.

    Returns:
        The columns of `SCHEMA`, the location with most false positives first. A run is three or more kept
        blanks that follow each other among the location's labelled blanks in time; blanks without a time
        are in none. Empty where no location stands out, or only one is known.
    """
    blank = facts.blank
    is_kept = blank.p_nonblank >= np.float32(cutoff)
    num_blank = np.bincount(blank.location, minlength=len(facts.locations))
    num_kept = np.bincount(blank.location[is_kept], minlength=len(facts.locations))
    known = np.asarray([name is not None for name in facts.locations], dtype=bool)
    there = np.flatnonzero(known & (num_blank > 0))
    if there.size < 2:
        return SCHEMA.empty_table()
    rates = num_kept / np.maximum(num_blank, 1)
    typical = typical_rate(rates[there], num_blank[there])
    level = 1.0 - 0.05 / there.size
    rows = []
    for one in there[num_kept[there] >= MIN_FALSE_POSITIVES].tolist():
        bound = clopper_pearson_interval(float(num_kept[one]), float(num_blank[one]), level)
        if bound.low > TIMES_TYPICAL * typical:
            plain = clopper_pearson_interval(float(num_kept[one]), float(num_blank[one]))
            highest = [
                name for score, name in facts.highest_blanks.get(one, ()) if score >= np.float32(cutoff)
            ]
            rows.append(
                {
                    "location_id": facts.locations[one],
                    "num_blank": int(num_blank[one]),
                    "num_kept_blank": int(num_kept[one]),
                    "false_positive_rate": float(rates[one]),
                    "interval_low": plain.low,
                    "interval_high": plain.high,
                    "typical_rate": typical,
                    "share_of_all": float(num_kept[one] / num_kept.sum()),
                    **_runs_at(blank, is_kept, one),
                    "example_media_ids": highest,
                }
            )
    rows.sort(key=lambda row: (-row["num_kept_blank"], row["location_id"]))
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def typical_rate(rates: NDArray[np.float64], num_blank: NDArray[np.int64]) -> float:
    """The lowest rate such that locations with it or less hold half of all blanks.

    Args:
        rates: false-positive rate of each location, shape (num_locations,).
        num_blank: its blanks, above 0, shape (num_locations,).
    """
    order = np.argsort(rates, kind="stable")
    held = np.cumsum(num_blank[order])
    return float(rates[order][np.searchsorted(held, held[-1] / 2.0)])


def _runs_at(blank: BlankFacts, is_kept: NDArray[np.bool_], location: int) -> dict[str, object]:
    """Unbroken rows of kept blanks at one location."""
    dated = np.flatnonzero((blank.location == location) & (blank.time != NO_TIME))
    order = dated[np.argsort(blank.time[dated], kind="stable")]
    edges = np.diff(np.concatenate([[False], is_kept[order], [False]]).astype(np.int8))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    lengths = stops - starts
    runs = lengths >= _MIN_RUN
    if not runs.any():
        return {"num_in_runs": 0, "longest_run": 0, "longest_run_from": None, "longest_run_to": None}
    longest = int(lengths.argmax())
    return {
        "num_in_runs": int(lengths[runs].sum()),
        "longest_run": int(lengths[longest]),
        "longest_run_from": int(blank.time[order[starts[longest]]]),
        "longest_run_to": int(blank.time[order[stops[longest] - 1]]),
    }
