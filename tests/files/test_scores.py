"""The scores dataset: claimed once, written in whole chunks, finished last."""

import json
import logging
import os
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.errors import ScoresError
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.files.scores import (
    BackgroundStats,
    ChunkStats,
    RunIdentity,
    begin_run,
    finish_run,
    write_chunk,
)
from blanktrap.files.scores_reader import describe_run, open_scores
from blanktrap.files.storage import Storage

STORAGE = Storage()
IDENTITY = RunIdentity(
    manifest_digest="sha256:1",
    num_media=5,
    model_id="resnet34-a",
    chunk_size=2,
    precision="auto",
    max_pixels=100,
    max_bytes=100,
)


def rows(start: int, stop: int) -> pa.Table:
    """Rows of a finished chunk; row 3 was missing."""
    places = range(start, stop)
    status = ["missing" if place == 3 else "ok" for place in places]
    return pa.table(
        {
            "media_id": [f"{place}.jpg" for place in places],
            "uri": [f"/archive/{place}.jpg" for place in places],
            "status": status,
            "p_nonblank": pa.array([None if place == 3 else place / 10 for place in places], pa.float32()),
            "model_id": ["resnet34-a"] * len(places),
        }
    )


def stats(chunk: int, start: int, stop: int) -> ChunkStats:
    missing = int(start <= 3 < stop)
    return ChunkStats(
        chunk=chunk,
        num_media=stop - start,
        counts={"ok": stop - start - missing, "missing": missing},
        number_formats={"float32": stop - start},
        bytes_read=100,
        fetch_s=1.0,
        decode_s=2.0,
        device_s=3.0,
        finished=time.time(),
    )


def write(out: str, chunk: int) -> ChunkStats:
    start, stop = IDENTITY.span(chunk)
    write_chunk(STORAGE, out, rows(start, stop), stats(chunk, start, stop))
    return stats(chunk, start, stop)


def test_chunks_cover_the_manifest_once() -> None:
    spans = [IDENTITY.span(chunk) for chunk in range(IDENTITY.num_chunks)]
    assert spans == [(0, 2), (2, 4), (4, 5)]


def test_finished_run_has_every_row_in_order_and_counts_that_sum(tmp_path: Path) -> None:
    out = str(tmp_path / "scores")
    run = begin_run(STORAGE, out, IDENTITY, {"model_id": "resnet34-a"})
    record = finish_run(STORAGE, run, {chunk: write(out, chunk) for chunk in (2, 0, 1)})
    assert record["counts"] == {"ok": 4, "missing": 1, "unreadable": 0, "too_large": 0, "unsupported": 0}
    assert record["bytes_read"] == 300
    assert record["device_s"] == 9.0
    scores = open_scores(STORAGE, out)
    table = pa.concat_tables(scores.iter_tables(STORAGE))
    assert table.column("media_id").to_pylist() == [f"{place}.jpg" for place in range(5)]
    assert table.schema.equals(SCORES_SCHEMA)
    assert table.column("p_nonblank").null_count == 1


def test_what_background_took_is_summed_over_restarts(tmp_path: Path) -> None:
    out = str(tmp_path / "scores")
    begin_run(STORAGE, out, IDENTITY, {"model_id": "m"})
    took = BackgroundStats(num_without=1, extra_reads=2, extra_bytes=30, extra_s=0.5, compare_s=0.25)
    written = {}
    for chunk in range(3):
        start, stop = IDENTITY.span(chunk)
        written[chunk] = replace(stats(chunk, start, stop), background=took)
    for chunk in (0, 1):
        write_chunk(STORAGE, out, rows(*IDENTITY.span(chunk)), written[chunk])
    again = begin_run(STORAGE, out, IDENTITY, {"model_id": "m"})
    assert again.finished_stats[1].background == took
    record = finish_run(STORAGE, again, {2: written[2]})
    # Three chunks of the same; six images read twice for the five of the manifest.
    assert record["background"] == {
        "num_without": 3,
        "extra_reads": 6,
        "extra_bytes": 90,
        "extra_s": 1.5,
        "compare_s": 0.75,
        "extra_share": 1.2,
    }
    assert describe_run(out, record)[1:3] == [
        "1 of 4 compared with the background of their place, 3 without one (75.0 %)",
        "6 images (120.0 %) read twice for it, 0.00 GB",
    ]


