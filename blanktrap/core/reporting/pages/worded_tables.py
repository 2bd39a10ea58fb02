"""The tables of a report's page.

Owns: their columns and the words in their cells. Refuses: deciding where they stand; that is `report_page`.
"""

from collections.abc import Callable

import pyarrow as pa

from blanktrap.core.reporting.pages.document import DataTable
from blanktrap.core.reporting.report import Report
from blanktrap.core.reporting.report_parts import Confusion, Extrapolated, Figure, SavingsFigures, Strata
from blanktrap.core.wording import count, cutoff_text, percent, span

_NAMES = {
    "nonblank_recall": "nonblank recall",
    "nonblank_precision": "nonblank precision",
    "blank_recall": "blank recall",
    "kept_share": "media kept",
    "f1": "F1",
    "average_precision": "average precision",
    "area_under_roc": "area under ROC",
}
_UNKNOWN_PLACE = "no known location"


def facts_table(report: Report) -> DataTable:
    """What was measured, counted."""
    on, archive = report.measured_on, report.archive
    failed = {name: num for name, num in archive.statuses.items() if name != "ok" and num}
    reasons = ", ".join(f"{num:,} {name.replace('_', ' ')}" for name, num in failed.items())
    rows = [
        ("measured media", on.description),
        ("model", str(report.model.get("model_id", "not named"))),
        ("labels from", on.labels_from),
        (
            "not scored among them",
            f"{on.num_not_scored:,} ({on.num_not_scored_nonblank:,} nonblank, {on.num_not_scored_blank:,} "
            f"blank): kept for people, in no figure",
        ),
        (
            "all media of the scores",
            f"{archive.num_media:,}, {archive.num_not_scored:,} not scored"
            f"{f' ({reasons})' if reasons else ''}",
        ),
    ]
    if on.num_without_location:
        rows.append(("without a known location", f"{on.num_without_location:,} media, taken as one group"))
    if on.num_sequence_labels:
        rows.append(("labels of whole sequences", f"{on.num_sequence_labels:,} media"))
    found = report.sequences
    if found is not None:
        rows.append(("sequences", found.description))
        for name, num, meaning in (
            (
                "sequences not scored",
                found.num_not_scored,
                "no frame has a score: kept for people, in no figure",
            ),
            ("sequences scored in part", found.num_partly_scored, "judged by the frames that have a score"),
            (
                "sequences undecided",
                found.num_undecided,
                "some frames blank, the others not labelled: in no figure",
            ),
            (
                "media without a sequence",
                found.num_media_without_sequence,
                "labelled, in no figure by sequence",
            ),
        ):
            if num:
                rows.append((name, f"{num:,}: {meaning}"))
    return DataTable(columns=("what", "how many"), rows=tuple(rows), num_text_columns=2)


def confusion_tables(report: Report) -> tuple[DataTable, ...]:
    """Kept and called blank by true label, at each cutoff, by frame and by sequence."""
    tables = []
    by_sequence = report.sequences.at_cutoffs if report.sequences is not None else ()
    for place, at in enumerate(report.at_cutoffs):
        chosen = " (chosen)" if place == 0 else ""
        tables.append(
            _confusion_table(
                f"By frame, cutoff {cutoff_text(at.cutoff)}{chosen}",
                at.confusion,
                report.measured_on.num_not_scored,
            )
        )
        if report.sequences is not None:
            tables.append(
                _confusion_table(
                    f"By sequence, cutoff {cutoff_text(at.cutoff)}{chosen}",
                    by_sequence[place].confusion,
                    report.sequences.num_not_scored,
                )
            )
    return tuple(tables)


def _confusion_table(title: str, counts: Confusion, num_not_scored: int) -> DataTable:
    rows = [
        ("nonblank", *_pair(counts.kept_nonblank, counts.missed_nonblank)),
        ("blank", *_pair(counts.kept_blank, counts.removed_blank)),
        ("not scored", count(num_not_scored), "0", count(num_not_scored)),
    ]
    return DataTable(title=title, columns=("truly", "kept", "called blank", "all"), rows=tuple(rows))


