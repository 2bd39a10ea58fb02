"""What people are asked to look at, and what they answer.

Owns: the columns of a review queue, the meaning of one answer, and what several answers to one media come
to. Refuses: choosing media for a queue, and files; that is floor 1.

A queue shows what was known (`given_label`, `given_species`); an answer says what a person saw (`label`,
`species`, …). The two never share a column, so a filled-in queue can be handed back as it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from blanktrap.core.times import parse_capture_time
from blanktrap.core.vocabulary import (
    BLANK_NAMES,
    NONBLANK_NAMES,
    UNKNOWN_NAMES,
    Circumstance,
    Label,
    Position,
    label_of_name,
    species_of_name,
)

REVIEW_QUEUE = pa.schema(
    [
        pa.field("order", pa.int32(), nullable=False),
        pa.field("media_id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("location_id", pa.string()),
        pa.field("sequence_id", pa.string()),
        pa.field("timestamp", pa.timestamp("ms")),
        pa.field("given_label", pa.string()),
        pa.field("given_species", pa.list_(pa.string())),
        pa.field("p_nonblank", pa.float32()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("stratum", pa.string()),
    ]
)

ANSWER_COLUMNS = ("label", "species", "position", "circumstances", "labelled_by", "labelled_at")
UNSURE = "unsure"
WITHDRAWN = "withdrawn"
"""In place of a label: this person takes back what they answered."""


class BadAnswerError(ValueError):
    """A row is no answer. The message says why and stands behind the row's name: `has no media_id`."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one person said of one media."""

    media_id: str
    label: Label | None
    """None where the person could not tell."""
    species: tuple[str, ...] = ()
    position: Position | None = None
    circumstances: tuple[Circumstance, ...] = ()
    labelled_by: str | None = None
    labelled_at: datetime | None = None
    is_withdrawn: bool = False
    """The person takes back what they answered before; nothing else is said then."""


@dataclass(frozen=True, kw_only=True)
class SettledAnswers:
    """One answer a media."""

    answers: dict[str, Answer]
    """By media_id; `labelled_by` names everybody behind it. The label is None where somebody was unsure
    and nobody sure, or where people differ."""
    differing: tuple[str, ...]
    """Media on whose label people differ, sorted."""
    num_given: int
    """Answers given, those taken back included."""
    num_replaced: int
    """Answers that the same person replaced by a later one, or took back."""


def parse_answer(row: Mapping[str, str]) -> Answer | None:
    """Read one row of an answers file.

    Args:
        row: column names in lower case and their text; columns other than an answer's are passed over.

    Returns:
        The answer; None where the row has not been filled in.

    Raises:
        BadAnswerError: no media_id, a label, position, circumstance or time that is none, or a species that
            denies the label.
    """
    cells = {name: (row.get(name) or "").strip() for name in ANSWER_COLUMNS}
    media_id = row.get("media_id") or ""
    if not cells["label"]:
        filled = next((name for name in ("species", "position", "circumstances") if cells[name]), None)
        if filled is not None:
            raise BadAnswerError(f"has a {filled} and no label: say blank, nonblank or unsure")
        return None
    if not media_id:
        raise BadAnswerError("has no media_id")
    said_at = parse_capture_time(cells["labelled_at"])
    if cells["labelled_at"] and said_at is None:
        raise BadAnswerError(f"has labelled_at {cells['labelled_at']!r}: write it as 2024-05-31 14:05:00")
    if cells["label"].casefold() == WITHDRAWN:
        return Answer(
            media_id=media_id,
            label=None,
            labelled_by=cells["labelled_by"] or None,
            labelled_at=said_at,
            is_withdrawn=True,
        )
    position = cells["position"].casefold().replace(" ", "_")
    if position and position not in set(Position):
        raise BadAnswerError(f"has position {cells['position']!r}, allowed are {', '.join(Position)}")
    label = _label_of(cells["label"])
    names = [name for name in cells["species"].split("|") if name.strip()]
    denying = next((name.strip() for name in names if label_of_name(name) not in (None, label)), None)
    if label is not None and denying is not None:
        raise BadAnswerError(
            f"has label {label} and species {denying[:40]!r}, which contradict each other: mend one of them"
        )
    return Answer(
        media_id=media_id,
        label=label,
        species=tuple(sorted(filter(None, {species_of_name(name) for name in names}))),
        position=Position(position) if position else None,
        circumstances=_circumstances_of(cells["circumstances"]),
        labelled_by=cells["labelled_by"] or None,
        labelled_at=said_at,
    )


