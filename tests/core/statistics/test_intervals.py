import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import bootstrap as reference_bootstrap

from blanktrap.core.errors import EvaluationError, IntervalError
from blanktrap.core.statistics.intervals import (
    clopper_pearson_interval,
    describe_trust,
    difference_interval,
    effective_locations,
    location_bootstrap,
    percentile_interval,
    share_interval,
    wilson_interval,
)

tables = st.integers(min_value=2, max_value=9).flatmap(
    lambda num: st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=num, max_size=num)
)


def test_wilson_of_a_hand_worked_count():
    # 8 of 10, z = 1.959964: centre (0.8 + 0.384146/2) / 1.384146 = 0.716740,
    # half = sqrt(0.8 * 0.2 * 0.384146 + 0.384146² / 4) / 1.384146 = 0.226580.
    interval = wilson_interval(8, 10)
    assert interval.low == pytest.approx(0.490160, abs=1e-5)
    assert interval.high == pytest.approx(0.943320, abs=1e-5)


def test_clopper_pearson_without_any_hit_is_one_minus_a_root():
    # P(0 of n) = (1-p)^n = 0.025, so p = 1 - 0.025^(1/n); one-sided 0.05.
    assert clopper_pearson_interval(0, 60).high == pytest.approx(1 - 0.025 ** (1 / 60))
    assert clopper_pearson_interval(0, 60, sides="upper").high == pytest.approx(1 - 0.05 ** (1 / 60))
    assert clopper_pearson_interval(60, 60, sides="lower").low == pytest.approx(0.05 ** (1 / 60))
    assert clopper_pearson_interval(0, 60).low == 0.0


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=200, deadline=None)
def test_exact_and_wilson_intervals_equal_those_of_scipy(pair):
    num, num_media = pair
    for ours, method in ((clopper_pearson_interval, "exact"), (wilson_interval, "wilson")):
        for sides, alternative in (("both", "two-sided"), ("lower", "greater"), ("upper", "less")):
            expected = binomtest(num, num_media, alternative=alternative).proportion_ci(0.9, method)
            interval = ours(num, num_media, 0.9, sides=sides)
            assert (interval.low, interval.high) == pytest.approx(tuple(expected), abs=1e-9)


def test_resampled_sums_are_sums_of_whole_locations():
    # With counts 1, 10, 100, 1000 each sum shows how often each location was drawn: four in all.
    sums = location_bootstrap(np.array([[1], [10], [100], [1000]]), num_resamples=50, seed=3)
    digits = np.array([[int(digit) for digit in f"{int(number):04d}"] for number in sums[:, 0]])
    assert (digits.sum(axis=1) == 4).all()
    assert len({int(number) for number in sums[:, 0]}) > 10


def test_resampled_sums_have_the_mean_and_variance_of_drawing_with_replacement():
    counts = np.array([[3.0], [5.0], [10.0], [2.0]])
    sums = location_bootstrap(counts, num_resamples=40_000)
    assert sums.mean() == pytest.approx(20.0, abs=0.1)  # 4 * mean 5
    assert sums.var() == pytest.approx(4 * 9.5, rel=0.03)  # 4 * ((-2)² + 0 + 5² + (-3)²) / 4


def test_the_same_locations_are_drawn_whatever_the_columns():
    counts = np.arange(20.0).reshape(10, 2)
    together = location_bootstrap(counts, num_resamples=30, seed=7)
    alone = location_bootstrap(counts[:, 1:], num_resamples=30, seed=7)
    assert (together[:, 1:] == alone).all()
    assert (together != location_bootstrap(counts, num_resamples=30, seed=8)).any()


def test_blocks_join_up(monkeypatch):
    counts = np.arange(30.0).reshape(15, 2)
    whole = location_bootstrap(counts, num_resamples=100)
    monkeypatch.setattr("blanktrap.core.statistics.intervals._WEIGHTS_AT_ONCE", 60)
    assert (location_bootstrap(counts, num_resamples=100) == whole).all()


