"""Maps from scores to probabilities: hand-worked, then what must always hold, then scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.calibration import (
    BOUND,
    MIN_BLOCK,
    MIN_SLOPE,
    CalibrationMap,
    IsotonicMap,
    TemperatureMap,
    _smooth_targets,
    _steps,
    fit_calibration,
)
from blanktrap.core.statistics.metrics import area_under_roc
from blanktrap.core.statistics.reliability import log_loss

KINDS = ("temperature", "isotonic")


def world(num: int, *, blank_rate: float, seed: int = 0, slope: float = 0.5):
    """Media whose true probability is known, scored by a network trained as if half of them were blank, and
    too timid by the slope."""
    chance = np.random.default_rng(seed)
    labels = chance.random(num) >= blank_rate
    # Log odds at even labels of two normal densities, means ±1.5, deviation 1.5.
    seen = np.where(labels, 1.5, -1.5) + chance.normal(0.0, 1.5, num)
    evenly = 2 * 1.5 * seen / 1.5**2
    truth = expit(evenly + logit(1.0 - blank_rate))
    return expit(slope * evenly).astype(np.float32), labels, truth


def test_a_temperature_worked_by_hand() -> None:
    # Odds of 0.8 are 4: squared and halved, 8, so 8/9; of 0.5, one half: 1/3.
    halves = TemperatureMap(slope=2.0, shift=float(np.log(0.5)))
    assert halves.apply(np.array([0.8, 0.5])) == pytest.approx([8 / 9, 1 / 3], abs=1e-5)


def test_an_isotonic_map_worked_by_hand() -> None:
    line = IsotonicMap(scores=(-1.0, 1.0), probabilities=(-3.0, 0.0), slope=0.5)
    # In the middle of the two steps -1.5; two before the first -3 - 0.5·2; two after the last 0.5·2.
    given_ = expit(np.array([-1.0, 0.0, 1.0, -3.0, 3.0]))
    assert line.apply(given_) == pytest.approx(expit([-3.0, -1.5, 0.0, -4.0, 1.0]), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("blank_rate", [0.25, 0.5, 0.9])
def test_timid_scores_become_the_probability_at_the_medias_own_blank_rate(kind, blank_rate) -> None:
    p, labels, _ = world(20_000, blank_rate=blank_rate)
    fitted = fit_calibration(p, labels, kind)
    new, new_labels, new_truth = world(20_000, blank_rate=blank_rate, seed=1)
    calibrated = fitted.apply(new)
    assert np.abs(new - new_truth).mean() > 0.05
    assert np.abs(calibrated - new_truth).mean() < 0.01
    assert log_loss(calibrated, new_labels) < log_loss(new, new_labels) - 0.01
    if kind == "temperature":
        # Made timid by 0.5, so 2 mends it; the shift is the log odds of the labels.
        assert fitted.slope == pytest.approx(2.0, abs=0.1)
        assert fitted.shift == pytest.approx(logit(1 - blank_rate), abs=0.15)


SCORES = st.lists(st.floats(min_value=0.0, max_value=1.0, width=32), min_size=2, max_size=60)


@pytest.mark.parametrize("kind", KINDS)
@given(SCORES, st.integers(min_value=0, max_value=2**32 - 1))
@settings(max_examples=150)
def test_order_stays_and_nothing_is_certain(kind, values, seed) -> None:
    chance = np.random.default_rng(seed)
    num = len(values)
    labels = chance.random(num) < 0.5
    labels[0], labels[1] = True, False
    fitted = fit_calibration(np.tile(np.float32(values), 40), np.tile(labels, 40), kind)
    p = np.sort(np.float32(values))
    calibrated = fitted.apply(p)
    assert calibrated.dtype == np.float32
    assert (np.diff(calibrated) >= 0).all()
    assert calibrated.min() >= np.float32(BOUND)
    assert calibrated.max() <= np.float32(1.0 - BOUND)


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_media_become_equal(kind) -> None:
    p, labels, _ = world(3000, blank_rate=0.75)
    fitted = fit_calibration(p, labels, kind)
    assert np.unique(fitted.apply(p)).size == np.unique(p).size
    assert area_under_roc(fitted.apply(p), labels) == pytest.approx(area_under_roc(p, labels), abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_even_scores_that_lie_keep_their_order(kind) -> None:
    # Scores fall where labels rise: all are told to be about the share of nonblank, 37 of 100.
    p = np.linspace(0.1, 0.9, 1000)
    calibrated = fit_calibration(p, p < 0.4, kind).apply(p)
    assert (np.diff(calibrated) > 0).all()
    assert calibrated == pytest.approx(np.full(1000, 0.37), abs=0.05)


def test_platts_targets_worked_by_hand() -> None:
    # Three nonblank: (3+1)/(3+2); one blank: 1/(1+2).
    targets = _smooth_targets(np.array([True, True, True, False]))
    assert targets.tolist() == [0.8, 0.8, 0.8, pytest.approx(1 / 3)]


def test_too_few_media_for_steps_get_a_temperature() -> None:
    p, labels, _ = world(40, blank_rate=0.75)
    assert min(labels.sum(), (~labels).sum()) < 20
    assert fit_calibration(p, labels, "isotonic") == fit_calibration(p, labels, "temperature")


def test_the_steps_are_scikit_learns_isotonic_regression() -> None:
    p, labels, _ = world(20_000, blank_rate=0.6, slope=1.0)
    p = np.round(p, 2).clip(0.01, 0.99)  # with ties: 99 places of many media
    odds, targets = logit(p.astype(np.float64)), _smooth_targets(labels)
    middles, values = _steps(odds, targets)
    predicted = IsotonicRegression().fit(odds, targets).predict(odds)
    expected = np.unique(np.round(predicted, 12))
    assert values.size > 20
    assert expit(values) == pytest.approx(expected, abs=1e-9)
    assert middles == pytest.approx(
        [odds[np.abs(predicted - one) < 1e-9].mean() for one in expected], abs=1e-9
    )


def test_steps_worked_by_hand() -> None:
    # Ten media at each of four places, 1, 4, 3 and 9 of them nonblank: the middle two are pooled to 7 of 20.
    odds = np.repeat([-2.0, -1.0, 1.0, 2.0], 10)
    targets = np.concatenate([np.arange(10) < num for num in (1, 4, 3, 9)]).astype(float)
    middles, values = _steps(odds, targets)
    assert middles.tolist() == [-2.0, 0.0, 2.0]
    assert expit(values) == pytest.approx([0.1, 0.35, 0.9])


@given(st.integers(min_value=0, max_value=2**32 - 1), st.integers(min_value=20, max_value=300))
@settings(max_examples=100)
def test_no_step_is_of_a_handful_of_media_and_every_line_rises(seed: int, num: int) -> None:
    chance = np.random.default_rng(seed)
    odds = np.sort(np.round(chance.normal(size=num), int(chance.integers(0, 3))))
    labels = chance.random(num) < expit(odds * chance.uniform(-1, 3))
    middles, values = _steps(odds, _smooth_targets(labels))
    assert (np.diff(values) >= MIN_SLOPE * np.diff(middles) * (1 - 1e-9)).all()
    # Each step's media lie about its middle and before the next step's: counted from the left.
    assert middles.size <= max(1, num // MIN_BLOCK)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_one_kind_teach_nothing(kind) -> None:
    with pytest.raises(EvaluationError, match="there are 0 and 2"):
        fit_calibration([0.2, 0.3], [True, True], kind)
    with pytest.raises(EvaluationError, match="there are 0 and 0"):
        fit_calibration([], [], kind)


def test_none_is_no_map() -> None:
    assert fit_calibration([0.2, 0.3], [True, False], "none") is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_survives_its_json(kind) -> None:
    p, labels, _ = world(500, blank_rate=0.5)
    fitted = fit_calibration(p, labels, kind)
    read = TypeAdapter(CalibrationMap).validate_json(fitted.model_dump_json())
    assert read == fitted
    assert (read.apply(p) == fitted.apply(p)).all()


@pytest.mark.parametrize("bad", [[-0.1], [1.1], [float("nan")]])
def test_what_is_no_score_is_refused(bad) -> None:
    with pytest.raises(EvaluationError):
        TemperatureMap(slope=1.0, shift=0.0).apply(bad)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "temperature", "slope": 0.0, "shift": 0.0},
        {"kind": "temperature", "slope": -1.0, "shift": 0.0},
        {"kind": "temperature", "slope": 1e300, "shift": 0.0},
        {"kind": "temperature", "slope": 1.0, "shift": float("nan")},
        {"kind": "isotonic", "scores": [], "probabilities": [], "slope": 1.0},
        {"kind": "isotonic", "scores": [0.0], "probabilities": [0.0, 1.0], "slope": 1.0},
        {"kind": "isotonic", "scores": [0.0, 1.0], "probabilities": [1.0, 0.0], "slope": 1.0},
        {"kind": "isotonic", "scores": [1.0, 0.0], "probabilities": [0.0, 1.0], "slope": 1.0},
        {"kind": "sigmoid"},
    ],
)
def test_a_map_that_does_not_rise_is_refused(fields) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(CalibrationMap).validate_python(fields)
