"""The dashboard's frame: the password, the navigation, and which report is shown.

Owns: what all pages share. Refuses: what is on a page; that is `dashboard.pages`.
"""

import sys

import streamlit as st

from blanktrap.core.errors import BlanktrapError, UsageError
from blanktrap.files.outputs import OutputKind
from dashboard.inputs import Inputs, Opened, read_inputs
from dashboard.layout import SIDEBAR_PX, show_frame
from dashboard.navigation import FIRST, navigation_pages
from dashboard.password import is_let_in
from dashboard.wording import show_problem

_LINKED, _CHOSEN = "report", "shown report"


def show_app(first: str = FIRST) -> None:
    """Draw the page that the address names; `first` is the one at the address without a name."""
    st.set_page_config(
        page_title="blanktrap", page_icon="🐾", layout="wide", initial_sidebar_state=SIDEBAR_PX
    )
    show_frame()
    if not is_let_in():
        return
    inputs = read_inputs(sys.argv[1:])
    problem = _problem_of(inputs)
    opened = Opened(inputs=inputs, report=None if problem else _choose_report(inputs.of(OutputKind.REPORT)))
    page = st.navigation(navigation_pages(opened, first=first))
    if problem:
        show_problem(problem, title=page.title)
    else:
        page.run()


def _problem_of(inputs: Inputs) -> BlanktrapError | None:
    """Why no page can be shown: nothing was named, nothing can be read, or the link names something else."""
    if not inputs.locations:
        return UsageError("nothing was named when the dashboard was started")
    linked = st.query_params.get(_LINKED)
    if linked is not None and linked not in inputs.locations:
        return UsageError(
            "the link names a report that was not given when the dashboard was started: start it with that "
            "report, or remove ?report=… from the address"
        )
    if linked is not None and linked in inputs.problems:
        return inputs.problems[linked]
    return None if inputs.kinds else next(iter(inputs.problems.values()))


def _choose_report(reports: tuple[str, ...]) -> str | None:
    """The report that the sidebar or the link chooses; the link follows the sidebar."""
    if len(reports) < 2:
        return reports[0] if reports else None
    linked = st.query_params.get(_LINKED)
    if linked in reports and linked != st.session_state.get(_LINKED):
        st.session_state[_CHOSEN] = linked
    chosen: str = st.sidebar.selectbox(
        "Report", reports, key=_CHOSEN, persist_state="session", help="The reports named at the start."
    )
    st.query_params[_LINKED] = st.session_state[_LINKED] = chosen
    return chosen
