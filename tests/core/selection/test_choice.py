"""The choice is balanced, spread, repeats nothing and says what it cannot do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.selection.choice import (
    PlaceRule,
    cap_places,
    choose_media,
    first_frames,
    share_budget,
    spread_rounds,
    worthy_places,
)


def test_first_frame_is_the_lowest_number_then_the_earliest() -> None:
    #            frames 1 and 0; no numbers, so by time; alone; alone
    sequences = np.array([4, 4, 7, 7, -1, -1])
    frames = np.array([1, 0, -1, -1, 3, 3])
    times = np.array([0, 5, 9, 8, 0, 0])
    assert first_frames(sequences, frames, times).tolist() == [False, True, False, True, True, True]


def test_places_need_both_labels_and_species() -> None:
    # Place 0: 2 blank, 2 nonblank, 2 species; place 1: 1 blank, 3 nonblank, 3 species; one media nowhere.
    places = np.array([0, 0, 0, 0, 1, 1, 1, 1, -1])
    is_nonblank = np.array([0, 0, 1, 1, 0, 1, 1, 1, 1], dtype=bool)
    pairs = {"species_media": np.array([2, 3, 5, 6, 7, 8]), "species": np.array([0, 1, 0, 1, 2, 3])}
    found = worthy_places(
        places, is_nonblank, **pairs, rule=PlaceRule(min_blank=2, min_nonblank=2, min_species=2)
    )
    assert found.is_worthy.tolist() == [True] * 4 + [False] * 5
    assert (found.num_places, found.num_worthy, found.most_species) == (2, 1, 2)
    none = worthy_places(
        places, is_nonblank, **pairs, rule=PlaceRule(min_blank=1, min_nonblank=1, min_species=4)
    )
    assert (none.num_worthy, none.most_species, none.most_blank, none.most_nonblank) == (0, 3, 2, 3)


def test_rounds_go_over_places_then_kinds_then_sequences() -> None:
    # One place with three hares of one sequence and one badger: the badger comes among the first two.
    places, kinds = np.zeros(4, dtype=int), np.array([0, 0, 0, 1])
    sequences = np.array([5, 5, 5, 6])
    for seed in range(10):
        rounds = spread_rounds(places, kinds, sequences, chance=np.random.default_rng(seed))
        assert sorted(rounds.tolist()) == [0, 1, 2, 3]
        assert rounds[3] <= 1
    # Two places of 90 and 10: the first 20 chosen are ten of each.
    places = np.repeat([0, 1], [90, 10])
    alone = np.full(100, -1)
    rounds = spread_rounds(places, np.zeros(100, dtype=int), alone, chance=np.random.default_rng(0))
    chosen = choose_media(
        rounds, np.ones(100, dtype=bool), num_blank=0, num_nonblank=20, chance=np.random.default_rng(0)
    )
    assert np.bincount(places[chosen]).tolist() == [10, 10]


@given(
    st.lists(st.tuples(st.integers(-1, 4), st.booleans()), min_size=1, max_size=120),
    st.integers(2, 9),
    st.booleans(),
)
def test_no_place_gives_more_than_the_cap(media: list[tuple[int, bool]], cap: int, balance: bool) -> None:
    _, places = np.unique([place for place, _ in media], return_inverse=True)
    places = places - (min(place for place, _ in media) == -1)
    labels = np.array([label for _, label in media])
    rounds = np.empty(len(media), dtype=int)
    for label in (False, True):
        at = np.flatnonzero(labels == label)
        rounds[at] = spread_rounds(
            places[at], np.zeros(at.size), np.full(at.size, -1), chance=np.random.default_rng(0)
        )
    within = cap_places(rounds, places, labels, max_per_place=cap, balance=balance)
    counts = np.bincount(places + 1)
    left = np.bincount(places[within] + 1, minlength=counts.size)
    assert (left <= cap).all()
    if not balance:
        assert (left == np.minimum(counts, cap)).all()


@pytest.mark.parametrize(
    ("budget", "capacities", "expected"),
    [
        (3200, [9000, 9000], [2400, 800]),  # three quarters and a quarter
        (3200, [9000, 100], [3100, 100]),  # what val cannot take goes to train
        (3200, [200, 100], [200, 100]),  # all there is
        (7, [10, 10], [4, 2]),  # pairs only
        (4, [10, 10], [2, 2]),  # none goes without
    ],
)
def test_budget_is_shared_in_pairs(budget: int, capacities: list[int], expected: list[int]) -> None:
    assert share_budget(budget, np.array([0.6, 0.2]), np.array(capacities), step=2).tolist() == expected


@given(
    st.integers(0, 500),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 200)), min_size=1, max_size=3),
)
def test_budget_is_met_or_all_is_taken(budget: int, parts: list[tuple[float, int]]) -> None:
    weights = np.array([weight for weight, _ in parts])
    capacities = np.array([capacity for _, capacity in parts])
    shared = share_budget(budget, weights, capacities, step=1)
    assert (shared <= capacities).all()
    assert shared.sum() == min(budget, capacities.sum())
