"""The page "Where it fails".

Owns: what is seen. Refuses: reading files itself.
"""

import streamlit as st

from dashboard.inputs import Opened
from dashboard.wording import show_nothing


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Where it fails", anchor=False)
    show_nothing(
        "Which animals are missed, and where.",
        "This page is not built yet; the command line has it:",
        "blanktrap --help",
    )
