"""Heatmaps and the public functions see what scoring sees, where rows of a manifest are given."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import blanktrap
from blanktrap.core.config import ExplainConfig, Preprocessing
from blanktrap.core.neighbours import NeighbourRule
from blanktrap.files.explained_media import MediaSource
from blanktrap.files.manifest import open_manifest
from blanktrap.vision.explained_loading import find_places
from blanktrap.vision.explaining import explain
from tests.engines.runs import STORAGE, save_random_model
from tests.files.written_scores import media, write_scores
from tests.place_archives import MORNING, Shot, burst, write_archive

COMPARES = Preprocessing(width_px=64, height_px=48, background="location")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_random_model(tmp_path_factory.mktemp("model") / "model", preprocessing=COMPARES)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> str:
    first = Shot(place="A", taken=MORNING, animal=40)
    shots = [shot for number in range(8) for shot in burst(first, 3, name=f"s{number}", after_s=900 * number)]
    shots = [replace(shot, animal=40 if 9 <= number < 12 else None) for number, shot in enumerate(shots)]
    return write_archive(tmp_path_factory.mktemp("archive"), [*shots, Shot(place="alone")])


def rows_of(manifest: str) -> pa.Table:
    opened = open_manifest(STORAGE, manifest)
    return opened.read_rows(STORAGE, 0, opened.num_media)


def test_rows_of_a_manifest_are_compared_and_lone_images_are_not(model: str, manifest: str) -> None:
    rows, scorer = rows_of(manifest), blanktrap.load_model(model, device="cpu", precision="float32")
    whole = blanktrap.score_images(rows, scorer)
    assert whole.column("has_background").to_pylist() == [True] * 24 + [False]
    lone = blanktrap.score_images(rows.column("uri").to_pylist(), scorer)
    assert lone.column("has_background").to_pylist() == [False] * 25
    differs = np.abs(whole.column("p_nonblank").to_numpy() - lone.column("p_nonblank").to_numpy()) > 1e-3
    assert differs[9:12].all()
    assert not differs[24]


def explained(out: Path) -> dict[str, float]:
    table = pq.read_table(out / "heatmaps.parquet")
    return dict(zip(table["uri"].to_pylist(), table["p_nonblank"].to_pylist(), strict=True))


@pytest.mark.parametrize("kind", ["manifest", "scores"])
def test_chosen_media_are_explained_with_the_neighbours_that_were_not_chosen(
    tmp_path: Path, model: str, manifest: str, kind: str
) -> None:
    rows, scorer = rows_of(manifest), blanktrap.load_model(model, device="cpu", precision="float32")
    scored = blanktrap.score_images(rows, scorer)
    expected = dict(zip(rows["uri"].to_pylist(), scored["p_nonblank"].to_pylist(), strict=True))
    source = MediaSource(storage=STORAGE, named=(manifest,))
    if kind == "scores":
        kept = ("uri", "location_id", "sequence_id", "timestamp", "size_bytes")
        facts = rows.select(kept).to_pylist()
        written = [media(one["uri"], expected[one["uri"]], None, **one) for one in facts]
        source = MediaSource(storage=STORAGE, scores=write_scores(tmp_path / "scores", written))
    config = ExplainConfig(num_images=6, precision="float32", seed=3)
    out = tmp_path / "out"
    summary = explain(model, source, str(out), config=config, storage=STORAGE)
    found = explained(out)
    assert len(found) == 6
    for uri, p_nonblank in found.items():
        assert p_nonblank == pytest.approx(expected[uri], abs=1e-4)
    # As it is, what differs, and the heat.
    for path in (out / "overlays").iterdir():
        picture = Image.open(path)
        assert picture.width == 4 * picture.height
    assert not any("another p_nonblank" in note for note in summary.notes)


def test_images_named_alone_are_explained_without_background_and_that_is_told(
    tmp_path: Path, model: str, manifest: str
) -> None:
    source = MediaSource(storage=STORAGE, named=(str(Path(manifest).parent / "0003.jpg"),))
    summary = explain(model, source, str(tmp_path / "out"), config=ExplainConfig(), storage=STORAGE)
    assert summary.notes == [
        "1 media without background of the place: too few neighbours in the same light, or not named by a "
        "manifest or by scores"
    ]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_media_are_found_in_the_first_manifest_however_its_rows_come(size: int) -> None:
    names = [f"{number}.jpg" for number in range(40)]
    run = pa.table(
        {
            "uri": names,
            "size_bytes": [9] * 40,
            "location_id": ["A"] * 40,
            **dict.fromkeys(("deployment_id", "sequence_id"), pa.nulls(40, pa.string())),
            "timestamp": pa.nulls(40, pa.timestamp("ms")),
        }
    )
    pieces = [run.slice(start, size) for start in range(0, 40, size)]
    other = run.slice(0, 3).set_column(0, "uri", pa.array(["17.jpg", "x.jpg", "y.jpg"]))
    rule = NeighbourRule(reach_rows=2, max_neighbours=4)
    wanted = ["0.jpg", "17.jpg", "39.jpg", "18.jpg", "y.jpg", "gone.jpg"]
    found = find_places([pieces, [other]], wanted, rule)
    # The nearer first, the earlier before the later.
    beside = {0: [1, 2], 17: [16, 18, 15, 19], 18: [17, 19, 16, 20], 39: [38, 37]}
    assert found.keys() == {*(names[row] for row in beside), "y.jpg"}
    for row, others in beside.items():
        assert found[names[row]].row == row
        assert found[names[row]].neighbours == tuple((at, names[at], 9) for at in others)
    assert found["y.jpg"].neighbours == ((41, "x.jpg", 9), (40, "17.jpg", 9))
