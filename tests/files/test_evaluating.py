"""What a report says of scores that were worked by hand, and what is refused."""

import json

import pytest

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.errors import EvaluationError, ReportError, ScoresError
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.reports import read_report, read_report_table
from tests.files.judged_scores import (
    ROWS,
    evaluate,
    write_labels,
    write_scores,
)
from tests.files.written_scores import STORAGE


def test_a_hand_worked_dataset(tmp_path):
    report = evaluate(tmp_path, write_scores(tmp_path / "scores"))
    # Test rows with a score, cutoff 0.4 of the model card: nonblank 0.9 0.4 | 0.3, blank 0.7 | 0.2 0.1.
    counts = report.chosen.confusion.counts
    assert (counts.kept_nonblank, counts.missed_nonblank) == (2, 1)
    assert (counts.kept_blank, counts.removed_blank) == (1, 2)
    assert report.cutoff == 0.4
    assert report.chosen.chosen_by == "recommended by the model card"
    assert report.figures["nonblank_recall"].value == pytest.approx(2 / 3)
    assert (report.figures["nonblank_recall"].n, report.figures["nonblank_recall"].num_locations) == (3, 1)
    assert report.figures["blank_recall"].n == 3
    # At 75 % blank: kept = 0.25 * 2/3 + 0.75 * 1/3 = 5/12; precision = (1/6) / (5/12) = 0.4.
    assert report.extrapolations[0].figures["nonblank_precision"].value == pytest.approx(0.4)
    assert report.extrapolations[0].figures["kept_share"].value == pytest.approx(5 / 12)
    # Of a million: 750,000 * 2/3 blanks removed, 250,000 / 3 nonblank lost, at 500 images an hour.
    assert report.extrapolations[0].savings.num_blanks_removed == pytest.approx(500_000)
    assert report.extrapolations[0].savings.hours_on_blanks == pytest.approx(1000)
    assert report.extrapolations[0].savings.hours_not_looking == pytest.approx((500_000 + 250_000 / 3) / 500)
    assert report.at_cutoff(0.5).confusion.counts.kept_nonblank == 1
    assert report.warnings == ()


def test_media_that_failed_are_kept_and_count_as_no_blank(tmp_path):
    report = evaluate(tmp_path, write_scores(tmp_path / "scores"))
    assert (report.measured_on.num_not_scored_blank, report.measured_on.num_not_scored_nonblank) == (1, 1)
    assert report.measured_on.num_blank == 3
    assert report.archive.statuses["unreadable"] == 1
    assert report.archive.num_not_scored == 2
    # All ok media below 0.4, labelled or not: c, e, f, i, j, k.
    assert (report.archive.num_set_aside, report.archive.num_kept) == (6, 3)
    assert sum(report.archive.statuses.values()) == report.archive.num_media == 11
    text = "\n".join(report.lines())
    assert "1 missing, 1 unreadable" in text
    assert "not scored" in text


def test_tables_are_written_beside_the_report(tmp_path):
    evaluate(tmp_path, write_scores(tmp_path / "scores"))
    out = str(tmp_path / "report")
    curve = read_report_table(STORAGE, out, "curve").to_pylist()
    assert len(curve) == 1001
    assert (curve[400]["num_kept_nonblank"], curve[401]["num_kept_nonblank"]) == (2, 1)
    assert curve[0]["num_archive_kept"] == 9
    assert curve[1000]["nonblank_precision"] is None
    histogram = read_report_table(STORAGE, out, "histogram").to_pylist()
    assert sum(row["num_nonblank"] for row in histogram[:-1]) == 3
    assert sum(row["num_archive"] for row in histogram[:-1]) == 9
    # h is nonblank and g is blank, and neither has a score: they stand on a line of their own.
    assert histogram[-1] == {
        "bin_start": None,
        "bin_end": None,
        "num_nonblank": 1,
        "num_blank": 1,
        "num_archive": 2,
    }
    species = {row["species"]: row for row in read_report_table(STORAGE, out, "species").to_pylist()}
    # boar: b kept, c missed, h not scored; deer: a and b kept.
    assert species["boar"]["missed_share"] == 0.5
    assert (species["boar"]["num_media"], species["boar"]["num_not_scored"]) == (2, 1)
    assert species["deer"]["missed_share"] == 0.0
    places = {row["location_id"]: row for row in read_report_table(STORAGE, out, "locations").to_pylist()}
    assert places["L1"]["missed_nonblank"] == 1
    assert (places["L2"]["num_not_scored"], places["L2"]["nonblank_recall"]) == (2, None)
    kinds = [row["label"] for row in read_report_table(STORAGE, out, "confusion").to_pylist()]
    assert kinds == ["nonblank", "blank", "not_scored"] * 2 + ["nonblank", "blank"]


