"""Scores in, a list of labels that look wrong out; scores that cannot show it are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from blanktrap.core.audits.label_findings import LabelFindings
from blanktrap.core.config import AuditLabelsConfig, EvaluateConfig
from blanktrap.core.errors import BlanktrapError
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.core.vocabulary import QueueKind
from blanktrap.files.answers import read_answers
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.label_auditing import audit_scores
from blanktrap.files.review_queues import read_review_queue
from blanktrap.files.scores import ChunkStats, RunIdentity, begin_run, finish_run, write_chunk
from blanktrap.files.storage import Storage

STORAGE = Storage()
MODEL = {"model_id": "m1", "recommended_cutoff": 0.4, "training_locations": [], "validation_locations": []}
BLANK, NONBLANK = "blank_but_animal_visible", "nonblank_but_nothing_there"


def media(name: str, location: str | None, p: float | None, label: str | None, **more: Any) -> dict[str, Any]:
    status = "ok" if p is not None else "unreadable"
    level = more.pop("level", "media" if label else None)
    return {
        "media_id": name,
        "uri": f"/{name}",
        "location_id": location,
        "status": status,
        "p_nonblank": p,
        "model_id": "m1",
        "label": label,
        "label_level": level,
        **more,
    }


def plain_rows() -> list[dict[str, Any]]:
    """Ten blanks and ten nonblanks at two locations that the model knows, and two that it contradicts."""
    rows = [media(f"b{n}", f"L{n % 2}", 0.05 + 0.01 * n, "blank") for n in range(10)]
    rows += [media(f"n{n}", f"L{n % 2}", 0.95 - 0.01 * n, "nonblank") for n in range(10)]
    rows.append(media("overlooked", "L0", 0.99, "blank"))
    rows.append(media("imagined", "L1", 0.02, "nonblank", species=["deer"], sequence_id="s9"))
    return rows


def write_scores(folder: Path, rows: list[dict[str, Any]], model: dict[str, Any] = MODEL) -> str:
    identity = RunIdentity(
        manifest_digest="sha256:d",
        num_media=len(rows),
        model_id="m1",
        chunk_size=7,
        precision="float32",
        max_pixels=1,
        max_bytes=1,
    )
    run = begin_run(STORAGE, str(folder), identity, {"model": model, "versions": {"blanktrap": "0"}})
    written = {}
    for chunk in range(identity.num_chunks):
        start, stop = identity.span(chunk)
        statuses = [row["status"] for row in rows[start:stop]]
        stats = ChunkStats(
            chunk=chunk,
            num_media=stop - start,
            counts={name: statuses.count(name) for name in set(statuses)},
            bytes_read=0,
            fetch_s=0,
            decode_s=0,
            device_s=0,
            number_formats={},
            finished=0,
        )
        schema = SCORES_SCHEMA.append(pa.field("fold", pa.int16())) if "fold" in rows[0] else SCORES_SCHEMA
        table = pa.Table.from_pylist(rows[start:stop], schema=schema)
        write_chunk(STORAGE, str(folder), table, stats)
        written[chunk] = stats
    finish_run(STORAGE, run, written)
    return str(folder)


def audit(scores: str, tmp_path: Path, **config: Any) -> tuple[LabelFindings, list[dict[str, Any]]]:
    out = str(tmp_path / "queue")
    findings = audit_scores(scores, out, config=AuditLabelsConfig(**config), storage=STORAGE, overwrite=True)
    return findings, read_review_queue(STORAGE, out).rows.to_pylist()


def refused(scores: str, tmp_path: Path, **config: Any) -> str:
    with pytest.raises(BlanktrapError) as caught:
        audit(scores, tmp_path, **config)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "queue").exists()
    return str(caught.value)


def test_labels_that_the_scores_contradict_come_onto_the_list(tmp_path: Path) -> None:
    rows = [*plain_rows(), media("nobody", "L0", 0.5, None), media("broken", "L1", None, "blank")]
    findings, listed = audit(write_scores(tmp_path / "scores", rows), tmp_path)
    # Blank 0.05 … 0.14 and 0.99: mean 1.94 / 11; nonblank 0.95 … 0.86 and 0.02: mean 9.07 / 11.
    assert [(row["media_id"], row["stratum"]) for row in listed] == [
        ("overlooked", BLANK),
        ("imagined", NONBLANK),
    ]
    assert listed[1]["given_label"] == "nonblank"
    assert listed[1]["given_species"] == ["deer"]
    assert (listed[1]["location_id"], listed[1]["sequence_id"], listed[1]["order"]) == ("L1", "s9", 1)
    assert listed[1]["p_nonblank"] == pytest.approx(0.02)
    assert listed[0]["reason"] == (
        "labelled blank, but something seems to be visible: score 0.990, where images labelled blank have "
        "0.176 on average"
    )
    # Ten of eleven blanks at or below the mean, one at or above the other's: 11 * 1/11. Nonblank: the same.
    assert findings.audit.blank.estimate == pytest.approx(1.0)
    said = "\n".join(findings.lines())
    assert "looked at 22 labels (11 blank, 11 nonblank) of 22 scored images at 2 locations" in said
    assert "about 2 of 22 (9.1 %, 95 % interval " in said
    assert "labelled images without a score (1 unreadable)" in said
    assert "2 images to look at in" in said
    queue = read_review_queue(STORAGE, str(tmp_path / "queue"))
    assert queue.kind is QueueKind.WRONG_LABELS
    assert queue.made_from == str(tmp_path / "scores")
    assert queue.details["wrong"][BLANK]["estimate"] == pytest.approx(1.0)
    assert queue.details["confident_joint"] == [[10, 1], [1, 10]]


def test_num_media_bounds_the_list_from_the_top(tmp_path: Path) -> None:
    scores = write_scores(tmp_path / "scores", plain_rows())
    _, listed = audit(scores, tmp_path, num_media=1)
    assert [row["media_id"] for row in listed] == ["overlooked"]
    _, listed = audit(scores, tmp_path, num_media=500)
    assert [row["media_id"] for row in listed] == ["overlooked", "imagined"]


def test_frames_of_a_labelled_sequence_are_judged_together(tmp_path: Path) -> None:
    def frames(sequence: str, label: str, *scores: float | None) -> list[dict[str, Any]]:
        return [
            media(f"{sequence}-{n}", "L0", p, label, level="sequence", sequence_id=sequence)
            for n, p in enumerate(scores)
        ]

    rows = [
        *plain_rows()[:20],
        *frames("came", "nonblank", 0.02, 0.93, 0.03),
        *frames("never", "nonblank", 0.02, 0.04, 0.01),
        *frames("passed", "blank", 0.03, 0.97, 0.02),
        *frames("cut", "nonblank", 0.02, None),
    ]
    findings, listed = audit(write_scores(tmp_path / "scores", rows), tmp_path)
    assert [(row["media_id"], row["stratum"]) for row in listed] == [
        ("passed-1", BLANK),
        ("never-1", NONBLANK),
        ("never-0", NONBLANK),
        ("never-2", NONBLANK),
    ]
    assert "in any of its 3 scored frames: highest score 0.040" in listed[2]["reason"]
    assert listed[0]["reason"].startswith("its sequence is labelled blank, but something seems to be visible")
    assert findings.audit.both.num_labels == 23
    said = "\n".join(findings.lines())
    assert "3 labels given to a whole sequence" in said
    assert "not looked at: 1 image of sequences labelled nonblank with a frame that has no score" in said


def test_name_of_a_sequence_that_comes_back_elsewhere_is_another_sequence(tmp_path: Path) -> None:
    rows = plain_rows()[:20]
    rows.append(media("here", "L0", 0.95, "nonblank", level="sequence", sequence_id="1"))
    rows.append(media("there", "L1", 0.02, "nonblank", level="sequence", sequence_id="1"))
    findings, listed = audit(write_scores(tmp_path / "scores", rows), tmp_path)
    assert findings.audit.both.num_labels == 22
    assert [row["media_id"] for row in listed] == ["there"]


@pytest.mark.parametrize("kind", ["training_locations", "validation_locations"])
def test_places_that_the_model_has_seen_are_refused_unless_allowed(tmp_path: Path, kind: str) -> None:
    scores = write_scores(tmp_path / "scores", plain_rows(), {**MODEL, kind: ["L1"]})
    said = refused(scores, tmp_path)
    assert (
        "11 of the 22 labelled media come from 1 location that the model was trained or validated on" in said
    )
    assert (
        "blanktrap train MANIFEST --folds 5 --out DIR and audit DIR/out-of-fold, or pass --allow-seen" in said
    )
    findings, listed = audit(scores, tmp_path, allow_seen=True)
    assert len(listed) == 2
    assert findings.lines()[0].startswith("warning: 11 of the 22 labelled media come from 1 location")


def test_media_of_the_training_split_are_refused(tmp_path: Path) -> None:
    rows = [{**row, "split": "train" if row["media_id"] < "c" else "test"} for row in plain_rows()]
    said = refused(write_scores(tmp_path / "scores", rows), tmp_path)
    assert "10 of the 22 labelled media are in the splits that the model was trained on" in said


def test_model_that_does_not_say_what_it_has_seen_is_warned_of(tmp_path: Path) -> None:
    findings, _ = audit(write_scores(tmp_path / "scores", plain_rows(), {"model_id": "m1"}), tmp_path)
    assert "names no training locations" in findings.lines()[0]


def test_report_leads_to_its_scores(tmp_path: Path) -> None:
    scores = write_scores(tmp_path / "scores", plain_rows())
    report = str(tmp_path / "report")
    evaluate_scores(scores, report, config=EvaluateConfig(), storage=STORAGE)
    _, listed = audit(report, tmp_path)
    assert [row["media_id"] for row in listed] == ["overlooked", "imagined"]
    assert read_review_queue(STORAGE, str(tmp_path / "queue")).made_from == scores


def test_folder_of_folds_leads_to_its_held_out_scores(tmp_path: Path) -> None:
    scores = write_scores(tmp_path / "folds" / "out-of-fold", plain_rows())
    (tmp_path / "folds" / "folds.json").write_text("{}")
    findings, _ = audit(str(tmp_path / "folds"), tmp_path)
    assert findings.looked_at.scores == scores


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([media("a", "L0", 0.5, None)], "none of the 1 media in .* has a label"),
        ([media("a", "L0", None, "blank")], "no scored label"),
        ([media("a", "L0", 0.5, "blank")], "all 1 scored labels are blank"),
        ([media("a", "L0", 0.5, "blank"), media("b", "L0", 0.5, "nonblank")], "do not tell blank from"),
        ([media("a", "L0", 0.5, "deer")], "label 'deer' is neither blank nor nonblank"),
    ],
)
def test_what_cannot_be_audited_is_one_line_and_no_queue(tmp_path: Path, rows, said: str) -> None:
    with pytest.raises(BlanktrapError, match=said):
        audit(write_scores(tmp_path / "scores", rows), tmp_path)
    assert not (tmp_path / "queue").exists()


def test_few_labels_and_a_weak_model_are_warned_of(tmp_path: Path) -> None:
    # Labels nonblank score 0.1 higher on average than labels blank, which lie anywhere.
    rows = [media(f"b{n}", f"L{n % 3}", 0.045 * n, "blank") for n in range(20)]
    rows += [media(f"n{n}", f"L{n % 3}", 0.09 * n + 0.1, "nonblank") for n in range(10)]
    findings, _ = audit(write_scores(tmp_path / "scores", rows), tmp_path)
    said = "\n".join(findings.lines())
    assert "warning: the model is weak (area under ROC" in said
    assert "only 10 nonblank labels: the estimate is a guess" in said


def test_where_nothing_looks_wrong_the_list_is_empty_and_says_so(tmp_path: Path) -> None:
    findings, listed = audit(write_scores(tmp_path / "scores", plain_rows()[:20]), tmp_path)
    assert listed == []
    assert findings.lines()[-1].startswith("no image to look at")


def test_folds_that_score_on_other_scales_are_judged_each_by_its_own(tmp_path: Path) -> None:
    # The model of fold 1 gives blanks about 0.55 and nonblanks about 0.75.
    def squeezed(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "media_id": f"1-{row['media_id']}", "p_nonblank": 0.55 + 0.2 * row["p_nonblank"]}

    rows = [{**row, "fold": 0} for row in plain_rows()]
    rows += [{**squeezed(row), "fold": 1, "location_id": "L5"} for row in plain_rows()]
    findings, listed = audit(write_scores(tmp_path / "scores", rows), tmp_path)
    assert sorted(row["media_id"] for row in listed) == [
        "1-imagined",
        "1-overlooked",
        "imagined",
        "overlooked",
    ]
    reason = next(row["reason"] for row in listed if row["media_id"] == "1-overlooked")
    # 0.55 + 0.2 * 0.99, and 0.55 + 0.2 * 1.94 / 11.
    assert "score 0.748, where images labelled blank have 0.585 on average" in reason
    # In each fold ten nonblanks are above ten blanks, and the one of each that is wrong loses to all.
    assert findings.audit.area_under_roc == pytest.approx(100 / 121)


def test_filled_in_list_is_read_as_answers(tmp_path: Path) -> None:
    audit(write_scores(tmp_path / "scores", plain_rows()), tmp_path)
    sheet = tmp_path / "queue" / "queue.csv"
    header, first, second = sheet.read_text("utf-8-sig").splitlines()
    filled = [line.removesuffix(",,,,,,") for line in (first, second)]
    assert header.endswith(",label,species,position,circumstances,labelled_by,labelled_at")
    sheet.write_text(
        "\n".join([header, f"{filled[0]},nonblank,boar,,,Ada,2026-11-24", f"{filled[1]},blank,,,,Ada,"])
    )
    settled = read_answers(STORAGE, [str(sheet)])
    assert {name: str(one.label) for name, one in settled.answers.items()} == {
        "overlooked": "nonblank",
        "imagined": "blank",
    }


def test_many_small_parts_give_what_one_gives(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    rows = [
        media(
            f"m{n:03}",
            f"L{n % 5}",
            float(np.float32(np.clip(chance.normal(0.8 if n % 2 else 0.2, 0.2), 0, 1))),
            ("blank", "nonblank")[(n % 2) ^ (n % 17 == 0)],
        )
        for n in range(200)
    ]
    findings, listed = audit(write_scores(tmp_path / "scores", rows), tmp_path, num_media=20)
    p = {row["media_id"]: row["p_nonblank"] for row in rows}
    assert all(row["p_nonblank"] == pytest.approx(p[row["media_id"]]) for row in listed)
    assert sum(findings.num_listed.values()) == len(listed) == 20
    order = [abs(row["p_nonblank"] - (findings.audit.lower + findings.audit.upper) / 2) for row in listed]
    assert order == sorted(order, reverse=True)
