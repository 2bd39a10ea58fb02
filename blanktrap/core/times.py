"""The spellings of date and time that cameras and annotation files use.

Owns: reading them as the camera's local time, without zone. Refuses: guessing. A spelling that could be
read in two ways gives nothing.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

_YEAR_FIRST = re.compile(
    r"(\d{4})([-:/.])(\d{1,2})\2(\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?"
    r"\s*(?:Z|[+-]\d{2}:?\d{2})?"
)
# `5-Jun-2013 05:44:19`, `Wed Jun  5 05:44:19 2013`, and dates without any separators.
_DAY_NAMED_MONTH = re.compile(r"(\d{1,2})[-/ ]([A-Za-z]{3})[a-z]*[-/ ](\d{4})(?=[T ]|$)")
_NAMED_MONTH_DAY = re.compile(r"[A-Za-z]{3}\s+([A-Za-z]{3})\s+(\d{1,2})\s+(\d{1,2}:\d{2}:\d{2})\s+(\d{4})")
_RUN_TOGETHER = re.compile(r"(\d{4})(\d{2})(\d{2})[T_]?(\d{2})(\d{2})(\d{2})Z?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# A year of two digits is read only with slashes, in the order that other dates of the file show.
_YEAR_LAST = re.compile(
    r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|(?<=/)\d{2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?"
    r"\s*([AaPp][Mm])?"
)
_ZONE = re.compile(r".*:\d{2}(?:[.,]\d+)?\s*(?:(Z)|([+-])(\d{2}):?(\d{2}))")

# No camera trap wrote digital files before: a year of two digits below this is of this century.
_FIRST_DIGITAL_YEAR = 90

_NO_TIME = frozenset({"", "na", "n/a", "nan", "nat", "none", "null", "unknown"})


class DateOrder(StrEnum):
    """Which of the two numbers before the year is the month."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"


class DateOrderEvidence:
    """What the dates of one file show together of their order.

    One program wrote them all, so that a day above 12 in one date settles `5/6/2019` in another.
    """

    def __init__(self) -> None:
        self._shown: set[DateOrder] = set()

    def see(self, text: str) -> None:
        """Take one date into account. What is spelt otherwise shows nothing."""
        found = _YEAR_LAST.fullmatch(text.strip())
        if found is None:
            return
        first, second, year = int(found[1]), int(found[3]), found[4]
        if second > 12 >= first:
            self._shown.add(DateOrder.MONTH_FIRST)
        elif first > 12 >= second and (len(year) == 4 or int(year) > 31):
            # Of 19/5/13 either number may be the year.
            self._shown.add(DateOrder.DAY_FIRST)

    @property
    def order(self) -> DateOrder | None:
        """The order that some dates show and none contradicts; None where it cannot be told."""
        return next(iter(self._shown)) if len(self._shown) == 1 else None


def order_of_dates(texts: Iterable[str | None]) -> DateOrder | None:
    """What the dates of one file show of their order.

    They are read no further than to one that begins with its year: the others then do so too.

    Returns:
        The order; None where it cannot be told, or need not be.
    """
    evidence = DateOrderEvidence()
    for text in texts:
        if text and _YEAR_FIRST.fullmatch(text.strip()):
            return None
        evidence.see(text or "")
    return evidence.order