def test_how_the_rows_are_cut_changes_nothing(tmp_path):
    one = evaluate_scores(
        write_scores(tmp_path / "one", num_chunks=1),
        str(tmp_path / "r1"),
        config=EvaluateConfig(),
        storage=STORAGE,
    )
    many = evaluate_scores(
        write_scores(tmp_path / "many", num_chunks=11),
        str(tmp_path / "r2"),
        config=EvaluateConfig(),
        storage=STORAGE,
    )
    skip = {"created_at", "scores"}
    assert one.model_dump(exclude=skip) == many.model_dump(exclude=skip)


def test_media_the_model_has_seen_bring_a_warning(tmp_path):
    scores = write_scores(tmp_path / "scores")
    assert "2 train media" in evaluate(tmp_path, scores, split="train", allow_seen=True).warnings[0]


def test_locations_the_model_has_seen_bring_a_warning(tmp_path):
    rows = [(*row[:6], None) for row in ROWS]
    warnings = evaluate(tmp_path, write_scores(tmp_path / "scores", rows), allow_seen=True).warnings
    assert (
        "2 of the 8 measured media come from 1 location the model was trained or validated on" in warnings[0]
    )


def test_media_and_locations_the_model_has_seen_are_refused(tmp_path):
    scores = write_scores(tmp_path / "scores")
    with pytest.raises(EvaluationError, match=r"2 train media that the model has seen, .* --allow-seen"):
        evaluate(tmp_path, scores, split="train")
    rows = [(*row[:6], None) for row in ROWS]
    with pytest.raises(EvaluationError, match="come from 1 location the model was trained or validated on"):
        evaluate(tmp_path, write_scores(tmp_path / "unsplit", rows))
    assert not (tmp_path / "report").exists()


def test_an_unknown_training_set_brings_a_warning(tmp_path):
    warnings = evaluate(tmp_path, write_scores(tmp_path / "scores", model={"model_id": "m1"})).warnings
    assert "names no training locations" in warnings[0]


def test_sequence_labels_bring_a_warning(tmp_path):
    warnings = evaluate(tmp_path, write_scores(tmp_path / "scores", level="sequence")).warnings
    assert "8 labels were given to whole sequences" in warnings[0]


def test_a_model_card_without_cutoff_falls_back_to_one_half_and_says_so(tmp_path):
    report = evaluate(tmp_path, write_scores(tmp_path / "scores", model={"model_id": "m1"}))
    assert (report.cutoff, report.chosen.chosen_by) == (0.5, "the default: the model card recommends none")


def test_a_cutoff_of_the_configuration_goes_before_the_model_card(tmp_path):
    report = evaluate(tmp_path, write_scores(tmp_path / "scores"), cutoffs=[0.25])
    assert (report.cutoff, report.chosen.chosen_by) == (0.25, "set by --cutoff")
    assert report.chosen.confusion.counts.missed_nonblank == 0


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(*row[:4], None, [], None) for row in ROWS], "none of the 11 media"),
        ([row for row in ROWS if row[4] == "nonblank"], "are nonblank: label some blank"),
        ([row for row in ROWS if row[2] != "ok"], "could be scored"),
    ],
    ids=["no_labels", "one_class", "none_scored"],
)
def test_nothing_to_measure_on_is_one_clear_line(tmp_path, rows, words):
    with pytest.raises(EvaluationError, match=words) as caught:
        evaluate(tmp_path, write_scores(tmp_path / "scores", rows))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report").exists()


def test_a_split_without_labels_names_those_there_are(tmp_path):
    with pytest.raises(EvaluationError, match="split val; it has 2 of train, 8 of test"):
        evaluate(tmp_path, write_scores(tmp_path / "scores"), split="val")


def test_a_model_cards_cutoff_outside_0_to_1_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="recommends the cutoff 3"):
        evaluate(tmp_path, write_scores(tmp_path / "scores", model={"recommended_cutoff": 3}))


def test_incomplete_scores_are_refused_unless_allowed(tmp_path):
    scores = write_scores(tmp_path / "scores", complete=False)
    with pytest.raises(ScoresError, match="incomplete"):
        evaluate(tmp_path, scores)
    report = evaluate_scores(
        write_scores(tmp_path / "half", [*ROWS[:1], *ROWS[3:4], *ROWS], num_chunks=2, complete=False),
        str(tmp_path / "r"),
        config=EvaluateConfig(allow_incomplete=True),
        storage=STORAGE,
    )
    assert "incomplete: 7 of 13 media" in report.warnings[0]


def test_an_ok_media_without_a_score_is_refused(tmp_path):
    rows = [("z", "L1", "ok", None, "blank", [], "test"), *ROWS]
    with pytest.raises(ScoresError, match="1 media have status ok"):
        evaluate(tmp_path, write_scores(tmp_path / "scores", rows))


