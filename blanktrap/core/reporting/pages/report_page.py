"""What of a report goes onto its page, and in which order.

Owns: the sections and their words: warnings first, then headline figures, then what stands behind them.
Refuses: computing figures, and showing one without what it was measured on.
"""

from collections.abc import Callable, Mapping

import pyarrow as pa

from blanktrap.core.reporting.pages.charts import archive_chart, cutoff_chart, trade_off_chart
from blanktrap.core.reporting.pages.comparison_sections import comparison_blocks
from blanktrap.core.reporting.pages.document import (
    Beside,
    Block,
    DataTable,
    Document,
    Heading,
    Notices,
    Paragraph,
    Tile,
    Tiles,
    cut_table,
)
from blanktrap.core.reporting.pages.error_sections import error_blocks
from blanktrap.core.reporting.pages.worded_tables import (
    confusion_tables,
    extrapolation_table,
    facts_table,
    figure_rows,
    location_table,
    origin_table,
    savings_table,
    strata_table,
)
from blanktrap.core.reporting.report import Report
from blanktrap.core.reporting.report_parts import Figure
from blanktrap.core.wording import count, cutoff_text, number, percent, span

# More bars than this and the whole archive is worth a chart of its own.
_SAME_SHARE = 0.99


def report_document(report: Report, tables: Mapping[str, pa.Table]) -> Document:
    """The page of a report.

    Args:
        report: the content of `report.json`.
        tables: the tables beside it, by name.
    """
    blocks: list[Block] = [
        Notices("warning", "Read this first", report.warnings),
        Notices("refused", "What these media cannot support", report.refused),
        _tiles(report),
        *_measured(report),
        *_cutoffs(report, tables),
        *_figures(report, tables),
        *_elsewhere(report),
        *_lists(tables),
        *error_blocks(report.error_analysis, tables),
        *comparison_blocks(report.comparisons),
        *_origin(report),
    ]
    return Document(
        title="Which images does nobody need to look at?",
        subtitle=(
            f"Evaluation of {report.scores}, made {report.created_at:%Y-%m-%d %H:%M} UTC by blanktrap "
            f"{report.versions.get('blanktrap_evaluate', '')}"
        ),
        blocks=tuple(blocks),
    )


def _tiles(report: Report) -> Tiles:
    tiles = [
        _tile("Nonblank recall", report.figures["nonblank_recall"], "nonblank media"),
        _tile("Blank recall", report.figures["blank_recall"], "blank media"),
    ]
    if report.extrapolations:
        there = report.extrapolations[0]
        rate = f"{100 * there.blank_rate:.3g} % blank"
        precision = there.figures["nonblank_precision"]
        saved = there.savings
        tiles += [
            Tile(
                name="Nonblank precision",
                value=percent(precision.value),
                detail=_interval(precision),
                basis=f"calculated for {rate}",
            ),
            Tile(
                name="Hours saved",
                value=f"{saved.hours_not_looking:,.0f} h",
                detail=_interval(
                    there.figures["hours_not_looking"], lambda low_high: " to ".join(map(count, low_high))
                ),
                basis=(
                    f"{saved.weeks_not_looking:,.1f} weeks of {saved.hours_per_week:g} hours, calculated for "
                    f"{count(there.num_media)} images, {rate}"
                ),
            ),
        ]
    return Tiles(tuple(tiles))


def _tile(name: str, figure: Figure, noun: str) -> Tile:
    return Tile(
        name=name,
        value=percent(figure.value),
        detail=_interval(figure),
        basis=f"{figure.n:,} {noun} at {number(figure.num_locations, 'location')}",
    )


def _interval(figure: Figure, worded: Callable[[tuple[float, float]], str] = span) -> str:
    return "no interval" if figure.interval is None else f"95 %: {worded(figure.interval)}"


def _measured(report: Report) -> list[Block]:
    return [Heading("What was measured"), facts_table(report)]


