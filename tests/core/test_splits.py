"""Splits share no location, spread the labels, and refuse a leak."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.errors import TrainingError
from blanktrap.core.splits import group_media, refuse_leak, split_by_location
from blanktrap.core.vocabulary import Split

SHARES = {Split.TRAIN: 0.7, Split.VAL: 0.2, Split.TEST: 0.1}


def test_media_without_location_stay_with_their_sequence() -> None:
    groups = group_media(
        ["A", None, None, None, None, "A"],
        ["s1", "s1", "s2", "s2", None, None],
        ["1", "2", "3", "4", "5", "6"],
    )
    assert groups == ["location:A", "location:A", "sequence:s2", "sequence:s2", "media:5", "location:A"]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=3, max_size=200),
    st.integers(0, 5),
)
def test_no_location_in_two_splits_and_none_is_empty(media: list[tuple[int, bool]], seed: int) -> None:
    groups = [f"location:{place}" for place, _ in media]
    labels = [label for _, label in media]
    splits = split_by_location(groups, labels, shares=SHARES, seed=seed)
    refuse_leak(groups, splits)
    assert len(splits) == len(media)
    assert len(set(splits)) == min(3, len(set(groups)))
    assert splits == split_by_location(groups, labels, shares=SHARES, seed=seed)


def test_labels_are_spread_about_evenly() -> None:
    # 40 places of 5 to 60 media, blank shares from 10 to 90 %.
    chance = np.random.default_rng(0)
    groups, labels = [], []
    for place in range(40):
        count = int(chance.integers(5, 61))
        groups += [f"location:{place}"] * count
        labels += list(chance.random(count) < chance.uniform(0.1, 0.9))
    splits = np.array(split_by_location(groups, labels, shares=SHARES, seed=0))
    for split, share in SHARES.items():
        chosen = splits == split
        assert chosen.mean() == pytest.approx(share, abs=0.03)
        assert np.mean(np.array(labels)[chosen]) == pytest.approx(np.mean(labels), abs=0.05)


def test_the_seed_decides_among_equals() -> None:
    groups = [f"location:{place}" for place in range(20)]
    found = {tuple(split_by_location(groups, [True] * 20, shares=SHARES, seed=seed)) for seed in range(5)}
    assert len(found) > 1


def test_a_leak_is_named() -> None:
    with pytest.raises(TrainingError, match="location 'B' is in the splits train and val"):
        refuse_leak(["location:A", "location:B", "location:B"], ["train", "train", "val"])
    refuse_leak(["location:A", "location:B", "location:B"], ["train", "val", None])
