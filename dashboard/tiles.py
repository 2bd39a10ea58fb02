"""Pictures of media with what is known of them.

Owns: how one media is shown, among many and alone. Refuses: choosing media, and fetching pictures.

A picture that cannot be shown gives its reason in the same place. Names are text, whatever they hold.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from blanktrap.core.vocabulary import Label, Status
from blanktrap.files.images.pictures import Picture
from dashboard.drawing import BLANK, NONBLANK, NOT_SCORED
from dashboard.wording import plain

Media = Mapping[str, Any]
"""A row of scores or of a queue."""

_TILE_PX = 230
# Fixed text; the colours are those of the charts.
_STYLE = f"""<style>
[class*="st-key-filters"] [data-testid="stHorizontalBlock"] {{flex-wrap: wrap;}}
[class*="st-key-filters"] [data-testid="stColumn"] {{min-width: 7.5rem;}}
[class*="st-key-tile-"] {{border-top: 4px solid {NOT_SCORED}; border-radius: 4px;}}
[class*="st-key-tile-{Label.NONBLANK}"] {{border-top-color: {NONBLANK};}}
[class*="st-key-tile-{Label.BLANK}"] {{border-top-color: {BLANK};}}
[class*="st-key-tile-"] {{gap: 0.15rem; min-width: 0;}}
[class*="st-key-tile-"] img {{width: 100%; aspect-ratio: 4 / 3; object-fit: cover;
  border-radius: 0 0 4px 4px;}}
[class*="st-key-tile-"] p {{white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
  line-height: 1.3;}}
[class*="st-key-tile-"] [class*="st-key-broken-"] p {{white-space: normal; overflow-wrap: anywhere;}}
[class*="st-key-broken-"] {{width: 100%; aspect-ratio: 4 / 3; background: rgba(128, 128, 128, 0.16);
  border-radius: 0 0 4px 4px; padding: 0.7rem; overflow: auto; gap: 0.2rem;}}
[class*="st-key-large-"] img {{max-height: min(54vh, 720px); width: auto; max-width: 100%; margin: 0 auto;
  object-fit: contain;}}
</style>"""


def show_tile_style() -> None:
    """What the tiles of a page look like; once a page."""
    st.html(_STYLE)


def show_tiles(
    rows: Sequence[Media], pictures: Sequence[Picture], *, cutoff: float, on_open: Callable[[Media], None]
) -> None:
    """Many media side by side, as many as there is room for.

    Args:
        rows: of scores.
        pictures: one for each.
        cutoff: what the model's opinion is told by.
        on_open: called with the media that somebody wants to see large.
    """
    with st.container(horizontal=True, gap="small"):
        for place, (row, picture) in enumerate(zip(rows, pictures, strict=True)):
            name = row.get("label") or "none"
            with st.container(key=f"tile-{name}-{place}", width=_TILE_PX):
                show_picture(picture, key=f"{place}", alt=str(row["media_id"]))
                st.markdown(opinion_line(row, cutoff))
                st.caption(place_line(row))
                if st.button("Look closer", key=f"open {place}", type="tertiary", icon=":material/zoom_in:"):
                    on_open(row)


def show_picture(picture: Picture, *, key: str, alt: str) -> None:
    """A picture, or in its place the reason why there is none."""
    if picture.data is not None:
        st.image(picture.data, alt=alt, width="stretch")
        return
    with st.container(key=f"broken-{key}"):
        st.markdown(":material/broken_image: **Cannot be shown**")
        st.caption(plain(picture.problem or "no reason is known"))


def opinion_line(row: Media, cutoff: float) -> str:
    """What the model says, and what people said, as Markdown."""
    score = row.get("p_nonblank")
    if score is None:
        status = str(row.get("status") or Status.UNREADABLE).replace("_", " ")
        said = f":gray-badge[{plain(status)}]"
    elif np.float32(score) >= np.float32(cutoff):
        said = f":orange-badge[kept {score:.2f}]"
    else:
        said = f":blue-badge[called blank {score:.2f}]"
    return f"{said} {truth_text(row)}"


def truth_text(row: Media) -> str:
    """What people said of a media, and its species."""
    label = row.get("label") or row.get("given_label")
    species = row.get("species") or row.get("given_species") or []
    if label is None:
        return ":gray[no label]"
    named = f" {plain(', '.join(species))}" if species else ""
    return f"**{plain(label)}**{named}"


def place_line(row: Media) -> str:
    """Where and when, as Markdown."""
    taken = row.get("timestamp")
    parts = [
        plain(str(row["location_id"])) if row.get("location_id") is not None else "no location",
        f"{taken:%Y-%m-%d %H:%M}" if taken is not None else "no time",
    ]
    if row.get("is_night"):
        parts.append("night")
    return " · ".join(parts)
