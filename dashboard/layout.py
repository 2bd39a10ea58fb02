"""The frame of the pages: space, and figures in cards.

Owns: what is the same on every page and is no chart. Refuses: figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.wording import plain

SIDEBAR_PX = 230

# Names of files and species never get here: this is fixed text.
_STYLE = """<style>
[data-testid="stMainBlockContainer"] {padding: 2.6rem 2.5rem 3rem; max-width: 1400px;}
[class*="st-key-cards"] [data-testid="stHorizontalBlock"] {flex-wrap: wrap; gap: 0.8rem;}
[class*="st-key-cards"] [data-testid="stColumn"] {flex: 1 1 10.5rem; min-width: 10.5rem;}
[class*="st-key-cards"] [data-testid="stCaptionContainer"] {margin-top: -0.9rem;}
[class*="st-key-split"] > * > [data-testid="stHorizontalBlock"] {flex-wrap: wrap;}
[class*="st-key-split"] > * > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"]
  {flex: 1 1 24rem; min-width: min(24rem, 100%);}
</style>"""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One large figure."""

    name: str
    value: str
    note: str
    """What it was measured on, or what share of what it is; one line."""
    explained: str
    """The figure in one sentence."""


def show_frame() -> None:
    """What every page begins with."""
    st.html(_STYLE)


def show_cards(key: str, cards: Sequence[Card]) -> None:
    """Figures side by side; where there is little room they go to the next line."""
    with st.container(key=f"cards-{key}"):
        for column, card in zip(st.columns(len(cards)), cards, strict=True):
            with column.container(border=True, height="stretch"):
                st.metric(card.name, card.value, help=card.explained)
                st.caption(card.note)


def show_rows(rows: Sequence[Mapping[str, str]]) -> None:
    """A small table of texts. Streamlit reads cells as Markdown, so names and signs are kept as they are."""
    shown = [{name: plain(text) for name, text in row.items()} for row in rows]
    st.table(shown, hide_index=True, border="horizontal")


def split(key: str) -> Sequence[st.delta_generator.DeltaGenerator]:
    """Two halves side by side; one under the other where there is little room."""
    with st.container(key=f"split-{key}"):
        return st.columns(2, gap="medium")