def _pair(kept: float, gone: float) -> tuple[str, str, str]:
    whole = kept + gone

    def cell(part: float) -> str:
        return f"{count(part)} ({percent(part / whole if whole else None)})"

    return cell(kept), cell(gone), count(whole)


def strata_table(strata: Strata) -> DataTable:
    """Cutoffs for night and day, with their promises."""
    recall, removed = strata.figures["nonblank_recall"], strata.figures["blank_recall"]
    return DataTable(
        title="Cutoffs by night and day",
        columns=("stratum", "cutoff", "promised recall", "confidence", "nonblank media", "locations"),
        rows=tuple(
            (
                name,
                f"{cutoff_text(one.cutoff)}",
                percent(one.promised_recall),
                percent(one.confidence),
                f"{one.n:,}",
                f"{one.num_locations:,}",
            )
            for name, one in strata.cutoffs.items()
        ),
        caption=(
            f"Used together they keep {percent(recall.value)} of the measured nonblank media "
            f"({_interval(recall)}) and remove {percent(removed.value)} of the blanks "
            f"({_interval(removed)}); {strata.num_set_aside:,} media of the archive would be called blank. "
            f"Media of which nobody knows whether they were taken at night count as day."
        ),
    )


def figure_rows(report: Report, figures: dict[str, Figure]) -> tuple[tuple[str, ...], ...]:
    """One row a figure: value, interval, and how many media and locations it rests on."""
    beta = float(report.config.get("beta", 2.0))
    names = {**_NAMES, "f_beta": f"F{beta:g}"}
    return tuple(
        (
            names.get(name, name.replace("_", " ")),
            percent(figure.value) if name not in ("average_precision", "area_under_roc") else _three(figure),
            _interval(figure, as_percent=name not in ("average_precision", "area_under_roc")),
            f"{figure.n:,}",
            f"{figure.num_locations:,}",
        )
        for name, figure in figures.items()
        if not (name == "f_beta" and beta == 1.0)
    )


def _three(figure: Figure) -> str:
    return "-" if figure.value is None else f"{figure.value:.3f}"


def _interval(figure: Figure, *, as_percent: bool = True) -> str:
    if figure.interval is None:
        return "none"
    low, high = figure.interval
    return span(figure.interval) if as_percent else f"{low:.3f} to {high:.3f}"


def extrapolation_table(report: Report) -> DataTable:
    """What to expect at each blank rate, one column each."""

    def row(name: str, cell: Callable[[Extrapolated], str]) -> tuple[str, ...]:
        return (name, *(cell(there) for there in report.extrapolations))

    def figure(name: str) -> Callable[[Extrapolated], str]:
        return lambda there: f"{percent(there.figures[name].value)} ({_interval(there.figures[name])})"

    def counted(name: str) -> Callable[[Extrapolated], str]:
        return lambda there: _counted(there.figures[name])

    return DataTable(
        columns=("blank rate", *(f"{100 * there.blank_rate:.3g} %" for there in report.extrapolations)),
        rows=(
            row("which was", lambda there: there.blank_rate_from),
            row("media", lambda there: count(there.num_media)),
            row("nonblank precision", figure("nonblank_precision")),
            row("media kept", figure("kept_share")),
            row("nonblank kept", lambda there: count(there.confusion.kept_nonblank)),
            row("nonblank lost", counted("num_nonblank_lost")),
            row("blank kept", lambda there: count(there.confusion.kept_blank)),
            row("blank removed", counted("num_blanks_removed")),
        ),
        caption=(
            f"At cutoff {cutoff_text(report.cutoff)}, with 95 % intervals: what other locations would change."
        ),
    )


def _counted(figure: Figure, digits: int = 0) -> str:
    if figure.value is None:
        return "-"
    value, *bounds = (f"{one:,.{digits}f}" for one in (figure.value, *(figure.interval or ())))
    return f"{value} ({' to '.join(bounds) or 'none'})"


