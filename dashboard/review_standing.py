"""How far a review is, how far people agree, and what to do with the answers.

Owns: what is seen of them. Refuses: counting; that is `core.audits.review_progress`.
"""

import pandas as pd
import streamlit as st

from blanktrap.core.audits.review import UNSURE, settle_answers
from blanktrap.core.audits.review_progress import DIFFERING, ReviewProgress, measure_progress
from blanktrap.core.vocabulary import Label, QueueKind
from blanktrap.core.wording import count, number, percent
from blanktrap.files.decision_logs import answers_of_queue
from blanktrap.files.review_queues import ReviewQueue
from dashboard.downloads import offer
from dashboard.inputs import Opened
from dashboard.layout import Card, show_cards
from dashboard.loaders_review import answers_table, load_decisions
from dashboard.wording import plain

_REFRESHED_S = 10.0
_MOST_NAMED = 20

_INDEX = "blanktrap index IMAGES --annotations LABELS --annotations {answers} --out MANIFEST"
_NEXT = {
    QueueKind.WRONG_LABELS: _INDEX,
    QueueKind.DISCARD_AUDIT: "blanktrap audit-discard {queue} --answers {answers}",
    QueueKind.ERROR_SAMPLE: "blanktrap evaluate SCORES --tags {answers} --out REPORT",
    QueueKind.SUGGESTED: _INDEX,
}


@st.fragment(run_every=_REFRESHED_S)
def show_standing(opened: Opened, queue: ReviewQueue) -> None:
    """Draw where the review stands; looks again by itself, as others may be at work too."""
    decisions = load_decisions(opened.storage, queue.location)
    media_ids = queue.rows.column("media_id").to_pylist()
    progress = measure_progress(media_ids, decisions.answers)
    done = percent(progress.num_answered / progress.num_media if progress.num_media else None)
    with st.expander(f"Progress of everybody: {done} answered", icon=":material/groups:"):
        if decisions.num_cut_off:
            st.caption(
                f"{number(decisions.num_cut_off, 'line')} of the answers cut off by a crash or a full disk: "
                f"not counted."
            )
        _show_counts(progress)
        _show_people(progress)
        st.markdown("Hand the answers on:")
        answers = answers_of_queue(queue.location)
        st.code(_NEXT[queue.kind].format(queue=queue.location, answers=answers), language=None)
        if progress.num_answered:
            offer("answers", table=answers_table(settle_answers(decisions.answers)))


def _show_counts(progress: ReviewProgress) -> None:
    by_label = progress.by_label
    show_cards(
        "standing",
        [
            Card(
                name="Answered",
                value=f"{count(progress.num_answered)} of {count(progress.num_media)}",
                note="by anybody",
                explained="Images of this queue that at least one person has answered.",
            ),
            Card(
                name="Nonblank",
                value=count(by_label[Label.NONBLANK]),
                note="settled",
                explained="Everybody who was sure saw an animal, a person or a vehicle.",
            ),
            Card(
                name="Blank",
                value=count(by_label[Label.BLANK]),
                note="settled",
                explained="Everybody who was sure saw nothing.",
            ),
            Card(
                name="Unsure",
                value=count(by_label[UNSURE]),
                note="nobody was sure",
                explained="Everybody who looked could not tell. Such an image has no label.",
            ),
            Card(
                name="People differ",
                value=count(by_label[DIFFERING]),
                note="left open",
                explained="Somebody said blank and somebody nonblank. No majority decides: talk about them.",
            ),
        ],
    )


def _show_people(progress: ReviewProgress) -> None:
    if not progress.by_person:
        return
    left, right = st.columns(2, gap="medium")
    left.table(
        pd.DataFrame(
            [{"Person": plain(name), "Answered": count(num)} for name, num in progress.by_person.items()]
        ),
        hide_index=True,
        border="horizontal",
    )
    if progress.pairs:
        right.table(
            pd.DataFrame(
                [
                    {
                        "Both judged": plain(" and ".join(pair.people)),
                        "Images": count(pair.num_media),
                        "Agree": percent(pair.share),
                        "Kappa": "none" if pair.kappa is None else f"{pair.kappa:.2f}",
                    }
                    for pair in progress.pairs
                ]
            ),
            hide_index=True,
            border="horizontal",
        )
        right.caption(
            "Of images on which both said blank or nonblank. Kappa is agreement beyond chance: 1 is perfect, "
            "0 is chance; none where both said one thing throughout."
        )
    else:
        right.caption("Agreement shows when two people have judged the same images.")
    if progress.differing:
        named = ", ".join(plain(one) for one in progress.differing[:_MOST_NAMED])
        more = (
            f" and {len(progress.differing) - _MOST_NAMED:,} more"
            if len(progress.differing) > _MOST_NAMED
            else ""
        )
        st.caption(f"People differ on: {named}{more}")
