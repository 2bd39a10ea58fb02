import json
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.errors import ManifestError
from blanktrap.files.manifest import Manifest, open_manifest
from blanktrap.files.manifest_writer import ManifestWriter
from blanktrap.files.storage import Storage

STORAGE = Storage()


def make_table(num_media: int) -> pa.Table:
    ids = [f"{number:06d}" for number in range(num_media)]
    return pa.table({"media_id": ids, "uri": [f"/archive/{name}.jpg" for name in ids]})


def write(folder: Path, num_media: int, **options: bool) -> Manifest:
    writer = ManifestWriter(STORAGE, str(folder), **options)
    writer.write(make_table(num_media))
    return writer.finish({"config": {}})


def ids_of(table: pa.Table) -> list[str]:
    return table.column("media_id").to_pylist()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return write(tmp_path_factory.mktemp("manifest") / "m", 40_000)


def test_parts_have_16384_rows_in_one_row_group(written: Manifest) -> None:
    assert [part.num_media for part in written.parts] == [16_384, 16_384, 7_232]
    assert all(pq.ParquetFile(part.uri).num_row_groups == 1 for part in written.parts)


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 0), (0, 1), (16_383, 16_385), (16_384, 32_768), (100, 39_999), (40_000, 40_000)]
)
def test_any_span_of_rows_is_read_alike_from_own_and_other_files(
    written: Manifest, tmp_path: Path, start: int, stop: int
) -> None:
    pq.write_table(make_table(40_000), tmp_path / "other.parquet", row_group_size=15_000)
    other = open_manifest(STORAGE, str(tmp_path / "other.parquet"))
    expected = ids_of(make_table(40_000))[start:stop]
    assert ids_of(open_manifest(STORAGE, written.location).read_rows(STORAGE, start, stop)) == expected
    assert ids_of(other.read_rows(STORAGE, start, stop)) == expected


def test_tables_follow_in_manifest_order(written: Manifest) -> None:
    assert ids_of(pa.concat_tables(written.iter_tables(STORAGE))) == ids_of(make_table(40_000))


def test_rows_outside_are_refused(written: Manifest) -> None:
    with pytest.raises(ManifestError, match="asked for"):
        written.read_rows(STORAGE, 0, 40_001)


def test_the_manifest_is_small_to_send(written: Manifest) -> None:
    assert pickle.loads(pickle.dumps(written)) == written  # noqa: S301
    assert len(pickle.dumps(written)) < 2_000


def test_the_same_rows_have_the_same_digest(written: Manifest, tmp_path: Path) -> None:
    assert write(tmp_path / "again", 40_000).digest == written.digest
    assert write(tmp_path / "fewer", 39_999).digest != written.digest


def test_a_manifest_is_not_overwritten_unless_told(tmp_path: Path) -> None:
    first = write(tmp_path / "m", 40_000)
    (tmp_path / "m" / "notes.txt").write_text("mine")
    with pytest.raises(ManifestError, match="--overwrite"):
        ManifestWriter(STORAGE, str(tmp_path / "m"))
    assert open_manifest(STORAGE, first.location) == first
    second = write(tmp_path / "m", 10, overwrite=True)
    assert open_manifest(STORAGE, first.location) == second
    assert {path.name for path in (tmp_path / "m").iterdir()} == {
        "notes.txt",
        "part-00000.parquet",
        "_manifest.json",
    }


def test_extra_columns_may_differ_from_table_to_table(tmp_path: Path) -> None:
    num_rows = 20_000  # more than a part: parts differ too
    writer = ManifestWriter(STORAGE, str(tmp_path / "m"))
    writer.write(make_table(10))
    writer.write(make_table(num_rows).append_column("camera", pa.array(["x"] * num_rows)))
    writer.write(make_table(10).append_column("height", pa.array([1] * 10)))
    writer.write(make_table(10).append_column("height", pa.array([1.5] * 10)))
    manifest = writer.finish({})
    table = manifest.read_rows(STORAGE, 0, manifest.num_media)
    assert table.column("camera").to_pylist() == [None] * 10 + ["x"] * num_rows + [None] * 20
    assert table.column("height").to_pylist()[-20:] == [1.0] * 10 + [1.5] * 10


def test_an_extra_column_of_two_kinds_is_refused(tmp_path: Path) -> None:
    writer = ManifestWriter(STORAGE, str(tmp_path / "m"))
    writer.write(make_table(2).append_column("camera", pa.array(["x", "y"])))
    with pytest.raises(ManifestError, match="camera"):
        writer.write(make_table(2).append_column("camera", pa.array([1, 2])))
    for name, values in (("a", ["x", "y"]), ("b", [1, 2])):
        (tmp_path / "plain").mkdir(exist_ok=True)
        table = make_table(2).append_column("camera", pa.array(values))
        pq.write_table(table, tmp_path / "plain" / f"{name}.parquet")
    with pytest.raises(ManifestError, match="camera"):
        open_manifest(STORAGE, str(tmp_path / "plain")).read_rows(STORAGE, 0, 4)


