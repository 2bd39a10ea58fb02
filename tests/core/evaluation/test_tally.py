import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blanktrap.core.errors import ScoresError
from blanktrap.core.evaluation.tally import Tally, gather

# location, status, p_nonblank, label, label_level, species, split, is_night
ROWS = [
    ("L1", "ok", 0.9, "nonblank", "media", ["deer", "boar"], "test", True),
    ("L1", "ok", 0.2, "blank", "media", [], "test", False),
    ("L2", "missing", None, "nonblank", "sequence", ["boar"], "test", None),
    ("L2", "ok", 0.6, "nonblank", "sequence", ["boar", None], "train", None),
    (None, "ok", 0.4, "blank", "sequence", ["ghost"], None, True),
    (None, "ok", 1.0, None, None, [], None, None),
    ("L3", "too_large", None, None, None, None, None, None),
]
KINDS = {
    "location_id": pa.string(),
    "status": pa.string(),
    "p_nonblank": pa.float32(),
    "label": pa.string(),
    "label_level": pa.string(),
    "species": pa.list_(pa.string()),
    "split": pa.string(),
    "is_night": pa.bool_(),
}


def table_of(rows):
    columns = zip(*rows, strict=True) if rows else [[]] * len(KINDS)
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, KINDS.values(), strict=True)]
    return pa.table(arrays, names=list(KINDS))


def tallied(rows, *, pieces=1):
    tally = Tally()
    for piece in np.array_split(np.arange(len(rows)), pieces):
        tally.add(table_of([rows[at] for at in piece]))
    return tally


def test_a_hand_worked_tally():
    tally = tallied(ROWS)
    assert tally.num_media == 7
    assert tally.statuses == {"ok": 5, "missing": 1, "too_large": 1}
    assert tally.labelled_by_split == {None: 1, "train": 1, "test": 3}
    assert tally.scored_by_split("test") == {"test": 2}
    assert tally.num_sequence_labels(None) == 3
    assert tally.num_below(0.4) == 1
    assert (tally.kept_on_grid[400], tally.kept_on_grid[401], tally.kept_on_grid[1000]) == (4, 3, 1)
    assert tally.unlabelled_histogram().sum() == 1
    measured = tally.measured("test")
    assert measured.p_nonblank.tolist() == pytest.approx([0.9, 0.2])
    assert measured.is_night.tolist() == [True, False]
    assert measured.not_scored.sum(axis=0).tolist() == [1, 0]


def test_species_count_once_for_each_and_blanks_have_none():
    counts = tallied(ROWS).measured(None).species.counts_at(0.7)
    # By location number, kept, missed, not scored: L1 is 1 and L2 is 2.
    assert counts["deer"].tolist() == [[1, 1, 0, 0]]
    assert counts["boar"].tolist() == [[1, 1, 0, 0], [2, 0, 1, 1]]
    assert set(counts) == {"deer", "boar"}


def test_rows_without_anything_known_are_counted():
    tally = tallied([(None, "unreadable", None, None, None, None, None, None)] * 3)
    assert (tally.num_media, tally.num_below(1.0)) == (3, 0)
    assert tally.labelled_by_split == {}
    assert tallied([]).num_media == 0


@pytest.mark.parametrize("score", [None, float("nan"), -0.1, 1.1])
def test_a_media_that_is_ok_needs_a_score(score):
    with pytest.raises(ScoresError, match="1 media have status ok and no p_nonblank"):
        tallied([("L", "ok", score, "blank", "media", [], None, None)])


@pytest.mark.parametrize("label", ["Blank", "empty", "unknown", ""])
def test_unknown_never_becomes_blank(label):
    with pytest.raises(ScoresError, match="is neither blank nor nonblank"):
        tallied([("L", "ok", 0.5, label, "media", [], None, None)])


def rows():
    def row(location, status, score, label, species, split):
        return (location, status, score if status == "ok" else None, label, "media", species, split, None)

    return st.lists(
        st.builds(
            row,
            st.sampled_from([None, "L1", "L2"]),
            st.sampled_from(["ok", "ok", "unreadable"]),
            st.integers(0, 1000).map(lambda step: float(np.float32(step / 1000))),
            st.sampled_from([None, "blank", "nonblank"]),
            st.lists(st.sampled_from(["deer", "boar"]), max_size=2, unique=True),
            st.sampled_from([None, "val", "test"]),
        ),
        min_size=1,
        max_size=30,
    )


@settings(deadline=None)
@given(rows(), st.sampled_from([None, "test"]), st.floats(0.0, 1.0), st.integers(1, 5), st.integers(0, 5))
def test_any_order_and_any_cut_count_what_looking_at_each_row_counts(rows, split, cutoff, pieces, seed):
    order = np.random.default_rng(seed).permutation(len(rows))
    tally = tallied([rows[at] for at in order], pieces=pieces)
    mine = [row for row in rows if row[3] is not None and (split is None or row[6] == split)]
    scored = [row for row in mine if row[1] == "ok"]
    measured = tally.measured(split)
    found = {
        name: counts.tolist()
        for name, counts in zip(measured.locations, measured.counts_at(cutoff), strict=True)
    }
    for location in {row[0] for row in scored}:
        here = [row for row in scored if row[0] == location]
        kept = [np.float32(row[2]) >= np.float32(cutoff) for row in here]
        expected = [
            sum(keep == wanted and row[3] == label for keep, row in zip(kept, here, strict=True))
            for label in ("nonblank", "blank")
            for wanted in (True, False)
        ]
        assert found[location] == expected
    assert measured.not_scored.sum() == len(mine) - len(scored)
    species = measured.species.counts_at(cutoff)
    for name in ("deer", "boar"):
        expected = sum(row[3] == "nonblank" and name in row[5] for row in mine)
        assert (species[name][:, 1:].sum() if name in species else 0) == expected


def test_gathering_keeps_every_row_and_its_order(monkeypatch):
    monkeypatch.setattr("blanktrap.core.evaluation.tally.ROWS_AT_ONCE", 5)
    tables = [pa.table({"number": list(range(start, start + 3))}) for start in range(0, 21, 3)]
    gathered = list(gather(tables))
    assert [table.num_rows for table in gathered] == [6, 6, 6, 3]
    assert pa.concat_tables(gathered).column("number").to_pylist() == list(range(21))
    assert list(gather([])) == []
