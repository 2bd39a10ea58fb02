"""How a scoring run went, drawn.

Owns: speed over time. Refuses: computing figures.
"""

from functools import cache
from typing import Any

import pyarrow as pa

from dashboard.drawing import SAVING, Drawing

_HEIGHT_PX = 220


def speed_drawing(speed: pa.Table) -> Drawing:
    """Images a second over time, as an area.

    Args:
        speed: of `RunProgress`.
    """
    return Drawing(
        spec=_spec(), data={"speed": speed.to_pandas()}, described="Images scored a second over time"
    )


@cache
def _spec() -> dict[str, Any]:
    return {
        "height": _HEIGHT_PX,
        "data": {"name": "speed"},
        "mark": {"type": "area", "interpolate": "step", "color": SAVING, "opacity": 0.35, "line": True},
        "encoding": {
            "x": {
                "field": "time",
                "type": "temporal",
                "scale": {"type": "utc"},
                "axis": {"title": "time (UTC)"},
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