def _cutoffs(report: Report, tables: Mapping[str, pa.Table]) -> list[Block]:
    blocks: list[Block] = [
        Heading("What the cutoff does"),
        Paragraph(
            f"Media with p_nonblank at or above {cutoff_text(report.cutoff)} are kept for people, the others "
            f"are called blank. The cutoff was {report.chosen.chosen_by}."
        ),
    ]
    if report.promise is not None:
        blocks.append(Paragraph(_promise(report)))
    if report.strata is not None:
        blocks.append(strata_table(report.strata))
    config_beta = float(report.config.get("beta", 2.0))
    blocks.append(cutoff_chart(tables["curve"], tables["histogram"], report.cutoff, beta=config_beta))
    blocks.append(Beside(confusion_tables(report)))
    if report.sequences is not None:
        blocks.append(
            Paragraph(
                "By sequence: a sequence is kept when any of its frames is, and nonblank when any frame, or "
                "the whole, was labelled nonblank. Where labels were given to whole sequences, these are the "
                "figures to trust: by frame, a frame without the animal counts as missed."
            )
        )
    return blocks


def _promise(report: Report) -> str:
    promise = report.promise
    assert promise is not None
    if promise.promised_recall is None:
        return f"No recall on new locations can be promised at this cutoff: {promise.refusal}."
    return (
        f"On new locations like these, at least {100 * promise.promised_recall:.1f} % of the nonblank media "
        f"are kept, with {100 * promise.confidence:.4g} % confidence. It rests on {promise.measured_on}; "
        f"{promise.method}."
    )


def _figures(report: Report, tables: Mapping[str, pa.Table]) -> list[Block]:
    columns = ("figure", "value", "95 % interval", "n", "locations")
    shown = [
        DataTable(
            columns=columns,
            rows=figure_rows(report, report.figures),
            title=f"By frame, cutoff {cutoff_text(report.cutoff)}",
            caption=f"Measured on {report.measured_on.description}. Intervals: locations are drawn again.",
        )
    ]
    if report.sequences is not None:
        found = report.sequences
        shown.append(
            DataTable(
                columns=columns,
                rows=figure_rows(report, {**found.at_cutoffs[0].figures, **found.figures}),
                title=f"By sequence, cutoff {cutoff_text(report.cutoff)}",
                caption=f"Measured on {found.description}.",
            )
        )
    blocks: list[Block] = [Heading("Every figure, with what stands behind it"), *shown]
    recall, kept = report.figures["nonblank_recall"].value, report.figures["blank_recall"].value
    on = report.measured_on
    blocks.append(
        trade_off_chart(tables["roc"], on.num_nonblank, on.num_blank, (recall or 0.0, 1.0 - (kept or 0.0)))
    )
    if report.archive.num_media - report.archive.num_not_scored > on.num_media / _SAME_SHARE:
        blocks += [Heading("The whole archive"), archive_chart(tables["histogram"], report.cutoff)]
    return blocks


def _elsewhere(report: Report) -> list[Block]:
    blocks: list[Block] = [Heading("An archive with another share of blanks")]
    estimate = report.blank_rate_estimate
    if estimate is not None:
        blocks += [
            Paragraph(
                f"Blank rate of the {estimate.num_media:,} scored media that nobody labelled, from their "
                f"scores: {percent(estimate.by_likelihood.value)} by likelihood "
                f"({_interval(estimate.by_likelihood)}), {percent(estimate.by_confusion.value)} by confusion "
                f"({_interval(estimate.by_confusion)})."
            ),
            Notices("warning", "About this estimate", (estimate.warning,) if estimate.warning else ()),
        ]
    blocks += [
        Paragraph(
            "Calculated, not measured: the two recalls stay as they were measured, and only the share of "
            "blanks changes. This holds as far as the other archive's blanks and animals look like the "
            "measured ones."
        ),
        extrapolation_table(report),
        Heading("What it saves"),
        savings_table(report),
        Paragraph(
            f"Of the {report.archive.num_media:,} media scored here, {report.archive.num_set_aside:,} are "
            f"called blank, labelled or not: {report.archive.hours_saved:,.1f} hours of looking. "
            f"{report.archive.num_not_scored:,} could not be scored and stay with people."
        ),
    ]
    return blocks


def _lists(tables: Mapping[str, pa.Table]) -> list[Block]:
    return [Heading("Where animals are missed"), cut_table(location_table(tables["locations"]))]


def _origin(report: Report) -> list[Block]:
    return [Heading("Where these figures come from"), origin_table(report)]
