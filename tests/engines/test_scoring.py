"""Scoring on a local Ray: one row for every media, resumed runs, and refusals."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray

from blanktrap.core.config import IndexConfig, Precision, Preprocessing, ScoreConfig
from blanktrap.core.errors import CheckpointError, EngineError, ManifestError, ScoresError, SourceError
from blanktrap.core.exposure import ExposureGrade
from blanktrap.core.schemas import NUM_FEATURES, features_of
from blanktrap.engines import scoring
from blanktrap.engines.scoring import ScoreActor, score_manifest
from blanktrap.files.indexing import build_manifest
from blanktrap.files.storage import Storage
from blanktrap.vision.scorer import SeenImages
from tests.engines.runs import NUM_MEDIA, STORAGE, assert_every_media_once, read_scores, save_random_model

pytestmark = pytest.mark.ray
CONFIG = ScoreConfig(chunk_size=32, batch_size=8, precision="float32", max_actors=1)


@pytest.fixture(scope="module", autouse=True)
def local_ray(s3_server: str) -> Iterator[None]:
    """One Ray for the module, started after the S3 server: workers inherit the environment."""
    ray.init(
        address="local",
        num_cpus=2,
        num_gpus=1,  # in name only: enough for Ray to keep the stages apart
        include_dashboard=False,
        object_store_memory=256 * 1024 * 1024,
        log_to_driver=False,
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint with a small input: nothing here is stopped in mid-run."""
    preprocessing = Preprocessing(width_px=96, height_px=72, banner_bottom=0.06)
    return save_random_model(tmp_path_factory.mktemp("small") / "checkpoint", preprocessing=preprocessing)


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory, manifest: str, model: str) -> str:
    out = str(tmp_path_factory.mktemp("scores") / "scores")
    score_manifest(manifest, model, out, config=CONFIG, storage=STORAGE)
    return out


def test_every_media_has_one_row_whatever_happened_to_it(scores: str, manifest: str) -> None:
    table = assert_every_media_once(scores, manifest)
    statuses = Counter(table.column("status").to_pylist())
    assert statuses == {"ok": NUM_MEDIA - 4, "unreadable": 3, "missing": 1}


def test_only_readable_media_have_a_score_and_the_others_a_reason(scores: str) -> None:
    for row in read_scores(scores).to_pylist():
        is_ok = row["status"] == "ok"
        assert (row["p_nonblank"] is not None) == is_ok
        assert (row["error"] is None) == is_ok
        assert (row["width_px"] == 640) == is_ok
        assert (row["exposure"] in set(ExposureGrade)) == is_ok
        assert (row["exposure"] is None) != is_ok
        assert row["error"] is None or "\n" not in row["error"]


def test_run_record_says_what_ran_and_sums_to_the_manifest(scores: str) -> None:
    run = json.loads((Path(scores) / "run.json").read_text())
    assert run["state"] == "complete"
    assert sum(run["counts"].values()) == run["num_media"] == NUM_MEDIA
    assert run["config"]["batch_size"] == 8
    assert run["config"]["max_actors"] == 1
    assert run["number_formats"] == {"float32": NUM_MEDIA}
    assert set(run["versions"]) == {"blanktrap", "ray", "torch", "python"}
    assert run["manifest_digest"].startswith("sha256:")
    assert run["model_id"] == run["model"]["model_id"]
    assert run["bytes_read"] > 0
    assert run["device_s"] > 0
    assert run["wall_s"] > 0


def test_engine_scores_are_those_of_the_engine_free_scorer(scores: str, model: str) -> None:
    from blanktrap.vision.scorer import Scorer

    rows = [row for row in read_scores(scores).to_pylist() if row["status"] == "ok"][:20]
    scorer = Scorer.load(STORAGE, model, device="cpu", precision="float32")
    results = scorer.score_encoded([Path(row["uri"]).read_bytes() for row in rows])
    expected = [result.p_nonblank for result in results]
    np.testing.assert_allclose([row["p_nonblank"] for row in rows], expected, atol=1e-4)


