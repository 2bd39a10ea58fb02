"""kill -9 of the driver, of an inference actor and of a Ray node in mid-run: nothing lost, nothing twice.

A model that compares media with their place reads neighbours too: the driver is killed in both modes, a node
under the one and an actor under the other.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import ray
from ray.cluster_utils import Cluster

from blanktrap.core.config import ScoreConfig
from blanktrap.engines.scoring import score_manifest
from tests.engines.runs import STORAGE, Driver, assert_every_media_once

pytestmark = pytest.mark.ray
FLAGS = ["--chunk-size", "16", "--batch-size", "8", "--max-actors", "1", "--precision", "float32"]


@pytest.mark.parametrize("kind", ["model", "comparing_model"])
def test_killed_driver_is_gone_on_with(
    tmp_path: Path,
    manifest: str,
    kind: str,
    request: pytest.FixtureRequest,
    start_driver: Callable[..., Driver],
) -> None:
    model = request.getfixturevalue(kind)
    out = tmp_path / "scores"
    driver = start_driver(manifest, "--model", model, "--out", str(out), *FLAGS)
    driver.wait_for_parts(out, 2)
    driver.kill()
    assert not (out / "_SUCCESS").exists()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}
    again = start_driver(manifest, "--model", model, "--out", str(out), *FLAGS)
    printed = again.finish()
    assert again.process.returncode == 0, printed
    assert_every_media_once(str(out), manifest)
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}
    assert {name: after[name] for name in before} == before
    assert [path.name for path in out.glob(".blanktrap-*")] == []


def test_killed_actor_costs_no_row(
    tmp_path: Path, manifest: str, comparing_model: str, start_driver: Callable[..., Driver]
) -> None:
    out = tmp_path / "scores"
    driver = start_driver(manifest, "--model", comparing_model, "--out", str(out), *FLAGS)
    driver.wait_for_parts(out, 2)
    actors = driver.actors()
    assert len(actors) == 1
    actors[0].kill()
    assert not (out / "_SUCCESS").exists()
    printed = driver.finish()
    assert driver.process.returncode == 0, printed
    assert_every_media_once(str(out), manifest)


def test_lost_node_costs_no_row(tmp_path: Path, manifest: str, model: str) -> None:
    out = tmp_path / "scores"
    store = 128 * 1024 * 1024
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": store})
    try:
        nodes = [cluster.add_node(num_cpus=1, object_store_memory=store) for _ in range(2)]
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False)
        lost = threading.Event()
        victim = nodes[1]
        pids = [info.process.pid for infos in victim.all_processes.values() for info in infos]

        def lose_a_node(_: object) -> None:
            if not lost.is_set() and len(list(out.glob("part-*.parquet"))) >= 2:
                lost.set()
                for pid in pids:
                    psutil.Process(pid).kill()

        config = ScoreConfig(chunk_size=16, batch_size=8, precision="float32", max_actors=2, min_actors=2)
        run = score_manifest(
            manifest, model, str(out), config=config, storage=STORAGE, on_progress=lose_a_node
        )
        assert lost.is_set()
        assert sum(run["counts"].values()) == run["num_media"]
        assert_every_media_once(str(out), manifest)
    finally:
        ray.shutdown()
        cluster.shutdown()
