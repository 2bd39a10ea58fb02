"""Media decoded once and read from local disk ever after, a few batches ahead of the loop.

Owns: what is read from the cache and what is still to be decoded, reading ahead in a thread, and the time
that the loop waits. Refuses: decoding; whoever makes the feed says how, on this machine or on a cluster.
"""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice

import numpy as np
import torch

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.files.storage import Storage
from blanktrap.vision.comparing import compare_places
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.loading import LoadedImage, load_image
from blanktrap.vision.pixel_cache import Beside, PixelCache
from blanktrap.vision.training.feeds import Batch

logger = logging.getLogger(__name__)

Decoder = Callable[[np.ndarray], Generator[LoadedImage]]
"""From positions in the labelled media to what became of each of them, in the same order."""

_READERS = 4
_AHEAD_BYTES = 256 * 1024 * 1024
"""Pixels that wait for the loop, at the most."""
_FEWEST_AHEAD, _MOST_AHEAD = 2, 16

RUN_OF_PLACES = 512
"""Media compared in one go, neighbours among them fetched once."""

_Message = Batch | BaseException | None


class CachedFeed:
    """The feed of one worker; see `blanktrap.vision.training.feeds.Feed`.

    Attributes:
        waited_s: seconds that the loop has waited for batches so far.
        left_out: positions of media met so far that cannot be decoded, and the status of each.
        num_decoded: media that were not in the cache.
    """

    def __init__(
        self,
        media: LabelledMedia,
        cache: PixelCache,
        decode: Decoder,
        *,
        pinned: bool = False,
    ) -> None:
        """Prepare a feed; nothing is read yet.

        Args:
            media: the labelled media of the run.
            cache: of this machine.
            decode: decodes what is not in the cache.
            pinned: put batches where a GPU fetches them by itself.
        """
        self.waited_s = 0.0
        self.left_out: dict[int, str] = {}
        self.num_decoded = 0
        self._media, self._cache, self._decode = media, cache, decode
        self._pinned = pinned
        self._is_cached = np.zeros(len(media.uris), bool)

    def epoch(self, order: np.ndarray, batch_size: int) -> Iterator[Batch]:
        """See `Feed.epoch`. A loop that stops early closes the iterator, and reading ahead ends."""
        ahead = _AHEAD_BYTES // max(1, batch_size * self._cache.image_bytes)
        waiting: queue.Queue[_Message] = queue.Queue(maxsize=min(_MOST_AHEAD, max(_FEWEST_AHEAD, ahead)))
        stopped = threading.Event()
        thread = threading.Thread(
            target=self._run_ahead, args=(order, batch_size, waiting, stopped), name="feed", daemon=True
        )
        thread.start()
        try:
            while True:
                started = time.perf_counter()
                message = waiting.get()
                self.waited_s += time.perf_counter() - started
                if message is None:
                    return
                if isinstance(message, BaseException):
                    raise message
                yield message
        finally:
            stopped.set()
            while thread.is_alive():
                _take_all(waiting)  # a thread that waits for room sees that it has been stopped
                thread.join(timeout=0.05)

    def _run_ahead(
        self, order: np.ndarray, batch_size: int, waiting: "queue.Queue[_Message]", stopped: threading.Event
    ) -> None:
        batches = self._batches(order, batch_size)
        try:
            for batch in batches:
                waiting.put(batch)
                if stopped.is_set():
                    return
            waiting.put(None)
        except BaseException as problem:  # noqa: BLE001 - raised again where the loop reads
            waiting.put(problem)
        finally:
            batches.close()

    def _batches(self, order: np.ndarray, batch_size: int) -> Generator[Batch]:
        with closing(self.loaded(order, batch_size)) as parts:
            kept: list[tuple[int, LoadedImage]] = []
            for part in parts:
                kept.extend((row, one) for row, one in part if one.image is not None)
                if len(kept) >= batch_size:
                    yield self._batch_of(kept[:batch_size])
                    kept = kept[batch_size:]
            if kept:
                yield self._batch_of(kept)

    def loaded(self, order: np.ndarray, at_once: int) -> Generator[list[tuple[int, LoadedImage]]]:
        """Give what became of media, those that cannot be decoded too, without reading ahead.

        Args:
            order: positions in the labelled media of the run.
            at_once: media in a list; the last one may be shorter.

        Yields:
            Positions, in order, each with what became of it. Media known not to be decodable are passed over.

        Raises:
            SourceError: the storage itself fails, or the cache cannot be written.
        """
        missing = self._find_missing(order)
        if self._media.places is not None:
            self._fill(missing)
            missing = missing[:0]
        rows = (row for row in order.tolist() if row not in self.left_out)
        with (
            closing(self._decode(missing)) as decoded,
            ThreadPoolExecutor(max_workers=_READERS, thread_name_prefix="read") as readers,
        ):
            while part := list(islice(rows, at_once)):
                yield self._load(part, decoded, readers)

    def _find_missing(self, order: np.ndarray) -> np.ndarray:
        """Media to decode, each once, as they are first wanted."""
        wanted, places = np.unique(order, return_index=True)
        wanted = wanted[np.argsort(places)]
        for row in wanted[~self._is_cached[wanted]].tolist():
            self._is_cached[row] = row in self.left_out or self._cache.holds(*self._name(row))
        missing = wanted[~self._is_cached[wanted]]
        if len(missing):
            self._cache.refuse_full_disk(len(missing))
        return missing

    def _fill(self, missing: np.ndarray) -> None:
        """Decode media in the order of their manifest: those of a place are compared with one another."""
        places = self._media.places
        assert places is not None
        in_order = missing[np.argsort([place.row for place in places[missing].tolist()])]
        with closing(self._decode(in_order)) as decoded:
            for row, one in zip(in_order.tolist(), decoded, strict=True):
                self._keep(row, one)

    def _load(
        self, rows: list[int], decoded: Iterator[LoadedImage], readers: ThreadPoolExecutor
    ) -> list[tuple[int, LoadedImage]]:
        """What became of media, in order; those in the cache are read at the same time."""
        reading = {
            row: readers.submit(self._cache.read, *self._name(row))
            for row in set(rows)
            if self._is_cached[row]
        }
        loaded: dict[int, LoadedImage] = {}
        for row in dict.fromkeys(rows):
            one = reading[row].result() if row in reading else self._keep(row, next(decoded))
            if one is None:
                logger.info("decoding again, its file in the cache is damaged: %s", self._media.uris[row])
                [again] = self._decode(np.array([row]))
                one = self._keep(row, again)
            if one.image is None:
                self.left_out[row] = one.status.value
                logger.info("left out of training, %s: %s (%s)", one.status, self._media.uris[row], one.error)
            loaded[row] = one
        return [(row, loaded[row]) for row in rows]

    def _keep(self, row: int, one: LoadedImage) -> LoadedImage:
        uri, size_bytes, beside = self._name(row)
        self._cache.write(uri, size_bytes, one, beside)
        self._is_cached[row] = True
        self.num_decoded += 1
        return one

    def _batch_of(self, kept: list[tuple[int, LoadedImage]]) -> Batch:
        images = [one.image for _, one in kept if one.image is not None]
        shape = (len(images), *images[0].pixels.shape)
        pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=self._pinned).numpy()
        np.stack([image.pixels for image in images], out=pixels)
        return Batch(
            rows=np.array([row for row, _ in kept], np.int64),
            pixels=pixels,
            is_night=np.array([image.is_night for image in images], bool),
            sizes_px=np.array([(image.width_px, image.height_px) for image in images], np.int64),
        )

    def _name(self, row: int) -> tuple[str, int | None, Beside]:
        places = self._media.places
        beside = () if places is None else places[row].beside
        return str(self._media.uris[row]), self._media.sizes_bytes[row], beside


