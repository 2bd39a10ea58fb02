"""Head, two workers and S3 on four hosts: cables pulled, a head that dies. Nothing lost, nothing twice."""

import logging
import os
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import numpy as np
import pytest
from PIL import Image

from blanktrap.core.config import IndexConfig, Preprocessing
from blanktrap.files.indexing import build_manifest
from blanktrap.files.model_cards import read_card
from blanktrap.files.storage import Storage
from tests.cluster.hosts import DEADLINE_S, Host, can_have_hosts, hosts
from tests.engines.runs import assert_every_media_once, save_random_model
from tests.faulty_proxy import FaultyProxy, faulty_proxy

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.ray,
    pytest.mark.s3,
    pytest.mark.skipif(not can_have_hosts(), reason="network namespaces need root and iproute2"),
]
SERVER = Path(__file__).resolve().parents[2] / "benchmarks" / "s3_server.py"
NUM_MEDIA, CHUNK = 240, 10
STORE_BYTES = 100 * 1024 * 1024
# A host is its own: with ports that are said nobody waits until Ray's agents have found some.
PORTS = [
    *("--runtime-env-agent-port=6400", "--dashboard-agent-grpc-port=6401"),
    *("--dashboard-agent-listen-port=6402", "--metrics-export-port=6403"),
]
START_ATTEMPTS = 3
AWAY_S = 15
"""Longer than Ray takes, with the settings below, to give a host up."""
FLAGS = ["--chunk-size", str(CHUNK), "--batch-size", "5", "--precision", "float32", "--min-actors", "2"]
# A host that does not answer is given up after seconds, not after a minute.
RAY_SETTINGS = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "8",
    # Ray's workers give way to whatever else runs; here that would only take longer.
    "RAY_worker_niceness": "0",
    "RAY_raylet_start_wait_time_s": "120",
    # Whether a machine's user has a token of Ray's must not matter.
    "RAY_AUTH_MODE": "disabled",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "OMP_NUM_THREADS": "1",
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Site:
    """A cluster on hosts of its own, and S3 on another."""

    head: Host
    workers: list[Host]
    proxy: FaultyProxy
    folder: Path

    def start_head(self) -> None:
        head = ["--head", "--port=6379", "--num-cpus=0", "--include-dashboard=false", "--no-monitor"]
        head += ["--temp-dir", str(self.folder / "ray")]
        self._ray(self.head, *head)

    def start_worker(self, host: Host) -> None:
        self._ray(host, f"--address={self.address}", "--num-cpus=1")

    @property
    def address(self) -> str:
        return f"{self.head.address}:6379"

    def _ray(self, host: Host, *options: str) -> None:
        common = [f"--node-ip-address={host.address}", f"--object-store-memory={STORE_BYTES}", "--block"]
        common += [*PORTS, "--include-log-monitor=false"]
        ray = str(Path(sys.executable).with_name("ray"))
        for attempt in range(START_ATTEMPTS):
            log = self.folder / f"{host.name}-{uuid.uuid4().hex[:8]}.log"
            process = host.start(ray, "start", *options, *common, log=log)
            while "Ray runtime started" not in log.read_text() and process.poll() is None:
                time.sleep(0.05)
            if process.poll() is None:
                return
            # Ray waits fifteen seconds for its own agents, which a busy machine may not be done with.
            assert attempt + 1 < START_ATTEMPTS, log.read_text()
            host.kill()

    def run(self, *arguments: str) -> "Run":
        """A command of blanktrap on the head."""
        log = self.folder / f"run-{len(list(self.folder.glob('run-*.log')))}.log"
        command = [sys.executable, "-m", "blanktrap", *arguments]
        return Run(process=self.head.start(*command, log=log, RAY_ADDRESS=self.address), log=log)

    def parts(self, name: str) -> dict[str, str]:
        """The parts of a scores dataset and their ETags."""
        pages = Storage().client().get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket="site", Prefix=f"{name}/part-")
        return {item["Key"]: item["ETag"] for page in listed for item in page.get("Contents", [])}

    def images_sent(self) -> int:
        return sum(number for target, number in self.proxy.whole_gets.items() if target.endswith(".jpg"))


@dataclass(frozen=True, kw_only=True)
class Run:
    process: Popen[str]
    log: Path

    def wait_for(self, is_so: Callable[[], bool]) -> None:
        _wait_for(is_so, self.process, self.log)

    def finish(self) -> str:
        """Wait for a good end, and return what was printed."""
        status = self.process.wait(timeout=2 * DEADLINE_S)
        assert status == 0, self.log.read_text()
        return self.log.read_text()


