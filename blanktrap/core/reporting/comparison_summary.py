"""Comparisons with other scores, in lines for a terminal.

Owns: their wording. Refuses: figures that are not in the report.
"""

from blanktrap.core.reporting.report_comparisons import AT_EQUAL_RECALL, ComparedWith, PairedFigure
from blanktrap.core.wording import cutoff_text, percent, points

NAMES = {
    "nonblank_recall": "nonblank recall",
    "blank_recall": "blank recall",
    "nonblank_precision": "nonblank precision",
    "kept_share": "media kept",
    AT_EQUAL_RECALL: "blank recall, equal recall",
    "area_under_roc": "area under ROC",
    "average_precision": "average precision",
}

_NAME_WIDTH = 30
_COLUMN_WIDTH = 10


def summarise_comparison(one: ComparedWith) -> list[str]:
    """Word one comparison: what is compared, then each figure of both and how they differ."""
    lines = [
        f"compared with {one.other} ({one.what}) on {one.num_media:,} labelled media that both have scored; "
        f"{one.num_only_here:,} it has not",
        *(f"  note: {note}" for note in one.notes),
    ]
    if one.refusal is not None:
        return [*lines, f"  no figures: {one.refusal}"]
    equal = one.equal_recall_cutoff
    lines.append(
        f"  cutoff here {cutoff_text(one.cutoff)}, there {cutoff_text(one.other_cutoff)} "
        f"({one.other_cutoff_from})"
        f"{'' if equal is None else f'; for equal recall {cutoff_text(equal)} there'}"
    )
    head = f"{'':<{_NAME_WIDTH}}{'here':>{_COLUMN_WIDTH}}{'there':>{_COLUMN_WIDTH}}{'difference':>14}"
    lines.append(head)
    for name, words in NAMES.items():
        if name in one.figures:
            lines.append(_figure_line(words, one.figures[name]))
    if one.nonblank is not None:
        lines.append(
            f"  of the nonblank media {one.nonblank.kept_here_only:,} are kept here only, "
            f"{one.nonblank.kept_there_only:,} there only, {one.nonblank.kept_by_neither:,} by neither"
        )
    return lines


def difference_in_words(figure: PairedFigure) -> tuple[str, str]:
    """A difference and its interval in points; a dash where there is none."""
    if figure.difference.value is None:
        return "-", "-"
    interval = figure.difference.interval
    bounds = "-" if interval is None else " to ".join(points(bound) for bound in interval)
    return f"{points(figure.difference.value)} points", bounds


def _figure_line(name: str, figure: PairedFigure) -> str:
    difference, bounds = difference_in_words(figure)
    return (
        f"{f'  {name}':<{_NAME_WIDTH}}{percent(figure.here):>{_COLUMN_WIDTH}}"
        f"{percent(figure.there):>{_COLUMN_WIDTH}}{difference:>14}{'' if bounds == '-' else f' ({bounds})'}"
    )
