"""Bytes on disk and on S3 come whole, with one request each, or with one line that says why not."""

import errno
import os
import pickle
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.errors import SourceError
from blanktrap.files import s3_reading
from blanktrap.files.s3 import ObjectDeniedError, ObjectMissingError, StoreUnavailableError, split_s3
from blanktrap.files.storage import FileEntry, Storage, join, local_path, local_uri
from tests.files.answering_server import Answer, AnsweringServer, answering_server, refusal

STORAGE = Storage()
OBJECT = "s3://archive/S1/IMG 1.JPG"
BODY = bytes(range(256)) * 40
STRANGE_KEYS = [
    "a b.jpg",
    "per%20cent.jpg",
    "100%.jpg",
    "up/../down.jpg",
    "what?size=1.jpg",
    "no#1.jpg",
    "two//slashes.jpg",
    "ñandú/日本.jpg",
    "new\nline.jpg",
    "a+b=c&d;e,f.jpg",
    "~tilde'\"`$.jpg",
]


def line_of(kind: type[SourceError], act: Callable[[], object]) -> str:
    """The message of the error that must come: of this very class, and one line."""
    with pytest.raises(kind) as caught:
        act()
    assert type(caught.value) is kind
    text = str(caught.value)
    assert text
    assert "\n" not in text
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args  # noqa: S301
    return text


def staged_in(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".blanktrap-")]


