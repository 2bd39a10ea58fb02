"""A plan is made from a manifest, and what a run took from its run.json."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import (
    DecodeLimits,
    IndexConfig,
    InstanceChoice,
    PlanConfig,
    Preprocessing,
    ScoreConfig,
)
from blanktrap.core.errors import ScoresError, UsageError
from blanktrap.core.planning.plans import cost_usd
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from blanktrap.files.planning import plan_scoring, read_taken
from blanktrap.files.storage import Storage
from blanktrap.vision.loading import load_images
from tests.files.written_scores import media, write_scores

STORAGE = Storage()
SPOT = InstanceChoice(name="g6.xlarge", market="spot")


def write_manifest(folder: Path, sizes: list[int | None]) -> str:
    names = [f"{number}.jpg" for number in range(len(sizes))]
    rows = {"media_id": names, "uri": names, "size_bytes": pa.array(sizes, pa.int64())}
    pq.write_table(pa.table(rows), folder / "manifest.parquet")
    return str(folder / "manifest.parquet")


def test_sizes_are_those_of_the_manifest(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, [1_000_000, None, 3_000_000])
    config = PlanConfig(instances=(SPOT,), num_machines=1)
    plan = plan_scoring(manifest, None, config=config, score=ScoreConfig(), storage=STORAGE)
    assert plan.workload.num_media == 3
    assert plan.workload.mean_bytes == 2_000_000
    assert not plan.is_sampled
    assert len(plan.machines) == 1


def test_a_manifest_without_sizes_is_refused(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, [None, None])
    with pytest.raises(UsageError, match="does not say how large its files are"):
        plan_scoring(manifest, None, config=PlanConfig(), score=ScoreConfig(), storage=STORAGE)


@pytest.mark.s3
def test_as_many_gets_are_planned_as_scoring_makes(
    tmp_path: Path, s3_bucket: str, make_jpeg: Callable[..., bytes]
) -> None:
    client = STORAGE.client()
    for number in range(10):
        client.put_object(Bucket=s3_bucket, Key=f"images/{number}.jpg", Body=make_jpeg(number))
    build_manifest(
        [f"s3://{s3_bucket}/images/"],
        f"s3://{s3_bucket}/manifest",
        annotations=[],
        inventory=None,
        config=IndexConfig(),
        storage=STORAGE,
    )
    manifest = open_manifest(STORAGE, f"s3://{s3_bucket}/manifest")
    asked: list[str] = []

    def count(request: Any, **_: Any) -> None:
        asked.append(request.method)

    client.meta.events.register("before-send.s3", count)
    # What one read task does: the manifest's part, then each media.
    rows = manifest.read_rows(STORAGE, 0, 10)
    loaded = load_images(
        rows.column("uri").to_pylist(),
        rows.column("size_bytes").to_pylist(),
        storage=STORAGE,
        preprocessing=Preprocessing(width_px=64, height_px=48),
        limits=DecodeLimits(),
        num_threads=2,
    )
    assert all(one.image is not None for one in loaded)
    client.meta.events.unregister("before-send.s3", count)
    assert asked == ["GET"] * 11


def test_what_a_run_took_is_read_from_its_record(tmp_path: Path) -> None:
    out = write_scores(tmp_path / "scores", [media("a/1.jpg", 0.5, None), media("a/2.jpg", None, None)])
    record = json.loads((Path(out) / "run.json").read_text())
    record.update(wall_s=7200.0, images_per_s=2 / 7200, sessions=[{"started": 1.0}, {"started": 2.0}])
    (Path(out) / "run.json").write_text(json.dumps(record))
    taken = read_taken(out, SPOT, config=PlanConfig(num_machines=3), storage=STORAGE)
    assert (taken.num_media, taken.hours, taken.num_starts) == (2, 2.0, 2)
    low, high = cost_usd(SPOT, 3, 2.0, PlanConfig().head)
    assert taken.usd == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    with pytest.raises(UsageError, match="wants --machines too"):
        read_taken(out, SPOT, config=PlanConfig(), storage=STORAGE)
    (Path(out) / "_SUCCESS").unlink()
    with pytest.raises(ScoresError, match="is incomplete"):
        read_taken(out, SPOT, config=PlanConfig(num_machines=3), storage=STORAGE)
