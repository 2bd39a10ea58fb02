"""Close pictures are found across groups, and only there."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.selection.image_hashes import GRID, find_close_pairs, hash_picture


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, GRID)


def test_hash_has_a_bit_for_each_brighter_neighbour_and_flat_pictures_have_none() -> None:
    rising = np.tile(np.arange(9) * 20.0, (8, 1))
    assert hash_picture(rising) == 2**64 - 1
    assert hash_picture(rising[:, ::-1]) == 0
    assert hash_picture(np.full(GRID, 7.0)) is None
    # Twice as bright is the same picture.
    assert hash_picture(picture(0) / 2) == hash_picture(picture(0))


def test_pairs_within_a_split_and_pictures_alike_by_chance_are_none() -> None:
    pictures = np.stack([picture(0), picture(0) / 2 + 3, picture(0), picture(1)])
    hashes = np.array([hash_picture(one) for one in pictures], dtype=np.uint64)
    hashes[3] = hashes[0]  # close hashes of different pictures
    splits = np.array([0, 1, 0, 1])
    found = find_close_pairs(hashes, pictures, splits, max_distance=4, min_correlation=0.97)
    assert {frozenset(pair) for pair in zip(found.left.tolist(), found.right.tolist(), strict=True)} == {
        frozenset({0, 1}),
        frozenset({1, 2}),
    }
    assert found.num_pairs == 2


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2)), max_size=12), st.integers(0, 2**32))
def test_no_close_pair_is_missed(media: list[tuple[int, int]], flips: int) -> None:
    # Each hash has a companion in the next group that differs in a few bits.
    media = [
        one
        for number, group in media
        for one in ((number, group), (number ^ (1 << flips % 64) ^ 1, group + 1))
    ]
    hashes = np.array([number for number, _ in media], dtype=np.uint64)
    groups = np.array([group for _, group in media], dtype=np.int64)
    same = np.tile(picture(0), (len(media), 1, 1))
    found = find_close_pairs(hashes, same, groups, max_distance=4, min_correlation=0.97)
    expected = sum(
        groups[one] != groups[other] and (int(hashes[one]) ^ int(hashes[other])).bit_count() <= 4
        for one in range(len(media))
        for other in range(one)
    )
    assert found.num_pairs == expected