def decoder_here(
    media: LabelledMedia, preprocessing: Preprocessing, storage: Storage, *, num_threads: int | None = None
) -> Decoder:
    """A decoder that fetches and decodes in threads of this process; None takes one a core."""
    threads = num_threads or os.cpu_count() or 1

    def load(row: int) -> LoadedImage:
        return load_image(
            str(media.uris[row]),
            media.sizes_bytes[row],
            storage=storage,
            preprocessing=preprocessing,
            limits=DecodeLimits(),
        )

    def compare(rows: np.ndarray) -> Generator[LoadedImage]:
        assert media.places is not None
        for start in range(0, len(rows), RUN_OF_PLACES):
            yield from compare_places(
                media.places[rows[start : start + RUN_OF_PLACES]].tolist(),
                storage=storage,
                preprocessing=preprocessing,
                limits=DecodeLimits(),
                num_threads=threads,
            )

    def decode(rows: np.ndarray) -> Generator[LoadedImage]:
        todo = iter(rows.tolist())
        with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode") as pool:
            waiting = [pool.submit(load, row) for row in islice(todo, 2 * threads)]
            try:
                while waiting:
                    yield waiting.pop(0).result()
                    waiting.extend(pool.submit(load, row) for row in islice(todo, 1))
            finally:
                for future in waiting:
                    future.cancel()

    return decode if media.places is None else compare


def _take_all(waiting: "queue.Queue[_Message]") -> None:
    while True:
        try:
            waiting.get_nowait()
        except queue.Empty:
            return
