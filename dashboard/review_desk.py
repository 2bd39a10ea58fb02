"""One image to judge, and the keys to judge it with.

Owns: what is seen of the image and its buttons. Refuses: which image comes next, and keeping the decision;
that is `sittings`. Every button has a key, and says which.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from blanktrap.core.audits.review import last_answers
from blanktrap.core.errors import BlanktrapError
from blanktrap.core.media_filters import MediaFilter, Order
from blanktrap.core.vocabulary import Circumstance, Label, Position
from blanktrap.core.wording import number
from blanktrap.files.images.pictures import TILE_PX, WHOLE_PX
from blanktrap.files.review_queues import ReviewQueue
from dashboard.drawing import BLANK, NONBLANK, NOT_SCORED
from dashboard.inputs import Opened
from dashboard.loaders_media import find_media, pictures_of
from dashboard.loaders_review import load_decisions
from dashboard.sittings import Sitting
from dashboard.tiles import place_line, show_picture, truth_text
from dashboard.wording import plain, sentence

_PROBLEM, _WITH_FRAMES = "decision not kept", "review with frames"
_LOOK_S = 2.0
_FRAME_PX, _MOST_FRAMES = 180, 12
_FETCHED_AHEAD = 3
_MOST_SPECIES = 80
_POSITIONS = dict(zip(Position, "1234", strict=True))
_CIRCUMSTANCES = dict(zip(Circumstance, "56789", strict=True))

_STYLE = f"""<style>
[class*="st-key-desk-image"] img {{max-height: min(58vh, 640px); width: auto; max-width: 100%; margin: 0 auto;
  display: block; border-radius: 4px;}}
[class*="st-key-desk-image"] [class*="st-key-broken-"] {{aspect-ratio: 4 / 3; max-height: 58vh;}}
[class*="st-key-say-"] button {{border-left: 6px solid {NOT_SCORED}; min-height: 2.6rem;}}
[class*="st-key-say-nonblank"] button {{border-left-color: {NONBLANK};}}
[class*="st-key-say-blank"] button {{border-left-color: {BLANK};}}
[class*="st-key-tag-"] button {{padding: 0.1rem 0.5rem; min-height: 1.9rem;}}
[class*="st-key-desk"] {{gap: 0.6rem;}}
</style>"""


def show_desk_style() -> None:
    """What the desk looks like; once a page."""
    st.html(_STYLE)


@st.fragment
def show_desk(
    opened: Opened, queue: ReviewQueue, sitting: Sitting, *, is_blind: bool, is_sharing: bool
) -> None:
    """Draw the image that is looked at; a decision draws the next one and nothing else of the page."""
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        st.error(f"**Not kept, please decide again.** {sentence(problem)}", icon=":material/error:")
    decisions = load_decisions(opened.storage, queue.location).answers if is_sharing else ()
    by_others = last_answers(one for one in decisions if one.labelled_by != sitting.person)
    sitting.share_with(by_others if is_sharing else None)
    num_mine, num_media = len(sitting.mine), len(sitting.rows)
    st.progress(
        num_mine / max(num_media, 1), text=f"{num_mine:,} of {number(num_media, 'image')} decided by you"
    )
    left, right = st.columns([7, 3], gap="medium")
    row = sitting.row
    with left:
        if row is None:
            _show_end(sitting)
        else:
            _show_image(opened, queue, sitting, row, is_blind=is_blind)
    with right, st.container(key="desk"):
        if row is not None:
            _show_answers(sitting)
            _show_tags(sitting)
            _show_species(queue, sitting)
        _show_ways(sitting)
    coming = [str(one["uri"]) for one in sitting.coming(_FETCHED_AHEAD)]
    pictures_of(opened.storage).fetch_ahead(coming, longest_px=WHOLE_PX)


def _show_image(
    opened: Opened, queue: ReviewQueue, sitting: Sitting, row: dict[str, Any], *, is_blind: bool
) -> None:
    picture = pictures_of(opened.storage).picture(str(row["uri"]), longest_px=WHOLE_PX)
    with st.container(key="desk-image"):
        show_picture(picture, key="desk", alt=f"image {sitting.place + 1} of the queue")
    where = f"image {sitting.place + 1:,} of {len(sitting.rows):,} · {place_line(row)}"
    said = sitting.mine.get(str(row["media_id"]))
    if said is not None:
        where += f" · you said **{said.label.value if said.label is not None else 'unsure'}**"
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(where, width="content")
        is_on = bool(st.session_state.get(_WITH_FRAMES))
        _button("Frames of this trigger", "F", _turn_frames, is_on=is_on, width="content")
    if st.session_state.get(_WITH_FRAMES):
        _show_frames(opened, queue, row)
    if not is_blind:
        score = row.get("p_nonblank")
        opinion = f"p_nonblank **{score:.2f}**" if score is not None else "not scored"
        st.caption(f"Model: {opinion} · {truth_text(row)} · {plain(str(row['reason']))}")


def _show_frames(opened: Opened, queue: ReviewQueue, row: dict[str, Any]) -> None:
    """The frames of the same trigger, without anybody's opinion: what moved shows beside them."""
    wanted = MediaFilter(location_id=row.get("location_id"), sequence_id=row.get("sequence_id"))
    if wanted.sequence_id is None:
        st.caption("No sequence is known of this image.")
        return
    try:
        search = find_media(opened.storage, queue.made_from, wanted, Order.PLACE_TIME)
        search.advance(_LOOK_S)
    except BlanktrapError as problem:
        st.caption(f"The other frames cannot be found: {sentence(str(problem))}")
        return
    frames = search.rows().slice(0, _MOST_FRAMES).to_pylist()
    pictures = pictures_of(opened.storage).pictures([str(one["uri"]) for one in frames], longest_px=TILE_PX)
    with st.container(horizontal=True, gap="xsmall"):
        for at, (one, picture) in enumerate(zip(frames, pictures, strict=True)):
            with st.container(key=f"tile-none-frame-{at}", width=_FRAME_PX):
                show_picture(picture, key=f"frame-{at}", alt=f"frame {at + 1} of the sequence")
                is_this = "**this one**" if one["media_id"] == row["media_id"] else f"frame {at + 1}"
                st.caption(f"{is_this} · {one['timestamp']:%H:%M:%S}" if one["timestamp"] else is_this)
    if len(frames) < 2:
        st.caption("It is the only frame of its trigger.")


