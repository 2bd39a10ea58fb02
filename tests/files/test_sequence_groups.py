import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blanktrap.core.evaluation.tally import Tally
from blanktrap.files import sequence_groups
from blanktrap.files.sequence_groups import group_sequences

# location, sequence, status, p_nonblank, label, label_level, split
FRAMES = [
    ("L1", "s1", "ok", 0.2, "blank", "media", "test"),
    ("L1", "s1", "ok", 0.9, "nonblank", "media", "test"),
    ("L1", "s1", "ok", 0.1, "blank", "media", "test"),
    ("L1", "s2", "ok", 0.3, "blank", "media", "test"),
    ("L1", "s2", "ok", 0.6, "blank", "media", "test"),
    ("L2", "s3", "ok", 0.8, "blank", "sequence", "test"),
    ("L2", "s3", "ok", 0.4, None, None, None),
    ("L2", "s4", "ok", 0.5, "blank", "media", "test"),
    ("L2", "s4", "ok", 0.7, None, None, None),
    ("L2", "s5", "missing", None, "nonblank", "media", "test"),
    ("L2", "s6", "missing", None, "nonblank", "media", "test"),
    ("L2", "s6", "ok", 0.15, "nonblank", "media", "test"),
    ("L2", None, "ok", 0.5, "blank", "media", "test"),
    ("L3", "s1", "ok", 0.05, "nonblank", "media", "train"),
    (None, "s9", "ok", 0.35, None, None, None),
]


def table_of(frames):
    columns = list(zip(*frames, strict=True)) if frames else [[]] * 7
    names = ["location_id", "sequence_id", "status", "p_nonblank", "label", "label_level", "split"]
    kinds = [pa.string(), pa.string(), pa.string(), pa.float32(), pa.string(), pa.string(), pa.string()]
    table = pa.table(
        {name: pa.array(column, kind) for name, column, kind in zip(names, columns, kinds, strict=True)}
    )
    empty = pa.array([[]] * table.num_rows, pa.list_(pa.string()))
    return table.append_column("species", empty).append_column(
        "is_night", pa.nulls(table.num_rows, pa.bool_())
    )


def grouped(frames, split=None, *, pieces=1):
    """The measured sequences, and each as (location, score, is nonblank)."""
    tally = Tally()
    with group_sequences() as groups:
        for piece in np.array_split(np.arange(len(frames)), pieces):
            table = table_of([frames[at] for at in piece])
            groups.add(table.column("sequence_id"), tally.add(table))
        found = groups.measured(split, tally.locations)
    if found is None:
        return None, []
    measured = found.measured
    rows = [
        (measured.locations[location], round(float(score), 4), bool(is_nonblank))
        for location, score, is_nonblank in zip(
            measured.location, measured.p_nonblank, measured.is_nonblank, strict=True
        )
    ]
    return found, sorted(rows, key=str)


def by_hand(frames, split=None):
    """The same by looking at each sequence with all frames at hand: (location, score, is nonblank)."""
    rows, undecided, not_scored = [], 0, 0
    keys = {(frame[0], frame[1]) for frame in frames if frame[1] is not None}
    for key in keys:
        mine = [frame for frame in frames if (frame[0], frame[1]) == key]
        labels = [frame for frame in mine if frame[4] is not None]
        if not [frame for frame in labels if split is None or frame[6] == split]:
            continue
        is_nonblank = any(frame[4] == "nonblank" for frame in labels)
        is_whole = any(frame[5] == "sequence" for frame in labels)
        scores = [frame[3] for frame in mine if frame[2] == "ok"]
        if not (is_nonblank or is_whole or len(labels) == len(mine)):
            undecided += 1
        elif not scores:
            not_scored += 1
        else:
            rows.append((key[0], round(float(np.float32(max(scores))), 4), is_nonblank))
    return sorted(rows, key=str), undecided, not_scored