def test_embeddings_come_from_the_same_pass_and_change_no_score(
    tmp_path: Path, scores: str, manifest: str, model: str
) -> None:
    from blanktrap.vision.scorer import Scorer

    out = str(tmp_path / "scores")
    config = CONFIG.model_copy(update={"embeddings": True})
    score_manifest(manifest, model, out, config=config, storage=STORAGE)
    table, without = read_scores(out), read_scores(scores)
    assert table.schema.field("embedding").type == pa.list_(pa.float16(), 512)
    assert "embedding" not in without.column_names
    assert table.column("p_nonblank").equals(without.column("p_nonblank"))
    features, positions = features_of(table.column("embedding"))
    assert positions.tolist() == [at for at, one in enumerate(table["status"].to_pylist()) if one == "ok"]
    assert len(features) == NUM_MEDIA - 4
    weight = Scorer.load(STORAGE, model, device="cpu", precision="float32")._network.last.weight
    logits = features @ weight.detach().numpy()[0]
    p_nonblank = table.column("p_nonblank").drop_null().to_numpy()
    np.testing.assert_allclose(1.0 / (1.0 + np.exp(-logits)), p_nonblank, atol=5e-3)
    with pytest.raises(ScoresError, match="embeddings True, now False"):
        score_manifest(manifest, model, out, config=CONFIG, storage=STORAGE)


def test_rerun_does_only_what_is_missing(tmp_path: Path, manifest: str, model: str) -> None:
    out = tmp_path / "scores"
    score_manifest(manifest, model, str(out), config=CONFIG, storage=STORAGE)
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}
    (out / "_SUCCESS").unlink()
    (out / "part-00000003.parquet").unlink()
    num_done: list[int] = []
    score_manifest(
        manifest,
        model,
        str(out),
        config=CONFIG,
        storage=STORAGE,
        on_progress=lambda progress: num_done.append(progress.num_done),
    )
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}
    assert [name for name in after if after[name] != before[name]] == ["part-00000003.parquet"]
    assert min(num_done) == NUM_MEDIA - 32
    assert max(num_done) == NUM_MEDIA
    assert_every_media_once(str(out), manifest)


def test_finished_run_is_left_alone(scores: str, manifest: str, model: str) -> None:
    before = (Path(scores) / "run.json").read_bytes()
    run = score_manifest(manifest, model, scores, config=CONFIG, storage=STORAGE)
    assert run["state"] == "complete"
    assert (Path(scores) / "run.json").read_bytes() == before


def test_chunk_and_batch_size_do_not_change_scores(
    tmp_path: Path, scores: str, manifest: str, model: str
) -> None:
    out = str(tmp_path / "scores")
    config = CONFIG.model_copy(update={"chunk_size": 100, "batch_size": 7})
    score_manifest(manifest, model, out, config=config, storage=STORAGE)
    first, second = read_scores(scores), read_scores(out)
    assert first.column("media_id").equals(second.column("media_id"))
    one = first.column("p_nonblank").to_numpy()
    np.testing.assert_allclose(one, second.column("p_nonblank").to_numpy(), atol=1e-4)


def test_image_replaced_since_indexing_is_not_scored(
    tmp_path: Path, model: str, make_jpeg: Callable[..., bytes]
) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    for number in range(3):
        (archive / f"{number}.jpg").write_bytes(make_jpeg(number))
    manifest = str(tmp_path / "manifest")
    build_manifest(
        [str(archive)], manifest, annotations=[], inventory=None, config=IndexConfig(), storage=STORAGE
    )
    (archive / "1.jpg").write_bytes(make_jpeg(9, width_px=320))
    out = str(tmp_path / "scores")
    score_manifest(manifest, model, out, config=ScoreConfig(), storage=STORAGE)
    rows = read_scores(out).to_pylist()
    assert [row["status"] for row in rows] == ["ok", "unreadable", "ok"]
    assert "when it was indexed" in rows[1]["error"]


