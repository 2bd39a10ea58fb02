"""Hours saved against animals lost, drawn.

Owns: the one chart of the page of savings, and its table. Refuses: arithmetic of its own.
"""

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from blanktrap.core.statistics.savings import HandWork
from dashboard.drawing import CHOSEN, SAVING, Drawing
from dashboard.loaders import LoadedReport

_HEIGHT_PX = 340


def savings_table(loaded: LoadedReport, work: HandWork, *, blank_rate: float, num_media: float) -> pa.Table:
    """At each cutoff: share of animals lost, images not looked at, and their hours, in such an archive."""
    lost, removed = 1.0 - loaded.column("nonblank_recall"), loaded.column("blank_recall")
    num_lost = (1.0 - blank_rate) * num_media * lost
    num_removed = blank_rate * num_media * removed
    return pa.table(
        {
            "cutoff": loaded.column("cutoff"),
            "lost_share": lost,
            "num_nonblank_lost": num_lost,
            "num_blanks_removed": num_removed,
            "num_not_looked_at": num_lost + num_removed,
            "hours_not_looking": (num_lost + num_removed) / work.images_per_hour,
        }
    )


def savings_drawing(table: pa.Table, step: int) -> Drawing:
    """Hours saved against the share of animals lost, with the chosen cutoff as a point.

    Args:
        table: as `savings_table` gives it.
        step: the chosen cutoff, in thousandths.
    """
    frame = table.select(["cutoff", "lost_share", "hours_not_looking"]).to_pandas()
    chosen = frame.iloc[[step]]
    # Beyond a third of the animals nobody chooses; the chosen point shows all the same.
    furthest = max(0.3, float(np.nan_to_num(chosen["lost_share"].iloc[0])))
    there = frame[frame["lost_share"] <= furthest].drop_duplicates("lost_share", keep="last")
    return Drawing(
        spec=_spec(),
        data={"curve": there.dropna(), "chosen": chosen.dropna()},
        described="Hours saved against the share of animals lost",
    )


@cache
def _spec() -> dict[str, Any]:
    position = {
        "x": {
            "field": "lost_share",
            "type": "quantitative",
            "axis": {"format": "%", "title": "animals lost: share of the nonblank images called blank"},
        },
        "y": {
            "field": "hours_not_looking",
            "type": "quantitative",
            "axis": {"format": ",d", "title": "hours saved"},
            "scale": {"zero": True},
        },
        "tooltip": [
            {"field": "cutoff", "type": "quantitative", "format": ".3f"},
            {"field": "lost_share", "type": "quantitative", "format": ".1%", "title": "animals lost"},
            {"field": "hours_not_looking", "type": "quantitative", "format": ",.0f", "title": "hours saved"},
        ],
    }
    return {
        "height": _HEIGHT_PX,
        "layer": [
            {
                "data": {"name": "curve"},
                "mark": {"type": "line", "color": SAVING, "strokeWidth": 2.5},
                "encoding": {**position, "order": {"field": "cutoff", "type": "quantitative"}},
            },
            {
                "data": {"name": "chosen"},
                "mark": {"type": "point", "color": CHOSEN, "filled": True, "size": 180, "opacity": 1},
                "encoding": position,
            },
        ],
    }
