"""The cable of a host that reads from S3 on another is pulled and put back: every media comes, each once."""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blanktrap.files.storage import Storage
from tests.cluster.hosts import DEADLINE_S, can_have_hosts, hosts

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.s3,
    pytest.mark.skipif(not can_have_hosts(), reason="network namespaces need root and iproute2"),
]
SERVER = Path(__file__).resolve().parents[2] / "benchmarks" / "s3_server.py"
NUM_MEDIA, AT_LEAST, AWAY_S = 120, 30, 12.0
READER = """
import json, sys
from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.files.storage import Storage
from blanktrap.vision.loading import load_images

uris = [f"s3://cable/{number:03d}.jpg" for number in range(int(sys.argv[1]))]
settings = {"preprocessing": Preprocessing(width_px=40, height_px=32), "limits": DecodeLimits()}
loaded = load_images(uris, [None] * len(uris), storage=Storage(read_timeout_s=2), num_threads=1, **settings)
for one in loaded:
    print(json.dumps([one.status, one.error]), flush=True)
"""


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def test_pulled_cable_costs_no_media(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_jpeg: Callable[..., bytes]
) -> None:
    with hosts("reader", "s3") as (reader, s3):
        log, said = tmp_path / "s3.log", tmp_path / "reader.log"
        s3.start(sys.executable, str(SERVER), "0", "100", s3.address, log=log)
        wait_for(lambda: log.read_text().strip().isdigit())
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{s3.address}:{log.read_text().strip()}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        client, body = Storage().client(), make_jpeg(1, width_px=160, height_px=120)
        client.create_bucket(Bucket="cable")
        with ThreadPoolExecutor(max_workers=8) as pool:
            names = [f"{number:03d}.jpg" for number in range(NUM_MEDIA)]
            list(pool.map(lambda name: client.put_object(Bucket="cable", Key=name, Body=body), names))
        process = reader.start(sys.executable, "-c", READER, str(NUM_MEDIA), log=said)
        wait_for(lambda: said.read_text().count("\n") >= AT_LEAST)
        reader.cut()
        num_before = said.read_text().count("\n")
        time.sleep(AWAY_S)  # how long the cable is out, not a wait for something to come about
        num_while_away = said.read_text().count("\n")
        reader.mend()
        assert process.wait(timeout=DEADLINE_S) == 0, said.read_text()
    lines = [json.loads(line) for line in said.read_text().splitlines()]
    assert lines == [["ok", None]] * NUM_MEDIA
    # It was at work when the cable was pulled, and stood still while it was out.
    assert num_before < NUM_MEDIA
    assert num_while_away < NUM_MEDIA
