"""The page "Cutoff".

Owns: what is seen. Refuses: reading files itself.
"""

import streamlit as st

from dashboard.inputs import Opened
from dashboard.wording import show_nothing


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Cutoff", anchor=False)
    show_nothing(
        "One slider that moves every figure.",
        "This page is not built yet; the command line has it:",
        "blanktrap --help",
    )
