"""Wildlife Insights' batch upload: the columns of its templates, read back by our own reader."""

import csv

import pyarrow as pa
import pytest

from blanktrap.core.config import IndexConfig
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from tests.files.exports.exported import HOSTILE_NAMES, at, export, frame, hostile_rows
from tests.files.written_scores import STORAGE

ROWS = [
    frame("S1/a.jpg", 0.9, deployment_id="S1/R1", timestamp=at(0)),
    frame("S1/b.jpg", 0.1, deployment_id="S1/R1", timestamp=at(9)),
    frame("S2/c.jpg", 0.3),
    frame("S2/d.jpg", None, timestamp=at(3)),
]
BLANK = "f1856211-cfb7-4a5b-9158-c0f72fd09ee6"
ANIMAL = "1f689929-883d-4dae-958c-3d57ab5b6c16"
NO_CV_RESULT = "f2efdae9-efb8-48fb-8a91-eccf79ab4ffb"


def upload(tmp_path, rows=ROWS, **settings):
    return export(tmp_path, rows, "upload", format="wildlife-insights", project_id="2001", **settings)


def rows_of(folder, table):
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def some(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


def test_golden_case(tmp_path):
    folder, done = upload(
        tmp_path, review_below=0.5, coordinates="deployment_id,latitude,longitude\nS1/R1,-1.5,30.25\n"
    )
    said = ("image_id", "deployment_id", "is_blank", "wi_taxon_id", "common_name", "timestamp")
    assert some(rows_of(folder, "images"), *said) == [
        ("S1/a.jpg", "S1/R1", "0", ANIMAL, "Animal", "2024-07-01 06:00:00"),
        ("S1/b.jpg", "S1/R1", "1", BLANK, "Blank", "2024-07-01 06:00:09"),
        # To review, and not scored: nobody says blank.
        ("S2/c.jpg", "S2", "0", NO_CV_RESULT, "No CV Result", ""),
        ("S2/d.jpg", "S2", "0", NO_CV_RESULT, "No CV Result", "2024-07-01 06:00:03"),
    ]
    where = ("project_id", "deployment_id", "placename", "latitude", "longitude", "start_date", "end_date")
    assert some(rows_of(folder, "deployments"), *where) == [
        ("2001", "S1/R1", "S1", "-1.5", "30.25", "2024-07-01 06:00:00", "2024-07-01 06:00:09"),
        ("2001", "S2", "S2", "", "", "2024-07-01 06:00:03", "2024-07-01 06:00:03"),
    ]
    assert some(rows_of(folder, "cameras"), "project_id", "camera_id") == [("2001", "S1/R1"), ("2001", "S2")]
    assert some(rows_of(folder, "projects"), "project_id") == [("2001",)]
    assert any("media without a time, which Wildlife Insights wants: 1" in line for line in done.lines())
    assert any(line.endswith("(give --coordinates): 1 of 2") for line in done.lines())


@pytest.mark.real
@pytest.mark.parametrize("table", ["images", "deployments", "cameras", "projects"])
def test_columns_are_those_of_wildlife_insights_itself(tmp_path, real_data, table):
    folder, _ = upload(tmp_path)
    with (real_data / "annotations" / "wi_export" / f"{table}.csv").open(encoding="utf-8") as file:
        known = set(next(csv.reader(file)))
    # The templates have one column that the downloads have no more.
    assert set(rows_of(folder, table)[0]) - known <= set()


def test_images_are_where_they_were_put(tmp_path):
    folder, _ = upload(tmp_path, hostile_rows(), base_url="gs://bucket/archive/")
    found = [row["location"] for row in rows_of(folder, "images")]
    assert found == [f"gs://bucket/archive/{name}" for name in HOSTILE_NAMES]


def test_no_cell_begins_like_a_formula(tmp_path):
    folder, _ = upload(tmp_path, hostile_rows())
    for table in ("images", "deployments", "cameras"):
        for row in rows_of(folder, table):
            assert all(not cell.startswith(("=", "+", "-", "@", "\t")) for cell in row.values())


def test_reading_it_back_gives_the_same_labels(tmp_path):
    folder, _ = upload(tmp_path, review_below=0.5)
    for row in ROWS:
        (tmp_path / "archive" / row["media_id"]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "archive" / row["media_id"]).touch()
    build_manifest(
        [str(tmp_path / "archive")],
        str(tmp_path / "manifest"),
        annotations=[str(folder)],
        inventory=None,
        config=IndexConfig(),
        storage=STORAGE,
    )
    tables = open_manifest(STORAGE, str(tmp_path / "manifest")).iter_tables(STORAGE)
    found = {row["media_id"]: row["label"] for row in pa.concat_tables(tables).to_pylist()}
    assert found == {"S1/a.jpg": "nonblank", "S1/b.jpg": "blank", "S2/c.jpg": None, "S2/d.jpg": None}
