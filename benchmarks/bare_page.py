"""The least that a Streamlit page with the dashboard's parts takes, for `dashboard_latency` to compare with.

No report is read, no figure computed, nothing offered: a slider, four figures, two charts and a text, which
all follow the slider. Served by `python -m streamlit run benchmarks/bare_page.py`.
"""

import streamlit as st

_NUM_FIGURES, _NUM_CHARTS, _NUM_POINTS = 4, 2, 200


def show() -> None:
    """Draw the page; the first chart and the first figure are what the benchmark waits for."""
    st.set_page_config(layout="wide")
    st.title("Cutoff")
    _follow_slider()


@st.fragment
def _follow_slider() -> None:
    cutoff = st.slider("Cutoff", 0.0, 1.0, 0.5, step=0.001)
    for number, column in enumerate(st.columns(_NUM_FIGURES)):
        column.metric("Nonblank recall", f"{100 * cutoff + number:.1f} %")
    for number in range(_NUM_CHARTS):
        st.vega_lite_chart(spec=_spec(cutoff), key=f"chart {number}")
    st.code(f"{cutoff:.3f}")


def _spec(cutoff: float) -> dict[str, object]:
    position = {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}}
    line = [{"x": step / _NUM_POINTS, "y": 1 - step / _NUM_POINTS} for step in range(_NUM_POINTS)]
    return {
        "layer": [
            {"data": {"name": "line"}, "mark": "line", "encoding": position},
            {"data": {"name": "point"}, "mark": "point", "encoding": position},
        ],
        "datasets": {"line": line, "point": [{"x": cutoff, "y": 1 - cutoff}]},
    }


if __name__ == "__main__":
    show()
