"""Which frames are learned from."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.errors import TrainingError
from blanktrap.core.schemas import conform_manifest
from blanktrap.core.selection.frames import choose_frames, describe_left_out

#  media  sequence  frame  label_level
ROWS = [
    ("a", "s1", 1, "sequence"),
    ("b", "s1", 0, "sequence"),
    ("c", None, None, "media"),
    ("d", "s2", None, "media"),
    ("e", "s2", 2, "media"),
    ("f", "s3", None, "sequence"),
    ("g", "s3", None, None),
    ("h", None, None, "sequence"),
]


def table(rows: list[tuple[str, str | None, int | None, str | None]]) -> pa.Table:
    media, sequences, frames, levels = (list(column) for column in zip(*rows, strict=True))
    return conform_manifest(
        pa.table(
            {
                "media_id": media,
                "uri": media,
                "sequence_id": pa.array(sequences, pa.string()),
                "frame_num": pa.array(frames, pa.int16()),
                "label": ["blank"] * len(rows),
                "label_level": pa.array(levels, pa.string()),
            }
        ),
        where="test",
    )


def chosen(frames: str, rows=ROWS) -> str:
    return "".join(choose_frames(table(rows), frames).column("media_id").to_pylist())


def test_first_takes_the_smallest_number_of_each_sequence_and_all_without_one() -> None:
    # s1: b has number 0. s2: e has a number, d has none. s3: no numbers, f comes first by media_id.
    assert chosen("first") == "bcefh"


def test_only_media_level_takes_what_somebody_judged_frame_by_frame() -> None:
    assert chosen("only-media-level") == "cde"
    assert chosen("all") == "abcdefgh"


def test_the_earliest_is_first_where_frames_have_no_numbers() -> None:
    rows = table(ROWS[5:7])
    times = pa.array([2_000, 1_000], pa.timestamp("ms"))
    rows = rows.set_column(rows.column_names.index("timestamp"), "timestamp", times)
    assert choose_frames(rows, "first").column("media_id").to_pylist() == ["g"]


def test_nothing_left_is_one_clear_line() -> None:
    with pytest.raises(TrainingError, match="leaves none of the 2 labelled media: no label was given to a"):
        choose_frames(table(ROWS[:2]), "only-media-level")


def test_what_was_left_out_is_told() -> None:
    assert describe_left_out("all", 0, 8) is None
    assert describe_left_out("first", 3, 8) == (
        "--frames first left out 3 of the 8 labelled media: later frames of their sequence"
    )


@given(
    st.lists(st.tuples(st.sampled_from(["s1", "s2", None]), st.none() | st.integers(0, 5)), max_size=20),
    st.randoms(),
)
def test_first_takes_one_of_each_sequence_whatever_the_order(frames, chance) -> None:
    rows = [(f"m{n:02}", sequence, frame, "sequence") for n, (sequence, frame) in enumerate(frames)]
    if not rows:
        return
    taken = choose_frames(table(rows), "first")
    sequences = [name for name in taken.column("sequence_id").to_pylist() if name is not None]
    assert sorted(sequences) == sorted({row[1] for row in rows if row[1] is not None})
    assert taken.column("sequence_id").null_count == sum(row[1] is None for row in rows)
    chance.shuffle(rows)
    again = choose_frames(table(rows), "first")
    assert sorted(again.column("media_id").to_pylist()) == taken.column("media_id").to_pylist()
