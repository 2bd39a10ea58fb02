import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.errors import EvaluationError, PromiseError, ReportError, ScoresError
from blanktrap.core.schemas import MANIFEST_SCHEMA, SCORES_SCHEMA
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.reports import read_report, read_report_table
from blanktrap.files.scores import ChunkStats, RunIdentity, begin_run, finish_run, write_chunk
from blanktrap.files.storage import Storage

STORAGE = Storage()
MODEL = {"model_id": "m1", "recommended_cutoff": 0.4, "training_locations": ["seen"]}

# media, location, status, p_nonblank, label, species, split
ROWS = [
    ("a", "L1", "ok", 0.9, "nonblank", ["deer"], "test"),
    ("b", "L1", "ok", 0.4, "nonblank", ["deer", "boar"], "test"),
    ("c", "L1", "ok", 0.3, "nonblank", ["boar"], "test"),
    ("d", "L2", "ok", 0.7, "blank", [], "test"),
    ("e", "L2", "ok", 0.1, "blank", [], "test"),
    ("f", "L2", "ok", 0.2, "blank", [], "test"),
    ("g", "L2", "unreadable", None, "blank", [], "test"),
    ("h", "L2", "missing", None, "nonblank", ["boar"], "test"),
    ("i", "seen", "ok", 0.05, "nonblank", ["deer"], "train"),
    ("j", "seen", "ok", 0.01, "blank", [], "train"),
    ("k", None, "ok", 0.02, None, [], None),
]


def write_scores(
    folder,
    rows=ROWS,
    *,
    model=MODEL,
    num_chunks=3,
    complete=True,
    level="media",
    sequences=None,
    nights=None,
):
    size = -(-len(rows) // num_chunks)
    identity = RunIdentity(
        manifest_digest="sha256:d",
        num_media=len(rows),
        model_id="m1",
        chunk_size=size,
        precision="float32",
        max_pixels=1,
        max_bytes=1,
    )
    run = begin_run(STORAGE, str(folder), identity, {"model": model, "versions": {"blanktrap": "0"}})
    written = {}
    for chunk in range(identity.num_chunks if complete else 1):
        start, stop = identity.span(chunk)
        part = [
            {
                "media_id": media,
                "uri": f"/{media}",
                "location_id": location,
                "sequence_id": sequences[start + place] if sequences else None,
                "is_night": nights[start + place] if nights else None,
                "status": status,
                "p_nonblank": p,
                "model_id": "m1",
                "label": label,
                "label_level": level if label else None,
                "species": species,
                "split": split,
            }
            for place, (media, location, status, p, label, species, split) in enumerate(rows[start:stop])
        ]
        counts = {status: sum(row["status"] == status for row in part) for status in {r[2] for r in rows}}
        stats = ChunkStats(
            chunk=chunk,
            num_media=stop - start,
            counts=counts,
            bytes_read=0,
            fetch_s=0,
            decode_s=0,
            device_s=0,
            number_formats={},
            finished=0,
        )
        write_chunk(STORAGE, str(folder), pa.Table.from_pylist(part, schema=SCORES_SCHEMA), stats)
        written[chunk] = stats
    if complete:
        finish_run(STORAGE, run, written)
    return str(folder)


def evaluate(tmp_path, scores, **config):
    return evaluate_scores(scores, str(tmp_path / "report"), config=EvaluateConfig(**config), storage=STORAGE)


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


def write_labels(path, labels):
    rows = [{"media_id": media, "uri": f"/{media}", "label": label} for media, label in labels]
    pq.write_table(pa.Table.from_pylist(rows, schema=MANIFEST_SCHEMA), path)
    return str(path)


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


# More cutoffs, sequences, promises, and what cannot be given


def many_rows(num_locations=12, *, each=30, seed=4, split=None):
    """Half animals, half blanks, told apart well, at locations alike; sequences of three."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(num_locations * each):
        animal = number // 3 % 2 == 0
        score = generator.beta(8, 2) if animal else generator.beta(2, 8)
        label, species = ("nonblank", ["deer"]) if animal else ("blank", [])
        rows.append((str(number), f"L{number // each}", "ok", score, label, species, split))
    return rows


def with_sequences(rows):
    return [f"s{number // 3}" for number, _ in enumerate(rows)]


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
