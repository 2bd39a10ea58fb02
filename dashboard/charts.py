"""Charts of a report.

Owns: colours and shapes, the same on every page. Refuses: computing figures. The colours are Okabe and
Ito's, which people with any common colour blindness can tell apart; lines differ in dashes too.
"""

import altair as alt
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

NONBLANK_COLOUR = "#E69F00"
BLANK_COLOUR = "#56B4E9"
_LINES = {
    "nonblank recall": ("nonblank_recall", "#D55E00", [1, 0]),
    "nonblank precision": ("nonblank_precision", "#009E73", [7, 3]),
    "blank recall": ("blank_recall", "#0072B2", [2, 2]),
}
_EVERY_NTH = 5
_HEIGHT_PX = 380


def cutoff_chart(
    curve: pa.Table, precision: NDArray[np.floating], histogram: pa.Table, cutoff: float
) -> alt.LayerChart:
    """Recall, precision and blank recall against the cutoff, over the labelled media by score.

    Args:
        curve: the report's table `curve`.
        precision: nonblank precision at each cutoff, for the blank rate shown; shape (num_cutoffs,).
        histogram: the report's table `histogram`.
        cutoff: the chosen one, drawn as an upright line.
    """
    bars, lines = _score_bars(histogram), _share_lines(curve, precision)
    # The rule shares the lines' axis, so only bars and lines need axes of their own.
    layers = alt.layer(bars, alt.layer(lines, _rule(cutoff)))
    return layers.resolve_scale(y="independent", color="independent").properties(height=_HEIGHT_PX)


def _share_lines(curve: pa.Table, precision: NDArray[np.floating]) -> alt.Chart:
    frame = curve.select(["cutoff", "nonblank_recall", "blank_recall"]).to_pandas()
    frame["nonblank_precision"] = precision
    frame = frame.iloc[::_EVERY_NTH].rename(columns={column: name for name, (column, _, _) in _LINES.items()})
    long = frame.melt("cutoff", list(_LINES), "figure", "share").dropna()
    return (
        alt.Chart(long)
        .mark_line(strokeWidth=2.5, clip=True)
        .encode(
            x=_cutoff_axis("cutoff"),
            y=alt.Y(
                "share:Q",
                title="share of media",
                axis=alt.Axis(format="%", orient="left"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=_legend("figure", list(_LINES), [colour for _, colour, _ in _LINES.values()]),
            strokeDash=alt.StrokeDash(
                "figure:N",
                scale=alt.Scale(domain=list(_LINES), range=[dash for _, _, dash in _LINES.values()]),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("figure:N"),
                alt.Tooltip("cutoff:Q", format=".3f"),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
    )


def _score_bars(histogram: pa.Table) -> alt.Chart:
    """Bars as rectangles from a floor to a top: blank media below, nonblank media on top of them."""
    # The last row holds media without a score: they have no bin.
    frame = histogram.to_pandas().dropna(subset=["bin_start"])
    both = frame["num_blank"] + frame["num_nonblank"]
    edges = frame[["bin_start", "bin_end"]]
    stacked = pd.concat(
        [
            edges.assign(label="blank", media=frame["num_blank"], floor=0, top=frame["num_blank"]),
            edges.assign(label="nonblank", media=frame["num_nonblank"], floor=frame["num_blank"], top=both),
        ]
    )
    return (
        alt.Chart(stacked)
        .mark_rect(opacity=0.55, stroke=None)
        .encode(
            x=_cutoff_axis("bin_start"),
            x2="bin_end:Q",
            y=alt.Y(
                "floor:Q",
                title="labelled media",
                axis=alt.Axis(format=",d", orient="right", grid=False, tickMinStep=1),
                # Room above, so that lines and bars can be told apart.
                scale=alt.Scale(domain=[0, max(1.0, 1.6 * float(both.max()))]),
            ),
            y2="top:Q",
            color=_legend("label", ["nonblank", "blank"], [NONBLANK_COLOUR, BLANK_COLOUR]),
            tooltip=[
                alt.Tooltip("label:N", title="true label"),
                alt.Tooltip("media:Q", format=","),
                alt.Tooltip("bin_start:Q", title="p_nonblank from", format=".2f"),
                alt.Tooltip("bin_end:Q", title="to", format=".2f"),
            ],
        )
    )


def _cutoff_axis(column: str) -> alt.X:
    axis = alt.Axis(title="cutoff, and p_nonblank of the media", format=".1f", tickCount=11, grid=False)
    return alt.X(f"{column}:Q", axis=axis, scale=alt.Scale(domain=[0, 1]))


def _legend(column: str, names: list[str], colours: list[str]) -> alt.Color:
    return alt.Color(
        f"{column}:N",
        scale=alt.Scale(domain=names, range=colours),
        legend=alt.Legend(title=None, orient="top", symbolStrokeWidth=4),
    )


def _rule(cutoff: float) -> alt.Chart:
    return (
        alt.Chart(pd.DataFrame({"cutoff": [cutoff]}))
        .mark_rule(color="#CC79A7", strokeWidth=2.5)
        .encode(x="cutoff:Q", tooltip=[alt.Tooltip("cutoff:Q", format=".3f")])
    )