def settle_answers(answers: Iterable[Answer]) -> SettledAnswers:
    """Put together what people answered. All answers at hand must come in together, in any order.

    Of one person's answers to one media the latest counts; without times, or at the same time, they count
    as if several people had given them. People who differ on the label leave it open: no majority decides
    whether there is an animal. Who was unsure takes nothing from who was sure. Who takes an answer back has
    given none.
    """
    given = list(answers)
    num_given = sum(not one.is_withdrawn for one in given)
    settled: dict[str, Answer] = {}
    differing: list[str] = []
    num_last = 0
    for media_id, by_person in sorted(last_answers(given).items()):
        last = [one for theirs in by_person.values() for one in theirs]
        num_last += len(last)
        labels = {one.label for one in last if one.label is not None}
        if len(labels) > 1:
            differing.append(media_id)
        settled[media_id] = _merge(last, labels.pop() if len(labels) == 1 else None)
    return SettledAnswers(
        answers=settled, differing=tuple(differing), num_given=num_given, num_replaced=num_given - num_last
    )


def last_answers(answers: Iterable[Answer]) -> dict[str, dict[str | None, list[Answer]]]:
    """What each person says last of each media, by media_id and person; what was taken back is not there.

    Several answers of one person stand where none of them is the latest: without times, or at the same time.
    """
    by_media: dict[str, dict[str | None, list[Answer]]] = defaultdict(lambda: defaultdict(list))
    for answer in answers:
        by_media[answer.media_id][answer.labelled_by].append(answer)
    found: dict[str, dict[str | None, list[Answer]]] = {}
    for media_id, by_person in by_media.items():
        kept = {person: _latest(theirs) for person, theirs in by_person.items()}
        kept = {person: theirs for person, theirs in kept.items() if theirs}
        if kept:
            found[media_id] = kept
    return found


def _latest(theirs: list[Answer]) -> list[Answer]:
    latest = max((one.labelled_at for one in theirs if one.labelled_at is not None), default=None)
    last = [one for one in theirs if one.labelled_at is None or one.labelled_at == latest]
    return [one for one in last if not one.is_withdrawn]


def _merge(answers: list[Answer], label: Label | None) -> Answer:
    positions = {one.position for one in answers if one.position is not None}
    times = [one.labelled_at for one in answers if one.labelled_at is not None]
    people = sorted({one.labelled_by for one in answers if one.labelled_by is not None})
    is_animal = label is Label.NONBLANK
    return Answer(
        media_id=answers[0].media_id,
        label=label,
        species=tuple(sorted({name for one in answers for name in one.species})) if is_animal else (),
        position=positions.pop() if len(positions) == 1 else None,
        circumstances=tuple(sorted({name for one in answers for name in one.circumstances})),
        labelled_by=", ".join(people) or None,
        labelled_at=max(times, default=None),
    )


def _label_of(text: str) -> Label | None:
    # Stricter than an annotation file's category: a slip of the keyboard must not become a species.
    plain = " ".join(text.casefold().split())
    if plain in BLANK_NAMES:
        return Label.BLANK
    if plain in NONBLANK_NAMES:
        return Label.NONBLANK
    if plain in UNKNOWN_NAMES:
        return None
    raise BadAnswerError(
        f"has label {text!r}, allowed are blank, nonblank and {UNSURE}; an animal's name goes into "
        f"the column species"
    )


def _circumstances_of(text: str) -> tuple[Circumstance, ...]:
    found = set()
    for name in filter(None, (part.strip() for part in text.split("|"))):
        plain = name.casefold().replace(" ", "_")
        if plain not in set(Circumstance):
            raise BadAnswerError(
                f"has circumstance {name!r}, allowed are {', '.join(Circumstance)}, several separated by |"
            )
        found.add(Circumstance(plain))
    return tuple(sorted(found))
