"""Which media are neighbours: of one place, near in time, and the same however a manifest is cut."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blanktrap.core.neighbours import NeighbourRule, choose_neighbours, rule_of
from tests.core.place_rows import PlaceRow, place_rows

RULE = NeighbourRule(reach_rows=4, max_neighbours=5, num_of_sequence=2, window_hours=24.0)


def chosen(rows: pa.Table, row: int, rule: NeighbourRule = RULE) -> list[int]:
    offsets = choose_neighbours(rows, rule)[row]
    assert not offsets[np.argmax(offsets == 0) :].any() or (offsets != 0).all()  # no gaps
    return [row + offset for offset in offsets.tolist() if offset]


def test_its_own_sequence_first_but_only_its_share() -> None:
    rows = place_rows(
        [("a", "s", 0), ("a", "s", 0), ("a", "s", 0), ("a", "s", 0), ("a", "t", 5), ("a", "u", 6)]
    )
    # Of row 1 rows 0 and 2 of the burst, then row 4, five hours later; row 5 at six; then the burst's rest.
    assert chosen(rows, 1) == [0, 2, 4, 5, 3]


def test_nearest_in_time_before_nearest_in_rows() -> None:
    rows = place_rows([("a", None, 0), ("a", None, 7), ("a", None, 8), ("a", None, 8.5), ("a", None, 9)])
    assert chosen(rows, 2) == [3, 1, 4, 0]
    assert chosen(rows, 1) == [2, 3, 4, 0]


def test_other_places_deployments_and_far_times_are_no_neighbours() -> None:
    rows = place_rows([("a", None, 0), ("a", None, 25), ("b", None, 25), (None, None, 25), (None, "s", 25)])
    assert [chosen(rows, row) for row in range(5)] == [[]] * 5
    two = pa.concat_tables([place_rows([("a", None, 0)], "one"), place_rows([("a", None, 0)], "two")])
    assert chosen(two, 0) == []


def test_an_unknown_location_has_its_own_sequence_alone() -> None:
    rows = place_rows([(None, "s", 0), (None, "s", 0), (None, "t", 0), (None, None, 0)])
    assert [chosen(rows, row) for row in range(4)] == [[1], [0], [], []]


def test_without_clocks_the_nearest_rows_count() -> None:
    rows = place_rows([("a", None, None)] * 4 + [("a", None, 3.0)])
    assert chosen(rows, 2) == [1, 3, 0, 4]
    # One clock among many that are missing is not compared with them.
    assert chosen(rows, 4) == [3, 2, 1, 0]


def test_of_the_sequence_alone_where_that_is_asked() -> None:
    rule = rule_of("sequence")
    assert rule is not None
    rows = place_rows([("a", "s", 0), ("a", "s", 0), ("a", "t", 0)])
    assert [chosen(rows, row, rule) for row in range(3)] == [[1], [0], []]
    assert rule_of("none") is None


def test_absurd_clocks_overflow_nothing() -> None:
    rows = place_rows([("a", None, 0), ("a", None, 1)])
    extreme = pa.array([-(1 << 62), 1 << 62], pa.int64()).cast(pa.timestamp("ms"))
    rows = rows.set_column(3, "timestamp", extreme)
    assert [chosen(rows, row) for row in range(2)] == [[], []]


@pytest.mark.parametrize("num_rows", [0, 1])
def test_a_media_alone_has_none(num_rows: int) -> None:
    rows = place_rows([("a", "s", 0.0)])[:num_rows]
    assert choose_neighbours(rows, RULE).tolist() == [[0] * 5] * num_rows


PLACES = st.sampled_from(["a", "a", "a", "b", None])
SEQUENCES = st.sampled_from(["s", "t", "u", None])
HOURS = st.one_of(st.none(), st.integers(0, 60).map(float))


@given(
    rows=st.lists(st.tuples(PLACES, SEQUENCES, HOURS), min_size=1, max_size=40),
    size=st.integers(1, 40),
)
@settings(deadline=None, max_examples=60)
def test_neighbours_do_not_depend_on_where_a_manifest_is_cut(rows: list[PlaceRow], size: int) -> None:
    ordered = sorted(rows, key=lambda row: (row[0] or "~", row[2] is None, row[2] or 0.0))
    whole = place_rows(ordered)
    expected = choose_neighbours(whole, RULE)
    for start in range(0, len(rows), size):
        first, stop = max(0, start - RULE.reach_rows), min(start + size, len(rows))
        with_halo = whole.slice(first, min(len(rows), stop + RULE.reach_rows) - first)
        found = choose_neighbours(with_halo, RULE)[start - first : stop - first]
        assert np.array_equal(found, expected[start:stop])
    assert (np.abs(expected) <= RULE.reach_rows).all()
    for row, offsets in enumerate(expected.tolist()):
        beside = [row + offset for offset in offsets if offset]
        assert row not in beside
        assert len(set(beside)) == len(beside)
        assert all(ordered[other][0] == ordered[row][0] for other in beside)
