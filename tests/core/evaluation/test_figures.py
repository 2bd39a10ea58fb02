import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, fbeta_score, roc_auc_score

from blanktrap.core.evaluation.figures import curve_bands, extrapolated_figures, share_figures
from blanktrap.core.evaluation.measured import Measured
from blanktrap.core.statistics.extrapolation import extrapolate_counts
from blanktrap.core.statistics.metrics import ConfusionCounts, grid_cutoffs

# Rows: no known location, then locations. Columns: kept nonblank, missed nonblank, kept blank, removed blank.
COUNTS = np.array([[0, 0, 0, 0], [8, 2, 5, 15], [9, 1, 10, 20], [3, 7, 5, 5]])


def figures(counts, **changed):
    return share_figures(counts, **{"beta": 2.0, "seed": 0, "measured_on": "30 media", **changed})


def measured(p_nonblank, is_nonblank, location, names=(None, "L1", "L2", "L3")):
    location = np.asarray(location, np.int32)
    return Measured(
        p_nonblank=np.asarray(p_nonblank, np.float32),
        is_nonblank=np.asarray(is_nonblank, bool),
        location=location,
        is_night=np.zeros(location.size, bool),
        locations=tuple(names),
        not_scored=np.zeros((len(names), 2), np.int64),
    )


def drawn(seed=0, num_media=400, num_locations=3):
    generator = np.random.default_rng(seed)
    is_nonblank = generator.random(num_media) < 0.4
    # Few distinct scores, so that many tie.
    scores = np.round(np.clip(generator.normal(0.35 + 0.3 * is_nonblank, 0.2), 0, 1), 2)
    names = (None, *(f"L{at}" for at in range(1, num_locations + 1)))
    return measured(scores, is_nonblank, generator.integers(1, num_locations + 1, num_media), names)


def test_every_share_by_hand():
    found = figures(COUNTS)
    # Sums: 20 kept and 10 missed nonblank, 20 kept and 40 removed blank.
    assert found["nonblank_recall"].value == pytest.approx(20 / 30)
    assert found["nonblank_precision"].value == pytest.approx(20 / 40)
    assert found["blank_recall"].value == pytest.approx(40 / 60)
    assert found["kept_share"].value == pytest.approx(40 / 90)
    # F1 = 2·20 / (2·20 + 10 + 20); F2 = 5·20 / (5·20 + 4·10 + 20).
    assert found["f1"].value == pytest.approx(40 / 70)
    assert found["f_beta"].value == pytest.approx(100 / 160)
    assert [found[name].n for name in ("nonblank_recall", "nonblank_precision", "blank_recall")] == [
        30,
        40,
        60,
    ]
    assert found["f1"].n == 90
    assert {figure.num_locations for figure in found.values()} == {3}


def test_intervals_hold_their_value_and_come_from_locations():
    for figure in figures(COUNTS).values():
        low, high = figure.interval
        assert 0.0 <= low < figure.value < high <= 1.0
        assert figure.interval_by == "bootstrap of locations"


def test_locations_that_differ_widen_the_interval():
    alike = np.array([[0, 0, 0, 0], [20, 10, 5, 15], [20, 10, 5, 15], [20, 10, 5, 15], [20, 10, 5, 15]])
    unlike = np.array([[0, 0, 0, 0], [30, 0, 5, 15], [28, 2, 5, 15], [20, 10, 5, 15], [2, 28, 5, 15]])
    widths = [np.diff(figures(counts)["nonblank_recall"].interval)[0] for counts in (alike, unlike)]
    assert figures(alike)["nonblank_recall"].value == figures(unlike)["nonblank_recall"].value
    assert widths[1] > 1.5 * widths[0]


def test_one_location_has_figures_and_no_interval():
    found = figures(COUNTS[:2])
    assert found["nonblank_recall"].value == pytest.approx(0.8)
    assert all(figure.interval is None and figure.interval_by is None for figure in found.values())


def test_a_figure_whose_media_come_from_one_location_has_no_interval():
    # Blanks at one location only: recall has an interval, blank recall none.
    counts = np.array([[0, 0, 0, 0], [8, 2, 5, 15], [9, 1, 0, 0]])
    found = figures(counts)
    assert found["nonblank_recall"].interval is not None
    assert found["blank_recall"].interval is None
    assert found["blank_recall"].num_locations == 1


def test_nothing_kept_is_no_precision():
    found = figures(np.array([[0, 0, 0, 0], [0, 5, 0, 5], [0, 5, 0, 5]]))
    assert found["nonblank_precision"].value is None
    assert found["nonblank_precision"].interval is None
    assert found["nonblank_recall"].value == 0.0


