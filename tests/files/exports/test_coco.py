"""COCO Camera Traps: by MegaDetector's checker of such files, and by our own reader."""

import json
import sys

import pyarrow as pa
import pytest

from blanktrap.core.config import IndexConfig
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from tests.files.exports.exported import HOSTILE_NAMES, at, export, frame, hostile_rows
from tests.files.written_scores import STORAGE

ROWS = [
    frame("S1/a.jpg", 0.9, sequence_id="s", frame_num=0, timestamp=at(0), width_px=640, height_px=480),
    frame("S1/b.jpg", 0.1, sequence_id="s", frame_num=1, timestamp=at(1)),
    frame("S2/c.jpg", 0.3),
    frame("S2/d.jpg", None),
]


def checked(path):
    """The file, after MegaDetector's checker has accepted it."""
    checker = pytest.importorskip(
        "megadetector.data_management.integrity_check_json_db", exc_type=ImportError
    )
    options = checker.IntegrityCheckOptions()
    options.verbose = False
    options.bCheckImageExistence = options.bCheckImageSizes = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", sys.stderr)  # it prints as it goes
        _, data, errors = checker.integrity_check_json_db(str(path), options)
    assert data is not None
    assert errors["validation_errors"] == []
    return json.loads(path.read_text())


def test_golden_case(tmp_path):
    path, _ = export(tmp_path, ROWS, "cct.json", format="coco", review_below=0.5)
    data = checked(path)
    assert data["categories"] == [
        {"id": 0, "name": "empty"},
        {"id": 1, "name": "animal"},
        {"id": 2, "name": "unknown"},
    ]
    assert data["images"] == [
        {
            "id": "S1/a.jpg",
            "file_name": "S1/a.jpg",
            "location": "S1",
            "datetime": "2024-07-01 06:00:00",
            "seq_id": "s",
            "frame_num": 0,
            "width": 640,
            "height": 480,
        },
        {
            "id": "S1/b.jpg",
            "file_name": "S1/b.jpg",
            "location": "S1",
            "datetime": "2024-07-01 06:00:01",
            "seq_id": "s",
            "frame_num": 1,
        },
        # What is not known is not there.
        {"id": "S2/c.jpg", "file_name": "S2/c.jpg", "location": "S2"},
        {"id": "S2/d.jpg", "file_name": "S2/d.jpg", "location": "S2", "corrupt": True},
    ]
    # 0.9 is kept, 0.1 blank, 0.3 between the two cutoffs; of d nothing is said.
    said = [(one["image_id"], one["category_id"], one["p_nonblank"]) for one in data["annotations"]]
    assert said == [("S1/a.jpg", 1, 0.9), ("S1/b.jpg", 0, 0.1), ("S2/c.jpg", 2, 0.3)]


def test_hostile_names_arrive_exactly(tmp_path):
    path, _ = export(tmp_path, hostile_rows(), "cct.json", format="coco")
    data = checked(path)
    assert [image["file_name"] for image in data["images"]] == HOSTILE_NAMES
    assert [one["image_id"] for one in data["annotations"]] == HOSTILE_NAMES


def test_no_media_are_no_images(tmp_path):
    path, _ = export(tmp_path, [], "cct.json", format="coco")
    data = json.loads(path.read_text())
    assert (data["images"], data["annotations"]) == ([], [])


def test_sequences_are_decided_alike_in_both_passes(tmp_path):
    path, done = export(tmp_path, ROWS, "cct.json", format="coco", keep_sequences=True)
    data = checked(path)
    assert [one["category_id"] for one in data["annotations"]] == [1, 1, 1]
    assert done.counts.num_media == 4
    assert done.counts.num_raised == 1


def test_reading_it_back_gives_the_same_labels(tmp_path):
    path, _ = export(tmp_path, ROWS, "cct.json", format="coco", review_below=0.5)
    for row in ROWS:
        (tmp_path / "archive" / row["media_id"]).parent.mkdir(parents=True, exist_ok=True)
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
    assert found == {"S1/a.jpg": "nonblank", "S1/b.jpg": "blank", "S2/c.jpg": None, "S2/d.jpg": None}
