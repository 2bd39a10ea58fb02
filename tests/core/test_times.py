from datetime import datetime

import pytest

from blanktrap.core.times import parse_capture_time, with_subsecond

EXPECTED = datetime(2013, 6, 5, 5, 44, 19)


@pytest.mark.parametrize(
    "text",
    [
        "2013-06-05 05:44:19",
        "2013-06-05T05:44:19",
        "2013-06-05T05:44:19Z",
        "2013-06-05T05:44:19+03:00",
        "2013:06:05 05:44:19",
        "2013/06/05 5:44:19",
        " 2013-06-05 05:44:19 ",
    ],
)
def test_every_known_spelling_is_the_same_moment(text: str) -> None:
    assert parse_capture_time(text) == EXPECTED


def test_fractions_are_kept_to_the_millisecond() -> None:
    assert parse_capture_time("2013-06-05T05:44:19.25") == EXPECTED.replace(microsecond=250_000)
    assert with_subsecond(EXPECTED, "5") == EXPECTED.replace(microsecond=500_000)
    assert with_subsecond(EXPECTED, "0078") == EXPECTED.replace(microsecond=7_000)
    assert with_subsecond(EXPECTED, "x") == EXPECTED


@pytest.mark.parametrize("text", ["25/06/2013 05:44", "06/25/2013 5:44 AM"])
def test_a_day_above_twelve_tells_day_from_month(text: str) -> None:
    assert parse_capture_time(text) == datetime(2013, 6, 25, 5, 44)


@pytest.mark.parametrize(
    "text",
    [
        "05/06/2013 05:44",
        "0000:00:00 00:00:00",
        "2013-13-05",
        "2013-02-30 10:00",
        "noon",
        "",
        None,
        "13/13/2013",
    ],
)
def test_ambiguous_or_impossible_times_are_nothing(text: str | None) -> None:
    assert parse_capture_time(text) is None


def test_noon_and_midnight_in_twelve_hours() -> None:
    assert parse_capture_time("25/12/2013 12:10 AM") == datetime(2013, 12, 25, 0, 10)
    assert parse_capture_time("25/12/2013 12:10 PM") == datetime(2013, 12, 25, 12, 10)
