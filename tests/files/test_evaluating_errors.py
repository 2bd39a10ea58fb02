"""The section on errors of a report, from scores on disk."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.errors import AnnotationError, EvaluationError, ReviewError
from blanktrap.core.reporting.report import Report
from blanktrap.core.schemas import EXPOSURE, MANIFEST_SCHEMA
from blanktrap.core.vocabulary import QueueKind
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.reports import read_report, read_report_table
from blanktrap.files.review_queues import read_review_queue
from tests.files.written_scores import STORAGE, media, write_scores


def archive() -> list[dict[str, Any]]:
    """Ten locations, of which L0 has a trunk; one of two boars at each is missed, and no deer ever."""
    rows = []
    for place in range(10):
        rows += [
            media(f"L{place}/deer{n}", 0.9, "nonblank", species=["deer"], is_night=False) for n in range(4)
        ]
        rows += [media(f"L{place}/boar{n}", 0.1 + 0.8 * (n % 2), "nonblank", species=["boar"], is_night=True)
                 for n in range(4)]  # fmt: skip
        rows += [
            media(f"L{place}/blank{n:02d}", 0.8 if place == 0 or n == 0 else 0.1, "blank") for n in range(20)
        ]
    return [*rows, media("L3/broken", None, "nonblank", species=["deer"])]


def evaluate(tmp_path: Path, scores: str, out: str = "report", **more: Any) -> Report:
    return evaluate_scores(scores, str(tmp_path / out), config=EvaluateConfig(), storage=STORAGE, **more)


def test_a_report_says_where_animals_are_missed(tmp_path: Path) -> None:
    errors = evaluate(tmp_path, write_scores(tmp_path / "scores", archive())).error_analysis
    assert errors is not None
    # 20 of 40 boars at 10 locations, none of 40 deer.
    assert (errors.num_missed, errors.num_nonblank, errors.num_not_scored) == (20, 80, 1)
    species = next(by for by in errors.missed_by if by.factor == "species")
    assert list(species.highest) == ["boar", "deer"]
    boar = species.highest["boar"]
    assert (boar.value, boar.n, boar.num_locations) == (0.5, 40, 10)
    assert boar.interval is not None
    assert boar.interval[0] < 0.5 < boar.interval[1]
    assert "labelled media at 10 locations" in boar.measured_on


def test_a_trunk_is_named_with_its_share_of_all_false_alarms(tmp_path: Path) -> None:
    errors = evaluate(tmp_path, write_scores(tmp_path / "scores", archive())).error_analysis
    assert errors is not None
    [scene] = errors.static_scenes
    # All 20 blanks of L0, and one of 20 at each of nine others: 20 of 29.
    assert (scene.location_id, scene.num_kept_blank, scene.share_of_all) == ("L0", 20, 20 / 29)
    assert (scene.false_positive_rate.value, scene.typical_rate) == (1.0, 0.05)
    assert scene.example_media_ids == tuple(f"L0/blank{n:02d}" for n in range(5))


def test_every_table_of_errors_has_a_line_for_media_without_a_score(tmp_path: Path) -> None:
    evaluate(tmp_path, write_scores(tmp_path / "scores", archive()))
    rows = read_report_table(STORAGE, str(tmp_path / "report"), "errors").to_pylist()
    lines = {row["factor"]: row for row in rows if row["value"] == "not scored"}
    assert set(lines) == {row["factor"] for row in rows}
    assert {(row["num_not_scored"], row["num_missed"]) for row in lines.values()} == {(1, 0)}
    assert read_report_table(STORAGE, str(tmp_path / "report"), "static_scenes").num_rows == 1


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    report = evaluate(tmp_path, write_scores(tmp_path / "scores", archive()))
    assert read_report(STORAGE, str(tmp_path / "report")).error_analysis == report.error_analysis
    assert json.loads((tmp_path / "report" / "report.json").read_text())["error_analysis"]["cutoff"] == 0.5


def test_the_summary_names_the_worst(tmp_path: Path) -> None:
    text = "\n".join(evaluate(tmp_path, write_scores(tmp_path / "scores", archive())).lines())
    assert "boar 50.0 %" in text
    assert "1 location with 69.0 % of all kept blanks: L0 (20 of its 20 blanks)" in text


def test_labels_of_a_manifest_give_the_same_errors(tmp_path: Path) -> None:
    rows = archive()
    here = evaluate(tmp_path, write_scores(tmp_path / "with", rows), "here").error_analysis
    bare = [{**row, "label": None, "species": None} for row in rows]
    schema = [field.name for field in MANIFEST_SCHEMA]
    labels = pa.Table.from_pylist(
        [{name: row.get(name) for name in schema} for row in rows], schema=MANIFEST_SCHEMA
    )
    pq.write_table(labels, tmp_path / "labels.parquet")
    there = evaluate(
        tmp_path, write_scores(tmp_path / "bare", bare), "there", labels=str(tmp_path / "labels.parquet")
    ).error_analysis
    assert here == there


@pytest.mark.parametrize("is_joined", [False, True])
def test_measures_of_quality_that_the_scores_carry_are_looked_at(tmp_path: Path, is_joined: bool) -> None:
    rows = [
        {**row, "blur": float(number), "exposure": ("underexposed", "well exposed", None)[number % 3]}
        for number, row in enumerate(archive())
    ]
    scores = write_scores(tmp_path / "scores", rows, measures=("blur",), extras=(EXPOSURE,))
    labels = None
    if is_joined:
        schema = [field.name for field in MANIFEST_SCHEMA]
        table = pa.Table.from_pylist(
            [{name: row.get(name) for name in schema} for row in rows], schema=MANIFEST_SCHEMA
        )
        pq.write_table(table, tmp_path / "labels.parquet")
        labels = str(tmp_path / "labels.parquet")
    errors = evaluate(tmp_path, scores, labels=labels).error_analysis
    assert errors is not None
    assert errors.left_out == ()
    blur = next(by for by in errors.missed_by if by.factor == "blur")
    assert blur.num_values == 4
    exposure = next(by for by in errors.missed_by if by.factor == "exposure")
    assert exposure.num_values == 2
    assert exposure.num_not_known > 0


def test_measures_that_are_not_there_are_named(tmp_path: Path) -> None:
    errors = evaluate(tmp_path, write_scores(tmp_path / "scores", archive())).error_analysis
    assert errors is not None
    assert [line.split(":")[0] for line in errors.left_out] == ["exposure", "blur, contrast"]


# Tags, and media to tag


def fill_in(queue: Path, answers: Path, **by_stratum: str) -> None:
    """Answer a queue's own sheet as one would in a spreadsheet."""
    text = (queue / "queue.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for row in rows:
        row |= {"label": "nonblank", "labelled_by": "Ana", "position": by_stratum[row["stratum"]]}
        row["circumstances"] = "night|high_grass" if row["stratum"] == "missed" else ""
    with answers.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_sample_is_drawn_filled_in_and_compared(tmp_path: Path) -> None:
    scores = write_scores(tmp_path / "scores", archive())
    sampled = evaluate_scores(
        scores, str(tmp_path / "first"), config=EvaluateConfig(sample_errors=(12, 30)), storage=STORAGE
    )
    queue = read_review_queue(STORAGE, str(tmp_path / "first" / "error_sample"))
    assert queue.kind is QueueKind.ERROR_SAMPLE
    strata = queue.rows.column("stratum").to_pylist()
    assert (strata.count("missed"), strata.count("found")) == (12, 30)
    known = {row["media_id"]: row for row in archive()}
    for row in queue.rows.to_pylist():
        assert row["given_species"] == known[row["media_id"]]["species"]
        assert row["p_nonblank"] == pytest.approx(known[row["media_id"]]["p_nonblank"])
        assert (row["p_nonblank"] < 0.5) == (row["stratum"] == "missed")
        assert row["uri"] == f"/data/{row['media_id']}"
    assert sampled.error_analysis is not None
    assert sampled.error_analysis.sample is not None
    assert sampled.error_analysis.sample.num_missed_there == 20
    assert "12 of 20 missed and 30 of 60 found media" in "\n".join(sampled.lines())

    fill_in(tmp_path / "first" / "error_sample", tmp_path / "a.csv", missed="background", found="close")
    errors = evaluate(tmp_path, scores, tags=[str(tmp_path / "a.csv")]).error_analysis
    assert errors is not None
    assert errors.tags is not None
    assert (errors.tags.num_missed, errors.tags.num_found, errors.tags.left_out) == (12, 30, {})
    found = {one.tag: one for one in errors.tags.differences}
    assert (found["background"].missed.value, found["background"].found.value) == (1.0, 0.0)
    assert found["night"].difference.value == 1.0
    assert found["night"].difference.interval is not None
    assert read_report_table(STORAGE, str(tmp_path / "report"), "error_tags").num_rows == 11


def test_a_sample_that_may_be_filled_in_is_never_drawn_over(tmp_path: Path) -> None:
    scores, out = write_scores(tmp_path / "scores", archive()), str(tmp_path / "report")
    config = EvaluateConfig(sample_errors=(2, 2))
    evaluate_scores(scores, out, config=config, storage=STORAGE)
    before = (tmp_path / "report" / "error_sample" / "queue.csv").read_bytes()
    with pytest.raises(ReviewError, match="people may have filled it in"):
        evaluate_scores(scores, out, config=config, storage=STORAGE, overwrite=True)
    evaluate_scores(scores, out, config=EvaluateConfig(), storage=STORAGE, overwrite=True)
    assert (tmp_path / "report" / "error_sample" / "queue.csv").read_bytes() == before


def test_tags_that_are_none_are_refused_by_name(tmp_path: Path) -> None:
    scores = write_scores(tmp_path / "scores", archive())
    head = "media_id,label,species,position,circumstances,labelled_by,labelled_at\n"
    (tmp_path / "fog.csv").write_text(f"{head}L0/boar0,nonblank,,close,fog,Ana,\n")
    with pytest.raises(AnnotationError, match=r"fog\.csv: row 2 .*'fog', allowed are night"):
        evaluate(tmp_path, scores, tags=[str(tmp_path / "fog.csv")])
    (tmp_path / "empty.csv").write_text(head)
    with pytest.raises(EvaluationError, match="no row that is filled in"):
        evaluate(tmp_path, scores, tags=[str(tmp_path / "empty.csv")])
    (tmp_path / "other.csv").write_text(f"{head}nowhere.jpg,nonblank,,close,,Ana,\n")
    with pytest.raises(EvaluationError, match="1 not in the scores"):
        evaluate(tmp_path, scores, tags=[str(tmp_path / "other.csv")])
    assert not (tmp_path / "report").exists()
