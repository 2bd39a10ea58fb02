from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.evaluation.error_analysis import analyse_errors, describe_left_out
from blanktrap.core.evaluation.error_facts import ErrorFacts
from blanktrap.core.schemas import EXPOSURE, SCORES_SCHEMA

NOON = datetime(2024, 5, 31, 12)


def media(name, p, label="nonblank", **more):
    row = {
        "media_id": name,
        "uri": f"/{name}",
        "status": "ok" if p is not None else "unreadable",
        "p_nonblank": p,
        "model_id": "m",
        "label": label,
        "species": [],
        "split": "test",
        "location_id": "L1",
    }
    return {**row, **more}


ROWS = [
    media("a", 0.9, species=["deer"], timestamp=NOON, is_night=False, brightness=0.55, sequence_id="s1",
          width_px=2048, height_px=1536),
    media("b", 0.1, species=["deer", "boar"], timestamp=NOON, is_night=False, brightness=0.7,
          sequence_id="s1", width_px=2048, height_px=1536),
    media("c", 0.2, timestamp=NOON + timedelta(hours=9, minutes=59), is_night=True, brightness=1.0,
          width_px=640, height_px=480),
    media("d", None, species=["boar"], sequence_id="s2"),
    media("e", 0.6, label="blank", sequence_id="s1"),
    media("f", 0.6, label=None, sequence_id="s2"),
    media("g", 0.05, species=["deer"], split="train"),
]  # fmt: skip


def facts_of(rows, *, splits=("test",), cuts=(), quality=()):
    extra = [pa.field(name, pa.float32()) for name in quality]
    table = pa.Table.from_pylist(rows, schema=pa.schema([*SCORES_SCHEMA, *extra]))
    gathered = ErrorFacts(quality_columns=tuple(quality))
    edges = [0, *sorted(cuts), len(rows)]
    for start, stop in pairwise(edges):
        gathered.add(table.slice(start, stop - start))
    return gathered.facts(splits)


def shares(rows, factor, *, cutoff=0.5, **more):
    table = analyse_errors(facts_of(rows, **more), cutoff=cutoff, seed=0)
    return {
        row["value"]: (row["num_missed"], row["num_media"])
        for row in table.to_pylist()
        if row["factor"] == factor and row["value"] != "not scored"
    }


def test_every_property_of_a_hand_worked_archive():
    # Scored nonblank test media: a is kept, b and c are missed.
    assert shares(ROWS, "species") == {"no species named": (1, 1), "boar": (1, 1), "deer": (1, 2)}
    assert shares(ROWS, "location") == {"L1": (2, 3)}
    assert shares(ROWS, "hour") == {"12:00 to 12:59": (1, 2), "21:00 to 21:59": (1, 1), "not known": (0, 0)}
    assert shares(ROWS, "light") == {"day": (1, 2), "night": (1, 1), "not known": (0, 0)}
    assert shares(ROWS, "image size") == {
        "2048 x 1536 px": (1, 2),
        "640 x 480 px": (1, 1),
        "not known": (0, 0),
    }
    # s1 has a, b and the blank e; c has no sequence; s2 has d, which was not scored, and f without a label.
    assert shares(ROWS, "sequence length") == {"2 images": (0, 0), "3 images": (1, 2), "not known": (1, 1)}


def test_a_brightness_on_an_edge_belongs_to_the_band_above_and_1_to_the_last():
    assert shares(ROWS, "brightness") == {
        "0.5 to 0.6": (0, 1),
        "0.7 to 0.8": (1, 1),
        "0.9 to 1": (1, 1),
        "not known": (0, 0),
    }


def test_a_score_equal_to_the_cutoff_is_kept():
    # float32 0.7 is a little below 0.7: compared in the scores' own format, it is kept.
    assert shares([media("a", 0.7)], "light", cutoff=0.7) == {"not known": (0, 1)}


def test_only_the_split_that_is_measured_counts():
    assert shares(ROWS, "species", splits=("train",)) == {"deer": (1, 1)}
    assert shares(ROWS, "species", splits=None)["deer"] == (2, 3)


def test_species_of_other_splits_do_not_shift_those_that_are_measured():
    rows = [media("t", 0.1, species=["deer", "lynx"], split="train"), *ROWS]
    assert shares(rows, "species") == shares(ROWS, "species")


def test_exposure_is_told_by_its_grade_and_left_out_where_the_scores_do_not_say_it():
    grades = ["underexposed", "overexposed", "well exposed", None, "0.7"]
    rows = [media(str(n), 0.1 if n == 0 else 0.9, exposure=grade) for n, grade in enumerate(grades)]
    table = pa.Table.from_pylist(rows, schema=pa.schema([*SCORES_SCHEMA, EXPOSURE]))
    gathered = ErrorFacts(has_exposure=True)
    gathered.add(table)
    facts = gathered.facts(("test",))
    errors = analyse_errors(facts, cutoff=0.5, seed=0).to_pylist()
    found = {
        row["value"]: (row["num_missed"], row["num_media"]) for row in errors if row["factor"] == "exposure"
    }
    # What is no grade, such as another program's number, is not known.
    assert found == {
        "underexposed": (1, 1), "well exposed": (0, 1), "overexposed": (0, 1), "not known": (0, 2)
    }  # fmt: skip
    assert not any("exposure" in line for line in describe_left_out(facts))
    assert any("exposure" in line for line in describe_left_out(facts_of(ROWS)))
    assert not shares(ROWS, "exposure")


