"""Tables of labels: own column names, yes and no, Parquet, and what cannot be read."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.errors import AnnotationError, UsageError
from blanktrap.files.annotations import FORMATS
from blanktrap.files.annotations.opening import local_file
from blanktrap.files.annotations.rows import table_rows
from tests.files.conftest import Index


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def labels_of(rows: dict[str, dict[str, object]]) -> dict[str, object]:
    return {name: row["label"] for name, row in rows.items()}


@pytest.mark.parametrize("column", ["is_empty", "is_blank", "empty", "Blank"])
@pytest.mark.parametrize(("yes", "no"), [("true", "false"), ("1", "0"), ("Yes", "No"), ("1.0", "0.0")])
def test_yes_in_a_column_of_blanks_is_blank(
    tmp_path: Path, index_archive: Index, column: str, yes: str, no: str
) -> None:
    table = write(tmp_path / "a.csv", f"file,{column}\na.jpg,{yes}\nb.jpg,{no}\nc.jpg,\n")
    for settings in ({}, {"columns": f"path=file,label={column}"}):
        rows, _ = index_archive(["a.jpg", "b.jpg", "c.jpg"], table, **settings)
        assert labels_of(rows) == {"a.jpg": "blank", "b.jpg": "nonblank", "c.jpg": None}


@pytest.mark.parametrize("column", ["is_animal", "nonblank", "has_animal", "animal"])
def test_yes_in_a_column_of_animals_is_nonblank(tmp_path: Path, index_archive: Index, column: str) -> None:
    table = write(tmp_path / "a.csv", f"file,{column}\na.jpg,true\nb.jpg,no\n")
    rows, _ = index_archive(["a.jpg", "b.jpg"], table)
    assert labels_of(rows) == {"a.jpg": "nonblank", "b.jpg": "blank"}


@pytest.mark.parametrize("answer", ["1", "0", "true", "no", "7"])
def test_a_yes_that_may_mean_either_is_refused(tmp_path: Path, index_archive: Index, answer: str) -> None:
    table = write(tmp_path / "a.csv", f"file,verdict\na.jpg,{answer}\n")
    with pytest.raises(AnnotationError, match=r"a\.csv: row 2 has verdict .* may mean either"):
        index_archive(["a.jpg"], table, columns="path=file,label=verdict")


def test_own_column_names_are_understood_together_with_known_ones(
    tmp_path: Path, index_archive: Index
) -> None:
    table = write(tmp_path / "a.csv", "Foto,Was,station,deployment\na.jpg,Reh,S1,R1\nb.jpg,leer,S1,R1\n")
    rows, _ = index_archive(["a.jpg", "b.jpg"], table, columns="path=Foto,label=WAS,location=station")
    assert labels_of(rows) == {"a.jpg": "nonblank", "b.jpg": "blank"}
    row = rows["a.jpg"]
    assert (row["species"], row["location_id"], row["deployment_id"]) == (["Reh"], "S1", "R1")


def test_a_column_that_no_table_has_is_named(tmp_path: Path, index_archive: Index) -> None:
    table = write(tmp_path / "a.csv", "file,label\na.jpg,deer\n")
    with pytest.raises(
        UsageError, match=r"--columns names fille, which .*a\.csv has not: it has file, label"
    ):
        index_archive(["a.jpg"], table, columns="path=fille,label=label")


def test_several_answers_in_one_cell_are_several_answers(tmp_path: Path, index_archive: Index) -> None:
    text = "file_name,labels\na.jpg,zebra|eland\nb.jpg,zebra;empty\nc.jpg,empty\n"
    rows, summary = index_archive(["a.jpg", "b.jpg", "c.jpg"], write(tmp_path / "a.csv", text))
    assert labels_of(rows) == {"a.jpg": "nonblank", "b.jpg": None, "c.jpg": "blank"}
    assert rows["a.jpg"]["species"] == ["eland", "zebra"]
    assert summary.contradicting == ["b.jpg"]


def test_parquet_is_read_as_the_same_table(tmp_path: Path, index_archive: Index) -> None:
    table = pa.table(
        {
            "media_id": ["a.jpg", "b.jpg", "c.jpg"],
            "is_blank": [True, False, None],
            "timestamp": pa.array([datetime(2020, 1, 2, 3, 4, 5, 678000), None, None], pa.timestamp("us")),
            "frame_num": [2.0, None, 0.0],
            "species": [[], ["fox", "deer"], None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    rows, _ = index_archive(["a.jpg", "b.jpg", "c.jpg"], tmp_path / "a.parquet")
    assert labels_of(rows) == {"a.jpg": "blank", "b.jpg": "nonblank", "c.jpg": None}
    assert rows["b.jpg"]["species"] == ["deer", "fox"]
    assert (rows["a.jpg"]["timestamp"], rows["a.jpg"]["frame_num"]) == (
        datetime(2020, 1, 2, 3, 4, 5, 678000),
        2,
    )


def test_a_damaged_parquet_file_gets_one_line(tmp_path: Path, index_archive: Index) -> None:
    pq.write_table(pa.table({"path": ["a.jpg"], "label": ["deer"]}), tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(data[: len(data) // 2])
    with pytest.raises(AnnotationError, match=r"a\.parquet"):
        index_archive(["a.jpg"], tmp_path / "a.parquet")


def test_parquet_that_is_no_unicode_gets_one_line(tmp_path: Path, index_archive: Index) -> None:
    offsets, data = pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")
    broken = pa.Array.from_buffers(pa.string(), 1, [None, offsets, data])
    pq.write_table(pa.table({"path": broken, "label": ["deer"]}), tmp_path / "a.parquet")
    with pytest.raises(AnnotationError, match=r"a\.parquet is a damaged Parquet file behind row 0") as caught:
        index_archive(["a.jpg"], tmp_path / "a.parquet")
    assert "\n" not in str(caught.value)


def test_what_a_spreadsheet_saves_as_unicode_text_is_read(tmp_path: Path, index_archive: Index) -> None:
    table = write(tmp_path / "a.txt", "path\tlabel\r\nPeñón/a.jpg\tleer\r\n", "utf-16")
    rows, _ = index_archive(["Peñón/a.jpg"], table)
    assert labels_of(rows) == {"Peñón/a.jpg": "blank"}


def test_rows_are_numbered_as_an_editor_shows_them(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'path,label\r\n\r\n"a\r\nb.jpg",deer\r\nc.jpg,fox\r\n')
    found = [(number, row["path"]) for number, row in table_rows(local_file(path))]
    assert found == [(4, "a\r\nb.jpg"), (5, "c.jpg")]


def test_a_manifest_is_an_ordinary_table_and_corrects_nobody(tmp_path: Path, index_archive: Index) -> None:
    first = write(tmp_path / "a.csv", "path,label,species\na.jpg,animal,deer\nb.jpg,empty,\n")
    index_archive(["a.jpg", "b.jpg"], first)
    rows, summary = index_archive(["a.jpg", "b.jpg"], tmp_path / "manifest" / "part-00000.parquet")
    assert labels_of(rows) == {"a.jpg": "nonblank", "b.jpg": "blank"}
    assert rows["a.jpg"]["species"] == ["deer"]
    assert [one.format_name for one in summary.annotations] == ["table"]


def test_labels_among_the_sources_are_refused(tmp_path: Path, index_archive: Index) -> None:
    from blanktrap.core.config import IndexConfig
    from blanktrap.files.indexing import build_manifest
    from blanktrap.files.storage import Storage

    (tmp_path / "a.jpg").touch()
    table = write(tmp_path / "a.csv", "path,label\na.jpg,empty\n")
    for annotations, is_fine in ([], False), ([str(table)], True):
        arguments = {"inventory": None, "config": IndexConfig(), "storage": Storage(), "overwrite": True}
        if is_fine:
            summary = build_manifest([str(table)], str(tmp_path / "m"), annotations=annotations, **arguments)
            assert summary.by_label == {"blank": 1}
        else:
            with pytest.raises(UsageError, match="--annotations"):
                build_manifest([str(table)], str(tmp_path / "m"), annotations=annotations, **arguments)


def test_every_format_can_be_asked_for_by_its_key() -> None:
    from typing import get_args

    from blanktrap.core.config.index import AnnotationFormatKey

    assert sorted(get_args(AnnotationFormatKey)) == sorted(["auto", *(one.key for one in FORMATS)])


def test_a_format_that_was_asked_for_and_is_not_there_is_refused(
    tmp_path: Path, index_archive: Index
) -> None:
    table = write(tmp_path / "a.csv", "path,label\na.jpg,deer\n")
    with pytest.raises(AnnotationError, match="is not COCO Camera Traps, which --format asks for"):
        index_archive(["a.jpg"], table, format="coco")


@pytest.mark.real
def test_one_name_under_many_captures_is_one_media_without_a_label(
    index_archive: Index, real_data: Path
) -> None:
    # 100 rows, 58 empty, one file name: nobody can tell which capture the file of that name belongs to.
    path = real_data / "annotations" / "hakuna_madata_train_stub.csv"
    rows, summary = index_archive(["ABCFN_IMAG4110.JPG"], path)
    matches = summary.annotations[0].matches
    assert (matches.num_rows, matches.num_rows_matched, matches.num_named) == (100, 100, 1)
    row = rows["ABCFN_IMAG4110.JPG"]
    assert (row["label"], row["sequence_id"], row["timestamp"]) == (None, None, None)
    assert summary.contradicting == summary.differing == ["ABCFN_IMAG4110.JPG"]


@pytest.mark.parametrize(
    "text",
    [
        "path,label,species\na.jpg,blank,zebra\n",
        "path,label,species\na.jpg,nonblank,empty\n",
        "path,is_blank,species\na.jpg,1,zebra\n",
        "path,is_blank,species\na.jpg,0,Blank\n",
    ],
)
def test_a_species_that_denies_its_label_is_a_contradiction(
    tmp_path: Path, index_archive: Index, text: str
) -> None:
    rows, summary = index_archive(["a.jpg"], write(tmp_path / "a.csv", text))
    assert labels_of(rows) == {"a.jpg": None}
    assert summary.num_contradicting == 1


def test_a_blank_media_may_have_a_species_that_says_nothing(tmp_path: Path, index_archive: Index) -> None:
    table = write(tmp_path / "a.csv", "path,label,species\na.jpg,blank,n/a\nb.jpg,blank,blank\n")
    rows, summary = index_archive(["a.jpg", "b.jpg"], table)
    assert labels_of(rows) == {"a.jpg": "blank", "b.jpg": "blank"}
    assert summary.num_contradicting == 0


def test_a_yes_in_another_language_is_no_species(tmp_path: Path, index_archive: Index) -> None:
    table = write(tmp_path / "a.csv", "bild;leer\na.jpg;ja\n")
    with pytest.raises(AnnotationError, match=r"row 2 has leer 'ja', which may mean either"):
        index_archive(["a.jpg"], table, columns="path=bild,label=leer")
    table = write(tmp_path / "b.csv", "bild;is_empty\na.jpg;ja\nb.jpg;nein\n")
    rows, _ = index_archive(["a.jpg", "b.jpg"], table, columns="path=bild,label=is_empty")
    assert labels_of(rows) == {"a.jpg": "blank", "b.jpg": "nonblank"}


def test_the_other_dates_of_a_table_settle_which_number_is_the_month(
    tmp_path: Path, index_archive: Index
) -> None:
    head = "path,label,datetime\na.jpg,deer,5/6/2013 10:00\n"
    table = write(tmp_path / "a.csv", f"{head}b.jpg,deer,25/6/2013 10:00\n")
    rows, _ = index_archive(["a.jpg", "b.jpg"], table)
    assert rows["a.jpg"]["timestamp"] == datetime(2013, 6, 5, 10)
    table = write(tmp_path / "b.csv", f"{head}b.jpg,deer,5/25/2013 10:00\n")
    rows, _ = index_archive(["a.jpg", "b.jpg"], table)
    assert rows["a.jpg"]["timestamp"] == datetime(2013, 5, 6, 10)
    table = write(tmp_path / "c.csv", f"{head}b.jpg,deer,7/6/2013 10:00\n")
    rows, _ = index_archive(["a.jpg", "b.jpg"], table)
    assert rows["a.jpg"]["timestamp"] is None


@pytest.mark.parametrize("name", ["unknown", "Unknown", "NA", "nan", "None"])
@pytest.mark.parametrize("column", ["location", "deployment", "sequence"])
def test_an_id_that_says_that_there_is_none_is_none(
    tmp_path: Path, index_archive: Index, name: str, column: str
) -> None:
    table = write(tmp_path / "a.csv", f"path,label,{column}\na.jpg,deer,{name}\nb.jpg,deer,unknown hill\n")
    rows, summary = index_archive(["a.jpg", "b.jpg"], table)
    assert (rows["a.jpg"][f"{column}_id"], rows["b.jpg"][f"{column}_id"]) == (None, "unknown hill")
    assert summary.annotations[0].problems == {f"{column} that is not known, left open": 1}


def test_rows_of_nothing_but_separators_are_passed_over(tmp_path: Path, index_archive: Index) -> None:
    table = write(tmp_path / "a.csv", "path,label,species\na.jpg,blank,\n,,\n , ,\n")
    rows, _ = index_archive(["a.jpg"], table)
    assert labels_of(rows) == {"a.jpg": "blank"}


def test_a_table_that_is_none_is_told_how_columns_are_named(tmp_path: Path, index_archive: Index) -> None:
    table = write(tmp_path / "a.csv", "bild,art\na.jpg,Reh\n")
    with pytest.raises(AnnotationError, match=r"not a table of labels.* --columns path=…,label=…"):
        index_archive(["a.jpg"], table, format="table")
