"""Several cutoffs, sequences, promises, costs and blank rates; and what cannot be given."""

import json

import numpy as np
import pytest

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.errors import EvaluationError, PromiseError, ScoresError
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.reports import read_report_table
from tests.files.judged_scores import (
    ROWS,
    evaluate,
    many_rows,
    with_sequences,
    write_labels,
    write_scores,
)
from tests.files.written_scores import STORAGE


def test_every_figure_says_what_it_rests_on(tmp_path):
    rows = many_rows()
    scores = write_scores(tmp_path / "scores", rows, sequences=with_sequences(rows))
    report = evaluate(tmp_path, scores, cutoffs=[0.4, 0.6])
    groups = [report.figures, *(at.figures for at in report.at_cutoffs)]
    groups += [report.sequences.figures, *(at.figures for at in report.sequences.at_cutoffs)]
    groups += [there.figures for there in report.extrapolations]
    for figure in [figure for group in groups for figure in group.values()]:
        assert figure.n > 0
        assert figure.num_locations == 12
        assert "12 locations" in figure.measured_on
        assert figure.interval[0] <= figure.value <= figure.interval[1]
    assert report.refused == ()


def test_each_cutoff_has_its_counts_and_the_first_is_the_chosen_one(tmp_path):
    report = evaluate(tmp_path, write_scores(tmp_path / "scores"), cutoffs=[0.35, 0.05, 0.5])
    assert [at.cutoff for at in report.at_cutoffs] == [0.35, 0.05, 0.5]
    # Nonblank 0.9 0.4 0.3, blank 0.7 0.1 0.2.
    assert [at.confusion.kept_nonblank for at in report.at_cutoffs] == [2, 3, 1]
    assert [at.confusion.removed_blank for at in report.at_cutoffs] == [2, 0, 2]
    table = read_report_table(STORAGE, str(tmp_path / "report"), "confusion").to_pylist()
    measured = [(row["cutoff"], row["label"], row["num_kept"]) for row in table if row["kind"] == "measured"]
    assert measured[3:6] == [(0.05, "nonblank", 3.0), (0.05, "blank", 3.0), (0.05, "not_scored", 2.0)]


def test_sequences_are_judged_by_their_best_frame(tmp_path):
    sequences = ["s1", "s1", "s1", "s2", "s2", "s3", "s3", "s4", None, None, None]
    report = evaluate(tmp_path, write_scores(tmp_path / "scores", sequences=sequences), cutoffs=[0.4])
    # s1: a b c, nonblank, best 0.9; s2: d e, blank, best 0.7; s3: f 0.2 and g failed, blank; s4: h failed.
    found = report.sequences
    assert (found.num_nonblank, found.num_blank) == (1, 2)
    assert (found.num_partly_scored, found.num_not_scored) == (1, 1)
    counts = found.at_cutoffs[0].confusion
    assert (counts.kept_nonblank, counts.kept_blank, counts.removed_blank) == (1, 1, 1)
    # By frame one of the three nonblank media is missed, by sequence none.
    assert report.figures["nonblank_recall"].value == pytest.approx(2 / 3)
    assert found.at_cutoffs[0].figures["nonblank_recall"].value == 1.0
    labels = read_report_table(STORAGE, str(tmp_path / "report"), "confusion").to_pylist()
    failed = [row for row in labels if row["kind"] == "sequences" and row["label"] == "not_scored"]
    assert {row["num_kept"] for row in failed} == {1.0}


def test_scores_without_sequences_say_that_they_have_none(tmp_path):
    report = evaluate(tmp_path, write_scores(tmp_path / "scores"))
    assert report.sequences is None
    assert "no figures by sequence: no measured media belongs to a known sequence" in report.refused


def test_labels_of_a_manifest_bring_the_same_sequences(tmp_path):
    rows = many_rows()
    scores = write_scores(tmp_path / "scores", rows, sequences=with_sequences(rows))
    labels = write_labels(tmp_path / "labels.parquet", [(row[0], row[4]) for row in rows])
    own = evaluate(tmp_path, scores)
    joined = evaluate_scores(
        scores, str(tmp_path / "joined"), config=EvaluateConfig(), storage=STORAGE, labels=labels
    )
    assert joined.sequences == own.sequences
    assert joined.at_cutoffs == own.at_cutoffs


