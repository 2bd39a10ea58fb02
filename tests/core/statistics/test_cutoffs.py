import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blanktrap.core.errors import CutoffError
from blanktrap.core.statistics.cutoffs import best_blank_recall, choose_cutoff
from blanktrap.core.statistics.metrics import confusion_counts


def test_the_highest_cutoff_that_keeps_enough_is_chosen():
    # nonblank scores 0.9 0.8 0.6 0.3: keeping 3 of 4 is 75 %, so 0.6; 76 % needs all four, so 0.3.
    scores, labels = [0.9, 0.8, 0.6, 0.3, 0.7], [True, True, True, True, False]
    assert choose_cutoff(scores, labels, min_recall=0.75) == 0.6
    assert choose_cutoff(scores, labels, min_recall=0.76) == 0.3
    assert choose_cutoff(scores, labels, min_recall=0.01) == 0.9


def test_rounding_asks_for_no_media_too_many():
    # 0.07 * 100 is 7.000000000000001 in floating point; the 7th highest of 1.00, 0.99, … is 0.94.
    scores = np.arange(1, 101) / 100
    assert choose_cutoff(scores, np.ones(100, bool), min_recall=0.07) == 0.94


@given(
    st.lists(st.integers(min_value=0, max_value=20), min_size=1, max_size=50),
    st.floats(min_value=0.01, max_value=1.0),
)
@settings(max_examples=200, deadline=None)
def test_the_recall_asked_for_is_kept_and_the_next_higher_score_would_lose_it(steps, min_recall):
    scores = np.array(steps, np.float32) / np.float32(20)
    labels = np.ones(scores.size, bool)
    cutoff = choose_cutoff(scores, labels, min_recall=min_recall)
    assert confusion_counts(scores, labels, cutoff).nonblank_recall >= min_recall
    higher = scores[scores > np.float32(cutoff)]
    if higher.size:
        assert confusion_counts(scores, labels, float(higher.min())).nonblank_recall < min_recall


def test_no_nonblank_media_is_refused():
    with pytest.raises(CutoffError, match="no nonblank media"):
        choose_cutoff([0.1, 0.2], [False, False], min_recall=0.9)


@pytest.mark.parametrize("min_recall", [0.0, -1.0, 1.1, float("nan")])
def test_impossible_recalls_are_refused(min_recall):
    with pytest.raises(CutoffError, match="cannot be asked for"):
        choose_cutoff([0.1], [True], min_recall=min_recall)


def test_the_best_blank_recall_is_that_of_the_highest_cutoff_that_keeps_enough():
    # 75 % of the nonblank ones are kept from 0.6 on: of the blanks 0.7 stays, 0.5 and 0.1 go.
    scores = [0.9, 0.8, 0.6, 0.3, 0.7, 0.5, 0.1]
    labels = [True, True, True, True, False, False, False]
    assert best_blank_recall(scores, labels, min_recall=0.75) == pytest.approx(2 / 3)
    assert best_blank_recall(scores[:4], labels[:4], min_recall=0.75) is None
    with pytest.raises(CutoffError, match="no nonblank media"):
        best_blank_recall(scores[4:], labels[4:], min_recall=0.75)
