"""A discard pile is sampled, looked at and bounded, from scores on disk."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blanktrap.core.audits.discard_audit import StratumSample, bound_discarded
from blanktrap.core.config import AuditDrawConfig, AuditJudgeConfig
from blanktrap.core.errors import AnnotationError, EvaluationError, ReviewError, ScoresError, UsageError
from blanktrap.core.vocabulary import QueueKind
from blanktrap.files.discard_judging import Audit, judge_answers
from blanktrap.files.discard_sampling import AuditSample, draw_audit_sample
from blanktrap.files.review_queues import read_review_queue
from tests.files.written_scores import STORAGE, media, write_scores

Rows = list[dict[str, Any]]


def archive(num: int = 300, *, lost: int = 0) -> Rows:
    """`num` media below 0.4, of which the first `lost` show an animal, and a few that are kept or failed."""
    generator = np.random.default_rng(0)
    rows = [
        media(
            f"L{n % 5}/{n:04d}",
            float(generator.uniform(0.0, 0.399)),
            "nonblank" if n < lost else "blank",
            is_night=n % 3 == 0,
        )
        for n in range(num)
    ]
    rows += [media(f"L1/kept{n}", 0.9, None) for n in range(20)]
    return [*rows, media("L1/broken", None, "nonblank")]


def draw(tmp_path: Path, rows: Rows, *, num_images: int = 60, out: str = "q", **more: Any) -> AuditSample:
    scores = write_scores(tmp_path / f"scores-{out}", rows)
    config = AuditDrawConfig(num_images=num_images, **{"cutoff": 0.4, **more})
    return draw_audit_sample(scores, str(tmp_path / out), config=config, storage=STORAGE)


def fill_in(tmp_path: Path, answer: Callable[[int, dict[str, str]], str], queue: str = "q") -> str:
    """Answer a queue's own sheet."""
    text = (tmp_path / queue / "queue.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for number, row in enumerate(rows):
        row |= {"label": answer(number, row), "labelled_by": "Ana"}
    path = tmp_path / f"{queue}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def judge(tmp_path: Path, *answers: str, queue: str = "q", **config: Any) -> Audit:
    return judge_answers(str(tmp_path / queue), answers, config=AuditJudgeConfig(**config), storage=STORAGE)


def known(_: int, row: dict[str, str]) -> str:
    return row["given_label"]


def test_a_sample_of_the_pile_becomes_a_review_queue(tmp_path: Path) -> None:
    sample = draw(tmp_path, archive())
    queue = read_review_queue(STORAGE, str(tmp_path / "q"))
    assert queue.kind is QueueKind.DISCARD_AUDIT
    assert queue.rows.num_rows == 60
    assert sum(one["num_media"] for one in queue.details["strata"]) == queue.details["num_media"] == 300
    assert (queue.details["num_scored"], queue.details["num_not_scored"]) == (320, 1)
    for row in queue.rows.to_pylist():
        assert row["p_nonblank"] < 0.4
        assert row["uri"] == f"/data/{row['media_id']}"
    text = "\n".join(sample.lines())
    assert "300 of 320 scored media lie below the cutoff 0.4 (set by --cutoff), 300 of them labelled" in text
    assert "1 media: kept for people, not in the pile" in text
    assert f"audit-discard {tmp_path}/q --answers" in text


def test_any_first_part_of_a_queue_has_each_stratums_share(tmp_path: Path) -> None:
    draw(tmp_path, archive(2000), num_images=400)
    queue = read_review_queue(STORAGE, str(tmp_path / "q"))
    strata = queue.rows.column("stratum").to_pylist()
    for stratum in queue.details["strata"]:
        for num in (50, 130, 333):
            share = stratum["num_drawn"] * num / 400
            assert abs(strata[:num].count(stratum["name"]) - share) <= 1.0


def test_the_cutoff_of_the_model_card_is_taken_where_none_is_given(tmp_path: Path) -> None:
    assert draw(tmp_path, archive(), cutoff=None).cutoff.value == 0.5
    scores = write_scores(tmp_path / "bare", archive(), model={})
    with pytest.raises(EvaluationError, match="recommends no cutoff"):
        draw_audit_sample(scores, str(tmp_path / "x"), config=AuditDrawConfig(), storage=STORAGE)


def test_a_pile_smaller_than_the_sample_is_looked_at_whole(tmp_path: Path) -> None:
    sample = draw(tmp_path, archive(40, lost=3), num_images=500)
    assert "40 media: the whole pile" in "\n".join(sample.lines())
    audit = judge(tmp_path, fill_in(tmp_path, known))
    # Nothing is left open: three animals, all of them seen.
    assert (audit.bound.num_at_most, audit.bound.num_lost_at_most) == (3, 0)


def test_answers_become_a_bound(tmp_path: Path) -> None:
    draw(tmp_path, archive(lost=6))
    audit = judge(tmp_path, fill_in(tmp_path, known), confidence=0.9)
    queue = read_review_queue(STORAGE, str(tmp_path / "q"))
    rows = queue.rows.to_pylist()
    expected = bound_discarded(
        [
            StratumSample(
                name=one["name"],
                num_pile=one["num_media"],
                num_looked_at=sum(row["stratum"] == one["name"] for row in rows),
                num_nonblank=sum(
                    row["stratum"] == one["name"] and row["given_label"] == "nonblank" for row in rows
                ),
            )
            for one in queue.details["strata"]
        ],
        confidence=0.9,
    )
    assert audit.bound == expected
    assert audit.bound.num_pile == 300
    assert (audit.num_unsure, audit.num_unanswered, audit.warnings) == (0, 0, ())
    assert "with 90 % confidence at most" in "\n".join(audit.lines())


def test_unsure_and_disputed_count_as_animals_and_unanswered_as_not_looked_at(tmp_path: Path) -> None:
    draw(tmp_path, archive())
    first = fill_in(tmp_path, lambda n, _: ["unsure", "blank", "nonblank", "blank"][n] if n < 4 else "")
    rows = read_review_queue(STORAGE, str(tmp_path / "q")).rows.column("media_id").to_pylist()
    second = tmp_path / "ben.csv"
    second.write_text(f"media_id,label,labelled_by\n{rows[3]},nonblank,Ben\n")
    audit = judge(tmp_path, first, str(second))
    assert (audit.num_animals, audit.num_unsure, audit.num_unanswered) == (1, 2, 56)
    assert (audit.bound.num_looked_at, audit.bound.num_found) == (4, 3)
    assert any("people differ on 1 media" in warning for warning in audit.warnings)


def test_media_that_were_passed_over_bring_a_warning(tmp_path: Path) -> None:
    draw(tmp_path, archive())
    in_order = fill_in(tmp_path, lambda n, _: "blank" if n < 30 else "")
    assert judge(tmp_path, in_order).warnings == ()
    audit = judge(tmp_path, fill_in(tmp_path, lambda n, _: "" if n == 7 else "blank"))
    assert "1 media before the last one answered have no answer" in audit.warnings[0]
    assert audit.lines()[0].startswith("warning: ")


def test_a_stratum_that_nobody_looked_at_counts_whole(tmp_path: Path) -> None:
    draw(tmp_path, archive())
    audit = judge(tmp_path, fill_in(tmp_path, lambda _, row: "blank" if "night" in row["stratum"] else ""))
    day = sum(one.num_pile for one in audit.strata if "day" in one.name)
    assert audit.bound.num_at_most >= day
    assert any("nothing was looked at in 4 of 8 strata" in warning for warning in audit.warnings)


def test_answers_for_other_media_are_left_out_and_named(tmp_path: Path) -> None:
    draw(tmp_path, archive())
    mine = fill_in(tmp_path, known)
    other = tmp_path / "other.csv"
    other.write_text("media_id,label,labelled_by\nelsewhere.jpg,nonblank,Ana\n")
    audit = judge(tmp_path, mine, str(other))
    assert audit.num_animals == 0
    assert "1 of the 61 answered media are not in this queue, such as elsewhere.jpg" in audit.warnings[0]
    with pytest.raises(ReviewError, match="none of the 1 answer is for a media of"):
        judge(tmp_path, str(other))


def test_a_wish_says_how_many_more_and_the_next_command(tmp_path: Path) -> None:
    rows = archive(3000)
    draw(tmp_path, rows)
    answers = fill_in(tmp_path, known)
    audit = judge(tmp_path, answers, max_lost_share=0.02)
    assert audit.num_more is not None
    assert audit.num_more > 0
    [line] = [line for line in audit.lines() if line.startswith("next")]
    num_images = 60 + audit.num_more
    assert f"--cutoff 0.4 --num-images {num_images} --seed 0" in line
    # The next sample contains what was looked at, and the answers so far count.
    draw(tmp_path, rows, num_images=num_images, out="q2")
    before = read_review_queue(STORAGE, str(tmp_path / "q")).rows.column("media_id").to_pylist()
    after = read_review_queue(STORAGE, str(tmp_path / "q2")).rows.column("media_id").to_pylist()
    assert len(set(before) - set(after)) <= 1
    again = judge(tmp_path, answers, fill_in(tmp_path, known, "q2"), queue="q2", max_lost_share=0.02)
    assert again.num_more == 0
    assert "this holds" in "\n".join(again.lines())


def test_a_wish_that_was_refuted_is_not_chased(tmp_path: Path) -> None:
    draw(tmp_path, archive(lost=150))
    audit = judge(tmp_path, fill_in(tmp_path, known), max_lost_share=0.05)
    assert audit.num_more is None
    assert "choose a lower cutoff" in "\n".join(audit.lines())


def test_an_audit_is_written_whole_and_never_over_something_else(tmp_path: Path) -> None:
    draw(tmp_path, archive(lost=6))
    answers, out = [fill_in(tmp_path, known)], str(tmp_path / "audit")
    config = AuditJudgeConfig(max_lost_share=0.5)

    def write(out: str, *, overwrite: bool = False) -> Audit:
        return judge_answers(
            str(tmp_path / "q"), answers, config=config, storage=STORAGE, out=out, overwrite=overwrite
        )

    audit = write(out)
    record = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert record["num_at_most"] == audit.bound.num_at_most
    assert record["num_more_to_look_at"] == 0
    assert sum(one["num_pile"] for one in record["strata"]) == record["num_pile"] == 300
    with pytest.raises(ReviewError, match="already holds an audit"):
        write(out)
    write(out, overwrite=True)
    with pytest.raises(ReviewError, match="holds something else"):
        write(str(tmp_path / "q"), overwrite=True)


def test_what_cannot_be_audited_is_one_line(tmp_path: Path) -> None:
    config = AuditDrawConfig(cutoff=0.4)
    scores = write_scores(tmp_path / "scores", archive())
    with pytest.raises(EvaluationError, match=r"none of the 320 scored media .* lies below the cutoff 0"):
        draw_audit_sample(scores, str(tmp_path / "x"), config=AuditDrawConfig(cutoff=0.0), storage=STORAGE)
    (tmp_path / "scores" / "_SUCCESS").unlink()
    with pytest.raises(ScoresError, match="is incomplete"):
        draw_audit_sample(scores, str(tmp_path / "x"), config=config, storage=STORAGE)
    assert not (tmp_path / "x").exists()
    allowed = AuditDrawConfig(cutoff=0.4, allow_incomplete=True)
    draw_audit_sample(scores, str(tmp_path / "x"), config=allowed, storage=STORAGE)
    assert "incomplete" in judge(tmp_path, fill_in(tmp_path, known, "x"), queue="x").warnings[0]
    with pytest.raises(UsageError, match="is a review queue: pass --answers"):
        draw_audit_sample(str(tmp_path / "x"), str(tmp_path / "y"), config=config, storage=STORAGE)
    with pytest.raises(ReviewError, match="is no review queue"):
        judge(tmp_path, str(tmp_path / "x.csv"), queue="scores")
    (tmp_path / "bad.csv").write_text("media_id,label,labelled_by\na,zebra,Ana\n")
    with pytest.raises(AnnotationError, match=r"bad\.csv: row 2 .*zebra"):
        judge(tmp_path, str(tmp_path / "bad.csv"), queue="x")


def test_an_error_sample_is_no_discard_audit(tmp_path: Path) -> None:
    draw(tmp_path, archive())
    record = tmp_path / "q" / "queue.json"
    record.write_text(record.read_text().replace("discard_audit", "error_sample"))
    with pytest.raises(ReviewError, match=r"of another kind \(error sample\)"):
        judge(tmp_path, fill_in(tmp_path, known))


@pytest.mark.parametrize("num_lost", [0, 4, 40])
def test_the_bound_holds_as_often_as_it_says_from_scores_to_answers(tmp_path: Path, num_lost: int) -> None:
    """Eighty audits of one archive, each with another seed; animals sit in the lowest scores of one place."""
    rows = archive(400, lost=num_lost)
    scores = write_scores(tmp_path / "scores", rows)
    truth = {row["media_id"]: row["label"] for row in rows}
    num_held = 0
    for seed in range(80):
        config = AuditDrawConfig(cutoff=0.4, num_images=80, seed=seed)
        draw_audit_sample(scores, str(tmp_path / "q"), config=config, storage=STORAGE, overwrite=True)
        answers = fill_in(tmp_path, lambda _, row: truth[row["media_id"]])
        num_held += judge(tmp_path, answers, confidence=0.9).bound.num_at_most >= num_lost
    # 90 % of 80 are 72; chance takes fewer than 64 once in 300 were it 90 % exactly.
    assert num_held >= 64


@pytest.mark.s3
def test_an_audit_lives_on_s3_from_scores_to_record(tmp_path: Path, s3_bucket: str) -> None:
    scores = write_scores(f"s3://{s3_bucket}/scores", archive(lost=6))
    queue, out = f"s3://{s3_bucket}/q", f"s3://{s3_bucket}/audit"
    config = AuditDrawConfig(cutoff=0.4, num_images=60)
    draw_audit_sample(scores, queue, config=config, storage=STORAGE)
    draw(tmp_path, archive(lost=6))
    here = read_review_queue(STORAGE, str(tmp_path / "q")).rows
    assert read_review_queue(STORAGE, queue).rows.equals(here)
    answers = fill_in(tmp_path, known)
    audit = judge_answers(queue, [answers], config=AuditJudgeConfig(), storage=STORAGE, out=out)
    assert audit.bound == judge(tmp_path, answers).bound
    with pytest.raises(ReviewError, match="already holds an audit"):
        judge_answers(queue, [answers], config=AuditJudgeConfig(), storage=STORAGE, out=out)