def test_a_recall_that_can_be_promised_chooses_the_cutoff_and_says_so(tmp_path):
    report = evaluate(tmp_path, write_scores(tmp_path / "scores", many_rows(40)), min_recall=0.9)
    assert report.chosen.chosen_by == "chosen as the highest that promises the recall asked for"
    assert report.promise.promised_recall == 0.9
    assert report.figures["nonblank_recall"].value > 0.9
    assert "chosen on the media that are measured" in report.warnings[0]
    assert report.figures["blank_recall"].measured_on.endswith("; the cutoff was chosen on these media")
    assert report.at_cutoffs[1].figures["blank_recall"].measured_on == report.measured_on.description
    assert "nonblank recall at least 90.0 % with 95 % confidence" in "\n".join(report.lines())


def test_a_recall_that_cannot_be_promised_writes_no_report(tmp_path):
    scores = write_scores(tmp_path / "scores", many_rows(5))
    with pytest.raises(PromiseError, match="cannot support a recall of 95 %") as caught:
        evaluate(tmp_path, scores, min_recall=0.95)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report").exists()


def test_a_cutoff_beside_a_recall_that_cannot_be_promised_is_warned_of(tmp_path):
    report = evaluate(
        tmp_path, write_scores(tmp_path / "scores", many_rows(5)), min_recall=0.95, cutoffs=[0.3]
    )
    assert report.cutoff == 0.3
    assert report.warnings[0].startswith("no cutoff can be promised, so that --cutoff 0.3 is used: ")
    assert report.promise.promised_recall is None


def test_a_cutoff_chosen_on_another_split_is_measured_without_that_warning(tmp_path):
    rows = many_rows(60)
    rows = [(*row[:6], "val" if int(row[1][1:]) < 40 else "test") for row in rows]
    scores = write_scores(tmp_path / "scores", rows)
    here = evaluate(tmp_path, scores, min_recall=0.9, choose_on="val")
    assert here.measured_on.split == "test"
    assert here.promise.num_locations == 40
    assert "1,200 val media at 40 locations" in here.promise.measured_on
    assert not [text for text in here.warnings if "chosen on the media that are measured" in text]
    assert "chosen on val media, which the model has seen" in here.warnings[0]


def test_a_split_to_choose_on_that_is_not_there_is_refused(tmp_path):
    scores = write_scores(tmp_path / "scores", many_rows(20))
    with pytest.raises(EvaluationError, match="no labelled media of split val"):
        evaluate(tmp_path, scores, min_recall=0.9, choose_on="val")


def test_night_and_day_get_cutoffs_of_their_own(tmp_path):
    rows = many_rows(60, each=36)
    nights = [number % 2 == 0 for number, _ in enumerate(rows)]
    report = evaluate(
        tmp_path, write_scores(tmp_path / "scores", rows, nights=nights), min_recall=0.8, strata="night"
    )
    strata = report.strata
    assert set(strata.cutoffs) == {"day", "night"}
    counts = strata.confusion
    kept = sum(
        np.float32(row[3]) >= np.float32(strata.cutoffs["night" if night else "day"].cutoff)
        for row, night in zip(rows, nights, strict=True)
    )
    assert counts.kept_nonblank + counts.kept_blank == kept
    assert strata.num_set_aside == len(rows) - kept


def test_one_location_has_figures_no_intervals_and_says_why(tmp_path):
    rows = [(*row[:1], "L1", *row[2:]) for row in many_rows(3)]
    report = evaluate(tmp_path, write_scores(tmp_path / "scores", rows))
    assert report.figures["nonblank_recall"].value is not None
    assert report.figures["nonblank_recall"].interval is None
    assert report.refused[0] == "no interval: media of one location say nothing about how locations differ"
    assert report.promise.promised_recall is None
    assert "one location" in report.warnings[0]
    page = (tmp_path / "report" / "report.html").read_text()
    assert "no interval: media of one location say nothing" in page


