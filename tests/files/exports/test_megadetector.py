"""MegaDetector results JSON: what Timelapse and MegaDetector's own validator read."""

import json

import numpy as np
import pytest

from blanktrap.core.errors import ScoresError
from blanktrap.files.annotations.megadetector import iter_detections
from tests.files.exports.exported import HOSTILE_NAMES, export, frame, hostile_rows

BOX = [0.0, 0.0, 1.0, 1.0]


def validated(path):
    """The results, after MegaDetector's own validator has nothing to say against them."""
    # It brings OpenCV, which a machine without a screen's libraries cannot load.
    validator = pytest.importorskip(
        "megadetector.postprocessing.validate_batch_results", exc_type=ImportError
    )
    results = json.loads(path.read_text(encoding="ascii"))
    options = validator.ValidateBatchResultsOptions()
    options.raise_errors = True
    said = validator.validate_batch_results(str(path), options)["validation_results"]
    assert (said["errors"], said["warnings"]) == ([], [])
    return results


def test_golden_case(tmp_path):
    rows = [
        frame("S1/a.jpg", 0.9),
        frame("S1/b.jpg", 0.1),
        frame("S1/c.jpg", None, error="cut\noff"),
        frame("S1/d.jpg", 1.0),
    ]
    path, _ = export(tmp_path, rows, "results.json")
    results = validated(path)
    assert results["images"] == [
        # Kept: one box, the whole frame, with the score as conf.
        {"file": "S1/a.jpg", "detections": [{"category": "1", "conf": 0.9, "bbox": BOX}]},
        # 0.1 is below 0.2: blank, and no detection at all.
        {"file": "S1/b.jpg", "detections": []},
        # Not scored: a failure, in one line, and null rather than no detections.
        {"file": "S1/c.jpg", "failure": "unreadable: cut off", "detections": None},
        # A whole number would be no float to a strict reader.
        {"file": "S1/d.jpg", "detections": [{"category": "1", "conf": 1.0, "bbox": BOX}]},
    ]
    assert results["info"]["format_version"] == "1.6"
    assert results["info"]["detector"] == "m"
    assert results["detection_categories"]["1"] == "animal"
    metadata = results["info"]["detector_metadata"]
    assert metadata["typical_detection_threshold"] == metadata["conservative_detection_threshold"] == 0.2


def test_two_cutoffs_are_the_conservative_and_the_typical_one(tmp_path):
    rows = [frame("a.jpg", 0.3), frame("b.jpg", 0.5), frame("c.jpg", 0.1)]
    path, _ = export(tmp_path, rows, "results.json", review_below=0.4)
    results = validated(path)
    metadata = results["info"]["detector_metadata"]
    assert metadata["conservative_detection_threshold"] == 0.2
    assert metadata["typical_detection_threshold"] == 0.4
    # What is to review has its box: it lies between the two.
    assert [[one["conf"] for one in image["detections"]] for image in results["images"]] == [[0.3], [0.5], []]


def test_media_at_the_cutoff_are_not_below_it_in_the_file(tmp_path):
    # 1/3 is none of float32's numbers; score and cutoff are rounded alike.
    path, _ = export(tmp_path, [frame("a.jpg", 1 / 3)], "results.json", cutoff=1 / 3)
    results = validated(path)
    [box] = results["images"][0]["detections"]
    assert box["conf"] == results["info"]["detector_metadata"]["typical_detection_threshold"]


def test_kept_media_are_not_below_what_timelapse_throws_away(tmp_path):
    rows = [frame("a.jpg", 0.02), frame("b.jpg", 0.029999), frame("c.jpg", 0.03), frame("d.jpg", 0.005)]
    path, done = export(tmp_path, rows, "results.json", cutoff=0.01)
    images = validated(path)["images"]
    conf = [[np.float32(one["conf"]) for one in image["detections"]] for image in images]
    assert conf == [[np.float32(0.03)]] * 3 + [[]]
    assert any(line.endswith("whose conf is written as 0.03: 2") for line in done.lines())


