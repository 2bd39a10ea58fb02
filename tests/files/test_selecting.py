"""Splits by location: disjoint, complete, and refused where they cannot be."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import SelectConfig
from blanktrap.core.errors import ManifestError
from blanktrap.files.manifest import open_manifest
from blanktrap.files.selecting import select_splits
from blanktrap.files.storage import Storage

STORAGE = Storage()


def write_manifest(path: Path, num_locations: int, *, labels: list[str | None]) -> str:
    """Ten media a location; the last location's media have no location, only a sequence."""
    count = num_locations * 10
    places = [f"site {number // 10}" for number in range(count)]
    table = pa.table(
        {
            "media_id": [f"{number}.jpg" for number in range(count)],
            "uri": [f"/a/{number}.jpg" for number in range(count)],
            "location_id": [None if place == f"site {num_locations - 1}" else place for place in places],
            "sequence_id": [f"burst {number // 5}" for number in range(count)],
            "label": [labels[number % len(labels)] for number in range(count)],
        }
    )
    pq.write_table(table, path)
    return str(path)


def read(out: Path) -> list[dict[str, object]]:
    manifest = open_manifest(STORAGE, str(out))
    rows: list[dict[str, object]] = pa.concat_tables(manifest.iter_tables(STORAGE)).to_pylist()
    return rows


def test_no_location_and_no_sequence_is_in_two_splits(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 12, labels=["blank", "nonblank"])
    summary = select_splits(source, str(tmp_path / "out"), config=SelectConfig(), storage=STORAGE)
    rows = read(tmp_path / "out")
    for key in ("location_id", "sequence_id"):
        splits: dict[object, set[object]] = {}
        for row in rows:
            if row[key] is not None:
                splits.setdefault(row[key], set()).add(row["split"])
        assert all(len(found) == 1 for found in splits.values())
    assert [one.split for one in summary.splits] == ["train", "val", "test", "no split"]
    assert sum(one.num_media for one in summary.splits[:3]) == 120
    assert min(one.num_media for one in summary.splits[:3]) > 0


def test_media_without_a_label_are_in_no_split(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 6, labels=["blank", "nonblank", None])
    summary = select_splits(source, str(tmp_path / "out"), config=SelectConfig(), storage=STORAGE)
    assert {row["split"] for row in read(tmp_path / "out") if row["label"] is None} == {None}
    assert summary.num_unlabelled == 20
    assert "20 media without a label are in no split" in summary.lines()


def test_same_seed_deals_alike(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 12, labels=["blank", "nonblank"])
    for name in ("one", "two"):
        select_splits(source, str(tmp_path / name), config=SelectConfig(seed=3), storage=STORAGE)
    assert read(tmp_path / "one") == read(tmp_path / "two")


def test_manifest_without_labels_is_refused(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 3, labels=[None])
    with pytest.raises(ManifestError, match="has no labels"):
        select_splits(source, str(tmp_path / "out"), config=SelectConfig(), storage=STORAGE)
    assert not (tmp_path / "out").exists()


def test_too_few_locations_are_refused(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 3, labels=["blank", "nonblank"])
    table = pq.read_table(source).filter(pa.compute.field("location_id") == "site 0")
    pq.write_table(table, source)
    with pytest.raises(ManifestError, match="labels from 1 location, 3 splits need"):
        select_splits(source, str(tmp_path / "out"), config=SelectConfig(), storage=STORAGE)


def test_earlier_manifest_is_not_overwritten(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 6, labels=["blank", "nonblank"])
    select_splits(source, str(tmp_path / "out"), config=SelectConfig(), storage=STORAGE)
    with pytest.raises(ManifestError, match="--overwrite"):
        select_splits(source, str(tmp_path / "out"), config=SelectConfig(seed=1), storage=STORAGE)


def test_the_manifest_itself_is_never_the_output(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 6, labels=["blank", "nonblank"])
    out = tmp_path / "out"
    select_splits(source, str(out), config=SelectConfig(), storage=STORAGE)
    before = read(out)
    (tmp_path / "link").symlink_to(out)
    for place in (f"{out}/", f"file://{out}", f"{tmp_path}/link", f"{out}/part-00000.parquet"):
        with pytest.raises(ManifestError, match="where the manifest itself is") as caught:
            select_splits(place, str(out), config=SelectConfig(), storage=STORAGE, overwrite=True)
        assert "\n" not in str(caught.value)
    assert read(out) == before
