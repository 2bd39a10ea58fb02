"""Which media a person wants to see, and in which order.

Owns: the words for both, the rows of a table that fit, and whether a part of a dataset can hold any, told
from its least and greatest values. Refuses: files, and more than one table at a time; that is
`files.media_search`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.core.vocabulary import Label, Status

NEAR = 0.1
"""How far from the cutoff a score still is near it."""


class Show(StrEnum):
    """What is looked for."""

    ALL = "all"
    MISSED = "missed"
    """Labelled nonblank, and called blank."""
    FALSE_ALARMS = "false_alarms"
    """Labelled blank, and kept."""
    NEAR_CUTOFF = "near_cutoff"
    SET_ASIDE = "set_aside"
    """Called blank, labelled or not."""
    KEPT = "kept"
    NOT_SCORED = "not_scored"
    """Missing, unreadable, too large or unsupported."""


class Order(StrEnum):
    """What comes first. Equals stand in the order of the archive; what has no value comes last."""

    PLACE_TIME = "place_time"
    LOWEST = "p_up"
    HIGHEST = "p_down"
    NEAR_CUTOFF = "near_cutoff"
    OLDEST = "oldest"
    NEWEST = "newest"
    DARKEST = "darkest"
    BRIGHTEST = "brightest"


class Light(StrEnum):
    """By the camera's picture: infrared or flash is night."""

    DAY = "day"
    NIGHT = "night"


Bounds = Mapping[str, tuple[Any, Any] | None]
"""Least and greatest value of a column in a part; None where all are null; absent where nobody knows."""

_BY_COLUMN = {
    Order.LOWEST: "p_nonblank",
    Order.HIGHEST: "p_nonblank",
    Order.NEAR_CUTOFF: "p_nonblank",
    Order.OLDEST: "timestamp",
    Order.NEWEST: "timestamp",
    Order.DARKEST: "brightness",
    Order.BRIGHTEST: "brightness",
}
_DOWNWARD = (Order.HIGHEST, Order.NEWEST, Order.BRIGHTEST)
_OF_SCORE = (Show.MISSED, Show.FALSE_ALARMS, Show.NEAR_CUTOFF, Show.SET_ASIDE, Show.KEPT)
_NAMES = ("location_id", "sequence_id", "media_id")
_LABEL_OF = {Show.MISSED: Label.NONBLANK, Show.FALSE_ALARMS: Label.BLANK}


