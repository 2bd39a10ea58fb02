"""S3 that is busy, breaks off, stalls, cuts and forgets: no row is lost, doubled or wrongly scored."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
import ray

from blanktrap.core.config import IndexConfig, Preprocessing, ScoreConfig
from blanktrap.core.errors import SourceError
from blanktrap.engines.scoring import score_manifest
from blanktrap.files.indexing import build_manifest
from blanktrap.files.storage import Storage
from tests.engines.runs import assert_every_media_once, save_random_model
from tests.faulty_proxy import Fault, FaultyProxy, faulty_proxy

pytestmark = [pytest.mark.ray, pytest.mark.s3]
NUM_MEDIA, CHUNK = 128, 16
CONFIG = ScoreConfig(chunk_size=CHUNK, batch_size=8, precision="float32", max_actors=1)
# A stall of thirty seconds against a time-out of thirty, twenty times as fast.
STORAGE = Storage(read_timeout_s=1.5)
STALL_S = 4.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Archive:
    """An archive behind a proxy, and what its scores are when nothing goes wrong."""

    proxy: FaultyProxy
    bucket: str
    model: str
    manifest: str
    wanted: pa.Table

    def score(self, name: str, *, manifest: str | None = None) -> pa.Table:
        """Score it, see that every media has one row, and return the rows."""
        manifest, out = manifest or self.manifest, f"s3://{self.bucket}/{name}"
        score_manifest(manifest, self.model, out, config=CONFIG, storage=STORAGE)
        befallen, fetched = dict(self.proxy.befallen), sum(self._images_sent().values())
        self.proxy.befall(None)
        table = assert_every_media_once(out, manifest)
        statuses = dict(Counter(table.column("status").to_pylist()))
        logger.info("%s: befallen %s, images sent %d, statuses %s", name, befallen, fetched, statuses)
        return table

    def _images_sent(self) -> dict[str, int]:
        sent = self.proxy.whole_gets
        return {target: number for target, number in sent.items() if target.endswith(".jpg")}

    def parts(self, name: str) -> dict[str, str]:
        """The parts of a dataset and their ETags."""
        pages = Storage().client().get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=self.bucket, Prefix=f"{name}/part-")
        return {item["Key"]: item["ETag"] for page in listed for item in page.get("Contents", [])}


@pytest.fixture(scope="module")
def archive(
    s3_server: str, tmp_path_factory: pytest.TempPathFactory, make_jpeg: Callable[..., bytes]
) -> Iterator[Archive]:
    with faulty_proxy(s3_server) as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.address)  # before Ray: its workers inherit it
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=128 * 1024 * 1024,
            log_to_driver=False,
        )
        try:
            client = Storage().client()
            client.create_bucket(Bucket="faults")
            for number in range(NUM_MEDIA):
                body = make_jpeg(number, width_px=160, height_px=120)
                client.put_object(Bucket="faults", Key=f"images/{number:03d}.jpg", Body=body)
            preprocessing = Preprocessing(width_px=40, height_px=32)
            model = save_random_model(tmp_path_factory.mktemp("model"), preprocessing=preprocessing)
            manifest = index("faults", "images", "manifest")
            score_manifest(manifest, model, "s3://faults/calm", config=CONFIG, storage=STORAGE)
            wanted = assert_every_media_once("s3://faults/calm", manifest)
            yield Archive(proxy=proxy, bucket="faults", model=model, manifest=manifest, wanted=wanted)
        finally:
            ray.shutdown()


@pytest.fixture(autouse=True)
def calm(archive: Archive) -> Iterator[None]:
    archive.proxy.befall(None)
    yield
    archive.proxy.befall(None)


def index(bucket: str, folder: str, out: str) -> str:
    location = f"s3://{bucket}/{out}"
    build_manifest(
        [f"s3://{bucket}/{folder}/"],
        location,
        annotations=[],
        inventory=None,
        config=IndexConfig(),
        storage=STORAGE,
    )
    return location


@pytest.mark.parametrize("kind", ["slow_down", "reset", "stall", "cut", "cut_quietly"])
def test_fault_of_a_tenth_of_all_requests_changes_no_score(archive: Archive, kind: str) -> None:
    archive.proxy.befall(Fault(kind=kind, share=0.1, stall_s=STALL_S))  # type: ignore[arg-type]
    table = archive.score(kind)
    assert set(table.column("status").to_pylist()) == {"ok"}
    wanted = archive.wanted.column("p_nonblank").to_numpy()
    np.testing.assert_allclose(table.column("p_nonblank").to_numpy(), wanted, atol=1e-5)


def test_expired_credentials_stop_the_run_and_it_goes_on_with_new_ones(archive: Archive) -> None:
    # The run's record and some parts are written, however far ahead images are fetched.
    archive.proxy.befall(Fault(kind="expired", after_puts=4))
    with pytest.raises(
        SourceError, match=r"credentials have expired .*: renew them and run the same command"
    ):
        archive.score("expired")
    assert archive.proxy.befallen["expired"]
    archive.proxy.befall(None)
    before = archive.parts("expired")
    table = archive.score("expired")
    assert set(table.column("status").to_pylist()) == {"ok"}
    after = archive.parts("expired")
    assert 0 < len(before) < len(after) == NUM_MEDIA // CHUNK
    assert {name: after[name] for name in before} == before


def test_object_replaced_or_deleted_since_indexing_has_a_status_and_no_score(
    archive: Archive, make_jpeg: Callable[..., bytes]
) -> None:
    client = Storage().client()
    bodies = [make_jpeg(number, width_px=160, height_px=120) for number in range(24)]
    for number, body in enumerate(bodies):
        client.put_object(Bucket="faults", Key=f"changing/{number:02d}.jpg", Body=body.ljust(9000, b"\0"))
    manifest = index("faults", "changing", "changing-manifest")
    # Another image of the same size, one of another size, and none.
    client.put_object(Bucket="faults", Key="changing/03.jpg", Body=bodies[4].ljust(9000, b"\0"))
    client.put_object(Bucket="faults", Key="changing/05.jpg", Body=bodies[6])
    client.delete_object(Bucket="faults", Key="changing/07.jpg")
    rows = archive.score("changed", manifest=manifest).to_pylist()
    found = {row["media_id"]: row for row in rows if row["status"] != "ok"}
    assert {name: row["status"] for name, row in found.items()} == {
        "03.jpg": "unreadable",
        "05.jpg": "unreadable",
        "07.jpg": "missing",
    }
    assert {row["p_nonblank"] for row in found.values()} == {None}
    for name in ("03.jpg", "05.jpg"):
        assert "was replaced since it was indexed" in found[name]["error"]
    assert sum(row["p_nonblank"] is not None for row in rows) == 21
