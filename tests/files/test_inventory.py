import csv
import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import IndexConfig
from blanktrap.core.errors import SourceError, UsageError
from blanktrap.files.index_summary import IndexSummary
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from blanktrap.files.storage import Storage

STORAGE = Storage()
# Key, size, is the latest version, is a delete marker.
OBJECTS = [
    ("pre/S1/a b+c.jpg", 11, True, False),
    ("pre/S1/ñ%.JPG", 12, True, False),
    ("pre/S1/old.jpg", 13, False, False),
    ("pre/S1/deleted.jpg", 0, True, True),
    ("pre/notes.txt", 5, True, False),
    ("pre/", 0, True, False),
    ("prefix/z.jpg", 14, True, False),
]
CSV_SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag, LastModifiedDate"
PARQUET_SCHEMA = (
    "message s3.inventory { required binary bucket (STRING); required binary key (STRING); "
    "optional boolean is_latest; optional boolean is_delete_marker; optional int64 size; "
    "optional binary e_tag (STRING); }"
)


def csv_data() -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, quoting=csv.QUOTE_ALL)
    for key, size, latest, marker in OBJECTS:
        name = quote_plus(key, safe="/")
        writer.writerow(
            [
                "archive",
                name,
                "v",
                str(latest).lower(),
                str(marker).lower(),
                "" if marker else size,
                "e1",
                "t",
            ]
        )
    return gzip.compress(sink.getvalue().encode())


def parquet_data() -> bytes:
    key, size, latest, marker = (list(column) for column in zip(*OBJECTS, strict=True))
    table = pa.table(
        {
            "bucket": ["archive"] * len(key),
            "key": key,
            "is_latest": latest,
            "is_delete_marker": marker,
            "size": size,
            "e_tag": ["e1"] * len(key),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def manifest_of(file_format: str, schema: str, data: bytes, bucket: str = "elsewhere") -> bytes:
    record = {
        "sourceBucket": "archive",
        "destinationBucket": f"arn:aws:s3:::{bucket}",
        "fileFormat": file_format,
        "fileSchema": schema,
        "files": [{"key": "inv/data/x.dat", "size": len(data), "MD5checksum": hashlib.md5(data).hexdigest()}],
    }
    return json.dumps(record).encode()


def write_local(root: Path, file_format: str, schema: str, data: bytes) -> Path:
    (root / "inv" / "data").mkdir(parents=True)
    (root / "inv" / "2020").mkdir()
    (root / "inv" / "data" / "x.dat").write_bytes(data)
    path = root / "inv" / "2020" / "manifest.json"
    path.write_bytes(manifest_of(file_format, schema, data))
    return path


def index(tmp_path: Path, inventory: str, *sources: str) -> tuple[list[tuple[Any, ...]], IndexSummary]:
    summary = build_manifest(
        list(sources),
        str(tmp_path / "m"),
        annotations=[],
        inventory=inventory,
        config=IndexConfig(),
        storage=STORAGE,
    )
    table = pa.concat_tables(open_manifest(STORAGE, str(tmp_path / "m")).iter_tables(STORAGE))
    names = ("media_id", "uri", "size_bytes", "etag")
    return [tuple(row[name] for name in names) for row in table.to_pylist()], summary


@pytest.mark.parametrize(
    ("file_format", "schema", "data"),
    [("CSV", CSV_SCHEMA, csv_data()), ("Parquet", PARQUET_SCHEMA, parquet_data())],
)
def test_an_inventory_lists_what_is_there_now(
    tmp_path: Path, file_format: str, schema: str, data: bytes
) -> None:
    path = write_local(tmp_path, file_format, schema, data)
    rows, summary = index(tmp_path, str(path), "s3://archive/pre/")
    assert rows == [
        ("S1/a b+c.jpg", "s3://archive/pre/S1/a b+c.jpg", 11, "e1"),
        ("S1/ñ%.JPG", "s3://archive/pre/S1/ñ%.JPG", 12, "e1"),
    ]
    assert summary.left_out == {"older version": 1, "delete marker": 1, "folder marker": 1, ".txt": 1}


def test_without_a_source_the_whole_bucket_is_meant(tmp_path: Path) -> None:
    path = write_local(tmp_path, "CSV", CSV_SCHEMA, csv_data())
    rows, _ = index(tmp_path, str(path))
    assert [row[0] for row in rows] == ["pre/S1/a b+c.jpg", "pre/S1/ñ%.JPG", "prefix/z.jpg"]


def test_a_source_elsewhere_is_refused(tmp_path: Path) -> None:
    path = write_local(tmp_path, "CSV", CSV_SCHEMA, csv_data())
    with pytest.raises(UsageError, match="is not in s3://archive"):
        index(tmp_path, str(path), "s3://another/pre/")


def test_orc_damage_and_other_json_get_one_line(tmp_path: Path) -> None:
    path = write_local(tmp_path, "CSV", CSV_SCHEMA, csv_data())
    (path.parents[1] / "data" / "x.dat").write_bytes(csv_data()[:-9])
    with pytest.raises(SourceError, match="damaged"):
        index(tmp_path, str(path))
    path.write_bytes(manifest_of("ORC", "struct<bucket:string,key:string>", b""))
    with pytest.raises(SourceError, match="ORC"):
        index(tmp_path, str(path))
    path.write_bytes(b"[]")
    with pytest.raises(SourceError, match="no S3 Inventory"):
        index(tmp_path, str(path))


@pytest.mark.s3
def test_an_inventory_is_read_from_its_own_bucket(tmp_path: Path, s3_bucket: str) -> None:
    STORAGE.write_bytes(f"s3://{s3_bucket}/inv/data/x.dat", csv_data())
    uri = f"s3://{s3_bucket}/inv/2020/manifest.json"
    STORAGE.write_bytes(uri, manifest_of("CSV", CSV_SCHEMA, csv_data(), s3_bucket))
    rows, _ = index(tmp_path, uri, "s3://archive/pre")
    assert len(rows) == 2
