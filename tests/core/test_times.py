from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.times import (
    DateOrder,
    DateOrderEvidence,
    is_impossible_time,
    order_of_dates,
    parse_capture_time,
    says_no_time,
    utc_offset_of,
    with_subsecond,
)

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
        "5-Jun-2013 05:44:19",
        "05 June 2013 05:44:19",
        "05-JUN-2013T05:44:19Z",
        "Wed Jun  5 05:44:19 2013",
        "20130605_054419",
        "20130605T054419Z",
        "20130605054419",
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
        "5-Foo-2013 05:44:19",
        "31-Jun-2013 05:44:19",
        "20131305054419",
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


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["5/5/19 17:21", "4/28/19 00:32", "5/6/19 1:00"], DateOrder.MONTH_FIRST),
        (["5/6/2019", "28/4/2019"], DateOrder.DAY_FIRST),
        (["28/4/95"], DateOrder.DAY_FIRST),
        # 2019-05-13, 19 May 2013: nothing tells which number is the year.
        (["19/5/13"], None),
        (["4/28/2019", "28/4/2019"], None),
        (["5/6/2019", "2019-05-28", "noon"], None),
        ([], None),
    ],
)
def test_the_dates_of_a_file_show_their_order_or_nothing(texts: list[str], order: DateOrder | None) -> None:
    evidence = DateOrderEvidence()
    for text in texts:
        evidence.see(text)
    assert evidence.order is order


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("5/6/2019 17:21", DateOrder.MONTH_FIRST, datetime(2019, 5, 6, 17, 21)),
        ("5/6/2019 17:21", DateOrder.DAY_FIRST, datetime(2019, 6, 5, 17, 21)),
        ("5/6/19 17:21", DateOrder.MONTH_FIRST, datetime(2019, 5, 6, 17, 21)),
        ("5/6/98 17:21", DateOrder.MONTH_FIRST, datetime(1998, 5, 6, 17, 21)),
        ("5/28/19 17:21", None, None),
        ("5/28/19 17:21", DateOrder.DAY_FIRST, None),
        ("5-28-19 17:21", DateOrder.MONTH_FIRST, None),
        ("2019-05-06 17:21", DateOrder.DAY_FIRST, datetime(2019, 5, 6, 17, 21)),
    ],
)
def test_a_known_order_settles_what_is_ambiguous(
    text: str, order: DateOrder | None, expected: datetime | None
) -> None:
    assert parse_capture_time(text, order) == expected


@pytest.mark.parametrize(
    ("text", "order", "impossible"),
    [
        ("2013-02-30", None, True),
        ("2013-02-28 25:00", None, True),
        ("31/4/2013", None, True),
        ("5/6/2013", None, False),
        ("5/28/13", None, False),
        ("5/28/13", DateOrder.DAY_FIRST, True),
        ("0000:00:00 00:00:00", None, False),
        ("unknown", None, False),
        ("", None, False),
        ("2012-02-29", None, False),
    ],
)
def test_dates_that_do_not_exist_are_told_from_unclear_ones(
    text: str, order: DateOrder | None, impossible: bool
) -> None:
    assert is_impossible_time(text, order) is impossible


def test_dates_of_a_file_are_read_no_further_than_to_a_year_that_stands_first() -> None:
    assert order_of_dates([None, "", "5/6/2013", "25/6/2013", "7/6/2013"]) is DateOrder.DAY_FIRST
    assert order_of_dates(["5/6/2013", "25/6/2013", "6/25/2013"]) is None
    rest = iter(["2013-06-05 05:44", "25/6/2013"])
    assert order_of_dates(rest) is None
    assert next(rest) == "25/6/2013"


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("2020-05-30T04:57:37+02:00", timedelta(hours=2)),
        ("2020-05-30T04:57:37.5-0330", -timedelta(hours=3, minutes=30)),
        ("2020-05-30T02:57:37Z", timedelta(0)),
        ("2020-05-30T02:57:37", None),
        ("2020-05-30", None),
        ("2020-05-30T02:57:37+99:00", None),
    ],
)
def test_the_zone_behind_a_time_is_read(text: str, offset: timedelta | None) -> None:
    assert utc_offset_of(text) == offset


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2089, 12, 31)))
def test_every_real_date_is_read_in_its_own_order_and_is_possible(moment: datetime) -> None:
    moment = moment.replace(second=0, microsecond=0)
    short, clock = f"{moment.year % 100:02d}", f"{moment.hour}:{moment.minute:02d}"
    month_first = f"{moment.month}/{moment.day}/{short} {clock}"
    assert parse_capture_time(month_first, DateOrder.MONTH_FIRST) == moment
    assert not is_impossible_time(month_first)
    evidence = DateOrderEvidence()
    evidence.see(month_first)
    assert evidence.order is (DateOrder.MONTH_FIRST if moment.day > 12 else None)


@given(st.text())
def test_no_text_breaks_the_readers_of_times(text: str) -> None:
    utc_offset_of(text)
    assert parse_capture_time(text) is None or not is_impossible_time(text)


@pytest.mark.parametrize(
    "text", ["", "  ", "0000:00:00 00:00:00", "0000-00-00T00:00:00Z", "NA", "null", "NaT"]
)
def test_no_time_is_told_from_a_time_that_is_none(text: str) -> None:
    assert says_no_time(text)
    assert not is_impossible_time(text)


@pytest.mark.parametrize("text", ["2013-02-30", "yesterday", "05/06/2013", "0000-00-01"])
def test_what_says_something_is_not_no_time(text: str) -> None:
    assert not says_no_time(text)
