"""The page "Gallery".

Owns: what is seen. Refuses: reading files itself.
"""

import streamlit as st

from dashboard.inputs import Opened
from dashboard.wording import show_nothing


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Gallery", anchor=False)
    show_nothing(
        "The pictures behind a report, filtered and side by side.",
        "This page is not built yet; the command line has it:",
        "blanktrap --help",
    )
