"""From what a camera's clock showed to an instant: the time zone that it was set to.

Owns: reading a zone's name, and the offset of each time, summer time included. Refuses: guessing a zone.

A camera's clock is seldom changed for summer time. Where it was not, a fixed offset such as `+01:00` is right
and a place's zone is not. Of an hour that a clock showed twice in autumn, the first is taken; an hour that
was skipped in spring, which only a clock that was not changed can show, gets the offset before the change.
"""

import difflib
import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.errors import UsageError

_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_UTC_NAMES = frozenset({"utc", "z", "gmt"})

# Clocks change at quarters of an hour.
_QUARTER_MS = 15 * 60 * 1000
_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, kw_only=True)
class ZonedTimes:
    """Times with their zone, as text."""

    texts: pa.Array
    """ISO 8601 to the second, such as `2020-03-01T22:00:00+01:00`; null where there is no time."""
    dates: pa.Array
    """The days on the spot, `2020-03-01`."""
    num_doubtful: int
    """Times that the clock showed twice, or that the zone skipped."""


class TimeZone:
    """A zone whose offsets are looked up once for each quarter of an hour."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._known: dict[int, tuple[int, bool]] = {}

    def zoned(self, times: pa.Array | pa.ChunkedArray) -> ZonedTimes:
        """Give the clock's times their offset.

        Args:
            times: timestamp[ms] without a zone, shape (num_media,); nulls stay null.
        """
        if isinstance(times, pa.ChunkedArray):
            times = times.combine_chunks()
        is_known = pc.is_valid(times).to_numpy(zero_copy_only=False)
        ms = pc.fill_null(times.cast(pa.timestamp("ms")).cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
        quarters, places = np.unique(ms // _QUARTER_MS, return_inverse=True)
        found = [self._offset_of(int(quarter)) for quarter in quarters]
        minutes = np.array([offset for offset, _ in found], np.int64)[places] if found else ms
        is_doubtful = np.array([doubtful for _, doubtful in found], bool)[places] if found else is_known
        seconds = pc.utf8_slice_codeunits(
            pa.array(ms, pa.timestamp("ms")).cast(pa.timestamp("s"), safe=False).cast(pa.string()), 0, 19
        )
        clock = pc.replace_substring(seconds, " ", "T")
        texts = pc.binary_join_element_wise(clock, _offset_texts(minutes), "")
        nothing = pa.scalar(None, pa.string())
        return ZonedTimes(
            texts=pc.if_else(pa.array(is_known), texts, nothing),
            dates=pc.if_else(pa.array(is_known), pc.utf8_slice_codeunits(clock, 0, 10), nothing),
            num_doubtful=int((is_doubtful & is_known).sum()),
        )

    def _offset_of(self, quarter: int) -> tuple[int, bool]:
        """Minutes east of UTC, and whether the clock's time is not one instant."""
        if quarter not in self._known:
            clock = _EPOCH + timedelta(milliseconds=quarter * _QUARTER_MS)
            first = clock.replace(tzinfo=self._zone)
            offset = first.utcoffset()
            assert offset is not None  # every zone that is parsed has one
            # Of a time that came twice, or never, Python's `fold` names the other offset.
            is_doubtful = first.replace(fold=1).utcoffset() != offset
            self._known[quarter] = (round(offset.total_seconds() / 60), is_doubtful)
        return self._known[quarter]


def parse_time_zone(text: str) -> TimeZone:
    """Read a zone: `UTC`, an offset such as `+02:00`, or a place's name such as `Africa/Nairobi`.

    Raises:
        UsageError: there is no such zone; the message names the nearest one.
    """
    plain = text.strip()
    if plain.lower() in _UTC_NAMES:
        return TimeZone(UTC)
    found = _OFFSET.fullmatch(plain)
    if found is not None:
        offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        if offset <= timedelta(hours=14) and int(found[3] or 0) < 60:
            return TimeZone(timezone(-offset if found[1] == "-" else offset))
    names = zoneinfo.available_timezones()
    if plain in names:
        return TimeZone(zoneinfo.ZoneInfo(plain))
    close = difflib.get_close_matches(plain, sorted(names), n=1, cutoff=0.7)
    meant = f"; did you mean {close[0]}?" if close else ""
    raise UsageError(
        f"--timezone {plain!r}: there is no such zone; expected UTC, an offset such as +02:00, or a name "
        f"such as Africa/Nairobi{meant}"
    )


def _offset_texts(minutes: np.ndarray) -> pa.Array:
    unique, places = np.unique(minutes, return_inverse=True)
    texts = [f"{'-' if one < 0 else '+'}{abs(int(one)) // 60:02d}:{abs(int(one)) % 60:02d}" for one in unique]
    return pa.array(texts, pa.string()).take(pa.array(places))
