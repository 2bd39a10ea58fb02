"""MegaDetector results, old fields and new, as labels and as an opinion."""

import json
from pathlib import Path
from typing import Any

import pytest

from blanktrap.core.errors import AnnotationError, UsageError
from blanktrap.files.annotations.megadetector import DetectedMedia, iter_detections
from tests.files.conftest import Index

CATEGORIES = {"0": "empty", "1": "animal", "2": "person", "3": "group", "4": "vehicle"}


def seen(category: str, confidence: float) -> dict[str, Any]:
    return {"category": category, "conf": confidence, "bbox": [0, 0, 1, 1]}


def write(path: Path, images: list[Any], categories: dict[str, str] | None = CATEGORIES) -> Path:
    document: dict[str, Any] = {"images": images, "info": {"format_version": "1.4"}}
    if categories is not None:
        document["detection_categories"] = categories  # last: a stream must not count on their place
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("image", "confidence"),
    [
        ({"detections": [seen("1", 0.3), seen("2", 0.7), seen("4", 0.1)]}, 0.7),
        ({"detections": [seen("3", 0.6)]}, 0.6),
        ({"detections": [seen("0", 0.9), seen("1", 0.2)], "max_detection_conf": 0.9}, 0.2),
        ({"detections": [seen("0", 0.9)]}, 0.0),
        ({"detections": []}, 0.0),
        # An old program listed only what its own cutoff let through.
        ({"detections": [], "max_detection_conf": 0.07}, 0.07),
        ({"max_detection_conf": 0.4}, 0.4),
        ({"detections": [{**seen("1", 0.5), "frame": 0}, {**seen("1", 0.8), "frame": 30}]}, 0.8),
        ({"detections": None, "failure": "Failure image access"}, None),
        ({"failure": "Failure image access"}, None),
        ({"failures": "Failure inference", "detections": []}, None),
        ({"detections": None}, None),
        ({}, None),
    ],
)
def test_the_highest_confidence_of_an_animal_person_or_vehicle_counts(
    tmp_path: Path, image: dict[str, Any], confidence: float | None
) -> None:
    [found] = iter_detections(write(tmp_path / "a.json", [{"file": "a.jpg", **image}]), "a.json")
    assert found.confidence == confidence
    assert (found.failure is None) == (confidence is not None)


def test_without_a_list_of_categories_zero_is_empty(tmp_path: Path) -> None:
    images = [{"file": "a.jpg", "detections": [seen("0", 0.9), seen("1", 0.3)]}]
    [found] = iter_detections(write(tmp_path / "a.json", images, None), "a.json")
    assert found == DetectedMedia(file="a.jpg", confidence=0.3, failure=None)


def test_a_bare_list_with_names_for_categories_is_read(tmp_path: Path, index_archive: Index) -> None:
    images = [
        {"file": "a.jpg", "detections": [{"category": "animal", "confidence": 0.9, "bbox": [1, 2, 3, 4]}]},
        {"file": "b.jpg", "detections": []},
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(images))
    rows, _ = index_archive(["a.jpg", "b.jpg"], path, megadetector_cutoff=0.2)
    assert {name: row["label"] for name, row in rows.items()} == {"a.jpg": "nonblank", "b.jpg": "blank"}


def test_at_the_cutoff_a_media_is_nonblank_and_below_it_blank(tmp_path: Path, index_archive: Index) -> None:
    images = [
        {"file": "at.jpg", "detections": [seen("2", 0.2)]},
        {"file": "below.jpg", "detections": [seen("1", 0.19)]},
        {"file": "failed.jpg", "failure": "Failure image access"},
    ]
    names = ["at.jpg", "below.jpg", "failed.jpg"]
    rows, summary = index_archive(names, write(tmp_path / "a.json", images), megadetector_cutoff=0.2)
    found = {name: (row["label"], row["label_level"]) for name, row in rows.items()}
    assert found == {
        "at.jpg": ("nonblank", "media"),
        "below.jpg": ("blank", "media"),
        "failed.jpg": (None, None),
    }
    assert summary.annotations[0].problems == {"could not be processed, label left open": 1}


def test_results_are_no_labels_without_a_cutoff(tmp_path: Path, index_archive: Index) -> None:
    path = write(tmp_path / "a.json", [{"file": "a.jpg", "detections": []}])
    with pytest.raises(UsageError, match=r"a\.json .*--megadetector-cutoff"):
        index_archive(["a.jpg"], path)
    assert not (tmp_path / "manifest").exists()


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ({"detections": []}, r"images\[1\] has no file"),
        ({"file": "b.jpg", "detections": [{"category": "1"}]}, r"images\[1\] has the confidence 'None'"),
        ({"file": "b.jpg", "detections": [seen("1", 97.0)]}, r"images\[1\] has the confidence '97.0'"),
        ({"file": "b.jpg", "detections": ["x"]}, r"images\[1\] has a detection that is no object"),
    ],
)
def test_a_bad_entry_is_refused_or_counted(
    tmp_path: Path, index_archive: Index, image: dict[str, Any], words: str
) -> None:
    path = write(tmp_path / "a.json", [{"file": "a.jpg", "detections": []}, image])
    with pytest.raises(AnnotationError, match=words):
        list(iter_detections(path, str(path)))
    with pytest.raises(AnnotationError, match=words):
        index_archive(["a.jpg"], path, megadetector_cutoff=0.2)
    _, summary = index_archive(["a.jpg"], path, megadetector_cutoff=0.2, skip_bad_rows=True)
    assert (summary.by_label, summary.annotations[0].bad_rows) == ({"blank": 1}, {"row left out": 1})


@pytest.mark.real
def test_real_results_give_every_media(index_archive: Index, real_data: Path) -> None:
    folder = real_data / "annotations" / "megadetector"
    deer = list(iter_detections(folder / "deer_cxl_output.json", "deer"))
    # Counted apart from the reader: 1,779 of 1,781 have a detection of at least 0.5, 1,777 of at least 0.8.
    assert len(deer) == 1781
    assert [sum((one.confidence or 0.0) >= cutoff for one in deer) for cutoff in (0.5, 0.8)] == [1779, 1777]
    [animl] = iter_detections(folder / "animl_py_md_gt.json", "animl")
    assert animl.confidence == pytest.approx(0.7401999831199646)
    zamba = list(iter_detections(folder / "zamba_megadetector_output.json", "zamba"))
    assert [one.confidence for one in zamba] == [0.915, 0.9871, 0.0, None, None]

    names = [f"deer_cxl/{Path(one.file).name}" for one in deer]
    _, summary = index_archive(names, folder, megadetector_cutoff=0.8)
    assert summary.by_label == {"blank": 4, "nonblank": 1777}
    by_name = {Path(one.where).name: one.matches for one in summary.annotations}
    assert by_name["deer_cxl_output.json"].num_by_step == {"same path": 1781}
    assert by_name["zamba_megadetector_output.json"].num_rows_without_file == 5
