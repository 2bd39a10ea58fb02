"""Who trains and who is tested: splits that share no location.

Owns: grouping media that must stay together, the split of groups, and the finding that a given split
leaks. Refuses: splitting single frames: neighbours of one burst are nearly the same picture.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from blanktrap.core.errors import TrainingError
from blanktrap.core.vocabulary import Split


def group_media(
    location_ids: Sequence[str | None], sequence_ids: Sequence[str | None], media_ids: Sequence[str]
) -> list[str]:
    """Name the group of each media that no split may cut.

    A media belongs to its location. Without one it takes the location of another frame of its sequence,
    else its sequence is the group, else it stands alone.

    Args:
        location_ids: shape (num_media,).
        sequence_ids: shape (num_media,).
        media_ids: unique, shape (num_media,).
    """
    place_of: dict[str, str] = {}
    for location, sequence in zip(location_ids, sequence_ids, strict=True):
        if location is not None and sequence is not None:
            place_of.setdefault(sequence, location)
    groups = []
    for location, sequence, media in zip(location_ids, sequence_ids, media_ids, strict=True):
        place = location if location is not None else place_of.get(sequence or "")
        if place is not None:
            groups.append(f"location:{place}")
        else:
            groups.append(f"sequence:{sequence}" if sequence is not None else f"media:{media}")
    return groups


def split_by_location(
    groups: Sequence[str], is_nonblank: ArrayLike, *, shares: Mapping[Split, float], seed: int
) -> list[Split]:
    """Split media so that no group is in two splits and blanks are spread about evenly.

    Groups are dealt, largest first, each to the split that then lies nearest to its share of both
    labels. A split with a share above 0 never stays empty while there are groups enough.

    Args:
        groups: as `group_media` names them, shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).
        shares: of the media, for each split; they sum to 1.
        seed: decides among groups of equal size.

    Returns:
        The split of each media, shape (num_media,).
    """
    wanted = [split for split, share in shares.items() if share > 0.0]
    names, group_of = np.unique(np.asarray(groups, dtype=object), return_inverse=True)
    labels = np.asarray(is_nonblank, dtype=bool)
    counts = np.stack(
        [np.bincount(group_of, weights=labels == value, minlength=names.size) for value in (False, True)],
        axis=1,
    )
    totals = np.maximum(counts.sum(axis=0), 1.0)
    targets = np.array([[shares[split]] for split in wanted])
    shuffled = np.random.default_rng(seed).permutation(names.size)
    order = shuffled[np.argsort(-counts.sum(axis=1)[shuffled], kind="stable")]
    dealt = np.zeros((len(wanted), 2))
    num_groups = np.zeros(len(wanted), dtype=int)
    chosen = np.zeros(names.size, dtype=int)
    for place, group in enumerate(order):
        part = counts[group] / totals
        # How much farther from its share each split would lie with this group.
        cost = ((dealt + part - targets) ** 2 - (dealt - targets) ** 2).sum(axis=1)
        if names.size - place <= (num_groups == 0).sum():
            cost[num_groups > 0] = np.inf
        best = int(np.argmin(cost))
        chosen[group] = best
        dealt[best] += part
        num_groups[best] += 1
    return [wanted[index] for index in chosen[group_of]]


def refuse_leak(groups: Sequence[str], splits: Sequence[str | None]) -> None:
    """Raise TrainingError naming the group that a given split puts on two sides."""
    seen: dict[str, str] = {}
    for group, split in zip(groups, splits, strict=True):
        if split is not None and seen.setdefault(group, split) != split:
            kind, _, name = group.partition(":")
            raise TrainingError(
                f"{kind} {name!r} is in the splits {seen[group]} and {split}: a model must not see its own "
                f"test; give all its media one split, or remove the split column"
            )
