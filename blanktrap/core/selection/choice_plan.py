"""Which media of each split are learned from, what the others are left out for, and what ran short.

Owns: the order of the rules. Refuses: the arithmetic of each; that is `choice`. Media are chosen
where they are learned from, in train and val; a test keeps its natural mix unless asked otherwise,
because what a cutoff costs depends on it.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from blanktrap.core.config import SelectConfig
from blanktrap.core.selection.choice import (
    WorthyPlaces,
    cap_places,
    choose_media,
    share_budget,
    spread_rounds,
)
from blanktrap.core.selection.groups import NONE, dense_codes
from blanktrap.core.selection.labelled import LabelledRows
from blanktrap.core.vocabulary import Label, Split


class Reason(IntEnum):
    """Why a labelled media is in no split, in the order in which it is decided."""

    CHOSEN = 0
    NO_SPLIT = 1
    """Undated, by time; in no split before, where splits are kept."""
    LATER_FRAME = 2
    UNWORTHY_PLACE = 3
    OVER_LOCATION_CAP = 4
    NOT_NEEDED = 5
    """For balance or budget."""


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """A budget that was not met, or a label that ran out."""

    split: Split
    label: Label
    num_found: int
    """Media of the label that all rules leave."""
    num_wanted: int


@dataclass(frozen=True, kw_only=True)
class SelectionPlan:
    """What became of each labelled media."""

    reasons: np.ndarray
    """`Reason` values, int8, shape (num_media,)."""
    num_chosen: int
    """Media to learn from."""
    available: dict[Split, dict[Label, int]]
    """Media that all rules but balance and budget leave."""


def plan_selection(
    media: LabelledRows,
    splits: np.ndarray,
    *,
    config: SelectConfig,
    is_first: np.ndarray,
    worthy: WorthyPlaces | None,
) -> SelectionPlan:
    """Choose the media to learn from.

    Args:
        media: the labelled media.
        splits: of each media, -1 for none.
        config: rules and budget.
        is_first: as `first_frames` gives it.
        worthy: the places to learn from; None for all.
    """
    reasons = np.full(media.num_media, Reason.CHOSEN, dtype=np.int8)
    reasons[splits == NONE] = Reason.NO_SPLIT
    chosen_in = [split for split in Split if split is not Split.TEST or config.select_test]
    if not config.chooses:
        return SelectionPlan(reasons=reasons, num_chosen=int(np.isin(splits, (0, 1)).sum()), available={})
    chance = np.random.default_rng([config.seed, 1])
    kinds = media.kinds()
    locations, _ = dense_codes(media.locations)
    candidates: dict[Split, _Candidates] = {}
    for number, split in enumerate(Split):
        if split not in chosen_in:
            continue
        inside = splits == number
        if config.only_first_frames:
            reasons[inside & ~is_first] = Reason.LATER_FRAME
            inside &= is_first
        if worthy is not None:
            reasons[inside & ~worthy.is_worthy] = Reason.UNWORTHY_PLACE
            inside &= worthy.is_worthy
        where = np.flatnonzero(inside)
        rounds = np.empty(where.size, dtype=np.int32)
        for label in (False, True):
            of_label = media.is_nonblank[where] == label
            at = where[of_label]
            rounds[of_label] = spread_rounds(locations[at], kinds[at], media.sequences[at], chance=chance)
        within = cap_places(
            rounds,
            locations[where],
            media.is_nonblank[where],
            max_per_place=config.max_per_location,
            balance=config.is_balanced,
        )
        reasons[where[~within]] = Reason.OVER_LOCATION_CAP
        candidates[split] = _Candidates(where[within], rounds[within], media.is_nonblank[where[within]])
    for split, number in _numbers(candidates, config).items():
        one = candidates[split]
        is_chosen = choose_media(one.rounds, one.is_nonblank, chance=chance, **one.parts(number, config))
        reasons[one.where[~is_chosen]] = Reason.NOT_NEEDED
    in_chosen = np.isin(splits, [list(Split).index(split) for split in chosen_in])
    return SelectionPlan(
        reasons=reasons,
        num_chosen=int(np.count_nonzero(in_chosen & (reasons == Reason.CHOSEN))),
        available={split: one.available() for split, one in candidates.items()},
    )


@dataclass(frozen=True)
class _Candidates:
    """Media of one split that all rules but balance and budget leave."""

    where: np.ndarray
    rounds: np.ndarray
    is_nonblank: np.ndarray

    def available(self) -> dict[Label, int]:
        num_nonblank = int(np.count_nonzero(self.is_nonblank))
        return {Label.BLANK: self.where.size - num_nonblank, Label.NONBLANK: num_nonblank}

    def capacity(self, config: SelectConfig) -> int:
        """Most media that can be chosen."""
        return 2 * min(self.available().values()) if config.is_balanced else self.where.size

    def parts(self, number: int, config: SelectConfig) -> dict[str, int]:
        """How many of each label make up so many media."""
        share = 0.5 if config.is_balanced else float(np.mean(self.is_nonblank)) if self.where.size else 0.0
        num_nonblank = int(np.rint(number * share))
        return {"num_blank": number - num_nonblank, "num_nonblank": num_nonblank}


def _numbers(candidates: dict[Split, _Candidates], config: SelectConfig) -> dict[Split, int]:
    """Media to choose in each split: all that can be, or the budget's part."""
    capacities = np.array([one.capacity(config) for one in candidates.values()], dtype=np.int64)
    if config.num_images is None:
        return dict(zip(candidates, capacities.tolist(), strict=True))
    shares = config.shares_wanted
    by_share = config.shares is not None or not (config.assign or config.keep_splits or config.val_from)
    weights = np.array([shares[split] for split in candidates]) if by_share else capacities
    parts = share_budget(
        config.num_images, weights.astype(np.float64), capacities, step=2 if config.is_balanced else 1
    )
    return dict(zip(candidates, parts.tolist(), strict=True))
