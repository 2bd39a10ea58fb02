import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from blanktrap.files.exif import HEAD_BYTES, capture_time_of, read_capture_times
from blanktrap.files.storage import Storage, join

AT = datetime(2014, 7, 2, 2, 54, 52)


def test_the_capture_time_comes_with_its_fraction(make_jpeg: Callable[..., bytes]) -> None:
    assert capture_time_of(make_jpeg(taken=AT)) == AT
    assert capture_time_of(make_jpeg(taken=AT, subsecond="25")) == AT.replace(microsecond=250_000)
    assert capture_time_of(make_jpeg()) is None


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_other_formats_tell_their_time_too(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif.get_ifd(0x8769)[0x9003] = "2014:07:02 02:54:52"
    sink = io.BytesIO()
    if kind == "TIFF":  # Pillow does not save the EXIF folder of a TIFF; an EXIF block is a TIFF itself
        sink.write(exif.tobytes().removeprefix(b"Exif\0\0"))
    else:
        Image.new("RGB", (8, 8)).save(sink, kind, exif=exif)
    assert capture_time_of(sink.getvalue()) == AT


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_damage_stops_the_reading(make_jpeg: Callable[..., bytes]) -> None:
    whole = make_jpeg(taken=AT)
    for length in range(0, len(whole), 7):
        assert capture_time_of(whole[:length]) in (AT, None)
    for place in range(0, 160):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        capture_time_of(bytes(damaged))


def test_the_date_of_saving_is_no_capture_time() -> None:
    exif = Image.Exif()
    exif[0x0132] = "2020:01:01 00:00:00"
    sink = io.BytesIO()
    Image.new("RGB", (8, 8)).save(sink, "JPEG", exif=exif)
    assert capture_time_of(sink.getvalue()) is None


def test_a_missing_file_is_told_from_one_without_time(
    tmp_path: Path, make_jpeg: Callable[..., bytes]
) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg(taken=AT))
    (tmp_path / "b.jpg").write_bytes(make_jpeg())
    media = [(name, str(tmp_path / name)) for name in ("a.jpg", "b.jpg", "gone.jpg")]
    found = [(one.media_id, one.timestamp, one.was_read) for one in read_capture_times(Storage(), media)]
    assert found == [("a.jpg", AT, True), ("b.jpg", None, True), ("gone.jpg", None, False)]


@pytest.mark.s3
def test_no_more_than_the_beginning_is_fetched(s3_bucket: str, make_jpeg: Callable[..., bytes]) -> None:
    storage = Storage()
    uri = join(f"s3://{s3_bucket}", "a.jpg")
    storage.write_bytes(uri, make_jpeg(taken=AT) + bytes(HEAD_BYTES))
    received: list[int] = []
    client = storage.client()
    client.meta.events.register(
        "after-call.s3.GetObject", lambda parsed, **_: received.append(parsed["ContentLength"]), unique_id="t"
    )
    try:
        assert [one.timestamp for one in read_capture_times(storage, [("a.jpg", uri)])] == [AT]
    finally:
        client.meta.events.unregister("after-call.s3.GetObject", unique_id="t")
    assert received == [HEAD_BYTES]
