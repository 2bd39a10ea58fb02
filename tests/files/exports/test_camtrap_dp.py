"""Camtrap DP packages: valid by Frictionless, read back with the same labels."""

import csv
import gzip
import json
import re
from pathlib import Path

import frictionless
import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import IndexConfig
from blanktrap.core.errors import ScoresError
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from tests.files.exports.exported import HOSTILE_NAMES, at, export, frame, hostile_rows
from tests.files.written_scores import STORAGE

# Written from https://camtrap-dp.tdwg.org, with what a table or a descriptor must have.
PROFILE = Path(__file__).parent / "camtrap_dp_1_0_2"
COORDINATES = "location_id,latitude,longitude\nS1,-1.25,30.5\nS2,2.5,31\n=L,0,0\n"
ROWS = [
    frame("S1/a.jpg", 0.9, sequence_id="s1", timestamp=at(0)),
    frame("S1/b.jpg", 0.1, sequence_id="s1", timestamp=at(1)),
    frame("S1/c.jpg", 0.137, sequence_id="s2", timestamp=at(30)),
    frame("S2/d.jpg", 0.3, timestamp=at(2)),
    frame("S2/e.jpg", None, timestamp=at(3)),
]


def package(tmp_path, rows=ROWS, **settings):
    settings = {"format": "camtrap-dp", "timezone": "+02:00", "coordinates": COORDINATES, **settings}
    return export(tmp_path, rows, "package", **settings)


def problems_of(folder: Path) -> list[str]:
    """What the profile, by jsonschema, and the tables' schemas, by Frictionless, find wrong."""
    descriptor = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    profile = json.loads((PROFILE / "camtrap-dp-profile.json").read_text(encoding="utf-8"))
    found = [
        error.message
        for error in jsonschema.Draft7Validator(
            profile, format_checker=jsonschema.FormatChecker()
        ).iter_errors(descriptor)
    ]
    resources = []
    for one in descriptor["resources"]:
        if "schema" in one:
            name = one["schema"].rpartition("/")[2]
            schema = json.loads((PROFILE / name).read_text(encoding="utf-8"))
            resources.append({**one, "schema": schema})
    checked = frictionless.Package.from_descriptor(
        {"name": "checked", "resources": resources}, basepath=str(folder)
    )
    report = checked.validate(limit_errors=50)
    return found + [str(row[-1]) for row in report.flatten(["rowNumber", "fieldName", "type", "message"])]


