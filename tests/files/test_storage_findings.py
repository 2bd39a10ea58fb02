"""One odd row is told from a storage that fails; large, foreign and unsigned reads; durable writes."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from blanktrap.core.errors import SourceError
from blanktrap.files.s3 import (
    ObjectDeniedError,
    ObjectTooLargeError,
    StoreUnavailableError,
    UnsupportedLocationError,
    split_s3,
)
from blanktrap.files.storage import Storage
from tests.files.answering_server import Answer, AnsweringServer, answering_server, refusal

STORAGE = Storage()
UNSIGNED = Storage(no_sign_request=True)
OBJECT = "s3://archive/a.jpg"
BODY = b"0123456789"


@pytest.fixture(scope="module")
def shared_server() -> Iterator[AnsweringServer]:
    with answering_server() as server:
        yield server


@pytest.fixture
def server(shared_server: AnsweringServer, monkeypatch: pytest.MonkeyPatch) -> AnsweringServer:
    """A server that stands in for S3, with credentials for it and one attempt a request."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": "/nowhere/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere/credentials",
        "AWS_ENDPOINT_URL": shared_server.address,
    }.items():
        monkeypatch.setenv(name, value)
    shared_server.answer(Answer(body=BODY))
    return shared_server


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EACCES, ObjectDeniedError),
        (errno.EPERM, ObjectDeniedError),
        (errno.EISDIR, ObjectDeniedError),
        (errno.ELOOP, ObjectDeniedError),
        (errno.ENAMETOOLONG, ObjectDeniedError),
        (errno.EINVAL, ObjectDeniedError),
        (errno.EMFILE, SourceError),
        (errno.EIO, SourceError),
        (errno.ESTALE, SourceError),
        (errno.ETIMEDOUT, SourceError),
        (errno.ENOSPC, SourceError),
    ],
)
def test_only_a_fault_of_the_file_itself_is_blamed_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[SourceError]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(SourceError) as caught:
        STORAGE.read_bytes(f"{tmp_path}/a")
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidRequest", ObjectDeniedError),
        (400, "KeyTooLongError", ObjectDeniedError),
        (400, "KMS.DisabledException", ObjectDeniedError),
        (405, "MethodNotAllowed", ObjectDeniedError),
        (400, "KMS.ThrottlingException", StoreUnavailableError),
        (400, "RequestTimeout", StoreUnavailableError),
        (429, "TooManyRequests", StoreUnavailableError),
        (403, "RequestTimeTooSkewed", SourceError),
        (403, "InvalidAccessKeyId", SourceError),
        (404, "NoSuchBucket", SourceError),
        (500, "InternalError", StoreUnavailableError),
        (503, "SlowDown", StoreUnavailableError),
    ],
)
def test_only_a_refusal_of_the_object_itself_is_blamed_on_it(
    server: AnsweringServer, status: int, code: str, kind: type[SourceError]
) -> None:
    server.answer(refusal(status, code))
    with pytest.raises(SourceError) as caught:
        STORAGE.read_bytes(OBJECT)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("uri", ["s3://bucket", "s3:///key", "s3://Bad_Bucket!/key"])
def test_row_that_names_no_object_is_blamed_on_the_row(server: AnsweringServer, uri: str) -> None:
    with pytest.raises(ObjectDeniedError):
        STORAGE.read_bytes(uri)
    assert server.requests == []


def test_empty_key_names_nothing_that_exists(server: AnsweringServer) -> None:
    assert not STORAGE.exists("s3://bucket")
    assert not STORAGE.exists("s3://bucket/")
    assert server.requests == []
    with pytest.raises(ObjectDeniedError, match="names no bucket"):
        split_s3("s3:///key")


@pytest.mark.parametrize("uri", ["https://example.org/a", "gs://bucket/a", "az://a/b", "HTTP://a"])
def test_other_scheme_is_no_local_path(uri: str, tmp_path: Path) -> None:
    for act in (STORAGE.read_bytes, STORAGE.exists, STORAGE.list_folder, STORAGE.open_random, STORAGE.delete):
        with pytest.raises(UnsupportedLocationError) as caught:
            act(uri)
        assert str(caught.value) == f"{uri} is neither a local path nor s3://"
    with pytest.raises(UnsupportedLocationError):
        STORAGE.write_bytes(uri, b"")


def test_larger_object_is_refused_before_its_body_is_read(server: AnsweringServer) -> None:
    # The body breaks off half-way: reading it would be tried again.
    server.answer(Answer(body=BODY, ending="half"))
    with pytest.raises(ObjectTooLargeError) as caught:
        STORAGE.read_bytes(OBJECT, max_bytes=len(BODY) - 1)
    assert caught.value.size_bytes == len(BODY)
    assert len(server.requests) == 1
    server.answer(Answer(body=BODY))
    assert STORAGE.read_bytes(OBJECT, max_bytes=len(BODY)) == BODY


def test_larger_local_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BODY)
    with pytest.raises(ObjectTooLargeError, match="has 10 bytes, more than 9"):
        STORAGE.read_bytes(f"{tmp_path}/a", max_bytes=9)
    assert STORAGE.read_bytes(f"{tmp_path}/a", max_bytes=10) == BODY


def signed(server: AnsweringServer) -> list[bool]:
    return ["Authorization" in request.headers for request in server.requests]


def test_writes_are_signed_though_reads_are_not(server: AnsweringServer, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BODY)
    server.answer(Answer())
    UNSIGNED.write_bytes(OBJECT, BODY)
    UNSIGNED.upload(tmp_path / "a", OBJECT)
    UNSIGNED.delete(OBJECT)
    assert signed(server) == [True, True, True]
    server.answer(Answer(body=BODY))
    UNSIGNED.read_bytes(OBJECT)
    assert signed(server) == [False]


def test_refused_unsigned_read_is_signed_where_there_are_credentials(
    server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer(refusal(403, "AccessDenied"), Answer(body=BODY))
    assert UNSIGNED.read_bytes(OBJECT) == BODY
    assert signed(server) == [False, True]
    listing = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    server.answer(refusal(403, "AccessDenied"), Answer(body=listing))
    assert UNSIGNED.list_folder("s3://archive/m") == []
    assert signed(server) == [False, True]
    server.answer(Answer(status=403), Answer())
    assert UNSIGNED.exists(OBJECT)
    assert signed(server) == [False, True]
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    server.answer(refusal(403, "AccessDenied"))
    with pytest.raises(ObjectDeniedError, match="no permission"):
        UNSIGNED.read_bytes(OBJECT)
    assert signed(server) == [False]


def test_bytes_are_on_the_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def keep_sync(number: int) -> None:
        done.append(f"sync of {os.fstat(number).st_size} bytes")
        sync(number)

    def keep_replace(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", keep_sync)
    monkeypatch.setattr(Path, "replace", keep_replace)
    STORAGE.write_bytes(f"{tmp_path}/a", BODY)
    assert done == ["sync of 10 bytes", "rename"]
