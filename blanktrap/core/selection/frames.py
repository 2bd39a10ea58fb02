"""Which frames of the labelled sequences a network learns from.

Owns: the first frame of each sequence, and labels that somebody gave to the frame itself. Refuses: rows
without a label; those are taken out before.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.config import Frames
from blanktrap.core.errors import TrainingError
from blanktrap.core.vocabulary import LabelLevel

_ORDER = ("sequence_id", "frame_num", "timestamp", "media_id")


def choose_frames(rows: pa.Table, frames: Frames) -> pa.Table:
    """Take the rows to learn from, in the order in which they come.

    Args:
        rows: labelled rows of a manifest, with its columns.
        frames: `first` takes of each sequence the frame with the smallest number (without numbers the
            earliest, then the first by media_id) and every media without a sequence; `only-media-level`
            takes labels of level media; `all` takes all.

    Raises:
        TrainingError: nothing is left.
    """
    if frames == "all":
        return rows
    if frames == "first":
        return rows.filter(pa.array(_is_first(rows)))
    level = rows.column("label_level")
    chosen = rows.filter(pc.fill_null(pc.equal(level, LabelLevel.MEDIA.value), False))
    if not chosen.num_rows:
        raise TrainingError(
            f"--frames only-media-level leaves none of the {rows.num_rows:,} labelled media: no label was "
            f"given to a single frame; take --frames first or --frames all"
        )
    return chosen


def describe_left_out(frames: Frames, num_left_out: int, num_labelled: int) -> str | None:
    """Say how many labelled media a choice of frames left out; None where it left out none."""
    if not num_left_out:
        return None
    why = {
        "first": "later frames of their sequence",
        "only-media-level": "their labels were given to whole sequences, or nobody says to what",
    }
    return (
        f"--frames {frames} left out {num_left_out:,} of the {num_labelled:,} labelled media: {why[frames]}"
    )


def _is_first(rows: pa.Table) -> np.ndarray:
    """Whether each row is the first frame of its sequence or has no sequence; shape (num_rows,)."""
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in _ORDER]).to_numpy()
    sequence = rows.column("sequence_id").take(pa.array(order))
    is_first = np.ones(rows.num_rows, dtype=bool)
    # Nulls are sorted to the end and are equal to nothing.
    same = pc.fill_null(pc.equal(sequence.slice(1), sequence.slice(0, max(rows.num_rows - 1, 0))), False)
    is_first[order[1:]] = ~np.asarray(same.to_numpy(), dtype=bool)
    return is_first
