"""The boxes of the media that `blanktrap explain` looks at, from all files that were given.

Owns: putting the files' boxes together, and what is said of each file. Refuses: reading them; that is
`annotations.boxes`.
"""

from collections.abc import Sequence
from dataclasses import replace

from blanktrap.core.config import ExplainConfig
from blanktrap.core.wording import number
from blanktrap.files.annotations.boxes import FoundBoxes, MediaBoxes, read_boxes
from blanktrap.files.explained_media import ExplainedMedia, MediaSource
from blanktrap.files.storage import Storage


def read_all_boxes(
    storage: Storage,
    locations: Sequence[str],
    source: MediaSource,
    chosen: ExplainedMedia,
    config: ExplainConfig,
) -> tuple[dict[str, MediaBoxes], list[str]]:
    """The boxes of the chosen media by `media_id`, and a line on each file.

    Raises:
        AnnotationError, SourceError: as `read_boxes`.
    """
    wanted = chosen.rows.column("media_id").to_pylist()
    merged: dict[str, MediaBoxes] = {}
    notes: list[str] = []
    for location in locations:
        found = read_boxes(
            storage,
            location,
            source.tables(),
            wanted,
            min_confidence=config.min_confidence,
            with_people=config.with_people,
        )
        notes.append(_box_note(found, len(wanted)))
        for media_id, boxes in found.by_media.items():
            earlier = merged.get(media_id)
            areas = (*(earlier.areas if earlier else ()), *boxes.areas)
            merged[media_id] = replace(boxes, areas=areas)
    return merged, notes


def _box_note(found: FoundBoxes, num_wanted: int) -> str:
    note = f"{found.where}: boxes for {len(found.by_media):,} of {number(num_wanted, 'media')}"
    if not found.num_matched:
        note += f"; none of the {number(found.num_named, 'file')} that it names is known here"
    if found.num_ambiguous:
        note += f"; {number(found.num_ambiguous, 'name')} could mean several media and were given to none"
    if found.num_empty:
        note += f"; {found.num_empty:,} without any area in the image left out"
    return note
