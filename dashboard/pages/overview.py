"""The page "Overview": archive and run in a few large figures, warnings first.

Owns: what is seen. Refuses: reading files itself, and a figure without what it was measured on.
"""

import streamlit as st

from blanktrap.core.reporting.report import Report
from blanktrap.core.reporting.report_parts import Figure
from blanktrap.core.wording import count, cutoff_text, number, percent, span
from dashboard import drawing
from dashboard.charts import archive_bar
from dashboard.inputs import Opened
from dashboard.layout import Card, show_cards, show_rows
from dashboard.loaders import LoadedReport, load_report
from dashboard.navigation import link_to
from dashboard.wording import hours, plain, sentence, show_no_report


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Overview", anchor=False)
    if opened.report is None:
        show_no_report()
        return
    loaded = load_report(opened.storage, opened.report)
    report = loaded.report
    show_warnings(report)
    _show_archive(report)
    _show_measured(report)
    _show_promise(report)
    _show_ways(opened)
    _show_by_part(report)
    _show_refusals(report)
    _show_origin(loaded)


def show_warnings(report: Report) -> None:
    """What must be read before any figure."""
    for warning in report.warnings:
        st.warning(sentence(warning), icon=":material/warning:")


def _show_archive(report: Report) -> None:
    archive = report.archive
    st.subheader(f"What becomes of {count(archive.num_media)} images", anchor=False)
    show_cards(
        "archive",
        [
            Card(
                name="Kept for people",
                value=count(archive.num_kept),
                note=f"{percent(archive.num_kept / archive.num_media)} of all",
                explained="Images scored at or above the cutoff: people look at them.",
            ),
            Card(
                name="Called blank",
                value=count(archive.num_set_aside),
                note=f"{percent(archive.num_set_aside / archive.num_media)} of all",
                explained="Images scored below the cutoff: nobody need look at them. Whether they are truly "
                "blank, nobody has checked.",
            ),
            Card(
                name="Not scored",
                value=count(archive.num_not_scored),
                note=_reasons(report) or "all could be read",
                explained="Missing, damaged, too large or of an unknown format. They stay with people and "
                "are never counted as blank.",
            ),
            Card(
                name="Hours saved",
                value=hours(archive.hours_saved),
                note=f"at {report.config.get('images_per_hour', 500):g} images an hour",
                explained="What looking at the images called blank would have taken one person.",
            ),
        ],
    )
    drawing.show(archive_bar(archive), key="archive bar")


def _reasons(report: Report) -> str:
    return ", ".join(
        f"{num:,} {status.replace('_', ' ')}"
        for status, num in report.archive.statuses.items()
        if status != "ok" and num
    )


def _show_measured(report: Report) -> None:
    st.subheader("How well it does", anchor=False)
    st.markdown(
        f"At the cutoff **{cutoff_text(report.cutoff)}**, {plain(report.chosen.chosen_by)}; measured on "
        f"{plain(report.measured_on.description)}."
    )
    figures = report.chosen.figures
    cards = [
        _card(
            "Nonblank recall",
            figures["nonblank_recall"],
            "Of the images with an animal, a person or a vehicle, the share that is kept. The safety figure.",
        ),
        _card(
            "Blank recall",
            figures["blank_recall"],
            "Of the true blanks, the share that nobody need look at. The saving figure.",
        ),
    ]
    if report.extrapolations:
        there = report.extrapolations[0]
        among = f"in an archive with {100 * there.blank_rate:.0f} % blank. Calculated, not measured."
        cards += [
            _card(
                f"Precision, {100 * there.blank_rate:.0f} % blank",
                there.figures["nonblank_precision"],
                f"Of the kept images, the share that truly shows something, {among}",
            ),
            _card(
                f"To look at, {100 * there.blank_rate:.0f} % blank",
                there.figures["kept_share"],
                f"Of all images, the share that people still look at, {among}",
            ),
        ]
    show_cards("measured", cards)


def _card(name: str, figure: Figure, explained: str) -> Card:
    behind = f" Measured on {count(figure.n)} images at {number(figure.num_locations, 'location')}."
    note = "no interval" if figure.interval is None else f"95 %: {span(figure.interval)}"
    return Card(name=name, value=percent(figure.value), note=note, explained=explained + behind)


def _show_promise(report: Report) -> None:
    promise = report.promise
    if promise is None:
        return
    if promise.promised_recall is None:
        st.info(
            f"**New locations:** no recall is promised: {plain(promise.refusal or 'nobody asked')}.",
            icon=":material/info:",
        )
    else:
        st.success(
            f"**New locations:** at least **{percent(promise.promised_recall)}** of their nonblank images "
            f"are kept, with {100 * promise.confidence:.6g} % confidence, where they are like the "
            f"{promise.num_locations:,} labelled ones.",
            icon=":material/verified:",
        )


def _show_ways(opened: Opened) -> None:
    with st.container(horizontal=True):
        link_to("cutoff", "Choose another cutoff", opened=opened)
        link_to("errors", "See where it fails", opened=opened)
        link_to("savings", "Reckon hours and money", opened=opened)


def _show_by_part(report: Report) -> None:
    rows = [
        ("by image", report.measured_on.num_nonblank, report.measured_on.num_blank, report.chosen.figures)
    ]
    if report.sequences is not None:
        found = report.sequences
        rows.append(("by sequence", found.num_nonblank, found.num_blank, found.at_cutoffs[0].figures))
    if len(rows) < 2:
        return
    st.subheader("By image and by sequence", anchor=False)
    show_rows(
        [
            {
                "Counted": name,
                "Nonblank": count(nonblank),
                "Blank": count(blank),
                "Nonblank recall": _with_interval(figures["nonblank_recall"]),
                "Blank recall": _with_interval(figures["blank_recall"]),
            }
            for name, nonblank, blank, figures in rows
        ],
    )
    st.caption("A sequence is kept when any of its frames is: one good frame saves the animal.")


def _with_interval(figure: Figure) -> str:
    return percent(figure.value) + ("" if figure.interval is None else f"  ({span(figure.interval)})")


def _show_refusals(report: Report) -> None:
    if report.refused:
        with st.expander("What these images cannot tell"):
            st.markdown("\n".join(f"- {sentence(one)}" for one in report.refused))


def _show_origin(loaded: LoadedReport) -> None:
    report = loaded.report
    with st.expander("Where these figures come from"):
        rows = {
            "report": loaded.location,
            "scores": report.scores,
            "labels": report.measured_on.labels_from,
            "model": str(report.model.get("model_id", "not named")),
            "manifest": report.manifest_digest or "not named",
            "made": f"{report.created_at:%Y-%m-%d %H:%M} UTC",
            "versions": ", ".join(f"{name} {version}" for name, version in report.versions.items()),
        }
        st.code("\n".join(f"{name:<10}{value}" for name, value in rows.items()), language=None)
