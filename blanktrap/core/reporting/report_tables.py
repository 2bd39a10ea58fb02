"""The tables beside `report.json`, small whatever the size of the archive.

Owns: their columns. Refuses: reading, writing and choosing what is measured.
"""

from collections.abc import Container
from typing import Any

import numpy as np
import pyarrow as pa

from blanktrap.core.evaluation.figures import CurveBands
from blanktrap.core.evaluation.measured import MISSED_NONBLANK, REMOVED_BLANK, Measured
from blanktrap.core.evaluation.tally import Tally
from blanktrap.core.reporting.report import Report
from blanktrap.core.reporting.report_parts import Confusion
from blanktrap.core.statistics.metrics import NUM_GRID_CUTOFFS, Counts, Curve, grid_cutoffs
from blanktrap.core.vocabulary import Status

NUM_HISTOGRAM_BINS = 50


def curve_table(measured: Measured, tally: Tally, bands: CurveBands, *, beta: float) -> pa.Table:
    """Every figure at each of the 1,001 cutoffs 0, 0.001, …, 1; null where nothing is kept.

    `…_low` and `…_high` are the 95 % intervals by location; null where there are none.
    """
    curve: Curve = measured.ranked.curve_at(grid_cutoffs())
    columns = {
        "cutoff": curve.cutoffs,
        "nonblank_recall": curve.recall,
        "nonblank_precision": curve.precision,
        "f1": curve.f_beta(1.0),
        "f_beta": curve.f_beta(beta),
        "blank_recall": curve.blank_recall,
        "kept_share": curve.kept_share,
        "num_kept_nonblank": curve.kept_nonblank,
        "num_kept_blank": curve.kept_blank,
        "num_archive_kept": tally.kept_on_grid,
        "num_not_scored": np.full(curve.cutoffs.size, measured.not_scored.sum()),
    }
    # Where locations are very many the bands have fewer cutoffs: the last one before holds on.
    place = np.searchsorted(bands.cutoffs, curve.cutoffs, side="right") - 1
    columns |= {name: bound[place] for name, bound in bands.bounds.items()}
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


def roc_table(measured: Measured) -> pa.Table:
    """The share of nonblank media kept against the share of blanks kept, from (0, 0) to (1, 1).

    Points are exact, at scores that occur, ties together; of more than 1,001 some are left out, evenly along
    the curve. `cutoff` is null at (0, 0), where nothing is kept.
    """
    ranked = measured.ranked
    cutoffs = ranked.distinct[::-1]
    curve = ranked.curve_at(cutoffs)
    along = (curve.kept_nonblank / curve.num_nonblank + curve.kept_blank / curve.num_blank) / 2.0
    if cutoffs.size > NUM_GRID_CUTOFFS - 1:
        wanted = np.linspace(0.0, 1.0, NUM_GRID_CUTOFFS)[1:]
        places = np.unique(np.searchsorted(along, wanted, side="left").clip(max=cutoffs.size - 1))
    else:
        places = np.arange(cutoffs.size)
    return pa.table(
        {
            "cutoff": pa.array([None, *cutoffs[places].tolist()], pa.float64()),
            "nonblank_recall": np.append(0.0, curve.recall[places]),
            "blank_kept_share": np.append(0.0, curve.false_positive_rate[places]),
        }
    )


def histogram_table(measured: Measured, tally: Tally) -> pa.Table:
    """Media by score, in 50 bins of 0.02; the last bin holds 1 too.

    Columns: `bin_start`, `bin_end`, `num_nonblank`, `num_blank` (measured media by true label) and
    `num_archive` (every scored media, labelled or not). Media without a score have no bin: the last row has
    their counts, and null for its edges.
    """
    step = (grid_cutoffs().size - 1) // NUM_HISTOGRAM_BINS
    edges = grid_cutoffs()[::step]
    at_or_above = tally.kept_on_grid[::step].copy()
    at_or_above[-1] = 0
    not_scored = measured.not_scored.sum(axis=0)
    num_failed = tally.num_media - tally.statuses[Status.OK.value]
    return pa.table(
        {
            "bin_start": [*edges[:-1], None],
            "bin_end": [*edges[1:], None],
            "num_nonblank": np.append(_binned(measured.ranked.nonblank, edges), not_scored[0]),
            "num_blank": np.append(_binned(measured.ranked.blank, edges), not_scored[1]),
            "num_archive": np.append(-np.diff(at_or_above), num_failed),
        }
    )


