"""The media that a network learns from: labelled rows of a manifest and their splits.

Owns: reading the labelled rows, with the neighbours of each where they are compared, and splitting them.
Refuses: pixels, the network, and media without a label, which teach nothing but how their place looks. What a
label of a neighbour says is never used.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from blanktrap.core.config import Background, TrainConfig
from blanktrap.core.errors import TrainingError
from blanktrap.core.neighbours import rule_of
from blanktrap.core.places import add_neighbours, places_of
from blanktrap.core.schemas import MANIFEST_SCHEMA
from blanktrap.core.selection.splits import group_media, refuse_leak, split_by_location
from blanktrap.core.vocabulary import Label, Split, SplitBy
from blanktrap.files.given_boxes import BoxesByMedia
from blanktrap.files.manifest import Manifest
from blanktrap.files.storage import Storage


@dataclass(frozen=True, kw_only=True)
class LabelledMedia:
    """Labelled rows of a manifest, each in one split. All arrays have shape (num_media,)."""

    media_ids: np.ndarray
    """Strings."""
    uris: np.ndarray
    """Strings."""
    sizes_bytes: np.ndarray
    """File sizes the manifest knows, None where it does not."""
    location_ids: np.ndarray
    """Strings or None."""
    sequence_ids: np.ndarray
    """Strings or None."""
    is_nonblank: np.ndarray
    """Human labels, boolean."""
    splits: np.ndarray
    """`Split` values."""
    places: np.ndarray | None = None
    """`Place` of each in the manifest; None where media are not compared with their background."""
    boxes: np.ndarray | None = None
    """Tuples of `MediaBoxes`, empty for media without; None where no media has any."""

    def take(self, chosen: np.ndarray) -> "LabelledMedia":
        """The rows that a boolean mask or an index chooses."""
        return LabelledMedia(
            media_ids=self.media_ids[chosen],
            uris=self.uris[chosen],
            sizes_bytes=self.sizes_bytes[chosen],
            location_ids=self.location_ids[chosen],
            sequence_ids=self.sequence_ids[chosen],
            is_nonblank=self.is_nonblank[chosen],
            splits=self.splits[chosen],
            places=None if self.places is None else self.places[chosen],
            boxes=None if self.boxes is None else self.boxes[chosen],
        )

    def with_boxes(self, boxes: BoxesByMedia) -> "LabelledMedia":
        """The same media with those of the boxes that are theirs."""
        if not boxes:
            return self
        mine = np.empty(len(self.media_ids), dtype=object)
        for index, media_id in enumerate(self.media_ids.tolist()):
            mine[index] = boxes.get(media_id, ())
        return replace(self, boxes=mine)

    def locations(self) -> tuple[str, ...]:
        """Distinct locations, sorted; media without one add none."""
        return tuple(sorted({str(name) for name in self.location_ids if name is not None}))

    def sequence_codes(self) -> np.ndarray:
        """A number for each sequence, int64; -1 for media that are in none."""
        codes: dict[str, int] = {}
        return np.array(
            [-1 if name is None else codes.setdefault(name, len(codes)) for name in self.sequence_ids],
            np.int64,
        )

    def label_counts(self) -> dict[str, int]:
        """Media by split and label, such as `train/blank`."""
        pairs = zip(self.splits, self.is_nonblank, strict=True)
        counts = Counter(
            f"{split}/{Label.NONBLANK if nonblank else Label.BLANK}" for split, nonblank in pairs
        )
        return dict(sorted(counts.items()))


def read_labelled_rows(manifest: Manifest, storage: Storage, background: Background = "none") -> pa.Table:
    """Read the labelled rows of a manifest, with the manifest's columns.

    Args:
        manifest: the rows.
        storage: reads them.
        background: what media are compared with; unless that is nothing, the columns of
            `blanktrap.core.places` follow.

    Raises:
        TrainingError: nothing is labelled.
        ManifestError, SourceError: the manifest cannot be read.
    """
    # Another program's manifest may have columns of its own, of any type.
    tables: Iterator[pa.Table] = (
        table.select(MANIFEST_SCHEMA.names) for table in manifest.iter_tables(storage)
    )
    rule = rule_of(background)
    if rule is not None:
        tables = add_neighbours(tables, rule)
    labelled = [table.filter(table.column("label").is_valid()) for table in tables]
    rows = pa.concat_tables(labelled or [MANIFEST_SCHEMA.empty_table()])
    if not rows.num_rows:
        raise TrainingError(
            f"none of the {manifest.num_media:,} media has a label: index with --annotations first"
        )
    return rows


def group_rows(rows: pa.Table, by: SplitBy = SplitBy.LOCATION) -> list[str]:
    """The group of each row that no split may cut; see `blanktrap.core.selection.splits.group_media`."""
    names = ("location_id", "sequence_id", "media_id", "deployment_id")
    locations, sequences, media_ids, deployments = (rows.column(name).to_pylist() for name in names)
    return group_media(locations, sequences, media_ids, by=by, deployment_ids=deployments)


def split_labelled(rows: pa.Table, config: TrainConfig, *, by: SplitBy = SplitBy.LOCATION) -> LabelledMedia:
    """Give labelled rows their splits; rows that are in none are left out.

    The manifest's own splits are obeyed where it has any; validation media are taken out of `train` where it
    names none. Without splits, locations are dealt by the configuration's shares.

    Args:
        rows: labelled rows of a manifest.
        config: the recipe.
        by: what the manifest's splits are made by: a leak is judged by it.

    Raises:
        TrainingError: a given split leaks, or there are too few locations.
    """
    in_split = rows.filter(rows.column("split").is_valid())
    if in_split.num_rows:
        rows = in_split
        _refuse_leak(rows, by)
    is_nonblank = np.array([label == Label.NONBLANK for label in rows.column("label").to_pylist()])
    splits = _choose_splits(group_rows(rows, by), rows.column("split").to_pylist(), is_nonblank, config)
    return media_of(rows, splits)


def _refuse_leak(rows: pa.Table, by: SplitBy) -> None:
    """Raise TrainingError naming what given splits cut."""
    names = ("location_id", "sequence_id", "split", "deployment_id")
    locations, sequences, splits, deployments = (rows.column(name).to_pylist() for name in names)
    refuse_leak(locations, sequences, splits, by=by, deployment_ids=deployments)


def media_of(rows: pa.Table, splits: list[str | None]) -> LabelledMedia:
    """Labelled rows with the given splits."""

    def objects(name: str) -> np.ndarray:
        return np.array(rows.column(name).to_pylist(), dtype=object)

    return LabelledMedia(
        media_ids=objects("media_id"),
        uris=objects("uri"),
        sizes_bytes=objects("size_bytes"),
        location_ids=objects("location_id"),
        sequence_ids=objects("sequence_id"),
        is_nonblank=objects("label") == Label.NONBLANK,
        splits=np.array(splits, dtype=object),
        places=places_of(rows),
    )


def _choose_splits(
    groups: list[str], given: list[str | None], is_nonblank: np.ndarray, config: TrainConfig
) -> list[str | None]:
    if any(given):
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


def refuse_one_sided(media: LabelledMedia, *, where: str = "") -> None:
    """Raise TrainingError unless training and validation media show both labels; `where` begins its line."""
    counts = media.label_counts()
    for split in (Split.TRAIN, Split.VAL):
        for label in Label:
            if not counts.get(f"{split}/{label}"):
                found = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
                raise TrainingError(
                    f"{where}no {label} media in `{split}` (found: {found}): label some, at several locations"
                )