def parse_capture_time(text: str | None, order: DateOrder | None = None) -> datetime | None:
    """Read a capture time: `2013-06-05 05:44:19`, `2013:06:05 05:44:19`, ISO 8601 with `T` and fractions,
    `20130605_054419`, and `5-Jun-2013 05:44:19` with English names of months.

    A time zone is dropped: archives are ordered by what the camera's clock said. Day and month before the
    year (`13/06/2013 05:44`) are read only where one of the two is above 12 or they are equal, or where the
    order is known from elsewhere; a year of two digits (`5/13/19`) only then.

    Args:
        text: what a file says; None and empty text say nothing.
        order: which number is the month, where the file's other dates show it.

    Returns:
        The time to the millisecond; None where it is absent, impossible or ambiguous.
    """
    plain = _with_numbers((text or "").strip())
    found = _YEAR_FIRST.fullmatch(plain)
    if found:
        year, _, month, day, *clock = found.groups()
        return _build(int(year), int(month), int(day), clock, None)
    found = _YEAR_LAST.fullmatch(plain)
    if found is None:
        return None
    one, _, other, year, *clock, half = found.groups()
    first, second = int(one), int(other)
    if order is None:
        if len(year) == 2 or (first <= 12 and second <= 12 and first != second):
            return None
        order = DateOrder.DAY_FIRST if first > 12 else DateOrder.MONTH_FIRST
    month_number, day_number = (second, first) if order is DateOrder.DAY_FIRST else (first, second)
    return _build(_full_year(year), month_number, day_number, clock, half)


def is_impossible_time(text: str, order: DateOrder | None = None) -> bool:
    """Whether a text is spelt as a date, or date and time, that no calendar and no clock has.

    `2013-02-30` and `2013-06-05 25:00` are; `5/6/2013`, which could be two dates, and `unknown` are not, nor
    is `0000:00:00 00:00:00`, which is how a camera says that its clock was never set.
    """
    plain = _with_numbers(text.strip())
    if not any(digit in plain for digit in "123456789"):
        return False
    found = _YEAR_LAST.fullmatch(plain)
    if found is not None:
        orders = (order,) if order is not None else tuple(DateOrder)
        return all(parse_capture_time(plain, one) is None for one in orders)
    return _YEAR_FIRST.fullmatch(plain) is not None and parse_capture_time(plain) is None


def utc_offset_of(text: str) -> timedelta | None:
    """The zone behind a capture time: two hours for `…T04:57:37+02:00`, none at all for `…T02:57:37Z`.

    Returns:
        What to subtract from the clock's time for UTC; None where no zone is written or it is impossible.
    """
    found = _ZONE.fullmatch(text.strip())
    if found is None:
        return None
    zulu, sign, hours, minutes = found.groups()
    if zulu:
        return timedelta(0)
    if int(hours) > 14 or int(minutes) > 59:
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return -offset if sign == "-" else offset


def says_no_time(text: str) -> bool:
    """Whether a text says that there is no time: empty, a word for it, or all zeros as in `0000:00:00`."""
    plain = text.strip()
    return plain.casefold() in _NO_TIME or not plain.strip("0-:/.T Z")


def with_subsecond(moment: datetime, digits: str | None) -> datetime:
    """Add EXIF's `SubSecTime` digits, the decimals behind the second; anything else adds nothing."""
    plain = (digits or "").strip()
    if not (plain.isascii() and plain.isdigit()):
        return moment
    return moment + timedelta(milliseconds=int(plain[:3].ljust(3, "0")))


def _with_numbers(text: str) -> str:
    """A date that names its month in English, or runs its numbers together, as `2013-06-05 05:44:19`."""
    found = _NAMED_MONTH_DAY.fullmatch(text)
    if found:
        month, day, clock, year = found.groups()
        return _dated(text, year, month, day, f" {clock}")
    found = _DAY_NAMED_MONTH.match(text)
    if found:
        day, month, year = found.groups()
        return _dated(text, year, month, day, text[found.end() :])
    found = _RUN_TOGETHER.fullmatch(text)
    if found:
        year, month, day, hour, minute, second = found.groups()
        return f"{year}-{month}-{day} {hour}:{minute}:{second}"
    return text


def _dated(text: str, year: str, month: str, day: str, clock: str) -> str:
    if month.lower() not in _MONTHS:
        return text
    return f"{year}-{_MONTHS.index(month.lower()) + 1:02}-{day}{clock}"


def _full_year(digits: str) -> int:
    if len(digits) == 4:
        return int(digits)
    return int(digits) + (1900 if int(digits) >= _FIRST_DIGITAL_YEAR else 2000)


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
