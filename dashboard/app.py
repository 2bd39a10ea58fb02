"""The first page: what a cutoff keeps, loses and saves.

    streamlit run dashboard/app.py -- REPORT…

Owns: what is seen. Refuses: reading files itself, and showing a figure without what it was measured on.
"""

import re
import sys

import pandas as pd
import streamlit as st

from blanktrap.core.errors import BlanktrapError
from blanktrap.core.statistics.extrapolation import extrapolate_counts, extrapolate_precision
from blanktrap.core.statistics.metrics import ConfusionCounts
from blanktrap.core.statistics.savings import HandWork, savings_of
from blanktrap.core.wording import count, percent
from dashboard.charts import cutoff_chart
from dashboard.loaders import LoadedReport, Request, choose_report, load_report, parse_arguments

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~&])")


def plain(text: str) -> str:
    """Text from an archive as it is: nothing in it becomes a link, an image, a formula or HTML."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def show_page() -> None:
    """Draw the page, or say what to do where there is no report to draw."""
    st.set_page_config(page_title="blanktrap", page_icon="🐾", layout="wide")
    request = parse_arguments(sys.argv[1:])
    location = _pick_location(request)
    if location is None:
        return
    try:
        loaded = load_report(request.storage, location, request.storage.no_sign_request)
    except BlanktrapError as problem:
        st.title("This report cannot be shown")
        st.error(plain(str(problem)))
        st.markdown("Make a report of a scored archive, then open it:")
        st.code("blanktrap evaluate SCORES --out REPORT\nblanktrap dashboard REPORT", language=None)
        return
    _show_report(loaded, location)


def _pick_location(request: Request) -> str | None:
    if not request.reports:
        st.title("No report was named")
        st.markdown("Name one or more report folders, local or on S3:")
        st.code("blanktrap dashboard REPORT", language=None)
        return None
    location = choose_report(request, st.query_params.get("report"))
    if location is None:
        st.title("This report may not be shown")
        st.error("The link names a report that was not given when the dashboard was started.")
        st.markdown("Start the dashboard with it, or remove `?report=…` from the address.")
    elif len(request.reports) > 1:
        location = st.selectbox("Report", request.reports, index=request.reports.index(location))
        st.query_params["report"] = location
    return location


def _show_report(loaded: LoadedReport, location: str) -> None:
    report = loaded.report
    st.title("Which images does nobody need to look at?")
    for warning in report.warnings:
        st.warning(plain(warning[:1].upper() + warning[1:]) + ".", icon="⚠️")
    st.markdown(f"Measured on **{plain(report.measured_on.description)}**.")
    step, blank_rate, work = _show_controls(loaded, location)
    counts = loaded.counts_at(step)
    expected = extrapolate_counts(counts, blank_rate=blank_rate, num_media=loaded.num_archive_media)
    _show_figures(counts, expected, blank_rate, work)
    precision = extrapolate_precision(
        loaded.curve.column("nonblank_recall").to_numpy(),
        loaded.curve.column("blank_recall").to_numpy(),
        blank_rate=blank_rate,
    )
    st.subheader("What the cutoff does")
    st.altair_chart(cutoff_chart(loaded.curve, precision, loaded.histogram, step / 1000))
    st.caption(
        f"Lines: shares at each cutoff; precision is for {100 * blank_rate:.0f} % blank. Bars: labelled "
        f"media by score and true label. The upright line is the cutoff: media left of it are called blank."
    )
    _show_confusion(loaded, counts, expected, blank_rate)
    _show_savings(loaded, step, expected, blank_rate, work)
    _show_origin(loaded, location)


def _show_controls(loaded: LoadedReport, location: str) -> tuple[int, float, HandWork]:
    report = loaded.report
    config = loaded.config
    left, middle, right = st.columns([3, 2, 1], gap="large")
    cutoff = left.slider(
        "Cutoff",
        min_value=0.0,
        max_value=1.0,
        value=loaded.first_step / 1000,
        step=0.001,
        format="%.3f",
        key=f"cutoff of {location}",
        help="Media with p_nonblank at or above the cutoff are kept for people; the rest are called blank.",
    )
    left.caption(
        f"The report's cutoff is {report.cutoff:.4g}, {plain(report.chosen.chosen_by)}. "
        f"Here it moves in steps of 0.001, rounded down."
    )
    percent_blank = middle.slider(
        "Blank media in your archive (%)",
        min_value=1,
        max_value=99,
        value=min(99, max(1, round(100 * loaded.first_blank_rate))),
        key="blank_rate",
        help="The true share of blanks. Figures for it are calculated, not measured.",
    )
    images_per_hour = right.number_input(
        "Images per hour",
        min_value=1,
        value=max(1, round(config.images_per_hour)),
        step=50,
        key="images_per_hour",
        help="How many images one person looks at in an hour.",
    )
    work = HandWork(images_per_hour=images_per_hour, hours_per_week=config.hours_per_week)
    return round(cutoff * 1000), percent_blank / 100, work


def _show_figures(
    counts: ConfusionCounts, expected: ConfusionCounts, blank_rate: float, work: HandWork
) -> None:
    saved = savings_of(expected, work)
    recall, precision, removed, hours = st.columns(4)
    recall.metric(
        "Nonblank recall",
        percent(counts.nonblank_recall),
        border=True,
        help="Share of the images with an animal, a person or a vehicle that are kept. The safety figure.",
    )
    recall.caption(f"measured on {count(counts.num_nonblank)} nonblank media")
    precision.metric(
        "Nonblank precision",
        percent(expected.nonblank_precision),
        border=True,
        help="Share of the kept images that truly show something. It falls when blanks are common.",
    )
    precision.caption(f"calculated for {100 * blank_rate:.0f} % blank")
    removed.metric(
        "Blank recall",
        percent(counts.blank_recall),
        border=True,
        help="Share of the true blanks that nobody need look at. The saving figure.",
    )
    removed.caption(f"measured on {count(counts.num_blank)} blank media")
    hours.metric(
        "Hours saved",
        f"{saved.hours_not_looking:,.0f} h",
        border=True,
        help="Hours that all images not looked at would take by hand: blanks and lost animals alike.",
    )
    hours.caption(f"per {count(expected.num_media)} images, {100 * blank_rate:.0f} % blank")


def _show_confusion(
    loaded: LoadedReport, counts: ConfusionCounts, expected: ConfusionCounts, blank_rate: float
) -> None:
    on = loaded.report.measured_on
    left, right = st.columns(2, gap="large")
    left.subheader("Measured")
    measured = _confusion_frame(counts)
    measured.loc["not scored"] = [count(on.num_not_scored), "0"]
    left.table(measured)
    left.caption(
        f"Labelled media. Those not scored ({on.num_not_scored_nonblank:,} nonblank, "
        f"{on.num_not_scored_blank:,} blank) are kept for people and in no figure."
    )
    right.subheader(f"Expected at {100 * blank_rate:.0f} % blank")
    right.table(_confusion_frame(expected))
    right.caption(
        f"Of {count(expected.num_media)} images: calculated from the measured shares, "
        f"only the blank rate changed."
    )


def _confusion_frame(counts: ConfusionCounts) -> pd.DataFrame:
    rows = {
        "nonblank": (counts.kept_nonblank, counts.missed_nonblank),
        "blank": (counts.kept_blank, counts.removed_blank),
    }

    def cell(part: float, whole: float) -> str:
        return f"{count(part)} ({percent(part / whole if whole else None)})"

    return pd.DataFrame(
        [
            {"Truly": name, "Kept": cell(kept, kept + gone), "Called blank": cell(gone, kept + gone)}
            for name, (kept, gone) in rows.items()
        ]
    ).set_index("Truly")


def _show_savings(
    loaded: LoadedReport, step: int, expected: ConfusionCounts, blank_rate: float, work: HandWork
) -> None:
    saved, archive = savings_of(expected, work), loaded.report.archive
    set_aside = loaded.set_aside_at(step)
    st.subheader("Hours saved")
    st.markdown(
        f"Of **{count(expected.num_media)} images** with {100 * blank_rate:.0f} % blank, nobody looks at "
        f"**{count(saved.num_not_looked_at)}**: {count(saved.num_blanks_removed)} true blanks removed and "
        f"{count(saved.num_nonblank_lost)} nonblank lost. That is **{saved.hours_not_looking:,.0f} hours**, "
        f"or {saved.weeks_not_looking:,.1f} weeks of {work.hours_per_week:g} hours, at "
        f"{work.images_per_hour:g} images an hour."
    )
    st.markdown(
        f"Of the **{archive.num_media:,} media scored here**, **{set_aside:,}** are called blank, labelled "
        f"or not: {work.hours(set_aside):,.1f} hours. {archive.num_not_scored:,} could not be scored "
        f"and stay with people."
    )


def _show_origin(loaded: LoadedReport, location: str) -> None:
    report = loaded.report
    with st.expander("Where these figures come from"):
        rows = {
            "report": location,
            "scores": report.scores,
            "labels": report.measured_on.labels_from,
            "model": str(report.model.get("model_id", "not named")),
            "manifest": report.manifest_digest or "not named",
            "made": f"{report.created_at:%Y-%m-%d %H:%M} UTC",
            "versions": ", ".join(f"{name} {version}" for name, version in report.versions.items()),
        }
        st.code("\n".join(f"{name:<10}{value}" for name, value in rows.items()), language=None)


show_page()
