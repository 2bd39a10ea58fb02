"""A sitting goes through a queue, and keeps each decision before it counts."""

from pathlib import Path
from typing import Any

import pytest

from blanktrap.core.audits.review import Answer, settle_answers
from blanktrap.core.errors import SourceError
from blanktrap.core.vocabulary import Circumstance, Label, Position
from blanktrap.files.decision_logs import DecisionLog, read_decisions
from blanktrap.files.storage import Storage
from dashboard.sittings import Sitting

STORAGE = Storage()
ROWS: list[dict[str, Any]] = [{"media_id": name, "uri": f"/{name}"} for name in ("a", "b", "c", "d")]


def sit(queue: Path, person: str = "Ana") -> Sitting:
    before = read_decisions(STORAGE, str(queue)).answers
    return Sitting(ROWS, DecisionLog(STORAGE, str(queue), person), before)


def saved(queue: Path) -> dict[str, Label | None]:
    answers = settle_answers(read_decisions(STORAGE, str(queue)).answers).answers
    return {media_id: one.label for media_id, one in answers.items()}


def at(sitting: Sitting) -> str | None:
    return sitting.row["media_id"] if sitting.row is not None else None


def test_each_decision_is_on_disk_before_the_next_image_shows(tmp_path: Path) -> None:
    sitting = sit(tmp_path)
    for label, following in ((Label.BLANK, "b"), (Label.NONBLANK, "c"), (None, "d")):
        sitting.decide(label)
        assert at(sitting) == following
    assert saved(tmp_path) == {"a": Label.BLANK, "b": Label.NONBLANK, "c": None}


def test_a_person_goes_on_where_they_stopped_and_another_begins_at_the_beginning(tmp_path: Path) -> None:
    sit(tmp_path).decide(Label.BLANK)
    assert at(sit(tmp_path)) == "b"
    assert at(sit(tmp_path, "Ben")) == "a"


def test_undo_takes_the_latest_back_and_looks_at_it_again(tmp_path: Path) -> None:
    sitting = sit(tmp_path)
    sitting.tags.circumstances = frozenset({Circumstance.NIGHT})
    sitting.decide(Label.NONBLANK)
    sitting.go(-1)
    assert sitting.tags.circumstances == {Circumstance.NIGHT}
    sitting.decide(Label.BLANK)
    sitting.undo()
    assert (at(sitting), saved(tmp_path)) == ("a", {"a": Label.NONBLANK})
    sitting.undo()
    assert (at(sitting), saved(tmp_path), sitting.can_undo) == ("a", {}, False)
    sitting.undo()
    assert len(read_decisions(STORAGE, str(tmp_path)).answers) == 4


def test_tags_belong_to_the_image_they_were_marked_on(tmp_path: Path) -> None:
    sitting = sit(tmp_path)
    sitting.tags.position, sitting.tags.species = Position.CLOSE, "fox"
    sitting.decide(Label.NONBLANK)
    assert (sitting.tags.position, sitting.tags.species) == (None, None)
    sitting.tags.position, sitting.tags.species = Position.BORDER, "hare"
    sitting.decide(Label.BLANK)
    one, other = read_decisions(STORAGE, str(tmp_path)).answers
    assert (one.position, one.species) == (Position.CLOSE, ("fox",))
    assert (other.position, other.species) == (None, ())


def test_the_end_is_reached_when_nothing_is_left_out(tmp_path: Path) -> None:
    sitting = sit(tmp_path)
    sitting.go(2)
    sitting.decide(Label.BLANK)
    sitting.decide(Label.BLANK)
    assert at(sitting) == "a"  # what was passed over comes back
    sitting.decide(Label.BLANK)
    sitting.decide(Label.BLANK)
    assert at(sitting) is None
    sitting.decide(Label.BLANK)
    assert len(read_decisions(STORAGE, str(tmp_path)).answers) == 4
    sitting.undo()
    assert at(sitting) == "b"


def test_what_was_not_kept_moves_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sitting = sit(tmp_path)

    def refuse(answer: Answer) -> Answer:
        raise SourceError("the disk is full")

    monkeypatch.setattr(sitting.log, "decide", refuse)
    with pytest.raises(SourceError):
        sitting.decide(Label.BLANK)
    assert (at(sitting), sitting.mine, sitting.can_undo) == ("a", {}, False)


def test_who_shares_the_work_passes_over_what_others_answered(tmp_path: Path) -> None:
    sitting = sit(tmp_path)
    sitting.share_with({"b", "c"})
    seen = []
    while (name := at(sitting)) is not None:
        seen.append(name)
        sitting.decide(Label.BLANK)
        sitting.share_with({"b", "c"})
    assert sorted(seen) == ["a", "d"]
    sitting.share_with(None)
    sitting.go(-3)
    sitting.decide(Label.BLANK)
    assert at(sitting) == "c"


def test_people_who_share_begin_at_places_of_their_own(tmp_path: Path) -> None:
    rows = [{"media_id": str(number)} for number in range(1_000)]
    places = set()
    for person in ("Ana", "Ben", "Chi"):
        sitting = Sitting(rows, DecisionLog(STORAGE, str(tmp_path), person), ())
        sitting.share_with(())
        places.add(sitting.place)
        sitting.share_with(())  # asked again with each image: nobody is moved
        assert sitting.place in places
    assert len(places) == 3
