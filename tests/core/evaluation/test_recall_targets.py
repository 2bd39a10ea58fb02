"""Reports answer the usual recalls unasked, with what `evaluate --min-recall` would choose."""

import numpy as np

from blanktrap.core.evaluation.measured import Measured
from blanktrap.core.evaluation.recall_targets import RECALLS, promises_table
from blanktrap.core.statistics.promises import promise_cutoff


def measured(num_locations: int, num_media: int = 4_000, *, is_known: bool = True) -> Measured:
    random = np.random.default_rng(5)
    is_nonblank = random.random(num_media) < 0.5
    scores = np.where(is_nonblank, random.beta(6, 1, num_media), random.beta(1, 6, num_media))
    places = random.integers(1, num_locations + 1, num_media) if is_known else np.zeros(num_media)
    return Measured(
        p_nonblank=scores.astype(np.float32),
        is_nonblank=is_nonblank,
        location=places.astype(np.int32),
        is_night=np.zeros(num_media, bool),
        locations=(None, *(f"L{place}" for place in range(num_locations))),
        not_scored=np.zeros((num_locations + 1, 2), np.int64),
    )


def test_each_row_is_what_asking_for_that_recall_chooses() -> None:
    media = measured(60)
    rows = {row["min_recall"]: row for row in promises_table(media, confidence=0.95).to_pylist()}
    assert tuple(rows) == RECALLS
    for recall in (0.90, 0.95):
        wanted = promise_cutoff(
            media.p_nonblank[media.is_nonblank],
            media.location[media.is_nonblank],
            min_recall=recall,
            confidence=0.95,
        )
        assert rows[recall]["cutoff"] == wanted.cutoff
        assert rows[recall]["recall"] == wanted.recall >= recall
        assert rows[recall]["num_locations"] == 60
        assert rows[recall]["refusal"] is None


def test_what_cannot_be_promised_is_refused_with_the_reason() -> None:
    few = promises_table(measured(3), confidence=0.95).to_pylist()
    assert all(row["cutoff"] is None and "3 locations cannot support" in row["refusal"] for row in few)
    nowhere = promises_table(measured(3, is_known=False), confidence=0.95).to_pylist()
    assert {row["refusal"] for row in nowhere} == {"no measured media has a known location"}
