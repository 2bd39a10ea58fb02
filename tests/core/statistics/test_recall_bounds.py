import numpy as np
import pytest
from scipy.stats import beta

from blanktrap.core.statistics.recall_bounds import MissedCounts, bets_win, count_missed, pooled_bounds

# Three locations; the third is as large as the other two together.
SCORES = np.array([0.1, 0.8, 0.2, 0.9, 0.3, 0.5, 0.6, 0.7])
CODES = np.array([0, 0, 1, 1, 2, 2, 2, 2])


def test_missed_media_of_a_hand_worked_table():
    # Half may be lost: 4 of 8 media lie below 0.6, the highest cutoff. Below it 0.1, 0.2, 0.3 and 0.5.
    counts = count_missed(SCORES, CODES, 0.5, by_media=True)
    assert counts.cutoffs.tolist() == [0.1, 0.2, 0.3, 0.5, 0.6]
    assert counts.missed.tolist() == [[0, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 1, 2]]
    assert counts.sizes.tolist() == [2, 2, 4]


def test_losses_of_locations_count_alike_where_their_mean_is_asked_for():
    # Below 0.5 half of the first and second and a quarter of the third: a mean of 0.417; below 0.6 it is 0.5.
    counts = count_missed(SCORES, CODES, 0.55, by_media=False)
    assert counts.cutoffs[-1] == 0.5
    assert (counts.missed[:, -1] / counts.sizes).mean() == pytest.approx(1.25 / 3)


def test_no_cutoff_is_tested_that_loses_more_than_is_tolerable():
    rng = np.random.default_rng(0)
    scores, codes = rng.random(5000).astype(np.float32), rng.integers(0, 60, 5000)
    counts = count_missed(scores, codes, 0.9, by_media=True)
    lost = counts.missed.sum(axis=0) / counts.sizes.sum()
    assert counts.cutoffs.size == 256
    assert lost[0] == 0.0
    assert 0.0995 < lost[-1] <= 0.1


def missed_counts(shares, size=200.0):
    return MissedCounts(
        np.array([0.5]), size * np.asarray(shares, float)[:, None], np.full(len(shares), size)
    )


def test_bounds_fall_as_locations_differ_more():
    alike, unlike = missed_counts([0.04] * 60), missed_counts([0.0, 0.08] * 30)
    single = missed_counts([0.04 * 60 / 2] * 2 + [0.0] * 58)
    bounds = [float(pooled_bounds(counts, 0.05)[0]) for counts in (alike, unlike, single)]
    assert 0.96 > bounds[0] > bounds[1] > bounds[2]


def test_locations_that_do_not_differ_are_worth_little_less_than_their_media():
    # 61 locations with the worst one twice, 12,200 media, 4 % missed, tested at a fifth of the error.
    bound = float(pooled_bounds(missed_counts([0.04] * 60), 0.05)[0])
    independent = beta.ppf(0.01, 12_200 * 0.96, 12_200 * 0.04 + 1)
    assert bound < independent
    assert bound == pytest.approx(independent, abs=5e-4)


def test_bounds_rise_with_the_number_of_locations():
    counts = missed_counts([0.0, 0.02, 0.1] * 7)
    bounds = [float(pooled_bounds(counts, 0.05, times=times)[0]) for times in (1.0, 2.0, 10.0)]
    assert bounds == sorted(bounds)


def test_bets_are_won_on_high_recalls_and_lost_on_low_ones():
    rng = np.random.default_rng(1)
    for mean_missed, wins in ((0.01, True), (0.2, False)):
        shares = rng.beta(1.0, 1.0 / mean_missed - 1.0, 300)
        assert bool(bets_win(missed_counts(shares), 0.9, 0.05)[0]) is wins


def test_bets_on_a_recall_that_is_just_missed_are_seldom_won():
    # Recalls of 0 and 1 with a mean of 0.9, which is not above 0.9: at most 5 % may win, ours less.
    rng = np.random.default_rng(2)
    won = sum(bool(bets_win(missed_counts(rng.random(100) < 0.1), 0.9, 0.05)[0]) for _ in range(400))
    assert won <= 0.05 * 400 + 9
