"""The boxes of media, from all files that were given.

Owns: putting the files' boxes together, those of labelled media, and what is said of each file. Refuses:
reading one; that is `annotations.boxes`.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict

import pyarrow as pa

from blanktrap.core.config import BoxesConfig
from blanktrap.core.vocabulary import Label
from blanktrap.core.wording import number
from blanktrap.files.annotations.boxes import FoundBoxes, MediaBoxes, read_boxes
from blanktrap.files.manifest import Manifest
from blanktrap.files.storage import Storage

BoxesByMedia = Mapping[str, tuple[MediaBoxes, ...]]
"""By `media_id`: the boxes of each file that has some of that media, since each states a shape of its own."""


def read_all_boxes(
    storage: Storage,
    locations: Sequence[str],
    tables: Callable[[], Iterable[pa.Table]],
    wanted: Collection[str],
    *,
    min_confidence: float,
    with_people: bool,
) -> tuple[BoxesByMedia, list[FoundBoxes]]:
    """The boxes of the media that are wanted, and what each file gave. Arguments and errors as `read_boxes`.

    Args:
        locations: the files.
        tables: gives all media that are known, once for each file.
    """
    given = [
        read_boxes(
            storage, location, tables(), wanted, min_confidence=min_confidence, with_people=with_people
        )
        for location in locations
    ]
    merged: dict[str, tuple[MediaBoxes, ...]] = {}
    for found in given:
        for media_id, boxes in found.by_media.items():
            merged[media_id] = (*merged.get(media_id, ()), boxes)
    return merged, given


def read_labelled_boxes(
    storage: Storage, manifest: Manifest, config: BoxesConfig
) -> tuple[BoxesByMedia, list[str]]:
    """The boxes of a manifest's nonblank media, and a line on each file.

    What a box is to spare makes its media nonblank, so persons and vehicles count. Where people saw nothing,
    a box is somebody else's opinion: it is counted and left out.

    Raises:
        AnnotationError, ManifestError, SourceError: as `read_boxes`, or the manifest cannot be read.
    """
    if not config.files:
        return {}, []

    def tables() -> Iterable[pa.Table]:
        return manifest.iter_tables(storage)

    labels = {
        media_id: label
        for table in tables()
        for media_id, label in zip(
            table.column("media_id").to_pylist(), table.column("label").to_pylist(), strict=True
        )
        if label is not None
    }
    merged, given = read_all_boxes(
        storage, config.files, tables, labels, min_confidence=config.min_confidence, with_people=True
    )
    nonblank = {media_id for media_id, label in labels.items() if label == Label.NONBLANK}
    notes = [_labelled_note(found, nonblank) for found in given]
    return {media_id: boxes for media_id, boxes in merged.items() if media_id in nonblank}, notes


def digest_boxes(boxes: BoxesByMedia) -> str | None:
    """`sha256:` over all boxes and whose they are; None where there are none."""
    rows = [[media_id, [asdict(one) for one in found]] for media_id, found in sorted(boxes.items()) if found]
    return f"sha256:{hashlib.sha256(json.dumps(rows).encode()).hexdigest()}" if rows else None


def box_note(found: FoundBoxes, num_boxed: int, whose: str) -> str:
    """A line on what a file gave.

    Args:
        found: what was read.
        num_boxed: media that have boxes.
        whose: the media that could have some, such as `12 media`.
    """
    note = f"{found.where}: boxes for {num_boxed:,} of {whose}"
    if not found.num_matched:
        note += f"; none of the {number(found.num_named, 'file')} that it names is known here"
    if found.num_ambiguous:
        note += f"; {number(found.num_ambiguous, 'name')} could mean several media and were given to none"
    if found.num_empty:
        note += f"; {found.num_empty:,} without any area in the image left out"
    return note


def _labelled_note(found: FoundBoxes, nonblank: Collection[str]) -> str:
    num_boxed = sum(media_id in nonblank for media_id in found.by_media)
    note = box_note(found, num_boxed, number(len(nonblank), "nonblank media"))
    num_blank = len(found.by_media) - num_boxed
    if num_blank:
        note += f"; those of {number(num_blank, 'blank media')} left out"
    num_unknown = found.num_named - found.num_matched - found.num_ambiguous
    if found.num_matched and num_unknown:
        note += f"; {num_unknown:,} of the {number(found.num_named, 'file')} that it names not known here"
    return note
