"""Rows with their decisions: in order, whole sequences where asked, in pieces of any size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.decisions import DecisionRule
from blanktrap.core.errors import ScoresError
from blanktrap.core.evaluation import tally
from blanktrap.files import decided_scores
from blanktrap.files.decided_scores import decide_scores
from blanktrap.files.scores_reader import open_scores
from tests.files.written_scores import STORAGE, media, write_scores

RULE = DecisionRule(cutoff=0.2, review_below=0.5, chosen_by="set by --cutoff")


def read(folder, *, rule=RULE, keep_sequences=False, columns=("media_id",)):
    scores = open_scores(STORAGE, str(folder))
    with decide_scores(scores, STORAGE, rule, keep_sequences=keep_sequences) as decided:
        rows = [row for table in decided.iter_tables(columns) for row in table.to_pylist()]
    return rows, decided.counts


def frame(name, p, sequence=None, **more):
    return media(name, p, None, sequence_id=sequence, **more)


def test_every_row_comes_once_in_order_with_its_decision(tmp_path):
    rows = [frame("L/a", 0.1), frame("L/b", 0.3), frame("L/c", 0.9), frame("L/d", None)]
    found, counts = read(write_scores(tmp_path / "s", rows))
    assert [(row["media_id"], row["decision"]) for row in found] == [
        ("L/a", "set_aside"),
        ("L/b", "review"),
        ("L/c", "keep"),
        ("L/d", "unreadable"),
    ]
    assert [row["decided_score"] for row in found] == pytest.approx([0.1, 0.3, 0.9, None])
    assert counts.num_media == 4
    assert counts.num_raised == 0


def test_a_blank_frame_of_a_burst_with_a_kept_frame_stays(tmp_path):
    rows = [
        frame("L/a", 0.1, "s1"),
        frame("L/b", 0.9, "s1"),
        frame("L/c", 0.1, "s2"),
        frame("L/d", 0.1),
    ]
    found, counts = read(write_scores(tmp_path / "s", rows), keep_sequences=True)
    assert [row["decision"] for row in found] == ["keep", "keep", "set_aside", "set_aside"]
    # The first is kept on the score of the second.
    assert [row["decided_score"] for row in found] == pytest.approx([0.9, 0.9, 0.1, 0.1])
    assert counts.num_raised == 1


def test_a_burst_of_which_the_best_frame_is_for_review_is_reviewed_whole(tmp_path):
    rows = [frame("L/a", 0.1, "s"), frame("L/b", 0.4, "s"), frame("L/c", None, "s")]
    found, _ = read(write_scores(tmp_path / "s", rows), keep_sequences=True)
    assert [row["decision"] for row in found] == ["review", "review", "unreadable"]


def test_one_sequence_id_at_two_locations_is_two_sequences(tmp_path):
    rows = [frame("L1/a", 0.1, "s"), frame("L2/b", 0.9, "s"), frame("x", 0.1, "s", location_id=None)]
    found, _ = read(write_scores(tmp_path / "s", rows), keep_sequences=True)
    assert [row["decision"] for row in found] == ["set_aside", "keep", "set_aside"]


def test_a_frame_that_cannot_be_read_keeps_nothing(tmp_path):
    rows = [frame("L/a", 0.1, "s"), frame("L/b", 0.9, "s", status="too_large")]
    found, _ = read(write_scores(tmp_path / "s", rows), keep_sequences=True)
    assert [row["decision"] for row in found] == ["set_aside", "unreadable"]


def test_the_cutoff_in_the_database_is_the_one_in_memory(tmp_path):
    # 0.7 as float32 is a little below 0.7: in double precision the burst would not be raised.
    rule = DecisionRule(cutoff=0.7, chosen_by="set by --cutoff")
    rows = [frame("L/a", 0.1, "s"), frame("L/b", 0.7, "s")]
    found, _ = read(write_scores(tmp_path / "s", rows), rule=rule, keep_sequences=True)
    assert [row["decision"] for row in found] == ["keep", "keep"]


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["L1", "L2", None]),
            st.sampled_from(["s1", "s2", "s3", None]),
            st.sampled_from([0.0, 0.1, 0.2, 0.49, 0.5, 0.9, None]),
        ),
        min_size=1,
        max_size=30,
    ),
    piece=st.integers(1, 7),
)
def test_sequences_are_whole_however_they_interleave_and_are_cut(tmp_path_factory, rows, piece):
    folder = tmp_path_factory.mktemp("scores")
    written = [
        frame(f"{number}", p, sequence, location_id=location)
        for number, (location, sequence, p) in enumerate(rows)
    ]
    write_scores(folder, written)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "ROWS_AT_ONCE", piece)
        found, counts = read(folder, keep_sequences=True)
    assert [row["media_id"] for row in found] == [str(number) for number in range(len(rows))]
    for (location, sequence, p), row in zip(rows, found, strict=True):
        mates = [other[2] for other in rows if other[:2] == (location, sequence) and other[2] is not None]
        best = p if sequence is None or p is None else max(mates)
        word = (
            "unreadable"
            if best is None
            else "keep"
            if best >= 0.5
            else "review"
            if best >= 0.2
            else "set_aside"
        )
        assert row["decision"] == word
    assert counts.num_media == len(rows)


def test_columns_beyond_the_contract_keep_their_type(tmp_path):
    rows = [frame("a", 0.1, sharpness=1.5), frame("b", 0.9, sharpness=None)]
    folder = write_scores(tmp_path / "s", rows, measures=("sharpness",))
    found, _ = read(folder, columns=("sharpness", "media_id"))
    assert list(found[0]) == ["sharpness", "media_id", "decision", "decided_score"]
    assert [row["sharpness"] for row in found] == [1.5, None]


def test_a_column_that_is_not_there_is_named(tmp_path):
    folder = write_scores(tmp_path / "s", [frame("a", 0.1)])
    with pytest.raises(ScoresError, match="has no column colour; it has media_id, uri, "):
        read(folder, columns=("colour",))


def test_nothing_scored_gives_no_rows(tmp_path):
    found, counts = read(write_scores(tmp_path / "s", []), keep_sequences=True)
    assert found == []
    assert counts.num_media == 0


def test_spans_that_cross_tables_reach_every_row():
    raised = decided_scores._RaisedRows(iter([(1, 3, 0.5), (4, 9, 0.7)]))
    tables = [raised.scores_for(start, 3) for start in (0, 3, 6, 9)]
    known = np.nan_to_num(np.concatenate(tables)).round(1).tolist()
    assert known == pytest.approx([0, 0.5, 0.5, 0, 0.7, 0.7, 0.7, 0.7, 0.7, 0, 0, 0])
