"""How a scoring run went, drawn.

Owns: speed over time. Refuses: computing figures.
"""

import math
from datetime import timedelta
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dashboard.drawing import SAVING, Drawing

_HEIGHT_PX = 220
_NUM_TICKS = 6
_SHORT = timedelta(minutes=10)
"""Runs of less are told to the second: left to itself an axis names fractions of one."""


def speed_drawing(speed: pa.Table) -> Drawing:
    """Images a second over time, as an area.

    Args:
        speed: of `RunProgress`.
    """
    times = speed.column("time")
    lasted = pc.max(times).as_py() - pc.min(times).as_py() if len(times) else timedelta()
    step_s = math.ceil(lasted / timedelta(seconds=_NUM_TICKS)) or 1 if lasted < _SHORT else None
    return Drawing(
        spec=_spec(step_s), data={"speed": speed.to_pandas()}, described="Images scored a second over time"
    )


@cache
def _spec(step_s: int | None) -> dict[str, Any]:
    seconds = {"format": "%H:%M:%S", "tickCount": {"interval": "seconds", "step": step_s}} if step_s else {}
    return {
        "height": _HEIGHT_PX,
        "data": {"name": "speed"},
        "mark": {"type": "area", "interpolate": "step", "color": SAVING, "opacity": 0.35, "line": True},
        "encoding": {
            "x": {
                "field": "time",
                "type": "temporal",
                "scale": {"type": "utc"},
                "axis": {"title": "time (UTC)", **seconds},
            },
            "y": {
                "field": "images_per_s",
                "type": "quantitative",
                "axis": {"title": "images a second", "format": ",~f"},
                "scale": {"zero": True},
            },
            "tooltip": [
                {"field": "time", "type": "temporal", "format": "%H:%M:%S"},
                {
                    "field": "images_per_s",
                    "type": "quantitative",
                    "format": ",.1f",
                    "title": "images a second",
                },
            ],
        },
    }
