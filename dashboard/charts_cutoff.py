"""What a cutoff does, drawn.

Owns: the charts that move with the cutoff and the blank rate. Only the chosen point's data changes with the
cutoff, so that a move is a few bytes. Refuses: computing figures.
"""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from dashboard.charts import colours
from dashboard.drawing import BLANK, CHOSEN, NONBLANK, PRECISION, RECALL, SAVING, Drawing
from dashboard.loaders import Column, LoadedReport

_EVERY_NTH = 5
_HEIGHT_PX = 320
# Room above the bars, so that lines and bars can be told apart.
_ROOM = 1.9

_FIGURES = {
    "nonblank recall": ("nonblank_recall", RECALL, [1, 0]),
    "nonblank precision": ("nonblank_precision", PRECISION, [7, 3]),
    "blank recall": ("blank_recall", SAVING, [2, 2]),
}


def shares_drawing(loaded: LoadedReport, precision: Column, step: int) -> Drawing:
    """Recall, precision and blank recall against the cutoff, over the labelled media by score.

    Args:
        loaded: the report.
        precision: nonblank precision at each cutoff, for the blank rate shown; shape (1001,).
        step: the chosen cutoff, in thousandths; an upright line.
    """
    bars = _bars(loaded.histogram)
    return Drawing(
        spec=_shares_spec(max(1.0, _ROOM * float(bars["top"].max()))),
        data={
            "lines": _lines(loaded, precision),
            "band": _band(loaded),
            "bars": bars,
            "chosen": pd.DataFrame({"cutoff": [step / 1000]}),
        },
        described="Shares of media against the cutoff; an upright line stands at the chosen one",
    )


def recall_precision_drawing(loaded: LoadedReport, precision: Column, step: int) -> Drawing:
    """Precision against recall, with the chosen cutoff as a point.

    Args as `shares_drawing`.
    """
    recall = loaded.column("nonblank_recall")
    frame = pd.DataFrame({"recall": recall, "precision": precision, "cutoff": loaded.column("cutoff")}).iloc[
        ::_EVERY_NTH
    ]
    point = pd.DataFrame({"recall": [recall[step]], "precision": [precision[step]], "cutoff": [step / 1000]})
    return Drawing(
        spec=_recall_precision_spec(),
        data={"curve": frame.dropna(), "chosen": point.dropna()},
        described="Nonblank precision against nonblank recall; a point stands at the chosen cutoff",
    )


def _lines(loaded: LoadedReport, precision: Column) -> pd.DataFrame:
    frame = pd.DataFrame({"cutoff": loaded.column("cutoff")})
    for name, (column, _, _) in _FIGURES.items():
        frame[name] = precision if column == "nonblank_precision" else loaded.column(column)
    return frame.iloc[::_EVERY_NTH].melt("cutoff", list(_FIGURES), "figure", "share").dropna()


def _band(loaded: LoadedReport) -> pd.DataFrame:
    names = {"low": "nonblank_recall_low", "high": "nonblank_recall_high", "cutoff": "cutoff"}
    frame = pd.DataFrame({name: loaded.column(column) for name, column in names.items()})
    return frame.iloc[::_EVERY_NTH].dropna()


def _bars(histogram: pa.Table) -> pd.DataFrame:
    """Bars from a floor to a top: blank media below, nonblank media on top of them."""
    # The last row holds media without a score: they have no bin.
    frame = histogram.to_pandas().dropna(subset=["bin_start"])
    edges = frame[["bin_start", "bin_end"]]
    blank, both = frame["num_blank"], frame["num_blank"] + frame["num_nonblank"]
    return pd.concat(
        [
            edges.assign(label="blank", media=blank, floor=np.zeros(len(frame)), top=blank),
            edges.assign(label="nonblank", media=frame["num_nonblank"], floor=blank, top=both),
        ]
    )


