"""Slope and shift: worked by hand, against scikit-learn, and held back where media are few."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.temperature import SHIFT_SPREAD, SLOPE_SPREAD, fit_temperature


def test_many_media_at_two_places_are_met() -> None:
    # At -1 one in ten is nonblank, at 2 six in ten: -slope + shift = log(1/9), 2·slope + shift = log(6/4),
    # so slope = (log(1.5) + log(9))/3 and shift = slope - log(9).
    odds = np.repeat([-1.0, 2.0], 50_000)
    labels = np.concatenate([np.arange(50_000) < 5_000, np.arange(50_000) < 30_000])
    slope, shift = fit_temperature(odds, labels)
    assert slope == pytest.approx((np.log(1.5) + np.log(9)) / 3, abs=1e-3)
    assert shift == pytest.approx((np.log(1.5) - 2 * np.log(9)) / 3, abs=1e-3)


def test_many_media_outweigh_the_prior() -> None:
    chance = np.random.default_rng(0)
    odds = chance.normal(0.0, 3.0, 20_000)
    labels = chance.random(20_000) < expit(0.4 * odds - 1.0)
    slope, shift = fit_temperature(odds, labels)
    reference = LogisticRegression(C=np.inf).fit(odds[:, None], labels)
    assert slope == pytest.approx(reference.coef_[0, 0], rel=0.01)
    assert shift == pytest.approx(reference.intercept_[0], abs=0.01)


@given(st.integers(min_value=0, max_value=2**32 - 1))
@settings(max_examples=40)
def test_it_is_the_minimum(seed: int) -> None:
    chance = np.random.default_rng(seed)
    num = int(chance.integers(2, 60))
    odds = chance.normal(chance.uniform(-8, 8), chance.uniform(0.0, 6.0), num)
    labels = np.append(chance.random(num - 2) < 0.4, [True, False])

    def loss(found: np.ndarray) -> float:
        tilted = np.exp(found[0]) * odds + found[1]
        prior = (found[0] / SLOPE_SPREAD) ** 2 + ((found[1] - logit(labels.mean())) / SHIFT_SPREAD) ** 2
        return float((np.logaddexp(0, tilted) - labels * tilted).sum() + prior / 2)

    slope, shift = fit_temperature(odds, labels)
    starts = [(0.0, 0.0), (np.log(slope), shift), (-2.0, 0.0)]
    best = min(minimize(loss, start, method="Nelder-Mead").fun for start in starts)
    assert loss(np.array([np.log(slope), shift])) <= best + 1e-4


def test_what_is_ranked_without_a_fault_stays_near_what_the_network_says() -> None:
    # Any slope however steep fits these; plain likelihood has no answer.
    odds = np.array([-3.0, -2.0, -2.5, 2.0, 3.0, 2.5])
    slope, shift = fit_temperature(odds, odds > 0)
    assert 1.0 < slope < 1.5
    assert abs(shift) < 1e-6


def test_one_media_of_each_label_changes_little() -> None:
    slope, shift = fit_temperature(np.array([-1.0, 1.0]), np.array([False, True]))
    assert (slope, shift) == (pytest.approx(1.0, abs=0.4), pytest.approx(0.0, abs=1e-6))


def test_scores_that_lie_have_a_slope_near_0_and_never_below() -> None:
    odds = np.linspace(-3.0, 3.0, 2001)
    slope, shift = fit_temperature(odds, odds < -1.0)
    assert 0.0 < slope < 0.1
    assert expit(shift) == pytest.approx(2 / 3 / 2, abs=0.01)


def test_equal_scores_become_the_share_of_nonblank() -> None:
    slope, shift = fit_temperature(np.full(1000, 1.5), np.arange(1000) < 200)
    assert expit(1.5 * slope + shift) == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("labels", [[True, True], [False, False], []])
def test_labels_of_one_kind_teach_nothing(labels: list[bool]) -> None:
    with pytest.raises(EvaluationError, match="blank and nonblank media"):
        fit_temperature(np.zeros(len(labels)), np.array(labels, dtype=bool))
