"""Cutoffs side by side.

Owns: which cutoffs are worth comparing, and their figures as a table. Refuses: arithmetic of its own: shares
come from the report's curve, other blank rates from `extrapolation`, hours from `savings`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.extrapolation import extrapolate_counts, extrapolate_precision
from blanktrap.core.statistics.metrics import ConfusionCounts
from blanktrap.core.statistics.savings import HandWork, savings_of
from blanktrap.core.wording import percent, span
from dashboard.loaders import Column, LoadedReport
from dashboard.wording import hours

RECALLS = (0.99, 0.97, 0.95, 0.90)
"""Shares of the measured animals that a cutoff of the table keeps."""


@dataclass(frozen=True, kw_only=True)
class NamedCutoff:
    """A cutoff of the grid and why it is looked at."""

    step: int
    """In thousandths."""
    why: str


def cutoffs_to_compare(loaded: LoadedReport, step: int) -> list[NamedCutoff]:
    """The chosen one, the report's, those that keep so many of the measured animals, and 0.5."""
    found = [
        NamedCutoff(step=step, why="chosen here"),
        NamedCutoff(step=loaded.first_step, why="the report's own"),
    ]
    for recall in RECALLS:
        highest = step_for_recall(loaded, recall)
        if highest is not None:
            found.append(NamedCutoff(step=highest, why=f"keeps {100 * recall:.0f} % of the measured animals"))
    found.append(NamedCutoff(step=500, why="0.5"))
    # Of equal ones the first says most; the chosen one is always there, to be compared with.
    first = {one.step: one for one in reversed(found[1:])}
    return [found[0], *(one for one in found[1:] if first[one.step] is one)]


def step_for_recall(loaded: LoadedReport, recall: float) -> int | None:
    """The highest cutoff of the grid that keeps so large a share of the measured nonblank media."""
    there = np.flatnonzero(loaded.column("nonblank_recall") >= recall)
    return int(there[-1]) if there.size else None


def expected_counts(
    loaded: LoadedReport, step: int, *, blank_rate: float, num_media: float
) -> ConfusionCounts | None:
    """Expected counts of an archive with another blank rate; None where one label was not measured."""
    try:
        return extrapolate_counts(loaded.counts_at(step), blank_rate=blank_rate, num_media=num_media)
    except EvaluationError:
        return None


def precision_at(loaded: LoadedReport, blank_rate: float) -> Column:
    """Nonblank precision at each cutoff for a blank rate, shape (1001,)."""
    return extrapolate_precision(
        loaded.column("nonblank_recall"), loaded.column("blank_recall"), blank_rate=blank_rate
    )


def compare_cutoffs(
    loaded: LoadedReport, cutoffs: Sequence[NamedCutoff], *, blank_rate: float, work: HandWork
) -> pa.Table:
    """Figures of each cutoff: measured shares, and what to expect of `num_archive_media` images."""
    precision, rows = precision_at(loaded, blank_rate), []
    num_media = loaded.config.num_archive_media
    for one in cutoffs:
        counts = loaded.counts_at(one.step)
        low, high = loaded.interval_at(one.step, "nonblank_recall") or (None, None)
        expected = expected_counts(loaded, one.step, blank_rate=blank_rate, num_media=num_media)
        rows.append(
            {
                "why": one.why,
                "cutoff": one.step / 1000,
                "nonblank_recall": counts.nonblank_recall,
                "nonblank_recall_low": low,
                "nonblank_recall_high": high,
                "blank_recall": counts.blank_recall,
                "nonblank_precision": _known(precision[one.step]),
                "num_archive_set_aside": loaded.set_aside_at(one.step),
                "blank_rate": blank_rate,
                "kept_share": None if expected is None else expected.kept_share,
                "hours_saved": None if expected is None else savings_of(expected, work).hours_not_looking,
            }
        )
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def worded(table: pa.Table) -> list[dict[str, str]]:
    """The table of `compare_cutoffs` as people read it."""
    return [
        {
            "Cutoff": f"{row['cutoff']:.3f}",
            "Which": row["why"],
            "Animals kept": percent(row["nonblank_recall"]) + _between(row),
            "Blanks removed": percent(row["blank_recall"]),
            "Precision": percent(row["nonblank_precision"]),
            "To look at": percent(row["kept_share"]),
            "Hours saved": "-" if row["hours_saved"] is None else hours(row["hours_saved"]),
        }
        for row in table.to_pylist()
    ]


def _between(row: dict[str, float | None]) -> str:
    low, high = row["nonblank_recall_low"], row["nonblank_recall_high"]
    return "" if low is None or high is None else f" ({span((low, high))})"


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


_SCHEMA = pa.schema(
    [
        ("why", pa.string()),
        ("cutoff", pa.float64()),
        ("nonblank_recall", pa.float64()),
        ("nonblank_recall_low", pa.float64()),
        ("nonblank_recall_high", pa.float64()),
        ("blank_recall", pa.float64()),
        ("nonblank_precision", pa.float64()),
        ("num_archive_set_aside", pa.int64()),
        ("blank_rate", pa.float64()),
        ("kept_share", pa.float64()),
        ("hours_saved", pa.float64()),
    ]
)
