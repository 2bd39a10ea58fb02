"""The page "Cutoff": one slider moves everything at once.

Owns: what is seen. Refuses: reading anything when the slider moves: all comes from what was loaded before.
"""

import shlex
from typing import Any

import streamlit as st

from blanktrap.core.errors import ReportError
from blanktrap.core.statistics.metrics import ConfusionCounts
from blanktrap.core.statistics.savings import HandWork
from blanktrap.core.wording import count, cutoff_text, number, percent, span
from dashboard import drawing
from dashboard.charts_cutoff import recall_precision_drawing, shares_drawing
from dashboard.compared_cutoffs import (
    RECALLS,
    compare_cutoffs,
    cutoffs_to_compare,
    expected_counts,
    precision_at,
    step_for_recall,
    worded,
)
from dashboard.controls import choose_blank_rate, choose_cutoff, follow_report, go_to_cutoff
from dashboard.downloads import offer
from dashboard.inputs import Opened
from dashboard.layout import Card, show_cards, show_rows, split
from dashboard.lists import MOST_MEDIA, offer_lists
from dashboard.loaders import LoadedReport, load_report, load_table
from dashboard.loaders_runs import are_scores_there
from dashboard.wording import plain, sentence, share_of, show_no_report


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Cutoff", anchor=False)
    if opened.report is None:
        show_no_report()
        return
    loaded = load_report(opened.storage, opened.report)
    st.markdown(
        f"Images below the cutoff are called blank. Measured on "
        f"{plain(loaded.report.measured_on.description)}."
    )
    follow_report(loaded)
    _show_all(opened, loaded, _promises(opened), are_scores_there(opened, loaded))


def _promises(opened: Opened) -> list[dict[str, Any]]:
    """What each usual recall would take; nothing where a report is too old to say."""
    try:
        found: list[dict[str, Any]] = load_table(opened.storage, str(opened.report), "promises").to_pylist()
    except ReportError:
        return []
    return found


@st.fragment
def _show_all(opened: Opened, loaded: LoadedReport, promises: list[dict[str, Any]], has_scores: bool) -> None:
    left, right = split("controls")
    with left:
        step = choose_cutoff(loaded)
        _show_jumps(loaded)
    with right:
        blank_rate = choose_blank_rate(loaded)
        st.caption("What the model does to each kind of image stays the same; only their mix changes.")
    counts = loaded.counts_at(step)
    expected = expected_counts(loaded, step, blank_rate=blank_rate, num_media=loaded.config.num_archive_media)
    _show_figures(loaded, step, counts, expected, blank_rate)
    _show_promise(loaded, promises)
    _show_charts(loaded, step, blank_rate)
    _show_confusion(loaded, counts, expected, blank_rate)
    _show_comparison(loaded, step, blank_rate)
    _show_lists(opened, loaded, step, has_scores)


def _show_jumps(loaded: LoadedReport) -> None:
    steps = {"Report's own": loaded.first_step}
    for recall in RECALLS:
        found = step_for_recall(loaded, recall)
        if found is not None:
            steps[f"{100 * recall:.0f} % kept"] = found
    with st.container(horizontal=True, gap="small"):
        for label, step in steps.items():
            st.button(
                label,
                key=f"go to {label}",
                on_click=go_to_cutoff,
                args=(step / 1000,),
                type="tertiary",
                help=f"Move the cutoff to {step / 1000:.3f}",
            )


def _show_figures(
    loaded: LoadedReport,
    step: int,
    counts: ConfusionCounts,
    expected: ConfusionCounts | None,
    blank_rate: float,
) -> None:
    at = f"{100 * blank_rate:.0f} % blank"
    show_cards(
        "at cutoff",
        [
            Card(
                name="Nonblank recall",
                value=percent(counts.nonblank_recall),
                note=_interval(loaded, step, "nonblank_recall"),
                explained="Of the images with an animal, a person or a vehicle, the share that is kept. "
                f"The safety figure, measured on {count(counts.num_nonblank)} nonblank images.",
            ),
            Card(
                name="Blank recall",
                value=percent(counts.blank_recall),
                note=_interval(loaded, step, "blank_recall"),
                explained="Of the true blanks, the share that nobody need look at. The saving figure, "
                f"measured on {count(counts.num_blank)} blank images.",
            ),
            Card(
                name="Nonblank precision",
                value=percent(None if expected is None else expected.nonblank_precision),
                note=f"calculated for {at}",
                explained="Of the kept images, the share that truly shows something. It falls where blanks "
                "are common.",
            ),
            Card(
                name="Left to look at",
                value=percent(None if expected is None else expected.kept_share),
                note=f"calculated for {at}",
                explained="Of all images, the share that people still look at.",
            ),
        ],
    )