def test_run_of_a_model_without_background_says_nothing_of_it(tmp_path: Path) -> None:
    out = str(tmp_path / "scores")
    run = begin_run(STORAGE, out, IDENTITY, {"model_id": "resnet34-a"})
    record = finish_run(STORAGE, run, {chunk: write(out, chunk) for chunk in range(3)})
    assert "background" not in record


def test_null_columns_keep_their_type_in_every_part(tmp_path: Path) -> None:
    out = str(tmp_path / "scores")
    begin_run(STORAGE, out, IDENTITY, {})
    write(out, 0)
    schema = pq.read_schema(tmp_path / "scores" / "part-00000000.parquet")
    assert schema.field("location_id").type == pa.string()
    assert schema.field("error").type == pa.string()


def test_unfinished_run_is_refused_unless_allowed(tmp_path: Path) -> None:
    out = str(tmp_path / "scores")
    begin_run(STORAGE, out, IDENTITY, {})
    write(out, 0)
    with pytest.raises(ScoresError, match=r"incomplete \(1 of 3 parts\)"):
        open_scores(STORAGE, out)
    assert open_scores(STORAGE, out, allow_incomplete=True).is_complete is False


def test_rerun_finds_the_finished_chunks_and_totals_stay_exact(tmp_path: Path) -> None:
    out = str(tmp_path / "scores")
    begin_run(STORAGE, out, IDENTITY, {})
    write(out, 1)
    again = begin_run(STORAGE, out, IDENTITY, {})
    assert again.finished_chunks == {1}
    record = finish_run(STORAGE, again, {chunk: write(out, chunk) for chunk in (0, 2)})
    assert sum(record["counts"].values()) == 5
    assert record["fetch_s"] == 3.0
    assert [session["num_media"] for session in record["sessions"]] == [2, 3]


def test_missing_chunk_keeps_success_away(tmp_path: Path) -> None:
    out = tmp_path / "scores"
    run = begin_run(STORAGE, str(out), IDENTITY, {})
    with pytest.raises(ScoresError, match="chunk 1 should have 2 rows and has no file"):
        finish_run(STORAGE, run, {chunk: write(str(out), chunk) for chunk in (0, 2)})
    assert not (out / "_SUCCESS").exists()


