"""What shares an id stays together; what shares none may part."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.selection.groups import dense_codes, find_cut, join_groups

CODES = st.lists(st.tuples(st.integers(-1, 8), st.integers(-1, 12)), max_size=60)


def groups_of(pairs: list[tuple[int, int]]) -> list[int]:
    places, sequences = (np.array([pair[at] for pair in pairs], dtype=np.int32) for at in (0, 1))
    return join_groups(places, sequences).tolist()


def test_media_of_one_place_or_one_sequence_are_one_group() -> None:
    # Place 1 with sequence 10; the second frame of 10 has no place; two lone media; place 2.
    groups = groups_of([(1, 10), (-1, 10), (-1, -1), (-1, -1), (2, 11), (1, -1), (2, -1)])
    assert groups[0] == groups[1] == groups[5]
    assert groups[4] == groups[6]
    assert len({groups[0], groups[2], groups[3], groups[4]}) == 4


def test_sequence_at_two_places_ties_them_and_all_that_hangs_on_them() -> None:
    # 7 lies at places 1 and 2, 8 at places 2 and 3: one group of three places.
    groups = groups_of([(1, 7), (2, 7), (2, 8), (3, 8), (4, 9)])
    assert len(set(groups[:4])) == 1
    assert groups[4] != groups[0]


def test_long_chain_is_one_group() -> None:
    # Place i and place i + 1 share sequence i, in an order that helps nobody.
    order = np.random.default_rng(0).permutation(5000)
    pairs = [(int(place), int(place) - step) for place in order for step in (0, 1)]
    assert set(groups_of([pair for pair in pairs if pair[1] >= 0])) == {0}


@given(CODES)
def test_groups_are_the_connected_sets(pairs: list[tuple[int, int]]) -> None:
    groups = groups_of(pairs)
    # The plain definition: merge sets until no two share a place or a sequence.
    sets: list[set[int]] = []
    for index, (place, sequence) in enumerate(pairs):
        touching = [
            one
            for one in sets
            if any(
                (place != -1 and pairs[other][0] == place) or (sequence != -1 and pairs[other][1] == sequence)
                for other in one
            )
        ]
        sets = [one for one in sets if one not in touching] + [{index}.union(*touching)]
    assert sorted(map(sorted, sets)) == sorted(
        [index for index, group in enumerate(groups) if group == wanted] for wanted in set(groups)
    )
    assert sorted(set(groups)) == list(range(len(set(groups))))


def test_codes_are_numbered_without_gaps_and_none_stays_none() -> None:
    numbers, count = dense_codes(np.array([40, -1, 7, 40], dtype=np.int32))
    assert numbers.tolist() == [1, -1, 0, 1]
    assert count == 2


def test_cut_is_found_and_media_in_no_split_cut_nothing() -> None:
    codes = np.array([5, 6, 5, 6, -1, -1])
    assert find_cut(codes, np.array([0, 1, 0, 1, 0, 1])) is None
    assert find_cut(codes, np.array([0, 1, 2, -1, 0, 1])) == (0, 2)
    assert find_cut(codes, np.array([0, 1, -1, 1, 0, 1])) is None
