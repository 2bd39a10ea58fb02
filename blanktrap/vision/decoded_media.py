"""Labelled media with their pixels, decoded once and read many times.

Owns: decoding into a file that is mapped into memory, and what became of each media. Refuses: choosing the
media; that is `labelled_media`.
"""

import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.errors import TrainingError
from blanktrap.core.vocabulary import Status
from blanktrap.files.storage import Storage
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.loading import LoadedImage, load_image

logger = logging.getLogger(__name__)

_NO_PIXELS = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True, kw_only=True)
class DecodedMedia:
    """Labelled media with their pixels, in one file mapped into memory."""

    media: LabelledMedia
    """The rows that could be decoded."""
    pixels: np.ndarray
    """uint8, shape (num_listed, height_px, width_px, 3); row `positions[i]` belongs to media i."""
    positions: np.ndarray
    """Where the pixels of each media lie."""
    loaded: tuple[LoadedImage, ...]
    """What became of each listed media, shape (num_listed,); `image.pixels` is empty."""
    left_out: dict[str, int]
    """Media that could not be decoded, by status."""


@contextmanager
def decoded(
    media: LabelledMedia,
    preprocessing: Preprocessing,
    storage: Storage,
    on_decoded: Callable[[int], None] = lambda num_done: None,
) -> Iterator[DecodedMedia]:
    """Fetch and decode the media once, on all cores, into a temporary file that is removed afterwards.

    Raises:
        TrainingError: none can be decoded, or the temporary folder has too little space.
        SourceError: the storage itself fails.
    """
    shape = (len(media.uris), preprocessing.height_px, preprocessing.width_px, 3)
    with TemporaryDirectory(prefix="blanktrap-", ignore_cleanup_errors=True) as folder:
        _refuse_full_disk(Path(folder), int(np.prod(shape)))
        pixels = np.lib.format.open_memmap(
            Path(folder) / "pixels.npy", mode="w+", dtype=np.uint8, shape=shape
        )

        def decode(index: int) -> LoadedImage:
            return _decode_into(pixels, index, media, preprocessing, storage)

        loaded: list[LoadedImage] = []
        with ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="decode") as pool:
            for one in pool.map(decode, range(len(media.uris))):
                loaded.append(one)
                on_decoded(len(loaded))
        left_out = Counter(str(one.status) for one in loaded if one.status is not Status.OK)
        positions = np.flatnonzero([one.status is Status.OK for one in loaded])
        if not positions.size:
            raise TrainingError(f"none of the {len(loaded):,} labelled images can be read: {dict(left_out)}")
        yield DecodedMedia(
            media=media.take(positions),
            pixels=pixels,
            positions=positions,
            loaded=tuple(loaded),
            left_out=dict(left_out),
        )


def _decode_into(
    pixels: np.ndarray, index: int, media: LabelledMedia, preprocessing: Preprocessing, storage: Storage
) -> LoadedImage:
    uri, size_bytes = str(media.uris[index]), media.sizes_bytes[index]
    loaded = load_image(uri, size_bytes, storage=storage, preprocessing=preprocessing, limits=DecodeLimits())
    if loaded.image is None:
        logger.info("left out of training, %s: %s (%s)", loaded.status, uri, loaded.error)
        return loaded
    pixels[index] = loaded.image.pixels
    return replace(loaded, image=replace(loaded.image, pixels=_NO_PIXELS))


def _refuse_full_disk(folder: Path, num_bytes: int) -> None:
    # Writing to a mapped file on a full disk kills the process without a word.
    free = shutil.disk_usage(folder).free
    if num_bytes > 0.95 * free:
        raise TrainingError(
            f"decoded images take {num_bytes / 1e9:.1f} GB and {folder.parent} has {free / 1e9:.1f} GB free: "
            f"point TMPDIR to a larger disk, or train at a smaller size"
        )
