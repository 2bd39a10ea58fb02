"""Images come in order, one result a URI, and never more of them wait than was asked for."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.errors import SourceError
from blanktrap.core.vocabulary import Status
from blanktrap.files import patience
from blanktrap.files.s3 import (
    ObjectDeniedError,
    ObjectMissingError,
    ObjectTooLargeError,
    StoreUnavailableError,
)
from blanktrap.files.storage import Storage
from blanktrap.vision.decoding import decode_image
from blanktrap.vision.loading import LoadedImage, load_image, load_images

SMALL = Preprocessing(width_px=32, height_px=32)
Draw = Callable[..., bytes]


@dataclass(kw_only=True)
class FakeStorage:
    """Answers from memory and keeps what was asked for."""

    files: dict[str, bytes | Exception]
    asked: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    gate: Callable[[str], object] | None = None
    """Called before each answer; it may wait."""

    def read_bytes(self, uri: str, *, max_bytes: int | None = None, version: object = None) -> bytes:
        with self.changed:
            self.asked.append(uri)
            self.changed.notify_all()
        if self.gate is not None:
            self.gate(uri)
        found = self.files[uri]
        if isinstance(found, Exception):
            raise found
        if max_bytes is not None and len(found) > max_bytes:
            raise ObjectTooLargeError(f"{uri} is too large", len(found))
        return found

    def asks_for_more_than(self, count: int, *, within_s: float) -> bool:
        """Wait for one fetch too many; false where none comes."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.asked) > count, within_s)


def load(
    storage: Any,
    uris: list[str],
    sizes: list[int | None] | None = None,
    *,
    num_threads: int = 4,
    limits: DecodeLimits | None = None,
) -> Any:
    return load_images(
        uris,
        sizes or [None] * len(uris),
        storage=storage,
        preprocessing=SMALL,
        limits=limits or DecodeLimits(),
        num_threads=num_threads,
    )


def load_one(data: bytes | Exception, size: int | None = None, **limits: int) -> LoadedImage:
    storage = FakeStorage(files={"a": data})
    [loaded] = load(storage, ["a"], [size], limits=DecodeLimits(**limits))
    return loaded


def test_order_is_kept_when_fetches_end_the_other_way_round(make_jpeg: Draw) -> None:
    files = {str(number): make_jpeg(number) for number in range(8)}
    done = {uri: threading.Event() for uri in files}

    def after_the_next(uri: str) -> None:
        following = str(int(uri) + 1)
        if int(uri) % 4 != 3:
            assert done[following].wait(10)
        done[uri].set()

    storage = FakeStorage(files=dict(files), gate=after_the_next)
    loaded = list(load(storage, list(files)))
    for result, data in zip(loaded, files.values(), strict=True):
        expected = decode_image(data, SMALL, DecodeLimits())
        assert np.array_equal(result.image.pixels, expected.pixels)