@pytest.mark.parametrize("left", ["nothing", "words", "half"])
def test_damaged_part_is_told_and_scored_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, left: str
) -> None:
    out = tmp_path / "scores"
    begin_run(STORAGE, str(out), IDENTITY, {})
    for chunk in (0, 1):
        write(str(out), chunk)
    torn = out / "part-00000001.parquet"
    whole = torn.read_bytes()
    torn.write_bytes({"nothing": b"", "words": b"PAR1 cut", "half": whole[: len(whole) // 2]}[left])
    with caplog.at_level(logging.WARNING):
        again = begin_run(STORAGE, str(out), IDENTITY, {})
    assert again.finished_chunks == {0}
    assert f"{torn} is damaged" in caplog.text
    record = finish_run(STORAGE, again, {chunk: write(str(out), chunk) for chunk in (1, 2)})
    assert sum(record["counts"].values()) == 5
    assert pa.concat_tables(open_scores(STORAGE, str(out)).iter_tables(STORAGE)).num_rows == 5


def test_part_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "scores"
    begin_run(STORAGE, str(out), IDENTITY, {})
    pq.write_table(pa.table({"a": [1]}), out / "part-00000001.parquet")
    with pytest.raises(ScoresError, match="was not written by this run"):
        begin_run(STORAGE, str(out), IDENTITY, {})


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("manifest_digest", "sha256:2", "another manifest"),
        ("model_id", "resnet34-b", "another model"),
        ("chunk_size", 3, "another --chunk-size"),
        ("precision", "float32", "another --precision"),
        ("embeddings", True, "with or without --embeddings"),
    ],
)
def test_output_of_another_run_is_refused_and_left_alone(
    tmp_path: Path, field: str, value: object, words: str
) -> None:
    out = tmp_path / "scores"
    begin_run(STORAGE, str(out), IDENTITY, {})
    before = (out / "run.json").read_bytes()
    other = RunIdentity(**{**vars(IDENTITY), field: value})  # type: ignore[arg-type]
    with pytest.raises(ScoresError, match=words):
        begin_run(STORAGE, str(out), other, {})
    assert (out / "run.json").read_bytes() == before


def test_run_from_before_embeddings_could_be_kept_goes_on_and_keeps_none(tmp_path: Path) -> None:
    out = tmp_path / "scores"
    begin_run(STORAGE, str(out), IDENTITY, {})
    record = json.loads((out / "run.json").read_text())
    del record["identity"]["embeddings"]
    (out / "run.json").write_text(json.dumps(record))
    assert begin_run(STORAGE, str(out), IDENTITY, {}).record["identity"]["embeddings"] is False
    with pytest.raises(ScoresError, match="embeddings False, now True"):
        begin_run(STORAGE, str(out), RunIdentity(**{**vars(IDENTITY), "embeddings": True}), {})


def test_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(ScoresError, match=r"it has holiday\.jpg"):
        begin_run(STORAGE, str(tmp_path), IDENTITY, {})


def test_complete_run_is_not_opened_for_writing_again(tmp_path: Path) -> None:
    out = tmp_path / "scores"
    run = begin_run(STORAGE, str(out), IDENTITY, {})
    finish_run(STORAGE, run, {chunk: write(str(out), chunk) for chunk in range(3)})
    before = (out / "run.json").read_bytes()
    assert begin_run(STORAGE, str(out), IDENTITY, {}).is_complete
    assert (out / "run.json").read_bytes() == before


def test_other_schema_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(ScoresError, match="schema version 99, this blanktrap reads 1"):
        open_scores(STORAGE, str(tmp_path))


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    out = tmp_path / "scores"
    begin_run(STORAGE, str(out), IDENTITY, {})
    for name, age_s in ((".blanktrap-killed", 4000), (".blanktrap-at-work", 10)):
        (out / name).write_bytes(b"half a file")
        os.utime(out / name, (time.time() - age_s, time.time() - age_s))
    begin_run(STORAGE, str(out), IDENTITY, {})
    assert sorted(path.name for path in out.iterdir()) == [".blanktrap-at-work", "run.json"]


@pytest.mark.parametrize(
    "identity",
    [
        None,
        [],
        {},
        {"num_media": 5},
        {**vars(IDENTITY), "num_media": "5"},
        {**vars(IDENTITY), "chunk_size": 0},
    ],
)
def test_run_json_without_a_whole_identity_is_one_line(tmp_path: Path, identity: object) -> None:
    (tmp_path / "run.json").write_text(
        json.dumps({"schema_version": 1, "identity": identity, "sessions": []})
    )
    for act in (
        lambda: open_scores(STORAGE, str(tmp_path)),
        lambda: begin_run(STORAGE, str(tmp_path), IDENTITY, {}),
    ):
        with pytest.raises(ScoresError, match=r"run\.json is damaged") as caught:
            act()
        assert "\n" not in str(caught.value)


def test_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scores"
    path.write_bytes(b"x")
    for act in (
        lambda: open_scores(STORAGE, str(path)),
        lambda: begin_run(STORAGE, str(path), IDENTITY, {}),
    ):
        with pytest.raises(ScoresError, match="scores is a file: give a folder"):
            act()
    assert path.read_bytes() == b"x"
