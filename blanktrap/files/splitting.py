"""From what was asked to the split of every labelled row, or one line why it cannot be.

Owns: the names behind codes, and the wording of refusals. Refuses: the arithmetic; that is
`core.selection.split_plan`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from blanktrap.core.config import SelectConfig
from blanktrap.core.errors import ManifestError, UsageError
from blanktrap.core.selection.groups import NONE, find_cut
from blanktrap.core.selection.labelled import NO_TIME, LabelledRows
from blanktrap.core.selection.split_plan import (
    assign_groups,
    deal_media,
    find_spanning,
    form_groups,
    places_of,
    split_by_time,
)
from blanktrap.core.vocabulary import Split, SplitBy
from blanktrap.core.wording import moment, number
from blanktrap.files.selection_database import SelectionDatabase

_NUM_EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Splitting:
    """The split of every labelled media, and what is to be said of it."""

    splits: np.ndarray
    """Index of the split, -1 for none, int8, shape (num_media,)."""
    by: SplitBy
    begins_ms: dict[Split, int]
    """By time: where val and test begin, milliseconds since 1970."""
    spanning: tuple[str, ...]
    """Sequences at several places, which tie those; five examples."""
    num_spanning: int


@dataclass(frozen=True, kw_only=True)
class SplitRequest:
    """What splits are made of."""

    media: LabelledRows
    database: SelectionDatabase
    config: SelectConfig
    by: SplitBy
    location: str
    """The manifest, for messages."""


def make_splits(request: SplitRequest, selectable: np.ndarray | None) -> Splitting:
    """Split the labelled media.

    Args:
        request: the media, and what was asked.
        selectable: media that can be chosen to learn from, boolean; None for all.

    Raises:
        ManifestError: ids or times that the split needs are missing, there are too few groups, or given
            splits leak.
        UsageError: a name does not occur, names that must stay together go two ways, or a boundary leaves a
            split empty.
    """
    begins: dict[Split, int] = {}
    if request.config.keep_splits:
        splits = _kept_splits(request)
    else:
        _refuse_missing_ids(request)
        groups = form_groups(request.media, request.by)
        if request.by is SplitBy.TIME:
            splits, begins = _split_by_time(request, groups)
        else:
            splits = _deal(request, groups, selectable)
    spanning, num_spanning = _spanning(request)
    return Splitting(
        splits=splits, by=request.by, begins_ms=begins, spanning=spanning, num_spanning=num_spanning
    )


def _refuse_missing_ids(request: SplitRequest) -> None:
    media, how = request.media, ""
    if request.by is SplitBy.DEPLOYMENT and not np.any(media.deployments != NONE):
        how = "a deployment: index it with annotations or a --path-pattern that name deployments"
    if request.by is SplitBy.SEQUENCE and not np.any(media.sequences != NONE):
        how = "a sequence: index it with annotations or with times that make sequences"
    if request.by is SplitBy.TIME and not np.any(media.times_ms != NO_TIME):
        how = "a time: index it with --exif or with annotations that say when"
    if how:
        raise ManifestError(
            f"--by {request.by}: none of the {media.num_media:,} labelled media of {request.location} has "
            f"{how}; or split by location"
        )


def _kept_splits(request: SplitRequest) -> np.ndarray:
    """The manifest's own splits, once they are known not to leak."""
    media, splits = request.media, request.media.given_splits
    if not np.any(splits != NONE):
        raise ManifestError(f"{request.location} has no splits to keep: leave --keep-splits out")
    for codes in (places_of(media, request.by), media.sequences):
        cut = find_cut(codes, splits)
        if cut is not None:
            one, other = (list(Split)[splits[at]] for at in sorted(cut, key=lambda at: int(splits[at])))
            kind = "sequence" if codes is media.sequences else request.by.value
            if kind == "deployment" and media.deployments[cut[0]] == NONE:
                kind = "location"
            [name] = request.database.names_of(kind, [int(media.rows[cut[0]])])
            raise ManifestError(
                f"the splits of {request.location} leak: {kind} {name!r} is in {one} and {other}; leave "
                f"--keep-splits out to make new ones, or say with --by what may be in both"
            )
    return splits


