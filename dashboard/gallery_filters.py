"""What a visitor of the gallery asks for.

Owns: the controls, and their state in the link. Refuses: looking for media. What a link asks for and does not
exist is passed over: a filter is asked for nothing worse than nothing.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import TypeVar

import pyarrow.compute as pc
import streamlit as st

from blanktrap.core.errors import BlanktrapError
from blanktrap.core.media_filters import Light, MediaFilter, Order, Show
from dashboard.inputs import Opened
from dashboard.loaders import load_report, load_table

SHOWN = {
    Show.ALL: "All images",
    Show.MISSED: "Missed: animals called blank",
    Show.FALSE_ALARMS: "False alarms: blanks that were kept",
    Show.NEAR_CUTOFF: "Near the cutoff",
    Show.SET_ASIDE: "Called blank",
    Show.KEPT: "Kept for people",
    Show.NOT_SCORED: "Could not be scored",
}
ORDERED = {
    Order.PLACE_TIME: "Place and time",
    Order.HIGHEST: "Highest score first",
    Order.LOWEST: "Lowest score first",
    Order.NEAR_CUTOFF: "Nearest to the cutoff first",
    Order.OLDEST: "Oldest first",
    Order.NEWEST: "Newest first",
    Order.DARKEST: "Darkest first",
    Order.BRIGHTEST: "Brightest first",
}
LIGHTS = {Light.DAY: "Day", Light.NIGHT: "Night"}

_USUAL_CUTOFF = 0.5
_Word = TypeVar("_Word", bound=StrEnum)


def ask_filter(opened: Opened) -> tuple[MediaFilter, Order]:
    """Draw the controls and read them; the link follows."""
    with st.container(key="filters"):
        return _ask_all(opened)


def _ask_all(opened: Opened) -> tuple[MediaFilter, Order]:
    first, second, third = st.columns([3, 3, 2])
    with first:
        show = _choose("Show", "show", SHOWN, Show.ALL)
    with second:
        order = _choose("Order", "sort", ORDERED, Order.PLACE_TIME)
    with third:
        cutoff = _ask_cutoff(opened)
    columns = st.columns([3, 3, 2, 2, 3])
    with columns[0]:
        location = _name("Location", "location", _names(opened, "locations", "location_id"))
    with columns[1]:
        species = _name("Species", "species", _names(opened, "species", "species"))
    with columns[2]:
        light = _any_of("Light", "light", LIGHTS)
    with columns[3]:
        hour = _ask_hour()
    with columns[4]:
        first_day, last_day = _ask_days()
    wanted = MediaFilter(
        show=show,
        cutoff=cutoff,
        location_id=location,
        species=species,
        light=light,
        hour=hour,
        first_day=first_day,
        last_day=last_day,
    )
    return wanted, order


def _choose(label: str, name: str, words: dict[_Word, str], usual: _Word) -> _Word:
    options = list(words)
    linked = st.query_params.get(name, usual.value)
    at = next((place for place, one in enumerate(options) if one.value == linked), options.index(usual))
    chosen = st.selectbox(label, options, index=at, format_func=lambda one: words[one], key=f"gallery {name}")
    link(name, chosen.value if chosen is not usual else None)
    return chosen


def _any_of(label: str, name: str, words: dict[_Word, str]) -> _Word | None:
    options = list(words)
    linked = st.query_params.get(name)
    at = next((place for place, one in enumerate(options) if one.value == linked), None)
    chosen = st.selectbox(
        label,
        options,
        index=at,
        format_func=lambda one: words[one],
        placeholder="any",
        key=f"gallery {name}",
    )
    link(name, chosen.value if chosen is not None else None)
    return chosen


def _name(label: str, name: str, there: Sequence[str]) -> str | None:
    """A name that the report knows, or any other that somebody types."""
    linked = st.query_params.get(name)
    options = [*there, *([linked] if linked and linked not in there else [])]
    chosen: str | None = st.selectbox(
        label,
        options,
        index=options.index(linked) if linked else None,
        placeholder="any",
        accept_new_options=True,
        key=f"gallery {name}",
    )
    link(name, chosen)
    return chosen


def _ask_cutoff(opened: Opened) -> float:
    """The cutoff, under the same name in the link as on the other pages; the report's own to begin with."""
    usual = _USUAL_CUTOFF
    if opened.report is not None:
        usual = load_report(opened.storage, opened.report).report.cutoff
    return st.number_input(
        "Cutoff",
        min_value=0.0,
        max_value=1.0,
        value=usual,
        step=0.01,
        format="%.3f",
        key="cutoff",
        bind="query-params",
        help="Images with a score at or above it are kept for people; the rest are called blank.",
    )


def _ask_hour() -> int | None:
    linked = st.query_params.get("hour", "")
    hours = list(range(24))
    chosen = st.selectbox(
        "Hour",
        hours,
        index=int(linked) if linked.isdecimal() and int(linked) in hours else None,
        format_func=lambda hour: f"{hour}:00 to {hour}:59",
        placeholder="any",
        key="gallery hour",
        help="Of the camera's clock.",
    )
    link("hour", None if chosen is None else str(chosen))
    return chosen


def _ask_days() -> tuple[date | None, date | None]:
    linked = [day for name in ("from", "to") if (day := _day_of(st.query_params.get(name))) is not None]
    chosen = st.date_input(
        "Days",
        value=tuple(linked) if len(linked) < 2 or linked[0] <= linked[1] else (),
        min_value=date(1970, 1, 1),
        max_value=date(2100, 1, 1),
        format="YYYY-MM-DD",
        key="gallery days",
    )
    days = list(chosen) if isinstance(chosen, tuple) else [chosen]
    first = days[0] if days else None
    last = days[1] if len(days) > 1 else None
    link("from", first.isoformat() if first else None)
    link("to", last.isoformat() if last else None)
    return first, last


def _day_of(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _names(opened: Opened, table: str, column: str) -> list[str]:
    """The names that the report's tables have, sorted; none without a report."""
    if opened.report is None:
        return []
    try:
        found = load_table(opened.storage, opened.report, table).column(column)
    except (BlanktrapError, KeyError):
        return []
    return sorted(pc.unique(found.drop_null()).to_pylist())


def link(name: str, value: str | None) -> None:
    """Write a choice into the address; the usual one is not written."""
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value