def test_labels_of_a_manifest_replace_those_in_the_scores(tmp_path):
    labels = write_labels(
        tmp_path / "labels.parquet", [("d", "nonblank"), ("a", "blank"), ("k", "blank"), ("e", None)]
    )
    report = evaluate_scores(
        write_scores(tmp_path / "scores"),
        str(tmp_path / "report"),
        config=EvaluateConfig(),
        storage=STORAGE,
        labels=labels,
    )
    # nonblank: d 0.7; blank: a 0.9 and k 0.02; cutoff 0.4.
    counts = report.chosen.confusion.counts
    assert (counts.kept_nonblank, counts.kept_blank, counts.removed_blank) == (1, 1, 1)
    assert report.measured_on.labels_from == labels
    assert report.archive.num_media == 11


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([("x", "blank"), ("y", "nonblank")], "none of them is in the scores"),
        ([("a", None)], "labels no media"),
        ([("a", "blank"), ("a", "nonblank")], "more than once"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, words):
    with pytest.raises(EvaluationError, match=words):
        evaluate_scores(
            write_scores(tmp_path / "scores"),
            str(tmp_path / "report"),
            config=EvaluateConfig(),
            storage=STORAGE,
            labels=write_labels(tmp_path / "labels.parquet", labels),
        )


def test_labels_of_media_that_were_not_scored_bring_a_warning(tmp_path):
    report = evaluate_scores(
        write_scores(tmp_path / "scores"),
        str(tmp_path / "report"),
        config=EvaluateConfig(),
        storage=STORAGE,
        labels=write_labels(tmp_path / "l.parquet", [("a", "nonblank"), ("d", "blank"), ("x", "blank")]),
    )
    assert "1 of the 3 media" in report.warnings[0]


def test_a_report_is_replaced_only_when_asked(tmp_path):
    scores = write_scores(tmp_path / "scores")
    evaluate(tmp_path, scores)
    with pytest.raises(ReportError, match="already holds a report"):
        evaluate(tmp_path, scores, cutoffs=[0.9])
    out = str(tmp_path / "report")
    assert read_report(STORAGE, out).cutoff == 0.4
    evaluate_scores(scores, out, config=EvaluateConfig(cutoffs=[0.9]), storage=STORAGE, overwrite=True)
    assert read_report(STORAGE, out).cutoff == 0.9


def test_the_summary_puts_warnings_first(tmp_path):
    lines = evaluate(
        tmp_path, write_scores(tmp_path / "scores"), split="train", cutoffs=[0.03], allow_seen=True
    ).lines()
    assert lines[0].startswith("warning: ")
    assert any(line.startswith("nonblank recall") and line.count("100.0 %") == 2 for line in lines)
    assert json.dumps(lines)


def test_the_summary_has_intervals_beside_what_was_measured(tmp_path):
    report = evaluate(tmp_path, write_scores(tmp_path / "scores"))
    low, high = report.figures["kept_share"].interval
    lines = {line[:22].strip(): line for line in report.lines()}
    assert f"{100 * low:.1f} to {100 * high:.1f} %" in lines["media kept"]
    assert lines["nonblank recall"].split()[4] == "none"  # all nonblank media are of one location


def test_a_cutoff_that_misses_nothing_has_no_list_of_the_worst(tmp_path):
    lines = evaluate(tmp_path, write_scores(tmp_path / "scores"), cutoffs=[0.0]).lines()
    assert "missed at this cutoff: none of 3 scored nonblank media" in lines
    assert not any(line.startswith("most often missed") for line in lines)


@pytest.mark.s3
def test_a_bucket_gives_the_report_that_a_folder_gives(tmp_path, s3_bucket):
    here = evaluate(tmp_path, write_scores(tmp_path / "scores"))
    out = f"s3://{s3_bucket}/reports/first"
    there = evaluate_scores(
        write_scores(f"s3://{s3_bucket}/scores"), out, config=EvaluateConfig(), storage=STORAGE
    )
    skip = {"created_at", "scores"}
    assert there.model_dump(exclude=skip) == here.model_dump(exclude=skip)
    assert read_report(STORAGE, out) == there
    assert read_report_table(STORAGE, out, "curve").num_rows == 1001
    with pytest.raises(ReportError, match="already holds a report"):
        evaluate_scores(f"s3://{s3_bucket}/scores", out, config=EvaluateConfig(), storage=STORAGE)
    with pytest.raises(ReportError, match=r"it has _SUCCESS"):
        evaluate_scores(
            f"s3://{s3_bucket}/scores",
            f"s3://{s3_bucket}/scores",
            config=EvaluateConfig(),
            storage=STORAGE,
            overwrite=True,
        )
