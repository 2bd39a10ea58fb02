"""The page "Training".

Owns: what is seen. Refuses: reading files itself.
"""

import streamlit as st

from dashboard.inputs import Opened
from dashboard.wording import show_nothing


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Training", anchor=False)
    show_nothing(
        "How a model was trained, and what it is worth.",
        "This page is not built yet; the command line has it:",
        "blanktrap --help",
    )
