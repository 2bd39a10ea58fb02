"""Files that appear together, whole or not at all."""

import pytest

from blanktrap.core.errors import SourceError
from blanktrap.files import pending
from blanktrap.files.pending import PendingFiles
from blanktrap.files.storage import Storage


class StoppedError(Exception):
    """What a test stops a block with."""


def write_and_fail(*uris: str) -> None:
    with PendingFiles() as files:
        for uri in uris:
            file = files.open(uri)
            file.write(b"half of it")
        file.close()
        raise StoppedError


def write_all(*uris: str) -> None:
    with PendingFiles() as files:
        for uri in uris:
            files.open(uri).write(b"all of it")


def test_nothing_is_there_before_all_is_written(tmp_path):
    with PendingFiles() as files:
        last, first = files.open(str(tmp_path / "last")), files.open(str(tmp_path / "first"))
        first.write(b"1")
        first.close()
        last.write(b"2")
        assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "last"]
    assert (tmp_path / "last").read_bytes() == b"2"


def test_the_file_opened_first_takes_its_place_last(tmp_path):
    # The second cannot take its place, so the first, which would finish the folder, must not either.
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "full").touch()
    with pytest.raises(SourceError):
        write_all(str(tmp_path / "finishing"), str(tmp_path / "second"))
    assert [path.name for path in tmp_path.iterdir()] == ["second"]


def test_a_failure_leaves_nothing_and_spares_what_was_there(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(StoppedError):
        write_and_fail(str(tmp_path / "a"), str(tmp_path / "b"))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def uploads(bucket: str) -> list[str]:
    return [
        item["Key"] for item in Storage().client().list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    ]


@pytest.mark.s3
@pytest.mark.parametrize("num_bytes", [0, 1, 5_000_000, 11_000_001])
def test_uploads_of_any_size_arrive_whole(s3_bucket, monkeypatch, num_bytes):
    monkeypatch.setattr(pending, "_PART_BYTES", 5 * 1024 * 1024)  # the least that S3 takes
    data = bytes(range(251)) * (num_bytes // 251 + 1)
    data = data[:num_bytes]
    uri = f"s3://{s3_bucket}/out/a b%20.json"
    with PendingFiles() as files:
        file = files.open(uri)
        for start in range(0, num_bytes, 700_001):
            file.write(data[start : start + 700_001])
        assert file.tell() == num_bytes
    assert Storage().read_bytes(uri) == data
    assert uploads(s3_bucket) == []


@pytest.mark.s3
def test_a_failed_upload_is_aborted(s3_bucket, tmp_path):
    with pytest.raises(StoppedError):
        write_and_fail(f"s3://{s3_bucket}/a", str(tmp_path / "b"), f"s3://{s3_bucket}/c")
    assert Storage().list_folder(f"s3://{s3_bucket}/") == []
    assert uploads(s3_bucket) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.s3
def test_a_missing_bucket_is_one_line(s3_server):
    with pytest.raises(SourceError, match="there is no bucket no-such-bucket-here"), PendingFiles() as files:
        files.open("s3://no-such-bucket-here/a")