@dataclass(frozen=True, kw_only=True)
class MediaFilter:
    """What a media must be; what is None or the default asks for nothing."""

    show: Show = Show.ALL
    cutoff: float = 0.5
    """In [0, 1]; compared as scores are, in 32 bits."""
    location_id: str | None = None
    sequence_id: str | None = None
    species: str | None = None
    """As the labels name it."""
    light: Light | None = None
    hour: int | None = None
    """Of the camera's clock, 0 to 23."""
    first_day: date | None = None
    last_day: date | None = None
    """Included."""
    media_id: str | None = None

    def columns(self) -> list[str]:
        """The columns that `fits` looks at, those of the contract only."""
        wanted = {
            "p_nonblank": self.show in _OF_SCORE,
            "status": self.show is Show.NOT_SCORED,
            "label": self.show in _LABEL_OF,
            "location_id": self.location_id is not None,
            "sequence_id": self.sequence_id is not None,
            "species": self.species is not None,
            "is_night": self.light is not None,
            "timestamp": (self.hour, self.first_day, self.last_day) != (None, None, None),
            "media_id": self.media_id is not None,
        }
        return [field.name for field in SCORES_SCHEMA if wanted.get(field.name)]

    def fits(self, table: pa.Table) -> np.ndarray:
        """Which rows are wanted.

        Args:
            table: the columns of `columns`, in the contract's types.

        Returns:
            bool, shape (num_rows,).
        """
        mask = np.ones(table.num_rows, dtype=bool)
        if self.show is Show.NOT_SCORED:
            mask &= _true(pc.not_equal(table.column("status"), Status.OK.value))
        if self.show in _OF_SCORE:
            mask &= self._fits_score(table.column("p_nonblank"))
        if self.show in _LABEL_OF:
            mask &= _true(pc.equal(table.column("label"), _LABEL_OF[self.show].value))
        for name in _NAMES:
            wanted = getattr(self, name)
            if wanted is not None:
                mask &= _true(pc.equal(table.column(name), wanted))
        if self.light is not None:
            mask &= _true(pc.equal(table.column("is_night"), self.light is Light.NIGHT))
        if self.species is not None:
            mask &= _holds(table.column("species"), self.species)
        return mask & self._fits_time(table) if "timestamp" in self.columns() else mask

    def _fits_score(self, column: pa.ChunkedArray) -> np.ndarray:
        scores = column.to_numpy(zero_copy_only=False).astype(np.float32)
        cutoff = np.float32(self.cutoff)
        # A media without a score is nan, which is neither above nor below.
        if self.show is Show.NEAR_CUTOFF:
            return np.asarray(np.abs(scores - cutoff) <= np.float32(NEAR))
        is_kept = self.show in (Show.FALSE_ALARMS, Show.KEPT)
        return np.asarray(scores >= cutoff if is_kept else scores < cutoff)

    def _fits_time(self, table: pa.Table) -> np.ndarray:
        times = table.column("timestamp")
        mask = _true(pc.is_valid(times))
        first, last = self._span()
        if first is not None:
            mask &= _true(pc.greater_equal(times, pa.scalar(first, times.type)))
        if last is not None:
            mask &= _true(pc.less(times, pa.scalar(last, times.type)))
        if self.hour is not None:
            mask &= _true(pc.equal(pc.hour(times), self.hour))
        return mask

    def _span(self) -> tuple[datetime | None, datetime | None]:
        first = datetime.combine(self.first_day, time()) if self.first_day else None
        last = datetime.combine(self.last_day, time()) + timedelta(days=1) if self.last_day else None
        return first, last

    def may_be_in(self, bounds: Bounds) -> bool:
        """Whether a part can hold such media. Where nothing is known of a column, it can."""
        return all(
            name not in bounds or _overlaps(bounds[name], low, high) for name, low, high in self._ranges()
        )

    def _ranges(self) -> list[tuple[str, Any, Any]]:
        """Column, least and greatest value that some wanted media has; None where there is no such end."""
        found: list[tuple[str, Any, Any]] = []
        if self.show in _OF_SCORE:
            cutoff = float(np.float32(self.cutoff))
            is_near, is_kept = self.show is Show.NEAR_CUTOFF, self.show in (Show.FALSE_ALARMS, Show.KEPT)
            low = cutoff - 1.01 * NEAR if is_near else cutoff if is_kept else None
            high = cutoff + 1.01 * NEAR if is_near else None if is_kept else cutoff
            found.append(("p_nonblank", low, high))
        if self.show in _LABEL_OF:
            found.append(("label", _LABEL_OF[self.show].value, _LABEL_OF[self.show].value))
        found += [(name, wanted, wanted) for name in _NAMES if (wanted := getattr(self, name)) is not None]
        if self.light is not None:
            found.append(("is_night", self.light is Light.NIGHT, self.light is Light.NIGHT))
        if self.species is not None:
            found.append(("label", Label.NONBLANK.value, Label.NONBLANK.value))
        if "timestamp" in self.columns():
            found.append(("timestamp", *self._span()))
        return found


def sort_keys(rows: pa.Table, order: Order, *, cutoff: float) -> np.ndarray:
    """What rows are sorted by, the least first; nan where they have no value.

    Args:
        rows: with the column that the order looks at.
        order: any but `PLACE_TIME`, which needs no key.
        cutoff: of `NEAR_CUTOFF`.

    Returns:
        float64, shape (num_rows,).
    """
    column = rows.column(_BY_COLUMN[order])
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    keys = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    if order is Order.NEAR_CUTOFF:
        keys = np.abs(keys - cutoff)
    return np.asarray(-keys if order in _DOWNWARD else keys)


def key_column(order: Order) -> str | None:
    """The column that an order looks at; None for the archive's own order."""
    return _BY_COLUMN.get(order)


def _overlaps(bounds: tuple[Any, Any] | None, low: Any, high: Any) -> bool:
    if bounds is None:
        return False  # nothing but nulls, which fit nothing that is asked for
    return (low is None or bounds[1] >= low) and (high is None or bounds[0] <= high)


def _true(column: Any) -> np.ndarray:
    """Where a column is true; null is not."""
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), dtype=bool)


def _holds(lists: pa.ChunkedArray, wanted: str) -> np.ndarray:
    """Which lists have an item."""
    mask = np.zeros(len(lists), dtype=bool)
    whole = lists.combine_chunks()
    whole = whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)
    hits = _true(pc.equal(pc.list_flatten(whole), wanted))
    mask[pc.list_parent_indices(whole).to_numpy(zero_copy_only=False)[hits]] = True
    return mask
