"""The tables beside `report.json`, small whatever the size of the archive.

Owns: their columns. Refuses: reading, writing and choosing what is measured.
"""

from collections.abc import Container
from typing import Any

import numpy as np
import pyarrow as pa

from blanktrap.core.extrapolation import extrapolate_kept_share, extrapolate_precision
from blanktrap.core.metrics import ConfusionCounts, Curve, grid_cutoffs
from blanktrap.core.tally import Measured, Tally

NUM_HISTOGRAM_BINS = 50


def curve_table(measured: Measured, tally: Tally, *, blank_rate: float) -> pa.Table:
    """Every figure at each of the 1,001 cutoffs 0, 0.001, …, 1; null where nothing is kept."""
    curve: Curve = measured.ranked.curve_at(grid_cutoffs())
    recall, blank_recall = curve.recall, curve.blank_recall
    columns = {
        "cutoff": curve.cutoffs,
        "nonblank_recall": recall,
        "nonblank_precision": curve.precision,
        "blank_recall": blank_recall,
        "kept_share": curve.kept_share,
        "extrapolated_precision": extrapolate_precision(recall, blank_recall, blank_rate=blank_rate),
        "extrapolated_kept_share": extrapolate_kept_share(recall, blank_recall, blank_rate=blank_rate),
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


def confusion_table(
    measured: Measured, cutoffs: list[float], expected: ConfusionCounts, *, cutoff: float, blank_rate: float
) -> pa.Table:
    """Confusion counts, one row for each cutoff, label and kind.

    `kind` is `measured` or `extrapolated`; `label` is `nonblank`, `blank` or `not_scored`: media without
    a score are kept for people whatever the cutoff.
    """
    rows: list[dict[str, object]] = []

    def add(kind: str, at: float, rate: float | None, counts: ConfusionCounts) -> None:
        same = {"kind": kind, "cutoff": at, "blank_rate": rate}
        rows.append(
            {
                **same,
                "label": "nonblank",
                "num_kept": counts.kept_nonblank,
                "num_removed": counts.missed_nonblank,
            }
        )
        rows.append(
            {**same, "label": "blank", "num_kept": counts.kept_blank, "num_removed": counts.removed_blank}
        )

    not_scored = measured.total.not_scored_nonblank + measured.total.not_scored_blank
    for one in cutoffs:
        add("measured", one, None, measured.ranked.confusion_at(one))
        rows.append(
            {
                "kind": "measured",
                "cutoff": one,
                "blank_rate": None,
                "label": "not_scored",
                "num_kept": not_scored,
                "num_removed": 0,
            }
        )
    add("extrapolated", cutoff, blank_rate, expected)
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
