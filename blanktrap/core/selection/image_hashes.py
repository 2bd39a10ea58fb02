"""Pictures that are nearly alike, told by a difference hash of 64 bits.

Owns: the hash, and the pairs of pictures in different groups. Refuses: reading images.

A bit says whether a cell of a grey 9 x 8 picture is brighter than its right neighbour; few bits differ
between two frames of a scene in which little moved. Source: the difference hash as Neal Krawetz described it
in 2013; the search by bands is the pigeonhole principle: two hashes that differ in at most d bits are equal
in one of d + 1 bands.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

GRID = (8, 9)
"""Rows and columns of the grey picture that is hashed."""
_FLAT_LEVELS = 6.0
"""Grey levels, of 255, that a picture must span to have a hash that says anything."""


def hash_picture(grey: np.ndarray) -> int | None:
    """Hash a picture; None for one so flat (fog, a black night) that its hash would say nothing.

    Args:
        grey: levels from 0 to 255, shape `GRID`.
    """
    if float(grey.max() - grey.min()) < _FLAT_LEVELS:
        return None
    bits = grey[:, 1:] > grey[:, :-1]
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


@dataclass(frozen=True, kw_only=True)
class ClosePairs:
    """Pairs of media in different groups whose hashes are close, the closest first."""

    left: np.ndarray
    """Index of the first media, int64, shape (num_listed,)."""
    right: np.ndarray
    distances: np.ndarray
    """Bits that differ, shape (num_listed,)."""
    num_pairs: int
    """All that there are; no more than `most` are listed."""


def find_close_pairs(
    hashes: np.ndarray,
    pictures: np.ndarray,
    groups: np.ndarray,
    *,
    max_distance: int,
    min_correlation: float,
    most: int = 10_000,
) -> ClosePairs:
    """Find pairs of pictures in different groups with close hashes and alike grey levels.

    Args:
        hashes: uint64, shape (num_media,).
        pictures: the grey pictures that were hashed, shape (num_media, 8, 9).
        groups: splits, shape (num_media,). Pairs within one are none.
        max_distance: most bits that differ, from 0 to 15.
        min_correlation: least correlation of the grey levels: hashes of smooth pictures, such as nights lit
            by the camera, are often close by chance.
        most: pairs to list.
    """
    # Pictures with equal hashes are looked up once, however many there are.
    kinds, kind_of = np.unique(
        np.stack([hashes, groups.astype(np.uint64)], axis=1), axis=0, return_inverse=True
    )
    members = np.argsort(kind_of.ravel(), kind="stable")
    starts = np.searchsorted(kind_of.ravel()[members], np.arange(len(kinds) + 1))
    levels = pictures.reshape(len(hashes), GRID[0] * GRID[1])
    levels = levels - levels.mean(axis=1, keepdims=True)
    levels /= np.linalg.norm(levels, axis=1, keepdims=True)
    found: list[tuple[int, int, int]] = []
    num_pairs = 0
    for one, other, distance in _close_kinds(kinds[:, 0], kinds[:, 1], max_distance):
        left, right = (members[starts[kind] : starts[kind + 1]] for kind in (one, other))
        for index in left:
            alike = right[levels[right] @ levels[index] >= min_correlation]
            num_pairs += alike.size
            found += [(distance, int(index), int(at)) for at in alike]
        if len(found) > 4 * most:
            found = sorted(found)[:most]
    listed = np.array(sorted(found)[:most], dtype=np.int64).reshape(-1, 3)
    return ClosePairs(left=listed[:, 1], right=listed[:, 2], distances=listed[:, 0], num_pairs=num_pairs)


def _close_kinds(hashes: np.ndarray, groups: np.ndarray, max_distance: int) -> list[tuple[int, int, int]]:
    """Pairs of distinct (hash, group) in different groups within the distance, each once."""
    edges = np.linspace(0, 64, max_distance + 2).astype(int)
    found: set[tuple[int, int, int]] = set()
    for low, high in pairwise(edges.tolist()):
        band = (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(band, kind="stable")
        ends = np.flatnonzero(np.diff(band[order])) + 1
        for alike in np.split(order, ends):
            for position, one in enumerate(alike[:-1]):
                others = alike[position + 1 :]
                others = others[groups[others] != groups[one]]
                distances = np.bitwise_count(hashes[others] ^ hashes[one])
                for other, distance in zip(others, distances, strict=True):
                    if distance <= max_distance:
                        low_one, high_one = sorted((int(one), int(other)))
                        found.add((low_one, high_one, int(distance)))
    return sorted(found)
