"""Decisions are kept from the moment they are said, whatever happens next."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from blanktrap.core.audits.review import REVIEW_QUEUE, Answer, settle_answers
from blanktrap.core.config import AuditJudgeConfig
from blanktrap.core.errors import AnnotationError, ReviewError, SourceError
from blanktrap.core.vocabulary import Circumstance, Label, Position, QueueKind
from blanktrap.files.answers import read_answers
from blanktrap.files.decision_logs import DecisionLog, answers_of_queue, iter_decisions, read_decisions
from blanktrap.files.discard_judging import judge_answers
from blanktrap.files.review_queues import write_review_queue
from blanktrap.files.storage import Storage
from tests.files.conftest import Index

STORAGE = Storage()
NOON = datetime(2024, 5, 31, 12, 0, 0, 123_456, tzinfo=UTC)


def said(media_id: str, label: Label | None, **more: Any) -> Answer:
    return Answer(media_id=media_id, label=label, **more)


def sitting(queue: Path | str, person: str = "Ana") -> DecisionLog:
    return DecisionLog(STORAGE, str(queue), person, now=lambda: NOON)


def labels(queue: Path | str) -> dict[str, Label | None]:
    settled = settle_answers(read_decisions(STORAGE, str(queue)).answers)
    return {media_id: answer.label for media_id, answer in settled.answers.items()}


def test_a_decision_says_who_and_when_and_comes_back_whole(tmp_path: Path) -> None:
    answer = said(
        'Straße/a,|"\n.jpg',
        Label.NONBLANK,
        species=("Grant's gazelle", "zèbre"),
        position=Position.BORDER,
        circumstances=(Circumstance.HIGH_GRASS, Circumstance.NIGHT),
    )
    written = sitting(tmp_path, "  Ana  Lópe\N{COMBINING TILDE}z ").decide(answer)
    (found,) = read_decisions(STORAGE, str(tmp_path)).answers
    assert found == written
    assert (found.media_id, found.species) == (answer.media_id, answer.species)
    assert (found.position, found.circumstances) == (answer.position, answer.circumstances)
    assert found.labelled_by == "Ana Lóp\N{LATIN SMALL LETTER E WITH TILDE}z"
    assert found.labelled_at == datetime(2024, 5, 31, 12, 0, 0, 123_000)


def test_undo_adds_a_line_and_the_latest_counts_at_one_and_the_same_moment(tmp_path: Path) -> None:
    log = sitting(tmp_path)
    log.decide(said("a.jpg", Label.BLANK))
    log.decide(said("b.jpg", Label.BLANK))
    log.decide(said("a.jpg", Label.NONBLANK))
    log.withdraw("b.jpg")
    assert labels(tmp_path) == {"a.jpg": Label.NONBLANK}
    (file,) = (tmp_path / "answers").iterdir()
    assert len(file.read_text("ascii").splitlines()) == 5


def test_a_line_cut_off_anywhere_is_no_decision_and_hides_no_other(tmp_path: Path) -> None:
    log = sitting(tmp_path)
    log.decide(said("a.jpg", Label.BLANK))
    log.decide(said("é.jpg", Label.NONBLANK, species=("fox",)))
    (file,) = (tmp_path / "answers").iterdir()
    data = file.read_bytes()
    second = data.index(b"\n", data.index(b"\n") + 1) + 1
    for stop in range(second + 1, len(data)):
        found = list(iter_decisions(data[:stop], "x"))
        assert [one.media_id if one else None for one in found] == ["a.jpg", None], data[second:stop]
    file.write_bytes(data[: len(data) - 1])
    assert read_decisions(STORAGE, str(tmp_path)).num_cut_off == 1
    assert read_answers(STORAGE, [answers_of_queue(str(tmp_path))]).answers.keys() == {"a.jpg"}
    # The next sitting writes to a file of its own.
    sitting(tmp_path).decide(said("c.jpg", None))
    assert labels(tmp_path) == {"a.jpg": Label.BLANK, "c.jpg": None}


def test_what_was_decided_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from blanktrap.core.audits.review import Answer\n"
        "from blanktrap.core.vocabulary import Label\n"
        "from blanktrap.files.decision_logs import DecisionLog\n"
        "from blanktrap.files.storage import Storage\n"
        "log = DecisionLog(Storage(), sys.argv[1], 'Ana')\n"
        "log.decide(Answer(media_id='a.jpg', label=Label.BLANK))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert labels(tmp_path) == {"a.jpg": Label.BLANK}


def test_two_people_at_once_lose_nothing(tmp_path: Path) -> None:
    def look(person: str, label: Label) -> None:
        log = sitting(tmp_path, person)
        for number in range(40):
            log.decide(said(f"{number}.jpg", label))

    people = [
        threading.Thread(target=look, args=(name, label))
        for name, label in (("Ana", Label.BLANK), ("Ana", Label.BLANK), ("Ben", Label.NONBLANK))
    ]
    for one in people:
        one.start()
    for one in people:
        one.join()
    found = read_decisions(STORAGE, str(tmp_path))
    assert (found.num_files, len(found.answers), found.num_cut_off) == (3, 120, 0)
    assert len(settle_answers(found.answers).differing) == 40


def test_what_could_not_be_written_does_not_count_and_the_next_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, write = sitting(tmp_path), os.write
    log.decide(said("a.jpg", Label.BLANK))

    def fill_disk(file: int, data: Any) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return write(file, bytes(data)[:15])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fill_disk)
        with pytest.raises(SourceError, match="No space left"):
            log.decide(said("b.jpg", Label.BLANK))
    log.decide(said("c.jpg", Label.NONBLANK))
    assert labels(tmp_path) == {"a.jpg": Label.BLANK, "c.jpg": Label.NONBLANK}
    assert read_decisions(STORAGE, str(tmp_path)).num_cut_off == 1


def test_a_first_line_that_fails_leaves_nothing_that_stops_a_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, write = sitting(tmp_path), os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: write(file, b'{"dec') and int("full"))
        with pytest.raises(ValueError, match="full"):
            log.decide(said("b.jpg", Label.BLANK))
    sitting(tmp_path).decide(said("c.jpg", Label.BLANK))
    assert read_answers(STORAGE, [answers_of_queue(str(tmp_path))]).answers.keys() == {"c.jpg"}


def test_a_contradiction_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match="contradict"):
        sitting(tmp_path).decide(said("a.jpg", Label.NONBLANK, species=("empty",)))
    assert not (tmp_path / "answers").exists()


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\0b"])
def test_who_looks_must_say_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReviewError, match="1 to 80 characters"):
        sitting(tmp_path, name)


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    sitting(tmp_path, "../../../tmp/Ana").decide(said("a.jpg", Label.BLANK))
    (file,) = (tmp_path / "answers").iterdir()
    assert file.name.startswith("tmp-ana-20240531T120000-")


def test_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "a.jsonl").write_text('{"decisions_version": 2}\n')
    with pytest.raises(ReviewError, match="has version 2 of decisions, this blanktrap reads 1"):
        read_decisions(STORAGE, str(tmp_path))


def queue_of(location: str, kind: QueueKind, details: dict[str, Any]) -> None:
    rows = [
        {"media_id": name, "uri": f"/{name}", "reason": "", "stratum": "all"}
        for name in ("a.jpg", "b.jpg", "c.jpg")
    ]
    schema = pa.schema([field for field in REVIEW_QUEUE if field.name != "order"])
    table = pa.Table.from_pylist(rows, schema=schema)
    write_review_queue(STORAGE, location, table, kind=kind, made_from="scores", details=details)


def test_decisions_judge_a_discard_pile(tmp_path: Path) -> None:
    queue = str(tmp_path / "queue")
    queue_of(queue, QueueKind.DISCARD_AUDIT, {"strata": [{"name": "all", "num_media": 300}]})
    log = DecisionLog(STORAGE, queue, "Ana")
    log.decide(said("a.jpg", Label.BLANK))
    log.decide(said("b.jpg", Label.NONBLANK))
    log.decide(said("c.jpg", Label.NONBLANK))
    log.withdraw("c.jpg")
    audit = judge_answers(queue, [answers_of_queue(queue)], config=AuditJudgeConfig(), storage=STORAGE)
    assert (audit.num_animals, audit.num_unsure, audit.num_unanswered) == (1, 0, 1)


def test_decisions_correct_labels(tmp_path: Path, index_archive: Index) -> None:
    (tmp_path / "labels.csv").write_text("path,label\na.jpg,deer\nb.jpg,deer\nc.jpg,deer\n")
    log = sitting(tmp_path / "q")
    (tmp_path / "q").mkdir()
    log.decide(said("a.jpg", Label.BLANK))
    log.decide(said("b.jpg", Label.BLANK))
    log.withdraw("b.jpg")
    rows, _ = index_archive(
        ["a.jpg", "b.jpg", "c.jpg"], tmp_path / "labels.csv", answers_of_queue(str(tmp_path / "q"))
    )
    assert {name: row["label"] for name, row in rows.items()} == {
        "a.jpg": "blank",
        "b.jpg": "nonblank",
        "c.jpg": "nonblank",
    }
    assert rows["a.jpg"]["labelled_by"] == "Ana"


def test_a_folder_that_nobody_wrote_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "answers").mkdir()
    with pytest.raises(AnnotationError, match="holds no label files"):
        read_answers(STORAGE, [answers_of_queue(str(tmp_path))])


@pytest.mark.s3
def test_decisions_live_on_s3_too(s3_bucket: str) -> None:
    queue = f"s3://{s3_bucket}/q"
    log = sitting(queue)
    for number in range(203):
        log.decide(said(f"{number}.jpg", Label.BLANK))
    log.withdraw("0.jpg")
    sitting(queue, "Ben").decide(said("1.jpg", Label.NONBLANK))
    found = read_decisions(STORAGE, queue)
    assert (found.num_files, len(found.answers)) == (4, 205)
    settled = read_answers(STORAGE, [answers_of_queue(queue)])
    assert len(settled.answers) == 202
    assert settled.differing == ("1.jpg",)
