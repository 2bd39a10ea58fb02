"""The deal spreads every stratum, keeps to the shares, and is even enough against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from blanktrap.core.selection.dealing import FREE, count_strata, deal_groups

SHARES = np.array([0.6, 0.2, 0.2])


def test_strata_are_counted_by_group() -> None:
    strata = count_strata(
        np.array([0, 0, 1, 1, 1]),
        [(np.array([True, False, True, True, False]), 1.0), (np.array([1, 4, 4]), 0.5)],
    )
    # Group 0: one of stratum 0, one of stratum 1; group 1: two of each (media 4 twice).
    assert strata.starts.tolist() == [0, 2, 4]
    assert strata.strata.tolist() == [0, 1, 0, 1]
    assert strata.counts.tolist() == [1, 1, 2, 2]
    assert strata.sizes.tolist() == [2, 3]


def test_deal_reaches_the_shares_where_they_can_be_reached() -> None:
    # Ten media in groups of 6, 2, 2: only one deal gives 60, 20 and 20 %.
    groups = np.repeat([0, 1, 2], [2, 6, 2])
    strata = count_strata(groups, [(np.ones(10, dtype=bool), 1.0)])
    splits = deal_groups(strata, SHARES, seed=0)
    assert splits[1] == 0
    assert sorted(splits.tolist()) == [0, 1, 2]


def test_every_stratum_is_spread_though_they_overlap() -> None:
    # 60 groups of 30 media; labels, nights and a species differ from group to group.
    chance = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 30)
    columns = [chance.random(1800) < chance.uniform(0.1, 0.9, 60)[groups] for _ in range(3)]
    strata = count_strata(groups, [(column, 1.0) for column in columns])
    splits = deal_groups(strata, SHARES, seed=0)[groups]
    for column in columns:
        for split, share in enumerate(SHARES):
            assert np.mean(splits[column] == split) == pytest.approx(share, abs=0.02)


@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=150),
    st.lists(st.integers(0, 4), min_size=2, max_size=5).filter(any),
    st.integers(0, 3),
)
def test_no_wanted_split_is_empty_and_no_unwanted_one_is_used(
    media: list[tuple[int, bool]], parts: list[int], seed: int
) -> None:
    shares = np.array(parts) / sum(parts)
    _, groups = np.unique([place for place, _ in media], return_inverse=True)
    labels = np.array([label for _, label in media])
    splits = deal_groups(count_strata(groups, [(~labels, 1.0), (labels, 1.0)]), shares, seed=seed)
    wanted = set(np.flatnonzero(shares).tolist())
    assert set(splits.tolist()) <= wanted
    assert len(set(splits.tolist())) == min(len(wanted), groups.max() + 1)


def test_thousands_of_groups_alike_are_dealt_by_share_and_by_seed() -> None:
    # 100,000 sequences of three alike media in two kinds: the bulk of the deal.
    groups = np.repeat(np.arange(100_000), 3)
    night = groups % 5 == 0
    strata = count_strata(groups, [(night, 1.0), (~night, 1.0)])
    splits = deal_groups(strata, SHARES, seed=0)
    for kind in (True, False):
        found = np.bincount(splits[(np.arange(100_000) % 5 == 0) == kind])
        assert found / found.sum() == pytest.approx(SHARES, abs=1e-4)
    assert np.array_equal(splits, deal_groups(strata, SHARES, seed=0))
    other = deal_groups(strata, SHARES, seed=1)
    # Dealt anew: two deals agree where chance does, 0.6^2 + 0.2^2 + 0.2^2 = 44 %.
    assert np.mean(other == splits) == pytest.approx(0.44, abs=0.02)


def test_assigned_groups_stay_and_count_towards_the_share() -> None:
    # Ten groups of ten; two are given to test, whose share of 20 % is then full.
    groups = np.repeat(np.arange(10), 10)
    strata = count_strata(groups, [(np.ones(100, dtype=bool), 1.0)])
    assigned = np.full(10, FREE)
    assigned[[3, 4]] = 2
    splits = deal_groups(strata, SHARES, seed=0, assigned=assigned)
    assert splits[[3, 4]].tolist() == [2, 2]
    assert np.bincount(splits).tolist() == [6, 2, 2]


def test_split_without_a_share_gets_only_what_is_assigned() -> None:
    # Test has no share and two of ten groups; the other eight go 3 to 1.
    groups = np.repeat(np.arange(10), 10)
    strata = count_strata(groups, [(np.ones(100, dtype=bool), 1.0)])
    assigned = np.full(10, FREE)
    assigned[[0, 9]] = 2
    splits = deal_groups(strata, np.array([0.75, 0.25, 0.0]), seed=0, assigned=assigned)
    assert np.bincount(splits).tolist() == [6, 2, 2]


def test_as_even_as_scikit_learn() -> None:
    # 40 seeded archives of 12 to 60 places of 3 to 80 media, blank shares anywhere; five equal parts.
    off: dict[str, list[tuple[float, float]]] = {"ours": [], "theirs": []}
    for seed in range(40):
        chance = np.random.default_rng(seed)
        num_groups = int(chance.integers(12, 60))
        groups = np.repeat(np.arange(num_groups), chance.integers(3, 80, num_groups))
        label = chance.random(groups.size) < chance.beta(1, 1, num_groups)[groups]
        strata = count_strata(groups, [(~label, 1.0), (label, 1.0)])
        ours = deal_groups(strata, np.full(5, 0.2), seed=seed)[groups]
        theirs = np.zeros(groups.size, dtype=int)
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        for fold, (_, test) in enumerate(folds.split(label[:, None], label, groups)):
            theirs[test] = fold
        for name, found in (("ours", ours), ("theirs", theirs)):
            rates = np.array([label[found == fold].mean() for fold in range(5)])
            sizes = np.bincount(found, minlength=5) / found.size
            off[name].append((np.abs(rates - label.mean()).mean(), np.abs(sizes - 0.2).mean()))
    ours_off, theirs_off = (np.mean(off[name], axis=0) for name in ("ours", "theirs"))
    assert (ours_off <= theirs_off).all(), (ours_off, theirs_off)
