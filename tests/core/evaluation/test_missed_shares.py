import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.evaluation.missed_shares import Factor, Fates, missed_shares
from blanktrap.core.statistics.intervals import clopper_pearson_interval, location_bootstrap, share_interval

# Two species over three locations, the third of which nobody knows. Media 5 shows both, 6 has no score.
#            0  1  2  3  4  5  6
LOCATION = [0, 0, 1, 1, 2, 0, 1]
MISSED = [1, 0, 1, 0, 0, 1, 0]
SCORED = [1, 1, 1, 1, 1, 1, 0]
FATES = Fates(
    is_scored=np.array(SCORED, bool),
    is_missed=np.array(MISSED, bool),
    location=np.array(LOCATION),
    is_known=np.array([True, True, False]),
)
SPECIES = Factor(
    name="species",
    values=("deer", "boar", "lynx"),
    codes=np.array([0, 0, 0, 1, 1, 0, 1, 0]),
    media=np.array([0, 1, 2, 3, 4, 5, 5, 6]),
    by_share=True,
)


def by_value(table):
    return {row["value"]: row for row in table.to_pylist()}


def test_a_hand_worked_table():
    rows = by_value(missed_shares(SPECIES, FATES, seed=0))
    # deer: media 0, 1, 2, 5, of which 0, 2 and 5 are missed; 6 was not scored. boar: 3, 4, 5; 5 is missed.
    assert (rows["deer"]["num_media"], rows["deer"]["num_missed"], rows["deer"]["missed_share"]) == (
        4,
        3,
        0.75,
    )
    assert (rows["deer"]["num_locations"], rows["deer"]["num_not_scored"]) == (2, 1)
    assert (rows["boar"]["num_media"], rows["boar"]["num_missed"]) == (3, 1)
    # boar was at locations 1, nowhere known, and 0.
    assert rows["boar"]["num_locations"] == 2
    assert rows["deer"]["is_thin"]
    # The largest share comes first, media without a score last; a species that nobody saw has no row.
    assert list(rows) == ["deer", "boar", "not scored"]


def test_media_without_a_score_are_never_missed_and_have_a_line_of_their_own():
    rows = by_value(missed_shares(SPECIES, FATES, seed=0))
    assert rows["not scored"]["num_not_scored"] == 1
    assert (rows["not scored"]["num_media"], rows["not scored"]["num_missed"]) == (0, 0)
    assert rows["not scored"]["missed_share"] is None


def test_intervals_draw_whole_locations_again():
    deer = by_value(missed_shares(SPECIES, FATES, seed=4))["deer"]
    # deer by location: missed 2, 1, 0 of 3, 1, 0.
    sums = location_bootstrap([[2, 3], [1, 1], [0, 0]], seed=4)
    with np.errstate(invalid="ignore"):
        expected = share_interval(0.75, sums[:, 0] / sums[:, 1], sizes=[3, 1, 0])
    assert (deer["interval_low"], deer["interval_high"]) == pytest.approx((expected.low, expected.high))
    assert deer["interval_by"] == "locations drawn again"


def test_media_of_one_location_have_no_interval():
    fates = Fates(
        is_scored=np.ones(4, bool),
        is_missed=np.array([1, 0, 0, 0], bool),
        location=np.array([0, 0, 1, 1]),
        is_known=np.ones(2, bool),
    )
    factor = Factor(name="hour", values=("noon", "dusk"), codes=np.array([0, 0, 0, 1]))
    rows = by_value(missed_shares(factor, fates, seed=0))
    assert rows["noon"]["interval_low"] is not None
    assert (rows["noon"]["num_locations"], rows["dusk"]["num_locations"]) == (2, 1)
    assert (rows["dusk"]["interval_low"], rows["dusk"]["interval_by"]) == (None, None)


def test_a_location_has_the_exact_interval_of_its_own_media():
    factor = Factor(name="location", values=("A", "B", "?"), codes=np.array(LOCATION), is_location=True)
    row = by_value(missed_shares(factor, FATES, seed=0))["A"]
    expected = clopper_pearson_interval(2, 3)
    assert (row["interval_low"], row["interval_high"]) == (expected.low, expected.high)
    assert row["interval_by"] == "Clopper-Pearson"


def test_shares_of_many_media_at_several_locations_are_not_thin():
    fates = Fates(
        is_scored=np.ones(60, bool),
        is_missed=np.zeros(60, bool),
        location=np.arange(60) % 3,
        is_known=np.ones(3, bool),
    )
    rows = missed_shares(Factor(name="x", values=("a", "b"), codes=np.arange(60) // 31), fates, seed=0)
    # 31 media are enough, 29 are not.
    assert rows["is_thin"].to_pylist() == [False, True]


media = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans(), st.booleans()), min_size=1, max_size=40
)


@given(media, st.randoms(use_true_random=False))
def test_counts_sum_to_all_media_and_their_order_never_matters(some, chance):
    def table(rows):
        value, location, scored, low = (np.array(column) for column in zip(*rows, strict=True))
        fates = Fates(
            is_scored=scored,
            is_missed=scored & low,
            location=location,
            is_known=np.array([True, True, False]),
        )
        return missed_shares(Factor(name="x", values=tuple("abcd"), codes=value), fates, seed=1)

    here, there = table(some), table(chance.sample(some, len(some)))
    assert here.equals(there)
    rows = by_value(here)
    failed = rows.pop("not scored", {"num_not_scored": 0})["num_not_scored"]
    assert failed == sum(row["num_not_scored"] for row in rows.values())
    assert sum(row["num_media"] for row in rows.values()) == len(some) - failed
    assert sum(row["num_missed"] for row in rows.values()) == sum(one[2] and one[3] for one in some)
    for row in rows.values():
        if row["interval_low"] is not None:
            assert 0 <= row["interval_low"] <= row["missed_share"] <= row["interval_high"] <= 1


def test_very_many_locations_need_no_square_of_their_number():
    num = 60_000  # the square of which is 27 GB of counts
    fates = Fates(
        is_scored=np.ones(num, bool),
        is_missed=np.arange(num) == 7,
        location=np.arange(num),
        is_known=np.arange(num) > 0,
    )
    factor = Factor(
        name="location", values=tuple(map(str, range(num))), codes=np.arange(num), is_location=True
    )
    table = missed_shares(factor, fates, seed=0)
    assert table.num_rows == num
    assert sum(table.column("num_missed").to_pylist()) == 1
    assert sum(table.column("num_locations").to_pylist()) == num - 1
