"""The page "Where it fails": which animals are missed, where and when, and which blanks come back.

Owns: what is seen, and the links into the gallery. Refuses: counting; the report has counted.
"""

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from blanktrap.core.evaluation.error_analysis import NO_LOCATION, NO_SPECIES, NOT_KNOWN
from blanktrap.core.evaluation.missed_shares import NOT_SCORED
from blanktrap.core.reporting.report import Report
from blanktrap.core.reporting.report_errors import ErrorAnalysis
from blanktrap.core.wording import count, cutoff_text, number, percent, span
from dashboard import drawing
from dashboard.charts_errors import MOST_ROWS, missed_drawing, tags_drawing
from dashboard.downloads import offer
from dashboard.inputs import Opened
from dashboard.layout import Card, show_cards, show_rows
from dashboard.loaders import load_report, load_table
from dashboard.navigation import link_to
from dashboard.wording import plain, sentence, share_of, show_no_report, show_nothing

_FACTORS = {
    "species": "Species",
    "location": "Location",
    "hour": "Hour of day",
    "light": "Day and night",
    "brightness": "Brightness",
    "sequence length": "Length of burst",
    "image size": "Image size",
}
# What the gallery can filter by, and what it calls it.
_GALLERY_FILTERS = {"species": "species", "location": "location", "light": "light", "hour": "hour"}
_MOST_LINKS = 5


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Where it fails", anchor=False)
    if opened.report is None:
        show_no_report()
        return
    report = load_report(opened.storage, opened.report).report
    analysis = report.error_analysis
    if analysis is None or not analysis.num_nonblank:
        show_nothing(
            "No missed animals to look into",
            "It takes labelled nonblank images. Evaluate scores that have labels, or give them:",
            "blanktrap evaluate SCORES --labels MANIFEST --out REPORT",
        )
        return
    _show_figures(opened, analysis)
    errors = load_table(opened.storage, opened.report, "errors")
    _show_missed(opened, errors, analysis)
    _show_static_scenes(opened, analysis)
    _show_tags(opened, report)
    with st.expander("How to read this"):
        st.markdown("\n".join(f"- {sentence(one)}" for one in (*analysis.notes, *analysis.left_out)))


def _show_figures(opened: Opened, analysis: ErrorAnalysis) -> None:
    st.markdown(f"At the report's cutoff, **{cutoff_text(analysis.cutoff)}**.")
    show_cards(
        "errors",
        [
            Card(
                name="Missed",
                value=count(analysis.num_missed),
                note=f"of {count(analysis.num_nonblank)} nonblank images",
                explained="Nonblank images that the cutoff calls blank: animals nobody would look at.",
            ),
            Card(
                name="Missed share",
                value=percent(analysis.num_missed / analysis.num_nonblank),
                note="1 less nonblank recall",
                explained="Missed images as a share of the nonblank ones with a score.",
            ),
            Card(
                name="Not scored",
                value=count(analysis.num_not_scored),
                note="nonblank, kept for people",
                explained="Nonblank images that could not be read. They are never counted as missed.",
            ),
            Card(
                name="Static scenes",
                value=count(analysis.num_static_scenes),
                note="locations that fire all the time",
                explained="Locations whose blanks are kept far more often than those of others, as where a "
                "trunk looks like an animal.",
            ),
        ],
    )
    with st.container(horizontal=True):
        link_to("gallery", "Look at the missed images", opened=opened, show="missed")
        link_to("gallery", "Look at the blanks that were kept", opened=opened, show="false_alarms")


def _show_missed(opened: Opened, errors: pa.Table, analysis: ErrorAnalysis) -> None:
    st.subheader("Missed share", anchor=False)
    there = [name for name in dict.fromkeys(errors.column("factor").to_pylist()) if name]
    chosen = st.segmented_control(
        "By",
        there,
        default=there[0],
        required=True,
        format_func=lambda name: _FACTORS.get(name, name.capitalize()),
        key="by",
        bind="query-params",
        label_visibility="collapsed",
    )
    rows = errors.filter(pc.equal(errors.column("factor"), chosen))
    known = rows.filter(
        pc.and_(
            pc.invert(pc.is_in(rows.column("value"), pa.array([NOT_SCORED, NOT_KNOWN]))),
            pc.greater(rows.column("num_media"), 0),
        )
    )
    if not known.num_rows:
        st.info(f"Nothing is known of this property: {sentence('; '.join(analysis.left_out) or 'no values')}")
        return
    chart = missed_drawing(known.slice(0, MOST_ROWS), analysis.num_missed / analysis.num_nonblank)
    drawing.show(chart, key=f"missed by {chosen}")
    _show_factor(opened, str(chosen), known)
    offer(f"missed-by-{chosen}", drawing=chart, table=rows)


