import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blanktrap.core.errors import EvaluationError, IntervalError
from blanktrap.core.statistics.location_histograms import (
    LocationHistograms,
    area_intervals,
    areas_of_histograms,
    histogram_by_location,
)
from blanktrap.core.statistics.metrics import area_under_roc, average_precision, grid_cutoffs, rank_scores

# Scores on the grid itself, so that each bin holds one score and histograms lose nothing.
on_grid = st.integers(0, 1000).map(lambda step: step / 1000)
anywhere = st.floats(min_value=0.0, max_value=1.0, width=32)


def rows_of(scores):
    return st.lists(st.tuples(scores, st.booleans(), st.integers(0, 4)), min_size=2, max_size=60).filter(
        lambda rows: len({row[1] for row in rows}) == 2
    )


def arrays(rows):
    return [np.array(column) for column in zip(*rows, strict=True)]


def draw(rng, num_locations=30, num_media=4000):
    codes = rng.integers(0, num_locations, num_media)
    labels = rng.random(num_media) < 0.4
    shifts = rng.standard_normal(num_locations)
    logits = np.where(labels, 1.5, -1.5) + shifts[codes] + rng.standard_normal(num_media)
    return (1 / (1 + np.exp(-logits))).astype(np.float32), labels, codes


def test_a_score_falls_into_the_bin_that_its_cutoff_opens():
    scores = np.array([0.0, 0.7, 0.7004, 0.9999, 1.0], np.float32)
    histograms = histogram_by_location(scores, [True, True, True, False, False], ["a", "a", "b", "b", "b"])
    assert np.argwhere(histograms.nonblank).tolist() == [[0, 0], [0, 700], [1, 700]]
    assert np.argwhere(histograms.blank).tolist() == [[1, 999], [1, 1000]]


@given(rows_of(anywhere))
@settings(max_examples=50, deadline=None)
def test_counts_at_the_grids_cutoffs_are_exact(rows):
    scores, labels, codes = arrays(rows)
    scores = scores.astype(np.float32)
    histograms = histogram_by_location(scores, labels, codes)
    curve = rank_scores(scores, labels).curve_at(grid_cutoffs())
    assert (histograms.nonblank.sum(axis=0)[::-1].cumsum()[::-1] == curve.kept_nonblank).all()
    assert (histograms.blank.sum(axis=0)[::-1].cumsum()[::-1] == curve.kept_blank).all()


@given(rows_of(on_grid))
@settings(max_examples=100, deadline=None)
def test_areas_of_scores_on_the_grid_are_exact(rows):
    scores, labels, codes = arrays(rows)
    histograms = histogram_by_location(scores, labels, codes)
    roc, average = areas_of_histograms(histograms.nonblank.sum(axis=0), histograms.blank.sum(axis=0))
    assert float(roc) == pytest.approx(area_under_roc(scores, labels))
    assert float(average) == pytest.approx(average_precision(scores, labels))


def test_many_histograms_at_once_give_what_each_alone_gives():
    rng = np.random.default_rng(0)
    nonblank, blank = rng.integers(0, 4, (2, 5, 20))
    blank[3] = 0
    roc, average = areas_of_histograms(nonblank, blank)
    for place in range(5):
        alone = areas_of_histograms(nonblank[place], blank[place])
        assert [roc[place], average[place]] == pytest.approx([float(one) for one in alone], nan_ok=True)
    assert np.isnan(roc[3])
    assert np.isnan(average[3])


def test_binned_areas_stay_within_the_error_that_is_stated():
    scores, labels, codes = draw(np.random.default_rng(1))
    histograms = histogram_by_location(scores, labels, codes)
    exact = area_under_roc(scores, labels)
    found = area_intervals(
        histograms, area_under_roc=exact, average_precision=average_precision(scores, labels)
    )
    roc, _ = areas_of_histograms(histograms.nonblank.sum(axis=0), histograms.blank.sum(axis=0))
    assert 0.0 < abs(float(roc) - exact) <= found.largest_roc_error < 0.002


def test_intervals_of_areas_equal_those_of_resampled_scores():
    scores, labels, codes = draw(np.random.default_rng(2))
    roc, average = area_under_roc(scores, labels), average_precision(scores, labels)
    found = area_intervals(
        histogram_by_location(scores, labels, codes), area_under_roc=roc, average_precision=average
    )
    rng = np.random.default_rng(3)
    parts = [np.flatnonzero(codes == code) for code in range(30)]
    resampled = []
    for _ in range(400):
        mine = np.concatenate([parts[place] for place in rng.integers(0, 30, 30)])
        resampled.append(
            (area_under_roc(scores[mine], labels[mine]), average_precision(scores[mine], labels[mine]))
        )
    # Two deviations, a little more for 29 degrees of freedom.
    for interval, estimate, values in zip(
        (found.area_under_roc, found.average_precision),
        (roc, average),
        zip(*resampled, strict=True),
        strict=True,
    ):
        assert interval.high - interval.low == pytest.approx(4.2 * np.std(values), rel=0.15)
        assert interval.low < estimate < interval.high


def test_bins_are_merged_where_locations_are_many(monkeypatch):
    scores, labels, codes = draw(np.random.default_rng(4))
    histograms = histogram_by_location(scores, labels, codes)
    areas = {"area_under_roc": 0.8, "average_precision": 0.8}
    fine = area_intervals(histograms, **areas)
    monkeypatch.setattr("blanktrap.core.statistics.location_histograms._MOST_CELLS", 30 * 200)
    coarse = area_intervals(histograms, **areas)
    assert fine.largest_roc_error < coarse.largest_roc_error < 0.01
    assert coarse.area_under_roc.low == pytest.approx(fine.area_under_roc.low, abs=0.01)


def test_one_location_is_refused():
    histograms = histogram_by_location([0.1, 0.9], [False, True], ["a", "a"])
    with pytest.raises(IntervalError, match="at least 2 locations"):
        area_intervals(histograms, area_under_roc=1.0, average_precision=1.0)


def test_labels_at_one_location_only_are_refused():
    counts = np.zeros((3, 1001), int)
    counts[0, 5] = 7
    histograms = LocationHistograms(nonblank=counts, blank=np.ones((3, 1001), int))
    with pytest.raises(IntervalError, match="at least 2 locations, there is 1"):
        area_intervals(histograms, area_under_roc=0.5, average_precision=0.5)


def test_shapes_that_differ_are_refused():
    with pytest.raises(EvaluationError, match="do not match"):
        histogram_by_location([0.1, 0.9], [True, False], ["a"])
