"""From a camera's clock to an instant."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.errors import UsageError
from blanktrap.core.time_zones import parse_time_zone


def zoned(zone, *times):
    return parse_time_zone(zone).zoned(pa.array(times, pa.timestamp("ms")))


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        ("UTC", "+00:00"),
        ("Z", "+00:00"),
        ("+02:00", "+02:00"),
        ("-0330", "-03:30"),
        ("+9", "+09:00"),
        ("UTC+1", "+01:00"),
        ("Africa/Nairobi", "+03:00"),
        ("Asia/Kathmandu", "+05:45"),
    ],
)
def test_spellings_of_zones(zone, offset):
    found = zoned(zone, datetime(2024, 1, 31, 23, 59, 59, 999000))
    # The decimals of a second are cut off, not rounded up into another day.
    assert found.texts.to_pylist() == [f"2024-01-31T23:59:59{offset}"]
    assert found.dates.to_pylist() == ["2024-01-31"]
    assert found.num_doubtful == 0


@pytest.mark.parametrize("zone", ["", "+15:00", "+01:75", "Europe/Atlantis", "../etc/passwd", "local"])
def test_what_is_no_zone_is_refused(zone):
    with pytest.raises(UsageError, match="there is no such zone; expected UTC, an offset such as"):
        parse_time_zone(zone)


def test_a_misspelt_zone_names_the_nearest():
    with pytest.raises(UsageError, match=r"did you mean Africa/Nairobi"):
        parse_time_zone("Africa/Nairobbi")


def test_summer_time_begins_and_ends():
    # Berlin, 2024: clocks went from 02:00 to 03:00 on 31 March, and from 03:00 back to 02:00 on 27 October.
    times = [
        datetime(2024, 3, 31, 1, 59),
        datetime(2024, 3, 31, 2, 30),  # skipped: only a clock that was not changed shows it
        datetime(2024, 3, 31, 3, 0),
        datetime(2024, 10, 27, 1, 59),
        datetime(2024, 10, 27, 2, 30),  # shown twice: the first is taken
        datetime(2024, 10, 27, 3, 0),
    ]
    found = zoned("Europe/Berlin", *times)
    assert [text[-6:] for text in found.texts.to_pylist()] == [
        "+01:00",
        "+01:00",
        "+02:00",
        "+02:00",
        "+02:00",
        "+01:00",
    ]
    assert found.num_doubtful == 2


def test_no_time_stays_none():
    found = zoned("Europe/Berlin", None, datetime(2024, 1, 1), None)
    assert found.texts.to_pylist() == [None, "2024-01-01T00:00:00+01:00", None]
    assert zoned("UTC").texts.to_pylist() == []


@given(
    seconds=st.integers(-(10**9), 3 * 10**9),
    name=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Monrovia"]),
)
def test_each_offset_is_that_of_the_standard_library(seconds, name):
    clock = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    [text] = zoned(name, clock).texts.to_pylist()
    offset = clock.replace(tzinfo=ZoneInfo(name)).utcoffset()
    # The standard's times have offsets of whole minutes.
    wanted = timedelta(minutes=round(offset.total_seconds() / 60))
    found = datetime.fromisoformat(text)
    assert (found.replace(tzinfo=None), found.utcoffset()) == (clock, wanted)
    assert found.astimezone(UTC) == (clock - wanted).replace(tzinfo=UTC)
