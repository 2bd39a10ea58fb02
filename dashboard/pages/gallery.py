"""The page "Gallery": the images behind the figures, filtered, sorted, and each with its neighbours.

Owns: what is seen. Refuses: reading files itself, and opening anything that a link names.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from blanktrap.core.media_filters import MediaFilter, Order, Show
from blanktrap.core.wording import number
from blanktrap.files.images.pictures import TILE_PX
from blanktrap.files.media_search import MOST_ROWS, PLACE, MediaSearch
from dashboard.closer_look import show_closer
from dashboard.downloads import offer
from dashboard.gallery_filters import SHOWN, ask_filter, link
from dashboard.inputs import Opened
from dashboard.loaders_media import find_media, load_archive, pictures_of, scores_of
from dashboard.tiles import Media, show_tile_style, show_tiles
from dashboard.wording import sentence, show_nothing

_PER_PAGE = 24
_FIRST_LOOK_S, _FURTHER_LOOK_S, _LINKED_LOOK_S = 1.5, 0.8, 4.0
_PAGE, _MEDIA = "page", "media"


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Gallery", anchor=False)
    location = _choose_scores(opened)
    if location is None:
        return
    show_tile_style()
    wanted, order = ask_filter(opened)
    archive = load_archive(opened.storage, location)
    if not archive.scores.is_complete:
        st.info(
            f"This scoring run is not finished: {archive.num_parts:,} of its parts can be seen.",
            icon=":material/pending:",
        )
    search = find_media(opened.storage, location, wanted, order)
    search.advance(_FIRST_LOOK_S)
    rows = search.rows()
    _show_found(search, rows)
    _show_page(opened, rows, wanted.cutoff, asked=repr((location, wanted, order)))
    if not search.is_done:
        _look_on(search, rows.num_rows)
    linked = st.query_params.get(_MEDIA)
    if linked is not None:
        _show_linked(opened, location, linked, rows, wanted.cutoff)


def _choose_scores(opened: Opened) -> str | None:
    there = scores_of(opened)
    if not there:
        show_nothing(
            "No scores were named",
            "Images are found through the scores of an archive, which say where each one is. Name them "
            "beside the report:",
            "blanktrap dashboard REPORT SCORES",
        )
        return None
    linked = st.query_params.get("scores")
    if linked is not None and linked not in there:
        st.error(
            "The link names scores that were not given when the dashboard was started.",
            icon=":material/error:",
        )
        return None
    if len(there) == 1:
        return there[0]
    chosen: str = st.selectbox("Scores", there, index=there.index(linked) if linked else 0)
    st.query_params["scores"] = chosen
    return chosen


def _show_found(search: MediaSearch, rows: pa.Table) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(_found_text(search), width="content")
        if rows.num_rows:
            offer("images", table=rows.drop_columns(list(PLACE)))
    if search.damaged:
        st.warning(
            f"{number(len(search.damaged), 'part')} of the scores cannot be read, and their images are not "
            f"here: {sentence(search.damaged[0])}",
            icon=":material/broken_image:",
        )


def _found_text(search: MediaSearch) -> str:
    more = "more than " if search.stopped_early else ""
    found = f"**{more}{number(search.num_found, 'image')}**"
    if search.wanted.show is not Show.ALL:
        found += f" · {SHOWN[search.wanted.show][:1].lower()}{SHOWN[search.wanted.show][1:]}"
    if not search.is_done:
        found += " so far"
    if search.num_found > MOST_ROWS or search.stopped_early:
        found += f"; the first {MOST_ROWS:,} in this order are shown, a narrower filter shows others"
    return found


@st.fragment(run_every=1.0)
def _look_on(search: MediaSearch, num_shown: int) -> None:
    """Go on looking while the page is seen; what is found fills the page until it is full."""
    search.advance(_FURTHER_LOOK_S)
    if search.is_done or (num_shown < _PER_PAGE and search.num_found > num_shown):
        st.rerun()
    total = max(search.archive.scores.num_media, 1)
    st.progress(
        min(1.0, search.num_looked_at / total),
        text=f"Looked at {search.num_looked_at:,} of {total:,} images, {search.num_found:,} fit. "
        "The order is right when all were looked at.",
    )


def _show_page(opened: Opened, rows: pa.Table, cutoff: float, *, asked: str) -> None:
    if not rows.num_rows:
        st.caption("No image fits. Widen the filter, or choose another cutoff.")
        return
    num_pages = -(-rows.num_rows // _PER_PAGE)
    key = f"page of {asked}"
    page = min(_page_number(key), num_pages)
    shown: Sequence[Media] = rows.slice((page - 1) * _PER_PAGE, _PER_PAGE).to_pylist()
    with st.spinner("Fetching the pictures …"):
        pictures = pictures_of(opened.storage).pictures([row["uri"] for row in shown], longest_px=TILE_PX)
    show_tiles(shown, pictures, cutoff=cutoff, on_open=_open)
    if num_pages > 1:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.pagination(num_pages, default=page, key=key)
    link(_PAGE, str(page) if page > 1 else None)


def _page_number(key: str) -> int:
    """The page that is turned to; another filter begins at its first one, and a link where it says."""
    is_first = "gallery was seen" not in st.session_state
    st.session_state["gallery was seen"] = True
    linked = st.query_params.get(_PAGE, "1") if is_first else "1"
    chosen: int = st.session_state.get(key, int(linked) if linked.isdecimal() else 1)
    return max(1, chosen)


def _open(row: Media) -> None:
    st.query_params[_MEDIA] = str(row["media_id"])


def _show_linked(opened: Opened, location: str, media_id: str, rows: pa.Table, cutoff: float) -> None:
    """Open the media that the link names, if the scores have it; a link opens nothing else."""
    at = pc.index(rows.column("media_id"), media_id).as_py()
    if at < 0:
        search = find_media(opened.storage, location, MediaFilter(media_id=media_id), Order.LOWEST)
        search.advance(_LINKED_LOOK_S)
        rows, at = search.rows(), 0
        if not rows.num_rows:
            st.warning(
                "These scores have no image of the name in the link."
                if search.is_done
                else "The image in the link has not been found yet: load the page again to go on looking.",
                icon=":material/search_off:",
            )
            return
    archive = load_archive(opened.storage, location)
    show_closer(opened, archive, rows.slice(at, 1).to_pylist()[0], cutoff=cutoff, parameter=_MEDIA)
