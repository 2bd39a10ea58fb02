"""The neighbours of each media in place and time, named by the manifest alone.

Owns: which media may show what a media's place looks like without its animal. Refuses: pixels; whether a
neighbour has the same light and the same view is seen when it is decoded (`blanktrap.vision.background`).

A manifest is sorted by place and time, so all neighbours of a row lie within a fixed number of rows of it,
its reach. What is chosen for a row depends on the rows within its reach and on nothing else: a manifest may
be cut anywhere, and scores stay the same if each piece is read with that many rows on both sides.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.config import Background

NEIGHBOUR_COLUMNS = ("location_id", "deployment_id", "sequence_id", "timestamp")
"""What the choice is made of."""

_MS_PER_HOUR = 3_600_000
_UNKNOWN_MS = 1 << 50
"""Stands for the time between two media one of which has no clock: later than any that is known."""
_LATEST_MS = 1 << 48
_TIER = 1 << 52
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, kw_only=True)
class NeighbourRule:
    """How neighbours are chosen. Models are trained with one rule: none of its numbers may change later."""

    reach_rows: int = 12
    """Rows before and after a media in which its neighbours are looked for."""
    max_neighbours: int = 12
    """Neighbours of a media at the most."""
    num_of_sequence: int = 8
    """So many frames of the media's own sequence come first, then other sequences: an animal that stands
    still through a burst must not become background."""
    window_hours: float = 240.0
    """Time between a media and a neighbour of another sequence at the most: plants grow, leaves fall."""
    beyond_sequence: bool = True
    """Whether other sequences of the location count."""


def rule_of(background: Background) -> NeighbourRule | None:
    """The rule that a model's card names; None where it compares nothing."""
    if background == "none":
        return None
    return NeighbourRule(beyond_sequence=background == "location")


def choose_neighbours(rows: pa.Table, rule: NeighbourRule) -> np.ndarray:
    """Choose the neighbours of each row.

    They are of the same location and deployment, never the row itself: frames of its own sequence first, the
    nearest rows before further ones, then the media of other sequences that are nearest in time. Where a
    clock is missing the nearest rows count. A media whose location is unknown has its own sequence alone.

    Args:
        rows: in manifest order, with `NEIGHBOUR_COLUMNS`. The first and the last `reach_rows` of them may
            have other neighbours in a longer table.
        rule: how to choose.

    Returns:
        Offsets from a row to its neighbours, the best first, in [-reach_rows, reach_rows], 0 where there are
        no more; int32, shape (num_rows, max_neighbours).
    """
    reach = min(rule.reach_rows, max(0, rows.num_rows - 1))
    distances = np.repeat(np.arange(1, reach + 1), 2)
    offsets = distances * np.tile([-1, 1], reach)
    chosen = np.zeros((rows.num_rows, rule.max_neighbours), np.int32)
    if not reach:
        return chosen
    keys = np.stack([_keys_at(rows_of, rule) for rows_of in _pairs(rows, offsets)], axis=1)
    is_own = keys < _TIER
    keys[is_own & (np.cumsum(is_own, axis=1) > rule.num_of_sequence)] += 2 * _TIER
    # Stable: of equally good ones the nearer row comes first, and the earlier before the later.
    order = np.argsort(keys, axis=1, kind="stable")[:, : rule.max_neighbours]
    best = np.take_along_axis(keys, order, axis=1) < _NEVER
    chosen[:, : order.shape[1]] = np.where(best, offsets[order], 0)
    return chosen


def neighbour_rows(rows: pa.Table, rule: NeighbourRule) -> list[list[int]]:
    """The rows that are each row's neighbours, the best first; arguments as `choose_neighbours`."""
    offsets = choose_neighbours(rows, rule)
    return [(row + own[own != 0]).tolist() for row, own in enumerate(offsets)]


@dataclass(frozen=True, kw_only=True)
class _Pairs:
    """Each row beside the one at an offset; all arrays have shape (num_rows,)."""

    is_place: np.ndarray
    """There is such a row, of the same location (or of none, as this one) and deployment."""
    is_known: np.ndarray
    """The location is known."""
    is_sequence: np.ndarray
    """Both are frames of one sequence."""
    apart_ms: np.ndarray


def _pairs(rows: pa.Table, offsets: np.ndarray) -> "list[_Pairs]":
    places, deployments, sequences = (_codes(rows.column(name)) for name in NEIGHBOUR_COLUMNS[:3])
    times = rows.column("timestamp").cast(pa.timestamp("ms")).cast(pa.int64())
    has_time = times.is_valid().to_numpy()
    clock = np.clip(times.fill_null(0).to_numpy(), -_LATEST_MS, _LATEST_MS)
    positions = np.arange(rows.num_rows)
    found = []
    for offset in offsets.tolist():
        beside = positions + offset
        is_there = (beside >= 0) & (beside < rows.num_rows)
        beside = np.where(is_there, beside, positions)
        is_timed = has_time & has_time[beside]
        found.append(
            _Pairs(
                is_place=is_there & (places == places[beside]) & (deployments == deployments[beside]),
                is_known=places >= 0,
                is_sequence=(sequences >= 0) & (sequences == sequences[beside]),
                apart_ms=np.where(is_timed, np.abs(clock - clock[beside]), _UNKNOWN_MS),
            )
        )
    return found


def _keys_at(pair: _Pairs, rule: NeighbourRule) -> np.ndarray:
    """How good a neighbour is, the less the better; below `_TIER` in the sequence, `_NEVER` if it is none."""
    is_near = (pair.apart_ms <= rule.window_hours * _MS_PER_HOUR) | (pair.apart_ms == _UNKNOWN_MS)
    is_other = pair.is_known & is_near & rule.beyond_sequence
    keys = np.where(pair.is_sequence, 0, np.where(is_other, _TIER + pair.apart_ms, _NEVER))
    return np.where(pair.is_place, keys, _NEVER)


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """A number for each distinct value, -1 for null; int64, shape (num_rows,)."""
    codes = pc.index_in(column, pc.unique(column.drop_null()))
    return np.asarray(codes.fill_null(-1).to_numpy(), np.int64)
