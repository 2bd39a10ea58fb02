from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.audits.review import Answer, BadAnswerError, parse_answer, settle_answers
from blanktrap.core.vocabulary import Circumstance, Label, Position

MORNING, EVENING = datetime(2024, 5, 31, 8), datetime(2024, 5, 31, 20)


def said(label: Label | None, by: str | None = "Ana", at: datetime | None = None, **more: Any) -> Answer:
    return Answer(media_id="a.jpg", label=label, labelled_by=by, labelled_at=at, **more)


def test_a_row_becomes_an_answer() -> None:
    row = {
        "media_id": "a.jpg",
        "label": " Nonblank ",
        "species": "zebra|Wildebeest|zebra",
        "position": "covers camera",
        "circumstances": "night|High grass",
        "labelled_by": "Ana",
        "labelled_at": "2024-05-31 08:00:00",
        "given_label": "blank",
    }
    assert parse_answer(row) == Answer(
        media_id="a.jpg",
        label=Label.NONBLANK,
        species=("Wildebeest", "zebra"),
        position=Position.COVERS_CAMERA,
        circumstances=(Circumstance.HIGH_GRASS, Circumstance.NIGHT),
        labelled_by="Ana",
        labelled_at=MORNING,
    )


@pytest.mark.parametrize(
    ("text", "label"), [("empty", Label.BLANK), ("animal", Label.NONBLANK), ("unsure", None), ("?", None)]
)
def test_labels_have_synonyms_but_no_species(text: str, label: Label | None) -> None:
    answer = parse_answer({"media_id": "a.jpg", "label": text})
    assert answer is not None
    assert answer.label is label


def test_a_row_that_nobody_filled_in_is_no_answer() -> None:
    assert parse_answer({"media_id": "a.jpg", "label": " ", "given_label": "blank"}) is None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"label": "zebra"}, "column species"),
        ({"label": "blank", "position": "left"}, "allowed are close"),
        ({"label": "blank", "circumstances": "night|fog"}, "'fog', allowed are night"),
        ({"label": "blank", "labelled_at": "31/5"}, "write it as"),
        ({"label": "", "position": "close"}, "no label"),
        ({"label": "blank", "media_id": ""}, "no media_id"),
    ],
)
def test_what_is_no_answer_is_refused_with_the_reason(row: dict[str, str], words: str) -> None:
    with pytest.raises(BadAnswerError, match=words) as caught:
        parse_answer({"media_id": "a.jpg", **row})
    assert str(caught.value).startswith("has ")


def test_the_latest_answer_of_one_person_counts() -> None:
    settled = settle_answers([said(Label.BLANK, at=EVENING), said(Label.NONBLANK, at=MORNING)])
    assert settled.answers["a.jpg"].label is Label.BLANK
    assert (settled.num_given, settled.num_replaced, settled.differing) == (2, 1, ())


def test_two_answers_without_times_are_not_settled_by_their_order() -> None:
    settled = settle_answers([said(Label.BLANK), said(Label.NONBLANK)])
    assert settled.answers["a.jpg"].label is None
    assert settled.differing == ("a.jpg",)


def test_people_who_differ_leave_the_label_open_and_no_majority_decides() -> None:
    answers = [said(Label.BLANK, by) for by in ("Ana", "Ben", "Cyd")] + [said(Label.NONBLANK, "Dan")]
    settled = settle_answers(answers)
    assert settled.answers["a.jpg"].label is None
    assert settled.differing == ("a.jpg",)


def test_who_is_unsure_takes_nothing_from_who_is_sure() -> None:
    settled = settle_answers([said(None, "Ana"), said(Label.BLANK, "Ben"), said(None, "Cyd")])
    assert settled.answers["a.jpg"].label is Label.BLANK
    assert settled.answers["a.jpg"].labelled_by == "Ana, Ben, Cyd"
    assert settled.differing == ()


def test_species_and_circumstances_are_put_together_and_positions_must_agree() -> None:
    settled = settle_answers(
        [
            said(Label.NONBLANK, "Ana", species=("zebra",), position=Position.CLOSE),
            said(
                Label.NONBLANK,
                "Ben",
                species=("lion",),
                position=Position.BORDER,
                circumstances=(Circumstance.NIGHT,),
            ),
        ]
    )
    answer = settled.answers["a.jpg"]
    assert (answer.species, answer.position) == (("lion", "zebra"), None)
    assert answer.circumstances == (Circumstance.NIGHT,)


answers = st.builds(
    Answer,
    media_id=st.sampled_from(["a.jpg", "b.jpg"]),
    label=st.sampled_from([None, *Label]),
    labelled_by=st.sampled_from([None, "Ana", "Ben"]),
    labelled_at=st.sampled_from([None, MORNING, EVENING]),
)


@given(st.lists(answers, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_answers_never_matters(some: list[Answer], chance: Any) -> None:
    shuffled = some.copy()
    chance.shuffle(shuffled)
    assert settle_answers(shuffled) == settle_answers(some)


@given(st.lists(answers, max_size=8))
def test_blank_needs_somebody_who_says_so_and_nobody_who_saw_an_animal_last(some: list[Answer]) -> None:
    for media_id, answer in settle_answers(some).answers.items():
        if answer.label is Label.BLANK:
            theirs = [one for one in some if one.media_id == media_id]
            assert any(one.label is Label.BLANK for one in theirs)
            for one in theirs:
                later = [
                    other.labelled_at
                    for other in theirs
                    if other.labelled_by == one.labelled_by and other.labelled_at is not None
                ]
                is_last = one.labelled_at is None or one.labelled_at == max(later)
                assert not (one.label is Label.NONBLANK and is_last)


@pytest.mark.parametrize(("label", "species"), [("blank", "zebra"), ("nonblank", "zebra|empty")])
def test_a_species_that_denies_the_label_is_refused(label: str, species: str) -> None:
    with pytest.raises(BadAnswerError, match="contradict each other"):
        parse_answer({"media_id": "a.jpg", "label": label, "species": species})


def test_a_species_that_nobody_knows_is_none() -> None:
    answer = parse_answer({"media_id": "a.jpg", "label": "nonblank", "species": "unknown|zebra"})
    assert answer is not None
    assert answer.species == ("zebra",)


def test_an_answer_that_was_taken_back_was_never_given() -> None:
    back = Answer(media_id="a.jpg", label=None, labelled_by="Ana", labelled_at=EVENING, is_withdrawn=True)
    mine = said(Label.BLANK, at=MORNING)
    assert settle_answers([back, mine]).answers == {}
    settled = settle_answers([back, mine, said(Label.NONBLANK, by="Ben", at=MORNING)])
    assert (settled.answers["a.jpg"].label, settled.differing) == (Label.NONBLANK, ())
    assert (settled.num_given, settled.num_replaced) == (2, 1)
    again = settle_answers([mine, back, said(Label.NONBLANK, at=datetime(2024, 5, 31, 21))])
    assert again.answers["a.jpg"].label is Label.NONBLANK


def test_taking_back_is_read_from_a_row() -> None:
    row = {"media_id": "a.jpg", "label": "withdrawn", "labelled_by": "Ana", "labelled_at": "2024-05-31 08:00"}
    assert parse_answer(row) == Answer(
        media_id="a.jpg", label=None, labelled_by="Ana", labelled_at=MORNING, is_withdrawn=True
    )
