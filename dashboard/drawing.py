"""A chart that is drawn once and whose points then move.

Owns: a chart whose shape is apart from its data, so that the browser replaces points instead of drawing the
chart anew, and the colours, the same on every page. Refuses: which figures are drawn; that is `charts`.

Colours are Okabe and Ito's, which people with any common colour blindness can tell apart; lines differ in
dashes too, and every colour is readable on white and on near black.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

NONBLANK, BLANK, NOT_SCORED = "#E69F00", "#56B4E9", "#999999"
RECALL, PRECISION, SAVING = "#D55E00", "#009E73", "#0072B2"
CHOSEN = "#CC79A7"

_WIDTH_PX = 640
_FONT = "Source Sans, Arial, sans-serif"


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """A Vega-Lite chart with named data."""

    spec: dict[str, Any]
    """Without data; the same object shape for the same chart, whatever is chosen."""
    data: dict[str, pd.DataFrame]
    """By the names that the spec uses."""
    described: str
    """What is seen, in one sentence, for people who cannot see it. Without figures that move: with another
    sentence the browser draws the chart anew."""

    def whole(self) -> dict[str, Any]:
        """The chart by itself, with its data, on white, as files hold it."""
        values = {name: frame.to_dict(orient="records") for name, frame in self.data.items()}
        return {
            **self.spec,
            "width": self.spec.get("width", _WIDTH_PX),
            "background": "white",
            "datasets": {name: [_as_json(row) for row in rows] for name, rows in values.items()},
            "config": {"font": _FONT, "view": {"stroke": None}, **self.spec.get("config", {})},
        }


def show(drawing: Drawing, *, key: str) -> None:
    """Draw it, as wide as there is room; under the same key its points move."""
    spec = {
        "autosize": {"type": "fit-x", "contains": "padding"},
        **drawing.spec,
        "datasets": dict(drawing.data),
    }
    st.vega_lite_chart(spec=spec, key=key, alt=drawing.described, height="content")


def _as_json(row: dict[Any, Any]) -> dict[Any, Any]:
    """A row as a file holds it, which knows neither NaN nor times."""
    known = {name: None if pd.isna(value) else value for name, value in row.items()}
    return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in known.items()}
