"""Training on a local Ray: the same result as without it, runs that stop and go on, and refusals."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import ray
import torch

from blanktrap.core.config import Preprocessing, TrainConfig, WorkersConfig
from blanktrap.core.errors import BlanktrapError, EngineError, LossError, TrainingError
from blanktrap.core.training_record import EpochRecord
from blanktrap.engines.streaming import decoder_on_ray
from blanktrap.engines.training import OnRay
from blanktrap.files.manifest import Manifest
from blanktrap.vision.labelled_media import media_of, read_labelled_rows
from blanktrap.vision.training import running
from blanktrap.vision.training.cached_feed import decoder_here
from blanktrap.vision.training.progress import TrainProgress, TrainSummary
from blanktrap.vision.training.run_folder import open_run
from blanktrap.vision.training.running import InThisProcess
from tests.engines.runs import STORAGE
from tests.labelled_images import draw_labelled
from tests.vision.places import draw_places

pytestmark = pytest.mark.ray
CONFIG = TrainConfig(
    weights="none",
    num_epochs=3,
    batch_size=16,
    val_share=0.3,
    patience=None,
    precision="float32",
    preprocessing=Preprocessing(width_px=40, height_px=32),
)
NUM_MEDIA = 96


@pytest.fixture(scope="module", autouse=True)
def local_ray(s3_server: str) -> Iterator[None]:
    """One Ray for the module, started after the S3 server: workers inherit the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
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
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Bright squares or none, at eight places; one file cannot be read and one is gone."""
    folder = tmp_path_factory.mktemp("labelled")
    drawn = draw_labelled(folder, NUM_MEDIA)
    (folder / "image-5.png").write_bytes(b"no image, but as long as it was")
    (folder / "image-6.png").unlink()
    return drawn


def train(
    manifest: Manifest,
    out: Path | str,
    config: TrainConfig = CONFIG,
    *,
    on_progress: Callable[[TrainProgress], None] = lambda progress: None,
    launcher: OnRay | None = None,
    **settings: Any,
) -> TrainSummary:
    workers = WorkersConfig(**settings)
    with launcher or OnRay(workers, STORAGE, run=str(out)) as started:
        return running.train(
            manifest, str(out), config, STORAGE, started, workers=workers, on_progress=on_progress
        )


def records_of(location: Path | str, config: TrainConfig = CONFIG) -> list[EpochRecord]:
    state = open_run(STORAGE, str(location), config).load_state()
    assert state is not None
    return state.records


@pytest.fixture(scope="module")
def whole(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainSummary, Path]:
    """A run of one worker that nothing stops, and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    summary = train(manifest, folder / "model", storage=str(folder), name="run", cache=str(folder / "cache"))
    return summary, folder


Whole = tuple[TrainSummary, Path]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As the workers have it: sums over several threads round differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_ray_changes_nothing(whole: Whole, manifest: Manifest, tmp_path: Path) -> None:
    with InThisProcess(STORAGE) as launcher:
        plain = running.train(manifest, str(tmp_path / "plain"), CONFIG, STORAGE, launcher)
    summary, _ = whole
    assert summary.card.weights_sha256 == plain.card.weights_sha256
    assert summary.left_out == plain.left_out == {"missing": 1, "unreadable": 1}


def test_every_media_is_decoded_once_and_kept_where_it_was_asked(whole: Whole) -> None:
    files = [path for path in (whole[1] / "cache").rglob("*") if path.is_file()]
    assert len(files) == NUM_MEDIA


def test_two_workers_take_the_steps_of_one(whole: Whole, manifest: Manifest, tmp_path: Path) -> None:
    seen: list[TrainProgress] = []
    together = train(
        manifest,
        tmp_path / "model",
        min_workers=2,
        max_workers=2,
        storage=str(tmp_path),
        name="run",
        on_progress=seen.append,
    )
    one, two = records_of(whole[1] / "run"), records_of(tmp_path / "run")
    assert [record.num_workers for record in two] == [2, 2, 2]
    assert [record.learning_rate for record in two] == [record.learning_rate for record in one]
    assert seen[-1].images_done == seen[-1].images_total
    # Norms see a worker's eight images of a step, not all sixteen, and chance changes others: close, no more.
    for alone, shared in zip(one, two, strict=True):
        assert shared.train_loss == pytest.approx(alone.train_loss, abs=0.15)
    assert together.left_out == {"missing": 1, "unreadable": 1}
    assert together.card.label_counts == whole[0].card.label_counts