def test_quality_is_banded_by_quarters_and_left_out_where_there_is_none():
    rows = [media(str(n), 0.1 if n < 2 else 0.9, blur=float(n)) for n in range(8)] + [media("x", 0.9)]
    found = shares(rows, "blur", quality=["blur"])
    # Quartiles of 0 … 7: 1.75, 3.5, 5.25; the two blurred ones are missed, and x has no measure.
    assert found == {
        "0 to 1.75": (2, 2), "1.75 to 3.5": (0, 2), "3.5 to 5.25": (0, 2), "5.25 to 7": (0, 2),
        "not known": (0, 1),
    }  # fmt: skip
    assert not any("blur" in line for line in describe_left_out(facts_of(rows, quality=["blur"])))
    assert shares(rows, "blur") == {}
    assert describe_left_out(facts_of(rows))[1].startswith("blur, contrast: the scores have none of")


def test_a_measure_of_quality_that_never_changes_is_one_band():
    rows = [media(str(n), 0.9, blur=0.5) for n in range(3)]
    assert shares(rows, "blur", quality=["blur"]) == {"0.5 throughout": (0, 3)}
    assert shares([media("a", 0.9)], "blur", quality=["blur"]) == {"not known": (0, 1)}


def test_rare_image_sizes_are_put_together():
    rows = [media(str(n), 0.9, width_px=100 + n, height_px=100) for n in range(25)]
    rows += [media(f"x{n}", 0.9, width_px=640, height_px=480) for n in range(2)]
    found = shares(rows, "image size")
    assert found["640 x 480 px"] == (0, 2)
    assert found["other sizes"] == (0, 6)
    assert sum(num for _, num in found.values()) == 27


def test_an_archive_without_nonblank_media_has_no_shares():
    assert analyse_errors(facts_of([media("a", 0.1, label="blank")]), cutoff=0.5, seed=0).num_rows == 0


rows = st.lists(
    st.builds(
        lambda number, p, label, place, sequence, species, hour: (p, label, place, sequence, species, hour),
        st.integers(),
        st.one_of(st.none(), st.floats(0, 1, width=32)),
        st.sampled_from(["blank", "nonblank", None]),
        st.sampled_from(["L1", "L2", None]),
        st.sampled_from(["s1", "s2", None]),
        st.lists(st.sampled_from(["deer", "boar"]), max_size=2, unique=True),
        st.one_of(st.none(), st.integers(0, 23)),
    ),
    min_size=1,
    max_size=25,
)


@given(rows, st.data())
def test_how_the_rows_are_ordered_and_cut_changes_no_share(some, data):
    archive = [
        media(
            str(number), p, label, location_id=place, sequence_id=sequence, species=species,
            timestamp=None if hour is None else NOON.replace(hour=hour),
        )
        for number, (p, label, place, sequence, species, hour) in enumerate(some)
    ]  # fmt: skip
    shuffled = data.draw(st.permutations(archive))
    cut = data.draw(st.integers(0, len(archive)))
    here = analyse_errors(facts_of(archive), cutoff=0.5, seed=0).to_pylist()
    there = analyse_errors(facts_of(shuffled, cuts=[cut]), cutoff=0.5, seed=0).to_pylist()
    counts = [
        {
            (row["factor"], row["value"], row["num_missed"], row["num_media"], row["num_not_scored"])
            for row in one
        }
        for one in (here, there)
    ]
    assert counts[0] == counts[1]


def test_the_highest_blanks_of_a_location_are_remembered_across_pieces():
    blanks = [media(f"b{n}", n / 10, label="blank") for n in range(9)]
    assert [name for _, name in facts_of(blanks, cuts=[2, 5]).highest_blanks[0]] == [
        "b8",
        "b7",
        "b6",
        "b5",
        "b4",
    ]


def test_sequence_lengths_count_media_of_every_split_and_label():
    whose = [("test", "nonblank"), ("train", "blank"), (None, None)]
    rows = [media(str(n), 0.9, label, split=split, sequence_id="s") for n, (split, label) in enumerate(whose)]
    assert facts_of(rows, cuts=[1]).nonblank.sequence_length.tolist() == [3]


def test_codes_of_many_locations_stay_right():
    rows = [media(str(n), 0.1 if n % 2 else 0.9, location_id=f"L{n:03d}") for n in range(300)]
    found = shares(rows, "location", cuts=[7, 150])
    assert len(found) == 300
    assert all(pair == (int(name[1:]) % 2, 1) for name, pair in found.items())
    assert np.sum([pair[0] for pair in found.values()]) == pytest.approx(150)
