"""Boxes come in shares of the image, to the media that is meant, or not at all."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from blanktrap.core.errors import AnnotationError
from blanktrap.files.annotations.boxes import FoundBoxes, read_boxes
from blanktrap.files.storage import Storage

CATEGORIES = [{"id": 0, "name": "empty"}, {"id": 1, "name": "fox"}, {"id": 2, "name": "Person"}]


def coco(path: Path, annotations: list[dict[str, Any]], **image: Any) -> str:
    first = {"id": "i1", "file_name": "S1/a.jpg", "width": 200, "height": 100, **image}
    images = [first, {"id": "i2", "file_name": "S1/b.jpg", "width": 200, "height": 100}]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": CATEGORIES}))
    return str(path)


def box(bbox: Any, category: Any = 1, image: str = "i1") -> dict[str, Any]:
    return {"id": "x", "image_id": image, "category_id": category, "bbox": bbox}


def detector(path: Path, detections: Any, categories: Any = None, file: str = "S1/a.jpg") -> str:
    record = {
        "images": [{"file": file, "detections": detections}, {"file": "S1/b.jpg", "detections": []}],
        "detection_categories": categories or {"1": "animal", "2": "person", "3": "vehicle"},
        "info": {},
    }
    path.write_text(json.dumps(record))
    return str(path)


def read(location: str, *media: str, wanted: list[str] | None = None, **more: Any) -> FoundBoxes:
    names = list(media or ("S1/a.jpg", "S1/b.jpg"))
    table = pa.table({"media_id": names, "uri": [f"/data/{name}" for name in names]})
    options = {"min_confidence": 0.2, "with_people": False, **more}
    return read_boxes(Storage(), location, [table], names if wanted is None else wanted, **options)


def test_pixels_become_shares(tmp_path: Path) -> None:
    # Of 200 by 100: left 20 is 0.1, top 30 is 0.3, 60 wide ends at 80 (0.4), 50 high ends at 80 (0.8).
    found = read(coco(tmp_path / "c.json", [box([20, 30, 60, 50])]))
    assert list(found.by_media) == ["S1/a.jpg"]
    assert found.by_media["S1/a.jpg"].areas == (pytest.approx((0.1, 0.3, 0.4, 0.8)),)
    assert found.by_media["S1/a.jpg"].shape == (200, 100)
    assert (found.num_named, found.num_matched, found.num_ambiguous, found.num_empty) == (2, 2, 0, 0)


def test_boxes_are_cut_to_the_image_and_those_outside_are_none(tmp_path: Path) -> None:
    annotations = [box([-10, -10, 30, 30]), box([180, 90, 60, 50]), box([210, 0, 5, 5]), box([5, 5, 0, 9])]
    found = read(coco(tmp_path / "c.json", annotations))
    assert found.by_media["S1/a.jpg"].areas == (
        pytest.approx((0.0, 0.0, 0.1, 0.2)),
        pytest.approx((0.9, 0.9, 1.0, 1.0)),
    )
    assert found.num_empty == 2


def test_people_count_where_they_are_asked_for_and_empty_never(tmp_path: Path) -> None:
    location = coco(tmp_path / "c.json", [box([0, 0, 20, 10], 2), box([0, 0, 20, 10], 0)])
    assert read(location).by_media == {}
    assert list(read(location, with_people=True).by_media) == ["S1/a.jpg"]


def test_detections_count_from_the_confidence_on_and_animals_alone(tmp_path: Path) -> None:
    detections = [
        {"category": "1", "conf": 0.2, "bbox": [0.1, 0.2, 0.3, 0.4]},
        {"category": "1", "conf": 0.19, "bbox": [0.5, 0.5, 0.1, 0.1]},
        {"category": "2", "conf": 0.9, "bbox": [0.0, 0.0, 0.5, 0.5]},
    ]
    location = detector(tmp_path / "md.json", detections)
    assert read(location).by_media["S1/a.jpg"].areas == (pytest.approx((0.1, 0.2, 0.4, 0.6)),)
    assert len(read(location, with_people=True).by_media["S1/a.jpg"].areas) == 2
    assert len(read(location, min_confidence=0.0).by_media["S1/a.jpg"].areas) == 2
    assert read(location).by_media["S1/a.jpg"].shape is None


def test_results_without_any_list_of_categories_are_megadetectors(tmp_path: Path) -> None:
    record = [
        {"file": "S1/a.jpg", "detections": [{"category": "1", "confidence": 0.9, "bbox": [0, 0, 1, 1]}]}
    ]
    (tmp_path / "md.json").write_text(json.dumps(record))
    assert list(read(str(tmp_path / "md.json")).by_media) == ["S1/a.jpg"]


def test_a_name_that_could_mean_two_media_gives_its_boxes_to_none(tmp_path: Path) -> None:
    location = detector(
        tmp_path / "md.json", [{"category": "1", "conf": 0.9, "bbox": [0, 0, 1, 1]}], file="a.jpg"
    )
    both = ("S1/a.jpg", "S2/a.jpg")
    assert read(location, *both).num_ambiguous == 1
    # Also where the other one is not looked at: it is there.
    assert read(location, *both, wanted=["S1/a.jpg"]).by_media == {}
    assert list(read(location, "S1/a.jpg").by_media) == ["S1/a.jpg"]


def test_only_what_is_wanted_comes_back(tmp_path: Path) -> None:
    location = coco(tmp_path / "c.json", [box([0, 0, 9, 9]), box([0, 0, 9, 9], image="i2")])
    assert list(read(location, wanted=["S1/b.jpg"]).by_media) == ["S1/b.jpg"]


@pytest.mark.parametrize(
    ("bbox", "said"),
    [
        ([1, 2, 3], "four numbers"),
        ("1,2,3,4", "four numbers"),
        ([1, 2, 3, "4"], "four numbers"),
        ([True, 2, 3, 4], "four numbers"),
        ([1, 2, 3, float("nan")], "c.json"),
    ],
)
def test_a_bad_box_is_named_in_one_line(tmp_path: Path, bbox: Any, said: str) -> None:
    with pytest.raises(AnnotationError, match=said) as refused:
        read(coco(tmp_path / "c.json", [box([0, 0, 9, 9]), box(bbox)]))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("detection", "said"),
    [
        ({"category": "1", "conf": 1.5, "bbox": [0, 0, 1, 1]}, "confidence '1.5'"),
        ({"category": "1", "bbox": [0, 0, 1, 1]}, "confidence"),
        ({"category": "1", "conf": 0.9}, "four numbers"),
        ({"category": "1", "conf": 0.9, "bbox": [10, 20, 300, 400]}, "shares of the image"),
        ("animal", "no object"),
    ],
)
def test_a_bad_detection_is_named_in_one_line(tmp_path: Path, detection: Any, said: str) -> None:
    with pytest.raises(AnnotationError, match=said) as refused:
        read(detector(tmp_path / "md.json", [detection]))
    assert "images[0]" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_files_that_say_nothing_of_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="no width and height"):
        read(coco(tmp_path / "c.json", [box([0, 0, 9, 9])], width=None))
    with pytest.raises(AnnotationError, match="has no bbox in any annotation"):
        read(coco(tmp_path / "c.json", [{"id": "x", "image_id": "i1", "category_id": 1}]))
    with pytest.raises(AnnotationError, match="several images have the id 'i2'"):
        read(coco(tmp_path / "c.json", [box([0, 0, 9, 9])], id="i2"))
    (tmp_path / "labels.csv").write_text("path,label\na.jpg,blank\n")
    with pytest.raises(AnnotationError, match="has no boxes"):
        read(str(tmp_path / "labels.csv"))


@pytest.mark.real
def test_real_files_have_boxes(real_data: Path) -> None:
    location = real_data / "annotations/cct20/cis_val_annotations.json"
    record = json.loads(location.read_text())
    names = [image["file_name"] for image in record["images"]]
    animals = {one["id"] for one in record["categories"] if one["name"] not in ("empty", "car")}
    boxed = {
        one["image_id"] for one in record["annotations"] if "bbox" in one and one["category_id"] in animals
    }
    found = read(str(location), *names)
    assert {name.removesuffix(".jpg") for name in found.by_media} == boxed
    results = real_data / "annotations/megadetector/deer_cxl_output.json"
    files = [one["file"] for one in json.loads(results.read_text())["images"]]
    media = [name.removeprefix("../") for name in files]
    assert len(read(str(results), *media).by_media) > 0.5 * len(media)
