"""The charts of a report.

Owns: what is drawn and in which colours; lines differ in dashes too, so that nobody needs the colours. The
colours are Okabe and Ito's, which people with any common colour blindness can tell apart. Refuses: computing
figures; it draws the report's tables.
"""

import numpy as np
import pyarrow as pa

from blanktrap.core.reporting.pages.document import DataTable, Drawing
from blanktrap.core.reporting.pages.drawing import (
    Mark,
    Panel,
    count_axis,
    legend,
    picture,
    share_axis,
)
from blanktrap.core.statistics.metrics import Floats
from blanktrap.core.wording import count, cutoff_text, percent, span

_RECALL = Mark("nonblank recall", "recall")
_PRECISION = Mark("nonblank precision", "precision", "8 4")
_BLANK_RECALL = Mark("blank recall", "blank", "2 3")
_F_BETA = Mark("F-beta", "beta", "10 3 2 3")
_KEPT = Mark("media kept", "kept", "4 3")
_NONBLANK_BARS = Mark("nonblank", "nonblank-bar", is_bar=True)
_BLANK_BARS = Mark("blank", "blank-bar", is_bar=True)
_ALL_BARS = Mark("all scored media", "kept", is_bar=True)

_EVERY_NTH = 4
_SHOWN = (0, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 950, 1000)


def cutoff_chart(curve: pa.Table, histogram: pa.Table, cutoff: float, *, beta: float) -> Drawing:
    """Metrics and number of images by probability: shares at every cutoff, above labelled media by score.

    Args:
        curve: the report's table `curve`.
        histogram: the report's table `histogram`.
        cutoff: the chosen one, drawn as an upright line.
        beta: weight of recall in F-beta.
    """
    x = share_axis("cutoff, and p_nonblank of the media", as_percent=False)
    upper = Panel(share_axis("", as_percent=False), share_axis("share", as_percent=True), 68, 330)
    cutoffs = _column(curve, "cutoff")[::_EVERY_NTH]
    f_mark = Mark(f"F{beta:g}", _F_BETA.colour, _F_BETA.dashes)
    lines = {
        "nonblank_recall": _RECALL,
        "nonblank_precision": _PRECISION,
        "blank_recall": _BLANK_RECALL,
        "f_beta": f_mark,
        "kept_share": _KEPT,
    }
    for name in ("nonblank_recall", "blank_recall"):
        low, high = (_column(curve, f"{name}_{side}")[::_EVERY_NTH] for side in ("low", "high"))
        upper.band(cutoffs, low, high, lines[name].colour)
    for name, mark in lines.items():
        upper.line(cutoffs, _column(curve, name)[::_EVERY_NTH], mark)
    upper.upright(cutoff, f"cutoff {cutoff_text(cutoff)}")
    starts, ends, nonblank, blank, _ = _bins(histogram)
    lower = Panel(x, count_axis("labelled media", float((nonblank + blank).max())), 480, 150)
    lower.bars(starts, ends, np.zeros_like(blank), blank, _BLANK_BARS.colour)
    lower.bars(starts, ends, blank, blank + nonblank, _NONBLANK_BARS.colour)
    lower.upright(cutoff, "")
    title = "Recall, precision and blank recall at every cutoff, and labelled media by score"
    parts = [
        legend(list(lines.values()), top_px=20),
        upper.svg(),
        legend([_NONBLANK_BARS, _BLANK_BARS], top_px=468, left_px=200),
        lower.svg(),
    ]
    return Drawing(
        svg=picture(parts, height_px=684, title=title),
        caption=(
            "Above: shares at each cutoff, with 95 % intervals by location as pale bands around the two "
            "recalls; media left of the cutoff are called blank. Precision, F and media kept hold for the "
            "blank rate of the measured media. Below: labelled media by score and true label."
        ),
        table=_curve_values(curve, f_mark.name),
    )


def archive_chart(histogram: pa.Table, cutoff: float) -> Drawing:
    """Every scored media, labelled or not, by score."""
    starts, ends, *_, archive = _bins(histogram)
    panel = Panel(
        share_axis("p_nonblank", as_percent=False),
        count_axis("all scored media", float(archive.max())),
        40,
        150,
    )
    panel.bars(starts, ends, np.zeros_like(archive), archive, _ALL_BARS.colour)
    panel.upright(cutoff, f"cutoff {cutoff_text(cutoff)}")
    return Drawing(
        svg=picture([panel.svg()], height_px=244, title="All scored media by score"),
        caption="All scored media, labelled or not. Those left of the cutoff are called blank.",
        table=DataTable(
            columns=("p_nonblank", "media"),
            rows=tuple(
                (f"{start:.1f} to {end:.1f}", count(num))
                for start, end, num in zip(
                    starts[::5], ends[4::5], archive.reshape(-1, 5).sum(axis=1), strict=True
                )
            ),
        ),
    )


