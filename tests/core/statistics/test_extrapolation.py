import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.extrapolation import (
    extrapolate_counts,
    extrapolate_kept_share,
    extrapolate_precision,
)
from blanktrap.core.statistics.metrics import ConfusionCounts, confusion_counts, precision_recall_curve

some = st.integers(min_value=0, max_value=500)


@st.composite
def measured(draw):
    counts = ConfusionCounts(
        kept_nonblank=draw(some), missed_nonblank=draw(some), kept_blank=draw(some), removed_blank=draw(some)
    )
    if not (counts.num_nonblank and counts.num_blank):
        counts = ConfusionCounts(kept_nonblank=3, missed_nonblank=1, kept_blank=1, removed_blank=4)
    return counts


def test_the_reference_study_at_three_quarters_blank():
    # kept = 0.25 * 0.91 + 0.75 * (1 - 0.796) = 0.2275 + 0.153 = 0.3805; precision = 0.2275 / 0.3805.
    assert extrapolate_kept_share(0.91, 0.796, blank_rate=0.75) == pytest.approx(0.3805)
    precision = extrapolate_precision(np.array([0.91]), np.array([0.796]), blank_rate=0.75)
    assert precision == pytest.approx([0.2275 / 0.3805])
    assert round(100 * float(precision[0]), 1) == 59.8


def test_expected_counts_of_a_hand_worked_archive():
    # Measured: R = 9/10, S = 16/20. Archive of 1,000 with 75 % blank: 250 nonblank, 750 blank.
    counts = ConfusionCounts(kept_nonblank=9, missed_nonblank=1, kept_blank=4, removed_blank=16)
    expected = extrapolate_counts(counts, blank_rate=0.75, num_media=1000)
    assert expected.kept_nonblank == pytest.approx(225)  # 250 * 9/10
    assert expected.missed_nonblank == pytest.approx(25)
    assert expected.kept_blank == pytest.approx(150)  # 750 * 4/20
    assert expected.removed_blank == pytest.approx(600)


@given(measured())
def test_an_unchanged_blank_rate_changes_nothing(counts):
    rate = counts.num_blank / counts.num_media
    same = extrapolate_counts(counts, blank_rate=rate, num_media=counts.num_media)
    assert vars(same) == pytest.approx(vars(counts), abs=1e-9)


@given(st.integers(min_value=2, max_value=9))
def test_it_equals_duplicating_the_blanks(times):
    scores = [0.9] * 3 + [0.1] * 2 + [0.8] * 2 + [0.2] * 5
    labels = [True] * 5 + [False] * 7
    duplicated = confusion_counts(scores + scores[5:] * (times - 1), labels + labels[5:] * (times - 1), 0.5)
    rate = duplicated.num_blank / duplicated.num_media
    expected = extrapolate_counts(
        confusion_counts(scores, labels, 0.5), blank_rate=rate, num_media=duplicated.num_media
    )
    assert vars(expected) == pytest.approx(vars(duplicated))


@given(
    st.lists(st.integers(0, 10), min_size=1, max_size=20),
    st.lists(st.integers(0, 10), min_size=1, max_size=20),
    st.integers(2, 5),
)
def test_the_whole_curve_equals_that_of_duplicated_blanks(nonblank, blank, times):
    once = [np.array([*nonblank, *blank]) / 10, np.arange(len(nonblank) + len(blank)) < len(nonblank)]
    often = [np.array([*nonblank, *blank * times]) / 10]
    often.append(np.arange(often[0].size) < len(nonblank))
    curve, duplicated = precision_recall_curve(*once), precision_recall_curve(*often)
    rate = duplicated.num_blank / (duplicated.num_blank + duplicated.num_nonblank)
    precision = extrapolate_precision(curve.recall, curve.blank_recall, blank_rate=rate)
    assert precision == pytest.approx(duplicated.precision)
    kept = extrapolate_kept_share(curve.recall, curve.blank_recall, blank_rate=rate)
    assert kept == pytest.approx(duplicated.kept_share)


def test_it_equals_drawing_blanks_again_in_expectation():
    # 400 measured media, 45 % blank, to 1,000 with 80 %: 800 blanks drawn from 180, 200 of the 220 nonblank.
    rng = np.random.default_rng(0)
    labels = np.arange(400) < 220
    scores = np.clip(np.where(labels, 0.65, 0.35) + 0.2 * rng.standard_normal(400), 0.0, 1.0)
    drawn = []
    for _ in range(2000):
        mine = np.concatenate([rng.integers(220, 400, 800), rng.integers(0, 220, 200)])
        counts = confusion_counts(scores[mine], labels[mine], 0.5)
        drawn.append([counts.kept_nonblank, counts.missed_nonblank, counts.kept_blank, counts.removed_blank])
    expected = extrapolate_counts(confusion_counts(scores, labels, 0.5), blank_rate=0.8, num_media=1000)
    # A mean of 2,000 draws of at most 800 shares lies within 4 * sqrt(800 / 4 / 2000) = 1.3.
    assert list(vars(expected).values()) == pytest.approx(np.mean(drawn, axis=0), abs=1.3)


def test_archives_without_blanks_and_of_blanks_alone():
    recall, blank_recall = np.array([0.9]), np.array([0.8])
    assert extrapolate_precision(recall, blank_recall, blank_rate=0.0) == pytest.approx([1.0])
    assert extrapolate_precision(recall, blank_recall, blank_rate=1.0) == pytest.approx([0.0])
    assert extrapolate_kept_share(0.9, 0.8, blank_rate=0.0) == pytest.approx(0.9)
    assert extrapolate_kept_share(0.9, 0.8, blank_rate=1.0) == pytest.approx(0.2)
    only_blank = ConfusionCounts(kept_nonblank=0, missed_nonblank=0, kept_blank=1, removed_blank=3)
    expected = extrapolate_counts(only_blank, blank_rate=1.0, num_media=100)
    assert (expected.removed_blank, expected.num_nonblank) == (75.0, 0.0)


@given(measured(), st.floats(min_value=0.0, max_value=1.0))
def test_expected_counts_sum_to_the_archive(counts, rate):
    expected = extrapolate_counts(counts, blank_rate=rate, num_media=1_000_000)
    assert expected.num_media == pytest.approx(1_000_000)
    assert expected.num_blank == pytest.approx(rate * 1_000_000)


def test_precision_is_nan_where_nothing_is_kept():
    assert np.isnan(extrapolate_precision(np.array([0.0]), np.array([1.0]), blank_rate=0.75)).all()


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_blank_rates_outside_0_to_1_are_refused(rate):
    counts = ConfusionCounts(kept_nonblank=1, missed_nonblank=1, kept_blank=1, removed_blank=1)
    with pytest.raises(EvaluationError, match="blank rate"):
        extrapolate_counts(counts, blank_rate=rate, num_media=10)


def test_a_label_that_was_not_measured_is_refused():
    counts = ConfusionCounts(kept_nonblank=1, missed_nonblank=1, kept_blank=0, removed_blank=0)
    with pytest.raises(EvaluationError, match="both labels"):
        extrapolate_counts(counts, blank_rate=0.75, num_media=10)
