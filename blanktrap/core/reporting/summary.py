"""A report in about twenty lines of plain text.

Owns: wording and alignment of what `blanktrap evaluate` prints. Refuses: computing figures.
"""

from blanktrap.core.reporting.comparison_summary import summarise_comparison
from blanktrap.core.reporting.error_summary import summarise_errors
from blanktrap.core.reporting.report import Report
from blanktrap.core.reporting.report_parts import SavingsFigures
from blanktrap.core.statistics.metrics import ConfusionCounts
from blanktrap.core.wording import count, cutoff_text, percent, span

_LABEL_WIDTH = 22
_COLUMN_WIDTH = 18


def summarise(report: Report) -> list[str]:
    """Word a report: warnings first, what was measured, counts, figures, savings."""
    blocks = [
        [f"warning: {warning}" for warning in report.warnings]
        + [f"not given: {refusal}" for refusal in report.refused],
        _measured_lines(report),
        _confusion_lines(report),
        _figure_lines(report),
        _saving_lines(report),
        summarise_errors(report.error_analysis) if report.error_analysis else [],
        *(summarise_comparison(one) for one in report.comparisons),
    ]
    lines: list[str] = []
    for block in blocks:
        if block and lines:
            lines.append("")
        lines += block
    return lines


def _measured_lines(report: Report) -> list[str]:
    statuses = {name: num for name, num in report.archive.statuses.items() if name != "ok" and num}
    reasons = ", ".join(f"{num:,} {name.replace('_', ' ')}" for name, num in statuses.items())
    not_scored = f"{report.archive.num_not_scored:,} of {report.archive.num_media:,} media"
    return [
        _named("measured on", report.measured_on.description),
        _named("cutoff", f"{cutoff_text(report.cutoff)} ({report.chosen.chosen_by})"),
        *_promise_lines(report),
        *_estimate_lines(report),
        _named(
            "not scored", f"{not_scored}{f' ({reasons})' if reasons else ''}: kept for people, in no figure"
        ),
    ]


def _promise_lines(report: Report) -> list[str]:
    promise = report.promise
    if promise is None:
        return []
    sure = f"with {100 * promise.confidence:.4g} % confidence"
    if promise.promised_recall is None:
        return [_named("on new locations", f"no recall is promised {sure}: {promise.refusal}")]
    lines = [
        _named("on new locations", f"nonblank recall at least {percent(promise.promised_recall)} {sure}")
    ]
    if report.strata is not None:
        cutoffs = ", ".join(
            f"{name} {cutoff_text(one.cutoff)}" for name, one in report.strata.cutoffs.items()
        )
        recall, removed = (report.strata.figures[name].value for name in ("nonblank_recall", "blank_recall"))
        lines.append(
            _named(
                "by night and day",
                f"cutoffs {cutoffs}: nonblank recall {percent(recall)}, blank recall {percent(removed)}",
            )
        )
    return lines


def _estimate_lines(report: Report) -> list[str]:
    found = report.blank_rate_estimate
    if found is None:
        return []
    rate = found.by_likelihood
    wide = "no interval" if rate.interval is None else f"95 %: {span(rate.interval)}"
    lines = [
        _named(
            "blank rate",
            f"{percent(rate.value)} ({wide}) of the {found.num_media:,} media without a label, estimated "
            f"from their scores; by a second method {percent(found.by_confusion.value)}",
        )
    ]
    return [*lines, _named("", f"but {found.warning}")] if found.warning else lines


def _confusion_lines(report: Report) -> list[str]:
    counts, on = report.chosen.confusion.counts, report.measured_on
    rows = [
        _row("labelled media", "kept", "called blank", "total"),
        _row(
            "  nonblank",
            count(counts.kept_nonblank),
            count(counts.missed_nonblank),
            count(counts.num_nonblank),
        ),
        _row("  blank", count(counts.kept_blank), count(counts.removed_blank), count(counts.num_blank)),
    ]
    if on.num_not_scored:
        rows.append(_row("  not scored", count(on.num_not_scored), "0", count(on.num_not_scored)))
    return rows


def _figure_lines(report: Report) -> list[str]:
    columns: dict[str, ConfusionCounts] = {}
    for there in report.extrapolations:
        columns[f"at {100.0 * there.blank_rate:.3g} % blank"] = there.confusion.counts
    for other in report.at_cutoffs[1:]:
        columns[f"cutoff {cutoff_text(other.cutoff)}"] = other.confusion.counts

    def line(name: str, figure: str) -> str:
        measured = report.figures[figure]
        interval = "none" if measured.interval is None else span(measured.interval)
        others = (percent(getattr(counts, figure)) for counts in columns.values())
        return _row(name, percent(measured.value), interval, *others)

    return [
        _row("", "measured", "95 % interval", *columns),
        line("nonblank recall", "nonblank_recall"),
        line("nonblank precision", "nonblank_precision"),
        line("blank recall", "blank_recall"),
        line("media kept", "kept_share"),
        _named(
            "over all cutoffs",
            f"average precision {_three(report, 'average_precision')}, "
            f"area under ROC {_three(report, 'area_under_roc')}",
        ),
    ]


def _saving_lines(report: Report) -> list[str]:
    archive, lines = report.archive, []
    for there in report.extrapolations:
        saved = there.savings
        lines += [
            f"of {there.num_media:,} media with {100.0 * there.blank_rate:.3g} % blank "
            f"(calculated, not measured):",
            _named(
                "  not looked at",
                f"{count(saved.num_not_looked_at)} = {count(saved.num_blanks_removed)} "
                f"true blanks removed + {count(saved.num_nonblank_lost)} nonblank lost",
            ),
            _named(
                "  hours saved",
                f"{saved.hours_not_looking:,.1f} hours = {saved.weeks_not_looking:,.1f} weeks of "
                f"{saved.hours_per_week:g} hours, at {saved.images_per_hour:g} images/hour",
            ),
            *_net_lines(saved),
        ]
    return [
        *lines,
        f"of the {archive.num_media:,} media scored here:",
        _named(
            "  not looked at",
            f"{archive.num_set_aside:,} called blank, labelled or not: "
            f"{archive.hours_saved:,.1f} hours saved",
        ),
    ]


def _net_lines(saved: SavingsFigures) -> list[str]:
    """What is left when auditing and machines are counted; only what was asked for."""
    lines = []
    if saved.num_audited:
        lines.append(
            _named(
                "  net of auditing",
                f"{saved.hours_net:,.1f} hours = {saved.weeks_net:,.1f} weeks: {count(saved.num_audited)} of "
                f"these images are looked at all the same",
            )
        )
    if saved.money_net is not None:
        costs = [
            f"{amount:,.2f} for {what}"
            for what, amount in (("auditing", saved.money_auditing), ("machines", saved.money_machine))
            if amount
        ]
        less = f" = {saved.money_gross:,.2f} less {' and '.join(costs)}" if costs else ""
        lines.append(_named("  money saved", f"{saved.money_net:,.2f}{less}"))
    return lines


def _three(report: Report, name: str) -> str:
    value = report.figures[name].value
    return "-" if value is None else f"{value:.3f}"


def _named(name: str, text: str) -> str:
    return f"{name:<{_LABEL_WIDTH}}{text}"


def _row(name: str, *cells: str) -> str:
    return (f"{name:<{_LABEL_WIDTH}}" + "".join(f"{cell:>{_COLUMN_WIDTH}}" for cell in cells)).rstrip()
