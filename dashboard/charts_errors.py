"""Where animals are missed, drawn.

Owns: missed shares with their intervals, and tags of missed against found images. Refuses: counting.
"""

from typing import Any

import pandas as pd
import pyarrow as pa

from dashboard.drawing import BLANK, NONBLANK, RECALL, Drawing

_ROW_PX = 22
MOST_ROWS = 25

_THICK, _THIN = "enough images", "few images or places"


def missed_drawing(rows: pa.Table, overall: float) -> Drawing:
    """Missed share of each value of a property, with its interval and the share over all.

    Args:
        rows: of the report's table `errors`, of one factor, in the order to show, at most `MOST_ROWS`.
        overall: missed share of all nonblank media.
    """
    frame = rows.select(["value", "num_media", "num_missed", "missed_share", "interval_low", "interval_high"])
    frame = frame.to_pandas()
    frame["certainty"] = [_THIN if thin else _THICK for thin in rows.column("is_thin").to_pylist()]
    frame["counts"] = [
        f"{missed:,} of {num:,}" for missed, num in zip(frame["num_missed"], frame["num_media"], strict=True)
    ]
    return Drawing(
        spec=_missed_spec(frame["value"].tolist()),
        data={
            "rows": frame,
            "intervals": frame.dropna(subset=["interval_low"]),
            "overall": pd.DataFrame({"share": [overall]}),
        },
        described="Share of the nonblank images that is missed, by value",
    )


def tags_drawing(tags: pa.Table) -> Drawing:
    """Share of missed and of found images that have each tag, as two points on a line."""
    frame = tags.select(["tag", "missed_share", "found_share"]).to_pandas().dropna()
    long = frame.melt("tag", ["missed_share", "found_share"], "group", "share")
    long["group"] = long["group"].map({"missed_share": "missed", "found_share": "found"})
    order = frame.sort_values("missed_share", ascending=False)["tag"].tolist()
    row = _rows("tag", order)
    share = _share("share", "share of the images with the tag")
    return Drawing(
        spec={
            "height": _ROW_PX * max(1, len(order)),
            "layer": [
                {
                    "data": {"name": "pairs"},
                    "mark": {"type": "rule", "color": "#999999", "strokeWidth": 2},
                    "encoding": {
                        "x": {**share, "field": "missed_share"},
                        "x2": {"field": "found_share"},
                        "y": row,
                    },
                },
                {
                    "data": {"name": "points"},
                    "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
                    "encoding": {
                        "x": share,
                        "y": row,
                        "color": {
                            "field": "group",
                            "type": "nominal",
                            "scale": {"domain": ["missed", "found"], "range": [RECALL, BLANK]},
                            "legend": {"title": None, "orient": "top"},
                        },
                        "shape": {
                            "field": "group",
                            "type": "nominal",
                            "scale": {"domain": ["missed", "found"], "range": ["triangle-up", "circle"]},
                            "legend": None,
                        },
                        "tooltip": [
                            {"field": "tag", "type": "nominal"},
                            {"field": "group", "type": "nominal"},
                            {"field": "share", "type": "quantitative", "format": ".1%"},
                        ],
                    },
                },
            ],
        },
        data={"pairs": frame, "points": long},
        described="Share of missed and of found images by what people saw in them",
    )


def _missed_spec(order: list[str]) -> dict[str, Any]:
    row = _rows("value", order)
    return {
        "height": _ROW_PX * max(1, len(order)),
        "layer": [
            {
                "data": {"name": "rows"},
                "mark": {"type": "bar", "height": {"band": 0.7}},
                "encoding": {
                    "x": _share("missed_share", "missed: share of the nonblank images called blank"),
                    "y": row,
                    "color": {
                        "field": "certainty",
                        "type": "nominal",
                        "scale": {"domain": [_THICK, _THIN], "range": [NONBLANK, "#CCCCCC"]},
                        "legend": {"title": None, "orient": "top"},
                    },
                    "tooltip": [
                        {"field": "value", "type": "nominal"},
                        {"field": "counts", "type": "nominal", "title": "missed"},
                        {"field": "missed_share", "type": "quantitative", "format": ".1%"},
                        {"field": "interval_low", "type": "quantitative", "format": ".1%", "title": "from"},
                        {"field": "interval_high", "type": "quantitative", "format": ".1%", "title": "to"},
                    ],
                },
            },
            {
                "data": {"name": "intervals"},
                "mark": {"type": "rule", "strokeWidth": 1.5, "color": "#666666"},
                "encoding": {
                    "x": _share("interval_low", None),
                    "x2": {"field": "interval_high"},
                    "y": row,
                },
            },
            {
                "data": {"name": "overall"},
                "mark": {"type": "rule", "strokeDash": [4, 3], "strokeWidth": 1.5, "color": RECALL},
                "encoding": {
                    "x": _share("share", None),
                    "tooltip": [
                        {"field": "share", "type": "quantitative", "format": ".1%", "title": "over all"}
                    ],
                },
            },
        ],
    }


def _rows(field: str, order: list[str]) -> dict[str, Any]:
    return {"field": field, "type": "nominal", "sort": order, "axis": {"title": None, "labelLimit": 190}}


def _share(field: str, title: str | None) -> dict[str, Any]:
    channel: dict[str, Any] = {"field": field, "type": "quantitative"}
    if title is not None:
        channel |= {"axis": {"format": "%", "title": title}, "scale": {"domainMin": 0}}
    return channel
