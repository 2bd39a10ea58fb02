"""Which of the labelled media to learn from: few, balanced, and from everywhere.

Owns: the first frame of a sequence, the places worth learning from, and the choice of equal numbers of
blank and nonblank media spread over locations and species. Refuses: reading anything; ids are codes, equal
where the ids are equal and -1 where there is none.
"""

from dataclasses import dataclass

import numpy as np

from blanktrap.core.selection.groups import NONE


def first_frames(sequences: np.ndarray, frame_nums: np.ndarray, times_ms: np.ndarray) -> np.ndarray:
    """Find the first media of each sequence; a media without a sequence is its own first.

    Args:
        sequences: codes, shape (num_media,).
        frame_nums: -1 where unknown: then the time decides, then the order of the rows; shape (num_media,).
        times_ms: any number where unknown, alike for all, shape (num_media,).

    Returns:
        Boolean, shape (num_media,).
    """
    unknown_last = np.where(frame_nums < 0, np.iinfo(np.int32).max, frame_nums)
    order = np.lexsort((times_ms, unknown_last, sequences))
    is_first = np.ones(sequences.size, dtype=bool)
    follows = sequences[order[1:]] == sequences[order[:-1]]
    is_first[order[1:]] = ~follows
    is_first[sequences == NONE] = True
    return is_first


@dataclass(frozen=True, kw_only=True)
class PlaceRule:
    """What a place must have for its media to be learned from."""

    min_blank: int
    min_nonblank: int
    min_species: int


@dataclass(frozen=True, kw_only=True)
class WorthyPlaces:
    """Which media lie at a place that a rule accepts, and how far the places go."""

    is_worthy: np.ndarray
    """Boolean, shape (num_media,). Media without a place are none."""
    num_places: int
    num_worthy: int
    most_species: int
    """Most species at a place that has enough blank and nonblank media; 0 where there is none."""
    most_blank: int
    """Most blank media at any place."""
    most_nonblank: int
    """Most nonblank media at any place."""


