"""A spot machine gets notice and is taken away in mid-run: only what was in flight is done again."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import ray
from ray.cluster_utils import Cluster

from blanktrap.core.config import IndexConfig, Preprocessing, ScoreConfig
from blanktrap.engines.scoring import score_manifest
from blanktrap.files.indexing import build_manifest
from blanktrap.files.storage import Storage
from tests.engines.runs import assert_every_media_once, save_random_model
from tests.faulty_proxy import FaultyProxy, faulty_proxy

pytestmark = [pytest.mark.ray, pytest.mark.s3]
NUM_MEDIA, CHUNK = 200, 8
STORE = 100 * 1024 * 1024
NOTICE_S = 1.0
"""AWS gives two minutes."""

logger = logging.getLogger(__name__)


@pytest.fixture
def proxy(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3_server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)  # before Ray: its workers inherit it
        yield proxy


@pytest.fixture
def manifest(proxy: FaultyProxy, s3_bucket: str, make_jpeg: Callable[..., bytes]) -> str:
    client = Storage().client()
    for number in range(NUM_MEDIA):
        body = make_jpeg(number, width_px=160, height_px=120)
        client.put_object(Bucket=s3_bucket, Key=f"images/{number:03d}.jpg", Body=body)
    out = f"s3://{s3_bucket}/manifest"
    build_manifest(
        [f"s3://{s3_bucket}/images/"],
        out,
        annotations=[],
        inventory=None,
        config=IndexConfig(),
        storage=Storage(),
    )
    return out


def test_reclaimed_machine_costs_what_was_in_flight(
    proxy: FaultyProxy, manifest: str, tmp_path: Path
) -> None:
    model = save_random_model(tmp_path / "model", preprocessing=Preprocessing(width_px=320, height_px=240))
    out = tmp_path / "scores"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE})
    try:
        nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE) for _ in range(2)]
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False)
        victim, seen = nodes[1], {}

        def take_away() -> None:
            give_notice(cluster.address, victim.node_id)
            seen["notice"] = len(parts_of(out))
            time.sleep(NOTICE_S)  # the machine's own time, not a wait for something to come about
            written = len(parts_of(out))
            for info in (info for infos in victim.all_processes.values() for info in infos):
                psutil.Process(info.process.pid).kill()
            seen["written"], seen["sent"] = written, images_sent(proxy)

        taking = threading.Thread(target=take_away)

        def reclaim(_: object) -> None:
            if not taking.ident and len(parts_of(out)) >= 3:
                taking.start()

        proxy.befall(None)
        config = ScoreConfig(chunk_size=CHUNK, batch_size=8, precision="float32", max_actors=2, min_actors=2)
        score_manifest(manifest, model, str(out), config=config, storage=Storage(), on_progress=reclaim)
        taking.join()
        table = assert_every_media_once(str(out), manifest)
        assert Counter(table.column("status").to_pylist()) == {"ok": NUM_MEDIA}
        assert seen["written"] < NUM_MEDIA // CHUNK, "the run was over before the machine went"
        in_flight = seen["sent"] - seen["written"] * CHUNK
        redone = images_sent(proxy) - NUM_MEDIA
        logger.info(
            "reclaimed machine: rows lost 0, doubled 0, images in flight %d, done again %d of %d",
            in_flight,
            redone,
            NUM_MEDIA,
        )
        assert redone <= in_flight
    finally:
        ray.shutdown()
        cluster.shutdown()


def give_notice(address: str, node_id: str) -> None:
    """What the autoscaler tells Ray when AWS announces that it takes a machine back."""
    from ray._raylet import GcsClient
    from ray.core.generated import autoscaler_pb2

    reason = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    deadline_ms = int((time.time() + NOTICE_S) * 1000)
    is_accepted, why = GcsClient(address=address).drain_node(node_id, reason, "spot reclaim", deadline_ms)
    assert is_accepted, why


def parts_of(out: Path) -> list[Path]:
    return list(out.glob("part-*.parquet"))


def images_sent(proxy: FaultyProxy) -> int:
    return sum(number for target, number in proxy.whole_gets.items() if target.endswith(".jpg"))
