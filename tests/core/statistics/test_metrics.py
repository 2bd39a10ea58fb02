import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, fbeta_score, roc_auc_score, roc_curve
from sklearn.metrics import precision_recall_curve as reference_curve

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.metrics import (
    ConfusionCounts,
    area_under_roc,
    average_precision,
    confusion_counts,
    grid_cutoffs,
    precision_recall_curve,
    rank_scores,
)

# Few distinct values, so that most examples have ties between the labels.
tied = st.integers(min_value=0, max_value=8).map(lambda step: step / 8)
free = st.floats(min_value=0.0, max_value=1.0, width=32)
rows = st.lists(st.tuples(st.one_of(tied, free), st.booleans()), min_size=2, max_size=60).filter(
    lambda pairs: len({label for _, label in pairs}) == 2
)


def split(pairs):
    return np.array([p for p, _ in pairs], np.float32), np.array([y for _, y in pairs])


#   p     0.9 0.7 0.7 0.4 0.4 0.2 0.1
#   true   n   n   b   n   b   b   b
SCORES = np.array([0.9, 0.7, 0.7, 0.4, 0.4, 0.2, 0.1], np.float32)
NONBLANK = np.array([1, 1, 0, 1, 0, 0, 0], bool)


def test_confusion_counts_of_a_hand_worked_table():
    counts = confusion_counts(SCORES, NONBLANK, 0.5)
    assert counts == ConfusionCounts(kept_nonblank=2, missed_nonblank=1, kept_blank=1, removed_blank=3)
    assert counts.nonblank_recall == pytest.approx(2 / 3)
    assert counts.nonblank_precision == pytest.approx(2 / 3)
    assert counts.blank_recall == pytest.approx(3 / 4)
    assert counts.kept_share == pytest.approx(3 / 7)


def test_a_float32_score_equal_to_the_cutoff_is_kept():
    # float32 0.7 is 0.699999988, below the float64 0.7 that a flag brings.
    assert confusion_counts(SCORES, NONBLANK, 0.7).kept_nonblank == 2


def test_areas_of_a_hand_worked_table():
    # Steps of recall: 0.9 -> 1/3 at precision 1/1; 0.7 -> 1/3 at 2/3; 0.4 -> 1/3 at 3/5.
    assert average_precision(SCORES, NONBLANK) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    # Pairs won of 3 * 4: 0.9 wins 4; 0.7 ties one, wins 3 = 3.5; 0.4 ties one, wins 2 = 2.5.
    assert area_under_roc(SCORES, NONBLANK) == pytest.approx((4 + 3.5 + 2.5) / 12)


def test_the_curve_has_one_point_for_tied_scores():
    curve = precision_recall_curve(SCORES, NONBLANK)
    assert curve.cutoffs == pytest.approx([0.1, 0.2, 0.4, 0.7, 0.9])
    assert curve.kept_nonblank.tolist() == [3, 3, 3, 2, 1]
    assert curve.kept_blank.tolist() == [4, 3, 2, 1, 0]
    assert curve.precision == pytest.approx([3 / 7, 3 / 6, 3 / 5, 2 / 3, 1 / 1])
    assert curve.blank_recall == pytest.approx([0, 1 / 4, 2 / 4, 3 / 4, 4 / 4])


@given(rows)
@settings(max_examples=200, deadline=None)
def test_areas_equal_those_of_scikit_learn(pairs):
    scores, labels = split(pairs)
    assert average_precision(scores, labels) == pytest.approx(average_precision_score(labels, scores))
    assert area_under_roc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))


@given(rows)
@settings(max_examples=200, deadline=None)
def test_the_curve_equals_that_of_scikit_learn(pairs):
    scores, labels = split(pairs)
    precision, recall, cutoffs = reference_curve(labels, scores)
    curve = precision_recall_curve(scores, labels)
    assert curve.cutoffs == pytest.approx(cutoffs)
    assert curve.precision == pytest.approx(precision[:-1])  # the reference appends (1, 0)
    assert curve.recall == pytest.approx(recall[:-1])