def test_pages_stand_beside_the_report(tmp_path):
    rows = [(*row[:1], "<script>alert(1)</script>" if row[1] == "L1" else row[1], *row[2:]) for row in ROWS]
    evaluate(tmp_path, write_scores(tmp_path / "scores", rows))
    page, text = ((tmp_path / "report" / f"report.{kind}").read_text() for kind in ("html", "md"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "6 test media at 2 locations" in text
    assert "not scored" in page


def test_a_score_that_is_no_number_is_refused(tmp_path):
    for score in (float("nan"), 1.5, -0.1):
        rows = [("z", "L1", "ok", score, "blank", [], "test"), *ROWS]
        with pytest.raises(
            ScoresError, match=rf"scores{score}: 1 media have status ok and no p_nonblank in \[0, 1\]"
        ):
            evaluate(tmp_path, write_scores(tmp_path / f"scores{score}", rows))


def test_a_score_of_a_media_that_failed_is_no_score(tmp_path):
    rows = [(*row[:3], 0.0 if row[2] != "ok" else row[3], *row[4:]) for row in ROWS]
    with_scores = evaluate(tmp_path, write_scores(tmp_path / "scores", rows))
    assert with_scores.measured_on.num_not_scored == 2
    assert with_scores.archive.num_set_aside == 6


def test_a_split_that_is_none_is_refused(tmp_path):
    rows = [(*row[:6], "holdout") for row in ROWS]
    with pytest.raises(ScoresError, match="split 'holdout' is neither test nor train nor val"):
        evaluate(tmp_path, write_scores(tmp_path / "scores", rows))


def test_an_audit_larger_than_the_pile_is_refused(tmp_path):
    with pytest.raises(
        EvaluationError, match=r"^--audit-images 1,000,000,000: only .* of 1,000,000 media lie"
    ):
        evaluate(tmp_path, write_scores(tmp_path / "scores"), num_audit_images=10**9)
    assert not (tmp_path / "report").exists()


def test_money_is_counted_net_of_audit_and_machines(tmp_path):
    report = evaluate(
        tmp_path,
        write_scores(tmp_path / "scores"),
        num_archive_media=12_000,
        cost_per_hour=20.0,
        num_audit_images=500,
    )
    saved = report.extrapolations[0].savings
    # Of 12,000: 9,000 blank, 2/3 removed; 3,000 nonblank, 1/3 lost: 7,000 not looked at, 14 hours, 280.
    assert saved.hours_not_looking == pytest.approx(14.0)
    assert saved.hours_net == pytest.approx(13.0)
    assert (saved.money_gross, saved.money_net) == (pytest.approx(280.0), pytest.approx(260.0))
    assert saved.money_machine is None
    assert "money saved" in "\n".join(report.lines())


def test_machines_are_priced_by_the_time_that_scoring_took(tmp_path):
    scores = write_scores(tmp_path / "scores")
    run = json.loads((tmp_path / "scores" / "run.json").read_text())
    (tmp_path / "scores" / "run.json").write_text(json.dumps({**run, "wall_s": 36.0}))
    report = evaluate(tmp_path, scores, num_archive_media=11_000, price_per_hour=2.0, cost_per_hour=20.0)
    saved = report.extrapolations[0].savings
    # 36 s for 11 media: 36,000 s, or 10 hours, for 11,000.
    assert saved.machine_hours == pytest.approx(10.0)
    assert saved.money_net == pytest.approx(saved.money_gross - 20.0)


def test_a_machine_whose_time_is_not_known_costs_nothing_and_that_is_said(tmp_path):
    report = evaluate(tmp_path, write_scores(tmp_path / "scores"), price_per_hour=2.0)
    assert report.extrapolations[0].savings.money_machine is None
    assert "no machine cost: run.json does not say how long scoring took" in report.refused


@pytest.mark.parametrize(("rate", "precision", "removed"), [(0.0, 1.0, 0), (1.0, 0.0, 2 / 3)])
def test_blank_rates_of_0_and_1_are_archives_of_one_kind(tmp_path, rate, precision, removed):
    report = evaluate(tmp_path, write_scores(tmp_path / "scores"), blank_rates=[rate], num_archive_media=900)
    there = report.extrapolations[0]
    assert there.figures["nonblank_precision"].value == precision
    assert there.savings.num_blanks_removed == pytest.approx(900 * removed)
    assert f"{100 * rate:.0f} % blank" in (tmp_path / "report" / "report.html").read_text()


def test_the_blank_rate_of_unlabelled_media_is_estimated_from_their_scores(tmp_path):
    rows = many_rows(24)
    # Half of the locations lose their labels, and two of three animals: 3 blanks are left for each animal.
    bare = [
        row for number, row in enumerate(rows) if int(row[1][1:]) < 12 and (row[4] == "blank" or number % 2)
    ]
    rows = [row for row in rows if int(row[1][1:]) >= 12] + [(*row[:4], None, [], None) for row in bare]
    report = evaluate(
        tmp_path, write_scores(tmp_path / "scores", rows), blank_rates=["estimate"], cutoffs=[0.5]
    )
    found = report.blank_rate_estimate
    assert found.num_media == len(bare)
    assert found.by_likelihood.value == pytest.approx(0.75, abs=0.05)
    assert found.by_likelihood.interval[0] < 0.75 < found.by_likelihood.interval[1]
    assert report.extrapolations[0].blank_rate == found.by_likelihood.value
    assert report.extrapolations[0].blank_rate_from == "estimated, taken as exact"
    assert "estimated from their scores" in "\n".join(report.lines())


def test_a_blank_rate_is_not_estimated_of_labelled_media(tmp_path):
    scores = write_scores(tmp_path / "scores", many_rows())
    with pytest.raises(EvaluationError, match="every scored media has one: give the blank rate as a number"):
        evaluate(tmp_path, scores, blank_rates=["estimate"])


def test_a_damaged_part_stays_one_line_when_labels_are_joined(tmp_path):
    scores = write_scores(tmp_path / "scores")
    (tmp_path / "scores" / "part-00000001.parquet").write_bytes(b"torn")
    with pytest.raises(ScoresError, match=r"part-00000001\.parquet cannot be read as Parquet"):
        evaluate_scores(
            scores,
            str(tmp_path / "report"),
            config=EvaluateConfig(),
            storage=STORAGE,
            labels=write_labels(tmp_path / "l.parquet", [("a", "nonblank"), ("d", "blank")]),
        )


def test_sequences_of_one_kind_have_one_recall_and_that_is_said(tmp_path):
    rows = [row for row in many_rows() if row[4] == "nonblank"] + many_rows()[3:4]
    sequences = ["one" for _ in rows[:-1]] + [None]
    report = evaluate(tmp_path, write_scores(tmp_path / "scores", rows, sequences=sequences))
    assert report.sequences.at_cutoffs[0].figures["blank_recall"].value is None
    assert report.sequences.figures["area_under_roc"].value is None
    assert "no blank recall by sequence: all 12 sequences are nonblank" in report.refused


def test_media_without_any_known_location_have_no_intervals_and_no_promise(tmp_path):
    rows = [(row[0], None, *row[2:]) for row in many_rows(20)]
    scores = write_scores(tmp_path / "scores", rows)
    report = evaluate(tmp_path, scores)
    assert report.figures["nonblank_recall"].interval is None
    assert report.refused[0].startswith("no interval: no measured media has a known location")
    assert report.promise.refusal.startswith("no measured media has a known location")
    assert "1 location" not in (tmp_path / "report" / "report.html").read_text()
    with pytest.raises(PromiseError, match="no measured media has a known location: index with"):
        evaluate_scores(
            scores, str(tmp_path / "other"), config=EvaluateConfig(min_recall=0.9), storage=STORAGE
        )
