"""Who trains and who is tested: the splits of a training run's media, and the finding that given ones leak.

Owns: groups and splits over lists of ids, as training reads them. Refuses: splitting single frames:
neighbours of one burst are nearly the same picture. What stays together is said in `groups`, how it
is spread in `dealing`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from blanktrap.core.errors import TrainingError
from blanktrap.core.selection.dealing import count_strata, deal_groups, one_of_each
from blanktrap.core.selection.groups import NONE, find_cut, join_groups
from blanktrap.core.vocabulary import Split, SplitBy

Ids = Sequence[str | None]


def group_media(
    location_ids: Ids,
    sequence_ids: Ids,
    media_ids: Sequence[str],
    *,
    by: SplitBy = SplitBy.LOCATION,
    deployment_ids: Ids | None = None,
) -> list[str]:
    """Name the group of each media that no split may cut.

    By location, media that share a location or a sequence are one group, directly or through others: a
    media without a location follows the other frames of its sequence, and a sequence with frames at two
    locations ties them. By deployment the same with deployments; what has none counts as one deployment
    of its location. By sequence or time only sequences stay whole. A media with neither stands alone.

    Args:
        location_ids: shape (num_media,).
        sequence_ids: shape (num_media,).
        media_ids: unique, shape (num_media,).
        by: what stays whole.
        deployment_ids: shape (num_media,); needed by deployment.

    Returns:
        `location:`, `deployment:`, `sequence:` or `media:` and the first name of the group.
    """
    places = _places(by, location_ids, deployment_ids)
    groups = join_groups(_codes(places), _codes(sequence_ids))
    names: dict[int, str] = {}
    for kind, ids in ((None, places), ("sequence", sequence_ids), ("media", media_ids)):
        for group, name in zip(groups.tolist(), ids, strict=True):
            if name is not None:
                names.setdefault(group, f"{kind}:{name}" if kind else name)
    return [names[group] for group in groups.tolist()]


def split_by_location(
    groups: Sequence[str], is_nonblank: ArrayLike, *, shares: Mapping[Split, float], seed: int
) -> list[Split]:
    """Split media so that no group is in two splits and blanks and groups are spread about evenly.

    A split with a share above 0 never stays empty while there are groups enough.

    Args:
        groups: as `group_media` names them, shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).
        shares: of the media, for each split; they sum to 1.
        seed: decides among groups that are alike.

    Returns:
        The split of each media, shape (num_media,).
    """
    wanted = list(shares)
    labels = np.asarray(is_nonblank, dtype=bool)
    _, group_of = np.unique(np.asarray(groups, dtype=object), return_inverse=True)
    strata = count_strata(group_of, [(~labels, 1.0), (labels, 1.0), (one_of_each(group_of), 0.25)])
    split_of = deal_groups(strata, np.array([shares[split] for split in wanted]), seed=seed)
    return [wanted[index] for index in split_of[group_of]]


def refuse_leak(
    location_ids: Ids,
    sequence_ids: Ids,
    splits: Ids,
    *,
    by: SplitBy = SplitBy.LOCATION,
    deployment_ids: Ids | None = None,
) -> None:
    """Raise TrainingError naming the place or sequence that given splits cut.

    Args:
        location_ids: shape (num_media,).
        sequence_ids: shape (num_media,). No split may cut one, whatever `by` says.
        splits: None for media in none, shape (num_media,).
        by: what the splits are made by.
        deployment_ids: shape (num_media,); needed by deployment.
    """
    split_of = _codes(splits)
    names: list[Ids] = [
        _places(by, location_ids, deployment_ids),
        [_named("sequence", one) for one in sequence_ids],
    ]
    for ids in names:
        cut = find_cut(_codes(ids), split_of)
        if cut is not None:
            kind, _, name = str(ids[cut[0]]).partition(":")
            raise TrainingError(
                f"{kind} {name!r} is in the splits {splits[cut[0]]} and {splits[cut[1]]}: a model must not "
                f"see its own test; give all its media one split, or remove the split column"
            )


def _places(by: SplitBy, location_ids: Ids, deployment_ids: Ids | None) -> list[str | None]:
    """The place that stays whole, of each media, with its kind before its name."""
    locations = [_named("location", name) for name in location_ids]
    if by is SplitBy.LOCATION:
        return locations
    if by is SplitBy.DEPLOYMENT:
        assert deployment_ids is not None  # the caller's own promise
        deployments = [_named("deployment", name) for name in deployment_ids]
        return [deployment or location for deployment, location in zip(deployments, locations, strict=True)]
    return [None] * len(locations)


def _named(kind: str, name: str | None) -> str | None:
    return None if name is None else f"{kind}:{name}"


def _codes(names: Ids) -> np.ndarray:
    """Equal numbers for equal names, -1 for none."""
    codes: dict[str, int] = {}
    return np.array(
        [NONE if name is None else codes.setdefault(name, len(codes)) for name in names], dtype=np.int64
    )
