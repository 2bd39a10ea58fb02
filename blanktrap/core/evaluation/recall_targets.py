"""Which cutoff each usual recall would take, and what it promises.

Owns: the recalls that reports answer without being asked, and their table. Refuses: choosing the report's
cutoff; that is `cutoff_choice`. Each row is what `evaluate --min-recall` with that recall would choose on the
measured media.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from blanktrap.core.errors import PromiseError
from blanktrap.core.evaluation.measured import Measured
from blanktrap.core.statistics.metrics import Floats
from blanktrap.core.statistics.promises import promise_cutoff

RECALLS = (0.90, 0.95, 0.96, 0.97, 0.98, 0.99)

SCHEMA = pa.schema(
    [
        ("min_recall", pa.float64()),
        ("confidence", pa.float64()),
        ("cutoff", pa.float64()),
        ("recall", pa.float64()),
        ("recall_bound", pa.float64()),
        ("num_nonblank", pa.int64()),
        ("num_locations", pa.int64()),
        ("refusal", pa.string()),
    ]
)


def promises_table(measured: Measured, *, confidence: float) -> pa.Table:
    """Promise each of `RECALLS`, or say what is missing.

    Args:
        measured: the media that figures rest on.
        confidence: chance that a promise holds, in (0, 1).

    Returns:
        The columns of `SCHEMA`, one row a recall; where nothing can be promised `refusal` says why, and
        `cutoff`, `recall` and `recall_bound` are null.
    """
    mine = measured.is_nonblank
    scores, locations = measured.p_nonblank[mine], measured.location[mine]
    return pa.Table.from_pylist(
        [_row(scores, locations, min_recall, confidence, measured) for min_recall in RECALLS], schema=SCHEMA
    )


def _row(
    scores: Floats,
    locations: NDArray[np.int32],
    min_recall: float,
    confidence: float,
    measured: Measured,
) -> dict[str, object]:
    row: dict[str, object] = {
        "min_recall": min_recall,
        "confidence": confidence,
        "num_nonblank": scores.size,
        "num_locations": measured.num_known_locations(measured.sizes[:, :1]),
    }
    if not measured.num_known_locations(measured.sizes):
        return {**row, "refusal": "no measured media has a known location"}
    try:
        found = promise_cutoff(scores, locations, min_recall=min_recall, confidence=confidence)
    except PromiseError as problem:
        return {**row, "refusal": str(problem)}
    return {
        **row,
        "cutoff": found.cutoff,
        "recall": found.recall,
        "recall_bound": found.recall_bound,
        "num_locations": found.num_locations,
    }