@pytest.mark.s3
def test_folder_and_bucket_give_identical_scores(
    tmp_path: Path, archive: Path, scores: str, model: str, s3_bucket: str
) -> None:
    storage = Storage()
    for path in sorted(archive.rglob("*")):
        if path.is_file():
            key = path.relative_to(archive).as_posix()
            storage.client().put_object(Bucket=s3_bucket, Key=f"a b/{key}", Body=path.read_bytes())
    manifest, out = f"s3://{s3_bucket}/results/manifest", f"s3://{s3_bucket}/results/scores"
    checkpoint = f"s3://{s3_bucket}/model"
    for path in Path(model).iterdir():
        storage.upload(path, f"{checkpoint}/{path.name}")
    build_manifest(
        [f"s3://{s3_bucket}/a b/"],
        manifest,
        annotations=[],
        inventory=None,
        config=IndexConfig(path_pattern="{location}/{}"),
        storage=storage,
    )
    score_manifest(manifest, checkpoint, out, config=CONFIG, storage=storage)
    wanted = {row["media_id"]: row for row in read_scores(scores).to_pylist()}
    rows = read_scores(out).to_pylist()
    assert {row["media_id"] for row in rows} == set(wanted) - {"site 2/gone.jpg"}
    for row in rows:
        other = wanted[row["media_id"]]
        assert (row["p_nonblank"], row["status"]) == (other["p_nonblank"], other["status"])


@pytest.mark.s3
@pytest.mark.real
def test_real_photographs_score_alike_from_folder_and_bucket(
    tmp_path: Path, real_data: Path, model: str, s3_bucket: str
) -> None:
    storage, images = Storage(), real_data / "peru"
    for path in sorted(images.rglob("*.JPG")):
        storage.upload(path, f"s3://{s3_bucket}/peru/{path.relative_to(images).as_posix()}")
    tables = []
    for number, source in enumerate((str(images), f"s3://{s3_bucket}/peru/")):
        manifest, out = str(tmp_path / f"manifest{number}"), str(tmp_path / f"scores{number}")
        labels = [str(images / "labels.csv")]
        config = IndexConfig(read_exif=True)
        build_manifest([source], manifest, annotations=labels, inventory=None, config=config, storage=storage)
        score_manifest(manifest, model, out, config=CONFIG, storage=storage)
        tables.append(read_scores(out).drop_columns(["uri"]))
    assert tables[0].num_rows == 57
    assert tables[0].equals(tables[1])
    assert set(tables[0].column("status").to_pylist()) == {"ok"}


def test_output_of_another_model_is_refused(tmp_path: Path, scores: str, manifest: str, model: str) -> None:
    other = save_random_model(tmp_path / "other", seed=1)
    with pytest.raises(ScoresError, match="belongs to another model"):
        score_manifest(manifest, other, scores, config=CONFIG, storage=STORAGE)


def test_checkpoint_of_another_schema_version_is_refused(tmp_path: Path, manifest: str, model: str) -> None:
    other = tmp_path / "model"
    other.mkdir()
    for path in Path(model).iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    card = json.loads((other / "model.json").read_text())
    (other / "model.json").write_text(json.dumps({**card, "schema_version": 99}))
    out = tmp_path / "scores"
    with pytest.raises(CheckpointError, match="99"):
        score_manifest(manifest, str(other), str(out), config=CONFIG, storage=STORAGE)
    assert not out.exists()


def test_empty_manifest_is_refused(tmp_path: Path, model: str, manifest: str) -> None:
    schema = pq.read_schema(next(Path(manifest).glob("part-*.parquet")))
    empty = tmp_path / "empty.parquet"
    pq.write_table(schema.empty_table(), empty)
    with pytest.raises(ManifestError, match="no media"):
        score_manifest(str(empty), model, str(tmp_path / "scores"), config=CONFIG, storage=STORAGE)


def test_manifest_of_another_program_is_scored_in_its_own_order(
    tmp_path: Path, archive: Path, model: str
) -> None:
    uris = sorted((str(path) for path in archive.rglob("IMG_*.JPG")), reverse=True)[:70]
    path = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"media_id": [Path(uri).name for uri in uris], "uri": uris}), path)
    out = str(tmp_path / "scores")
    score_manifest(str(path), model, out, config=CONFIG, storage=STORAGE)
    assert read_scores(out).column("uri").to_pylist() == uris


def test_gpu_is_asked_for_only_where_there_is_one(tmp_path: Path, manifest: str, model: str) -> None:
    config = CONFIG.model_copy(update={"num_gpus": 2.0, "max_actors": None})
    with pytest.raises(EngineError, match="the cluster has 1 GPUs now"):
        score_manifest(manifest, model, str(tmp_path / "scores"), config=config, storage=STORAGE)


