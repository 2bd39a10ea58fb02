"""Folds hold out whole locations, and their figures are those of the media they held out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.errors import TrainingError
from blanktrap.core.selection.folds import deal_folds, fold_lines, measure_folds


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=3, max_size=120),
    st.integers(2, 6),
    st.integers(0, 3),
)
def test_no_location_is_in_two_folds_and_no_fold_is_empty(media, num_folds: int, seed: int) -> None:
    groups = [f"location:{place}" for place, _ in media]
    labels = [label for _, label in media]
    if len(set(groups)) < max(num_folds, 3):
        with pytest.raises(TrainingError, match="or more are needed"):
            deal_folds(groups, labels, num_folds=num_folds, seed=seed)
        return
    folds = deal_folds(groups, labels, num_folds=num_folds, seed=seed)
    assert set(folds.tolist()) == set(range(num_folds))
    assert len(set(zip(groups, folds.tolist(), strict=True))) == len(set(groups))


def test_folds_are_about_equal_and_spread_the_blanks() -> None:
    chance = np.random.default_rng(0)
    groups = [f"location:{place}" for place in chance.integers(0, 30, 900)]
    labels = chance.random(900) < 0.7
    folds = deal_folds(groups, labels, num_folds=5, seed=0)
    assert np.bincount(folds).min() >= 150
    assert all(abs(labels[folds == fold].mean() - 0.7) < 0.07 for fold in range(5))


def test_figures_of_a_hand_worked_table() -> None:
    #   fold 0: nonblank 0.9 0.4, blank 0.6 0.2      fold 1: nonblank 0.8, blank none
    p = np.array([0.9, 0.4, 0.6, 0.2, 0.8], np.float32)
    nonblank = np.array([1, 1, 0, 0, 1], bool)
    folds = np.array([0, 0, 0, 0, 1], np.int16)
    locations = np.array([0, 0, 1, -1, 2], np.int32)
    zero, one, both = measure_folds(p, nonblank, folds, locations)
    assert (zero.num_media, zero.num_nonblank, zero.num_locations) == (4, 2, 2)
    # Of the 4 pairs 0.9 wins both, 0.4 wins one: 3/4.
    assert zero.area_under_roc == pytest.approx(3 / 4)
    # All nonblank are kept from 0.4 on; of the blanks 0.2 lies below it.
    assert zero.blank_recalls == (0.5, 0.5, 0.5)
    assert (one.area_under_roc, one.average_precision, one.blank_recalls) == (None, None, (None,) * 3)
    # 3 nonblank and 2 blank: 0.9 and 0.8 win both, 0.4 one of two.
    assert (both.fold, both.num_media, both.area_under_roc) == (None, 5, pytest.approx(5 / 6))
    assert len({len(line) for line in fold_lines([zero, one, both])[1:]}) == 1
