"""Groups of media that look alike, and how typical each is of its group.

Owns: spherical k-means over features of length 1, and typicality: the inverse of the mean distance to the
nearest of the same group. Refuses: choosing (`suggestions`), and chance: whoever wants random groups gives
the features in random order.

Source: Hacohen, Dekel & Weinshall 2022, "Active Learning on a Budget: Opposite Strategies Suit High and Low
Budgets" (TypiClust): of groups with few labels the most typical media is worth most while labels are few. A
mean distance of its own is what tells a dense middle from an outlier, which k-center prefers.
"""

import numpy as np
from numpy.typing import NDArray

MAX_GROUPS = 500
NUM_NEIGHBOURS = 20
FEW_MEDIA = 5
"""Groups smaller than this are outliers rather than kinds of pictures."""

_ROUNDS = 10
_AT_ONCE = 1024
_LEAST_DISTANCE = 1e-6


def group_alike(features: NDArray[np.float32], *, num_groups: int) -> NDArray[np.int64]:
    """Put media that look alike into one group.

    Args:
        features: rows of length 1, shape (num_media, num_features); the first of them are where groups begin.
        num_groups: at the most; no more than one for `NUM_NEIGHBOURS` media, as smaller ones have no middle,
            and no more than `MAX_GROUPS`.

    Returns:
        The group of each media, from 0 on, shape (num_media,); a group may be empty.
    """
    num_groups = max(1, min(num_groups, MAX_GROUPS, len(features) // NUM_NEIGHBOURS))
    centres = features[:num_groups].copy()
    groups = _nearest_centres(features, centres)
    for _ in range(_ROUNDS):
        sums = np.zeros((num_groups, features.shape[1]), np.float64)
        np.add.at(sums, groups, features)
        lengths = np.linalg.norm(sums, axis=1)
        # What lost all its media, or whose media cancel out, stays where it is.
        moved = lengths > 0.0
        centres[moved] = (sums[moved] / lengths[moved, None]).astype(np.float32)
        found = _nearest_centres(features, centres)
        if (found == groups).all():
            break
        groups = found
    return groups


def typicality(features: NDArray[np.float32], groups: NDArray[np.int64]) -> NDArray[np.float32]:
    """How typical each media is of its group: 1 / mean distance to the nearest `NUM_NEIGHBOURS` of it.

    Args:
        features: rows of length 1, shape (num_media, num_features).
        groups: of each media, shape (num_media,).

    Returns:
        Above 0, shape (num_media,); 0 for media that are alone in their group.
    """
    typical = np.zeros(len(features), np.float32)
    order = np.argsort(groups, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        num_others = min(NUM_NEIGHBOURS, members.size - 1)
        if num_others < 1:
            continue
        inside = features[members]
        for start in range(0, members.size, _AT_ONCE):
            part = members[start : start + _AT_ONCE]
            squares = np.maximum(2.0 - 2.0 * (features[part] @ inside.T), 0.0)
            # A media is its own nearest, whatever rounding says.
            squares[np.arange(part.size), start + np.arange(part.size)] = -1.0
            nearest = np.partition(squares, num_others, axis=1)[:, : num_others + 1]
            total = np.sqrt(np.maximum(nearest, 0.0)).sum(axis=1)
            typical[part] = 1.0 / np.maximum(total / num_others, _LEAST_DISTANCE)
    return typical


def _nearest_centres(features: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    nearest = np.empty(len(features), np.int64)
    for start in range(0, len(features), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        nearest[part] = (features[part] @ centres.T).argmax(axis=1)
    return nearest
