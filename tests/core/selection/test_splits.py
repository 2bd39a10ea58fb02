"""Training's splits share no location, spread the labels, and a leak is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.errors import TrainingError
from blanktrap.core.selection.splits import group_media, refuse_leak, split_by_location
from blanktrap.core.vocabulary import Split, SplitBy

SHARES = {Split.TRAIN: 0.7, Split.VAL: 0.2, Split.TEST: 0.1}


def test_media_without_location_stay_with_their_sequence() -> None:
    groups = group_media(
        ["A", None, None, None, None, "A"],
        ["s1", "s1", "s2", "s2", None, None],
        ["1", "2", "3", "4", "5", "6"],
    )
    assert groups == ["location:A", "location:A", "sequence:s2", "sequence:s2", "media:5", "location:A"]


def test_sequence_at_two_locations_ties_them() -> None:
    groups = group_media(["A", "B", "B", "C"], ["s1", "s1", None, None], list("1234"))
    assert groups == ["location:A", "location:A", "location:A", "location:C"]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("location", ["location:A", "location:A", "location:A", "location:A"]),
        # Media 3 has no deployment: it counts as one deployment of its location.
        ("deployment", ["deployment:d1", "deployment:d2", "location:A", "deployment:d2"]),
        ("sequence", ["media:1", "sequence:s1", "media:3", "sequence:s1"]),
        ("time", ["media:1", "sequence:s1", "media:3", "sequence:s1"]),
    ],
)
def test_what_stays_together_depends_on_what_splits_are_made_by(by: str, expected: list[str]) -> None:
    groups = group_media(
        ["A"] * 4,
        [None, "s1", None, "s1"],
        list("1234"),
        by=SplitBy(by),
        deployment_ids=["d1", "d2", None, "d2"],
    )
    assert groups == expected


@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=3, max_size=200),
    st.integers(0, 5),
)
def test_no_location_in_two_splits_and_none_is_empty(media: list[tuple[int, bool]], seed: int) -> None:
    groups = [f"location:{place}" for place, _ in media]
    labels = [label for _, label in media]
    splits = split_by_location(groups, labels, shares=SHARES, seed=seed)
    refuse_leak(groups, [None] * len(media), splits)
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
    nothing = [None, None, None]
    with pytest.raises(TrainingError, match="location 'B' is in the splits train and val"):
        refuse_leak(["A", "B", "B"], nothing, ["train", "train", "val"])
    refuse_leak(["A", "B", "B"], nothing, ["train", "val", None])


def test_a_leak_is_judged_by_what_the_splits_are_made_by() -> None:
    places, bursts, deployments = ["A", "A", "A"], ["s1", "s2", None], ["d1", "d2", "d2"]
    splits = ["train", "test", "test"]
    refuse_leak(places, bursts, splits, by=SplitBy.SEQUENCE)
    refuse_leak(places, bursts, splits, by=SplitBy.DEPLOYMENT, deployment_ids=deployments)
    with pytest.raises(TrainingError, match="location 'A' is in the splits train and test"):
        refuse_leak(places, bursts, splits)
    with pytest.raises(TrainingError, match="deployment 'd2' is in the splits test and train"):
        refuse_leak(
            places, bursts, ["train", "test", "train"], by=SplitBy.DEPLOYMENT, deployment_ids=deployments
        )


@pytest.mark.parametrize("by", list(SplitBy))
def test_frames_of_one_sequence_never_part(by: SplitBy) -> None:
    with pytest.raises(TrainingError, match="sequence 's' is in the splits train and test"):
        refuse_leak(["A", "B"], ["s", "s"], ["train", "test"], by=by, deployment_ids=["d1", "d2"])
