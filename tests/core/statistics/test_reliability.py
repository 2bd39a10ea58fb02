"""Proper scores: hand-worked, then against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.reliability import brier_score, log_loss


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
