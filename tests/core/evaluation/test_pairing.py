import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.evaluation.pairing import COLUMNS, PairFacts
from blanktrap.core.schemas import SCORES_SCHEMA

HERE = [
    # media, location, status, score, label, split
    ("a", "L1", "ok", 0.9, "nonblank", "test"),
    ("b", "L2", "ok", 0.2, "blank", "test"),
    ("c", None, "ok", 0.4, "nonblank", "test"),
    ("d", "L1", "ok", 0.5, None, "test"),
    ("e", "L1", "missing", None, "blank", "test"),
    ("f", "L1", "ok", 0.7, "blank", "train"),
    ("g", "L2", "ok", 0.3, "nonblank", "test"),
]


def gathered(rows, cut=0):
    table = pa.table(
        [
            pa.array(values, SCORES_SCHEMA.field(name).type)
            for name, values in zip(COLUMNS, zip(*rows, strict=True), strict=True)
        ],
        COLUMNS,
    )
    facts = PairFacts()
    for piece in (table.slice(0, cut), table.slice(cut)):
        facts.add(piece)
    return facts


def others(scores):
    names, values = zip(*scores.items(), strict=True) if scores else ((), ())
    return [
        pa.table({"media_id": pa.array(names, pa.string()), "p_nonblank": pa.array(values, pa.float32())})
    ]


def test_media_are_put_side_by_side_by_their_id():
    paired = gathered(HERE).pair(others({"g": 0.6, "x": 0.1, "a": 0.5, "b": None, "d": 0.9}), ["test"])
    # a and g have both scores; b has none there, c is not there; d has no label, e no score, f another split.
    found = dict(zip(paired.p_nonblank.tolist(), paired.other.tolist(), strict=True))
    assert found == {float(np.float32(0.9)): 0.5, float(np.float32(0.3)): float(np.float32(0.6))}
    assert (paired.num_only_here, paired.num_other) == (2, 4)
    assert [paired.locations[place] for place in paired.location] == ["L1", "L2"]
    assert paired.is_nonblank.tolist() == [True, True]


def test_all_splits_are_taken_where_none_is_named():
    paired = gathered(HERE).pair(others({"f": 0.1, "a": 0.2}), None)
    assert paired.p_nonblank.size == 2
    assert paired.num_only_here == 3


def test_nothing_in_common_is_no_pair():
    assert gathered(HERE).pair(others({"x": 0.5}), None).p_nonblank.size == 0
    assert gathered(HERE).pair(others({}), None).num_other == 0
    assert PairFacts().pair(others({"x": 0.5}), None).p_nonblank.size == 0


names = st.sets(st.sampled_from("abcdefghij"))


@given(names, names, st.data())
def test_how_rows_are_ordered_and_cut_never_matters(here, there, data):
    rows = [(name, "L", "ok", ord(name) / 200, "blank", None) for name in sorted(here)] or [
        ("z", "L", "ok", 0.5, "blank", None)
    ]
    shuffled = data.draw(st.permutations(rows))
    scores = {name: ord(name) / 130 for name in data.draw(st.permutations(sorted(there)))}
    paired = gathered(shuffled, data.draw(st.integers(0, len(rows)))).pair(others(scores), None)
    assert sorted(zip(paired.p_nonblank.tolist(), paired.other.tolist(), strict=True)) == [
        (float(np.float32(ord(name) / 200)), float(np.float32(ord(name) / 130)))
        for name in sorted({row[0] for row in rows} & there)
    ]
