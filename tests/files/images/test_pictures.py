"""Pictures for a browser: upright, small, within limits, and few in memory."""

import io
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from blanktrap.core.config import DecodeLimits
from blanktrap.core.errors import DecodeError, SourceError
from blanktrap.files.images.pictures import LIMITS, Picture, PictureCache, draw_picture, fetch_picture
from blanktrap.files.storage import Storage

STORAGE = Storage()


def encoded(image: Image.Image, kind: str = "JPEG", **settings: object) -> bytes:
    sink = io.BytesIO()
    image.save(sink, kind, **settings)
    return sink.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def two_colours(width: int = 800, height: int = 600) -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", (width, height), (200, 20, 20))
    image.paste((20, 20, 200), (0, height // 2, width, height))
    return image


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_picture_is_small_and_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = {1: 0, 3: 180, 6: 90, 8: 270}[orientation]
    stored = two_colours().rotate(turns, expand=True)
    picture = opened(draw_picture(encoded(stored, exif=exif.tobytes()), longest_px=200))
    assert picture.size == (200, 150)
    red, _, blue = np.asarray(picture)[10, 100]
    assert red > blue + 100
    assert not picture.getexif()


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK", "I;16", "F", "I"])
def test_every_colour_mode_has_a_picture(mode: str) -> None:
    wide = {"I;16": np.uint16, "I": np.int32, "F": np.float32}
    if mode in wide:
        grey = np.linspace(0, 1 if mode == "F" else 65535, 64 * 48).reshape(48, 64).astype(wide[mode])
        image = Image.fromarray(grey)
    else:
        image = two_colours(64, 48).convert(mode)
    kind = "JPEG" if mode == "CMYK" else "TIFF" if mode in wide else "PNG"
    picture = opened(draw_picture(encoded(image, kind), longest_px=32))
    assert (picture.mode, picture.size) == ("RGB", (32, 24))
    assert np.asarray(picture).std() > 10


def test_a_small_image_keeps_its_size() -> None:
    assert opened(draw_picture(encoded(two_colours(60, 40)), longest_px=480)).size == (60, 40)


def test_a_bomb_is_told_by_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("1", (6_000, 6_000)), "PNG")
    with pytest.raises(DecodeError, match="6,000 by 6,000 pixels, more than 1,000,000"):
        draw_picture(data, longest_px=100, limits=DecodeLimits(max_pixels=1_000_000))


def test_what_cannot_be_shown_says_why(
    tmp_path: Path, make_jpeg: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as other libraries do
    whole = make_jpeg()
    (tmp_path / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "note.jpg").write_bytes(b"<html><script>alert(1)</script>")
    (tmp_path / "film.jpg").write_bytes(b"GIF89a")
    limits = DecodeLimits(max_bytes=len(whole) - 1)
    (tmp_path / "long.jpg").write_bytes(whole)

    def problem(name: str, limits: DecodeLimits = LIMITS) -> str | None:
        found = fetch_picture(STORAGE, str(tmp_path / name), longest_px=100, limits=limits)
        assert found.data is None
        return found.problem

    assert (problem("truncated.jpg") or "").startswith("unreadable: ")
    assert (problem("note.jpg") or "").startswith("unreadable: no image")
    assert (problem("film.jpg") or "").startswith("unsupported: a GIF")
    assert problem("long.jpg", limits) == f"too large to show: {len(whole):,} bytes"
    assert problem("gone.jpg") == f"there is no {tmp_path / 'gone.jpg'}"


class Fetcher:
    """Stands in for fetching, and counts."""

    def __init__(self, num_bytes: int = 100, **answer: object) -> None:
        self.asked: list[str] = []
        self.answer = Picture(**{"data": b"x" * num_bytes, **answer})  # type: ignore[arg-type]
        self._lock = threading.Lock()

    def __call__(self, storage: Storage, uri: str, *, longest_px: int) -> Picture:
        with self._lock:
            self.asked.append(f"{uri}@{longest_px}")
        return self.answer


def test_the_cache_stays_within_its_bytes_and_its_count() -> None:
    fetch = Fetcher(100)
    cache = PictureCache(STORAGE, max_bytes=450, max_count=1_000, fetch=fetch)
    cache.pictures([str(number) for number in range(50)], longest_px=1)
    assert (len(cache), cache.num_bytes) == (4, 400)
    few = PictureCache(STORAGE, max_bytes=10_000, max_count=3, fetch=fetch)
    few.pictures([str(number) for number in range(50)], longest_px=1)
    assert (len(few), few.num_bytes) == (3, 300)


def test_what_was_looked_at_last_is_kept() -> None:
    fetch = Fetcher()
    cache = PictureCache(STORAGE, max_count=2, fetch=fetch)
    for uri in ("a", "b", "a", "c", "a", "b"):
        cache.picture(uri, longest_px=1)
    assert fetch.asked == ["a@1", "b@1", "c@1", "b@1"]
    cache.picture("b", longest_px=2)
    assert fetch.asked[-1] == "b@2"


def test_a_picture_larger_than_the_cache_is_shown_and_not_kept() -> None:
    cache = PictureCache(STORAGE, max_bytes=50, fetch=Fetcher(100))
    assert cache.picture("a", longest_px=1).num_bytes == 100
    assert (len(cache), cache.num_bytes) == (0, 0)


def test_a_storage_that_failed_is_asked_again() -> None:
    fetch = Fetcher(data=None, problem="the network is gone", is_passing=True)
    cache = PictureCache(STORAGE, fetch=fetch)
    assert cache.picture("a", longest_px=1).problem == cache.picture("a", longest_px=1).problem
    assert len(fetch.asked) == 2


@pytest.mark.s3
def test_pictures_come_from_s3_and_a_lost_bucket_is_named(
    s3_bucket: str, make_jpeg: Callable[..., bytes]
) -> None:
    STORAGE.write_bytes(f"s3://{s3_bucket}/a.jpg", make_jpeg())
    assert fetch_picture(STORAGE, f"s3://{s3_bucket}/a.jpg", longest_px=100).data is not None
    lost = fetch_picture(STORAGE, "s3://no-such-bucket-here/a.jpg", longest_px=100)
    assert lost.is_passing
    assert "no-such-bucket-here" in (lost.problem or "")
    with pytest.raises(SourceError):
        STORAGE.read_bytes("s3://no-such-bucket-here/a.jpg")
