import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blanktrap.core.errors import EvaluationError, IntervalError
from blanktrap.core.statistics.location_histograms import LocationHistograms, histogram_by_location
from blanktrap.core.statistics.prior_shift import _confusion_rate, _likeliest_rate, estimate_blank_rate


def draw(rng, num_locations, blank_rate, *, spread=0.4, blank_shift=0.0, num_media=150):
    """Histograms of locations that differ in size and score; `blank_shift` moves the blanks alone."""
    sizes = rng.poisson(num_media * rng.lognormal(-0.18, 0.6, num_locations))
    codes = np.repeat(np.arange(num_locations), sizes)
    labels = rng.random(codes.size) >= blank_rate
    shifts = spread * rng.standard_normal(num_locations)
    logits = np.where(labels, 1.5, -1.5 + blank_shift) + shifts[codes] + rng.standard_normal(codes.size)
    histograms = histogram_by_location((1 / (1 + np.exp(-logits))).astype(np.float32), labels, codes)
    return histograms, float((~labels).mean())


def unlabelled(histograms):
    return histograms.nonblank + histograms.blank


def test_the_confusion_rate_of_a_hand_worked_archive():
    # R = 0.9, S = 0.8. At b = 0.75 the kept share is 0.25 * 0.9 + 0.75 * 0.2 = 0.375; 0.525 / 0.7 = 0.75.
    rate = _confusion_rate(np.array([0.1, 0.9]), np.array([0.8, 0.2]), np.array([0.625, 0.375]), 1)
    assert float(rate) == pytest.approx(0.75)


def test_with_two_bins_the_likeliest_rate_is_the_confusion_rate():
    bins = np.array([0.1, 0.9]), np.array([0.8, 0.2]), np.array([0.625, 0.375])
    assert float(_likeliest_rate(*bins)) == pytest.approx(0.75)


def test_the_likeliest_rate_is_where_em_stands_still():
    rng = np.random.default_rng(0)
    nonblank, blank, scores = rng.dirichlet(np.full(8, 2.0), 3)
    rate = 0.5
    for _ in range(20_000):
        posterior = rate * blank / (rate * blank + (1 - rate) * nonblank)
        rate = float(scores @ posterior)
    assert float(_likeliest_rate(nonblank, blank, scores)) == pytest.approx(rate, abs=1e-4)


@given(st.floats(0.0, 1.0), st.integers(0, 100))
@settings(max_examples=50, deadline=None)
def test_a_mixture_gives_back_the_rate_it_was_mixed_at(rate, seed):
    nonblank, blank = np.random.default_rng(seed).dirichlet(np.full(10, 3.0), 2)
    found = _likeliest_rate(nonblank, blank, rate * blank + (1 - rate) * nonblank)
    assert float(found) == pytest.approx(rate, abs=1e-6)


@pytest.mark.parametrize("rate", [0.3, 0.75, 0.95])
def test_the_rate_of_an_archive_with_another_share_of_blanks_is_found(rate):
    rng = np.random.default_rng(1)
    labelled, _ = draw(rng, 40, 0.5)
    archive, truth = draw(rng, 300, rate)
    found = estimate_blank_rate(labelled, unlabelled(archive))
    for one in (found.by_likelihood, found.by_confusion):
        assert one.value == pytest.approx(truth, abs=0.06)
        assert one.interval.low <= truth <= one.interval.high
        assert one.interval.high - one.interval.low < 0.3
    assert found.num_media == unlabelled(archive).sum()
    assert (found.num_labelled_locations, found.num_archive_locations) == (40, 300)


def test_intervals_hold_and_sound_archives_are_seldom_warned_of():
    rng = np.random.default_rng(2)
    held = warned = 0
    for trial in range(100):
        labelled, _ = draw(rng, 25, 0.5, num_media=80)
        archive, truth = draw(rng, 60, 0.8, num_media=80)
        found = estimate_blank_rate(labelled, unlabelled(archive), num_resamples=200, seed=trial)
        interval = found.by_likelihood.interval
        held += interval.low <= truth <= interval.high
        warned += found.warning is not None
    assert held >= 90
    assert warned <= 12  # 5 of 100 are expected


def test_blanks_that_look_otherwise_are_warned_of():
    rng = np.random.default_rng(3)
    labelled, _ = draw(rng, 40, 0.5)
    archive, truth = draw(rng, 200, 0.75, blank_shift=1.5)
    found = estimate_blank_rate(labelled, unlabelled(archive))
    assert abs(found.by_likelihood.value - truth) > 0.1
    assert found.misfit_chance < 0.05
    assert "more than its blank rate" in found.warning
    assert "\n" not in found.warning


def test_an_archive_of_unknown_locations_cannot_be_tested_and_says_so():
    rng = np.random.default_rng(4)
    labelled, _ = draw(rng, 40, 0.5)
    archive, truth = draw(rng, 100, 0.75)
    found = estimate_blank_rate(labelled, unlabelled(archive).sum(axis=0, keepdims=True))
    assert found.by_likelihood.value == pytest.approx(truth, abs=0.05)
    assert found.misfit_chance is None
    assert "not known" in found.warning


def test_all_blank_and_no_blank_archives_are_estimated_at_the_ends():
    rng = np.random.default_rng(5)
    labelled, _ = draw(rng, 40, 0.5)
    for counts, rate in ((labelled.blank, 1.0), (labelled.nonblank, 0.0)):
        found = estimate_blank_rate(labelled, counts)
        assert found.by_likelihood.value == pytest.approx(rate, abs=0.01)


def test_what_cannot_be_estimated_is_refused():
    one = np.ones((3, 1001), int)
    none = np.zeros((3, 1001), int)
    with pytest.raises(EvaluationError, match="no labelled nonblank"):
        estimate_blank_rate(LocationHistograms(nonblank=none, blank=one), one)
    with pytest.raises(EvaluationError, match="no scored media"):
        estimate_blank_rate(LocationHistograms(nonblank=one, blank=one), none)
    with pytest.raises(EvaluationError, match="do not tell"):
        estimate_blank_rate(LocationHistograms(nonblank=one, blank=one), one)
    with pytest.raises(EvaluationError, match="shape"):
        estimate_blank_rate(LocationHistograms(nonblank=one, blank=one), one[:, :50])
    ordered = np.zeros((1, 1001), int), np.zeros((1, 1001), int)
    ordered[0][0, 900], ordered[1][0, 100] = 50, 50
    with pytest.raises(IntervalError, match="at least 2 locations"):
        estimate_blank_rate(
            LocationHistograms(nonblank=ordered[0], blank=ordered[1]), ordered[0] + ordered[1]
        )
