"""Comparisons with other scores of the same media, as a report says them.

Owns: the section `comparisons` of `report.json` and the table of the same name. Refuses: the arithmetic; that
is `comparison`.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.pairing import Paired
from blanktrap.core.reporting.report_parts import Figure, Part
from blanktrap.core.statistics.comparison import Comparison, Discordance, PairedDifference, compare_scorers
from blanktrap.core.statistics.cutoffs import choose_cutoff
from blanktrap.core.wording import number

INTERVAL_BY = "bootstrap of locations, both with the same"
AT_EQUAL_RECALL = "blank_recall_at_equal_recall"

SCHEMA = pa.schema(
    [
        ("other", pa.string()),
        ("figure", pa.string()),
        ("here", pa.float64()),
        ("there", pa.float64()),
        ("difference", pa.float64()),
        ("interval_low", pa.float64()),
        ("interval_high", pa.float64()),
        ("num_media", pa.int64()),
        ("num_locations", pa.int64()),
    ]
)


class PairedFigure(Part):
    """One figure of both, on the same media."""

    here: float | None
    """Of the scores that the report is about."""
    there: float | None
    difference: Figure
    """Here less there."""


class Disagreement(Part):
    """Media of one label by who keeps them, each at its own cutoff."""

    kept_by_both: int
    kept_here_only: int
    kept_there_only: int
    kept_by_neither: int


class ComparedWith(Part):
    """The same media scored by somebody else."""

    other: str
    """Its location."""
    what: str
    """In words, such as `MegaDetector results`."""
    cutoff: float
    """Here."""
    other_cutoff: float
    other_cutoff_from: str
    """Who chose it."""
    equal_recall_cutoff: float | None
    """The other's cutoff at which it keeps at least as many of the nonblank media as are kept here."""
    num_media: int
    """Labelled media that both have a score for: all figures are of these."""
    num_only_here: int
    """Measured media that the other has no score for."""
    num_other: int
    """Media that the other has a score for, labelled here or not."""
    figures: dict[str, PairedFigure]
    """`nonblank_recall`, `blank_recall`, `nonblank_precision`, `kept_share`, each at its own cutoff;
    `blank_recall_at_equal_recall`; over all cutoffs `area_under_roc` and `average_precision`."""
    nonblank: Disagreement | None
    blank: Disagreement | None
    notes: tuple[str, ...]
    refusal: str | None = None
    """Why there are no figures."""


def build_comparison(
    paired: Paired,
    *,
    other: str,
    what: str,
    cutoff: float,
    other_cutoff: float,
    other_cutoff_from: str,
    other_training: Sequence[str],
    notes: Sequence[str],
    seed: int,
) -> ComparedWith:
    """Compare the report's scores with another's.

    Args:
        paired: both scores of the measured media.
        other: the other's location.
        what: what it is, in words.
        cutoff: of the report.
        other_cutoff: of the other.
        other_cutoff_from: who chose it.
        other_training: locations that the other's model was trained or validated on.
        notes: what of it could not be used.
        seed: of the resampling of locations.
    """
    measured_at = {paired.locations[one] for one in np.unique(paired.location).tolist()} - {None}
    num_seen = len(measured_at & set(other_training))
    if num_seen:
        notes = [
            *notes,
            f"its model was trained or validated at {number(num_seen, 'measured location')}: it may look "
            f"better than it is",
        ]
    shared = {
        "other": other,
        "what": what,
        "cutoff": cutoff,
        "other_cutoff": other_cutoff,
        "other_cutoff_from": other_cutoff_from,
        "num_media": paired.p_nonblank.size,
        "num_only_here": paired.num_only_here,
        "num_other": paired.num_other,
        "notes": tuple(notes),
    }
    try:
        return ComparedWith.model_validate({**shared, **_compared(paired, cutoff, other_cutoff, seed)})
    except EvaluationError as problem:
        # Asked for and not to be had: the rest of the report stands all the same.
        nothing: dict[str, object] = {
            "figures": {},
            "nonblank": None,
            "blank": None,
            "equal_recall_cutoff": None,
        }
        return ComparedWith.model_validate({**shared, **nothing, "refusal": str(problem)})


def comparison_table(comparisons: Sequence[ComparedWith]) -> pa.Table:
    """Every paired figure, with the columns of `SCHEMA`."""
    rows = []
    for one in comparisons:
        for name, figure in one.figures.items():
            low, high = figure.difference.interval or (None, None)
            rows.append(
                {
                    "other": one.other,
                    "figure": name,
                    "here": figure.here,
                    "there": figure.there,
                    "difference": figure.difference.value,
                    "interval_low": low,
                    "interval_high": high,
                    "num_media": figure.difference.n,
                    "num_locations": figure.difference.num_locations,
                }
            )
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _compared(paired: Paired, cutoff: float, other_cutoff: float, seed: int) -> dict[str, object]:
    if not paired.p_nonblank.size:
        raise EvaluationError("no labelled media has both scores: nothing can be compared")

    def compare(second_cutoff: float) -> Comparison:
        return compare_scorers(
            paired.p_nonblank,
            paired.other,
            paired.is_nonblank,
            paired.location,
            first_cutoff=cutoff,
            second_cutoff=second_cutoff,
            seed=seed,
        )

    found = compare(other_cutoff)
    differences = dict(found.differences)
    kept = paired.p_nonblank[paired.is_nonblank] >= np.float32(cutoff)
    equal = None
    if kept.any():
        equal = choose_cutoff(paired.other, paired.is_nonblank, min_recall=float(kept.mean()))
        differences[AT_EQUAL_RECALL] = compare(equal).differences["blank_recall"]
    return {
        "equal_recall_cutoff": equal,
        "figures": {name: _figure(one, paired) for name, one in differences.items()},
        "nonblank": _disagreement(found.nonblank),
        "blank": _disagreement(found.blank),
    }


def _figure(one: PairedDifference, paired: Paired) -> PairedFigure:
    places = {paired.locations[place] for place in np.unique(paired.location)} - {None}
    return PairedFigure(
        here=_known(one.first),
        there=_known(one.second),
        difference=Figure(
            value=_known(one.difference),
            interval=None if one.interval is None else (one.interval.low, one.interval.high),
            interval_by=None if one.interval is None else INTERVAL_BY,
            n=paired.p_nonblank.size,
            num_locations=len(places),
            measured_on=f"{paired.p_nonblank.size:,} labelled media that both have a score for",
        ),
    )


def _disagreement(one: Discordance) -> Disagreement:
    return Disagreement(
        kept_by_both=one.kept_by_both,
        kept_here_only=one.kept_by_first_only,
        kept_there_only=one.kept_by_second_only,
        kept_by_neither=one.kept_by_neither,
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
