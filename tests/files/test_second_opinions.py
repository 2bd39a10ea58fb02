"""Reports that compare with other scores, reports and MegaDetector results on disk."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.errors import AnnotationError, EvaluationError, ScoresError, UsageError
from blanktrap.core.reporting.report import Report
from blanktrap.core.reporting.report_comparisons import ComparedWith
from blanktrap.files.annotations.megadetector import iter_detections
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.reports import read_report, read_report_table
from tests.files.written_scores import STORAGE, media, write_scores

Rows = list[dict[str, Any]]

# Score here and there, label. Cutoffs 0.5 and 0.3.
#            kept here   kept there
PAIRS = [
    (0.9, 0.8, "nonblank"),
    (0.6, 0.2, "nonblank"),
    (0.4, 0.7, "nonblank"),
    (0.8, 0.9, "nonblank"),
    (0.7, 0.1, "blank"),
    (0.1, 0.4, "blank"),
    (0.2, 0.5, "blank"),
    (0.3, 0.0, "blank"),
]


def archive(which: int) -> Rows:
    """The pairs at each of four locations, and one media that failed."""
    rows = [
        media(f"S{place}/IMG_{place}{number}.JPG", pair[which], str(pair[2]))
        for place in range(4)
        for number, pair in enumerate(PAIRS)
    ]
    return [*rows, media("S0/broken.JPG", None, "nonblank")]


@pytest.fixture
def here(tmp_path: Path) -> str:
    return write_scores(tmp_path / "here", archive(0))


@pytest.fixture
def there(tmp_path: Path) -> str:
    return write_scores(tmp_path / "there", archive(1), model={"recommended_cutoff": 0.3})


def evaluate(tmp_path: Path, scores: str, *others: str, **config: Any) -> Report:
    return evaluate_scores(
        scores,
        str(tmp_path / "report"),
        config=EvaluateConfig(cutoffs=(0.5,), **config),
        storage=STORAGE,
        compare=others,
    )


def compared(tmp_path: Path, scores: str, other: str, **config: Any) -> ComparedWith:
    [found] = evaluate(tmp_path, scores, other, **config).comparisons
    return found


def write_detections(path: Path, images: list[dict[str, Any]], **info: Any) -> str:
    results = {
        "info": info,
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
        "images": images,
    }
    path.write_text(json.dumps(results))
    return str(path)


def detections(folder: str = "D:\\pictures\\") -> list[dict[str, Any]]:
    """What a detector on somebody's Windows computer says of the archive."""
    images: list[dict[str, Any]] = []
    for row in archive(1):
        image: dict[str, Any] = {"file": folder + row["media_id"].replace("/", "\\")}
        if row["p_nonblank"] is None:
            image["failure"] = "Failure image access"
        else:
            image["detections"] = [{"category": "1", "conf": row["p_nonblank"], "bbox": [0, 0, 1, 1]}]
        images.append(image)
    return images


def test_a_hand_worked_comparison(tmp_path: Path, here: str, there: str) -> None:
    found = compared(tmp_path, here, there)
    figures = found.figures
    # Nonblank: 3 of 4 kept here; 3 of 4 there. Blanks: 3 of 4 removed here, 2 of 4 there.
    assert (figures["nonblank_recall"].here, figures["nonblank_recall"].there) == (0.75, 0.75)
    assert (figures["blank_recall"].here, figures["blank_recall"].there) == (0.75, 0.5)
    assert figures["blank_recall"].difference.value == 0.25
    # Kept here 3 + 1, there 3 + 2.
    assert figures["nonblank_precision"].difference.value == pytest.approx(3 / 4 - 3 / 5)
    assert figures["kept_share"].difference.value == pytest.approx(4 / 8 - 5 / 8)
    assert (found.num_media, found.num_only_here, found.num_other) == (32, 0, 32)
    assert (found.other_cutoff, found.other_cutoff_from) == (0.3, "recommended by its model card")
    assert found.nonblank is not None
    assert (found.nonblank.kept_here_only, found.nonblank.kept_there_only) == (4, 4)
    assert found.blank is not None
    assert (found.blank.kept_here_only, found.blank.kept_there_only, found.blank.kept_by_neither) == (4, 8, 4)


