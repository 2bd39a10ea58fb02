"""Who may be suggested for labelling, however the scores are cut into pieces."""

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.errors import ScoresError
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.core.selection.candidates import (
    COLUMNS,
    CandidatePools,
    Coverage,
    first_of_each,
    first_species,
)


def row(name: str, p: float | None = 0.5, label: str | None = None, **more: Any) -> dict[str, Any]:
    base = {
        "media_id": name,
        "location_id": name.split("/")[0],
        "sequence_id": None,
        "status": "unreadable" if p is None else "ok",
        "p_nonblank": p,
        "is_night": False,
        "label": label,
        "species": [],
        "split": None,
    }
    return {**base, **more}


def table(rows: list[dict[str, Any]]) -> pa.Table:
    schema = pa.schema([SCORES_SCHEMA.field(name).with_nullable(True) for name in COLUMNS])
    return pa.Table.from_pylist(rows, schema=schema)


def pools_of(
    rows: list[dict[str, Any]], *, cuts: tuple[int, ...] = (), **config: Any
) -> tuple[Coverage, CandidatePools]:
    """Both passes, over rows in pieces."""
    whole = table(rows)
    edges = [0, *sorted(cuts), len(rows)]
    pieces = [whole.slice(start, stop - start) for start, stop in pairwise(edges)]
    coverage = Coverage()
    for piece in pieces:
        coverage.add(piece)
    settings = {
        "cutoff": 0.5,
        "num_images": 4,
        "num_candidates": 100,
        "max_per_sequence": 1,
        "include_test": False,
        "seed": 0,
    }
    pools = CandidatePools(coverage, **{**settings, **config})
    for piece in pieces:
        pools.add(piece)
    return coverage, pools


def names(rows: list[dict[str, Any]], chosen: np.ndarray) -> list[str]:
    return [rows[position]["media_id"] for position in chosen["position"].tolist()]


def test_the_first_of_each_group_are_kept():
    groups = np.asarray([7, 3, 7, 7, 3, 9])
    assert first_of_each(groups, 1).tolist() == [True, True, False, False, False, True]
    assert first_of_each(groups, 2).tolist() == [True, True, True, False, True, True]
    assert first_of_each(np.zeros(0, int), 2).tolist() == []


@given(st.lists(st.integers(0, 4), max_size=40), st.integers(1, 5))
def test_first_of_each_is_what_a_loop_would_keep(groups: list[int], num: int) -> None:
    expected = [groups[:place].count(group) < num for place, group in enumerate(groups)]
    assert first_of_each(np.asarray(groups, int), num).tolist() == expected


def test_only_the_first_species_of_a_media_counts():
    column = pa.chunked_array([pa.array([["deer", "boar"], [], None, ["fox"]], pa.list_(pa.string()))])
    assert first_species(column).to_pylist() == ["deer", None, None, "fox"]


def test_media_nearest_to_the_cutoff_in_log_odds_come_first():
    # From a cutoff of 0.2, odds 1/4: 0.3 is ln(3/7 * 4) = 0.54 away and 0.1 is ln(9/4) = 0.81.
    rows = [row("A/far", 0.9), row("A/low", 0.1), row("A/high", 0.3), row("A/at", 0.2)]
    _, pools = pools_of(rows, cutoff=0.2)
    assert names(rows, pools.uncertain) == ["A/at", "A/high", "A/low", "A/far"]
    assert pools.uncertain["distance"][1:3] == pytest.approx([0.539, 0.811], abs=1e-3)


def test_scores_of_nought_and_one_have_a_distance():
    rows = [row("A/0", 0.0), row("A/1", 1.0)]
    assert np.isfinite(pools_of(rows)[1].uncertain["distance"]).all()


def test_test_locations_are_those_without_media_of_another_split():
    rows = [
        row("T/1", split="test"), row("T/2"),
        row("M/1", split="test"), row("M/2", split="train"), row("M/3"),
        row("N/1"),
        row("x", location_id=None, split="test"), row("y", location_id=None),
    ]  # fmt: skip
    coverage, pools = pools_of(rows, cuts=(1, 4))
    assert [coverage.places.values[place] for place in coverage.test_places] == ["T"]
    # Media of the test split itself are left out wherever they lie; what has no location is no location.
    assert sorted(names(rows, pools.sample)) == ["M/2", "M/3", "N/1", "y"]
    assert pools.num_test == 4
    everything = pools_of(rows, include_test=True)[1]
    assert everything.num_suggestible == len(rows)


def test_labels_of_the_test_split_teach_nothing():
    rows = [
        row("A/1", label="blank", split="test", species=["deer"]),
        row("A/2", label="nonblank", split="train", species=["deer"]),
        row("A/3", label="nonblank", is_night=True),
        row("A/4", label="blank", is_night=None),
    ]
    coverage, pools = pools_of([*rows, row("A/5")])
    place = coverage.places.number_of("A") * 3
    assert [coverage.num_labels(place + light) for light in range(3)] == [1, 1, 1]
    assert coverage.num_species_labels(coverage.species.number_of("deer")) == 1
    assert coverage.num_labelled == 4
    assert coverage.describe(place + 1) == "location A at night"
    assert sorted(names(rows, pools.labelled)) == ["A/2", "A/3", "A/4"]


def test_a_score_that_is_none_is_refused_by_number_and_file():
    rows = [row("A/1", 1.5), row("A/2")]
    with pytest.raises(ScoresError, match=r"here: 1 media have status ok and no p_nonblank in \[0, 1\]"):
        pools_of(rows, where="here")


PLACES = st.sampled_from(["A", "B", None])
ROWS = st.lists(
    st.builds(
        lambda place, p, label, sequence, night, split: (place, p, label, sequence, night, split),
        PLACES,
        st.one_of(st.none(), st.sampled_from([0.0, 0.3, 0.5, 0.50001, 0.9])),
        st.sampled_from([None, None, "blank", "nonblank"]),
        st.sampled_from([None, "s1", "s2"]),
        st.sampled_from([None, True, False]),
        st.sampled_from([None, None, "train", "test"]),
    ),
    min_size=1,
    max_size=30,
)


@given(ROWS, st.lists(st.integers(0, 30), max_size=4), st.integers(1, 3), st.integers(0, 3))
def test_pools_hold_who_may_come_and_do_not_depend_on_how_the_rows_are_cut(
    drawn: list[tuple[Any, ...]], cuts: list[int], num: int, seed: int
) -> None:
    rows = [
        row(f"m{number}", p, label, location_id=place, sequence_id=sequence, is_night=night, split=split)
        for number, (place, p, label, sequence, night, split) in enumerate(drawn)
    ]
    config = {"num_images": num, "num_candidates": 5, "max_per_sequence": num, "seed": seed}
    _, whole = pools_of(rows, **config)
    _, parts = pools_of(rows, cuts=tuple(min(cut, len(rows)) for cut in cuts), **config)
    for name in ("uncertain", "sample", "strata", "labelled"):
        assert getattr(whole, name).tolist() == getattr(parts, name).tolist(), name
    for pool in (whole.uncertain, whole.sample, whole.strata):
        chosen = [rows[position] for position in pool["position"].tolist()]
        assert all(
            one["status"] == "ok" and one["label"] is None and one["split"] != "test" for one in chosen
        )
        per_sequence = np.unique(pool["sequence"], return_counts=True)[1]
        assert per_sequence.max(initial=0) <= num
    assert len(whole.sample) <= 5
    assert len(whole.uncertain) <= 2 * num