def test_a_blank_above_that_is_empty_wherever_the_slider_stands(tmp_path):
    path, _ = export(tmp_path, [frame("a.jpg", 0.19)], "results.json")
    assert validated(path)["images"] == [{"file": "a.jpg", "detections": []}]


def test_frames_kept_for_their_sequence_have_its_score(tmp_path):
    rows = [frame("S1/a.jpg", 0.05, sequence_id="s"), frame("S1/b.jpg", 0.8, sequence_id="s")]
    path, _ = export(tmp_path, rows, "results.json", keep_sequences=True)
    assert [image["detections"][0]["conf"] for image in validated(path)["images"]] == [0.8, 0.8]


def test_hostile_names_arrive_exactly(tmp_path):
    path, _ = export(tmp_path, hostile_rows(), "results.json")
    assert [image["file"] for image in validated(path)["images"]] == HOSTILE_NAMES


def test_no_media_are_no_images(tmp_path):
    path, done = export(tmp_path, [], "results.json")
    assert validated(path)["images"] == []
    assert done.counts.num_media == 0


def test_our_own_reader_finds_the_same(tmp_path):
    rows = [frame("a.jpg", 0.9), frame("b.jpg", 0.1), frame("c.jpg", None)]
    path, _ = export(tmp_path, rows, "results.json")
    found = [(one.file, one.confidence) for one in iter_detections(path, "results.json")]
    assert found == [("a.jpg", 0.9), ("b.jpg", 0.0), ("c.jpg", None)]


# One file for each location


def test_names_are_relative_to_the_folder_of_the_location(tmp_path):
    rows = [
        frame("2024/S1/R1/a.jpg", 0.9, location_id="S1"),
        frame("2024/S1/R2/b.jpg", 0.1, location_id="S1"),
        frame("2024/S10/a.jpg", 0.9, location_id="S10"),
        frame("x/c.jpg", 0.9, location_id=None),
        frame("y/c.jpg", 0.9, location_id=None),
    ]
    folder, _ = export(tmp_path, rows, "by-location", by_location=True)
    assert sorted(path.name for path in folder.iterdir()) == [
        "S1.megadetector.json",
        "S10.megadetector.json",
        "no location.megadetector.json",
    ]
    # R1 and R2 share 2024/S1.
    one = validated(folder / "S1.megadetector.json")
    assert one["info"]["root_folder"] == "2024/S1"
    assert [image["file"] for image in one["images"]] == ["R1/a.jpg", "R2/b.jpg"]
    ten = validated(folder / "S10.megadetector.json")
    assert ten["info"]["root_folder"] == "2024/S10"
    assert [image["file"] for image in ten["images"]] == ["a.jpg"]
    # x and y share nothing: the archive itself is the root.
    none = validated(folder / "no location.megadetector.json")
    assert none["info"]["root_folder"] == ""
    assert [image["file"] for image in none["images"]] == ["x/c.jpg", "y/c.jpg"]


def test_names_of_locations_stay_in_the_folder_and_apart(tmp_path):
    locations = [
        "..",
        "../../etc",
        ".hidden",
        "a/b",
        "a%2Fb",
        "A",
        "a",
        "é象",
        "n" * 300,
        "n" * 301,
        "c:\\x\n",
    ]
    rows = [frame(f"{number}.jpg", 0.9, location_id=name) for number, name in enumerate(locations)]
    folder, _ = export(tmp_path, rows, "out", by_location=True)
    names = [path.name for path in folder.iterdir()]
    assert len({name.casefold() for name in names}) == len(locations)
    assert "é象.megadetector.json" in names
    assert not any(name.startswith(".") or "/" in name or "\\" in name or "\n" in name for name in names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "scores"]


def test_a_location_that_comes_twice_is_refused_and_nothing_is_left(tmp_path):
    rows = [frame(f"{number}.jpg", 0.9, location_id=name) for number, name in enumerate("aba")]
    with pytest.raises(ScoresError, match=r"is not sorted by location \(a comes twice\)"):
        export(tmp_path, rows, "out", by_location=True)
    assert list((tmp_path / "out").iterdir()) == []