def worthy_places(
    places: np.ndarray,
    is_nonblank: np.ndarray,
    *,
    species_media: np.ndarray,
    species: np.ndarray,
    rule: PlaceRule,
) -> WorthyPlaces:
    """Find the places with enough blank and nonblank media and species.

    Args:
        places: from 0 without gaps, -1 where unknown, shape (num_media,).
        is_nonblank: boolean, shape (num_media,).
        species_media: index of a media, for each pair of media and species, shape (num_pairs,).
        species: codes from 0, shape (num_pairs,).
        rule: what is enough.
    """
    known = places != NONE
    num_places = int(places.max(initial=NONE)) + 1
    blank = np.bincount(places[known & ~is_nonblank], minlength=num_places)
    nonblank = np.bincount(places[known & is_nonblank], minlength=num_places)
    seen = known[species_media]
    num_kinds = int(species.max(initial=0)) + 1
    pairs = np.unique(places[species_media[seen]].astype(np.int64) * num_kinds + species[seen])
    num_species = np.bincount(pairs // num_kinds, minlength=num_places)
    enough = (blank >= rule.min_blank) & (nonblank >= rule.min_nonblank)
    worthy = enough & (num_species >= rule.min_species)
    is_worthy = np.zeros(places.size, dtype=bool)
    is_worthy[known] = worthy[places[known]]
    return WorthyPlaces(
        is_worthy=is_worthy,
        num_places=num_places,
        num_worthy=int(np.count_nonzero(worthy)),
        most_species=int(num_species[enough].max(initial=0)),
        most_blank=int(blank.max(initial=0)),
        most_nonblank=int(nonblank.max(initial=0)),
    )


def spread_rounds(
    places: np.ndarray, kinds: np.ndarray, sequences: np.ndarray, *, chance: np.random.Generator
) -> np.ndarray:
    """Order media so that any beginning is spread over places, then kinds, then sequences.

    In round 0 each place gives one media, in round 1 another, and so on. Within a place the kinds take
    turns, and a second frame of a sequence comes after the first ones of all others of its kind.

    Args:
        places: codes, shape (num_media,); media without one share a place.
        kinds: codes of species or of day and night, shape (num_media,).
        sequences: codes, shape (num_media,).
        chance: decides among equals.

    Returns:
        The round of each media, from 0, shape (num_media,).
    """
    luck = chance.random(places.size)
    in_sequence = _ranks((luck,), (sequences,))
    in_sequence[sequences == NONE] = 0
    in_kind = _ranks((luck, in_sequence), (kinds, places))
    return _ranks((luck, in_kind), (places,))


def _ranks(within: tuple[np.ndarray, ...], of: tuple[np.ndarray, ...]) -> np.ndarray:
    """Place of each media among those equal in `of`, ordered by `within` (the last key counts first)."""
    order = np.lexsort((*within, *of))
    starts = np.zeros(order.size, dtype=bool)
    starts[:1] = True
    for keys in of:
        starts[1:] |= keys[order[1:]] != keys[order[:-1]]
    begin = np.maximum.accumulate(np.where(starts, np.arange(order.size), 0))
    ranks = np.empty(order.size, dtype=np.int32)
    ranks[order] = np.arange(order.size) - begin
    return ranks


def cap_places(
    rounds: np.ndarray,
    places: np.ndarray,
    is_nonblank: np.ndarray,
    *,
    max_per_place: int | None,
    balance: bool,
) -> np.ndarray:
    """Find the media that remain when no place may give more than so many.

    Args:
        rounds: of each media among those of its label, as `spread_rounds` gives them, shape (num_media,).
        places: from 0 without gaps, -1 where unknown (then one place), shape (num_media,).
        is_nonblank: boolean, shape (num_media,).
        max_per_place: media of a place; None for any number.
        balance: half of them blank and half nonblank; else as the place has them.

    Returns:
        Boolean, shape (num_media,).
    """
    if max_per_place is None:
        return np.ones(rounds.size, dtype=bool)
    if balance:
        return rounds < max_per_place // 2
    shifted = places + 1
    all_media = np.bincount(shifted)
    nonblank = np.bincount(shifted[is_nonblank], minlength=all_media.size)
    of_nonblank = np.rint(max_per_place * nonblank / np.maximum(all_media, 1)).astype(np.int64)
    # Both parts together are the cap, and where a place has more media than that it has enough of both.
    caps = np.where(is_nonblank, of_nonblank[shifted], max_per_place - of_nonblank[shifted])
    within: np.ndarray = (rounds < caps) | (all_media[shifted] <= max_per_place)
    return within


def share_budget(budget: int, weights: np.ndarray, capacities: np.ndarray, *, step: int) -> np.ndarray:
    """Share a budget out in proportion to weights; what one cannot take goes to the others.

    Args:
        budget: media in all.
        weights: at least 0, shape (num_splits,).
        capacities: most media of each, multiples of `step`, shape (num_splits,).
        step: parts are multiples of it: 2 where each blank media needs a nonblank one.

    Returns:
        Media of each, shape (num_splits,); together the budget, cut to a multiple of `step`, or all
        capacities where those are less.
    """
    parts = np.zeros(weights.size, dtype=np.int64)
    room = capacities // step
    left = min(budget // step, int(room.sum()))
    while left:
        pull = np.where(parts < room, np.maximum(weights, 1e-9), 0.0)
        exact = left * pull / pull.sum()
        given = np.floor(exact).astype(np.int64)
        given[np.argsort(given - exact, kind="stable")[: left - int(given.sum())]] += 1
        given = np.minimum(given, room - parts)
        parts += given
        left -= int(given.sum())
    # None that has media goes without while others have several.
    for empty in np.flatnonzero((parts == 0) & (room > 0)):
        if parts.max(initial=0) > 1:
            parts[int(np.argmax(parts))] -= 1
            parts[empty] = 1
    return parts * step


def choose_media(
    rounds: np.ndarray,
    is_nonblank: np.ndarray,
    *,
    num_blank: int,
    num_nonblank: int,
    chance: np.random.Generator,
) -> np.ndarray:
    """Choose the first so many of each label in the order of the rounds; none twice.

    Returns:
        Boolean, shape (num_media,).
    """
    luck = chance.random(rounds.size)
    is_chosen = np.zeros(rounds.size, dtype=bool)
    for label, number in ((False, num_blank), (True, num_nonblank)):
        of_label = np.flatnonzero(is_nonblank == label)
        order = of_label[np.lexsort((luck[of_label], rounds[of_label]))]
        is_chosen[order[:number]] = True
    return is_chosen