def rows_of(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def some(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


# The check itself


@pytest.mark.real
def test_the_example_of_the_standard_is_valid(real_data):
    assert problems_of(real_data / "annotations" / "camtrap_dp" / "tdwg_example") == []


@pytest.mark.parametrize(
    ("table", "before", "after"),
    [
        ("observations", '"blank"', '"empty"'),
        ("observations", "0.9", "1.9"),
        ("observations", '"2024-07-01T06:00:00+02:00"', '"2024-07-01 06:00:00"'),
        ("media", '"S1/a.jpg","S1"', '"S1/a.jpg","S9"'),
        ("media", '"S1/c.jpg",false', '"../c.jpg",false'),
        ("deployments", "-1.25", ""),
        ("deployments", '"deploymentStart"', '"start"'),
    ],
)
def test_the_check_finds_what_is_wrong(tmp_path, table, before, after):
    folder, _ = package(tmp_path)
    text = (folder / f"{table}.csv").read_text()
    assert before in text
    (folder / f"{table}.csv").write_text(text.replace(before, after))
    assert problems_of(folder)


# What is written


def test_golden_case(tmp_path):
    folder, _ = package(tmp_path, review_below=0.5)
    assert problems_of(folder) == []
    said = ("observationLevel", "mediaID", "eventID", "observationType", "classificationProbability")
    assert some(rows_of(folder, "observations"), *said) == [
        # The probability is that of the class: 0.9 of an animal, 1 - 0.1 and 1 - 0.137 of a blank.
        ("media", "S1/a.jpg", "s1", "animal", "0.9"),
        ("media", "S1/b.jpg", "s1", "blank", "0.9"),
        ("media", "S1/c.jpg", "s2", "blank", "0.863"),
        # Between 0.2 and 0.5 neither class is stated.
        ("media", "S2/d.jpg", "", "unknown", ""),
        ("media", "S2/e.jpg", "", "unclassified", ""),
        # Of s1 one frame is kept; s2 has one frame, and it is blank.
        ("event", "", "s1", "animal", "0.9"),
        ("event", "", "s2", "blank", "0.863"),
    ]
    spans = some(rows_of(folder, "observations")[-2:], "eventStart", "eventEnd")
    assert spans == [
        ("2024-07-01T06:00:00+02:00", "2024-07-01T06:00:01+02:00"),
        ("2024-07-01T06:00:30+02:00", "2024-07-01T06:00:30+02:00"),
    ]
    assert some(rows_of(folder, "deployments"), "deploymentID", "locationID", "latitude", "longitude") == [
        ("S1", "S1", "-1.25", "30.5"),
        ("S2", "S2", "2.5", "31"),
    ]
    assert some(rows_of(folder, "deployments"), "deploymentStart", "deploymentEnd")[0] == (
        "2024-07-01T06:00:00+02:00",
        "2024-07-01T06:00:30+02:00",
    )


def test_who_classified_is_said_where_somebody_did(tmp_path):
    folder, _ = package(tmp_path)
    rows = rows_of(folder, "observations")
    assert {row["classificationMethod"] for row in rows if row["observationType"] != "unclassified"} == {
        "machine"
    }
    assert re.fullmatch(r"blanktrap \d+\.\d+\.\d+, m", rows[0]["classifiedBy"])
    [unreadable] = [row for row in rows if row["observationType"] == "unclassified"]
    assert unreadable["classificationMethod"] == unreadable["classifiedBy"] == ""


def test_descriptor_covers_what_is_there(tmp_path):
    folder, _ = package(tmp_path)
    descriptor = json.loads((folder / "datapackage.json").read_text())
    assert descriptor["profile"].endswith("/camtrap-dp/1.0.2/camtrap-dp-profile.json")
    assert descriptor["temporal"] == {"start": "2024-07-01", "end": "2024-07-01"}
    # South -1.25, west 30.5, north 2.5, east 31.
    corners = descriptor["spatial"]["coordinates"][0]
    assert {tuple(corner) for corner in corners} == {(30.5, -1.25), (31, -1.25), (31, 2.5), (30.5, 2.5)}


@pytest.mark.parametrize(("level", "count"), [("media", 5), ("event", 2), ("both", 7)])
def test_levels(tmp_path, level, count):
    folder, _ = package(tmp_path, levels=level)
    assert problems_of(folder) == []
    assert len(rows_of(folder, "observations")) == count
    descriptor = json.loads((folder / "datapackage.json").read_text())
    levels = ["media", "event"] if level == "both" else [level]
    assert descriptor["project"]["observationLevel"] == levels


def test_an_event_with_a_frame_that_nobody_saw_is_not_blank(tmp_path):
    rows = [
        frame("S1/a.jpg", 0.1, sequence_id="s", timestamp=at(0)),
        frame("S1/b.jpg", None, sequence_id="s", timestamp=at(1)),
        frame("S1/c.jpg", None, sequence_id="t", timestamp=at(2)),
    ]
    folder, _ = package(tmp_path, rows, levels="event")
    said = some(rows_of(folder, "observations"), "eventID", "observationType", "observationComments")
    assert said == [("s", "unknown", "a frame could not be read"), ("t", "unclassified", "")]


def test_events_of_interleaved_cameras_are_whole(tmp_path):
    rows = [
        frame(f"S1/{number}.jpg", p, sequence_id=sequence, timestamp=at(number))
        for number, (sequence, p) in enumerate([("x", 0.1), ("y", 0.1), ("x", 0.9), ("y", 0.05)])
    ]
    folder, _ = package(tmp_path, rows, levels="event")
    said = some(rows_of(folder, "observations"), "eventID", "observationType", "classificationProbability")
    # x: its best frame has 0.9; y: 1 - 0.1.
    assert said == [("x", "animal", "0.9"), ("y", "blank", "0.9")]


def test_a_frame_kept_for_its_sequence_says_so(tmp_path):
    folder, _ = package(tmp_path, keep_sequences=True, levels="media")
    second = rows_of(folder, "observations")[1]
    assert (second["observationType"], second["classificationProbability"]) == ("animal", "0.9")
    assert second["observationComments"] == "decided by another frame of its sequence"


# What the archive does not say


def test_media_without_a_time_are_left_out_and_told(tmp_path):
    rows = [*ROWS[:2], frame("S2/z.jpg", 0.9)]
    folder, done = package(tmp_path, rows)
    assert problems_of(folder) == []
    assert some(rows_of(folder, "media"), "mediaID") == [("S1/a.jpg",), ("S1/b.jpg",)]
    assert any(line.endswith("because Camtrap DP has no place for them: 1") for line in done.lines())


def test_no_time_at_all_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ScoresError, match=r"no media in .* has a time"):
        package(tmp_path, [frame("S1/a.jpg", 0.9)])
    assert [path.name for path in tmp_path.rglob("*") if path.parent.name == "package"] == []


def test_media_without_a_place_have_a_deployment_of_their_own(tmp_path):
    rows = [
        frame("a.jpg", 0.9, location_id=None, timestamp=at(0)),
        frame("S1/a.jpg", 0.9, deployment_id="R1", location_id="S1", timestamp=at(0)),
        frame("S2/a.jpg", 0.9, deployment_id="R1", location_id="S2", timestamp=at(0)),
    ]
    folder, _ = package(tmp_path, rows)
    # One name at two locations is qualified by the location.
    assert some(rows_of(folder, "media"), "deploymentID") == [("unknown",), ("S1/R1",), ("S2/R1",)]


def test_missing_coordinates_are_told_because_the_package_is_not_valid(tmp_path):
    folder, done = package(tmp_path, coordinates="location_id,latitude,longitude\nS1,1,2\n")
    assert [problem for problem in problems_of(folder) if "required" in problem or "constraint" in problem]
    assert any(line.endswith("(give --coordinates): 1 of 2") for line in done.lines())


# Time zones


def test_summer_time_of_the_place_is_reckoned_with(tmp_path):
    rows = [
        frame("S1/a.jpg", 0.9, timestamp=at(0)),
        frame("S1/b.jpg", 0.9, timestamp=at(0).replace(month=12)),
    ]
    folder, _ = package(tmp_path, rows, timezone="Europe/Berlin")
    assert problems_of(folder) == []
    assert some(rows_of(folder, "media"), "timestamp") == [
        ("2024-07-01T06:00:00+02:00",),
        ("2024-12-01T06:00:00+01:00",),
    ]


def test_an_hour_that_was_shown_twice_is_told(tmp_path):
    # 2024-10-27 02:30 in Berlin was summer time first, and again an hour later.
    rows = [frame("S1/a.jpg", 0.9, timestamp=at(0).replace(month=10, day=27, hour=2, minute=30))]
    folder, done = package(tmp_path, rows, timezone="Europe/Berlin")
    assert some(rows_of(folder, "media"), "timestamp") == [("2024-10-27T02:30:00+02:00",)]
    assert any("shown twice or skipped" in line and line.endswith(": 1") for line in done.lines())


# Files


def test_packed_tables_are_valid_and_the_same_bytes_again(tmp_path):
    folder, _ = package(tmp_path, tables="gzip")
    assert problems_of(folder) == []
    first = (folder / "media.csv.gz").read_bytes()
    assert gzip.decompress(first).startswith(b'"mediaID"')
    for path in folder.iterdir():
        path.unlink()
    package(tmp_path, tables="gzip")
    assert (folder / "media.csv.gz").read_bytes() == first


def test_parquet_tables_hold_the_same(tmp_path):
    folder, _ = package(tmp_path, tables="parquet")
    table = pq.read_table(folder / "observations.parquet")
    assert table.column("observationType").to_pylist()[:2] == ["animal", "blank"]
    assert table.column("classificationProbability").type == pa.float32()
    descriptor = json.loads((folder / "datapackage.json").read_text())
    assert {one["path"] for one in descriptor["resources"]} == {
        f"{name}.parquet" for name in ("deployments", "media", "observations")
    }


def test_hostile_names_are_valid_and_exact_somewhere(tmp_path):
    folder, done = package(tmp_path, hostile_rows())
    assert problems_of(folder) == []
    rows = rows_of(folder, "media")
    # An apostrophe before what a spreadsheet would run, in every table alike.
    assert [row["mediaID"].removeprefix("'") for row in rows] == HOSTILE_NAMES
    assert {row["deploymentID"] for row in rows} == {"'=L"}
    assert all(not row[name].startswith(("=", "+", "-", "@", "\t")) for row in rows for name in row)
    assert any("that filePath cannot hold" in line for line in done.lines())


def test_published_media_have_an_address(tmp_path):
    folder, _ = package(tmp_path, hostile_rows(), base_url="https://example.org/a/")
    assert problems_of(folder) == []
    rows = rows_of(folder, "media")
    assert {row["filePublic"] for row in rows} == {"true"}
    assert rows[0]["filePath"] == "https://example.org/a/S1/with%20space.jpg"
    assert rows[3]["filePath"] == "https://example.org/a/%2E%2E/outside.jpg"


# Reading it back


def read_back(tmp_path, folder, names):
    for name in names:
        (tmp_path / "archive" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "archive" / name).touch()
    build_manifest(
        [str(tmp_path / "archive")],
        str(tmp_path / "manifest"),
        annotations=[str(folder)],
        inventory=None,
        config=IndexConfig(),
        storage=STORAGE,
    )
    tables = open_manifest(STORAGE, str(tmp_path / "manifest")).iter_tables(STORAGE)
    return {row["media_id"]: row for row in pa.concat_tables(tables).to_pylist()}


@pytest.mark.parametrize("tables", ["csv", "gzip"])
def test_reading_it_back_gives_the_same_labels(tmp_path, tables):
    folder, _ = package(tmp_path, tables=tables, review_below=0.5)
    found = read_back(tmp_path, folder, [row["media_id"] for row in ROWS])
    assert {name: (row["label"], row["label_level"]) for name, row in found.items()} == {
        "S1/a.jpg": ("nonblank", "media"),
        "S1/b.jpg": ("blank", "media"),
        "S1/c.jpg": ("blank", "media"),
        "S2/d.jpg": (None, None),
        "S2/e.jpg": (None, None),
    }
    for row in ROWS:
        back = found[row["media_id"]]
        assert back["location_id"] == row["location_id"]
        # Without one, indexing makes sequences of its own.
        assert (row.get("sequence_id") or "gap:") in back["sequence_id"]
        assert back["timestamp"] == row["timestamp"]


def test_hostile_names_are_read_back_with_their_labels(tmp_path):
    names = [name for name in HOSTILE_NAMES if not name.startswith(("../", "/"))]
    names = [name for name in names if len(name) < 250]
    rows = [row for row in hostile_rows() if row["media_id"] in names]
    folder, _ = package(tmp_path, rows, levels="media")
    found = read_back(tmp_path, folder, names)
    expected = {row["media_id"]: "nonblank" if row["p_nonblank"] > 0.2 else "blank" for row in rows}
    labels = {name: row["label"] for name, row in found.items()}
    assert {name: label for name, label in labels.items() if label is not None} == expected