def savings_table(report: Report) -> DataTable:
    """Images and hours at each blank rate; true blanks removed and nonblank lost apart."""
    savings = [there.savings for there in report.extrapolations]

    def row(name: str, cell: Callable[[SavingsFigures], str]) -> tuple[str, ...]:
        return (name, *(cell(saved) for saved in savings))

    def intervals(name: str, digits: int) -> tuple[str, ...]:
        return tuple(_counted(there.figures[name], digits) for there in report.extrapolations)

    pace = ""
    if report.extrapolations:
        first = report.extrapolations[0]
        pace = (
            f"Of {count(first.num_media)} images, at {first.savings.images_per_hour:g} images an hour and "
            f"{first.savings.hours_per_week:g} hours a week; in brackets what other locations would change."
        )
    return DataTable(
        columns=("blank rate", *(f"{100 * there.blank_rate:.3g} %" for there in report.extrapolations)),
        rows=(
            ("images not looked at", *intervals("num_not_looked_at", 0)),
            row("of these true blanks removed", lambda saved: count(saved.num_blanks_removed)),
            row("of these nonblank lost", lambda saved: count(saved.num_nonblank_lost)),
            ("hours saved", *intervals("hours_not_looking", 1)),
            row("weeks saved", lambda saved: f"{saved.weeks_not_looking:,.1f}"),
            *_net_rows(row, savings),
        ),
        caption=pace,
    )


def _net_rows(
    row: Callable[[str, Callable[[SavingsFigures], str]], tuple[str, ...]], savings: list[SavingsFigures]
) -> list[tuple[str, ...]]:
    """What is left when auditing and machines are counted; only what was asked for."""
    rows = []
    if any(saved.num_audited for saved in savings):
        rows += [
            row("less hours of auditing", lambda saved: f"{saved.hours_auditing:,.1f}"),
            row("hours saved, net", lambda saved: f"{saved.hours_net:,.1f}"),
            row("weeks saved, net", lambda saved: f"{saved.weeks_net:,.1f}"),
        ]
    if any(saved.money_gross is not None for saved in savings):
        rows.append(row("money saved", lambda saved: _money(saved.money_gross)))
    if any(saved.money_auditing for saved in savings):
        rows.append(row("less cost of auditing", lambda saved: _money(saved.money_auditing)))
    if any(saved.money_machine is not None for saved in savings):
        rows.append(row("machine hours", lambda saved: f"{saved.machine_hours or 0.0:,.2f}"))
        rows.append(row("less cost of machines", lambda saved: _money(saved.money_machine)))
    if any(saved.money_net is not None for saved in savings):
        rows.append(row("money saved, net", lambda saved: _money(saved.money_net)))
    return rows


def _money(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:,.2f}"


def location_table(table: pa.Table) -> DataTable:
    """The report's table `locations`, in words."""
    return DataTable(
        title="Locations, those with most missed nonblank media first",
        columns=(
            *("location", "nonblank", "missed", "nonblank recall", "blank", "removed", "blank recall"),
            *("not scored",),
        ),
        rows=tuple(
            (
                (row["location_id"] or _UNKNOWN_PLACE)
                + (" (seen in training)" if row["was_trained_on"] else ""),
                count(row["num_nonblank"]),
                count(row["missed_nonblank"]),
                percent(row["nonblank_recall"]),
                count(row["num_blank"]),
                count(row["removed_blank"]),
                percent(row["blank_recall"]),
                count(row["num_not_scored"]),
            )
            for row in table.to_pylist()
        ),
    )


def origin_table(report: Report) -> DataTable:
    """Model, manifest, versions and settings."""
    config = {name: value for name, value in report.config.items() if value not in (None, [], False)}
    rows = [
        ("scores", report.scores),
        ("model", str(report.model.get("model_id", "not named"))),
        ("manifest", report.manifest_digest or "not named"),
        ("versions", ", ".join(f"{name} {version}" for name, version in report.versions.items())),
        ("settings", ", ".join(f"{name}={value}" for name, value in config.items())),
    ]
    return DataTable(columns=("what", "which"), rows=tuple(rows), num_text_columns=2)