def confusion_table(report: Report) -> pa.Table:
    """Confusion counts, one row for each cutoff, label and kind.

    `kind` is `measured`, `sequences` or `extrapolated`; `label` is `nonblank`, `blank` or `not_scored`: what
    has no score is kept for people whatever the cutoff. `num_removed` are those called blank.
    """
    rows: list[dict[str, object]] = []
    for at in report.at_cutoffs:
        rows += _confusion_rows("measured", at.confusion, None, report.measured_on.num_not_scored)
    if report.sequences is not None:
        for at in report.sequences.at_cutoffs:
            rows += _confusion_rows("sequences", at.confusion, None, report.sequences.num_not_scored)
    for there in report.extrapolations:
        rows += _confusion_rows("extrapolated", there.confusion, there.blank_rate, None)
    schema = pa.schema(
        [
            ("kind", pa.string()),
            ("cutoff", pa.float64()),
            ("blank_rate", pa.float64()),
            ("label", pa.string()),
            ("num_kept", pa.float64()),
            ("num_removed", pa.float64()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def _confusion_rows(
    kind: str, counts: Confusion, blank_rate: float | None, num_not_scored: int | None
) -> list[dict[str, object]]:
    lines = [
        ("nonblank", counts.kept_nonblank, counts.missed_nonblank),
        ("blank", counts.kept_blank, counts.removed_blank),
    ]
    if num_not_scored is not None:
        lines.append(("not_scored", num_not_scored, 0))
    same = {"kind": kind, "cutoff": counts.cutoff, "blank_rate": blank_rate}
    return [{**same, "label": label, "num_kept": kept, "num_removed": gone} for label, kept, gone in lines]


def locations_table(measured: Measured, cutoff: float, seen_locations: Container[str]) -> pa.Table:
    """Counts and recalls by location, those with most missed nonblank first; null for no known location."""
    counts = measured.counts_at(cutoff)
    rows = np.flatnonzero(counts.sum(axis=1) + measured.not_scored.sum(axis=1))
    names = [measured.locations[row] for row in rows]
    nonblank, blank = counts[rows][:, :2].sum(axis=1), counts[rows][:, 2:].sum(axis=1)
    missed, removed = counts[rows, MISSED_NONBLANK], counts[rows, REMOVED_BLANK]
    table = pa.table(
        {
            "location_id": pa.array(names, pa.string()),
            "num_nonblank": nonblank,
            "missed_nonblank": missed,
            "nonblank_recall": _share(nonblank - missed, nonblank),
            "num_blank": blank,
            "removed_blank": removed,
            "blank_recall": _share(removed, blank),
            "num_not_scored": measured.not_scored[rows].sum(axis=1),
            "was_trained_on": [name is not None and name in seen_locations for name in names],
        }
    )
    return table.sort_by([("missed_nonblank", "descending"), ("location_id", "ascending")])


def species_table(measured: Measured, cutoff: float) -> pa.Table:
    """Missed share by species with its counts, the most missed share first."""
    rows: list[dict[str, Any]] = []
    for species, places in measured.species.counts_at(cutoff).items():
        kept, missed, not_scored = (int(num) for num in places[:, 1:].sum(axis=0))
        rows.append(
            {
                "species": species,
                "num_media": kept + missed,
                "num_missed": missed,
                "missed_share": missed / (kept + missed) if kept + missed else None,
                "num_not_scored": not_scored,
                "num_locations": int((places[:, 0] > 0).sum()),
            }
        )
    rows.sort(key=lambda row: (-(row["missed_share"] or 0.0), str(row["species"])))
    schema = pa.schema(
        [
            ("species", pa.string()),
            ("num_media", pa.int64()),
            ("num_missed", pa.int64()),
            ("missed_share", pa.float64()),
            ("num_not_scored", pa.int64()),
            ("num_locations", pa.int64()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def _share(part: Counts, whole: Counts) -> pa.Array:
    """Null where there is nothing to divide by."""
    shares = np.full(part.shape, np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return pa.array(shares, from_pandas=True)


def _binned(ascending: np.ndarray, edges: np.ndarray) -> np.ndarray:
    below = np.searchsorted(ascending, edges.astype(ascending.dtype), side="left")
    below[-1] = ascending.size
    return np.diff(below)
