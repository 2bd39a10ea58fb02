"""Scores in, a queue of media to label out: never a labelled, unreadable or test media."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import SuggestConfig
from blanktrap.core.errors import BlanktrapError, UsageError
from blanktrap.core.schemas import EMBEDDING, MANIFEST_SCHEMA, NUM_FEATURES
from blanktrap.core.vocabulary import QueueKind
from blanktrap.files.review_queues import read_review_queue
from blanktrap.files.storage import Storage
from blanktrap.files.suggesting import Suggested, suggest_media
from tests.files.written_scores import media, write_scores

STORAGE = Storage()


def suggest(
    tmp_path: Path, rows: list[dict[str, Any]], **config: Any
) -> tuple[Suggested, list[dict[str, Any]]]:
    extras = (EMBEDDING,) if "embedding" in rows[0] else ()
    scores = tmp_path / "scores"
    if not scores.exists():
        write_scores(scores, rows, extras=extras)
    out = str(tmp_path / "queue")
    found = suggest_media(str(scores), out, config=SuggestConfig(**config), storage=STORAGE, overwrite=True)
    queue = read_review_queue(STORAGE, out)
    assert queue.kind is QueueKind.SUGGESTED
    return found, queue.rows.to_pylist()


def pointing(*where: float) -> list[float]:
    """Features that point somewhere in the first few directions."""
    return [*where, *[0.0] * (NUM_FEATURES - len(where))]


def plain_rows() -> list[dict[str, Any]]:
    rows = [media(f"A/{n}.jpg", 0.02 * n, None, is_night=False) for n in range(30)]
    rows += [media(f"A/known{n}.jpg", 0.5, "blank", is_night=False) for n in range(5)]
    rows += [media(f"B/{n}.jpg", 0.9, None, is_night=True) for n in range(3)]
    rows += [media("A/broken.jpg", None, None)]
    rows += [media(f"T/{n}.jpg", 0.5, None) for n in range(4)]
    rows += [media("T/labelled.jpg", 0.5, "nonblank", split="test")]
    return rows


def test_media_near_the_cutoff_and_of_thinly_covered_places_are_suggested(tmp_path: Path) -> None:
    found, rows = suggest(tmp_path, plain_rows(), num_images=4, shares=(0.5, 0.0, 0.0, 0.5))
    # 25 * 0.02 is the cutoff itself; 0.48 and 0.52 lie as far from it in log odds.
    assert next(row["media_id"] for row in rows if row["stratum"] == "uncertain") == "A/25.jpg"
    assert {row["media_id"] for row in rows if row["stratum"] == "uncertain"} < {
        "A/24.jpg",
        "A/25.jpg",
        "A/26.jpg",
    }
    assert {row["location_id"] for row in rows if row["stratum"] == "thinly covered"} == {"B"}
    reasons = {row["stratum"]: row["reason"] for row in rows}
    assert "the cutoff 0.5" in reasons["uncertain"]
    assert reasons["thinly covered"] == "location B at night has 0 labelled images"
    assert [row["stratum"] for row in rows[:2]] == ["uncertain", "thinly covered"]
    said = "\n".join(found.lines())
    assert "suggested     4 of 33 scored media without a label" in said
    assert "the scores have no features" in said
    assert "4 media of test locations" in said


def test_labelled_unreadable_and_test_media_never_come(tmp_path: Path) -> None:
    found, rows = suggest(tmp_path, plain_rows(), num_images=500)
    assert len(rows) == found.num_suggestible == 33
    assert len({row["media_id"] for row in rows}) == 33
    assert not [row for row in rows if "known" in row["media_id"] or row["location_id"] == "T"]
    assert not [row for row in rows if "broken" in row["media_id"]]
    assert any(line.startswith("fewer") for line in found.lines())
    _, rows = suggest(tmp_path, plain_rows(), num_images=500, include_test=True)
    assert {row["media_id"] for row in rows} >= {f"T/{n}.jpg" for n in range(4)}
    assert "T/labelled.jpg" not in {row["media_id"] for row in rows}


def test_a_sequence_gives_no_more_than_allowed_and_names_of_sequences_may_come_back(tmp_path: Path) -> None:
    rows = [
        media(f"{place}/{n}.jpg", 0.5, None, sequence_id="s1", is_night=False)
        for place in "AB"
        for n in range(6)
    ]
    _, found = suggest(tmp_path, rows, num_images=10)
    assert sorted(row["location_id"] for row in found) == ["A", "B"]
    _, found = suggest(tmp_path, rows, num_images=10, max_per_sequence=2)
    assert sorted(row["location_id"] for row in found) == ["A", "A", "B", "B"]


def test_the_unusual_and_what_looks_like_a_rare_species_are_suggested(tmp_path: Path) -> None:
    rows = [
        media(f"A/deer{n}.jpg", 0.9, "nonblank", species=["deer"], embedding=pointing(1, 0, 0))
        for n in range(3)
    ]
    rows.append(media("A/fox.jpg", 0.9, "nonblank", species=["fox"], embedding=pointing(0, 1, 0)))
    rows += [
        media(f"A/{n}.jpg", 0.01, None, sequence_id=f"s{n}", embedding=pointing(1, 0.01 * n, 0))
        for n in range(8)
    ]
    rows.append(media("A/like a fox.jpg", 0.01, None, embedding=pointing(0, 1, 0.1)))
    rows.append(media("A/strange.jpg", 0.01, None, embedding=pointing(0, 0, 1)))
    rows.append(media("A/broken.jpg", None, None, embedding=None))
    found, listed = suggest(tmp_path, rows, num_images=3, shares=(0.0, 0.34, 0.0, 0.66))
    by_name = {row["media_id"]: row for row in listed}
    assert by_name["A/strange.jpg"]["stratum"] == "unusual"
    assert "looks unlike every labelled image" in by_name["A/strange.jpg"]["reason"]
    # 2 - 2 * 0 = 2, the square of the distance of what points elsewhere.
    assert "distance 1.41" in by_name["A/strange.jpg"]["reason"]
    assert by_name["A/like a fox.jpg"]["reason"] == "looks most like a labelled fox, which has 1 label"
    assert found.has_features
    assert not any("no features" in line for line in found.lines())


def test_the_same_seed_suggests_the_same_media_and_another_seed_others(tmp_path: Path) -> None:
    rows = [
        media(f"{place}/{n}.jpg", 0.9, None, is_night=False, embedding=list(np.eye(NUM_FEATURES)[n]))
        for place in "AB"
        for n in range(100)
    ]
    drawn = [
        [row["media_id"] for row in suggest(tmp_path, rows, num_images=6, num_candidates=50, seed=seed)[1]]
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_nothing_to_suggest_and_bad_shares_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(BlanktrapError, match="there is nothing to suggest") as caught:
        suggest(tmp_path, [media("A/1.jpg", 0.4, "blank"), media("A/2.jpg", None, None)])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "queue").exists()
    with pytest.raises(ValueError, match="must sum to 1"):
        SuggestConfig(shares=(0.5, 0.5, 0.5, 0.5))
    from blanktrap.cli.suggest import _parse_shares

    for text in ("0.4,0.3,0.3", "much", ""):
        with pytest.raises(UsageError, match="--shares"):
            _parse_shares(text)


def test_labels_of_a_newer_manifest_replace_those_of_the_scores(tmp_path: Path) -> None:
    rows = [media(f"A/{n}.jpg", 0.5, "blank" if n == 0 else None, species=[]) for n in range(4)]
    schema = MANIFEST_SCHEMA
    newer = [
        {"media_id": f"A/{n}.jpg", "uri": f"/A/{n}.jpg", "label": "nonblank" if n == 1 else None}
        for n in range(4)
    ]
    newer.append({"media_id": "A/gone.jpg", "uri": "/A/gone.jpg", "label": "blank"})
    pq.write_table(pa.Table.from_pylist(newer, schema=schema), tmp_path / "newer.parquet")
    scores = write_scores(tmp_path / "scores", rows)
    config, out = SuggestConfig(num_images=9), str(tmp_path / "queue")
    labels = str(tmp_path / "newer.parquet")
    found = suggest_media(scores, out, config=config, storage=STORAGE, labels=labels)
    listed = read_review_queue(STORAGE, out).rows.to_pylist()
    # A/0 has no label any more, A/1 has one now.
    assert {row["media_id"] for row in listed} == {"A/0.jpg", "A/2.jpg", "A/3.jpg"}
    assert {row["given_label"] for row in listed} == {None}
    said = "\n".join(found.lines())
    assert f"labels        1 of {labels}; 1 more are of media that the scores do not have" in said
    pq.write_table(pa.Table.from_pylist(newer[-1:], schema=schema), tmp_path / "newer.parquet")
    with pytest.raises(BlanktrapError, match="labels 1 media and none of them is in the scores"):
        suggest_media(scores, out, config=config, storage=STORAGE, labels=labels, overwrite=True)