def test_every_uri_gives_one_result_whatever_happens(make_jpeg: Draw) -> None:
    image = make_jpeg()
    files: dict[str, bytes | Exception] = {
        "good": image,
        "gone": ObjectMissingError("there is no gone"),
        "secret": ObjectDeniedError("no permission for secret"),
        "cut": image[: len(image) // 2],
        "text": b"not an image",
        "animation": b"GIF89a of a fox",
        "replaced": image,
        "last": image,
    }
    sizes = [len(image), 10, 10, None, None, None, len(image) + 1, None]
    loaded = list(load(FakeStorage(files=files), list(files), sizes))
    assert [one.status for one in loaded] == [
        Status.OK,
        Status.MISSING,
        Status.UNREADABLE,
        Status.UNREADABLE,
        Status.UNREADABLE,
        Status.UNSUPPORTED,
        Status.UNREADABLE,
        Status.OK,
    ]
    for one in loaded:
        assert (one.image is None) == (one.status is not Status.OK)
        assert (one.error is None) == (one.status is Status.OK)
        assert "\n" not in (one.error or "")
        assert one.fetch_s >= 0.0
        assert one.decode_s >= 0.0


def test_no_uris_give_no_results() -> None:
    assert list(load(FakeStorage(files={}), [])) == []


def test_missing_and_denied_say_what_storage_said() -> None:
    gone = load_one(ObjectMissingError("there is no s3://archive/a.jpg"))
    assert (gone.status, gone.error) == (Status.MISSING, "there is no s3://archive/a.jpg")
    denied = load_one(ObjectDeniedError("s3://archive/a.jpg is archived (Glacier): restore it first"))
    assert denied.status is Status.UNREADABLE
    assert denied.error == "s3://archive/a.jpg is archived (Glacier): restore it first"


def test_file_known_to_be_too_large_is_not_fetched(make_jpeg: Draw) -> None:
    image = make_jpeg()
    storage = FakeStorage(files={"large": image, "fits": image})
    limits = DecodeLimits(max_bytes=len(image))
    large, fits = load(storage, ["large", "fits"], [len(image) + 1, len(image)], limits=limits)
    assert storage.asked == ["fits"]
    assert large.status is Status.TOO_LARGE
    assert large.error == f"{len(image) + 1:,} bytes, more than {len(image):,}; not fetched"
    assert large.bytes_read == 0
    assert fits.status is Status.OK


def test_file_of_unknown_size_that_is_too_large_is_not_read(tmp_path: Any, make_jpeg: Draw) -> None:
    image = make_jpeg()
    (tmp_path / "a.jpg").write_bytes(image)
    limits = DecodeLimits(max_bytes=len(image) - 1)
    [loaded] = load(Storage(), [str(tmp_path / "a.jpg")], limits=limits)
    assert loaded.status is Status.TOO_LARGE
    assert loaded.error == f"{len(image):,} bytes, more than {len(image) - 1:,}; not fetched"
    assert loaded.bytes_read == 0
    [fits] = load(Storage(), [str(tmp_path / "a.jpg")], limits=DecodeLimits(max_bytes=len(image)))
    assert fits.status is Status.OK


@pytest.mark.parametrize("uri", ["https://example.org/a.jpg", "gs://bucket/a.jpg", "S3://bucket/a.jpg"])
def test_uri_of_another_scheme_is_unsupported(uri: str) -> None:
    [loaded] = load(Storage(), [uri])
    assert loaded.status is Status.UNSUPPORTED
    assert loaded.error == f"{uri} is neither a local path nor s3://"


def test_image_of_too_many_pixels_is_too_large(make_jpeg: Draw) -> None:
    assert load_one(make_jpeg(width_px=64, height_px=48), max_pixels=64 * 48).status is Status.OK
    assert load_one(make_jpeg(width_px=64, height_px=48), max_pixels=64 * 48 - 1).status is Status.TOO_LARGE


@pytest.mark.parametrize("change", [-1, 1])
def test_file_replaced_since_indexing_is_never_scored(make_jpeg: Draw, change: int) -> None:
    image = make_jpeg()
    loaded = load_one(image, len(image) + change)
    assert loaded.status is Status.UNREADABLE
    assert loaded.error == (
        f"{len(image):,} bytes, {len(image) + change:,} when it was indexed: "
        f"replaced or cut since, index again"
    )


def test_object_that_is_another_than_was_indexed_is_never_scored(s3_bucket: str, make_jpeg: Draw) -> None:
    storage, image = Storage(), make_jpeg(0).ljust(4000, b"\0")
    uri = f"s3://{s3_bucket}/a.jpg"
    storage.write_bytes(uri, image)
    [listed] = storage.client().list_objects_v2(Bucket=s3_bucket)["Contents"]
    etags = [listed["ETag"].strip('"')]

    def loaded() -> LoadedImage:
        settings: Any = {"storage": storage, "preprocessing": SMALL, "limits": DecodeLimits()}
        [one] = load_images([uri], [len(image)], etags=etags, num_threads=1, **settings)
        return one

    assert loaded().status is Status.OK
    storage.write_bytes(uri, make_jpeg(1).ljust(4000, b"\0"))
    one = loaded()
    assert (one.status, one.image) == (Status.UNREADABLE, None)
    assert "was replaced since it was indexed" in (one.error or "")


def test_storage_that_is_away_for_a_while_is_waited_for(
    make_jpeg: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=pauses.append))
    image = make_jpeg()
    storage = FakeStorage(files={"a": StoreUnavailableError("S3 answered SlowDown")})

    def come_back(_: str) -> None:
        if len(storage.asked) == 12:
            storage.files["a"] = image

    storage.gate = come_back
    [loaded] = load(storage, ["a"])
    assert loaded.status is Status.OK
    assert len(storage.asked) == 12
    assert len(pauses) == 11
    assert max(pauses) <= 20