def test_hand_worked_sequences():
    found, rows = grouped(FRAMES, "test")
    # s1: any frame is nonblank, best 0.9. s2: all blank, best 0.6. s3: blank as a whole, best 0.8. s4: one
    # frame is not labelled, so undecided. s5: no score. s6: one frame failed, the other has 0.15.
    assert rows == sorted(
        [("L1", 0.9, True), ("L1", 0.6, False), ("L2", 0.8, False), ("L2", 0.15, True)], key=str
    )
    assert found.num_undecided == 1
    assert found.num_labelled_whole == 1
    assert found.num_partly_scored == 1
    assert found.num_media_without_sequence == 1
    assert found.measured.not_scored.sum(axis=0).tolist() == [1, 0]


def test_equal_ids_at_two_locations_are_two_sequences():
    _, rows = grouped(FRAMES)
    assert ("L3", 0.05, True) in rows
    assert ("L1", 0.9, True) in rows


def test_media_without_a_label_raise_the_score_of_their_sequence():
    frames = [("L", "s", "ok", 0.1, "nonblank", "media", "test"), ("L", "s", "ok", 0.9, None, None, None)]
    assert grouped(frames, "test")[1] == [("L", 0.9, True)]


def test_no_known_sequence_is_no_figure():
    frames = [(frame[0], None, *frame[2:]) for frame in FRAMES]
    assert grouped(frames)[0] is None


def frames():
    status = st.sampled_from(["ok", "ok", "ok", "missing"])
    label = st.sampled_from([None, "blank", "blank", "nonblank"])

    def frame(location, sequence, status, score, label, level, split):
        level, split = (level, split) if label else (None, None)
        return (
            location,
            sequence,
            status,
            float(np.float32(score)) if status == "ok" else None,
            label,
            level,
            split,
        )

    return st.lists(
        st.builds(
            frame,
            st.sampled_from([None, "L1", "L2"]),
            st.sampled_from([None, "a", "b", "c"]),
            status,
            st.integers(0, 100).map(lambda hundredth: hundredth / 100),
            label,
            st.sampled_from(["media", "media", "sequence"]),
            st.sampled_from([None, "train", "test"]),
        ),
        min_size=1,
        max_size=40,
    )


@settings(max_examples=60, deadline=None)
@given(
    frames=frames(), pieces=st.integers(1, 7), split=st.sampled_from([None, "test"]), seed=st.integers(0, 9)
)
def test_any_order_and_any_cut_give_what_looking_at_all_frames_gives(frames, pieces, split, seed):
    expected, undecided, not_scored = by_hand(frames, split)
    order = np.random.default_rng(seed).permutation(len(frames))
    found, rows = grouped([frames[at] for at in order], split, pieces=pieces)
    assert rows == expected
    if found is not None:
        assert found.num_undecided == undecided
        assert found.measured.not_scored.sum() == not_scored


def test_sequences_that_interleave_over_many_parts_are_put_together(monkeypatch):
    # Frame by frame another sequence, the worst order there is: nothing can be folded, all is grouped later.
    monkeypatch.setattr(sequence_groups, "MEMORY_LIMIT", "64MB")
    num_sequences, num_frames = 20_000, 3
    generator = np.random.default_rng(5)
    scores = generator.random((num_frames, num_sequences)).astype(np.float32)
    tally = Tally()
    with group_sequences() as groups:
        for part in scores:
            table = table_of(
                [
                    ("L", str(at), "ok", float(score), "nonblank", "media", None)
                    for at, score in enumerate(part)
                ]
            )
            groups.add(table.column("sequence_id"), tally.add(table))
        found = groups.measured(None, tally.locations)
    assert np.array_equal(np.sort(found.measured.p_nonblank), np.sort(scores.max(axis=0)))


@pytest.mark.parametrize("pieces", [1, 3, 15])
def test_how_the_rows_are_cut_changes_nothing(pieces):
    assert grouped(FRAMES, "test", pieces=pieces)[1] == grouped(FRAMES, "test")[1]