def test_a_single_file_opens_by_its_file_uri(tmp_path: Path) -> None:
    pq.write_table(make_table(3), tmp_path / "my manifest.parquet")
    uri = f"file://{tmp_path}/my%20manifest.parquet"
    manifest = open_manifest(STORAGE, uri)
    assert ids_of(manifest.read_rows(STORAGE, 0, 3)) == ids_of(make_table(3))
    assert manifest.digest == open_manifest(STORAGE, str(tmp_path / "my manifest.parquet")).digest


def test_a_stopped_run_is_unfinished_and_can_be_run_again(tmp_path: Path) -> None:
    ManifestWriter(STORAGE, str(tmp_path / "m")).write(make_table(20_000))
    assert (tmp_path / "m" / "part-00000.parquet").exists()
    assert not (tmp_path / "m" / "_manifest.json").exists()
    with pytest.raises(ManifestError, match="unfinished"):
        open_manifest(STORAGE, str(tmp_path / "m"))
    assert write(tmp_path / "m", 5).num_media == 5


def test_a_stopped_replacement_is_no_manifest_either(tmp_path: Path) -> None:
    write(tmp_path / "m", 40_000)
    ManifestWriter(STORAGE, str(tmp_path / "m"), overwrite=True).write(make_table(20_000))
    with pytest.raises(ManifestError, match="unfinished"):
        open_manifest(STORAGE, str(tmp_path / "m"))


def test_other_outputs_and_foreign_parquet_are_never_written_into(tmp_path: Path) -> None:
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "run.json").write_text("{}")
    with pytest.raises(ManifestError, match=r"run\.json"):
        ManifestWriter(STORAGE, str(tmp_path / "scores"), overwrite=True)
    (tmp_path / "mine").mkdir()
    pq.write_table(make_table(3), tmp_path / "mine" / "part-00000.parquet")
    with pytest.raises(ManifestError, match="no index run wrote"):
        ManifestWriter(STORAGE, str(tmp_path / "mine"), overwrite=True)


def test_damage_is_seen_in_one_line(tmp_path: Path) -> None:
    location = write(tmp_path / "m", 20_000).location
    part = tmp_path / "m" / "part-00001.parquet"
    data = bytearray(part.read_bytes())
    data[100] ^= 0xFF
    part.write_bytes(data)
    with pytest.raises(ManifestError, match="damaged or was changed"):
        open_manifest(STORAGE, location).read_rows(STORAGE, 16_384, 16_400)
    part.write_bytes(data[:-1])
    with pytest.raises(ManifestError, match="bytes"):
        open_manifest(STORAGE, location)
    part.unlink()
    with pytest.raises(ManifestError, match="missing"):
        open_manifest(STORAGE, location)


def test_what_is_no_manifest_says_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no manifest"):
        open_manifest(STORAGE, str(tmp_path / "absent"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ManifestError, match="is a file"):
        open_manifest(STORAGE, str(tmp_path / "file"))
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ManifestError, match="scores dataset"):
        open_manifest(STORAGE, str(tmp_path))


def test_another_schema_version_and_missing_columns_are_refused(tmp_path: Path) -> None:
    location = write(tmp_path / "m", 3).location
    record = json.loads((tmp_path / "m" / "_manifest.json").read_text())
    (tmp_path / "m" / "_manifest.json").write_text(json.dumps({**record, "schema_version": 9}))
    with pytest.raises(ManifestError, match="schema version 9"):
        open_manifest(STORAGE, location)
    pq.write_table(pa.table({"media_id": ["a"]}), tmp_path / "x.parquet")
    with pytest.raises(ManifestError, match="uri is missing"):
        open_manifest(STORAGE, str(tmp_path / "x.parquet"))
    pq.write_table(make_table(0), tmp_path / "empty.parquet")
    with pytest.raises(ManifestError, match="no media"):
        open_manifest(STORAGE, str(tmp_path / "empty.parquet"))


@pytest.mark.s3
def test_a_manifest_on_s3_reads_as_on_disk(written: Manifest, s3_bucket: str) -> None:
    writer = ManifestWriter(STORAGE, f"s3://{s3_bucket}/m")
    writer.write(make_table(40_000))
    writer.finish({})
    remote = open_manifest(STORAGE, f"s3://{s3_bucket}/m/")
    assert remote.digest == written.digest
    assert ids_of(remote.read_rows(STORAGE, 16_000, 17_000)) == ids_of(make_table(40_000))[16_000:17_000]
