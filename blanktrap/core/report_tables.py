"""The tables beside `report.json`, small whatever the size of the archive.

Owns: their columns. Refuses: reading, writing and choosing what is measured.
"""

from collections.abc import Container
from typing import Any

import numpy as np
import pyarrow as pa

from blanktrap.core.metrics import Curve, grid_cutoffs
from blanktrap.core.report import Report
from blanktrap.core.report_parts import Confusion
from blanktrap.core.tally import Measured, Tally

NUM_HISTOGRAM_BINS = 50


def curve_table(measured: Measured, tally: Tally) -> pa.Table:
    """Every figure at each of the 1,001 cutoffs 0, 0.001, …, 1; null where nothing is kept."""
    curve: Curve = measured.ranked.curve_at(grid_cutoffs())
    columns = {
        "cutoff": curve.cutoffs,
        "nonblank_recall": curve.recall,
        "nonblank_precision": curve.precision,
        "blank_recall": curve.blank_recall,
        "kept_share": curve.kept_share,
        "num_kept_nonblank": curve.kept_nonblank,
        "num_kept_blank": curve.kept_blank,
        "num_archive_kept": tally.kept_on_grid,
    }
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


def histogram_table(measured: Measured, tally: Tally) -> pa.Table:
    """Media by score, in 50 bins of 0.02; the last bin holds 1 too.

    Columns: `bin_start`, `bin_end`, `num_nonblank`, `num_blank` (measured media by true label) and
    `num_archive` (every scored media, labelled or not).
    """
    step = (grid_cutoffs().size - 1) // NUM_HISTOGRAM_BINS
    edges = grid_cutoffs()[::step]
    at_or_above = tally.kept_on_grid[::step].copy()
    at_or_above[-1] = 0
    return pa.table(
        {
            "bin_start": edges[:-1],
            "bin_end": edges[1:],
            "num_nonblank": _binned(measured.ranked.nonblank, edges),
            "num_blank": _binned(measured.ranked.blank, edges),
            "num_archive": -np.diff(at_or_above),
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


def locations_table(measured: Measured, seen_locations: Container[str]) -> pa.Table:
    """Counts and recalls by location, those with most missed nonblank first; null for no known location."""
    rows = [
        {
            "location_id": location,
            "num_nonblank": group.confusion.num_nonblank,
            "missed_nonblank": group.missed_nonblank,
            "nonblank_recall": group.confusion.nonblank_recall,
            "num_blank": group.confusion.num_blank,
            "removed_blank": group.removed_blank,
            "blank_recall": group.confusion.blank_recall,
            "num_not_scored": group.not_scored_nonblank + group.not_scored_blank,
            "was_trained_on": location is not None and location in seen_locations,
        }
        for location, group in measured.by_location.items()
    ]
    rows.sort(key=lambda row: (-int(row["missed_nonblank"] or 0), str(row["location_id"] or "")))
    schema = pa.schema(
        [
            ("location_id", pa.string()),
            ("num_nonblank", pa.int64()),
            ("missed_nonblank", pa.int64()),
            ("nonblank_recall", pa.float64()),
            ("num_blank", pa.int64()),
            ("removed_blank", pa.int64()),
            ("blank_recall", pa.float64()),
            ("num_not_scored", pa.int64()),
            ("was_trained_on", pa.bool_()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def species_table(measured: Measured) -> pa.Table:
    """Missed share by species with its counts, the most missed share first."""
    rows: list[dict[str, Any]] = []
    for species, places in measured.by_species.items():
        groups = list(places.values())
        num_media = sum(group.kept_nonblank + group.missed_nonblank for group in groups)
        missed = sum(group.missed_nonblank for group in groups)
        rows.append(
            {
                "species": species,
                "num_media": num_media,
                "num_missed": missed,
                "missed_share": missed / num_media if num_media else None,
                "num_not_scored": sum(group.not_scored_nonblank for group in groups),
                "num_locations": len({location for location in places if location is not None}),
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


def _binned(ascending: np.ndarray, edges: np.ndarray) -> np.ndarray:
    below = np.searchsorted(ascending, edges.astype(ascending.dtype), side="left")
    below[-1] = ascending.size
    return np.diff(below)
