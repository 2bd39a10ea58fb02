"""How far a run is can be told while it writes, from a bounded number of its parts."""

from pathlib import Path

import pyarrow as pa
import pytest

from blanktrap.core.errors import ScoresError
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.files import run_progress
from blanktrap.files.run_progress import read_progress
from blanktrap.files.scores import ChunkStats, RunIdentity, begin_run, finish_run, write_chunk
from blanktrap.files.storage import Storage

STORAGE = Storage()
NUM_CHUNKS, PER_CHUNK = 20, 10


def write_chunks(folder: Path, chunks: range) -> dict[int, ChunkStats]:
    """Chunks that end two seconds apart; the first media of every fourth is damaged."""
    written = {}
    for chunk in chunks:
        is_bad = chunk % 4 == 0
        rows = [
            {
                "media_id": f"{chunk}-{place}",
                "uri": "/x",
                "status": "unreadable" if is_bad and not place else "ok",
                "error": f"ends after {chunk * 1000} bytes" if is_bad and not place else None,
                "p_nonblank": None if is_bad and not place else 0.5,
                "model_id": "m",
                "species": [],
            }
            for place in range(PER_CHUNK)
        ]
        stats = ChunkStats(
            chunk=chunk,
            num_media=PER_CHUNK,
            counts={"ok": PER_CHUNK - is_bad, "unreadable": int(is_bad)},
            number_formats={},
            bytes_read=0,
            fetch_s=0,
            decode_s=0,
            device_s=0,
            finished=1_000_000.0 + 2 * chunk,
        )
        write_chunk(STORAGE, str(folder), pa.Table.from_pylist(rows, schema=SCORES_SCHEMA), stats)
        written[chunk] = stats
    return written


@pytest.fixture
def run(tmp_path):
    identity = RunIdentity(
        manifest_digest="sha256:d",
        num_media=NUM_CHUNKS * PER_CHUNK,
        model_id="m",
        chunk_size=PER_CHUNK,
        precision="float32",
        max_pixels=1,
        max_bytes=1,
    )
    return begin_run(STORAGE, str(tmp_path), identity, {"model": {}})


def test_a_run_that_goes_on_says_how_far_it_is(run) -> None:
    write_chunks(Path(run.location), range(8))
    found = read_progress(STORAGE, run.location)
    assert not found.is_complete
    assert (found.num_parts, found.num_chunks) == (8, NUM_CHUNKS)
    assert (found.num_scored, found.num_media) == (80, 200)
    assert found.counts["ok"] == 78
    assert found.counts["unreadable"] == 2
    # After the first, seven chunks of ten ended in fourteen seconds.
    pace = found.speed.column("images_per_s").to_numpy()
    assert pace.mean() == pytest.approx(70 / 14)


def test_reasons_that_differ_in_numbers_alone_are_one(run) -> None:
    write_chunks(Path(run.location), range(8))
    assert read_progress(STORAGE, run.location).reasons.to_pylist() == [
        {
            "status": "unreadable",
            "reason": "ends after … bytes",
            "num_media": 2,
            "example_media_id": "0-0",
        }
    ]


def test_of_many_parts_an_even_selection_is_read(run, monkeypatch) -> None:
    monkeypatch.setattr(run_progress, "MOST_PARTS", 5)
    finish_run(STORAGE, run, write_chunks(Path(run.location), range(NUM_CHUNKS)))
    found = read_progress(STORAGE, run.location)
    assert found.is_complete
    assert found.is_sampled
    assert found.num_scored == 200
    # A finished run has its counts in run.json: nothing is extrapolated.
    assert found.counts["unreadable"] == 5
    assert found.speed.num_rows <= 5


def test_a_damaged_part_is_passed_over(run) -> None:
    write_chunks(Path(run.location), range(4))
    (Path(run.location) / "part-00000001.parquet").write_bytes(b"half")
    found = read_progress(STORAGE, run.location)
    assert found.num_parts == 4
    assert found.num_scored == 40


def test_what_is_no_run_is_refused(tmp_path) -> None:
    with pytest.raises(ScoresError, match=r"run\.json"):
        read_progress(STORAGE, str(tmp_path))
