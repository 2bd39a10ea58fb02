"""Lists of URIs: what ids they give, in memory that does not grow with them."""

import csv
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.errors import UsageError
from blanktrap.files.storage import Storage
from blanktrap.files.uri_lists import walk_uri_list

STORAGE = Storage()


def test_ids_are_relative_to_the_deepest_folder_of_all(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("s3://b/x/S1/a.jpg\n\ns3://b/x/S2/b.jpg\r\n")
    found = list(walk_uri_list(STORAGE, str(path)))
    assert found == [("s3://b/x/S1/a.jpg", "S1/a.jpg"), ("s3://b/x/S2/b.jpg", "S2/b.jpg")]


@pytest.mark.parametrize("kind", ["txt", "csv", "parquet"])
def test_a_long_list_is_not_held_in_memory(tmp_path: Path, kind: str) -> None:
    uris = [f"s3://bucket/{'folder' * 20}/{number:06d}.jpg" for number in range(30_000)]
    path = tmp_path / f"list.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({"uri": uris}), path, row_group_size=1_000)
    else:
        path.write_text("uri\n" * (kind == "csv") + "\n".join(uris))
    del uris
    tracemalloc.start()
    try:
        count = sum(1 for _ in walk_uri_list(STORAGE, str(path)))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 30_000
    assert peak_bytes < 2_000_000


@pytest.fixture
def usual_field_limit() -> Iterator[None]:
    """Python's own; libraries for tables raise it for the whole process."""
    before = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("usual_field_limit")
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("list.txt", b"a.jpg\ncaf\xe9.jpg\n", "save the list as UTF-8"),
        ("list.csv", b"uri\n" + b"x" * 200_000, "no CSV that can be read"),
        ("list.parquet", b"no parquet at all", "no Parquet file"),
    ],
)
def test_what_cannot_be_read_gets_one_line(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=words) as caught:
        list(walk_uri_list(STORAGE, str(tmp_path / name)))
    assert "\n" not in str(caught.value)


@pytest.mark.s3
def test_a_list_on_s3_reads_as_on_disk(s3_bucket: str) -> None:
    STORAGE.write_bytes(f"s3://{s3_bucket}/pre/list.csv", b"path\nS1/a.jpg\n./b.jpg\n")
    assert list(walk_uri_list(STORAGE, f"s3://{s3_bucket}/pre/list.csv")) == [
        (f"s3://{s3_bucket}/pre/S1/a.jpg", "S1/a.jpg"),
        (f"s3://{s3_bucket}/pre/b.jpg", "b.jpg"),
    ]
