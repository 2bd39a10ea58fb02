"""Which media stay together, whatever a split is made by.

Owns: groups of media that share a place or a sequence, directly or through others, and finding what a
split has cut. Refuses: deciding who goes where; that is `dealing`. One rule: what shares an id stays
together. A sequence with frames at two locations ties the two locations; a media without place and
sequence stands alone.

Ids are codes here, equal where the ids are equal and -1 where there is none: ten million strings would
not fit.
"""

import numpy as np

NONE = -1
"""The code of a media that has no id."""


def dense_codes(codes: np.ndarray) -> tuple[np.ndarray, int]:
    """Number distinct codes from 0, in their order; -1 stays -1.

    Args:
        codes: integers from -1, shape (num_media,).

    Returns:
        The numbers, int32, shape (num_media,), and how many there are.
    """
    known = codes != NONE
    names, places = np.unique(codes[known], return_inverse=True)
    numbers = np.full(codes.shape, NONE, dtype=np.int32)
    numbers[known] = places
    return numbers, int(names.size)


def join_groups(places: np.ndarray, sequences: np.ndarray) -> np.ndarray:
    """Name the group of each media: the smallest sets that part neither a place nor a sequence.

    Args:
        places: codes of location or deployment, shape (num_media,). All -1 where places may part.
        sequences: codes, shape (num_media,).

    Returns:
        Groups from 0 without gaps, int32, shape (num_media,).
    """
    place_of, num_places = dense_codes(places)
    sequence_of, num_sequences = dense_codes(sequences)
    both = (place_of != NONE) & (sequence_of != NONE)
    roots = _connect(num_places + num_sequences, place_of[both], num_places + sequence_of[both])
    groups = np.full(places.shape, NONE, dtype=np.int64)
    in_sequence = sequence_of != NONE
    groups[in_sequence] = roots[num_places + sequence_of[in_sequence]]
    in_place = place_of != NONE
    groups[in_place] = roots[place_of[in_place]]
    alone = groups == NONE
    groups[alone] = num_places + num_sequences + np.arange(np.count_nonzero(alone))
    return dense_codes(groups)[0]


def _connect(num_nodes: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The lowest node that each node is connected with, int32, shape (num_nodes,).

    Each pass hooks every set to its lowest neighbour, so the number of sets at least halves.
    """
    roots = np.arange(num_nodes, dtype=np.int32)
    while True:
        one, other = roots[left], roots[right]
        apart = one != other
        if not apart.any():
            return roots
        left, right, one, other = left[apart], right[apart], one[apart], other[apart]
        np.minimum.at(roots, np.maximum(one, other), np.minimum(one, other))
        while True:
            higher = roots[roots]
            if np.array_equal(higher, roots):
                break
            roots = higher


def find_cut(codes: np.ndarray, splits: np.ndarray) -> tuple[int, int] | None:
    """Find two media of one code in two splits.

    Args:
        codes: of place, sequence or group, shape (num_media,); -1 belongs to nothing.
        splits: from 0, shape (num_media,); -1 is in no split.

    Returns:
        The indexes of the two media; None where nothing is cut.
    """
    chosen = np.flatnonzero((codes != NONE) & (splits != NONE))
    order = chosen[np.argsort(codes[chosen], kind="stable")]
    same = codes[order[1:]] == codes[order[:-1]]
    cuts = np.flatnonzero(same & (splits[order[1:]] != splits[order[:-1]]))
    return None if not cuts.size else (int(order[cuts[0]]), int(order[cuts[0] + 1]))
