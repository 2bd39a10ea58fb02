"""The figures of an epoch: hand-worked, then against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.epoch_figures import ClassFigures, EpochFigures, fold_sequences, measure_epoch

# Two sequences of two frames, two media of none. By day: the first four.
SCORES = [0.9, 0.2, 0.6, 0.4, 0.8, 0.1]
NONBLANK = [True, False, False, True, True, False]
NIGHT = [False, False, False, False, True, True]
SEQUENCES = [7, 7, 3, 3, -1, -1]


def measure(**changes: object) -> EpochFigures:
    given_ = {"p_nonblank": SCORES, "is_nonblank": NONBLANK, "is_night": NIGHT, "sequences": SEQUENCES}
    return measure_epoch(**{**given_, **changes})


def test_all_media_worked_by_hand() -> None:
    figures = measure().all
    assert (figures.num_media, figures.num_nonblank) == (6, 3)
    # At 0.5 are 0.9, 0.6 and 0.8, two of them nonblank; 0.4 is missed.
    assert figures.precision == pytest.approx(2 / 3)
    assert figures.recall == pytest.approx(2 / 3)
    # Nonblank at ranks 1, 2 and 4: (1/1 + 2/2 + 3/4) / 3.
    assert figures.average_precision == pytest.approx((1 + 1 + 3 / 4) / 3)
    # 0.9 and 0.8 beat three blanks each, 0.4 beats two: 8 of 9 pairs.
    assert figures.area_under_roc == pytest.approx(8 / 9)
    # 95 % of three are three: the cutoff is 0.4, below it are 0.2 and 0.1, and 0.6 stays.
    assert figures.blank_recall_at_95 == figures.blank_recall_at_97 == pytest.approx(2 / 3)
    expected = -np.log([0.9, 0.8, 0.4, 0.4, 0.8, 0.9]).mean()
    assert figures.log_loss == pytest.approx(expected)


def test_day_and_night_are_measured_apart() -> None:
    figures = measure()
    assert (figures.day.num_media, figures.night.num_media) == (4, 2)
    # By day 0.4 beats 0.2 and not 0.6, 0.9 beats both: 3 of 4 pairs. By night 0.8 beats 0.1.
    assert (figures.day.area_under_roc, figures.night.area_under_roc) == (0.75, 1.0)


def test_a_sequence_counts_once_by_its_highest_frame() -> None:
    figures = measure().sequences
    # Sequence 7: 0.9, nonblank. Sequence 3: 0.6, nonblank by its other frame. Alone: 0.8 nonblank, 0.1 blank.
    assert (figures.num_media, figures.num_nonblank) == (4, 3)
    assert (figures.precision, figures.recall) == (1.0, 1.0)
    assert figures.blank_recall_at_96 == 1.0


def test_media_of_no_sequence_are_not_thrown_together() -> None:
    highest, labels = fold_sequences(
        np.array([0.3, 0.7, 0.2]), np.array([True, False, False]), np.array([-1, -1, -1])
    )
    assert highest.tolist() == [0.3, 0.7, 0.2]
    assert labels.tolist() == [True, False, False]


def test_blanks_removed_differ_with_the_recall_asked_for() -> None:
    # 100 nonblank media score 0.01 … 1.00, 100 blank ones 0.005 … 0.995. Keeping 95 is the cutoff 0.06, with
    # six blanks below it (0.005 … 0.055); 96 is 0.05 with five; 97 is 0.04 with four.
    nonblank = np.arange(1, 101) / 100
    figures = measure_epoch(
        np.concatenate([nonblank, nonblank - 0.005]),
        np.arange(200) < 100,
        is_night=np.zeros(200, bool),
        sequences=np.full(200, -1),
    ).all
    assert figures.blank_recall_at_95 == 0.06
    assert figures.blank_recall_at_96 == 0.05
    assert figures.blank_recall_at_97 == 0.04


def test_what_cannot_be_measured_is_none() -> None:
    figures = measure(is_night=[False] * 6)
    assert figures.night == ClassFigures(
        num_media=0,
        num_nonblank=0,
        precision=None,
        recall=None,
        average_precision=None,
        area_under_roc=None,
        blank_recall_at_95=None,
        blank_recall_at_96=None,
        blank_recall_at_97=None,
        log_loss=None,
    )
    only_blank = measure(is_nonblank=[False] * 6).all
    assert (only_blank.recall, only_blank.area_under_roc, only_blank.blank_recall_at_95) == (None, None, None)
    assert only_blank.precision == 0.0  # three are kept and none of them is nonblank
    assert measure(p_nonblank=[0.1] * 6).all.precision is None


def test_a_score_of_exactly_0_or_1_that_is_wrong_costs_much_and_not_everything() -> None:
    loss = measure(p_nonblank=np.float32([0, 1, 1, 0, 0, 1])).all.log_loss
    assert loss == pytest.approx(-np.log(1e-7), rel=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"is_nonblank": [True]},
        {"is_night": [True]},
        {"sequences": [0]},
        {"p_nonblank": [0.5, 0.5, 0.5, 0.5, 0.5, float("nan")]},
        {"p_nonblank": [0.5, 0.5, 0.5, 0.5, 0.5, 1.01]},
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(EvaluationError):
        measure(**changes)


@given(st.integers(min_value=0, max_value=2**32 - 1))
@settings(max_examples=50)
def test_scikit_learn_agrees(seed: int) -> None:
    chance = np.random.default_rng(seed)
    labels = np.append(chance.random(60) < 0.4, [True, False])
    scores = np.round(chance.random(62), 2).clip(0.01, 0.99).astype(np.float32)
    sequences = chance.integers(-1, 15, 62)
    figures = measure_epoch(scores, labels, is_night=chance.random(62) < 0.5, sequences=sequences)
    assert figures.all.average_precision == pytest.approx(reference.average_precision_score(labels, scores))
    assert figures.all.area_under_roc == pytest.approx(reference.roc_auc_score(labels, scores))
    assert figures.all.log_loss == pytest.approx(reference.log_loss(labels, scores.astype(np.float64)))
    kept = scores >= 0.5
    assert figures.all.recall == pytest.approx(reference.recall_score(labels, kept))
    assert figures.all.precision == pytest.approx(reference.precision_score(labels, kept))
    fpr, tpr, _ = reference.roc_curve(labels, scores, drop_intermediate=False)
    assert figures.all.blank_recall_at_96 == pytest.approx((1 - fpr)[tpr >= 0.96].max())
    assert figures.day.num_media + figures.night.num_media == figures.all.num_media
    by_hand = {(code if code >= 0 else -2 - place): [] for place, code in enumerate(sequences)}
    for place, code in enumerate(sequences):
        by_hand[code if code >= 0 else -2 - place].append(place)
    highest = [scores[frames].max() for frames in by_hand.values()]
    any_nonblank = [labels[frames].any() for frames in by_hand.values()]
    assert figures.sequences.num_media == len(by_hand)
    if 0 < sum(any_nonblank) < len(by_hand):
        assert figures.sequences.average_precision == pytest.approx(
            reference.average_precision_score(any_nonblank, highest)
        )