@cache
def _shares_spec(highest: float) -> dict[str, Any]:
    names, values = list(_FIGURES), [colour for _, colour, _ in _FIGURES.values()]
    share = {
        "type": "quantitative",
        "axis": {"format": "%", "orient": "left", "title": "share of media"},
        "scale": {"domain": [0, 1]},
    }
    lines = {
        "layer": [
            {
                "data": {"name": "band"},
                "mark": {"type": "area", "color": RECALL, "opacity": 0.15},
                "encoding": {
                    "x": _cutoff("cutoff"),
                    "y": {"field": "low", **share},
                    "y2": {"field": "high"},
                },
            },
            {
                "data": {"name": "lines"},
                "mark": {"type": "line", "strokeWidth": 2.5, "clip": True},
                "encoding": {
                    "x": _cutoff("cutoff"),
                    "y": {"field": "share", **share},
                    "color": colours("figure", names, values),
                    "strokeDash": {
                        "field": "figure",
                        "type": "nominal",
                        "scale": {"domain": names, "range": [dash for _, _, dash in _FIGURES.values()]},
                        "legend": None,
                    },
                    "tooltip": [
                        {"field": "figure", "type": "nominal"},
                        {"field": "cutoff", "type": "quantitative", "format": ".3f"},
                        {"field": "share", "type": "quantitative", "format": ".1%"},
                    ],
                },
            },
            {
                "data": {"name": "chosen"},
                "mark": {"type": "rule", "color": CHOSEN, "strokeWidth": 3},
                "encoding": {"x": _cutoff("cutoff")},
            },
        ]
    }
    return {
        "height": _HEIGHT_PX,
        "layer": [_bars_layer(highest), lines],
        "resolve": {"scale": {"y": "independent", "color": "independent"}},
    }


def _bars_layer(highest: float) -> dict[str, Any]:
    return {
        "data": {"name": "bars"},
        "mark": {"type": "rect", "opacity": 0.55},
        "encoding": {
            "x": _cutoff("bin_start"),
            "x2": {"field": "bin_end"},
            "y": {
                "field": "floor",
                "type": "quantitative",
                "axis": {
                    "format": "~s",
                    "orient": "right",
                    "grid": False,
                    "tickMinStep": 1,
                    "title": "labelled media",
                },
                "scale": {"domain": [0, highest]},
            },
            "y2": {"field": "top"},
            "color": colours("label", ["nonblank", "blank"], [NONBLANK, BLANK], orient="bottom"),
            "tooltip": [
                {"field": "label", "type": "nominal", "title": "true label"},
                {"field": "media", "type": "quantitative", "format": ","},
                {"field": "bin_start", "type": "quantitative", "title": "p_nonblank from", "format": ".2f"},
                {"field": "bin_end", "type": "quantitative", "title": "to", "format": ".2f"},
            ],
        },
    }


@cache
def _recall_precision_spec() -> dict[str, Any]:
    def axis(field: str, title: str) -> dict[str, Any]:
        return {
            "field": field,
            "type": "quantitative",
            "axis": {"format": "%", "title": title},
            "scale": {"domain": [0, 1]},
        }

    position = {
        "x": axis("recall", "nonblank recall: animals kept"),
        "y": axis("precision", "nonblank precision: kept that show something"),
        "tooltip": [
            {"field": "cutoff", "type": "quantitative", "format": ".3f"},
            {"field": "recall", "type": "quantitative", "format": ".1%"},
            {"field": "precision", "type": "quantitative", "format": ".1%"},
        ],
    }
    return {
        "height": _HEIGHT_PX,
        "layer": [
            {
                "data": {"name": "curve"},
                "mark": {"type": "line", "color": PRECISION, "strokeWidth": 2.5},
                "encoding": {**position, "order": {"field": "cutoff", "type": "quantitative"}},
            },
            {
                "data": {"name": "chosen"},
                "mark": {"type": "point", "color": CHOSEN, "filled": True, "size": 180, "opacity": 1},
                "encoding": position,
            },
        ],
    }


def _cutoff(field: str) -> dict[str, Any]:
    return {
        "field": field,
        "type": "quantitative",
        "axis": {
            "title": "cutoff, and p_nonblank of the media",
            "format": ".1f",
            "tickCount": 11,
            "grid": False,
        },
        "scale": {"domain": [0, 1]},
    }
