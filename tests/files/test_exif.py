import io
import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from blanktrap.files.exif import HEAD_BYTES, ExifFacts, exif_facts_of, read_exif
from blanktrap.files.storage import Storage, join

AT = datetime(2014, 7, 2, 2, 54, 52)


def test_the_capture_time_comes_with_its_fraction(make_jpeg: Callable[..., bytes]) -> None:
    assert exif_facts_of(make_jpeg(taken=AT)).timestamp == AT
    assert exif_facts_of(make_jpeg(taken=AT, subsecond="25")).timestamp == AT.replace(microsecond=250_000)
    assert exif_facts_of(make_jpeg()).timestamp is None


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
    assert exif_facts_of(sink.getvalue()).timestamp == AT


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_damage_stops_the_reading(make_jpeg: Callable[..., bytes]) -> None:
    whole = make_jpeg(taken=AT)
    for length in range(0, len(whole), 7):
        assert exif_facts_of(whole[:length]).timestamp in (AT, None)
    for sound in (whole, with_night_signs(flash=0, preview=GREEN)):
        for place in range(0, min(len(sound), 700)):
            damaged = bytearray(sound)
            damaged[place] ^= 0xFF
            exif_facts_of(bytes(damaged))


def test_the_date_of_saving_is_no_capture_time() -> None:
    exif = Image.Exif()
    exif[0x0132] = "2020:01:01 00:00:00"
    sink = io.BytesIO()
    Image.new("RGB", (8, 8)).save(sink, "JPEG", exif=exif)
    assert exif_facts_of(sink.getvalue()).timestamp is None


def test_a_missing_file_is_told_from_one_without_time(
    tmp_path: Path, make_jpeg: Callable[..., bytes]
) -> None:
    (tmp_path / "a.jpg").write_bytes(make_jpeg(taken=AT))
    (tmp_path / "b.jpg").write_bytes(make_jpeg())
    media = [(name, str(tmp_path / name)) for name in ("a.jpg", "b.jpg", "gone.jpg")]
    found = [(one.media_id, one.facts.timestamp, one.was_read) for one in read_exif(Storage(), media)]
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
        assert [one.facts.timestamp for one in read_exif(storage, [("a.jpg", uri)])] == [AT]
    finally:
        client.meta.events.unregister("after-call.s3.GetObject", unique_id="t")
    assert received == [HEAD_BYTES]


def with_night_signs(*, flash: int | None = None, scene: int | None = None, preview: bytes = b"") -> bytes:
    """A TIFF block with these tags and this thumbnail, as a camera writes it before the pixels."""
    details = [(0x9209, flash), (0xA406, scene)]
    entries = [struct.pack("<HHIHxx", tag, 3, 1, value) for tag, value in details if value is not None]
    exif_at = 8 + 2 + 12 + 4
    preview_folder_at = exif_at + 2 + 12 * len(entries) + 4
    preview_at = preview_folder_at + 2 + 12 * 2 + 4
    folder = struct.pack("<HHHIII", 1, 0x8769, 4, 1, exif_at, preview_folder_at if preview else 0)
    details_folder = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    preview_folder = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, preview_at, 0x0202, 4, 1, len(preview), 0)
    return b"II*\0" + struct.pack("<I", 8) + folder + details_folder + preview_folder + preview


def preview_of(*colour: int) -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (16, 12), tuple(colour)).save(sink, "JPEG")
    return sink.getvalue()


GREY, GREEN = preview_of(90, 90, 90), preview_of(60, 120, 40)


@pytest.mark.parametrize(
    ("signs", "is_night"),
    [
        ({"flash": 0x19}, True),
        ({"flash": 0x18}, None),  # cameras with infrared lamps write this by night as well
        ({"flash": 0, "preview": GREY}, True),
        ({"flash": 0, "preview": GREEN}, False),
        ({"flash": 1, "preview": GREEN}, True),  # a white flash gives colours
        ({"scene": 3}, True),
        ({"scene": 0}, None),
        ({"preview": GREY[:40]}, None),
        ({}, None),
    ],
)
def test_flash_and_preview_say_night_and_a_missing_flash_does_not_say_day(
    signs: dict[str, Any], is_night: bool | None
) -> None:
    assert exif_facts_of(with_night_signs(**signs)) == ExifFacts(is_night=is_night)


@pytest.mark.real
def test_previews_agree_with_the_photographs(real_data: Path) -> None:
    heads = [path.read_bytes()[:HEAD_BYTES] for path in sorted((real_data / "peru" / "images").iterdir())]
    nights = [exif_facts_of(head).is_night for head in heads]
    # 27 photographs of this camera have no colour; it wrote "flash did not fire" into all 57.
    assert (len(nights), nights.count(True), nights.count(False)) == (57, 27, 30)
