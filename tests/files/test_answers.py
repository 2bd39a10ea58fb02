from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.errors import AnnotationError
from blanktrap.core.vocabulary import Label
from blanktrap.files.answers import read_answers
from blanktrap.files.storage import Storage

STORAGE = Storage()
HEADER = "order,media_id,given_label,label,species,labelled_by,labelled_at\n"


def write(path: Path, *rows: str) -> str:
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return str(path)


def test_a_sheet_filled_in_by_two_people_is_settled_whatever_the_order_of_files(tmp_path: Path) -> None:
    ana = write(
        tmp_path / "ana.csv",
        "0,a.jpg,blank,nonblank,fox,Ana,2024-05-31 08:00:00",
        "1,b.jpg,blank,blank,,Ana,2024-05-31 08:00:05",
        "2,c.jpg,blank,,,,",
    )
    ben = write(
        tmp_path / "ben.csv",
        "0,a.jpg,blank,nonblank,hare,Ben,2024-06-01 08:00:00",
        "1,b.jpg,blank,nonblank,,Ben,2024-06-01 08:00:05",
    )
    settled = read_answers(STORAGE, [ana, ben])
    assert settled == read_answers(STORAGE, [ben, ana]) == read_answers(STORAGE, [str(tmp_path)])
    assert settled.answers.keys() == {"a.jpg", "b.jpg"}
    assert (settled.answers["a.jpg"].label, settled.answers["a.jpg"].species) == (
        Label.NONBLANK,
        ("fox", "hare"),
    )
    assert settled.differing == ("b.jpg",)


def test_answers_come_in_parquet_too(tmp_path: Path) -> None:
    table = pa.table({"media_id": ["a.jpg"], "label": ["blank"], "labelled_by": ["Ana"]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read_answers(STORAGE, [str(tmp_path / "a.parquet")]).answers["a.jpg"].label is Label.BLANK


def test_a_row_that_is_no_answer_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "0,a.jpg,blank,blank,,Ana,", "1,b.jpg,blank,zebra,,Ana,")
    with pytest.raises(AnnotationError) as caught:
        read_answers(STORAGE, [path])
    assert str(caught.value).startswith(f"{path}: row 3 has label 'zebra', allowed are blank")


def test_a_table_without_answers_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("path,label\na.jpg,blank\n")
    with pytest.raises(
        AnnotationError, match="needs the columns media_id, label, not those of a manifest, and has path"
    ):
        read_answers(STORAGE, [str(tmp_path / "a.csv")])


def test_a_table_that_is_named_need_not_say_who_answered(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text("media_id,label,position\na.jpg,nonblank,border\n")
    answer = read_answers(STORAGE, [str(tmp_path / "tags.csv")]).answers["a.jpg"]
    assert (answer.label, answer.position, answer.labelled_by) == (Label.NONBLANK, "border", None)
    # In a folder it may be anything, such as a table of labels that nobody means as answers.
    assert not read_answers(STORAGE, [str(tmp_path)]).answers
