"""The spellings of date and time that cameras and annotation files use.

Owns: reading them as the camera's local time, without zone. Refuses: guessing. A spelling that could be
read in two ways gives nothing.
"""

import re
from datetime import datetime, timedelta

_YEAR_FIRST = re.compile(
    r"(\d{4})([-:/.])(\d{1,2})\2(\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?"
    r"\s*(?:Z|[+-]\d{2}:?\d{2})?"
)
_YEAR_LAST = re.compile(
    r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?"
    r"\s*([AaPp][Mm])?"
)


def parse_capture_time(text: str | None) -> datetime | None:
    """Read a capture time: `2013-06-05 05:44:19`, `2013:06:05 05:44:19`, ISO 8601 with `T` and fractions.

    A time zone is dropped: archives are ordered by what the camera's clock said. Day and month before the
    year (`13/06/2013 05:44`) are read only where one of the two is above 12 or they are equal.

    Args:
        text: what a file says; None and empty text say nothing.

    Returns:
        The time to the millisecond; None where it is absent, impossible or ambiguous.
    """
    plain = (text or "").strip()
    found = _YEAR_FIRST.fullmatch(plain)
    if found:
        year, _, month, day, *clock = found.groups()
        return _build(int(year), int(month), int(day), clock, None)
    found = _YEAR_LAST.fullmatch(plain)
    if found is None:
        return None
    one, _, other, year, *clock, half = found.groups()
    first, second = int(one), int(other)
    if first <= 12 and second <= 12 and first != second:
        return None
    month_number, day_number = (second, first) if first > 12 else (first, second)
    return _build(int(year), month_number, day_number, clock, half)


def with_subsecond(moment: datetime, digits: str | None) -> datetime:
    """Add EXIF's `SubSecTime` digits, the decimals behind the second; anything else adds nothing."""
    plain = (digits or "").strip()
    if not (plain.isascii() and plain.isdigit()):
        return moment
    return moment + timedelta(milliseconds=int(plain[:3].ljust(3, "0")))


def _build(year: int, month: int, day: int, clock: list[str | None], half: str | None) -> datetime | None:
    hour, minute, second, fraction = clock
    hours = int(hour or 0)
    if half is not None:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    try:
        moment = datetime(year, month, day, hours, int(minute or 0), int(second or 0))
    except ValueError:
        return None
    return with_subsecond(moment, fraction)
