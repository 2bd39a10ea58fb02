"""Bytes on disk come whole, or with one line that says why not."""

import errno
import os
import pickle
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.errors import SourceError
from blanktrap.files.s3 import ObjectDeniedError, ObjectMissingError
from blanktrap.files.storage import FileEntry, Storage, join, local_path, local_uri
from tests.files.storage_checks import BODY, READERS, STORAGE, WRITERS, line_of, staged_in


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
