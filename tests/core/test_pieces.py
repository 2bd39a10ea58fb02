"""Cuts between pieces: what is read twice for them, and where they are made."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blanktrap.core.neighbours import NeighbourRule, neighbour_rows
from blanktrap.core.pieces import choose_cuts, cut_costs, rows_per_piece
from tests.core.place_rows import PlaceRow, place_rows

RULE = NeighbourRule(reach_rows=4, max_neighbours=5, num_of_sequence=2, window_hours=24.0)


def test_pieces_that_may_be_cut_anywhere_are_twenty_times_what_a_cut_costs() -> None:
    assert rows_per_piece(12) == 480
    assert rows_per_piece(0) == 0


def test_what_a_cut_costs_is_counted_by_hand() -> None:
    # Two places; in each, sequences of two frames, and no clock: frames of one sequence, then nearest rows.
    rule = NeighbourRule(reach_rows=1, max_neighbours=2)
    rows = place_rows([("a", "s", None), ("a", "s", None), ("a", "t", None), ("b", "u", None)])
    assert neighbour_rows(rows, rule) == [[1], [0, 2], [1], []]
    # Before row 1: row 1 is read for row 0, and row 0 for row 1. Before row 3 another place begins.
    assert cut_costs(rows, rule).tolist() == [0, 2, 2, 0]


@pytest.mark.parametrize("num_rows", [0, 1])
def test_nothing_to_cut_costs_nothing(num_rows: int) -> None:
    rows = place_rows([("a", "s", 0.0)])[:num_rows]
    assert cut_costs(rows, RULE).tolist() == [0] * num_rows
    assert choose_cuts(np.zeros(num_rows, int), most_rows=1, most_extra=9.0) == []


PLACES = st.sampled_from(["a", "a", "a", "b", None])
HOURS = st.one_of(st.none(), st.integers(0, 60).map(float))


@given(
    rows=st.lists(st.tuples(PLACES, st.sampled_from(["s", "t", None]), HOURS), min_size=2, max_size=60),
    most_rows=st.integers(1, 30),
    most_extra=st.floats(0.0, 40.0),
)
@settings(deadline=None, max_examples=80)
def test_no_more_is_read_twice_than_is_allowed(
    rows: list[PlaceRow], most_rows: int, most_extra: float
) -> None:
    ordered = sorted(rows, key=lambda row: (row[0] or "~", row[2] is None, row[2] or 0.0))
    table = place_rows(ordered)
    costs, neighbours = cut_costs(table, RULE), neighbour_rows(table, RULE)

    def read_twice(cuts: list[int]) -> int:
        ends = [0, *cuts, len(rows)]
        pieces = [set(range(*piece)) for piece in pairwise(ends)]
        return sum(len({one for row in piece for one in neighbours[row]} - piece) for piece in pieces)

    assert [read_twice([cut]) for cut in range(1, len(rows))] == costs[1:].tolist()
    cuts = choose_cuts(costs, most_rows=most_rows, most_extra=most_extra)
    assert cuts == sorted(set(cuts))
    assert all(0 < cut < len(rows) for cut in cuts)
    assert read_twice(cuts) <= costs[cuts].sum() <= most_extra


def test_borders_of_places_are_cut_first_and_the_rest_as_far_as_it_may() -> None:
    # Places of 200, 200 and 200 rows: a cut costs 24, and nothing between two places.
    costs = np.full(600, 24)
    costs[[200, 400]] = 0
    assert choose_cuts(costs, most_rows=32, most_extra=30.0) == [100, 200, 400]
    assert choose_cuts(costs, most_rows=32, most_extra=23.0) == [200, 400]
    assert choose_cuts(costs, most_rows=200, most_extra=1e9) == [200, 400]
    assert choose_cuts(costs, most_rows=600, most_extra=1e9) == []


def test_places_of_few_media_make_pieces_of_equal_size() -> None:
    costs = np.full(960, 20)
    costs[::10] = 0
    cuts = choose_cuts(costs, most_rows=32, most_extra=0.0)
    sizes = np.diff([0, *cuts, 960])
    assert sizes.max() <= 32
    assert sizes.min() >= 10
    # Without borders, the largest piece is halved.
    assert choose_cuts(np.ones(64, int), most_rows=16, most_extra=3.0) == [16, 32, 48]
