"""The page Review, as a person uses it."""

import pyarrow as pa
import pytest
from PIL import Image

from blanktrap.core.audits.review import REVIEW_QUEUE, Answer, settle_answers
from blanktrap.core.vocabulary import Circumstance, Label, Position, QueueKind
from blanktrap.files.decision_logs import DecisionLog, read_decisions
from blanktrap.files.review_queues import write_review_queue
from blanktrap.files.storage import Storage
from tests.dashboard.seen import HOSTILE, drawn_texts

STORAGE = Storage()
NUM_MEDIA = 4


@pytest.fixture
def queue(tmp_path):
    rows = []
    for at in range(NUM_MEDIA):
        Image.new("RGB", (64, 48), (at, 100, 50)).save(tmp_path / f"{at}.jpg")
        rows.append(
            {
                "media_id": f"{HOSTILE}{at}.jpg",
                "uri": str(tmp_path / f"{at}.jpg"),
                "location_id": HOSTILE,
                "given_label": "blank",
                "given_species": [],
                "p_nonblank": 0.98,
                "reason": f"labelled blank {HOSTILE}",
            }
        )
    schema = pa.schema([field for field in REVIEW_QUEUE if field.name != "order"])
    location = str(tmp_path / "queue")
    write_review_queue(
        STORAGE,
        location,
        pa.Table.from_pylist(rows, schema=schema),
        kind=QueueKind.WRONG_LABELS,
        made_from="scores",
        details={},
    )
    return location


def labels(queue):
    answers = settle_answers(read_decisions(STORAGE, queue).answers).answers
    return {media_id.removeprefix(HOSTILE): one.label for media_id, one in answers.items()}


def begin(open_page, queue, name="Ana"):
    page = open_page("review", queue)
    page.text_input(key="reviewer").set_value(name).run()
    assert not page.exception
    return page


def press(page, name):
    page.button(key=f"desk {name}").click().run()
    assert not page.exception


def test_nobody_decides_without_a_name(open_page, queue):
    page = open_page("review", queue)
    assert not page.button
    assert "Write your name" in page.info[0].value


def test_decisions_are_kept_with_their_tags(open_page, queue):
    page = begin(open_page, queue)
    press(page, "Blank")
    press(page, "Border")
    press(page, "Night")
    press(page, "High grass")
    press(page, "Night")
    press(page, "Nonblank")
    press(page, "Unsure")
    assert labels(queue) == {"0.jpg": Label.BLANK, "1.jpg": Label.NONBLANK, "2.jpg": None}
    second = read_decisions(STORAGE, queue).answers[1]
    assert (second.position, second.circumstances) == (Position.BORDER, (Circumstance.HIGH_GRASS,))
    assert second.labelled_by == "Ana"
    press(page, "Undo")
    assert "2.jpg" not in labels(queue)
    press(page, "Blank")
    press(page, "Blank")
    assert any("decided all 4 images" in one.value for one in page.markdown)


def test_blind_mode_hides_the_opinions_of_others(open_page, queue):
    page = begin(open_page, queue)
    assert not [text for text in drawn_texts(page) if "0.98" in text or "labelled blank" in text]
    page.toggle(key="blind").set_value(False).run()
    assert [text for text in drawn_texts(page) if "0.98" in text and "labelled blank" in text]


def test_names_are_text(open_page, queue):
    page = begin(open_page, queue, "<b>Ana</b>")
    page.toggle(key="blind").set_value(False).run()
    press(page, "Blank")
    assert not [text for text in drawn_texts(page) if "<script>" in text or "<b>" in text]


def test_two_people_see_their_agreement(open_page, queue):
    ben = DecisionLog(STORAGE, queue, "Ben")
    for at, label in enumerate((Label.BLANK, Label.NONBLANK)):
        ben.decide(Answer(media_id=f"{HOSTILE}{at}.jpg", label=label))
    page = begin(open_page, queue)
    press(page, "Blank")
    press(page, "Blank")
    page = begin(open_page, queue)
    tables = [table.value for table in page.table]
    assert tables[0]["Answered"].tolist() == ["2", "2"]
    assert tables[1][["Both judged", "Images", "Agree"]].values.tolist() == [["Ana and Ben", "2", "50.0 %"]]
    assert any(one.value.startswith("People differ on:") for one in page.caption)


def test_a_folder_that_takes_no_answer_says_so_and_keeps_the_place(open_page, queue, monkeypatch):
    page = begin(open_page, queue)
    monkeypatch.setattr("os.write", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    press(page, "Blank")
    assert "No space left" in page.error[0].value
    assert any("image 1 of 4" in one.value for one in page.caption)
    monkeypatch.undo()


def test_a_queue_that_was_not_named_is_not_opened(open_page, queue, tmp_path):
    page = open_page("review", queue, queue=str(tmp_path))
    assert "queue that was not given" in page.error[0].value