class NumberlessScorer:
    """What a network that overflows looks like from outside."""

    preprocessing = Preprocessing(width_px=32, height_px=32)
    model_id = "resnet34-none"

    def look_at(self, pixels: np.ndarray) -> SeenImages:
        none = np.full(len(pixels), np.nan, np.float32)
        return SeenImages(p_nonblank=none, features=np.zeros((len(pixels), NUM_FEATURES), np.float16))


class ActorWithoutGpu(ScoreActor):
    """Takes a GPU from Ray, and computes without it."""

    def __init__(
        self, model: str, storage: Storage, precision: Precision, device: str, *, embeddings: bool
    ) -> None:
        assert device == "cuda"
        super().__init__(model, storage, precision, "cpu", embeddings=embeddings)


def test_stages_apart_as_with_gpus_give_the_same_scores(
    tmp_path: Path, scores: str, manifest: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "ScoreActor", ActorWithoutGpu)
    out = str(tmp_path / "scores")
    config = CONFIG.model_copy(update={"num_gpus": 1.0})
    score_manifest(manifest, model, out, config=config, storage=STORAGE)
    assert_every_media_once(out, manifest)
    one = read_scores(scores).column("p_nonblank").to_numpy()
    np.testing.assert_allclose(one, read_scores(out).column("p_nonblank").to_numpy(), atol=1e-4)


def test_score_that_is_no_number_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from blanktrap.vision.scorer import Scorer

    monkeypatch.setattr(Scorer, "load", lambda *_, **__: NumberlessScorer())
    pixels = pa.array([bytes(32 * 32 * 3)], pa.binary(32 * 32 * 3))
    batch = pa.table({"uri": ["a.jpg"], "pixels": pixels})
    actor = ScoreActor("model", STORAGE, "auto", "cpu")
    with pytest.raises(CheckpointError, match=r"gives no number for a\.jpg"):
        actor(batch)


def test_unreachable_ray_is_one_line(tmp_path: Path, manifest: str, model: str) -> None:
    command = [sys.executable, "-m", "blanktrap", "score", manifest, "--model", model]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "scores")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "RAY_ADDRESS": "127.0.0.1:1"},
    )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("blanktrap: Ray at 127.0.0.1:1 cannot be reached")


def test_archive_that_is_not_where_it_was_stops_the_run(tmp_path: Path, model: str) -> None:
    path = tmp_path / "moved.parquet"
    uris = [f"/nowhere/{number}.jpg" for number in range(9)]
    pq.write_table(pa.table({"media_id": uris, "uri": uris}), path)
    out = tmp_path / "scores"
    with pytest.raises(SourceError, match="none of 5 probed media can be read"):
        score_manifest(str(path), model, str(out), config=CONFIG, storage=STORAGE)
    assert not out.exists()


def test_extra_columns_of_a_manifest_do_no_harm(tmp_path: Path, archive: Path, model: str) -> None:
    uris = sorted(str(path) for path in archive.rglob("IMG_000*.JPG"))
    path = tmp_path / "mine.parquet"
    extra = {name: ["mine"] * len(uris) for name in ("width_px", "status", "row", "chunk", "pixels")}
    pq.write_table(pa.table({"media_id": uris, "uri": uris, **extra}), path)
    out = str(tmp_path / "scores")
    score_manifest(str(path), model, out, config=CONFIG, storage=STORAGE)
    assert set(read_scores(out).column("status").to_pylist()) == {"ok"}


def test_actors_that_decode_too_are_handed_one_piece_at_a_time() -> None:
    # A piece takes minutes: a second one would wait for its actor while others are idle.
    fused = scoring._pool((2, 2), 9, is_fused=True)
    assert (fused.min_size, fused.max_size, fused.max_tasks_in_flight_per_actor) == (2, 2, 1)
    assert scoring._pool((2, 4), 3, is_fused=True).max_size == 3
    # Ray Data lets a pool grow by what waits for its actors, and feeds a GPU from what waits.
    assert scoring._pool((1, 4), 9, is_fused=True).max_tasks_in_flight_per_actor is None
    assert scoring._pool((2, 2), 9, is_fused=False).max_tasks_in_flight_per_actor is None
