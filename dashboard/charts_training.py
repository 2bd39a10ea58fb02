"""How a model learned, and whether its probabilities are probabilities, drawn.

Owns: curves by epoch and the reliability diagram. Refuses: computing figures.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from blanktrap.core.statistics.reliability import Reliability
from dashboard.charts import colours
from dashboard.drawing import CHOSEN, NOT_SCORED, PRECISION, RECALL, SAVING, Drawing

_HEIGHT_PX = 260

LOSSES = {"train_loss": ("training", SAVING), "val_loss": ("validation", RECALL)}
FIGURES = {
    "all_average_precision": ("average precision", PRECISION),
    "all_area_under_roc": ("area under ROC", SAVING),
    "all_blank_recall_at_96": ("blanks removed at 96 % recall", RECALL),
}
BY_LIGHT = {
    "day_average_precision": ("by day", "#E69F00"),
    "night_average_precision": ("by night", SAVING),
    "sequences_average_precision": ("by sequence", PRECISION),
}


def epochs_drawing(
    log: pa.Table, columns: Mapping[str, tuple[str, str]], *, title: str, is_share: bool
) -> Drawing:
    """Figures of each epoch as lines; the epoch whose weights were kept is an upright line.

    Args:
        log: with the columns of `TRAINING_SCHEMA`.
        columns: name and colour of each line, by column.
        title: of the upright axis.
        is_share: whether the figures lie in [0, 1].
    """
    frame = log.select(["epoch", *columns]).to_pandas()
    long = frame.rename(columns={column: name for column, (name, _) in columns.items()})
    names = [name for name, _ in columns.values()]
    long = long.melt("epoch", names, "figure", "value").dropna()
    best = log.filter(log.column("is_best")).column("epoch").to_pylist()
    upright: dict[str, Any] = {"field": "value", "type": "quantitative", "axis": {"title": title}}
    if is_share:
        upright |= {"axis": {"title": title, "format": "%"}, "scale": {"domain": [0, 1]}}
    across = {"field": "epoch", "type": "quantitative", "axis": {"tickMinStep": 1, "format": "d"}}
    return Drawing(
        spec={
            "height": _HEIGHT_PX,
            "layer": [
                {
                    "data": {"name": "best"},
                    "mark": {"type": "rule", "color": CHOSEN, "strokeWidth": 2},
                    "encoding": {"x": across},
                },
                {
                    "data": {"name": "epochs"},
                    "mark": {"type": "line", "strokeWidth": 2.5, "point": {"size": 40}},
                    "encoding": {
                        "x": across,
                        "y": upright,
                        "color": colours("figure", names, [colour for _, colour in columns.values()]),
                        "tooltip": [
                            {"field": "epoch", "type": "quantitative"},
                            {"field": "figure", "type": "nominal"},
                            {"field": "value", "type": "quantitative", "format": ".3f"},
                        ],
                    },
                },
            ],
        },
        data={"epochs": long, "best": pd.DataFrame({"epoch": best[-1:]})},
        described=f"{title} by epoch",
    )


def reliability_drawing(measured: Mapping[str, Reliability]) -> Drawing:
    """Share that is nonblank against the mean score of its bin; on the dashed line both are the same.

    Args:
        measured: by name in words, at most three.
    """
    names = list(measured)
    rows = [
        {"scores": name, "said": one.mean_p, "is": one.nonblank_share, "images": one.num_media}
        for name, found in measured.items()
        for one in found.bins
    ]
    said = {
        "field": "said",
        "type": "quantitative",
        "axis": {"title": "what the score says (mean p_nonblank)", "format": "%"},
        "scale": {"domain": [0, 1]},
    }
    true = {
        "field": "is",
        "type": "quantitative",
        "axis": {"title": "what is true (share nonblank)", "format": "%"},
        "scale": {"domain": [0, 1]},
    }
    return Drawing(
        spec={
            "height": _HEIGHT_PX + 60,
            "layer": [
                {
                    "data": {"name": "even"},
                    "mark": {"type": "line", "strokeDash": [4, 3], "color": NOT_SCORED},
                    "encoding": {"x": said, "y": true},
                },
                {
                    "data": {"name": "bins"},
                    "mark": {"type": "line", "strokeWidth": 2.5, "point": {"size": 55}},
                    "encoding": {
                        "x": said,
                        "y": true,
                        "color": colours("scores", names, [NOT_SCORED, PRECISION, RECALL][: len(names)]),
                        "tooltip": [
                            {"field": "scores", "type": "nominal"},
                            {"field": "said", "type": "quantitative", "format": ".1%"},
                            {"field": "is", "type": "quantitative", "format": ".1%"},
                            {"field": "images", "type": "quantitative", "format": ","},
                        ],
                    },
                },
            ],
        },
        data={"bins": pd.DataFrame(rows), "even": pd.DataFrame({"said": [0, 1], "is": [0, 1]})},
        described="Share of nonblank images against the score, by bins of about equally many images",
    )
