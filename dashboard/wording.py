"""Text on the pages.

Owns: showing names from an archive as they are, and counts with their shares. Refuses: knowing a page.
"""

import re

import streamlit as st

from blanktrap.core.errors import BlanktrapError
from blanktrap.core.wording import count, percent

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$:~&])")


def plain(text: str) -> str:
    """Text from an archive as it is: nothing in it becomes a link, an image, a formula or HTML."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def sentence(text: str) -> str:
    """A message of the program as a sentence."""
    return plain(text[:1].upper() + text[1:]).rstrip(".").removesuffix("\\") + "."


def hours(num_hours: float) -> str:
    """Hours as people read them: `4.2 h`, `145 h`, `12,300 h`."""
    return f"{num_hours:,.0f} h" if abs(num_hours) >= 10 else f"{num_hours + 0.0:,.1f} h"


def share_of(part: float, whole: float) -> str:
    """A count and its share: `120 (12.0 %)`."""
    return f"{count(part)} ({percent(part / whole if whole else None)})"


def show_problem(problem: BlanktrapError, *, title: str | None = None) -> None:
    """Say what is wrong, in one line, and where to begin; below a title where the page has none yet."""
    if title is not None:
        st.title(title, anchor=False)
    st.error(sentence(str(problem)), icon=":material/error:")
    st.markdown("Make a report of a scored archive, then open it:")
    st.code("blanktrap evaluate SCORES --out REPORT\nblanktrap dashboard REPORT", language=None)


def show_nothing(what: str, how: str, *commands: str) -> None:
    """An honest empty page: what is missing, and the commands that make it."""
    with st.container(border=True):
        st.markdown(f"**{what}**")
        st.markdown(how)
        if commands:
            st.code("\n".join(commands), language=None)


def show_no_report() -> None:
    """Say how to get a report, where none was named."""
    show_nothing(
        "No report was named",
        "Figures come from a report, which a scored archive with some labels gives:",
        "blanktrap evaluate SCORES --out REPORT",
        "blanktrap dashboard REPORT",
    )


def money(amount: float) -> str:
    """A sum in the currency of the wage: `1,240`, `-12.50`."""
    return f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:,.2f}"
