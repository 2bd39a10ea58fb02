"""kill -9 of the driver, Ctrl-C, a lost machine: an epoch at the most is lost; machines that come join in."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
import ray
from ray.cluster_utils import Cluster

from blanktrap.core.config import Preprocessing, TrainConfig, WorkersConfig
from blanktrap.core.errors import TrainingError
from blanktrap.engines import training
from blanktrap.engines.training import OnRay
from blanktrap.files.manifest import Manifest
from blanktrap.files.model_cards import read_card
from blanktrap.vision.training import running
from blanktrap.vision.training.progress import TrainProgress
from tests.engines.runs import STORAGE, Driver
from tests.labelled_images import draw_labelled

pytestmark = pytest.mark.ray
CONFIG = TrainConfig(
    weights="none",
    num_epochs=60,  # long enough that a machine goes or comes while it trains
    batch_size=16,
    val_share=0.3,
    patience=None,
    precision="float32",
    preprocessing=Preprocessing(width_px=40, height_px=32),
)
FLAGS = [
    *("--weights", "none", "--num-epochs", "10", "--batch-size", "16", "--precision", "float32"),
    *("--patience", "0", "--image-size", "40x32"),
]
STORE = 128 * 1024 * 1024


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return draw_labelled(tmp_path_factory.mktemp("labelled"), 96)


Start = Callable[..., Driver]


def test_killed_driver_is_gone_on_with(manifest: Manifest, tmp_path: Path, start_driver: Start) -> None:
    out, cache = tmp_path / "model", tmp_path / "cache"
    arguments = [manifest.location, "--out", str(out), "--cache", str(cache), *FLAGS]
    driver = start_driver(*arguments, command="train")
    driver.wait_for_epoch(tmp_path / "model.unfinished" / "training", 1)
    driver.kill()
    assert not (out / "model.json").exists()
    other = start_driver(*arguments, "--learning-rate", "0.01", command="train")
    printed = other.finish()
    assert other.process.returncode == 1
    assert "holds a run trained with learning-rate 0.001, now it is 0.01: give another --name" in printed
    again = start_driver(*arguments, "--num-workers", "2", command="train")
    printed = again.finish()
    assert again.process.returncode == 0, printed
    assert read_card(STORAGE, str(out)).config.num_epochs == 10
    assert "Traceback" not in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "model"]


def test_ctrl_c_says_how_to_go_on(manifest: Manifest, tmp_path: Path, start_driver: Start) -> None:
    out = tmp_path / "model"
    # Long enough that Ctrl-C finds it at work.
    driver = start_driver(manifest.location, "--out", str(out), *FLAGS, "--num-epochs", "60", command="train")
    driver.wait_for_epoch(tmp_path / "model.unfinished" / "training", 1)
    driver.process.send_signal(signal.SIGINT)
    printed = driver.finish()
    assert driver.process.returncode == 1, printed
    last = printed.strip().splitlines()[-1]
    assert last.startswith("blanktrap: stopped: ")
    assert last.endswith("; run the same command again to go on")
    assert "Traceback" not in printed


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head that computes nothing and keeps the driver, and one machine of a core."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE})
    try:
        cluster.add_node(num_cpus=1, object_store_memory=STORE)
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def train(
    manifest: Manifest, folder: Path, workers: tuple[int, int], on_progress: Callable[[TrainProgress], None]
) -> None:
    config = WorkersConfig(
        min_workers=workers[0],
        max_workers=workers[1],
        storage=str(folder),
        name="run",
    )
    out = str(folder / "model")
    with OnRay(config, STORAGE, run=out) as launcher:
        running.train(manifest, out, CONFIG, STORAGE, launcher, workers=config, on_progress=on_progress)


def workers_by_epoch(folder: Path) -> list[int]:
    """How many workers each finished epoch had."""
    log = folder / "model" / "training.parquet"
    return pq.read_table(log).column("num_workers").to_pylist() if log.exists() else []


def test_lost_machine_leaves_the_rest_to_go_on(cluster: Cluster, manifest: Manifest, tmp_path: Path) -> None:
    node = cluster.add_node(num_cpus=1, object_store_memory=STORE)
    cluster.wait_for_nodes()
    raylets = [psutil.Process(info.process.pid) for infos in node.all_processes.values() for info in infos]
    lost: list[psutil.Process] = []

    def lose_a_machine(progress: TrainProgress) -> None:
        if progress.epoch >= 2 and not lost:
            # All that runs there is gone at once.
            lost.extend(raylets + [child for one in raylets for child in one.children(recursive=True)])
            for process in lost:
                process.kill()
        elif lost and workers_by_epoch(tmp_path)[-1] == 1:
            raise KeyboardInterrupt  # what was to be shown has been seen

    with pytest.raises(TrainingError, match="stopped: "):
        train(manifest, tmp_path, (1, 2), lose_a_machine)
    num_workers = workers_by_epoch(tmp_path)
    assert num_workers[0] == 2
    assert sorted(num_workers, reverse=True) == num_workers


def test_machine_that_comes_later_joins_in(
    cluster: Cluster, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "RESIZE_AFTER_S", 0.5)
    came: list[object] = []

    def add_a_machine(progress: TrainProgress) -> None:
        if progress.epoch >= 2 and not came:
            came.append(cluster.add_node(num_cpus=1, object_store_memory=STORE))
        elif came and len(set(workers_by_epoch(tmp_path))) > 1:
            raise KeyboardInterrupt  # what was to be shown has been seen

    with pytest.raises(TrainingError, match="stopped: "):
        train(manifest, tmp_path, (1, 4), add_a_machine)
    num_workers = workers_by_epoch(tmp_path)
    assert num_workers[0] == 1
    assert num_workers[-1] == 2
