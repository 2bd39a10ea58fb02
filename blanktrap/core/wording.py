"""How figures are worded wherever they are printed.

Owns: one form for shares, counts and durations. Refuses: deciding what is said.
"""

from decimal import ROUND_FLOOR, Decimal

import numpy as np

_MAX_NAME = 48


def percent(share: float | None) -> str:
    """A share as `95.3 %`; a dash where there is none."""
    return "-" if share is None else f"{100.0 * share:.1f} %"


def cutoff_text(cutoff: float) -> str:
    """A cutoff with four digits, never rounded up: one that is typed in again keeps no media less."""
    exact = Decimal(repr(cutoff))
    if not exact:
        return "0"
    place = Decimal(1).scaleb(exact.adjusted() - 3)
    return f"{exact.quantize(place, ROUND_FLOOR).normalize():f}"


def count(number: float) -> str:
    """A count, rounded, with separators."""
    return f"{round(number):,}"


def number(num: int, noun: str) -> str:
    """A count with its noun: `1 location`, `2,000 locations`, `3 species`, `4 media`."""
    return f"{num:,} {noun}{'' if num == 1 or noun.endswith(('s', 'media')) else 's'}"


def short_name(name: str) -> str:
    """A name from an archive, cut where it would fill the line."""
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"


def moment(time_ms: int) -> str:
    """A time on the camera's clock, from milliseconds since 1970: `2013-06-05 05:44`, `2013-06-01`."""
    text = str(np.datetime64(time_ms, "ms")).replace("T", " ").removesuffix(".000").removesuffix(":00")
    return text.removesuffix(" 00:00")


def duration(seconds: float) -> str:
    """A duration people read: `42 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def points(difference: float) -> str:
    """A difference of two shares in percentage points, with its sign: `+2.5`. What rounds to 0 is `+0.0`."""
    return f"{round(100.0 * difference, 1) + 0.0:+.1f}"


def span(bounds: tuple[float, float]) -> str:
    """Two shares as `91.2 to 96.4 %`."""
    return f"{100.0 * bounds[0]:.1f} to {100.0 * bounds[1]:.1f} %"
