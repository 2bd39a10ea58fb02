"""How far a review is, and how far people agree.

Owns: counts of a queue's media by what people said last, and agreement between two people. Refuses: settling
what several answers come to; that is `review`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from blanktrap.core.audits.review import UNSURE, Answer, last_answers, settle_answers
from blanktrap.core.vocabulary import Label

NOT_NAMED = "not named"


@dataclass(frozen=True, kw_only=True)
class PairAgreement:
    """Two people, and the media on which both said blank or nonblank."""

    people: tuple[str, str]
    """In alphabetical order."""
    num_media: int
    num_agreed: int
    kappa: float | None
    """Cohen's kappa in [-1, 1]; None where both said one thing throughout, so that chance agrees too."""

    @property
    def share(self) -> float:
        """Share of these media on which they agree, in [0, 1]."""
        return self.num_agreed / self.num_media


@dataclass(frozen=True, kw_only=True)
class ReviewProgress:
    """Where a review stands. Answers to media that are not in the queue count nowhere."""

    num_media: int
    """Media of the queue."""
    num_answered: int
    """Those with an answer of anybody."""
    by_label: dict[str, int]
    """Settled media by blank, nonblank, unsure and differing: nobody sure, or people differ."""
    by_person: dict[str, int]
    """Media answered by each, the most first."""
    differing: tuple[str, ...]
    """Media on whose label people differ, in the order of the queue."""
    pairs: tuple[PairAgreement, ...]
    """Of all who judged some media both, most media first."""


DIFFERING = "differing"


def measure_progress(media_ids: Sequence[str], answers: Iterable[Answer]) -> ReviewProgress:
    """Say how far a review is.

    Args:
        media_ids: the queue's, in order.
        answers: all answers at hand, in any order.
    """
    wanted = set(media_ids)
    mine = [one for one in answers if one.media_id in wanted]
    settled = settle_answers(mine)
    differing = set(settled.differing)
    by_label = Counter(
        DIFFERING if media_id in differing else answer.label.value if answer.label is not None else UNSURE
        for media_id, answer in settled.answers.items()
    )
    last = last_answers(mine)
    by_person = Counter(person or NOT_NAMED for people in last.values() for person in people)
    return ReviewProgress(
        num_media=len(wanted),
        num_answered=len(last),
        by_label={name: by_label[name] for name in (*Label, UNSURE, DIFFERING)},
        by_person=dict(sorted(by_person.items(), key=lambda item: (-item[1], item[0]))),
        differing=tuple(media_id for media_id in media_ids if media_id in differing),
        pairs=_pairs(_sure_labels(last)),
    )


def _sure_labels(last: dict[str, dict[str | None, list[Answer]]]) -> dict[str, dict[str, Label]]:
    """The label each named person is sure of, by person and media_id."""
    found: dict[str, dict[str, Label]] = {}
    for media_id, people in last.items():
        for person, theirs in people.items():
            labels = {one.label for one in theirs}
            label = labels.pop() if len(labels) == 1 else None
            if person is not None and label is not None:
                found.setdefault(person, {})[media_id] = label
    return found


def _pairs(by_person: dict[str, dict[str, Label]]) -> tuple[PairAgreement, ...]:
    pairs = []
    for one, other in combinations(sorted(by_person), 2):
        both = by_person[one].keys() & by_person[other].keys()
        if both:
            counts = Counter((by_person[one][media_id], by_person[other][media_id]) for media_id in both)
            pairs.append(_agreement((one, other), counts))
    return tuple(sorted(pairs, key=lambda pair: (-pair.num_media, pair.people)))


def _agreement(people: tuple[str, str], counts: Counter[tuple[Label, Label]]) -> PairAgreement:
    """Agreement from the counts of what the first and the second said.

    Source: Cohen 1960, kappa = (p_o - p_e) / (1 - p_e).
    """
    num_media = counts.total()
    num_agreed = sum(num for (first, second), num in counts.items() if first is second)
    by_chance = sum(
        sum(num for (first, _), num in counts.items() if first is label)
        * sum(num for (_, second), num in counts.items() if second is label)
        for label in Label
    ) / (num_media * num_media)
    observed = num_agreed / num_media
    kappa = (observed - by_chance) / (1.0 - by_chance) if by_chance < 1.0 else None
    return PairAgreement(people=people, num_media=num_media, num_agreed=num_agreed, kappa=kappa)
