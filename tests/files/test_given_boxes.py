"""Boxes of labelled media come from all files together, and each file's line says what became of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import BoxesConfig
from blanktrap.core.errors import AnnotationError
from blanktrap.core.schemas import conform_manifest
from blanktrap.files.annotations.boxes import MediaBoxes
from blanktrap.files.given_boxes import digest_boxes, read_labelled_boxes
from blanktrap.files.manifest import Manifest, open_manifest
from blanktrap.files.storage import Storage

STORAGE = Storage()


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Two nonblank media, a blank one, and one without a label."""
    names = ["S1/a.jpg", "S1/b.jpg", "S1/blank.jpg", "S1/nobody.jpg"]
    rows = {
        "media_id": names,
        "uri": [f"/data/{name}" for name in names],
        "label": ["nonblank", "nonblank", "blank", None],
    }
    pq.write_table(conform_manifest(pa.table(rows), where="test"), tmp_path / "manifest.parquet")
    return open_manifest(STORAGE, str(tmp_path / "manifest.parquet"))


@pytest.fixture
def detector(tmp_path: Path) -> Callable[..., str]:
    """Writes detections (category, confidence) of half the image by file."""

    def write(name: str, files: dict[str, list[tuple[str, float]]]) -> str:
        images = [
            {
                "file": file,
                "detections": [
                    {"category": category, "conf": conf, "bbox": [0.0, 0.0, 0.5, 1.0]}
                    for category, conf in found
                ],
            }
            for file, found in files.items()
        ]
        categories = {"1": "animal", "2": "person", "3": "vehicle"}
        record = {"images": images, "detection_categories": categories, "info": {}}
        (tmp_path / name).write_text(json.dumps(record))
        return str(tmp_path / name)

    return write


def coco(path: Path, file: str, width: int, height: int) -> str:
    """One box over the left tenth of an image."""
    record: dict[str, Any] = {
        "images": [{"id": "i", "file_name": file, "width": width, "height": height}],
        "annotations": [
            {"id": "x", "image_id": "i", "category_id": 1, "bbox": [0, 0, width / 10, height]},
        ],
        "categories": [{"id": 1, "name": "fox"}],
    }
    path.write_text(json.dumps(record))
    return str(path)


def test_what_makes_a_media_nonblank_is_spared_and_each_line_says_what_was_not_used(
    manifest: Manifest, detector: Callable[..., str]
) -> None:
    location = detector(
        "md.json",
        {
            "S1/a.jpg": [("1", 0.9), ("1", 0.1)],
            "S1/b.jpg": [("2", 0.9)],
            "S1/blank.jpg": [("1", 0.9)],
            "S1/nobody.jpg": [("1", 0.9)],
            "S9/gone.jpg": [("1", 0.9)],
        },
    )
    boxes, notes = read_labelled_boxes(STORAGE, manifest, BoxesConfig(files=(location,)))
    left_half = MediaBoxes(areas=((0.0, 0.0, 0.5, 1.0),), shape=None)
    # The second animal of a.jpg is below the confidence; b.jpg shows a person.
    assert boxes == {"S1/a.jpg": (left_half,), "S1/b.jpg": (left_half,)}
    assert notes == [
        f"{location}: boxes for 2 of 2 nonblank media; those of 1 blank media left out; "
        "1 of the 5 files that it names not known here"
    ]
    unsure = BoxesConfig(files=(location,), min_confidence=0.05)
    assert len(read_labelled_boxes(STORAGE, manifest, unsure)[0]["S1/a.jpg"][0].areas) == 2


def test_files_are_put_together_each_with_the_shape_that_it_states(
    manifest: Manifest, detector: Callable[..., str], tmp_path: Path
) -> None:
    files = (
        coco(tmp_path / "coco.json", "S1/a.jpg", 400, 300),
        detector("md.json", {"S1/a.jpg": [("1", 0.9)]}),
        detector("others.json", {"S9/gone.jpg": [("1", 0.9)]}),
    )
    boxes, notes = read_labelled_boxes(STORAGE, manifest, BoxesConfig(files=files))
    assert boxes == {
        "S1/a.jpg": (
            MediaBoxes(areas=((0.0, 0.0, 0.1, 1.0),), shape=(400.0, 300.0)),
            MediaBoxes(areas=((0.0, 0.0, 0.5, 1.0),), shape=None),
        )
    }
    assert [note.partition(": ")[2] for note in notes] == [
        "boxes for 1 of 2 nonblank media",
        "boxes for 1 of 2 nonblank media",
        "boxes for 0 of 2 nonblank media; none of the 1 file that it names is known here",
    ]


def test_without_files_nothing_is_read(manifest: Manifest) -> None:
    assert read_labelled_boxes(STORAGE, manifest, BoxesConfig()) == ({}, [])


def test_a_file_without_boxes_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\na.jpg,blank\n")
    with pytest.raises(AnnotationError, match="has no boxes"):
        read_labelled_boxes(STORAGE, manifest, BoxesConfig(files=(str(tmp_path / "labels.csv"),)))


def test_a_digest_tells_boxes_and_whose_they_are_and_not_their_order() -> None:
    one, other = (MediaBoxes(areas=((0.0, 0.0, right, 1.0),), shape=None) for right in (0.5, 0.6))
    said = digest_boxes({"a": (one,), "b": (other,)})
    assert said == digest_boxes({"b": (other,), "a": (one,), "c": ()})
    stated = MediaBoxes(areas=one.areas, shape=(4.0, 3.0))
    others = [{"a": (one,)}, {"a": (other,), "b": (one,)}, {"a": (stated,), "b": (other,)}]
    assert len({said, *(digest_boxes(boxes) for boxes in others)}) == 4
    assert digest_boxes({}) is None
    assert digest_boxes({"a": ()}) is None