def test_at_equal_recall_the_others_cutoff_is_moved(tmp_path: Path, here: str, there: str) -> None:
    found = compared(tmp_path, here, there)
    # Three of four nonblank media are kept here; there, 0.7 is the highest cutoff that keeps three.
    assert found.equal_recall_cutoff == pytest.approx(0.7)
    assert found.figures["blank_recall_at_equal_recall"].there == 1.0
    assert found.figures["blank_recall_at_equal_recall"].difference.value == -0.25


def test_scores_compared_with_themselves_do_not_differ(tmp_path: Path, here: str) -> None:
    for figure in compared(tmp_path, here, here, second_cutoff=0.5).figures.values():
        assert figure.difference.value == 0.0
        assert figure.difference.interval == (0.0, 0.0)


def test_a_report_brings_its_scores_and_its_cutoff(tmp_path: Path, here: str, there: str) -> None:
    first = str(tmp_path / "first")
    evaluate_scores(there, first, config=EvaluateConfig(cutoffs=(0.6,)), storage=STORAGE)
    found = compared(tmp_path, here, first)
    assert (found.other, found.other_cutoff, found.other_cutoff_from) == (first, 0.6, "that report's")
    assert there in found.what


def test_detections_are_matched_by_name(tmp_path: Path, here: str, there: str) -> None:
    results = write_detections(
        tmp_path / "md.json", detections(), detector_metadata={"typical_detection_threshold": 0.3}
    )
    found, same = evaluate(tmp_path, here, results, there).comparisons
    assert (found.what, found.other_cutoff) == ("MegaDetector results", 0.3)
    assert found.figures == {
        name: figure.model_copy(update={"difference": figure.difference})
        for name, figure in same.figures.items()
    }
    assert found.notes == ("1 of its images failed, and have no score",)


def test_detections_without_a_typical_cutoff_get_megadetectors(tmp_path: Path, here: str) -> None:
    results = write_detections(tmp_path / "md.json", detections())
    assert compared(tmp_path, here, results).other_cutoff == 0.2
    packed = tmp_path / "md.json.gz"
    packed.write_bytes(gzip.compress((tmp_path / "md.json").read_bytes()))
    report = evaluate_scores(
        here,
        str(tmp_path / "packed"),
        config=EvaluateConfig(second_cutoff=0.4),
        storage=STORAGE,
        compare=[str(packed)],
    )
    assert (report.comparisons[0].other_cutoff, report.comparisons[0].num_media) == (0.4, 32)


def test_names_that_could_mean_several_media_are_given_to_none(tmp_path: Path) -> None:
    rows = [
        media(f"S{place}/{n}.JPG", 0.9, "nonblank" if n else "blank") for place in range(3) for n in range(2)
    ]
    here = write_scores(tmp_path / "here", rows)
    images = [{"file": "0.JPG", "detections": []}, {"file": "x/S1/1.JPG", "detections": []}]
    found = compared(tmp_path, here, write_detections(tmp_path / "md.json", images))
    assert (found.num_media, found.num_only_here) == (1, 5)
    assert found.notes == (
        "1 of the 2 files that it names are not in the scores",
        "1 of its names could mean several media, and were given to none",
    )
    assert found.refusal is not None
    assert "both labels" in found.refusal
    assert found.figures == {}


def test_media_that_only_one_has_scored_are_counted_and_not_compared(tmp_path: Path, here: str) -> None:
    half = write_scores(tmp_path / "half", archive(1)[:16])
    found = compared(tmp_path, here, half)
    assert (found.num_media, found.num_only_here, found.num_other) == (16, 16, 16)
    assert found.figures["blank_recall"].difference.n == 16


def test_a_model_that_has_seen_the_measured_locations_is_named(tmp_path: Path, here: str) -> None:
    model = {"recommended_cutoff": 0.3, "training_locations": ["S1", "S2", "elsewhere"]}
    there = write_scores(tmp_path / "there", archive(1), model=model)
    [note] = compared(tmp_path, here, there).notes
    assert "trained or validated at 2 measured locations" in note


def test_one_location_gives_no_figures_and_says_why(tmp_path: Path) -> None:
    rows = [one for one in archive(0) if one["location_id"] == "S1"]
    here = write_scores(tmp_path / "here", rows)
    found = compared(tmp_path, here, here)
    assert found.figures == {}
    assert found.refusal is not None
    assert "at least 2 locations" in found.refusal


