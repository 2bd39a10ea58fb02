"""What was decoded once is found again, whole or not at all."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from blanktrap.core.config import Preprocessing
from blanktrap.core.errors import SourceError
from blanktrap.core.vocabulary import Status
from blanktrap.vision import pixel_cache
from blanktrap.vision.decoding import DecodedImage
from blanktrap.vision.loading import LoadedImage
from blanktrap.vision.pixel_cache import PixelCache, remove_cache, temporary_cache

PREPROCESSING = Preprocessing(width_px=40, height_px=32)


def decoded(seed: int = 0, *, is_night: bool = True) -> LoadedImage:
    pixels = np.random.default_rng(seed).integers(0, 256, (32, 40, 3), dtype=np.uint8)
    image = DecodedImage(pixels=pixels, width_px=640, height_px=480, brightness=0.25, is_night=is_night)
    return LoadedImage(status=Status.OK, error=None, image=image, bytes_read=99, fetch_s=0.1, decode_s=0.2)


def failed(status: Status = Status.UNREADABLE) -> LoadedImage:
    return LoadedImage(status=status, error="cut\nö", image=None, bytes_read=7, fetch_s=0.1, decode_s=0.0)


def only_file(folder: Path) -> Path:
    [path] = [path for path in folder.rglob("*") if path.is_file()]
    return path


def test_what_was_written_is_read_by_another_process_with_all_its_facts(tmp_path: Path) -> None:
    PixelCache(tmp_path, PREPROCESSING).write("s3://b/ä.jpg", 5, decoded())
    cache = PixelCache(tmp_path, PREPROCESSING)
    assert cache.holds("s3://b/ä.jpg", 5)
    found = cache.read("s3://b/ä.jpg", 5)
    assert found is not None
    assert found.image is not None
    wanted = decoded().image
    assert wanted is not None
    np.testing.assert_array_equal(found.image.pixels, wanted.pixels)
    facts = (found.image.width_px, found.image.height_px, found.image.brightness, found.image.is_night)
    assert facts == (640, 480, 0.25, True)
    assert (found.status, found.error, found.bytes_read) == (Status.OK, None, 99)
    assert (found.fetch_s, found.decode_s) == (0.1, 0.2)  # of when it was decoded


@pytest.mark.parametrize(
    "change",
    [{"width_px": 41}, {"banner_top": 0.1}, {"fit": "letterbox"}, {"auto_gamma": True}],
)
def test_other_preprocessing_is_another_image(tmp_path: Path, change: dict[str, object]) -> None:
    PixelCache(tmp_path, PREPROCESSING).write("a.jpg", 5, decoded())
    other = PixelCache(tmp_path, PREPROCESSING.model_copy(update=change))
    assert not other.holds("a.jpg", 5)
    assert other.read("a.jpg", 5) is None


def test_file_that_was_replaced_by_one_of_another_size_is_another_image(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path, PREPROCESSING)
    cache.write("a.jpg", 5, decoded())
    assert cache.read("a.jpg", 6) is None


def test_without_a_size_an_image_is_believed_in_its_own_run_alone(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path, PREPROCESSING, session="one")
    cache.write("a.jpg", None, decoded())
    assert cache.read("a.jpg", None) is not None
    assert PixelCache(tmp_path, PREPROCESSING, session="two").read("a.jpg", None) is None


def test_failure_is_remembered_in_its_own_run_and_tried_again_in_the_next(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path, PREPROCESSING, session="one")
    cache.write("a.jpg", 5, failed(Status.MISSING))
    found = cache.read("a.jpg", 5)
    assert found is not None
    assert (found.status, found.error, found.image) == (Status.MISSING, "cut\nö", None)
    assert cache.holds("a.jpg", 5)
    later = PixelCache(tmp_path, PREPROCESSING, session="two")
    assert not later.holds("a.jpg", 5)
    assert later.read("a.jpg", 5) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data + b"x",
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: b"no json\n" + data,
        lambda data: b"[1]\n",
        lambda data: b'{"version": 1, "status": "ok"}\n' + data[-32 * 40 * 3 :],
        lambda data: b'{"version": 1, "status": "splendid"}\n',
        lambda data: os.urandom(5000),
    ],
)
def test_damaged_file_is_no_file(tmp_path: Path, damage: object) -> None:
    PixelCache(tmp_path, PREPROCESSING).write("a.jpg", 5, decoded())
    path = only_file(tmp_path)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    cache = PixelCache(tmp_path, PREPROCESSING)
    assert cache.read("a.jpg", 5) is None
    cache.write("a.jpg", 5, decoded())
    assert cache.read("a.jpg", 5) is not None


def test_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = PixelCache(tmp_path, PREPROCESSING)

    def no_room(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", no_room)
    with pytest.raises(SourceError, match=r"\(No space left on device\): give --cache a folder on a disk"):
        cache.write("a.jpg", 5, decoded())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_too_small_a_disk_is_told_before_it_fills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 10 * 32 * 40 * 3

    monkeypatch.setattr(pixel_cache.shutil, "disk_usage", lambda folder: Usage)
    cache = PixelCache(tmp_path, PREPROCESSING)
    cache.refuse_full_disk(10)
    with pytest.raises(SourceError, match="--cache"):
        cache.refuse_full_disk(11)


def test_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SourceError, match="give --cache a folder"):
        PixelCache(tmp_path / "file", PREPROCESSING)


def test_temporary_cache_of_a_run_is_found_again_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_cache.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = temporary_cache("/models/one/training")
    assert folder == temporary_cache("/models/one/training")
    assert folder != temporary_cache("/models/two/training")
    PixelCache(folder, PREPROCESSING).write("a.jpg", 5, decoded())
    remove_cache(folder)
    remove_cache(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_media_compared_with_others_is_another_one(tmp_path: Path) -> None:
    cache = PixelCache(tmp_path, PREPROCESSING)
    cache.write("a.jpg", 5, decoded(), [("b.jpg", 3)])
    assert cache.holds("a.jpg", 5, [("b.jpg", 3)])
    assert not any(cache.holds("a.jpg", 5, beside) for beside in ([], [("b.jpg", 4)], [("c.jpg", 3)]))