def test_stopped_run_goes_on_and_ends_as_if_it_had_not_been_stopped(
    whole: Whole, manifest: Manifest, tmp_path: Path
) -> None:
    def press_ctrl_c(progress: TrainProgress) -> None:
        if progress.epoch == 2:
            raise KeyboardInterrupt

    out = tmp_path / "model"
    with pytest.raises(TrainingError, match=r"stopped: 1 of 3 epochs are kept in .*; run the same command"):
        train(manifest, out, on_progress=press_ctrl_c)
    seen: list[int] = []
    summary = train(manifest, out, on_progress=lambda progress: seen.append(progress.epoch))
    assert min(seen) >= 2
    assert summary.card.weights_sha256 == whole[0].card.weights_sha256
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_killed_worker_costs_an_epoch_at_the_most(manifest: Manifest, tmp_path: Path) -> None:
    seen: list[int] = []
    killed: list[int] = []

    def kill_one(progress: TrainProgress) -> None:
        seen.append(progress.epoch)
        if progress.epoch == 2 and not killed:
            workers = [
                process
                for process in psutil.Process().children(recursive=True)
                if "RayTrainWorker" in " ".join(process.cmdline())
            ]
            assert len(workers) == 2
            killed.append(workers[-1].pid)
            os.kill(workers[-1].pid, signal.SIGKILL)

    summary = train(manifest, tmp_path / "model", min_workers=2, max_workers=2, on_progress=kill_one)
    assert killed
    assert summary.num_epochs == 3
    assert seen == sorted(seen)  # the first epoch, whose state stood, was not run again


def refused(manifest: Manifest, out: Path, config: TrainConfig = CONFIG, **settings: Any) -> BlanktrapError:
    with pytest.raises(BlanktrapError) as caught:
        train(manifest, out, config, **settings)
    assert "\n" not in str(caught.value)
    assert not (out / "model.json").exists()
    return caught.value


def test_loss_that_is_no_number_is_told_and_not_tried_again(manifest: Manifest, tmp_path: Path) -> None:
    seen: list[TrainProgress] = []
    diverging = CONFIG.model_copy(update={"learning_rate": 1e30})
    problem = refused(
        manifest, tmp_path / "model", diverging, min_workers=2, max_workers=2, on_progress=seen.append
    )
    assert isinstance(problem, LossError)
    assert "epoch 1, batch " in str(problem)
    assert str(problem).endswith("(now 1e+30); no epoch was finished, so there is no model")
    assert list(tmp_path.iterdir()) == []


def test_images_none_of_which_can_be_read_are_one_line(tmp_path: Path) -> None:
    manifest = draw_labelled(tmp_path / "labelled", 24)
    for path in (tmp_path / "labelled").glob("*.png"):
        path.write_bytes(b"no image")
    problem = refused(manifest, tmp_path / "model", min_workers=2, max_workers=2)
    assert "labelled images to learn from can be read" in str(problem)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"min_workers": 9, "max_workers": 9}, "this machine has 2 CPU cores, too few for 9 workers"),
        (
            {"use_gpu": True},
            "this machine has 0 GPUs, too few for 1 workers: train on the CPU",
        ),
    ],
)
def test_workers_that_would_wait_for_ever_are_refused(
    manifest: Manifest, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    problem = refused(manifest, tmp_path / "model", **settings)
    assert isinstance(problem, EngineError)
    assert str(problem).startswith(said)


@pytest.mark.s3
def test_run_and_model_are_kept_on_s3(manifest: Manifest, s3_bucket: str) -> None:
    storage, out = f"s3://{s3_bucket}/runs", f"s3://{s3_bucket}/models/one"
    one_epoch = CONFIG.model_copy(update={"num_epochs": 1})
    summary = train(manifest, out, one_epoch, storage=storage, name="first")
    assert summary.num_epochs == 1
    assert len(records_of(f"{storage}/first", one_epoch)) == 1
    assert {entry.relative for entry in STORAGE.list_folder(out)} >= {"model.json", "model.safetensors"}


def test_media_are_compared_on_ray_as_without_it(tmp_path: Path) -> None:
    manifest = draw_places(tmp_path, num_places=6, num_frames=9, labelled=8)
    preprocessing = Preprocessing(width_px=64, height_px=48, background="location")
    rows = read_labelled_rows(manifest, STORAGE, "location")
    media = media_of(rows, ["train"] * rows.num_rows)
    order = np.arange(rows.num_rows)
    here = list(decoder_here(media, preprocessing, STORAGE)(order))
    there = list(decoder_on_ray(media, preprocessing, STORAGE)(order))
    assert len(there) == len(here) == 48
    for one, other in zip(there, here, strict=True):
        assert one.image is not None
        assert other.image is not None
        assert one.image.has_background
        assert np.array_equal(one.image.pixels, other.image.pixels)
