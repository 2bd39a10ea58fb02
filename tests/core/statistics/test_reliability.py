"""Proper scores: hand-worked, then against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.reliability import brier_score, log_loss, measure_reliability


def test_log_loss_and_brier_worked_by_hand() -> None:
    scores, labels = [0.8, 0.4, 0.5], [True, False, True]
    assert log_loss(scores, labels) == pytest.approx(-(np.log(0.8) + np.log(0.6) + np.log(0.5)) / 3)
    # (0.2² + 0.4² + 0.5²) / 3 = (0.04 + 0.16 + 0.25) / 3
    assert brier_score(scores, labels) == pytest.approx(0.15)


def test_without_media_there_is_no_figure() -> None:
    assert np.isnan(log_loss([], []))
    assert np.isnan(brier_score([], []))


@pytest.mark.parametrize("figure", [log_loss, brier_score])
def test_what_does_not_fit_is_refused(figure) -> None:
    with pytest.raises(EvaluationError, match="do not match"):
        figure([0.1, 0.2], [True])
    with pytest.raises(EvaluationError, match="not a number"):
        figure([float("nan")], [True])


@given(st.integers(min_value=0, max_value=2**32 - 1))
@settings(max_examples=50)
def test_scikit_learn_agrees(seed: int) -> None:
    chance = np.random.default_rng(seed)
    labels, scores = chance.random(30) < 0.5, chance.random(30)
    assert log_loss(scores, labels) == pytest.approx(reference.log_loss(labels, scores, labels=[False, True]))
    assert brier_score(scores, labels) == pytest.approx(reference.brier_score_loss(labels, scores))


def test_reliability_worked_by_hand() -> None:
    # 20 media make two bins. The lower: ten scores 0.2, three of them nonblank; the upper: ten scores 0.7,
    # all nonblank. ECE: (10·|0.2 - 0.3| + 10·|0.7 - 1|)/20 = 0.2.
    scores = [0.2] * 10 + [0.7] * 10
    labels = [True] * 3 + [False] * 7 + [True] * 10
    found = measure_reliability(scores, labels)
    assert [(one.num_media, one.nonblank_share) for one in found.bins] == [(10, 0.3), (10, 1.0)]
    assert [one.mean_p for one in found.bins] == pytest.approx([0.2, 0.7])
    assert found.ece == pytest.approx(0.2)
    # Brier: (3·0.8² + 7·0.2² + 10·0.3²)/20 = (1.92 + 0.28 + 0.9)/20
    assert found.brier == pytest.approx(0.155)


def test_equal_scores_share_a_bin_whatever_their_order() -> None:
    chance = np.random.default_rng(0)
    scores, labels = np.round(chance.random(400), 1), chance.random(400) < 0.5
    order = chance.permutation(400)
    one, other = measure_reliability(scores, labels), measure_reliability(scores[order], labels[order])
    assert [each.num_media for each in one.bins] == [each.num_media for each in other.bins]
    assert len(one.bins) <= np.unique(scores).size
    assert sum(each.num_media for each in one.bins) == 400


def test_few_media_make_one_bin_and_many_no_more_than_fifteen() -> None:
    chance = np.random.default_rng(0)
    assert len(measure_reliability(chance.random(9), np.ones(9, bool)).bins) == 1
    assert len(measure_reliability(chance.random(5000), np.ones(5000, bool)).bins) == 15
    with pytest.raises(EvaluationError, match="no labelled media"):
        measure_reliability([], [])


def test_the_bins_are_scikit_learns_quantiles() -> None:
    chance = np.random.default_rng(1)
    scores = chance.random(1500)
    labels = chance.random(1500) < scores**2
    found = measure_reliability(scores, labels)
    shares, means = calibration_curve(labels, scores, n_bins=15, strategy="quantile")
    assert [one.mean_p for one in found.bins] == pytest.approx(means, abs=0.002)
    assert [one.nonblank_share for one in found.bins] == pytest.approx(shares, abs=0.02)
    # True at p²: the error is the mean of p - p², which is 1/2 - 1/3.
    assert found.ece == pytest.approx(1 / 6, abs=0.03)
