"""Bytes on S3 come whole, with one request each, or with one line that says why not."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.errors import SourceError
from blanktrap.files.s3 import ObjectMissingError
from blanktrap.files.storage import FileEntry
from tests.files.storage_checks import BODY, READERS, STORAGE, STRANGE_KEYS, WRITERS, line_of, sent


@pytest.mark.s3
@pytest.mark.parametrize("key", [key for key in STRANGE_KEYS if "\n" not in key])  # moto takes none
def test_strange_key_is_written_read_listed_and_deleted(s3_bucket: str, tmp_path: Path, key: str) -> None:
    uri = f"s3://{s3_bucket}/top/{key}"
    STORAGE.write_bytes(uri, BODY)
    STORAGE.write_bytes(f"s3://{s3_bucket}/other", b"")
    found = STORAGE.client().list_objects_v2(Bucket=s3_bucket)["Contents"]
    assert [item["Key"] for item in found] == ["other", f"top/{key}"]
    assert STORAGE.read_bytes(uri) == BODY
    assert STORAGE.read_range(uri, 250, 12) == BODY[250:262]
    folder, _, name = uri.rpartition("/")
    if "//" not in key:
        [entry] = STORAGE.list_folder(folder)
        assert entry == FileEntry(uri=uri, relative=name, size_bytes=len(BODY))
    STORAGE.download(uri, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == BODY
    assert STORAGE.exists(uri)
    STORAGE.delete(uri)
    assert not STORAGE.exists(uri)


@pytest.mark.s3
def test_reading_makes_one_get_an_object_and_no_head(s3_bucket: str) -> None:
    for number in range(5):
        STORAGE.write_bytes(f"s3://{s3_bucket}/{number}", BODY)
    with sent() as requests:
        for number in range(5):
            assert STORAGE.read_bytes(f"s3://{s3_bucket}/{number}") == BODY
            assert STORAGE.read_range(f"s3://{s3_bucket}/{number}", 3, 4) == BODY[3:7]
    assert [request.method for request in requests] == ["GET"] * 10


@pytest.mark.s3
def test_writing_is_one_put(s3_bucket: str) -> None:
    with sent() as requests:
        STORAGE.write_bytes(f"s3://{s3_bucket}/a", BODY)
    assert [request.method for request in requests] == ["PUT"]


@pytest.mark.s3
def test_range_ends_with_the_object(s3_bucket: str) -> None:
    uri = f"s3://{s3_bucket}/a"
    STORAGE.write_bytes(uri, BODY)
    assert STORAGE.read_range(uri, len(BODY) - 3, 100) == BODY[-3:]
    assert STORAGE.read_range(uri, len(BODY), 5) == b""
    STORAGE.write_bytes(uri, b"")
    assert STORAGE.read_range(uri, 0, 16) == b""


@pytest.mark.s3
def test_s3_upload_download_exists_list_and_delete(s3_bucket: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BODY)
    for name in ("x/b", "x/a", "x/sub/c", "x-other", "x/"):
        STORAGE.upload(tmp_path / "a", f"s3://{s3_bucket}/{name}")
    listed = STORAGE.list_folder(f"s3://{s3_bucket}/x")
    assert listed == STORAGE.list_folder(f"s3://{s3_bucket}/x/")
    assert [(entry.relative, entry.size_bytes) for entry in listed] == [("a", len(BODY)), ("b", len(BODY))]
    assert [entry.relative for entry in STORAGE.list_folder(f"s3://{s3_bucket}")] == ["x-other"]
    assert STORAGE.list_folder(f"s3://{s3_bucket}/absent") == []
    STORAGE.download(f"s3://{s3_bucket}/x/b", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == BODY
    STORAGE.delete(f"s3://{s3_bucket}/x/b")
    STORAGE.delete(f"s3://{s3_bucket}/x/b")
    assert not STORAGE.exists(f"s3://{s3_bucket}/x/b")


@pytest.mark.s3
def test_parquet_on_s3_is_read_by_ranges(s3_bucket: str) -> None:
    values = np.random.default_rng(0).integers(0, 2**62, (2, 20_000))
    table = pa.table({"a": values[0], "b": values[1]})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=1000, use_dictionary=False, compression="none")
    size_bytes = sink.getvalue().size
    STORAGE.write_bytes(f"s3://{s3_bucket}/t.parquet", sink.getvalue().to_pybytes())
    with sent() as requests, STORAGE.open_random(f"s3://{s3_bucket}/t.parquet") as source:
        found = pq.ParquetFile(source).read_row_group(7, columns=["b"])
    assert found.equals(table.select(["b"]).slice(7000, 1000))
    spans = [request.headers["Range"].decode() for request in requests if request.method == "GET"]
    fetched = [end - start + 1 for start, end in (map(int, span[6:].split("-")) for span in spans)]
    assert spans
    assert sum(fetched) < size_bytes / 2
    assert [request.method for request in requests].count("HEAD") == 1


@pytest.mark.s3
def test_random_access_seeks_from_every_side(s3_bucket: str) -> None:
    STORAGE.write_bytes(f"s3://{s3_bucket}/a", BODY)
    with STORAGE.open_random(f"s3://{s3_bucket}/a") as source:
        source.seek(-4, os.SEEK_END)
        assert source.read() == BODY[-4:]
        assert source.read(5) == b""
        source.seek(10)
        source.seek(5, os.SEEK_CUR)
        assert source.tell() == 15
        assert source.read(3) == BODY[15:18]
        assert source.size() == len(BODY)


@pytest.mark.s3
@pytest.mark.parametrize("reader", READERS)
def test_missing_object_is_said_to_be_missing(s3_bucket: str, tmp_path: Path, reader: str) -> None:
    uri = f"s3://{s3_bucket}/absent.jpg"
    assert line_of(ObjectMissingError, lambda: READERS[reader](uri, tmp_path)) == f"there is no {uri}"
    assert not STORAGE.exists(uri)


@pytest.mark.s3
@pytest.mark.parametrize(
    "act", ["read_bytes", "read_range", "write_bytes", "upload", "list_folder", "delete"]
)
def test_missing_bucket_is_no_missing_media(s3_server: str, tmp_path: Path, act: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    uri = "s3://no-such-bucket-here/a.jpg"
    others: dict[str, Callable[[str, Path], object]] = {
        "list_folder": lambda uri, _: STORAGE.list_folder(uri),
        "delete": lambda uri, _: STORAGE.delete(uri),
    }
    said = line_of(SourceError, lambda: (READERS | WRITERS | others)[act](uri, tmp_path))
    assert said == f"there is no bucket no-such-bucket-here (asked for {uri})"


@pytest.mark.s3
def test_another_process_reads_with_the_pickled_storage(s3_bucket: str) -> None:
    STORAGE.write_bytes(f"s3://{s3_bucket}/a", BODY)
    again = pickle.loads(pickle.dumps(STORAGE))  # noqa: S301
    assert again.read_bytes(f"s3://{s3_bucket}/a") == BODY
