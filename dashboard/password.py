"""The password of the dashboard.

Owns: asking for it before anything of an archive is shown, and comparing it in constant time. Refuses: users
and roles; a web server with a login of its own can stand before the page.
"""

import hmac
import os
import threading
import time

import streamlit as st

PASSWORD_VARIABLE = "BLANKTRAP_DASHBOARD_PASSWORD"

_WAIT_S = 1.0
# All who guess wait in one line: more visitors guess no faster.
_guessing = threading.Lock()


def is_let_in() -> bool:
    """Whether this visitor may see the archive; asks for the password where there is one."""
    wanted = os.environ.get(PASSWORD_VARIABLE)
    if not wanted or st.session_state.get("is_let_in"):
        return True
    st.title("blanktrap", anchor=False)
    with st.form("password", width=420):
        given = st.text_input("Password", type="password", autocomplete="current-password")
        is_sent = st.form_submit_button("Open", type="primary")
    if not is_sent:
        return False
    if is_right(given, wanted):
        st.session_state["is_let_in"] = True
        st.rerun()
    st.error("That is not the password.")
    return False


def is_right(given: str, wanted: str) -> bool:
    """Whether two passwords are the same; a wrong one takes a second, one after the other."""
    if hmac.compare_digest(given.encode(), wanted.encode()):
        return True
    with _guessing:
        time.sleep(_WAIT_S)
    return False
