"""The page "Review": images to judge by keyboard, one after the other.

Owns: what is seen, and whose sitting it is. Refuses: reading files itself, and keeping decisions; that is
`sittings` and the log behind it.
"""

import streamlit as st

from blanktrap.core.errors import BlanktrapError, ReviewError
from blanktrap.core.vocabulary import QueueKind
from blanktrap.files.decision_logs import DecisionLog, check_person
from blanktrap.files.review_queues import ReviewQueue
from dashboard.inputs import Opened
from dashboard.loaders_review import load_decisions, load_queue, queues_of
from dashboard.review_desk import show_desk, show_desk_style
from dashboard.review_standing import show_standing
from dashboard.sittings import Sitting
from dashboard.tiles import show_tile_style
from dashboard.wording import sentence, show_nothing

_SITTING, _PERSON, _BLIND, _SHARE = "sitting", "reviewer", "blind", "share"

NAMED = {
    QueueKind.WRONG_LABELS: "Labels that look wrong",
    QueueKind.DISCARD_AUDIT: "Sample of what would be thrown away",
    QueueKind.ERROR_SAMPLE: "Missed and found animals to describe",
    QueueKind.SUGGESTED: "Most useful to label next",
}
_ASKED = {
    QueueKind.WRONG_LABELS: "Models contradict these labels. Say what you see: your answer takes the label's "
    "place.",
    QueueKind.DISCARD_AUDIT: "A random sample of the images that would be thrown away. Look at each, in "
    "order, and say *unsure* rather than pass one over: only then does the bound hold.",
    QueueKind.ERROR_SAMPLE: "Animals that the model missed, and animals that it found, mixed. Mark where the "
    "animal is and what makes it hard to see, then say what you see.",
    QueueKind.SUGGESTED: "Images whose labels would teach the model most. Say what you see.",
}

_MAKING = {
    QueueKind.WRONG_LABELS: "blanktrap audit-labels FOLDS/out-of-fold --out QUEUE",
    QueueKind.DISCARD_AUDIT: "blanktrap audit-discard SCORES --cutoff 0.3 --num-images 500 --out QUEUE",
    QueueKind.ERROR_SAMPLE: "blanktrap evaluate SCORES --out REPORT --sample-errors 100:100",
    QueueKind.SUGGESTED: "blanktrap suggest SCORES --num-images 500 --out QUEUE",
}


def show(opened: Opened) -> None:
    """Draw the page."""
    st.title("Review", anchor=False)
    location = _choose_queue(opened)
    if location is None:
        return
    queue = load_queue(opened.storage, location)
    show_tile_style()
    show_desk_style()
    left, middle, right = st.columns([6, 3, 3], vertical_alignment="bottom")
    left.markdown(_ASKED[queue.kind])
    person = _ask_person(middle)
    is_sharing = right.toggle(
        "Share the work",
        key=_SHARE,
        persist_state="session",
        help="Passes over images that somebody else has answered, and begins at a place of your own. Leave "
        "it off where two answers to each image are wanted.",
    )
    is_blind = right.toggle(
        "Blind mode",
        value=True,
        key=_BLIND,
        persist_state="session",
        help="Hides what the model and the labels say: it would sway what you see. Leave it on where "
        "answers are counted.",
    )
    if person is None:
        st.info(
            "Write your name to begin: each answer says who gave it. Everything is kept at once, so you can "
            "stop at any moment and go on another day under the same name.",
            icon=":material/person:",
        )
    else:
        sitting = _sitting(opened, queue, person)
        show_desk(opened, queue, sitting, is_blind=is_blind, is_sharing=is_sharing)
    show_standing(opened, queue)


def _choose_queue(opened: Opened) -> str | None:
    there = queues_of(opened)
    if not there:
        show_nothing(
            "No review queue was named",
            "A queue is a list of images to judge. Each of these commands makes one; name its folder at the "
            "start:",
            *(f"# {NAMED[kind]}\n{command}\n" for kind, command in _MAKING.items()),
            "blanktrap dashboard REPORT QUEUE",
        )
        return None
    linked = st.query_params.get("queue")
    if linked is not None and linked not in there:
        st.error(
            "The link names a queue that was not given when the dashboard was started.",
            icon=":material/error:",
        )
        return None
    if len(there) == 1:
        return there[0]
    chosen: str = st.selectbox(
        "Queue",
        there,
        index=there.index(linked) if linked else 0,
        format_func=lambda one: _named(opened, one),
    )
    st.query_params["queue"] = chosen
    return chosen


def _named(opened: Opened, location: str) -> str:
    try:
        queue = load_queue(opened.storage, location)
    except BlanktrapError:
        return location
    return f"{NAMED[queue.kind]}: {location} ({queue.rows.num_rows:,} images)"


def _ask_person(place: st.delta_generator.DeltaGenerator) -> str | None:
    name = place.text_input(
        "Your name", key=_PERSON, persist_state="session", max_chars=80, placeholder="who is looking"
    )
    if not name.strip():
        return None
    try:
        return check_person(name)
    except ReviewError as problem:
        place.caption(sentence(str(problem)))
        return None


def _sitting(opened: Opened, queue: ReviewQueue, person: str) -> Sitting:
    """This visitor's sitting; another name or another queue begins another one."""
    key = (queue.location, person)
    kept = st.session_state.get(_SITTING)
    if kept is None or kept[0] != key:
        before = load_decisions(opened.storage, queue.location).answers
        log = DecisionLog(opened.storage, queue.location, person)
        kept = st.session_state[_SITTING] = (key, Sitting(queue.rows.to_pylist(), log, before))
    found: Sitting = kept[1]
    return found