def trade_off_chart(roc: pa.Table, num_nonblank: int, num_blank: int, chosen: tuple[float, float]) -> Drawing:
    """ROC and precision against recall, side by side.

    Args:
        roc: the report's table `roc`.
        num_nonblank: measured nonblank media.
        num_blank: measured blank media.
        chosen: nonblank recall and share of blanks kept at the chosen cutoff, drawn as a ring.
    """
    recall, kept = _column(roc, "nonblank_recall"), _column(roc, "blank_kept_share")
    precision = _precision(recall, kept, num_nonblank, num_blank)
    side = 336.0
    left = Panel(
        share_axis("blanks kept", as_percent=True),
        share_axis("nonblank recall", as_percent=True),
        *(44, side),
        width_px=side,
    )
    right = Panel(
        share_axis("nonblank recall", as_percent=True),
        share_axis("nonblank precision", as_percent=True),
        *(44, side),
        left_px=514,
        width_px=side,
    )
    left.diagonal()
    left.line(kept, recall, _RECALL)
    right.line(recall, precision, _PRECISION)
    at = _precision(np.array([chosen[0]]), np.array([chosen[1]]), num_nonblank, num_blank)
    rings = [_ring(left, chosen[1], chosen[0]), _ring(right, chosen[0], float(at[0]))]
    places = np.unique(np.linspace(0, recall.size - 1, 12).astype(int))
    return Drawing(
        svg=picture(
            [left.svg(), right.svg(), *rings],
            height_px=436,
            title="Nonblank recall against blanks kept, and precision against recall",
        ),
        caption=(
            "Left: the ROC curve; the dashed line is chance. Right: precision at each recall, at the blank "
            "rate of the measured media. The ring is the chosen cutoff."
        ),
        table=DataTable(
            columns=("nonblank recall", "blanks kept", "nonblank precision"),
            rows=tuple(
                (percent(recall[at]), percent(kept[at]), percent(_or_none(precision[at]))) for at in places
            ),
            num_text_columns=0,
        ),
    )


def _ring(panel: Panel, x: float, y: float) -> str:
    if np.isnan(x) or np.isnan(y):
        return ""
    return (
        f'<circle cx="{float(panel.across(x)):.1f}" cy="{float(panel.down(y)):.1f}" r="6" '
        f'fill="var(--paper)" stroke="var(--rule)" stroke-width="2.5"/>'
    )


def _precision(recall: Floats, kept: Floats, num_nonblank: int, num_blank: int) -> Floats:
    found = recall * num_nonblank
    with np.errstate(divide="ignore", invalid="ignore"):
        precision: Floats = found / (found + kept * num_blank)
    return precision


def _curve_values(curve: pa.Table, f_name: str) -> DataTable:
    rows = [curve.slice(place, 1).to_pylist()[0] for place in _SHOWN]
    return DataTable(
        columns=(
            *("cutoff", "nonblank recall", "95 % interval", "nonblank precision", f_name, "blank recall"),
            *("95 % interval", "media kept"),
        ),
        rows=tuple(
            (
                f"{row['cutoff']:.3g}",
                percent(row["nonblank_recall"]),
                _span(row["nonblank_recall_low"], row["nonblank_recall_high"]),
                percent(row["nonblank_precision"]),
                percent(row["f_beta"]),
                percent(row["blank_recall"]),
                _span(row["blank_recall_low"], row["blank_recall_high"]),
                count(row["num_kept_nonblank"] + row["num_kept_blank"]),
            )
            for row in rows
        ),
        num_text_columns=0,
    )


def _span(low: float | None, high: float | None) -> str:
    return "none" if low is None or high is None else span((low, high))


def _bins(histogram: pa.Table) -> tuple[Floats, ...]:
    """Edges and counts of the bins; the row of media without a score has none."""
    names = ("bin_start", "bin_end", "num_nonblank", "num_blank", "num_archive")
    columns = [_column(histogram, name) for name in names]
    there = ~np.isnan(columns[0])
    return tuple(column[there] for column in columns)


def _column(table: pa.Table, name: str) -> Floats:
    values: Floats = table.column(name).cast(pa.float64()).to_numpy()
    return values


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