def test_the_same_seed_gives_the_same_interval_and_another_seed_about_the_same():
    one, again, other = (figures(COUNTS, seed=seed)["nonblank_recall"].interval for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert one == pytest.approx(other, abs=0.05)


def test_media_of_no_known_location_are_one_group_and_no_location():
    counts = np.array([[5, 5, 5, 5], [8, 2, 5, 15]])
    found = figures(counts)
    assert found["nonblank_recall"].interval is not None
    assert found["nonblank_recall"].num_locations == 1


def test_extrapolated_figures_by_hand():
    found = extrapolated_figures(
        COUNTS, blank_rate=0.75, num_media=1200, images_per_hour=70, seed=0, measured_on="x"
    )
    # R = 2/3, S = 2/3. Of 1,200: 900 blank, 600 removed; 300 nonblank, 100 lost; kept 200 + 300.
    assert found["num_blanks_removed"].value == pytest.approx(600)
    assert found["num_nonblank_lost"].value == pytest.approx(100)
    assert found["kept_share"].value == pytest.approx(500 / 1200)
    assert found["nonblank_precision"].value == pytest.approx(200 / 500)
    low, high = found["num_nonblank_lost"].interval
    recall = found["nonblank_recall"].interval
    assert (low, high) == pytest.approx((300 * (1 - recall[1]), 300 * (1 - recall[0])))
    # 600 and 100 are not looked at: 700, and at 70 an hour 10 hours; the fewer are kept, the more.
    assert found["num_not_looked_at"].value == pytest.approx(700)
    assert found["hours_not_looking"].value == pytest.approx(10)
    kept = found["kept_share"].interval
    assert found["hours_not_looking"].interval == pytest.approx(
        (1200 * (1 - kept[1]) / 70, 1200 * (1 - kept[0]) / 70)
    )


@pytest.mark.parametrize(("blank_rate", "precision", "kept"), [(0.0, 1.0, 2 / 3), (1.0, 0.0, 1 / 3)])
def test_archives_of_one_kind_only(blank_rate, precision, kept):
    found = extrapolated_figures(
        COUNTS, blank_rate=blank_rate, num_media=100, images_per_hour=1, seed=0, measured_on="x"
    )
    assert found["nonblank_precision"].value == pytest.approx(precision)
    assert found["kept_share"].value == pytest.approx(kept)


@given(st.lists(st.integers(1, 50), min_size=4, max_size=4), st.floats(0.01, 0.99))
def test_extrapolated_figures_are_those_of_the_expected_counts(nums, blank_rate):
    counts = np.array([[0, 0, 0, 0], nums])
    measured_counts = ConfusionCounts(
        kept_nonblank=nums[0], missed_nonblank=nums[1], kept_blank=nums[2], removed_blank=nums[3]
    )
    there = extrapolate_counts(measured_counts, blank_rate=blank_rate, num_media=1.0)
    found = extrapolated_figures(
        counts, blank_rate=blank_rate, num_media=1.0, images_per_hour=1, seed=0, measured_on="x"
    )
    assert found["nonblank_precision"].value == pytest.approx(there.nonblank_precision)
    assert found["kept_share"].value == pytest.approx(there.kept_share)


def test_f_beta_is_that_of_scikit_learn():
    labelled = drawn(3)
    kept = labelled.p_nonblank >= np.float32(0.4)
    for beta in (0.5, 1.0, 2.0):
        found = figures(labelled.counts_at(0.4), beta=beta)["f_beta"].value
        assert found == pytest.approx(fbeta_score(labelled.is_nonblank, kept, beta=beta))


def test_areas_are_those_of_scikit_learn_and_have_intervals():
    labelled = drawn(4)
    bands = curve_bands(labelled, seed=0, measured_on="x")
    areas = {name: figure.value for name, figure in bands.areas.items()}
    assert areas["area_under_roc"] == pytest.approx(roc_auc_score(labelled.is_nonblank, labelled.p_nonblank))
    assert areas["average_precision"] == pytest.approx(
        average_precision_score(labelled.is_nonblank, labelled.p_nonblank)
    )
    for figure in bands.areas.values():
        assert figure.interval[0] < figure.value < figure.interval[1]


def test_bands_lie_around_the_curve_and_follow_it_down():
    labelled = drawn(5)
    bands = curve_bands(labelled, seed=0, measured_on="x")
    recall = labelled.ranked.curve_at(grid_cutoffs()).recall
    assert bands.cutoffs.size == 1001
    assert (bands.bounds["nonblank_recall_low"] <= recall).all()
    assert (bands.bounds["nonblank_recall_high"] >= recall).all()


def test_one_location_has_a_curve_without_bands():
    labelled = drawn(6, num_locations=1)
    bands = curve_bands(labelled, seed=0, measured_on="x")
    assert np.isnan(bands.bounds["nonblank_recall_low"]).all()
    assert bands.areas["area_under_roc"].interval is None
    assert bands.areas["area_under_roc"].value is not None


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.25, 0.4, 1.0]))
def test_the_order_of_media_changes_no_count(seed, cutoff):
    one = drawn(seed, num_media=60)
    order = np.random.default_rng(seed).permutation(60)
    other = measured(one.p_nonblank[order], one.is_nonblank[order], one.location[order])
    assert np.array_equal(one.counts_at(cutoff), other.counts_at(cutoff))
    for mine, theirs in zip(one.counts_on_grid(), other.counts_on_grid(), strict=True):
        assert np.array_equal(mine, theirs)


def test_counts_on_the_grid_are_those_at_each_cutoff():
    labelled = drawn(8)
    cutoffs, nonblank, blank = labelled.counts_on_grid()
    for place in (0, 1, 400, 401, 999, 1000):
        counts = labelled.counts_at(cutoffs[place])
        assert nonblank[:, place].tolist() == counts[:, 0].tolist()
        assert blank[:, place].tolist() == counts[:, 2].tolist()


def test_very_many_locations_take_a_coarser_grid_and_no_more_memory():
    num = 60_000
    names = (None, *(str(at) for at in range(num)))
    labelled = measured(np.linspace(0, 1, num), np.arange(num) % 2, np.arange(1, num + 1), names)
    cutoffs, nonblank, _ = labelled.counts_on_grid()
    assert cutoffs.size < 1001
    assert nonblank.size <= 2**24
    assert set(cutoffs) <= set(grid_cutoffs())