def _split_by_time(request: SplitRequest, groups: np.ndarray) -> tuple[np.ndarray, dict[Split, int]]:
    """Splits by date, and where val and test begin."""
    media, config = request.media, request.config
    found = split_by_time(
        media,
        groups,
        shares=np.array(list(config.shares_wanted.values())),
        val_from_ms=_to_ms(config.val_from),
        test_from_ms=_to_ms(config.test_from),
    )
    begins = {Split.VAL: found.val_from_ms, Split.TEST: found.test_from_ms}
    counts = np.bincount(found.splits[found.splits != NONE], minlength=len(Split))
    for split, count in zip(Split, counts.tolist(), strict=True):
        if not count and (split is Split.TRAIN or begins[split] is not None):
            dated = media.times_ms[media.times_ms != NO_TIME]
            raise UsageError(
                f"no labelled media of {request.location} would be in {split}: they are from "
                f"{moment(int(dated.min()))} to {moment(int(dated.max()))}; choose other dates for "
                f"--val-from and --test-from"
            )
    return found.splits, {split: begin for split, begin in begins.items() if begin is not None}


def _deal(request: SplitRequest, groups: np.ndarray, selectable: np.ndarray | None) -> np.ndarray:
    """Splits by name and by share."""
    assigned = _assigned(request, groups)
    shares = request.config.shares_wanted
    num_free = int(np.count_nonzero(assigned == NONE))
    num_empty = sum(
        share > 0.0 and not np.any(assigned == number) for number, share in enumerate(shares.values())
    )
    if num_free < num_empty:
        spanning, num_spanning = _spanning(request)
        tied = (
            f" ({number(num_spanning, 'sequence')} such as {spanning[0]!r} with frames at several of them "
            f"counted as one)"
            if num_spanning
            else ""
        )
        raise ManifestError(
            f"{request.location} has labels from {number(num_free, request.by.value)}"
            f"{' that no --assign names' if request.config.assign else ''}{tied}, {num_empty} "
            f"split{' needs' if num_empty == 1 else 's need'} at least one each: label more "
            f"{request.by}s, or set a share to 0"
        )
    return deal_media(
        request.media,
        groups,
        shares=np.array(list(shares.values())),
        seed=request.config.seed,
        assigned=assigned,
        selectable=selectable,
    )


def _assigned(request: SplitRequest, groups: np.ndarray) -> np.ndarray:
    """The split of each group that is named, -1 where it is dealt."""
    media, by, database = request.media, request.by, request.database
    split_of = {name: split for split, names in request.config.assign.items() for name in names}
    codes = database.codes_of(by.value, split_of)
    own_codes = {
        SplitBy.LOCATION: media.locations,
        SplitBy.DEPLOYMENT: media.deployments,
        SplitBy.SEQUENCE: media.sequences,
    }[by]
    for name, split in split_of.items():
        if name not in codes:
            known = np.unique(own_codes[own_codes != NONE])
            some = ", ".join(str(one) for one in database.names_of(by.value, known[:_NUM_EXAMPLES].tolist()))
            raise UsageError(
                f"--assign {split}={name}: no labelled media of {request.location} has the {by} {name!r}; "
                f"it has {some or 'none at all'}{', …' if known.size > _NUM_EXAMPLES else ''}"
            )
    numbers = {codes[name]: list(Split).index(split) for name, split in split_of.items()}
    assigned, torn = assign_groups(groups, own_codes, numbers)
    if torn is not None:
        name_of = {code: name for name, code in codes.items()}
        one, other = (name_of[code] for code in torn)
        raise UsageError(
            f"--assign puts {by} {one!r} into {split_of[one]} and {other!r} into {split_of[other]}, and "
            f"sequences with frames at both tie them: put both into one split"
        )
    return assigned


def _spanning(request: SplitRequest) -> tuple[tuple[str, ...], int]:
    """Sequences at several places: five examples, and how many there are."""
    media = request.media
    found = find_spanning(places_of(media, request.by), media.sequences)
    rows = media.rows[found[:_NUM_EXAMPLES]].tolist()
    return tuple(str(name) for name in request.database.names_of("sequence", rows)), int(found.size)


def _to_ms(when: datetime | None) -> int | None:
    return None if when is None else int(when.replace(tzinfo=UTC).timestamp() * 1000)
