import numpy as np
import pytest

from blanktrap.core.errors import EvaluationError, IntervalError
from blanktrap.core.statistics.comparison import Discordance, compare_scorers
from blanktrap.core.statistics.metrics import area_under_roc, average_precision, confusion_counts


def draw(rng, num_locations=25, num_media=3000, gain=0.5):
    """Two scorers that find the same locations hard; the first tells the labels apart a little better."""
    codes = rng.integers(0, num_locations, num_media)
    labels = rng.random(num_media) < 0.4
    shifts = 1.5 * rng.standard_normal(num_locations)[codes]
    own = rng.standard_normal((2, num_media))
    side = np.where(labels, 1.0, -1.0)
    scores = [
        1 / (1 + np.exp(-(side * strength + shifts + noise)))
        for strength, noise in zip((1 + gain, 1), own, strict=True)
    ]
    return scores[0].astype(np.float32), scores[1].astype(np.float32), labels, codes


def test_a_hand_worked_table():
    #            nonblank            blank
    first = [0.9, 0.9, 0.2, 0.2, 0.9, 0.1, 0.1, 0.1]
    second = [0.8, 0.1, 0.8, 0.1, 0.8, 0.8, 0.1, 0.1]
    labels = [True] * 4 + [False] * 4
    found = compare_scorers(
        first, second, labels, ["a", "b"] * 4, first_cutoff=0.5, second_cutoff=0.5, num_resamples=50
    )
    assert found.nonblank == Discordance(
        kept_by_both=1, kept_by_first_only=1, kept_by_second_only=1, kept_by_neither=1
    )
    assert found.blank == Discordance(
        kept_by_both=1, kept_by_first_only=0, kept_by_second_only=1, kept_by_neither=2
    )
    expected = {
        "nonblank_recall": (2 / 4, 2 / 4),
        "blank_recall": (3 / 4, 2 / 4),
        "nonblank_precision": (2 / 3, 2 / 4),
        "kept_share": (3 / 8, 4 / 8),
    }
    for name, (one, other) in expected.items():
        figure = found.differences[name]
        assert (figure.first, figure.second) == pytest.approx((one, other))
        assert figure.difference == pytest.approx(one - other)
    assert (found.num_media, found.num_locations) == (8, 2)


def test_each_figure_is_the_scorers_own():
    first, second, labels, codes = draw(np.random.default_rng(0))
    found = compare_scorers(first, second, labels, codes, first_cutoff=0.3, second_cutoff=0.6).differences
    for place, (scores, cutoff) in enumerate(((first, 0.3), (second, 0.6))):
        counts = confusion_counts(scores, labels, cutoff)
        for name in ("nonblank_recall", "blank_recall", "nonblank_precision", "kept_share"):
            figure = found[name]
            assert (figure.first, figure.second)[place] == pytest.approx(getattr(counts, name))
        areas = {"area_under_roc": area_under_roc, "average_precision": average_precision}
        for name, area in areas.items():
            assert (found[name].first, found[name].second)[place] == pytest.approx(area(scores, labels))


def test_pairing_sees_what_two_separate_intervals_would_not():
    first, second, labels, codes = draw(np.random.default_rng(1))
    found = compare_scorers(first, second, labels, codes, first_cutoff=0.5, second_cutoff=0.5)
    roc = found.differences["area_under_roc"]
    assert roc.is_sure
    assert roc.interval.low < roc.difference < roc.interval.high
    # What locations do to both cancels out; two intervals on their own know nothing of that.
    resampled = np.random.default_rng(2)
    alone = []
    for scores in (first, second):
        values = []
        for _ in range(200):
            mine = np.concatenate([np.flatnonzero(codes == code) for code in resampled.integers(0, 25, 25)])
            values.append(area_under_roc(scores[mine], labels[mine]))
        alone.append(np.std(values))
    assert roc.interval.high - roc.interval.low < 0.8 * 4 * np.hypot(*alone)


def test_a_scorer_does_not_differ_from_itself():
    first, _, labels, codes = draw(np.random.default_rng(3))
    found = compare_scorers(first, first, labels, codes, first_cutoff=0.5, second_cutoff=0.5)
    for figure in found.differences.values():
        assert figure.difference == 0.0
        assert (figure.interval.low, figure.interval.high) == (0.0, 0.0)
        assert not figure.is_sure
    assert found.nonblank.kept_by_first_only == found.nonblank.kept_by_second_only == 0


def test_equally_good_scorers_are_rarely_called_different():
    # At 95 %, about 5 of 100 are; more than 12 would be four deviations off.
    called = 0
    for seed in range(100):
        first, second, labels, codes = draw(np.random.default_rng(100 + seed), num_media=800, gain=0.0)
        found = compare_scorers(
            first, second, labels, codes, first_cutoff=0.5, second_cutoff=0.5, num_resamples=200
        )
        called += found.differences["nonblank_recall"].is_sure
    assert called <= 12


def test_exchanging_the_scorers_turns_the_sign():
    first, second, labels, codes = draw(np.random.default_rng(4))
    one = compare_scorers(first, second, labels, codes, first_cutoff=0.4, second_cutoff=0.5).differences
    other = compare_scorers(second, first, labels, codes, first_cutoff=0.5, second_cutoff=0.4).differences
    for name, figure in one.items():
        assert figure.interval.low == pytest.approx(-other[name].interval.high)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(EvaluationError, match="do not match"):
        compare_scorers([0.1], [0.1, 0.2], [True], ["a"], first_cutoff=0.5, second_cutoff=0.5)
    with pytest.raises(EvaluationError, match="both labels"):
        compare_scorers([0.1], [0.1], [True], ["a"], first_cutoff=0.5, second_cutoff=0.5)
    with pytest.raises(IntervalError, match="at least 2 locations"):
        compare_scorers(
            [0.1, 0.2], [0.1, 0.2], [True, False], ["a", "a"], first_cutoff=0.5, second_cutoff=0.5
        )
    with pytest.raises(EvaluationError, match="outside"):
        compare_scorers(
            [0.1, 0.2], [0.1, 0.2], [True, False], ["a", "b"], first_cutoff=1.5, second_cutoff=0.5
        )
