"""Which split every labelled media goes to: by dealing, by name or by date.

Owns: what each way of splitting keeps whole, and what is spread evenly. Refuses: reading, and wording what
cannot be; it gives numbers.

Rules. What shares a sequence stays together, under every way: where its frames lie at two locations or
deployments, those are tied and go one way. By deployment, media without one count as one deployment of
their location. By time a sequence goes by its earliest frame, undated frames with it; what has no time at
all is in no split.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from blanktrap.core.selection.dealing import FREE, count_strata, deal_groups, one_of_each
from blanktrap.core.selection.groups import NONE, dense_codes, join_groups
from blanktrap.core.selection.labelled import NO_TIME, LabelledRows
from blanktrap.core.vocabulary import SplitBy

# Measured on 43 stations with 20 species, against labels alone: the blank share of a split is off by 0.6
# instead of 0.3 percentage points, and val and test see 14 species instead of 10.
_LABEL_WEIGHT = 2.0
_GROUP_WEIGHT = 0.5
_NIGHT_WEIGHT = 0.5
_SPECIES_WEIGHT = 0.5
"""Of all species together."""

_NEVER_MS = np.iinfo(np.int64).max


def places_of(media: LabelledRows, by: SplitBy) -> np.ndarray:
    """The place of each media that stays whole, -1 for none: its location, its deployment, or nothing."""
    if by is SplitBy.LOCATION:
        return media.locations
    if by is SplitBy.DEPLOYMENT:
        # Codes of locations begin behind those of deployments, which are row numbers.
        behind = np.int64(2) ** 32
        of_location = np.where(media.locations == NONE, NONE, media.locations + behind)
        return np.asarray(np.where(media.deployments == NONE, of_location, media.deployments))
    return np.full(media.num_media, NONE, dtype=np.int32)


def form_groups(media: LabelledRows, by: SplitBy) -> np.ndarray:
    """The group of each media, from 0 without gaps, shape (num_media,)."""
    return join_groups(places_of(media, by), media.sequences)


def find_spanning(places: np.ndarray, sequences: np.ndarray) -> np.ndarray:
    """Find the sequences that lie at several places: the index of one media of each."""
    both = np.flatnonzero((places != NONE) & (sequences != NONE))
    sequence_of, num_sequences = dense_codes(sequences[both])
    one_place = np.full(num_sequences, NONE, dtype=np.int64)
    one_place[sequence_of] = places[both]
    elsewhere = both[places[both] != one_place[sequence_of]]
    _, first = np.unique(sequences[elsewhere], return_index=True)
    return np.asarray(elsewhere[np.sort(first)])


def deal_media(
    media: LabelledRows,
    groups: np.ndarray,
    *,
    shares: np.ndarray,
    seed: int,
    assigned: np.ndarray,
    selectable: np.ndarray | None,
) -> np.ndarray:
    """Deal groups so that labels, groups, day and night, and species are spread evenly over the splits.

    Args:
        media: the labelled media.
        groups: as `form_groups` gives them.
        shares: of train, val and test.
        seed: decides among groups that are alike.
        assigned: split of each group, FREE where it is dealt, shape (num_groups,).
        selectable: media that can be chosen to learn from, boolean: then these are spread evenly too. None
            where all can.

    Returns:
        The split of each media, shape (num_media,).
    """
    labels = [~media.is_nonblank, media.is_nonblank]
    strata = [(label, _LABEL_WEIGHT) for label in labels]
    if groups.size:
        strata.append((one_of_each(groups), _GROUP_WEIGHT))
    if selectable is not None:
        strata += [(label & selectable, _LABEL_WEIGHT) for label in labels]
    strata += [(media.nights == night, _NIGHT_WEIGHT) for night in (0, 1)]
    by_species = np.argsort(media.species, kind="stable")
    ends = np.cumsum(np.bincount(media.species, minlength=len(media.species_names)))
    for members in np.split(media.species_media[by_species], ends[:-1]) if ends.size else []:
        strata.append((members, _SPECIES_WEIGHT / ends.size))
    splits = deal_groups(count_strata(groups, strata), shares, seed=seed, assigned=assigned)
    return np.asarray(splits[groups], dtype=np.int8)


def assign_groups(
    groups: np.ndarray, places: np.ndarray, split_of_place: Mapping[int, int]
) -> tuple[np.ndarray, tuple[int, int] | None]:
    """Give the groups of named places to their splits.

    Args:
        groups: of each media.
        places: what the names are of: codes, shape (num_media,).
        split_of_place: the split of each named code.

    Returns:
        The split of each group, FREE where none of its places is named; and two codes of one group that
        were given to different splits, None where there are none.
    """
    assigned = np.full(int(groups.max(initial=NONE)) + 1, FREE, dtype=np.int8)
    named_by: dict[int, int] = {}
    for code, split in split_of_place.items():
        for group in np.unique(groups[places == code]).tolist():
            if assigned[group] not in (FREE, split):
                return assigned, (named_by[group], code)
            assigned[group] = split
            named_by[group] = code
    return assigned, None


@dataclass(frozen=True, kw_only=True)
class TimeSplit:
    """Media split by when they were taken."""

    splits: np.ndarray
    """-1 for undated media, shape (num_media,)."""
    val_from_ms: int | None
    """Where val begins; None where there is none. Test alike."""
    test_from_ms: int | None


def split_by_time(
    media: LabelledRows,
    groups: np.ndarray,
    *,
    shares: np.ndarray,
    val_from_ms: int | None,
    test_from_ms: int | None,
) -> TimeSplit:
    """Split media by time: the past trains, what comes later validates, and the last tests.

    Args:
        media: the labelled media.
        groups: sequences, as `form_groups` gives them.
        shares: of train, val and test, which choose the boundaries where none is given.
        val_from_ms: val begins here; None for no val.
        test_from_ms: test begins here; None for no test.
    """
    dated = media.times_ms != NO_TIME
    begins = np.full(int(groups.max(initial=NONE)) + 1, _NEVER_MS)
    np.minimum.at(begins, groups[dated], media.times_ms[dated])
    times = begins[groups]
    is_dated = times != _NEVER_MS
    if val_from_ms is None and test_from_ms is None and is_dated.any():
        val_from_ms, test_from_ms = _boundaries(np.sort(times[is_dated]), shares)
    first_of_test = _NEVER_MS if test_from_ms is None else test_from_ms
    first_of_val = first_of_test if val_from_ms is None else val_from_ms
    splits = (times >= first_of_val).astype(np.int8) + (times >= first_of_test)
    splits[~is_dated] = NONE
    return TimeSplit(splits=splits, val_from_ms=val_from_ms, test_from_ms=test_from_ms)


def _boundaries(times: np.ndarray, shares: np.ndarray) -> tuple[int | None, int | None]:
    """Where val and test begin so that they hold about their shares; None for a share of 0."""
    places = np.rint(times.size * np.cumsum(shares[:2])).astype(np.int64)
    first_of_val, first_of_test = (int(times[min(place, times.size - 1)]) for place in places)
    return (
        first_of_val if shares[1] > 0.0 else None,
        first_of_test if shares[2] > 0.0 else None,
    )
