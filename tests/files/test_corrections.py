"""Answers to a review queue outrank every other label, in whatever order they are given."""

from datetime import datetime
from pathlib import Path

import pytest

from blanktrap.core.errors import AnnotationError
from tests.files.conftest import Index

HEADER = "media_id,label,species,position,circumstances,labelled_by,labelled_at\n"
OTHERS = "path,label,level\na.jpg,deer,media\nb.jpg,empty,sequence\nc.jpg,empty,media\nd.jpg,fox,media\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("is_first", [True, False])
def test_an_answer_outranks_what_it_corrects(tmp_path: Path, index_archive: Index, is_first: bool) -> None:
    others = write(tmp_path / "labels.csv", OTHERS)
    answers = write(
        tmp_path / "answers.csv",
        HEADER + "a.jpg,blank,,,,ann,2024-05-01 10:00:00\n"
        "b.jpg,nonblank,hare|fox,border,night,bo,2024-05-02\nc.jpg,unsure,,,,ann,\n",
    )
    order = [answers, others] if is_first else [others, answers]
    rows, summary = index_archive(["a.jpg", "b.jpg", "c.jpg", "d.jpg"], *order)
    found = {name: (row["label"], row["species"], row["labelled_by"]) for name, row in rows.items()}
    assert found == {
        "a.jpg": ("blank", None, "ann"),
        "b.jpg": ("nonblank", ["fox", "hare"], "bo"),
        "c.jpg": (None, None, "ann"),  # who could not tell takes the label away
        "d.jpg": ("nonblank", ["fox"], None),
    }
    assert rows["a.jpg"]["labelled_at"] == datetime(2024, 5, 1, 10)
    assert rows["b.jpg"]["label_level"] == "media"
    assert summary.num_contradicting == 0


def test_people_who_differ_leave_the_label_open_whatever_file_they_wrote_in(
    tmp_path: Path, index_archive: Index
) -> None:
    others = write(tmp_path / "labels.csv", OTHERS)
    ann = write(tmp_path / "ann.csv", HEADER + "a.jpg,blank,,,,ann,\nd.jpg,blank,,,,ann,2024-01-01\n")
    bo = write(
        tmp_path / "bo.csv", HEADER + "a.jpg,nonblank,deer,,,bo,\nd.jpg,nonblank,fox,,,ann,2024-01-02\n"
    )
    rows, summary = index_archive(["a.jpg", "d.jpg"], ann, others, bo)
    assert (rows["a.jpg"]["label"], rows["a.jpg"]["labelled_by"]) == (None, "ann, bo")
    # The later of one person's two answers counts.
    assert rows["d.jpg"]["label"] == "nonblank"
    [answers] = [one for one in summary.annotations if one.format_name == "answers"]
    assert answers.companions == ["bo.csv"]
    assert answers.problem_examples["people differ on the label, left open"] == ["a.jpg"]
    assert any("people differ on the label, left open: 1 (a.jpg)" in line for line in summary.lines())


def test_rows_that_nobody_filled_in_change_nothing(tmp_path: Path, index_archive: Index) -> None:
    others = write(tmp_path / "labels.csv", OTHERS)
    answers = write(tmp_path / "answers.csv", HEADER + "a.jpg,,,,,,\nb.jpg,nonblank,,,,bo,\n")
    rows, _ = index_archive(["a.jpg", "b.jpg"], others, answers)
    assert {name: row["label"] for name, row in rows.items()} == {"a.jpg": "nonblank", "b.jpg": "nonblank"}


def test_a_bad_answer_is_refused_or_counted(tmp_path: Path, index_archive: Index) -> None:
    answers = write(tmp_path / "answers.csv", HEADER + "a.jpg,blnk,,,,ann,\nb.jpg,blank,,,,ann,\n")
    with pytest.raises(AnnotationError, match=r"answers\.csv: row 2 has label 'blnk'"):
        index_archive(["a.jpg", "b.jpg"], answers)
    rows, summary = index_archive(["a.jpg", "b.jpg"], answers, skip_bad_rows=True)
    assert {name: row["label"] for name, row in rows.items()} == {"a.jpg": None, "b.jpg": "blank"}
    assert summary.annotations[0].bad_rows == {"row left out": 1}