def test_a_comparison_is_written_and_worded(tmp_path: Path, here: str, there: str) -> None:
    report = evaluate(tmp_path, here, there)
    out = str(tmp_path / "report")
    assert read_report(STORAGE, out).comparisons == report.comparisons
    rows = {row["figure"]: row for row in read_report_table(STORAGE, out, "comparisons").to_pylist()}
    assert rows["blank_recall"]["difference"] == 0.25
    assert len(rows) == 7
    text = "\n".join(report.lines())
    assert "on 32 labelled media that both have scored" in text
    assert "blank recall" in text
    assert "+25.0 points" in text
    for name in ("report.md", "report.html"):
        page = (tmp_path / "report" / name).read_text()
        assert "Compared with other scores" in page
        assert "25.0 points" in page


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        ("absent", EvaluationError, "nothing is there; give a scores dataset"),
        ("folder", EvaluationError, r"it has notes\.txt; give a scores dataset"),
        ("text", EvaluationError, "the file holds no MegaDetector results"),
        ("foreign", EvaluationError, "names 1 files and none of them is in the scores"),
        ("broken", AnnotationError, r"images\[0\]"),
        ("incomplete", ScoresError, "is incomplete"),
        ("twice", UsageError, "is given twice"),
    ],
)
def test_what_cannot_be_compared_with_is_one_line(
    tmp_path: Path, here: str, there: str, what: str, error: type[Exception], words: str
) -> None:
    others = [str(tmp_path / what)]
    if what == "folder":
        (tmp_path / what).mkdir()
        (tmp_path / what / "notes.txt").touch()
    elif what == "text":
        (tmp_path / what).write_text("hello")
    elif what == "foreign":
        write_detections(tmp_path / what, [{"file": "y/z.jpg", "detections": []}])
    elif what == "broken":
        write_detections(tmp_path / what, [{"file": "a.jpg", "detections": [{"category": "1", "conf": 7}]}])
    elif what == "incomplete":
        others = [there]
        (Path(there) / "_SUCCESS").unlink()
    elif what == "twice":
        others = [there, there]
    with pytest.raises(error, match=words) as caught:
        evaluate(tmp_path, here, *others)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report").exists()


def test_a_second_cutoff_needs_something_to_compare(tmp_path: Path, here: str) -> None:
    with pytest.raises(UsageError, match="pass --compare too"):
        evaluate(tmp_path, here, second_cutoff=0.2)


def test_the_interval_of_a_real_difference_leaves_out_zero(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    rows, better = [], []
    for place in range(12):
        for number in range(60):
            label = "nonblank" if number < 30 else "blank"
            truth = 1.0 if label == "nonblank" else -1.0
            for into, strength in ((rows, 0.5), (better, 2.0)):
                p = 1.0 / (1.0 + np.exp(-(strength * truth + generator.normal())))
                into.append(media(f"S{place}/{number}.JPG", float(p), label))
    found = compared(
        tmp_path, write_scores(tmp_path / "a", rows), write_scores(tmp_path / "b", better), second_cutoff=0.5
    )
    for name in ("nonblank_recall", "blank_recall", "area_under_roc", "blank_recall_at_equal_recall"):
        interval = found.figures[name].difference.interval
        assert interval is not None
        assert interval[1] < 0.0


@pytest.mark.real
def test_real_results_name_the_media_they_were_made_of(tmp_path: Path, real_data: Path) -> None:
    path = real_data / "annotations" / "megadetector" / "deer_cxl_output.json"
    found = list(iter_detections(path, str(path)))
    # Their own confidences as scores: compared with themselves, nothing may differ.
    rows = [
        media(
            f"deer_cxl/{one.file.rpartition('/')[2]}", one.confidence, "nonblank" if number % 2 else "blank"
        )
        for number, one in enumerate(found)
    ]
    for number, row in enumerate(rows):
        row["location_id"] = f"L{number % 7}"
    report = evaluate(tmp_path, write_scores(tmp_path / "here", rows), str(path), second_cutoff=0.5)
    [one] = report.comparisons
    assert len(found) == 1781
    assert one.num_media == 1781 - sum(row["p_nonblank"] is None for row in rows)
    assert {figure.difference.value for figure in one.figures.values()} == {0.0}