def test_storage_that_stays_away_stops_the_work(make_jpeg: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.0)
    storage = FakeStorage(files={"a": StoreUnavailableError("S3 answered SlowDown")})
    with pytest.raises(StoreUnavailableError, match="SlowDown"):
        list(load(storage, ["a"]))


def test_bytes_read_are_what_came_over_the_wire(make_jpeg: Draw) -> None:
    image = make_jpeg()
    assert load_one(image).bytes_read == len(image)
    assert load_one(image, len(image)).bytes_read == len(image)
    assert load_one(b"not an image").bytes_read == 12
    assert load_one(image, len(image) + 1).bytes_read == len(image)
    assert load_one(b"").bytes_read == 0
    assert load_one(ObjectMissingError("there is no a")).bytes_read == 0


def test_failing_storage_stops_the_work_after_what_came_before(make_jpeg: Draw) -> None:
    files: dict[str, bytes | Exception] = {str(number): make_jpeg() for number in range(40)}
    files["3"] = SourceError("the AWS credentials have expired")
    storage = FakeStorage(files=files)
    results = load(storage, list(files), num_threads=2)
    assert [next(results).status for _ in range(3)] == [Status.OK] * 3
    with pytest.raises(SourceError, match="credentials have expired"):
        next(results)
    assert len(storage.asked) < 40


def test_no_more_than_twice_the_threads_are_fetched_ahead(make_jpeg: Draw) -> None:
    image, num_threads = make_jpeg(), 3
    storage = FakeStorage(files={str(number): image for number in range(30)})
    results = load(storage, list(storage.files), num_threads=num_threads)
    for num_taken in range(1, 31):
        next(results)
        assert not storage.asks_for_more_than(num_taken + 2 * num_threads, within_s=0.005)
    assert sorted(storage.asked, key=int) == list(storage.files)


def test_as_many_are_fetched_at_the_same_time_as_there_are_threads(make_jpeg: Draw) -> None:
    # Each fetch waits until four are under way: with fewer threads the barrier breaks.
    together = threading.Barrier(4, timeout=10)
    storage = FakeStorage(
        files={str(number): make_jpeg() for number in range(16)}, gate=lambda _: together.wait()
    )
    assert len(list(load(storage, list(storage.files), num_threads=4))) == 16


def test_work_given_up_is_fetched_no_further(make_jpeg: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    given_up, plain = threading.Event(), ThreadPoolExecutor.__exit__

    def let_go(*arguments: Any) -> Any:
        given_up.set()
        return plain(*arguments)

    monkeypatch.setattr(ThreadPoolExecutor, "__exit__", let_go)
    storage = FakeStorage(
        files={str(number): make_jpeg() for number in range(30)},
        gate=lambda uri: uri == "0" or given_up.wait(10),
    )
    results = load(storage, list(storage.files), num_threads=2)
    next(results)
    # Two fetches are under way when the caller stops; the one that waits behind them is not begun.
    assert storage.asks_for_more_than(2, within_s=10)
    results.close()
    assert sorted(storage.asked) == ["0", "1", "2"]


def test_each_uri_is_fetched_once(make_jpeg: Draw) -> None:
    storage = FakeStorage(files={str(number): make_jpeg() for number in range(20)})
    list(load(storage, list(storage.files)))
    assert sorted(storage.asked, key=int) == list(storage.files)


def test_uris_and_sizes_must_be_equally_many() -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(load(FakeStorage(files={"a": b"", "b": b""}), ["a", "b"], [1]))


def test_one_image_is_loaded_as_many_are(tmp_path: Any, make_jpeg: Draw) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg())
    for name in ("a.jpg", "absent.jpg"):
        uri = str(tmp_path / name)
        alone = load_image(uri, None, storage=Storage(), preprocessing=SMALL, limits=DecodeLimits())
        [among] = load(Storage(), [uri])
        assert (alone.status, alone.error, alone.bytes_read) == (among.status, among.error, among.bytes_read)
        if alone.image is not None:
            assert np.array_equal(alone.image.pixels, among.image.pixels)
    assert (alone.status, alone.error) == (Status.MISSING, f"there is no {uri}")