@contextmanager
def sent(storage: Storage = STORAGE) -> Iterator[list[Any]]:
    """The requests that leave for S3 while the block runs, retries included."""
    requests: list[Any] = []
    events = storage.client().meta.events

    def keep(request: Any, **_: object) -> None:
        requests.append(request)

    events.register("before-send.s3", keep)
    try:
        yield requests
    finally:
        events.unregister("before-send.s3", keep)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[AnsweringServer]:
    with answering_server() as server:
        yield server


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An AWS environment with credentials and nothing else, wherever the tests run."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nowhere/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere/credentials",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that retries would have made, in seconds."""
    made: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=made.append))
    monkeypatch.setattr(s3_reading._get_whole.retry, "sleep", made.append)  # type: ignore[attr-defined]
    return made


@pytest.fixture
def server(shared_server: AnsweringServer, aws: pytest.MonkeyPatch, pauses: list[float]) -> AnsweringServer:
    """A server that stands in for S3; nothing sleeps."""
    aws.setenv("AWS_ENDPOINT_URL", shared_server.address)
    shared_server.answer(Answer(body=BODY))
    return shared_server


# On local disk


def test_local_bytes_come_back_as_written(tmp_path: Path) -> None:
    uri = str(tmp_path / "new" / "folder" / "a b%20#?.bin")
    STORAGE.write_bytes(uri, BODY)
    assert STORAGE.read_bytes(uri) == BODY
    STORAGE.write_bytes(uri, b"shorter")
    assert STORAGE.read_bytes(uri) == b"shorter"
    assert staged_in(tmp_path / "new" / "folder") == []


@pytest.mark.parametrize(("start", "count"), [(0, 10), (250, 12), (len(BODY) - 3, 100), (len(BODY), 5)])
def test_local_range_is_the_slice(tmp_path: Path, start: int, count: int) -> None:
    (tmp_path / "a").write_bytes(BODY)
    assert STORAGE.read_range(str(tmp_path / "a"), start, count) == BODY[start : start + count]


def test_name_that_is_not_utf8_is_listed_read_opened_and_deleted(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 100%.parquet"))
    with path.open("wb") as file:
        pq.write_table(pa.table({"a": [1, 2]}), file)
    [entry] = STORAGE.list_folder(str(tmp_path))
    assert entry.uri.startswith("file://")
    assert entry.uri.endswith("/caf%E9%20100%25.parquet")
    assert local_path(entry.uri) == path
    assert STORAGE.read_bytes(entry.uri) == path.read_bytes()
    assert entry.size_bytes == path.stat().st_size
    with STORAGE.open_random(entry.uri) as source:
        assert pq.read_table(source).column("a").to_pylist() == [1, 2]
    STORAGE.write_bytes(entry.uri, b"new")
    assert path.read_bytes() == b"new"
    STORAGE.delete(entry.uri)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["a b.jpg", "100%.jpg", "per%20cent.jpg", "new\nline.jpg", "ñ.jpg", "#?.jpg"]
)
def test_utf8_name_is_its_own_uri(tmp_path: Path, name: str) -> None:
    assert local_uri(tmp_path / name) == f"{tmp_path}/{name}"
    assert local_path(local_uri(tmp_path / name)) == tmp_path / name


def fill_then_fail(target: Any, *_: object, **__: object) -> None:
    """Half of the bytes are written when the disk is full."""
    with open(target, "wb") as file:
        file.write(BODY[:100])
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_failing_write_leaves_the_old_file_and_no_staged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").write_bytes(b"old")
    monkeypatch.setattr(Path, "write_bytes", fill_then_fail)
    for name in ("old", "new"):
        said = line_of(SourceError, lambda name=name: STORAGE.write_bytes(f"{tmp_path}/{name}", BODY))
        assert said == f"{tmp_path}/{name}: No space left on device"
    assert os.listdir(tmp_path) == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_failing_upload_leaves_the_old_file_and_no_staged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").write_bytes(b"old")
    monkeypatch.setattr(shutil, "copyfile", lambda source, target: fill_then_fail(target))
    line_of(SourceError, lambda: STORAGE.upload(tmp_path / "old", f"{tmp_path}/old"))
    line_of(SourceError, lambda: STORAGE.upload(tmp_path / "old", f"{tmp_path}/new"))
    assert os.listdir(tmp_path) == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_staged_file_is_never_the_target_and_never_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], list[str]]] = []
    plain = Path.replace

    def look(self: Path, target: Path) -> Path:
        seen.append((staged_in(tmp_path), [entry.relative for entry in STORAGE.list_folder(str(tmp_path))]))
        return plain(self, target)

    monkeypatch.setattr(Path, "replace", look)
    STORAGE.write_bytes(f"{tmp_path}/part", BODY)
    [(staged, listed)] = seen
    assert len(staged) == 1
    assert listed == []
    assert os.listdir(tmp_path) == ["part"]


def test_only_what_a_writer_killed_over_an_hour_ago_left_is_removed(tmp_path: Path) -> None:
    now = time.time()
    ages_s = {".blanktrap-1": 3700, ".blanktrap-2": 1e6, ".blanktrap-3": 3000, "part": 1e6, ".hidden": 1e6}
    for name, age_s in ages_s.items():
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (now - age_s, now - age_s))
    STORAGE.remove_staged(str(tmp_path))
    STORAGE.remove_staged(str(tmp_path / "absent"))
    assert sorted(os.listdir(tmp_path)) == [".blanktrap-3", ".hidden", "part"]


def test_local_folder_is_listed_by_name_without_folders(tmp_path: Path) -> None:
    for name in ("b", "a", "sub/c"):
        STORAGE.write_bytes(f"{tmp_path}/{name}", name.encode() * 3)
    (tmp_path / "nothing").symlink_to(tmp_path / "gone")
    assert STORAGE.list_folder(f"{tmp_path}/") == [
        FileEntry(uri=f"{tmp_path}/a", relative="a", size_bytes=3),
        FileEntry(uri=f"{tmp_path}/b", relative="b", size_bytes=3),
    ]
    assert STORAGE.list_folder(f"{tmp_path}/absent") == []


def test_local_exists_delete_upload_download(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BODY)
    STORAGE.upload(tmp_path / "a", f"{tmp_path}/new/b")
    assert STORAGE.exists(f"{tmp_path}/new/b")
    assert not STORAGE.exists(f"{tmp_path}/new")
    assert not STORAGE.exists(f"{tmp_path}/absent/b")
    STORAGE.download(f"{tmp_path}/new/b", tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == BODY
    STORAGE.delete(f"{tmp_path}/new/b")
    STORAGE.delete(f"{tmp_path}/new/b")
    assert not STORAGE.exists(f"{tmp_path}/new/b")


READERS: dict[str, Callable[[str, Path], object]] = {
    "read_bytes": lambda uri, _: STORAGE.read_bytes(uri),
    "read_range": lambda uri, _: STORAGE.read_range(uri, 0, 4),
    "download": lambda uri, folder: STORAGE.download(uri, folder / "copy"),
    "open_random": lambda uri, _: STORAGE.open_random(uri),
}
WRITERS: dict[str, Callable[[str, Path], object]] = {
    "write_bytes": lambda uri, _: STORAGE.write_bytes(uri, BODY),
    "upload": lambda uri, folder: STORAGE.upload(folder / "file", uri),
}


@pytest.mark.parametrize("reader", READERS)
def test_missing_local_file_is_said_to_be_missing(tmp_path: Path, reader: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for uri in (f"{tmp_path}/absent.jpg", f"{tmp_path}/file/below.jpg"):
        assert (
            line_of(ObjectMissingError, lambda uri=uri: READERS[reader](uri, tmp_path))
            == f"there is no {uri}"
        )


@pytest.mark.parametrize("act", [*READERS, *WRITERS])
def test_directory_in_place_of_a_file_is_refused(tmp_path: Path, act: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    folder = tmp_path / "folder"
    folder.mkdir()
    said = line_of(ObjectDeniedError, lambda: (READERS | WRITERS)[act](str(folder), tmp_path))
    assert said.startswith(f"{folder}: ")
    assert "directory" in said
    assert staged_in(tmp_path) == []


@pytest.mark.parametrize("act", [*READERS, *WRITERS, "list_folder", "delete"])
def test_nul_in_a_name_is_refused_and_leaves_nothing(tmp_path: Path, act: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    uri = f"{tmp_path}/fi\0le"
    others: dict[str, Callable[[str, Path], object]] = {
        "list_folder": lambda uri, _: STORAGE.list_folder(uri),
        "delete": lambda uri, _: STORAGE.delete(uri),
    }
    said = line_of(ObjectDeniedError, lambda: (READERS | WRITERS | others)[act](uri, tmp_path))
    assert "null" in said
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("act", WRITERS)
def test_file_in_place_of_a_folder_is_refused(tmp_path: Path, act: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    said = line_of(SourceError, lambda: WRITERS[act](f"{tmp_path}/file/below", tmp_path))
    assert said == f"{tmp_path}/file/below: File exists"
    assert (tmp_path / "file").read_bytes() == b"x"


@pytest.mark.parametrize("act", [*READERS, *WRITERS, "exists", "list_folder", "delete"])
def test_name_too_long_for_the_disk_is_refused(tmp_path: Path, act: str) -> None:
    (tmp_path / "file").write_bytes(b"x")
    uri = f"{tmp_path}/{'x' * 300}"
    others: dict[str, Callable[[str, Path], object]] = {
        "exists": lambda uri, _: STORAGE.exists(uri),
        "list_folder": lambda uri, _: STORAGE.list_folder(uri),
        "delete": lambda uri, _: STORAGE.delete(uri),
    }
    said = line_of(ObjectDeniedError, lambda: (READERS | WRITERS | others)[act](uri, tmp_path))
    assert said == f"{uri}: File name too long"


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_local_file_without_permission_is_denied(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "a").chmod(0)
    said = line_of(ObjectDeniedError, lambda: STORAGE.read_bytes(f"{tmp_path}/a"))
    assert said == f"no permission for {tmp_path}/a"


def test_permission_error_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)
    said = line_of(ObjectDeniedError, lambda: STORAGE.read_bytes(f"{tmp_path}/a"))
    assert said == f"no permission for {tmp_path}/a"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ESTALE])
def test_fault_of_the_machine_is_not_blamed_on_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", fail)
    said = line_of(SourceError, lambda: STORAGE.read_bytes(f"{tmp_path}/a"))
    assert os.strerror(number) in said


def test_storage_is_picklable_with_its_settings() -> None:
    for storage in (Storage(), Storage(no_sign_request=True)):
        again = pickle.loads(pickle.dumps(storage))  # noqa: S301
        assert again == storage
    assert Storage() != Storage(no_sign_request=True)


def test_names_are_joined_by_single_slashes() -> None:
    assert join("s3://bucket/scores/", "run.json") == "s3://bucket/scores/run.json"
    assert join("s3://bucket", "a", "b") == "s3://bucket/a/b"
    assert join("/", "a") == "/a"


# On S3


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


# What a server may answer


def page(*names: str, more: bool) -> Answer:
    """One page of a listing."""
    items = "".join(f"<Contents><Key>m%2F{name}</Key><Size>3</Size></Contents>" for name in names)
    token = "<NextContinuationToken>next</NextContinuationToken>" if more else ""
    body = (
        f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated><EncodingType>url</EncodingType>"
        f"{token}{items}</ListBucketResult>"
    )
    return Answer(body=body.encode())


def test_every_page_of_a_listing_is_read(server: AnsweringServer) -> None:
    server.answer(page("b", "c%0Ad", more=True), page("a%2520", more=False))
    entries = STORAGE.list_folder("s3://archive/m")
    assert [(entry.relative, entry.uri) for entry in entries] == [
        ("a%20", "s3://archive/m/a%20"),
        ("b", "s3://archive/m/b"),
        ("c\nd", "s3://archive/m/c\nd"),
    ]
    assert len(server.requests) == 2
    assert "continuation-token=next" in server.requests[1].target


def test_listing_that_is_refused_half_way_is_no_short_listing(server: AnsweringServer) -> None:
    server.answer(page("a", more=True), refusal(403, "AccessDenied"))
    said = line_of(ObjectDeniedError, lambda: STORAGE.list_folder("s3://archive/m"))
    assert "s3://archive/m" in said


def test_name_with_a_line_break_is_told_in_one_line(server: AnsweringServer, tmp_path: Path) -> None:
    server.answer(refusal(404, "NoSuchKey"))
    said = line_of(ObjectMissingError, lambda: STORAGE.read_bytes("s3://archive/new\nline.jpg"))
    assert said == r"there is no 's3://archive/new\nline.jpg'"
    said = line_of(ObjectMissingError, lambda: STORAGE.read_bytes(f"{tmp_path}/new\nline.jpg"))
    assert said == rf"there is no '{tmp_path}/new\nline.jpg'"


def test_keys_go_out_encoded_and_untouched(server: AnsweringServer) -> None:
    for key in [*STRANGE_KEYS, "..", "/leading.jpg", "folder/"]:
        server.answer(Answer(body=BODY))
        assert STORAGE.read_bytes(f"s3://archive/{key}") == BODY
        [request] = server.requests
        path, _, query = request.target.partition("?")
        assert path.startswith("/archive/")
        assert os.fsencode(key) == percent_decoded(path.removeprefix("/archive/"))
        assert "size=1" not in query


def percent_decoded(text: str) -> bytes:
    """The bytes behind a percent-encoded text, worked out by hand."""
    first, *rest = text.encode().split(b"%")
    return first + b"".join(bytes([int(part[:2], 16)]) + part[2:] for part in rest)


def test_throttling_is_waited_for(server: AnsweringServer, pauses: list[float]) -> None:
    slow = refusal(503, "SlowDown")
    server.answer(slow, slow, Answer(body=BODY))
    assert STORAGE.read_bytes(OBJECT) == BODY
    assert server.methods == ["GET"] * 3
    assert len(pauses) == 2


def test_throttling_without_end_is_one_line(server: AnsweringServer, pauses: list[float]) -> None:
    server.answer(refusal(503, "SlowDown"))
    said = line_of(StoreUnavailableError, lambda: STORAGE.read_bytes(OBJECT))
    assert said.startswith(f"{OBJECT}: S3 answered SlowDown")
    assert len(server.requests) == 8
    # Growing pauses: each is drawn from twice the span of the one before.
    assert all(pause <= 2.0**place for place, pause in enumerate(pauses))


@pytest.mark.parametrize("ending", ["half", "reset"])
def test_body_that_breaks_off_is_fetched_again(server: AnsweringServer, ending: Any) -> None:
    broken = Answer(body=BODY, ending=ending)
    server.answer(broken, broken, Answer(body=BODY))
    assert STORAGE.read_bytes(OBJECT) == BODY
    assert server.methods == ["GET"] * 3


@pytest.mark.parametrize("ending", ["half", "reset"])
def test_body_that_always_breaks_off_is_one_line(server: AnsweringServer, ending: Any) -> None:
    server.answer(Answer(body=BODY, ending=ending))
    said = line_of(StoreUnavailableError, lambda: STORAGE.read_bytes(OBJECT))
    assert said.startswith(OBJECT)
    assert len(server.requests) == 6


def test_server_that_sends_no_headers_is_not_retried_twice_over(
    server: AnsweringServer, aws: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ReadTimeoutError

    calls: list[str] = []

    def time_out(**request: str) -> None:
        calls.append(request["Key"])
        raise ReadTimeoutError(endpoint_url=server.address)

    # The client has made its own attempts by then, of thirty seconds each.
    aws.setattr(STORAGE.client(), "get_object", time_out)
    line_of(StoreUnavailableError, lambda: STORAGE.read_bytes(OBJECT))
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (404, "NoSuchKey", ObjectMissingError, "there is no s3://archive/S1/IMG 1.JPG"),
        (
            404,
            "NoSuchBucket",
            SourceError,
            "there is no bucket archive (asked for s3://archive/S1/IMG 1.JPG)",
        ),
        (
            403,
            "AccessDenied",
            ObjectDeniedError,
            "no permission for s3://archive/S1/IMG 1.JPG: check AWS_PROFILE",
        ),
        (403, "InvalidObjectState", ObjectDeniedError, "is archived (Glacier): restore it first"),
        (400, "ExpiredToken", SourceError, "the AWS credentials have expired"),
        (403, "RequestExpired", SourceError, "the AWS credentials have expired"),
        (403, "InvalidAccessKeyId", SourceError, "AWS refused the credentials (InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch", SourceError, "AWS refused the credentials (SignatureDoesNotMatch"),
        (400, "KeyTooLongError", ObjectDeniedError, "S3 answered KeyTooLongError"),
    ],
)
@pytest.mark.parametrize("act", ["read_bytes", "write_bytes", "upload", "delete"])
def test_refusal_is_told_in_one_line(
    server: AnsweringServer, tmp_path: Path, status: int, code: str, kind: Any, words: str, act: str
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    server.answer(refusal(status, code))
    acts = READERS | WRITERS | {"delete": lambda uri, _: STORAGE.delete(uri)}
    assert words in line_of(kind, lambda: acts[act](OBJECT, tmp_path))
    assert len(server.requests) == 1


@pytest.mark.parametrize("act", ["exists", "open_random", "download"])
def test_head_without_a_reason_may_be_expired_credentials(
    server: AnsweringServer, tmp_path: Path, act: str
) -> None:
    server.answer(Answer(status=400))
    acts = READERS | {"exists": lambda uri, _: STORAGE.exists(uri)}
    said = line_of(SourceError, lambda: acts[act](OBJECT, tmp_path))
    assert said == (
        f"S3 refused {OBJECT} without a reason (400), as it does when credentials have expired: renew them "
        f"and run the same command again"
    )


@pytest.mark.parametrize("act", ["exists", "open_random", "download"])
def test_refused_head_is_a_missing_permission(server: AnsweringServer, tmp_path: Path, act: str) -> None:
    server.answer(Answer(status=403))
    acts = READERS | {"exists": lambda uri, _: STORAGE.exists(uri)}
    said = line_of(ObjectDeniedError, lambda: acts[act](OBJECT, tmp_path))
    assert said.startswith(f"no permission for {OBJECT}")
    assert list(tmp_path.iterdir()) == []


def test_parquet_whose_ranges_fail_gives_our_error(server: AnsweringServer) -> None:
    server.answer(Answer(body=BODY), refusal(400, "ExpiredToken"))
    source = STORAGE.open_random(OBJECT)
    assert "credentials have expired" in line_of(SourceError, lambda: pq.ParquetFile(source))


def test_download_to_nowhere_names_the_folder_that_is_missing(
    server: AnsweringServer, tmp_path: Path
) -> None:
    said = line_of(SourceError, lambda: STORAGE.download(OBJECT, tmp_path / "absent" / "copy"))
    assert "absent" in said


def test_upload_of_nothing_names_the_local_file(server: AnsweringServer, tmp_path: Path) -> None:
    said = line_of(ObjectMissingError, lambda: STORAGE.upload(tmp_path / "absent", OBJECT))
    assert said == f"there is no {tmp_path}/absent"


def test_no_credentials_say_what_to_set(server: AnsweringServer, aws: pytest.MonkeyPatch) -> None:
    aws.delenv("AWS_ACCESS_KEY_ID")
    aws.delenv("AWS_SECRET_ACCESS_KEY")
    said = line_of(SourceError, lambda: STORAGE.read_bytes(OBJECT))
    assert said == (
        f"no usable AWS credentials for {OBJECT}: set AWS_PROFILE, "
        f"or read a public bucket with --no-sign-request"
    )
    assert server.requests == []
    assert Storage(no_sign_request=True).read_bytes(OBJECT) == BODY
    assert "Authorization" not in server.requests[0].headers


def test_signed_requests_are_signed(server: AnsweringServer) -> None:
    STORAGE.read_bytes(OBJECT)
    assert "Authorization" in server.requests[0].headers


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("AWS_PROFILE", "no-such-profile", "no-such-profile"),
        ("AWS_ENDPOINT_URL", "127.0.0.1", "127.0.0.1"),
        ("AWS_MAX_ATTEMPTS", "many", "many"),
    ],
)
def test_bad_aws_setting_is_one_line(
    server: AnsweringServer, aws: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    aws.setenv(name, value)
    said = line_of(SourceError, lambda: STORAGE.read_bytes(OBJECT))
    assert said.startswith("S3 cannot be used: ")
    assert words in said


def test_endpoint_that_nobody_listens_at_fails_at_once(aws: pytest.MonkeyPatch, pauses: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    aws.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    aws.setenv("AWS_MAX_ATTEMPTS", "2")
    said = line_of(StoreUnavailableError, lambda: STORAGE.read_bytes(OBJECT))
    assert said.startswith(f"{OBJECT} cannot be reached at http://127.0.0.1:{port} (")
    assert len(pauses) == 1


@pytest.mark.parametrize("act", ["write_bytes", "upload", "download", "exists", "open_random"])
def test_storage_out_of_reach_is_told_alike_whatever_was_wanted(
    aws: pytest.MonkeyPatch, tmp_path: Path, pauses: list[float], act: str
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        aws.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    aws.setenv("AWS_MAX_ATTEMPTS", "2")
    acts = READERS | WRITERS | {"exists": lambda uri, _: STORAGE.exists(uri)}
    said = line_of(StoreUnavailableError, lambda: acts[act](OBJECT, tmp_path))
    assert said.startswith(f"{OBJECT} cannot be reached at http://127.0.0.1:")


@pytest.mark.parametrize("uri", ["s3://", "s3:///key", "s3://Upper_Case!/key", "s3://bucket", "s3://bucket/"])
def test_uri_that_names_no_object_is_refused_before_anything_is_sent(
    server: AnsweringServer, uri: str
) -> None:
    said = line_of(ObjectDeniedError, lambda: STORAGE.read_bytes(uri))
    assert uri in said
    assert "answered" not in said
    assert server.requests == []


def test_uri_splits_at_the_first_slash() -> None:
    assert split_s3("s3://bucket/a/b") == ("bucket", "a/b")
    assert split_s3("s3://bucket//a") == ("bucket", "/a")
    assert split_s3("s3://bucket") == ("bucket", "")


def test_other_credentials_get_another_client(server: AnsweringServer, aws: pytest.MonkeyPatch) -> None:
    first = STORAGE.client()
    assert STORAGE.client() is first
    aws.setenv("AWS_ACCESS_KEY_ID", "renewed")
    assert STORAGE.client() is not first