def _show_factor(opened: Opened, factor: str, known: pa.Table) -> None:
    """How to read the chart of a property, and the links to its worst values."""
    more = (
        f" The first {MOST_ROWS} of {known.num_rows:,}; the download has all."
        if (known.num_rows > MOST_ROWS)
        else ""
    )
    st.caption(
        "Bars: share missed, with 95 % intervals by location; dashed: over all. Grey bars rest on fewer than "
        f"30 images or 3 locations and say little.{more}"
    )
    name = _GALLERY_FILTERS.get(factor)
    if name is None:
        return
    with st.container(horizontal=True):
        for row in _worst(known):
            link_to(
                "gallery",
                f"Missed {plain(row['value'])} ({row['num_missed']:,})",
                opened=opened,
                show="missed",
                # The gallery knows an hour by its number.
                **{name: str(int(row["value"][:2])) if name == "hour" else row["value"]},
            )


def _worst(known: pa.Table) -> list[dict[str, object]]:
    """The values with most missed images that the gallery can be asked for."""
    rows = [
        row
        for row in known.to_pylist()
        if row["num_missed"] and row["value"] not in (NO_LOCATION, NO_SPECIES, NOT_KNOWN)
    ]
    return sorted(rows, key=lambda row: -row["num_missed"])[:_MOST_LINKS]


def _show_static_scenes(opened: Opened, analysis: ErrorAnalysis) -> None:
    if not analysis.static_scenes:
        return
    st.subheader("Places that fire all the time", anchor=False)
    show_rows(
        [
            {
                "Location": scene.location_id,
                "Blanks kept": share_of(scene.num_kept_blank, scene.false_positive_rate.n),
                "Interval": "-"
                if scene.false_positive_rate.interval is None
                else span(scene.false_positive_rate.interval),
                "Elsewhere": percent(scene.typical_rate),
                "Of all kept blanks": percent(scene.share_of_all),
                "Longest run": f"{scene.longest_run:,}" if scene.longest_run else "-",
            }
            for scene in analysis.static_scenes
        ],
    )
    st.caption(
        f"{number(analysis.num_static_scenes, 'location')} whose blanks are kept far more often than is "
        f"typical. Grass in the wind and wrong labels look alike: look at the images."
    )
    with st.container(horizontal=True):
        for scene in analysis.static_scenes[:_MOST_LINKS]:
            link_to(
                "gallery",
                f"Kept blanks at {plain(scene.location_id)}",
                opened=opened,
                show="false_alarms",
                location=scene.location_id,
            )
    offer("static-scenes", table=load_table(opened.storage, str(opened.report), "static_scenes"))


def _show_tags(opened: Opened, report: Report) -> None:
    st.subheader("What people saw", anchor=False)
    analysis = report.error_analysis
    if analysis is None or analysis.tags is None:
        show_nothing(
            "Nobody has tagged missed and found images yet",
            "Draw a sample, tag position and circumstances on the page Review, and evaluate again with it:",
            "blanktrap evaluate SCORES --sample-errors 200:200 --out REPORT",
            "blanktrap dashboard REPORT REPORT/error_sample",
        )
        return
    tags = load_table(opened.storage, str(opened.report), "error_tags")
    for kind, title in (("position", "Where the animal is"), ("circumstance", "Circumstances")):
        rows = tags.filter(pc.equal(tags.column("kind"), kind))
        if rows.num_rows:
            st.markdown(f"**{title}**")
            chart = tags_drawing(rows)
            drawing.show(chart, key=f"tags {kind}")
            offer(f"tags-{kind}", drawing=chart, table=rows)
    st.caption(
        f"Of {number(analysis.tags.num_missed, 'missed image')} and "
        f"{number(analysis.tags.num_found, 'found image')} that people tagged."
    )
