"""The loop gets its media in its order, each decoded once and read ever after."""

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import pytest

from blanktrap.core.config import Preprocessing
from blanktrap.core.errors import SourceError
from blanktrap.core.vocabulary import Status
from blanktrap.files.manifest import Manifest
from blanktrap.files.storage import Storage
from blanktrap.vision.decoding import DecodedImage
from blanktrap.vision.labelled_media import LabelledMedia, media_of, read_labelled_rows
from blanktrap.vision.loading import LoadedImage
from blanktrap.vision.pixel_cache import PixelCache
from blanktrap.vision.training.cached_feed import CachedFeed, decoder_here

STORAGE = Storage()
PREPROCESSING = Preprocessing(width_px=40, height_px=32)
DAMAGED = 3


@pytest.fixture
def media(archive: Callable[..., Manifest]) -> LabelledMedia:
    rows = read_labelled_rows(archive(num_images=12, size_bytes=[9] * 12), STORAGE)
    return media_of(rows, ["train"] * 12)


@pytest.fixture
def cache(tmp_path: Path) -> PixelCache:
    return PixelCache(tmp_path / "cache", PREPROCESSING)


class Decoding:
    """A decoder that paints an image with its row, fails for one, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.given = 0

    def __call__(self, rows: np.ndarray) -> Generator[LoadedImage]:
        if len(rows):
            self.asked.append(rows.tolist())
        for row in rows.tolist():
            self.given += 1
            yield painted(row) if row != DAMAGED else failed()


def painted(row: int) -> LoadedImage:
    pixels = np.full((32, 40, 3), row, np.uint8)
    image = DecodedImage(pixels=pixels, width_px=64, height_px=48, brightness=0.5, is_night=row % 2 == 1)
    return LoadedImage(status=Status.OK, error=None, image=image, bytes_read=1, fetch_s=0.0, decode_s=0.0)


def failed() -> LoadedImage:
    return LoadedImage(
        status=Status.UNREADABLE, error="cut", image=None, bytes_read=1, fetch_s=0.0, decode_s=0.0
    )


def read(feed: CachedFeed, order: list[int], batch_size: int = 4) -> list[list[int]]:
    """The rows of each batch, after a look at what came with them."""
    batches = []
    for batch in feed.epoch(np.array(order, np.int64), batch_size):
        assert batch.pixels.shape == (len(batch.rows), 32, 40, 3)
        assert (batch.pixels == batch.rows[:, None, None, None]).all()
        assert (batch.is_night == (batch.rows % 2 == 1)).all()
        assert batch.sizes_px.tolist() == [[64, 48]] * len(batch.rows)
        batches.append(batch.rows.tolist())
    return batches


def test_media_come_in_order_and_the_next_one_takes_the_place_of_one_that_fails(
    media: LabelledMedia, cache: PixelCache
) -> None:
    decoding = Decoding()
    feed = CachedFeed(media, cache, decoding)
    # Row 3 fails: 9 8 7 3 5 4 2 1 0 in fours is 9 8 7 5, 4 2 1 0.
    assert read(feed, [9, 8, 7, 3, 5, 4, 2, 1, 0]) == [[9, 8, 7, 5], [4, 2, 1, 0]]
    assert feed.left_out == {3: "unreadable"}
    assert decoding.asked == [[9, 8, 7, 3, 5, 4, 2, 1, 0]]
    assert feed.num_decoded == 9
    assert feed.waited_s > 0.0


def test_later_epochs_decode_nothing(media: LabelledMedia, cache: PixelCache) -> None:
    decoding = Decoding()
    feed = CachedFeed(media, cache, decoding)
    read(feed, list(range(12)))
    assert read(feed, [5, 3, 1, 11, 0], 2) == [[5, 1], [11, 0]]
    assert len(decoding.asked) == 1


def test_another_worker_finds_what_was_decoded_and_decodes_the_rest(
    media: LabelledMedia, cache: PixelCache
) -> None:
    read(CachedFeed(media, cache, Decoding()), [0, 1, 2, 3])
    decoding = Decoding()
    feed = CachedFeed(media, cache, decoding)
    assert read(feed, [7, 0, 6, 3, 1]) == [[7, 0, 6, 1]]
    assert decoding.asked == [[7, 6]]
    assert feed.left_out == {3: "unreadable"}


def test_media_wanted_several_times_is_decoded_once(media: LabelledMedia, cache: PixelCache) -> None:
    decoding = Decoding()
    assert read(CachedFeed(media, cache, decoding), [1, 1, 2, 1, 3, 2, 3, 4]) == [[1, 1, 2, 1], [2, 4]]
    assert decoding.asked == [[1, 2, 3, 4]]


def test_damaged_file_is_decoded_again(media: LabelledMedia, cache: PixelCache) -> None:
    read(CachedFeed(media, cache, Decoding()), [0, 1, 2])
    for path in cache.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    decoding = Decoding()
    again = PixelCache(cache.folder, PREPROCESSING)
    assert read(CachedFeed(media, again, decoding), [0, 1, 2]) == [[0, 1, 2]]
    assert decoding.asked == [[0], [1], [2]]


def test_nothing_readable_gives_no_batch(media: LabelledMedia, cache: PixelCache) -> None:
    feed = CachedFeed(media, cache, Decoding())
    assert read(feed, [DAMAGED, DAMAGED]) == []
    assert feed.left_out == {DAMAGED: "unreadable"}


def test_loop_that_stops_early_ends_the_reading(media: LabelledMedia, cache: PixelCache) -> None:
    decoding = Decoding()
    feed = CachedFeed(media, cache, decoding)
    batches = feed.epoch(np.array([0, 1, 2, 4, 5, 6, 7, 8, 9, 10]), 1)
    assert next(iter(batches)).rows.tolist() == [0]
    batches.close()  # type: ignore[attr-defined]
    before = decoding.given
    assert read(feed, [11]) == [[11]]
    assert decoding.given == before + 1


def test_storage_that_fails_reaches_the_loop(media: LabelledMedia, cache: PixelCache) -> None:
    def fail(rows: np.ndarray) -> Generator[LoadedImage]:
        yield painted(0)
        raise SourceError("the bucket is gone")

    with pytest.raises(SourceError, match="the bucket is gone"):
        read(CachedFeed(media, cache, fail), [0, 1, 2, 4])


def test_decoding_in_this_process_keeps_the_order_and_the_status(
    archive: Callable[..., Manifest], tmp_path: Path
) -> None:
    manifest = archive(num_images=12)
    (tmp_path / "image-5.png").write_bytes(b"no image")
    (tmp_path / "image-6.png").unlink()
    media = media_of(read_labelled_rows(manifest, STORAGE), ["train"] * 12)
    order = np.random.default_rng(0).permutation(12)
    decode = decoder_here(media, PREPROCESSING, STORAGE, num_threads=2)
    statuses = [one.status for one in decode(order)]
    wanted = {5: Status.UNREADABLE, 6: Status.MISSING}
    assert statuses == [wanted.get(row, Status.OK) for row in order.tolist()]
    assert list(decode(order[:0])) == []
