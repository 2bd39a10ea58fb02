"""The pages there are, and links between them.

Owns: their order, names, icons and addresses, and the parameters of a link. Refuses: what is on a page; its
module is imported when it is shown, unless the server has done so before it listened.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from blanktrap.core.errors import BlanktrapError
from dashboard.inputs import Opened
from dashboard.wording import show_problem


@dataclass(frozen=True, kw_only=True)
class PageEntry:
    """One page of the navigation."""

    title: str
    icon: str
    group: str


PAGES = {
    "overview": PageEntry(title="Overview", icon=":material/dashboard:", group="Results"),
    "cutoff": PageEntry(title="Cutoff", icon=":material/tune:", group="Results"),
    "savings": PageEntry(title="Savings", icon=":material/savings:", group="Results"),
    "errors": PageEntry(title="Where it fails", icon=":material/troubleshoot:", group="Results"),
    "gallery": PageEntry(title="Gallery", icon=":material/photo_library:", group="Images"),
    "review": PageEntry(title="Review", icon=":material/rate_review:", group="Images"),
    "training": PageEntry(title="Training", icon=":material/model_training:", group="Machines"),
    "runs": PageEntry(title="Runs", icon=":material/speed:", group="Machines"),
}
"""By name, which is also the address and the module under `dashboard.pages`."""

FIRST = "overview"


def navigation_pages(opened: Opened | None, *, first: str = FIRST) -> dict[str, list[StreamlitPage]]:
    """The pages by group, as `st.navigation` takes them.

    Args:
        opened: what they are asked to show; None only to name them.
        first: the page at the address without a name.
    """
    groups: dict[str, list[StreamlitPage]] = {}
    for name, entry in PAGES.items():
        groups.setdefault(entry.group, []).append(_page(name, opened, is_default=name == first))
    return groups


def link_to(
    name: str, label: str, *, opened: Opened, icon: str | None = None, **parameters: str | None
) -> None:
    """A link to another page, with the report and what else it should show; None leaves a parameter out."""
    asked = {key: value for key, value in parameters.items() if value is not None}
    if opened.report is not None:
        asked["report"] = opened.report
    st.page_link(
        _page(name, opened, is_default=name == FIRST),
        label=label,
        icon=icon or PAGES[name].icon,
        query_params=asked,
    )


def _page(name: str, opened: Opened | None, *, is_default: bool) -> StreamlitPage:
    entry = PAGES[name]
    return st.Page(
        _shower(name, opened), title=entry.title, icon=entry.icon, url_path=name, default=is_default
    )


def _shower(name: str, opened: Opened | None) -> Callable[[], None]:
    def show() -> None:
        assert opened is not None
        try:
            import_module(f"dashboard.pages.{name}").show(opened)
        except BlanktrapError as problem:
            show_problem(problem)

    return show