def _show_end(sitting: Sitting) -> None:
    with st.container(border=True):
        if len(sitting.mine) == len(sitting.rows):
            st.markdown(f"**You have decided all {len(sitting.rows):,} images.**")
        else:
            st.markdown(f"**You have decided {len(sitting.mine):,} images, and others the rest.**")
        st.markdown("Everything is kept. *Back* looks at them again, *Undo* takes the last decision back.")


def _show_answers(sitting: Sitting) -> None:
    for label, key, text in (
        (Label.NONBLANK, "N", "Nonblank"),
        (Label.BLANK, "B", "Blank"),
        (None, "U", "Unsure"),
    ):
        with st.container(key=f"say-{label.value if label is not None else 'unsure'}"):
            _button(text, key, lambda label=label: sitting.decide(label))


def _show_tags(sitting: Sitting) -> None:
    tags = sitting.tags
    st.caption("Where is the animal?")
    with st.container(horizontal=True, gap="xsmall", key="tag-position"):
        for position, key in _POSITIONS.items():
            _button(
                _words(position),
                key,
                lambda position=position: _mark_position(sitting, position),
                is_on=tags.position is position,
                width="content",
            )
    st.caption("What makes it hard to see?")
    with st.container(horizontal=True, gap="xsmall", key="tag-circumstance"):
        for one, key in _CIRCUMSTANCES.items():
            _button(
                _words(one),
                key,
                lambda one=one: _mark_circumstance(sitting, one),
                is_on=one in tags.circumstances,
                width="content",
            )


def _mark_position(sitting: Sitting, position: Position) -> None:
    sitting.tags.position = None if sitting.tags.position is position else position


def _mark_circumstance(sitting: Sitting, one: Circumstance) -> None:
    sitting.tags.circumstances ^= {one}


def _show_species(queue: ReviewQueue, sitting: Sitting) -> None:
    marked = sitting.tags.species
    known = {name for names in queue.rows.column("given_species").to_pylist() for name in names or ()}
    known |= {name for said in sitting.mine.values() for name in said.species}
    options = sorted(known | ({marked} if marked else set()))
    chosen = st.selectbox(
        "Species",
        options,
        index=options.index(marked) if marked else None,
        placeholder="optional",
        accept_new_options=True,
        key=f"species {sitting.place} {len(sitting.mine)}",
    )
    sitting.tags.species = " ".join(chosen.split())[:_MOST_SPECIES] or None if chosen else None


def _show_ways(sitting: Sitting) -> None:
    with st.container(horizontal=True, gap="xsmall", key="desk-ways"):
        _button("Back", "Left", lambda: sitting.go(-1), is_off=sitting.place == 0, width="content")
        _button("Next", "Right", lambda: sitting.go(1), is_off=sitting.row is None, width="content")
        _button("Undo", "Z", sitting.undo, is_off=not sitting.can_undo, width="content")


def _turn_frames() -> None:
    st.session_state[_WITH_FRAMES] = not st.session_state.get(_WITH_FRAMES)


def _button(
    text: str,
    key: str,
    act: Callable[[], None],
    *,
    is_on: bool = False,
    is_off: bool = False,
    width: str = "stretch",
) -> None:
    """A button that a key presses too."""

    def press() -> None:
        try:
            act()
        except BlanktrapError as problem:
            st.session_state[_PROBLEM] = str(problem)

    st.button(
        text,
        key=f"desk {text}",
        shortcut=key,
        on_click=press,
        type="primary" if is_on else "secondary",
        disabled=is_off,
        width=width,
    )


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
