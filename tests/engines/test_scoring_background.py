"""Scoring with the background of the place: the same scores however the archive is cut."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import ray

from blanktrap.core.config import DecodeLimits, Preprocessing, ScoreConfig
from blanktrap.engines.pieces import Span
from blanktrap.engines.scoring import score_manifest
from blanktrap.engines.sources import MediaSource, pixels_of
from blanktrap.files.manifest import open_manifest
from blanktrap.files.scores_reader import describe_run
from tests.engines.runs import STORAGE, assert_every_media_once, read_scores, save_random_model
from tests.place_archives import MORNING, Shot, burst, write_archive

PLACES = Preprocessing(width_px=96, height_px=72, background="location")
CONFIG = ScoreConfig(chunk_size=16, batch_size=8, precision="float32", max_actors=1)
LONG_AGO = datetime(1970, 1, 1)


def every_kind() -> list[Shot]:
    """What archives are like: 96 media, most of which can be compared with their place."""
    hour = timedelta(hours=1)
    shots: list[Shot] = []
    for number in range(5):
        animal = 40 if number == 2 else None
        first = Shot(place="bursts", taken=MORNING + number * hour, animal=animal)
        shots += burst(first, 3, name=f"b{number}")
    shots += [Shot(place="time-lapse", taken=MORNING + number * hour) for number in range(16)]
    shots += [Shot(place=f"alone-{number}") for number in range(3)]
    shots += [
        Shot(place="switches", taken=MORNING + number * hour, is_night=number % 2 == 1)
        for number in range(12)
    ]
    flaws = ["", "zero_bytes", "", "truncated", "", "gone", "", "", "", ""]
    shots += [
        Shot(place="corrupt", taken=MORNING + number * hour, flaw=flaw) for number, flaw in enumerate(flaws)
    ]
    shots += burst(Shot(place=None), 5, name="nowhere")
    shots += [Shot(place=None, taken=MORNING + number * hour) for number in range(3)]
    shots += [Shot(place="no clock", taken=None) for _ in range(8)]
    shots += [Shot(place="wrong clock", taken=LONG_AGO + number * hour) for number in range(8)]
    sizes = [(160, 120), (192, 108)]
    shots += [
        Shot(place="two cameras", taken=MORNING + number * hour, size=sizes[number % 2])
        for number in range(16)
    ]
    return shots


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_archive(tmp_path_factory.mktemp("places"), every_kind())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_random_model(tmp_path_factory.mktemp("model") / "checkpoint", preprocessing=PLACES)


def pixels_by_media(manifest: str, num_rows: int, order: int = 1) -> dict[str, np.ndarray | None]:
    """The pixels of all media, read in pieces of so many rows in rising or falling order."""
    opened = open_manifest(STORAGE, manifest)
    source = MediaSource(
        storage=STORAGE, preprocessing=PLACES, limits=DecodeLimits(), batch_size=8, fetch_threads=2
    )
    found: dict[str, np.ndarray | None] = {}
    for first in list(range(0, opened.num_media, num_rows))[::order]:
        span = Span(first, min(first + num_rows, opened.num_media))
        start, stop = source.reach_of(span, opened.num_media)
        rows = opened.read_rows(STORAGE, start, stop)
        for table in source.read_span(span, rows, start):
            names = table.column("media_id").to_pylist()
            found |= dict.fromkeys(names)
            pixels, places = pixels_of(table, PLACES)
            found |= {names[place]: one for place, one in zip(places.tolist(), pixels, strict=True)}
    return found


def test_pixels_are_the_same_however_an_archive_is_cut(manifest: str) -> None:
    whole = pixels_by_media(manifest, 1000)
    assert len(whole) == 96
    for num_rows, order in ((1, 1), (7, -1), (16, 1), (41, -1)):
        found = pixels_by_media(manifest, num_rows, order)
        assert found.keys() == whole.keys()
        for name, pixels in whole.items():
            assert np.array_equal(found[name], pixels) if pixels is not None else found[name] is None


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=256 * 1024 * 1024,
        log_to_driver=False,
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory, manifest: str, model: str, local_ray: None) -> Path:
    out = tmp_path_factory.mktemp("scores") / "scores"
    score_manifest(manifest, model, str(out), config=CONFIG, storage=STORAGE)
    return out


@pytest.mark.ray
def test_scores_are_the_same_however_an_archive_is_cut(
    tmp_path: Path, manifest: str, model: str, scores: Path
) -> None:
    out = str(tmp_path / "scores")
    config = CONFIG.model_copy(update={"chunk_size": 37, "batch_size": 5})
    score_manifest(manifest, model, out, config=config, storage=STORAGE)
    first, second = assert_every_media_once(str(scores), manifest), assert_every_media_once(out, manifest)
    assert first.column("has_background").equals(second.column("has_background"))
    one, two = (table.column("p_nonblank").to_numpy() for table in (first, second))
    assert np.nanstd(one) > 0.01
    np.testing.assert_allclose(one, two, atol=1e-4)


@pytest.mark.ray
def test_background_matters_where_there_is_one_and_is_told(scores: Path, manifest: str) -> None:
    table, run = read_scores(str(scores)), json.loads((scores / "run.json").read_text())
    places = table.column("location_id").to_pylist()
    has_background = dict(zip(table.column("media_id").to_pylist(), has_background_of(table), strict=True))
    by_place = {place: [] for place in places}
    for name, place in zip(table.column("media_id").to_pylist(), places, strict=True):
        by_place[place].append(has_background[name])
    for place in ("bursts", "time-lapse", "switches", "no clock", "wrong clock", "two cameras"):
        assert all(by_place[place]), place
    assert [by_place[f"alone-{number}"] for number in range(3)] == [[False]] * 3
    assert sorted(map(str, by_place["corrupt"])) == ["None"] * 3 + ["True"] * 7
    assert sorted(by_place[None]) == [False] * 3 + [True] * 5
    told = run["background"]
    assert told["num_without"] == 6
    assert run["counts"]["ok"] == 93
    # Pieces end where places do, and elsewhere as far as a twentieth allows: not as chunks of 16 do.
    assert told["extra_share"] == told["extra_reads"] / 96 <= 0.05
    assert told["compare_s"] > 0
    lines = describe_run("here", run)
    assert lines[1] == "87 of 93 compared with the background of their place, 6 without one (6.5 %)"
    assert lines[2].startswith(f"{told['extra_reads']} images ({100 * told['extra_share']:.1f} %) read twice")


def has_background_of(table: pa.Table) -> list[bool | None]:
    return table.column("has_background").to_pylist()


@pytest.mark.ray
def test_rerun_does_what_is_missing_and_counts_as_before(
    tmp_path: Path, manifest: str, model: str, scores: Path
) -> None:
    whole = read_scores(str(scores))
    before = json.loads((scores / "run.json").read_text())
    kept = {path.name: path.stat().st_mtime_ns for path in scores.glob("part-*.parquet")}
    (scores / "_SUCCESS").unlink()
    (scores / "part-00000002.parquet").unlink()
    run = score_manifest(manifest, model, str(scores), config=CONFIG, storage=STORAGE)
    now = {path.name: path.stat().st_mtime_ns for path in scores.glob("part-*.parquet")}
    assert [name for name in now if now[name] != kept[name]] == ["part-00000002.parquet"]
    assert read_scores(str(scores)).equals(whole)
    assert run["background"]["num_without"] == before["background"]["num_without"]
    # A chunk that is done alone reads its neighbours, which other chunks have: twelve on either side.
    again = run["background"]["extra_reads"] - before["background"]["extra_reads"]
    assert 0 < again <= 24
    assert run["background"]["extra_bytes"] > before["background"]["extra_bytes"]