def _show_promise(loaded: LoadedReport, promises: list[dict[str, Any]]) -> None:
    st.subheader("A cutoff that promises", anchor=False)
    if not promises:
        st.caption("This report is from before there were promises: run `blanktrap evaluate` again.")
        return
    by_recall = {row["min_recall"]: row for row in promises}
    asked = st.segmented_control(
        "At least so many of the animals of new locations are to be kept",
        list(by_recall),
        default=0.95 if 0.95 in by_recall else next(iter(by_recall)),
        required=True,
        format_func=lambda recall: f"{100 * recall:.0f} %",
        key="recall",
        bind="query-params",
    )
    row = by_recall[asked]
    if row["cutoff"] is None:
        st.info(f"No cutoff can promise that: {sentence(row['refusal'])}", icon=":material/info:")
        return
    step = int(row["cutoff"] * 1000)
    text, button = st.columns([4, 1], vertical_alignment="center")
    text.success(
        f"At or below the cutoff **{cutoff_text(row['cutoff'])}** at least **{100 * asked:.0f} %** of the "
        f"nonblank images of new locations are kept, with {100 * row['confidence']:.6g} % confidence, where "
        f"they are like the {number(row['num_locations'], 'labelled one')}; {percent(row['recall'])} of the "
        f"measured ones are. It removes {percent(loaded.counts_at(step).blank_recall)} of the blanks.",
        icon=":material/verified:",
    )
    button.button("Use it", on_click=go_to_cutoff, args=(step / 1000,), key="use promised")


def _interval(loaded: LoadedReport, step: int, name: str) -> str:
    found = loaded.interval_at(step, name)
    return "no interval: too few locations" if found is None else f"95 %: {span(found)}"


def _show_charts(loaded: LoadedReport, step: int, blank_rate: float) -> None:
    precision = precision_at(loaded, blank_rate)
    left, right = split("charts")
    with left:
        st.subheader("At every cutoff", anchor=False)
        chart = shares_drawing(loaded, precision, step)
        drawing.show(chart, key="shares")
        st.caption(
            "Lines: shares at each cutoff, recall with its 95 % interval. Bars: labelled images by score. "
            "Images left of the upright line are called blank."
        )
        offer("shares-by-cutoff", drawing=chart, table=loaded.curve)
    with right:
        st.subheader("What safety costs", anchor=False)
        chart = recall_precision_drawing(loaded, precision, step)
        drawing.show(chart, key="recall precision")
        st.caption(
            f"The further right, the fewer animals are lost; the further up, the fewer blanks are looked at, "
            f"at {100 * blank_rate:.0f} % blank. The point is the cutoff."
        )
        offer("precision-by-recall", drawing=chart)


def _show_confusion(
    loaded: LoadedReport, counts: ConfusionCounts, expected: ConfusionCounts | None, blank_rate: float
) -> None:
    on = loaded.report.measured_on
    left, right = split("confusion")
    with left:
        st.subheader("Measured", anchor=False)
        rows = _confusion_rows(counts)
        if on.num_not_scored:
            rows.append({"Truly": "not scored", "Kept": count(on.num_not_scored), "Called blank": "0"})
        show_rows(rows)
        st.caption("Labelled images of the test. Those that could not be scored are kept, and in no figure.")
    with right:
        st.subheader(f"Expected at {100 * blank_rate:.0f} % blank", anchor=False)
        if expected is None:
            st.info("It takes labelled images of both kinds to say what to expect of another archive.")
            return
        show_rows(_confusion_rows(expected))
        st.caption(f"Of {count(expected.num_media)} images, calculated from the measured shares.")


def _confusion_rows(counts: ConfusionCounts) -> list[dict[str, str]]:
    return [
        {
            "Truly": "nonblank",
            "Kept": share_of(counts.kept_nonblank, counts.num_nonblank),
            "Called blank": share_of(counts.missed_nonblank, counts.num_nonblank),
        },
        {
            "Truly": "blank",
            "Kept": share_of(counts.kept_blank, counts.num_blank),
            "Called blank": share_of(counts.removed_blank, counts.num_blank),
        },
    ]


def _show_comparison(loaded: LoadedReport, step: int, blank_rate: float) -> None:
    config = loaded.config
    work = HandWork(images_per_hour=config.images_per_hour, hours_per_week=config.hours_per_week)
    table = compare_cutoffs(loaded, cutoffs_to_compare(loaded, step), blank_rate=blank_rate, work=work)
    st.subheader("Cutoffs side by side", anchor=False)
    show_rows(worded(table))
    st.caption(
        f"Animals kept and blanks removed are measured; the rest is calculated for "
        f"{count(config.num_archive_media)} images with {100 * blank_rate:.0f} % blank at "
        f"{config.images_per_hour:g} images an hour."
    )
    offer("cutoffs", table=table)


def _show_lists(opened: Opened, loaded: LoadedReport, step: int, has_scores: bool) -> None:
    archive, set_aside = loaded.report.archive, loaded.set_aside_at(step)
    st.subheader("Take the lists with you", anchor=False)
    st.markdown(
        f"At **{step / 1000:.3f}**, **{count(set_aside)}** of the {count(archive.num_media)} images of this "
        f"archive are set aside and {count(archive.num_media - set_aside)} left to look at, those that could "
        f"not be scored among them."
    )
    if has_scores and archive.num_media <= MOST_MEDIA:
        offer_lists(opened.storage, loaded.report.scores, step / 1000)
    scores = shlex.quote(loaded.report.scores)
    st.code(
        f"blanktrap export {scores} --cutoff {step / 1000:g} --format csv --out decisions.csv\n"
        f"blanktrap separate {scores} --cutoff {step / 1000:g} --to sorted\n"
        f"blanktrap audit-discard {scores} --cutoff {step / 1000:g} --num-images 500 --out audit",
        language="shell",
    )
