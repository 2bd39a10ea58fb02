"""What scores are worth at one cutoff, as notebooks are told; and scores and labels that lie in memory.

Owns: the result's form, and arrays counted as the rows of a dataset are. Refuses: reading datasets, and
choosing a cutoff.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.measured import Measured
from blanktrap.core.evaluation.tally import COLUMNS, Tally
from blanktrap.core.reporting.report_parts import Figure
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.core.vocabulary import Label, Status
from blanktrap.core.wording import number


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What scores are worth at one cutoff."""

    cutoff: float
    chosen_by: str
    """Who chose the cutoff, in words."""
    measured_on: str
    """The labelled media that the figures rest on, in words."""
    num_not_scored: int
    """Labelled media without a score: they are kept for people, and in no figure."""
    figures: dict[str, Figure]
    """`nonblank_recall`, `nonblank_precision`, `blank_recall`, `kept_share`, `f1`, `f_beta`,
    `average_precision`, `area_under_roc`: value, 95 % interval by location where one can be given, n."""

    def table(self) -> pa.Table:
        """One row a figure: `figure`, `value`, `low`, `high` (null without one), `n`, `num_locations`."""
        rows = [
            {
                "figure": name,
                "value": one.value,
                "low": one.interval[0] if one.interval else None,
                "high": one.interval[1] if one.interval else None,
                "n": one.n,
                "num_locations": one.num_locations,
            }
            for name, one in self.figures.items()
        ]
        kinds = {"figure": pa.string(), "value": pa.float64(), "low": pa.float64(), "high": pa.float64()}
        return pa.Table.from_pylist(
            rows, schema=pa.schema({**kinds, "n": pa.int64(), "num_locations": pa.int64()})
        )


def measure_arrays(scores: Any, labels: Any, locations: Sequence[str | None] | None) -> Measured:
    """Scores and labels in memory, counted as those of a dataset are.

    Args:
        scores: `p_nonblank` in [0, 1], shape (num_media,), None or nan without a score; or a table with them.
        labels: `blank`, `nonblank`, None, or whether it is nonblank; shape (num_media,).
        locations: shape (num_media,); None: not known.

    Raises:
        EvaluationError: shapes that differ, labels of one kind only, or a score outside [0, 1].
    """
    column = scores.column("p_nonblank") if isinstance(scores, pa.Table) else scores
    p_nonblank = pa.array(_plain(column), pa.float32(), from_pandas=True)
    names = [_label_of(one) for one in _plain(labels)]
    places = [None] * len(p_nonblank) if locations is None else _plain(locations)
    if not len(p_nonblank) == len(names) == len(places):
        raise EvaluationError(
            f"there are {len(p_nonblank):,} scores, {len(names):,} labels and {len(places):,} locations: "
            f"give one of each a media"
        )
    if not {*Label} <= set(names):
        raise EvaluationError("there must be labels of both kinds, blank and nonblank, to measure anything")
    known_scores = np.asarray(p_nonblank.drop_null())
    outside = known_scores[~((known_scores >= 0.0) & (known_scores <= 1.0))]
    if outside.size:
        raise EvaluationError(
            f"{number(outside.size, 'score')} outside [0, 1], such as {outside[0]:g}: give probabilities, "
            "and None or nan for media without one"
        )
    is_scored = p_nonblank.is_valid().to_pylist()
    known: dict[str, Any] = {
        "location_id": pa.array(places, pa.string()),
        "status": pa.array([Status.OK if there else Status.UNREADABLE for there in is_scored], pa.string()),
        "p_nonblank": p_nonblank,
        "label": pa.array(names, pa.string()),
    }
    fields = [SCORES_SCHEMA.field(name) for name in COLUMNS]
    rows = [known.get(one.name, pa.nulls(len(names), one.type)) for one in fields]
    tally = Tally(where="the scores given")
    tally.add(pa.table(rows, names=COLUMNS))
    return tally.measured(None)


def _plain(values: Any) -> list[Any]:
    return list(values.to_pylist() if hasattr(values, "to_pylist") else np.asarray(values, object).tolist())


def _label_of(value: Any) -> str | None:
    if value is None or value in set(Label):
        return None if value is None else str(value)
    if isinstance(value, bool | np.bool_):
        return Label.NONBLANK.value if value else Label.BLANK.value
    raise EvaluationError(f"label {value!r} is none: allowed are blank, nonblank, true, false and None")