def test_percentiles_agree_with_scipys_bootstrap():
    rng = np.random.default_rng(0)
    counts = np.column_stack([rng.integers(0, 50, 40), rng.integers(50, 90, 40)]).astype(float)
    sums = location_bootstrap(counts, num_resamples=9000)
    ours = percentile_interval(sums[:, 0] / sums[:, 1])
    theirs = reference_bootstrap(
        (counts[:, 0], counts[:, 1]),
        lambda part, whole, axis: part.sum(axis) / whole.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=9000,
        rng=1,
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_values_with_nothing_to_divide_by_are_dropped_and_counted():
    interval = percentile_interval([np.nan, 1.0, 2.0, 3.0, np.nan], 0.5)
    assert (interval.low, interval.high) == (1.5, 2.5)
    assert (interval.num_resamples, interval.num_dropped) == (3, 2)
    assert percentile_interval([np.nan, np.nan]) is None
    assert share_interval(0.5, [np.nan], sizes=[3, 3]) is None


def test_effective_locations_of_equal_and_unequal_sizes():
    assert effective_locations([7, 7, 7, 0]) == pytest.approx(3)
    assert effective_locations([90, 5, 5]) == pytest.approx(100**2 / (8100 + 25 + 25))
    assert effective_locations([[7, 90], [7, 5], [7, 5]]) == pytest.approx(100**2 / 8150)
    assert effective_locations([0, 0]) == 0.0


def test_a_share_interval_of_a_hand_worked_spread():
    # Two effective locations: one degree of freedom, t = 12.7062; times sqrt(2/1). Values with logits ±0.1
    # have the deviation 0.1, so the bounds are expit(±12.7062 * 1.41421 * 0.1) = expit(±1.79693).
    values = 1 / (1 + np.exp([0.1, -0.1]))
    interval = share_interval(0.5, values, sizes=[5000, 5000])
    assert interval.high == pytest.approx(1 / (1 + np.exp(-1.79693)), abs=1e-4)
    assert interval.low == pytest.approx(1 - interval.high)


@given(tables, st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_share_intervals_hold_their_estimate_and_stay_within_0_and_1(rows, seed):
    hits, misses = np.array(rows, float).T
    sizes = hits + misses
    if (sizes > 0).sum() < 2:
        return
    sums = location_bootstrap(np.column_stack([hits, sizes]), num_resamples=200, seed=seed)
    with np.errstate(invalid="ignore"):
        values = sums[:, 0] / sums[:, 1]
    estimate = hits.sum() / sizes.sum()
    interval = share_interval(estimate, values, sizes=sizes)
    assert 0.0 <= interval.low <= estimate <= interval.high <= 1.0
    alone = wilson_interval(hits.sum(), sizes.sum())
    assert interval.low <= alone.low
    assert interval.high >= alone.high


def test_intervals_by_location_hold_the_truth_about_as_often_as_they_say():
    # Shares differ between locations (beta, mean 0.8); media taken as independent miss it far more often.
    rng = np.random.default_rng(5)
    held = alone = 0
    for trial in range(300):
        sizes = rng.poisson(60, 15)
        hits = rng.binomial(sizes, rng.beta(4.0, 1.0, 15))
        sums = location_bootstrap(np.column_stack([hits, sizes]), num_resamples=300, seed=trial)
        interval = share_interval(hits.sum() / sizes.sum(), sums[:, 0] / sums[:, 1], sizes=sizes)
        wilson = wilson_interval(hits.sum(), sizes.sum())
        held += interval.low <= 0.8 <= interval.high
        alone += wilson.low <= 0.8 <= wilson.high
    assert 0.92 * 300 <= held <= 0.99 * 300
    assert alone < 0.6 * 300


def test_a_difference_that_never_varies_has_no_width():
    interval = difference_interval(0.25, np.full(10, 0.25), sizes=[4, 4])
    assert (interval.low, interval.high) == pytest.approx((0.25, 0.25))
    assert difference_interval(0.9, [0.8, 1.0], sizes=[4, 4]).high == 1.0


@pytest.mark.parametrize("rows", [np.zeros((0, 2)), np.ones((1, 2))])
def test_fewer_than_two_locations_are_refused_plainly(rows):
    with pytest.raises(IntervalError, match="at least 2 locations") as caught:
        location_bootstrap(rows)
    assert isinstance(caught.value, EvaluationError)
    with pytest.raises(IntervalError, match="at least 2 locations, there is 1"):
        share_interval(0.5, [0.5], sizes=[10, 0])


def test_trust_is_said_by_the_number_of_locations():
    assert "one location" in describe_trust(1)
    assert "3 locations" in describe_trust(3)
    assert describe_trust(5) is None


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, float("nan")])
def test_levels_outside_0_to_1_are_refused(level):
    for call in (lambda: wilson_interval(1, 2, level), lambda: percentile_interval([1.0], level)):
        with pytest.raises(IntervalError, match="level"):
            call()


@pytest.mark.parametrize(("num", "num_media"), [(0, 0), (3, 2), (-1, 2)])
def test_counts_that_are_no_share_are_refused(num, num_media):
    for interval in (wilson_interval, clopper_pearson_interval):
        with pytest.raises(IntervalError, match="no share"):
            interval(num, num_media)
