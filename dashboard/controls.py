"""What may be chosen, the same on every page that asks for it.

Owns: the cutoff, the blank rate and the work by hand, which stand in the link and stay from page to page.
Refuses: figures.
"""

import streamlit as st

from blanktrap.core.statistics.savings import HandWork
from blanktrap.core.wording import cutoff_text
from dashboard.loaders import LoadedReport
from dashboard.wording import plain

NUMBER_PX = 150

_CUTOFF, _BLANK, IMAGES = "cutoff", "blank", "images"
_FOLLOWED = "chosen for"


def follow_report(loaded: LoadedReport) -> None:
    """Begin anew where another report was chosen: what was set for the last one says nothing of this one."""
    if st.session_state.get(_FOLLOWED, loaded.location) != loaded.location:
        st.session_state[_CUTOFF] = _first_cutoff(loaded)
        st.session_state[_BLANK] = _first_percent(loaded)
        st.session_state[IMAGES] = loaded.report.archive.num_media
    st.session_state[_FOLLOWED] = loaded.location


def _first_cutoff(loaded: LoadedReport) -> float:
    return loaded.first_step / 1000


def _first_percent(loaded: LoadedReport) -> int:
    return min(99, max(1, round(100 * loaded.first_blank_rate)))


def choose_cutoff(loaded: LoadedReport) -> int:
    """The slider of the cutoff, in thousandths. It begins at the report's own, rounded down."""
    cutoff = st.slider(
        "Cutoff",
        min_value=0.0,
        max_value=1.0,
        value=_first_cutoff(loaded),
        step=0.001,
        format="%.3f",
        key=_CUTOFF,
        bind="query-params",
        help="Images with p_nonblank at or above the cutoff are kept for people; the rest are called blank. "
        "Lower loses fewer animals and saves fewer hours.",
    )
    report = loaded.report
    st.caption(f"The report's cutoff is {cutoff_text(report.cutoff)}, {plain(report.chosen.chosen_by)}.")
    return round(cutoff * 1000)


def go_to_cutoff(cutoff: float) -> None:
    """Move the slider; for the buttons beside it, before the page is drawn."""
    st.session_state[_CUTOFF] = cutoff


def choose_blank_rate(loaded: LoadedReport) -> float:
    """The slider of the blank rate, as a share."""
    chosen = st.slider(
        "Blank images in your archive (%)",
        min_value=1,
        max_value=99,
        value=_first_percent(loaded),
        key=_BLANK,
        bind="query-params",
        help="The true share of blanks there. Figures for it are calculated from the measured shares, not "
        "measured.",
    )
    return chosen / 100


def choose_work(loaded: LoadedReport) -> HandWork:
    """How fast people look, how long they work, and what an hour costs."""
    config = loaded.config
    images_per_hour = st.number_input(
        "Images an hour",
        min_value=1,
        value=max(1, round(config.images_per_hour)),
        step=50,
        key="images_per_hour",
        bind="query-params",
        width=NUMBER_PX,
        help="How many images one person looks at in an hour when excluding blanks by hand.",
    )
    hours_per_week = st.number_input(
        "Hours a week",
        min_value=1,
        max_value=168,
        value=min(168, max(1, round(config.hours_per_week))),
        key="hours_per_week",
        bind="query-params",
        width=NUMBER_PX,
        help="How many hours a week that person looks at images.",
    )
    cost_per_hour = st.number_input(
        "Wage an hour",
        min_value=0.0,
        value=float(config.cost_per_hour or 0.0),
        step=1.0,
        key="wage",
        bind="query-params",
        width=NUMBER_PX,
        help="What an hour of looking costs, in any currency; 0 leaves money out.",
    )
    return HandWork(
        images_per_hour=images_per_hour, hours_per_week=hours_per_week, cost_per_hour=cost_per_hour or None
    )
