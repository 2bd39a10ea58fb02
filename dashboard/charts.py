"""Charts of a report.

Owns: which figures are drawn, and how. Refuses: computing figures, and colours of its own.
"""

from typing import Any

import pandas as pd

from blanktrap.core.reporting.report_parts import Archive
from blanktrap.core.wording import count
from dashboard.drawing import BLANK, NONBLANK, NOT_SCORED, Drawing

_BAR_HEIGHT_PX = 34
_LEGEND_LINE = 46
"""Letters of all names in a legend that half a page holds in one line."""


def archive_bar(archive: Archive) -> Drawing:
    """The archive as one bar: kept, called blank, not scored."""
    names = ["kept for people", "called blank", "not scored"]
    numbers = [archive.num_kept, archive.num_set_aside, archive.num_not_scored]
    frame = pd.DataFrame({"what": names, "order": range(3), "images": numbers})
    return Drawing(
        spec={
            "data": {"name": "archive"},
            "height": _BAR_HEIGHT_PX,
            "mark": {"type": "bar", "tooltip": True},
            "encoding": {
                "x": {
                    "field": "images",
                    "type": "quantitative",
                    "stack": "normalize",
                    "axis": {"format": "%", "title": "share of all images", "grid": False, "tickCount": 5},
                },
                "order": {"field": "order"},
                "color": colours("what", names, [NONBLANK, BLANK, NOT_SCORED]),
                "tooltip": [
                    {"field": "what", "title": "images"},
                    {"field": "images", "title": "number", "format": ",", "type": "quantitative"},
                ],
            },
        },
        data={"archive": frame},
        described="Of all images, "
        + ", ".join(f"{count(number)} {name}" for name, number in zip(names, numbers, strict=True)),
    )


def colours(field: str, names: list[str], values: list[str], *, orient: str = "top") -> dict[str, Any]:
    """The colour channel of a field, with a legend above or below the chart."""
    return {
        "field": field,
        "type": "nominal",
        "scale": {"domain": names, "range": values},
        # Names are told whole, in two columns where one line would leave the picture.
        "legend": {
            "title": None,
            "orient": orient,
            "symbolStrokeWidth": 4,
            "labelLimit": 0,
            **({"columns": 2} if sum(map(len, names)) > _LEGEND_LINE else {}),
        },
    }
