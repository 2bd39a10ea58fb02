"""Plain tables and Timelapse's CSV."""

import csv
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import IndexConfig
from blanktrap.core.errors import ScoresError, UsageError
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.files.exports.table_files import TableFile
from blanktrap.files.exports.tables import USUAL_COLUMNS
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from tests.files.exports.exported import HOSTILE_NAMES, at, export, frame, hostile_rows
from tests.files.written_scores import STORAGE, write_scores

ROWS = [
    frame("S1/a.jpg", 0.7, timestamp=at(0), frame_num=0, species=["zebra", "gnu"]),
    frame("S1/b.jpg", 0.1, timestamp=at(1).replace(microsecond=250_000)),
    frame("c.jpg", None, location_id=None),
]


def cells_of(path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


# Plain tables


def test_golden_csv(tmp_path):
    columns = ("media_id", "timestamp", "decision", "p_nonblank", "species", "is_night")
    path, _ = export(tmp_path, ROWS, "out.csv", format="csv", columns=columns)
    assert path.read_text() == (
        '"media_id","timestamp","decision","p_nonblank","species","is_night"\n'
        # float32 0.7 is 0.699999988: printed as the shortest number that is it.
        '"S1/a.jpg","2024-07-01 06:00:00","keep",0.7,"zebra|gnu",\n'
        '"S1/b.jpg","2024-07-01 06:00:01.250","set_aside",0.1,"",\n'
        '"c.jpg",,"unreadable",,"",\n'
    )


def test_usual_columns(tmp_path):
    path, _ = export(tmp_path, ROWS, "out.csv", format="csv")
    rows = cells_of(path)
    assert tuple(rows[0]) == USUAL_COLUMNS
    assert len(rows) == 4


def test_parquet_keeps_types_and_names(tmp_path):
    columns = ("media_id", "decision", "decided_score", "frame_num")
    path, _ = export(tmp_path, hostile_rows(), "out.parquet", format="parquet", columns=columns)
    table = pq.read_table(path)
    assert table.column_names == list(columns)
    assert table.column("media_id").to_pylist() == HOSTILE_NAMES
    assert table.schema.field("decided_score").type == pa.float32()
    assert table.schema.field("frame_num").type == SCORES_SCHEMA.field("frame_num").type
    assert set(table.column("decision").to_pylist()) == {"keep", "set_aside"}


def test_packed_csv_by_the_name_of_the_file(tmp_path):
    path, _ = export(tmp_path, ROWS, "out.csv.gz", format="csv", columns=("media_id",))
    assert gzip.decompress(path.read_bytes()) == b'"media_id"\n"S1/a.jpg"\n"S1/b.jpg"\n"c.jpg"\n'


def test_a_column_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="--columns colour: there is no such column; there are media_id"):
        export(tmp_path, ROWS, "out.csv", format="csv", columns=("colour",))
    assert not (tmp_path / "out.csv").exists()


def test_columns_beyond_the_contract_may_be_chosen(tmp_path):
    rows = [{**row, "sharpness": 0.25} for row in ROWS]
    write_scores(tmp_path / "scores", rows, measures=("sharpness",))
    path, _ = export(tmp_path, rows, "out.csv", format="csv", columns=("sharpness",))
    assert path.read_text() == '"sharpness"\n0.25\n0.25\n0.25\n'


def test_what_csv_cannot_hold_is_refused(tmp_path):
    schema = pa.schema([pa.field("vector", pa.list_(pa.float32()))])
    with (tmp_path / "t").open("wb") as file, pytest.raises(ScoresError, match="column vector is list<"):
        TableFile(file, "csv", schema)


# Names that a spreadsheet would run


def test_no_list_of_texts_begins_like_a_formula(tmp_path):
    rows = [frame("a.jpg", 0.7, species=["=HYPERLINK(1)", "gnu"]), frame("b.jpg", 0.7, species=["gnu", "=1"])]
    path, exported = export(tmp_path, rows, "out.csv", format="csv", columns=("media_id", "species"))
    assert cells_of(path)[1:] == [["a.jpg", "'=HYPERLINK(1)|gnu"], ["b.jpg", "gnu|=1"]]
    assert next(line for line in exported.lines() if "apostrophe" in line).endswith(": 1")


def test_no_cell_begins_like_a_formula_and_paths_still_name_their_file(tmp_path):
    path, done = export(tmp_path, hostile_rows(), "out.csv", format="csv")
    rows = [dict(zip(USUAL_COLUMNS, cells, strict=True)) for cells in cells_of(path)[1:]]
    assert all(not cell.startswith(("=", "+", "-", "@", "\t")) for row in rows for cell in row.values())
    assert [row["media_id"].removeprefix("./") for row in rows] == HOSTILE_NAMES
    assert {row["location_id"] for row in rows} == {"'=L"}
    # Five paths, and the location of each of the seventeen media.
    notes = [line for line in done.lines() if line.startswith("note")]
    assert [line.rpartition(": ")[2] for line in notes] == ["5", "17"]


def test_exact_names_are_left_alone_and_told(tmp_path):
    path, done = export(tmp_path, hostile_rows(), "out.csv", format="csv", exact_names=True)
    assert [cells[0] for cells in cells_of(path)[1:]] == HOSTILE_NAMES
    assert any("open the result in no spreadsheet: 22" in line for line in done.lines())


def test_guarded_paths_are_understood_by_index(tmp_path):
    labels = {"=a.jpg": "nonblank", "+b.jpg": "blank"}
    rows = [{**frame(name, 0.5), "label": label} for name, label in labels.items()]
    path, _ = export(tmp_path, rows, "labels.csv", format="csv", columns=("media_id", "label"))
    (tmp_path / "archive").mkdir()
    for row in rows:
        (tmp_path / "archive" / row["media_id"]).touch()
    build_manifest(
        [str(tmp_path / "archive")],
        str(tmp_path / "manifest"),
        annotations=[str(path)],
        inventory=None,
        config=IndexConfig(),
        storage=STORAGE,
    )
    tables = open_manifest(STORAGE, str(tmp_path / "manifest")).iter_tables(STORAGE)
    found = {row["media_id"]: row["label"] for row in pa.concat_tables(tables).to_pylist()}
    assert found == labels


# Timelapse


def test_golden_timelapse(tmp_path):
    rows = [
        frame("S1/R 1/a.jpg", 0.7, timestamp=at(0)),
        frame("S1/R 1/b.jpg", 0.1),
        frame("c.jpg", None),
        frame("S1/d.jpg", 0.3),
    ]
    path, _ = export(tmp_path, rows, "out.csv", format="timelapse", review_below=0.5)
    assert path.read_text() == (
        '"File","RelativePath","Decision","Confidence"\n'
        # Windows' slashes, as Timelapse keeps its folders.
        '"a.jpg","S1\\R 1","keep",0.7\n'
        '"b.jpg","S1\\R 1","set_aside",0.1\n'
        '"c.jpg","","unreadable",\n'
        '"d.jpg","S1","review",0.3\n'
    )


def test_timelapse_names_are_put_together_again(tmp_path):
    path, _ = export(tmp_path, hostile_rows(), "out.csv", format="timelapse", exact_names=True)
    # A backslash in a name of Linux looks like a folder to Windows, whoever writes it.
    names = [name for name in HOSTILE_NAMES if "\\" not in name and not name.startswith("/")]
    found = ["/".join(filter(None, [*cells[1].split("\\"), cells[0]])) for cells in cells_of(path)[1:]]
    assert [name for name in found if name in names] == names