def _wait_for(is_so: Callable[[], bool], process: Popen[str], log: Path) -> None:
    """Wait until something is so; fail if the process ends before."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert process.poll() is None, f"ended early:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"never came about:\n{log.read_text()}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with (
        # Names of sockets may be no longer than 107 bytes.
        tempfile.TemporaryDirectory(prefix="bt-", ignore_cleanup_errors=True) as name,
        hosts("head", "one", "two", "s3") as (head, one, two, s3),
        pytest.MonkeyPatch.context() as patch,
    ):
        folder = Path(name)
        log = folder / "s3.log"
        server = s3.start(sys.executable, str(SERVER), "0", "5", s3.address, log=log)
        _wait_for(lambda: log.read_text().strip().isdigit(), server, log)
        bridge = f"{head.address.rpartition('.')[0]}.254"
        with faulty_proxy(f"http://{s3.address}:{log.read_text().strip()}", host=bridge) as proxy:
            for name in [name for name in os.environ if name.startswith(("AWS_", "RAY_"))]:
                patch.delenv(name)
            for name, value in {
                "AWS_ENDPOINT_URL": proxy.address,
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "testing",
                "AWS_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
                **RAY_SETTINGS,
            }.items():
                patch.setenv(name, value)
            _fill_bucket()
            site = Site(head=head, workers=[one, two], proxy=proxy, folder=folder)
            site.start_head()
            for host in site.workers:
                site.start_worker(host)
            yield site


def _fill_bucket() -> None:
    """Images with a bright square, or none, at eight places."""
    client = Storage().client()
    client.create_bucket(Bucket="site")
    chance = np.random.default_rng(0)
    rows = ["path,label"]
    for number in range(NUM_MEDIA):
        pixels = chance.integers(60, 120, (12, 16, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)
        if number % 2:
            pixels[30:80, 40:100] = (230, 160, 40)
        name = f"place-{number % 8}/{number:03d}.jpg"
        rows.append(f"{name},{'nonblank' if number % 2 else 'blank'}")
        client.put_object(Bucket="site", Key=f"images/{name}", Body=_jpeg(pixels))
    client.put_object(Bucket="site", Key="labels.csv", Body="\n".join(rows).encode())
    build_manifest(
        ["s3://site/images/"],
        "s3://site/manifest",
        annotations=["s3://site/labels.csv"],
        inventory=None,
        config=IndexConfig(path_pattern="{location}/{}"),
        storage=Storage(),
    )


def _jpeg(pixels: np.ndarray) -> bytes:
    from io import BytesIO

    sink = BytesIO()
    Image.fromarray(pixels).save(sink, "JPEG", quality=90)
    return sink.getvalue()


@pytest.fixture(scope="module")
def model(site: Site, tmp_path_factory: pytest.TempPathFactory) -> str:
    preprocessing = Preprocessing(width_px=80, height_px=60)
    folder = Path(save_random_model(tmp_path_factory.mktemp("model"), preprocessing=preprocessing))
    for path in folder.iterdir():
        Storage().upload(path, f"s3://site/random/{path.name}")
    return "s3://site/random"


def test_two_hosts_train_together(site: Site) -> None:
    flags = ["--weights", "none", "--num-epochs", "3", "--batch-size", "32", "--precision", "float32"]
    flags += ["--image-size", "40x32", "--num-workers", "2"]
    site.run("train", "s3://site/manifest", "--out", "s3://site/model", *flags).finish()
    card = read_card(Storage(), "s3://site/model")
    assert card.training is not None
    assert card.training.num_workers == 2


def test_pulled_cable_costs_no_row_and_the_host_joins_again(site: Site, model: str) -> None:
    site.proxy.befall(None)
    run = site.run("score", "s3://site/manifest", "--model", model, "--out", "s3://site/cable", *FLAGS)
    run.wait_for(lambda: len(site.parts("cable")) >= 4)
    victim = site.workers[0]
    victim.cut()
    try:
        assert len(site.parts("cable")) < NUM_MEDIA // CHUNK
        time.sleep(AWAY_S)  # how long the cable is out, not a wait for something to come about
    finally:
        victim.mend()
    run.finish()
    table = assert_every_media_once("s3://site/cable", "s3://site/manifest")
    assert Counter(table.column("status").to_pylist()) == {"ok": NUM_MEDIA}
    redone = site.images_sent() - NUM_MEDIA
    logger.info("pulled cable: rows lost 0, doubled 0, images fetched again %d of %d", redone, NUM_MEDIA)
    # Ray has given the host up, and what runs there ends when it learns of it: the host must begin anew.
    victim.started[-1].wait(timeout=DEADLINE_S)
    victim.kill()
    site.start_worker(victim)


def test_head_that_dies_is_started_again_and_the_run_goes_on(site: Site, model: str) -> None:
    site.proxy.befall(None)
    arguments = ["score", "s3://site/manifest", "--model", model, "--out", "s3://site/head", *FLAGS]
    run = site.run(*arguments)
    run.wait_for(lambda: len(site.parts("head")) >= 4)
    site.head.kill()
    before = site.parts("head")
    assert len(before) < NUM_MEDIA // CHUNK
    for host in site.workers:
        host.kill()
    site.start_head()
    for host in site.workers:
        site.start_worker(host)
    site.run(*arguments).finish()
    table = assert_every_media_once("s3://site/head", "s3://site/manifest")
    assert Counter(table.column("status").to_pylist()) == {"ok": NUM_MEDIA}
    after = site.parts("head")
    assert {name: after[name] for name in before} == before
    redone = site.images_sent() - NUM_MEDIA
    logger.info("dead head: rows lost 0, doubled 0, images fetched again %d of %d", redone, NUM_MEDIA)