@given(rows)
@settings(max_examples=100, deadline=None)
def test_roc_points_equal_those_of_scikit_learn(pairs):
    scores, labels = split(pairs)
    false_positive_rate, recall, _ = roc_curve(labels, scores, drop_intermediate=False)
    curve = precision_recall_curve(scores, labels)
    # The reference goes down from a cutoff above all scores, where nothing is kept.
    assert curve.false_positive_rate == pytest.approx(false_positive_rate[:0:-1])
    assert curve.recall == pytest.approx(recall[:0:-1])


def test_f_scores_of_a_hand_worked_table():
    # At 0.5: 2 kept of 3 nonblank, 1 blank kept. F1 = 2*2/(2*2 + 1 + 1); F2 = 5*2/(5*2 + 4*1 + 1).
    counts = confusion_counts(SCORES, NONBLANK, 0.5)
    assert counts.f_beta(1) == pytest.approx(4 / 6)
    assert counts.f_beta(2) == pytest.approx(10 / 15)
    assert confusion_counts([0.1], [False], 0.5).f_beta(1) is None


@given(rows, st.sampled_from([0.5, 1.0, 2.0]))
@settings(max_examples=50, deadline=None)
def test_f_scores_equal_those_of_scikit_learn(pairs, beta):
    scores, labels = split(pairs)
    curve = precision_recall_curve(scores, labels)
    expected = [fbeta_score(labels, scores >= cutoff, beta=beta) for cutoff in curve.cutoffs]
    assert curve.f_beta(beta) == pytest.approx(expected)
    assert confusion_counts(scores, labels, float(curve.cutoffs[0])).f_beta(beta) == pytest.approx(
        expected[0]
    )


@pytest.mark.parametrize("beta", [0.0, -1.0, float("nan"), float("inf")])
def test_f_scores_need_a_beta_above_0(beta):
    with pytest.raises(EvaluationError, match="beta"):
        confusion_counts(SCORES, NONBLANK, 0.5).f_beta(beta)


@given(rows, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_order_of_media_changes_nothing(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert average_precision(*split(pairs)) == average_precision(*split(shuffled))
    assert area_under_roc(*split(pairs)) == area_under_roc(*split(shuffled))


@given(rows)
@settings(max_examples=50, deadline=None)
def test_recall_never_rises_with_the_cutoff_and_blank_recall_never_falls(pairs):
    curve = rank_scores(*split(pairs)).curve_at(grid_cutoffs())
    assert (np.diff(curve.recall) <= 0).all()
    assert (np.diff(curve.blank_recall) >= 0).all()
    assert curve.recall[0] == 1.0


@given(rows, st.integers(min_value=0, max_value=1000))
@settings(max_examples=100, deadline=None)
def test_the_grid_agrees_with_counting_at_its_cutoff(pairs, step):
    scores, labels = split(pairs)
    curve = rank_scores(scores, labels).curve_at(grid_cutoffs())
    counts = confusion_counts(scores, labels, step / 1000)
    assert (curve.kept_nonblank[step], curve.kept_blank[step]) == (counts.kept_nonblank, counts.kept_blank)
    kept = scores >= np.float32(step / 1000)
    assert counts.kept_nonblank == (kept & labels).sum()
    assert counts.removed_blank == (~kept & ~labels).sum()


def test_shares_with_nothing_to_divide_by_are_none():
    only_blank = confusion_counts(SCORES[:2], [False, False], 1.0)
    assert only_blank.nonblank_recall is None
    assert only_blank.nonblank_precision is None
    assert only_blank.blank_recall == 1.0


def test_areas_with_one_label_are_nan():
    assert np.isnan(average_precision([0.1, 0.2], [True, True]))
    assert np.isnan(area_under_roc([0.1, 0.2], [False, False]))


@pytest.mark.parametrize("cutoff", [-0.01, 1.01, float("nan")])
def test_cutoffs_outside_0_to_1_are_refused(cutoff):
    with pytest.raises(EvaluationError, match=r"outside \[0, 1\]"):
        confusion_counts(SCORES, NONBLANK, cutoff)


@pytest.mark.parametrize("bad", [float("nan"), -0.1, 1.5])
def test_scores_that_are_no_probability_are_refused(bad):
    with pytest.raises(EvaluationError, match="not a number"):
        rank_scores([0.5, bad], [True, False])


def test_scores_and_labels_of_different_length_are_refused():
    with pytest.raises(EvaluationError, match="do not match"):
        rank_scores([0.5, 0.6], [True])
