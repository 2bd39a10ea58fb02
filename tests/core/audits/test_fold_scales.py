"""Scores of several models come onto one scale, and within a fold nothing changes places."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from blanktrap.core.audits.fold_scales import align_folds
from blanktrap.core.statistics.metrics import area_under_roc


def two_folds(num: int = 3000, seed: int = 0):
    """One truth, seen by two models: the second squeezes what the first says and shifts it upwards."""
    chance = np.random.default_rng(seed)
    is_nonblank = chance.random(num) < 0.4
    seen = np.where(is_nonblank, 2.0, -2.0) + chance.normal(0.0, 1.5, num)
    folds = np.arange(num) % 2
    return expit(np.where(folds == 1, 0.2 * seen + 1.0, seen)), is_nonblank, folds, expit(seen)


def test_models_on_different_scales_rank_together_as_well_as_apart() -> None:
    p, is_nonblank, folds, undistorted = two_folds()
    best = area_under_roc(undistorted, is_nonblank)
    assert area_under_roc(p, is_nonblank) < best - 0.02
    aligned = align_folds(p, is_nonblank, folds)
    assert area_under_roc(aligned, is_nonblank) == pytest.approx(best, abs=0.002)
    # Of media with an aligned score around 0.7, some seven in ten are nonblank, whichever model it is of.
    for fold in (0, 1):
        near = (folds == fold) & (np.abs(aligned - 0.7) < 0.15)
        assert is_nonblank[near].mean() == pytest.approx(0.7, abs=0.12)


def test_the_fit_is_that_of_a_logistic_regression() -> None:
    p, is_nonblank, folds, _ = two_folds()
    aligned = align_folds(p, is_nonblank, folds)
    for fold in (0, 1):
        mine = folds == fold
        logits = np.log(p[mine] / (1 - p[mine]))[:, None]
        reference = LogisticRegression(C=1e9).fit(logits, is_nonblank[mine])
        assert aligned[mine] == pytest.approx(reference.predict_proba(logits)[:, 1], abs=0.01)


def test_one_model_is_left_as_it_is() -> None:
    p = np.array([0.1, 0.9, 0.4])
    assert align_folds(p, np.array([False, True, True]), np.array([-1, -1, -1])) is p


def test_fold_that_knows_nothing_says_its_share() -> None:
    # Fold 0: scores equal, 2 of 4 nonblank. Fold 1: it ranks the wrong way round, 1 of 4 nonblank.
    p = np.array([0.3, 0.3, 0.3, 0.3, 0.1, 0.8, 0.8, 0.9])
    nonblank = np.array([1, 1, 0, 0, 1, 0, 0, 0], bool)
    aligned = align_folds(p, nonblank, np.array([0, 0, 0, 0, 1, 1, 1, 1]))
    assert aligned[:4] == pytest.approx([0.5] * 4)
    # Smoothed targets: 2/3 for the nonblank one, 1/5 for each of three blanks: (2/3 + 3/5) / 4.
    assert aligned[4:] == pytest.approx([(2 / 3 + 3 / 5) / 4] * 4)


def test_scores_of_zero_and_one_and_faultless_folds_stay_finite() -> None:
    p = np.array([0.0, 0.0, 1.0, 1.0, 0.2, 0.8])
    nonblank = np.array([0, 0, 1, 1, 0, 1], bool)
    aligned = align_folds(p, nonblank, np.array([0, 0, 0, 0, 1, 1]))
    assert np.isfinite(aligned).all()
    assert ((aligned > 0.5) == nonblank).all()


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans(), st.integers(0, 2)), min_size=1, max_size=60),
)
def test_order_within_a_fold_never_changes(media) -> None:
    p, labels, folds = (np.array(column) for column in zip(*media, strict=True))
    aligned = align_folds(p.astype(np.float64), labels.astype(bool), folds)
    assert ((aligned >= 0.0) & (aligned <= 1.0)).all()
    for fold in np.unique(folds):
        mine = np.flatnonzero(folds == fold)
        order = mine[np.argsort(p[mine], kind="stable")]
        assert (np.diff(aligned[order]) >= -1e-9).all()
