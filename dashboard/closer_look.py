"""One media seen large, with the frames of its sequence and its heatmap.

Owns: what is seen of one media. Refuses: choosing it.
"""

from typing import Any

import streamlit as st

from blanktrap.core.errors import BlanktrapError
from blanktrap.files.images.pictures import TILE_PX, WHOLE_PX
from blanktrap.files.media_search import PLACE, ScoredArchive
from dashboard.inputs import Opened
from dashboard.loaders_media import heatmap_of, pictures_of
from dashboard.tiles import Media, opinion_line, place_line, show_picture
from dashboard.wording import plain

_FRAME_PX = 250


def show_closer(opened: Opened, archive: ScoredArchive, row: Media, *, cutoff: float, parameter: str) -> None:
    """Open a window over the page; closing it takes `parameter` out of the link."""

    def forget() -> None:
        st.query_params.pop(parameter, None)

    @st.dialog("A closer look", width="large", on_dismiss=forget)
    def look() -> None:
        _show_media(opened, row, cutoff)
        _show_frames(opened, archive, row, cutoff)
        _show_heatmap(opened, str(row["media_id"]))
        _show_facts(row)

    look()


def _show_media(opened: Opened, row: Media, cutoff: float) -> None:
    picture = pictures_of(opened.storage).picture(str(row["uri"]), longest_px=WHOLE_PX)
    with st.container(key="large-media"):
        show_picture(picture, key="closer", alt=str(row["media_id"]))
    st.markdown(f"{opinion_line(row, cutoff)} · {place_line(row)}")


def _show_facts(row: Media) -> None:
    st.subheader("What is known of it", anchor=False)
    facts: dict[str, Any] = {
        "media": row["media_id"],
        "image": row["uri"],
        "size": f"{row['width_px']} x {row['height_px']} pixels" if row.get("width_px") else None,
        "brightness": f"{row['brightness']:.2f} of 1" if row.get("brightness") is not None else None,
        "deployment": row.get("deployment_id"),
        "sequence": row.get("sequence_id"),
        "labelled as": f"a whole {row['label_level']}" if row.get("label_level") == "sequence" else None,
        "model": row.get("model_id"),
        "background": _background_text(row),
        "problem": row.get("error"),
    }
    there = {name: value for name, value in facts.items() if value is not None}
    st.code("\n".join(f"{name:<13}{value}" for name, value in there.items()), language=None, wrap_lines=True)


def _show_frames(opened: Opened, archive: ScoredArchive, row: Media, cutoff: float) -> None:
    st.subheader("The same trigger", anchor=False)
    frames = archive.frames_around(int(row[PLACE[0]]), int(row[PLACE[1]])).to_pylist()
    if len(frames) < 2:
        st.caption("No other frame of this sequence is known.")
        return
    pictures = pictures_of(opened.storage).pictures([one["uri"] for one in frames], longest_px=TILE_PX)
    with st.container(horizontal=True, gap="small"):
        for place, (one, picture) in enumerate(zip(frames, pictures, strict=True)):
            with st.container(key=f"tile-{one.get('label') or 'none'}-frame-{place}", width=_FRAME_PX):
                show_picture(picture, key=f"frame-{place}", alt=str(one["media_id"]))
                st.markdown(opinion_line(one, cutoff))
                taken = f"{one['timestamp']:%H:%M:%S}" if one.get("timestamp") else "no time"
                is_this = " · **this one**" if one["media_id"] == row["media_id"] else ""
                st.caption(f"frame {place + 1} of {len(frames)} · {taken}{is_this}")


def _show_heatmap(opened: Opened, media_id: str) -> None:
    st.subheader("What the model looked at", anchor=False)
    try:
        found = heatmap_of(opened, media_id)
    except BlanktrapError as problem:
        st.caption(plain(str(problem)))
        return
    if found is None:
        st.caption(
            "There is no heatmap of this image. These commands draw those of the worst errors; name "
            "the folder beside the report:"
        )
        st.code(
            "blanktrap explain MODEL --scores SCORES --worst 40 --out HEATMAPS\n"
            "blanktrap dashboard REPORT SCORES HEATMAPS",
            language=None,
        )
        return
    picture = pictures_of(opened.storage).picture(found.uri, longest_px=WHOLE_PX)
    with st.container(key="large-heatmap"):
        show_picture(picture, key="heatmap", alt="the image as the model sees it, and its heatmap")
    st.caption(
        "Left: the image as the model sees it, without its banner. Right: the same with its heat; from "
        "violet to yellow more and more speaks for an animal, and the ring is the strongest place. Between "
        "them, where the model compares images with their place: what is brighter (orange) or darker (blue) "
        "than it. A heatmap shows where the evidence is, not whether it is right."
    )


def _background_text(row: Media) -> str | None:
    """Whether the model had other images of the place to compare with; None where it compares nothing."""
    known = row.get("has_background")
    if known is None:
        return None
    return "compared with other images of the place" if known else "too few other images of the place"
