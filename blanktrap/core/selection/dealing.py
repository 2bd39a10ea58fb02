"""Dealing groups of media out to splits so that every stratum is spread evenly.

Owns: the counts of strata in groups, and the deal. Refuses: knowing what a stratum or a group is.

The deal makes the sum over strata and splits of weight x (dealt share - wanted share)^2 / wanted share
small (derived here; the chi-square of the counts, up to a factor): groups alike are dealt in bulk, the rest
greedily, largest first, and then moved one at a time while that makes the sum smaller. Against
scikit-learn's StratifiedGroupKFold it takes shares of any size and strata that overlap.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

FREE = -1
"""The split of a group that nobody has assigned."""

_MOST_MOVED = 20_000
"""Groups beyond which none is moved after the deal: with so many the greedy deal is even enough."""
_PASSES = 10


@dataclass(frozen=True, kw_only=True)
class Strata:
    """How many media of each stratum each group has; only counts above 0 are held."""

    starts: np.ndarray
    """Group g has the entries from starts[g] to starts[g + 1], shape (num_groups + 1,)."""
    strata: np.ndarray
    """Stratum of each entry, shape (num_entries,)."""
    counts: np.ndarray
    """Media of each entry, shape (num_entries,)."""
    weights: np.ndarray
    """Of each stratum in the sum that the deal makes small, shape (num_strata,)."""
    sizes: np.ndarray
    """Media of each group, shape (num_groups,)."""


def count_strata(groups: np.ndarray, strata: Iterable[tuple[np.ndarray, float]]) -> Strata:
    """Count the media of each stratum in each group.

    Args:
        groups: from 0 without gaps, shape (num_media,).
        strata: for each stratum its media (a boolean mask, or indexes) and its weight.
    """
    num_groups = int(groups.max()) + 1 if groups.size else 0
    owners, numbers, counts, weights = [], [], [], []
    for number, (members, weight) in enumerate(strata):
        found = np.bincount(groups[members], minlength=num_groups)
        having = np.flatnonzero(found).astype(np.int32)
        owners.append(having)
        numbers.append(np.full(having.size, number, dtype=np.int32))
        counts.append(found[having].astype(np.int32))
        weights.append(weight)
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return Strata(
        starts=np.searchsorted(owner[order], np.arange(num_groups + 1)),
        strata=np.concatenate(numbers)[order],
        counts=np.concatenate(counts)[order],
        weights=np.array(weights),
        sizes=np.bincount(groups, minlength=num_groups),
    )


def one_of_each(groups: np.ndarray) -> np.ndarray:
    """The first media of each group: the stratum that spreads the groups themselves evenly.

    Figures are as trustworthy as their locations are many, so no split may get few large ones.

    Args:
        groups: from 0 without gaps, shape (num_media,).
    """
    return np.unique(groups, return_index=True)[1]


def deal_groups(
    strata: Strata, shares: np.ndarray, *, seed: int, assigned: np.ndarray | None = None
) -> np.ndarray:
    """Deal every group to one split.

    A split with a share above 0 never stays empty while there are groups enough. A split whose share is 0
    gets only what is assigned to it.

    Args:
        strata: as `count_strata` gives them.
        shares: wanted of each split, shape (num_splits,); they sum to 1.
        seed: decides among groups that are alike.
        assigned: split of each group, FREE where it is to be dealt, shape (num_groups,). None: all free.

    Returns:
        The split of each group, shape (num_groups,).
    """
    deal = _Deal(strata, shares, np.full(strata.sizes.size, FREE) if assigned is None else assigned)
    chance = np.random.default_rng(seed)
    left = deal.deal_alike(np.flatnonzero(deal.split_of == FREE), chance)
    shuffled = chance.permutation(left)
    order = shuffled[np.argsort(-strata.sizes[shuffled], kind="stable")]
    deal.deal_greedily(order)
    if order.size <= _MOST_MOVED:
        deal.move(order)
    return deal.split_of


class _Deal:
    """The state of one deal."""

    def __init__(self, strata: Strata, shares: np.ndarray, assigned: np.ndarray) -> None:
        self.strata = strata
        self.open = np.flatnonzero(shares > 0.0)
        """Splits that groups are dealt to."""
        self.shares = shares[self.open][:, None]
        self.split_of = assigned.astype(np.int64)
        taking_part = (self.split_of == FREE) | (shares[self.split_of] > 0.0)
        owner = np.repeat(np.arange(strata.sizes.size), np.diff(strata.starts))
        num_strata = strata.weights.size
        counted = np.where(taking_part[owner], strata.counts, 0)
        # What is assigned to a split without a share takes no part, so that the shares sum to 1.
        self.totals = np.maximum(np.bincount(strata.strata, counted, minlength=num_strata), 1.0)
        self.dealt = np.zeros((self.open.size, num_strata))
        self.num_groups = np.zeros(self.open.size, dtype=np.int64)
        given_sizes = np.zeros(self.open.size)
        for place, split in enumerate(self.open):
            of_split = self.split_of == split
            self.num_groups[place] = np.count_nonzero(of_split)
            given_sizes[place] = strata.sizes[of_split].sum()
            given = np.where(of_split[owner], strata.counts, 0)
            self.dealt[place] = np.bincount(strata.strata, given, minlength=num_strata) / self.totals
        needed = np.maximum(self.shares[:, 0] * strata.sizes[taking_part].sum() - given_sizes, 0.0)
        self.needs = needed / max(needed.sum(), 1.0)
        """What part of the groups that nobody has assigned each open split needs."""

    def _entries(self, group: int) -> tuple[np.ndarray, np.ndarray]:
        """The group's strata, and its share of each."""
        entries = slice(self.strata.starts[group], self.strata.starts[group + 1])
        strata = self.strata.strata[entries]
        return strata, self.strata.counts[entries] / self.totals[strata]

    def deal_alike(self, groups: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        """Deal groups that are alike in all strata in bulk; return those left over."""
        profiles = _profiles(self.strata)[groups]
        order = np.argsort(profiles, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(profiles[order]) != 0]) if order.size else order
        sizes = np.diff(np.r_[starts, order.size])
        is_left = np.ones(groups.size, dtype=bool)
        many = sizes >= 2 * self.open.size
        for start, size in zip(starts[many], sizes[many], strict=True):
            numbers = np.floor(size * self.needs).astype(np.int64)
            alike = chance.permutation(order[start : start + size])
            strata, part = self._entries(int(groups[alike[0]]))
            for place, some in enumerate(np.split(alike, np.cumsum(numbers))[:-1]):
                self.split_of[groups[some]] = self.open[place]
                self.dealt[place, strata] += part * some.size
                self.num_groups[place] += some.size
                is_left[some] = False
        return groups[is_left]

    def deal_greedily(self, order: np.ndarray) -> None:
        """Deal each group to the split where the sum then grows least."""
        for position, group in enumerate(order):
            strata, part = self._entries(group)
            cost = self._costs(strata, part)
            empty = self.num_groups == 0
            if order.size - position <= np.count_nonzero(empty):
                cost[~empty] = np.inf
            self._give(group, int(np.argmin(cost)), strata, part)

    def move(self, order: np.ndarray) -> None:
        """Move groups between splits while that makes the sum smaller, none out of a split of one."""
        place_of = {int(split): place for place, split in enumerate(self.open)}
        for _ in range(_PASSES):
            num_moved = 0
            for group in order:
                before = place_of[int(self.split_of[group])]
                if self.num_groups[before] == 1:
                    continue
                strata, part = self._entries(group)
                self.dealt[before, strata] -= part
                self.num_groups[before] -= 1
                cost = self._costs(strata, part)
                best = int(np.argmin(cost))
                # Rounding must not send a group to and fro.
                best = best if cost[best] < cost[before] - 1e-12 else before
                self._give(group, best, strata, part)
                num_moved += best != before
            if not num_moved:
                return

    def _costs(self, strata: np.ndarray, part: np.ndarray) -> np.ndarray:
        """How much the sum grows with this group in each open split."""
        off = self.dealt[:, strata] - self.shares
        growth = self.strata.weights[strata] * part * (part + 2.0 * off) / self.shares
        return np.asarray(growth.sum(axis=1))

    def _give(self, group: int, place: int, strata: np.ndarray, part: np.ndarray) -> None:
        self.split_of[group] = self.open[place]
        self.dealt[place, strata] += part
        self.num_groups[place] += 1


def _profiles(strata: Strata) -> np.ndarray:
    """One number for each group, equal where all counts are equal, uint64."""
    # Sums of well mixed 64-bit numbers: two of ten million groups meet by chance once in 400,000 runs, and
    # then only the balance suffers by one group.
    with np.errstate(over="ignore"):
        mixed = strata.strata.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= strata.counts.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
        sums = np.r_[np.uint64(0), np.cumsum(mixed)]
        found: np.ndarray = sums[strata.starts[1:]] - sums[strata.starts[:-1]]
    return found
