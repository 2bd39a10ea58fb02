"""Whatever a server answers, bytes come whole or one line says why not."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from blanktrap.core.errors import SourceError
from blanktrap.files import s3_reading
from blanktrap.files.s3 import ObjectDeniedError, ObjectMissingError, StoreUnavailableError, split_s3
from blanktrap.files.storage import Storage
from tests.files.answering_server import Answer, AnsweringServer, answering_server, refusal
from tests.files.storage_checks import BODY, OBJECT, READERS, STORAGE, STRANGE_KEYS, WRITERS, line_of


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
