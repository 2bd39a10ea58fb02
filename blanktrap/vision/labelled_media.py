"""The media that a network learns from: labelled rows, their splits, and their pixels on disk.

Owns: choosing and splitting the labelled rows of a manifest, and decoding them once into a file that is
mapped into memory. Refuses: the network; and media without a label, which teach nothing.
"""

import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from blanktrap.core.config import DecodeLimits, Preprocessing, TrainConfig
from blanktrap.core.errors import TrainingError
from blanktrap.core.splits import group_media, refuse_leak, split_by_location
from blanktrap.core.vocabulary import Label, Split, Status
from blanktrap.files.manifest import Manifest
from blanktrap.files.storage import Storage
from blanktrap.vision.loading import load_image

logger = logging.getLogger(__name__)

_COLUMNS = ("media_id", "uri", "location_id", "sequence_id", "label", "split")


@dataclass(frozen=True, kw_only=True)
class LabelledMedia:
    """Labelled rows of a manifest, each in one split. All arrays have shape (num_media,)."""

    uris: np.ndarray
    """Strings."""
    location_ids: np.ndarray
    """Strings or None."""
    is_nonblank: np.ndarray
    """Human labels, boolean."""
    splits: np.ndarray
    """`Split` values."""

    def take(self, chosen: np.ndarray) -> "LabelledMedia":
        """The rows that a boolean mask or an index chooses."""
        return LabelledMedia(
            uris=self.uris[chosen],
            location_ids=self.location_ids[chosen],
            is_nonblank=self.is_nonblank[chosen],
            splits=self.splits[chosen],
        )

    def locations(self) -> tuple[str, ...]:
        """Distinct locations, sorted; media without one add none."""
        return tuple(sorted({str(name) for name in self.location_ids if name is not None}))

    def label_counts(self) -> dict[str, int]:
        """Media by split and label, such as `train/blank`."""
        pairs = zip(self.splits, self.is_nonblank, strict=True)
        counts = Counter(
            f"{split}/{Label.NONBLANK if nonblank else Label.BLANK}" for split, nonblank in pairs
        )
        return dict(sorted(counts.items()))


def read_labelled(manifest: Manifest, storage: Storage, config: TrainConfig) -> LabelledMedia:
    """Read the labelled rows of a manifest and split them.

    The manifest's own splits are obeyed where it has any; validation media are taken out of `train` by
    location where it names none. Without splits, locations are dealt by the configuration's shares.

    Raises:
        TrainingError: nothing is labelled, a given split leaks, or there are too few locations.
        ManifestError, SourceError: the manifest cannot be read.
    """
    columns: dict[str, list[str | None]] = {name: [] for name in _COLUMNS}
    for table in manifest.iter_tables(storage):
        labelled = table.filter(table.column("label").is_valid())
        for name in _COLUMNS:
            columns[name] += labelled.column(name).to_pylist()
    if not columns["label"]:
        raise TrainingError(
            f"none of the {manifest.num_media:,} media has a label: index with --annotations first"
        )
    is_nonblank = np.array([label == Label.NONBLANK for label in columns["label"]])
    media_ids = [str(media_id) for media_id in columns["media_id"]]
    groups = group_media(columns["location_id"], columns["sequence_id"], media_ids)
    media = LabelledMedia(
        uris=np.array(columns["uri"], dtype=object),
        location_ids=np.array(columns["location_id"], dtype=object),
        is_nonblank=is_nonblank,
        splits=np.array(_choose_splits(groups, columns["split"], is_nonblank, config), dtype=object),
    )
    return media.take(media.splits != None)  # noqa: E711 (elementwise)


def _choose_splits(
    groups: list[str], given: list[str | None], is_nonblank: np.ndarray, config: TrainConfig
) -> list[str | None]:
    if any(given):
        refuse_leak(groups, given)
        if Split.TRAIN not in given:
            raise TrainingError("the manifest has splits but none of its media is in `train`: add it")
        if Split.VAL in given:
            return given
        chosen = [index for index, split in enumerate(given) if split == Split.TRAIN]
        shares = {Split.TRAIN: 1.0 - config.val_share, Split.VAL: config.val_share}
    else:
        chosen = list(range(len(groups)))
        train_share = 1.0 - config.val_share - config.test_share
        if train_share <= 0.0:
            raise TrainingError(
                f"val_share {config.val_share:g} and test_share {config.test_share:g} leave nothing to "
                f"train on: together they must stay below 1"
            )
        shares = {Split.TRAIN: train_share, Split.VAL: config.val_share, Split.TEST: config.test_share}
    num_splits = sum(share > 0.0 for share in shares.values())
    num_groups = len({groups[index] for index in chosen})
    if num_groups < num_splits:
        raise TrainingError(
            f"the labelled media come from {num_groups} location(s), training needs {num_splits} or more: "
            f"a model cannot be validated where it learned"
        )
    dealt = split_by_location(
        [groups[index] for index in chosen], is_nonblank[chosen], shares=shares, seed=config.seed
    )
    splits: list[str | None] = list(given)
    for index, split in zip(chosen, dealt, strict=True):
        splits[index] = split
    return splits


def refuse_one_sided(media: LabelledMedia) -> None:
    """Raise TrainingError unless training and validation media show both labels."""
    counts = media.label_counts()
    for split in (Split.TRAIN, Split.VAL):
        for label in Label:
            if not counts.get(f"{split}/{label}"):
                found = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
                raise TrainingError(
                    f"no {label} media in `{split}` (found: {found}): label some, at several locations"
                )


@dataclass(frozen=True, kw_only=True)
class DecodedMedia:
    """Labelled media with their pixels, in one file mapped into memory."""

    media: LabelledMedia
    """The rows that could be decoded."""
    pixels: np.ndarray
    """uint8, shape (num_listed, height_px, width_px, 3); row `positions[i]` belongs to media i."""
    positions: np.ndarray
    """Where the pixels of each media lie."""
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

        def decode(index: int) -> Status:
            return _decode_into(pixels, index, str(media.uris[index]), preprocessing, storage)

        statuses: list[Status] = []
        with ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="decode") as pool:
            for status in pool.map(decode, range(len(media.uris))):
                statuses.append(status)
                on_decoded(len(statuses))
        left_out = Counter(str(status) for status in statuses if status is not Status.OK)
        positions = np.flatnonzero([status is Status.OK for status in statuses])
        if not positions.size:
            raise TrainingError(
                f"none of the {len(statuses):,} labelled images can be read: {dict(left_out)}"
            )
        yield DecodedMedia(
            media=media.take(positions), pixels=pixels, positions=positions, left_out=dict(left_out)
        )


def _decode_into(
    pixels: np.ndarray, index: int, uri: str, preprocessing: Preprocessing, storage: Storage
) -> Status:
    loaded = load_image(uri, None, storage=storage, preprocessing=preprocessing, limits=DecodeLimits())
    if loaded.image is None:
        logger.info("left out of training, %s: %s (%s)", loaded.status, uri, loaded.error)
    else:
        pixels[index] = loaded.image.pixels
    return loaded.status


def _refuse_full_disk(folder: Path, num_bytes: int) -> None:
    # Writing to a mapped file on a full disk kills the process without a word.
    free = shutil.disk_usage(folder).free
    if num_bytes > 0.95 * free:
        raise TrainingError(
            f"decoded images take {num_bytes / 1e9:.1f} GB and {folder.parent} has {free / 1e9:.1f} GB free: "
            f"point TMPDIR to a larger disk, or train at a smaller size"
        )
