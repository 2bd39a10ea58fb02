"""The mixture of a labelling queue: each kind's own order, none twice, no sequence too often."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.selection.candidates import CANDIDATE, Coverage
from blanktrap.core.selection.suggestions import (
    KINDS,
    THIN,
    TYPICAL,
    UNCERTAIN,
    UNUSUAL,
    Chooser,
    Features,
    deal_counts,
    nearest_labelled,
    of_length_one,
)
from tests.core.selection.test_candidates import row, table
from tests.core.selection.test_typicality import at


def candidates(
    num: int, *, strata: list[int] | None = None, sequences: list[int] | None = None
) -> np.ndarray:
    rows = np.zeros(num, CANDIDATE)
    rows["position"] = rows["lot"] = np.arange(num)
    rows["p_nonblank"] = 0.5
    rows["stratum"] = strata or [0] * num
    rows["sequence"] = sequences or np.arange(num)
    return rows


def chooser_of(labelled: list[dict[str, Any]] | None = None, **config: Any) -> Chooser:
    coverage = Coverage()
    coverage.add(table(labelled or [row("A/1")]))
    return Chooser(**{"coverage": coverage, "cutoff": 0.5, "max_per_sequence": 1, **config})


def features_of(sample: np.ndarray, labelled: np.ndarray | None = None, species: Any = None) -> Features:
    known = np.zeros((0, 2), np.float32) if labelled is None else labelled
    numbers = np.zeros(len(known), np.int32) if species is None else np.asarray(species, np.int32)
    return Features(sample=sample, labelled=known, species=numbers)


def test_shares_become_whole_numbers_by_the_largest_remainder():
    # 7 * (0.3, 0.2, 0.2, 0.3) = 2.1, 1.4, 1.4, 2.1: one is left for the first of the largest remainders.
    assert list(deal_counts(7, (0.3, 0.2, 0.2, 0.3), has_features=True).values()) == [2, 2, 1, 2]
    # Without features 3 to 3.
    assert list(deal_counts(7, (0.3, 0.2, 0.2, 0.3), has_features=False).values()) == [4, 0, 0, 3]
    assert list(deal_counts(5, (0.0, 0.5, 0.5, 0.0), has_features=False).values()) == [3, 0, 0, 2]


@given(st.integers(1, 500), st.lists(st.integers(0, 10), min_size=4, max_size=4), st.booleans())
def test_counts_sum_to_what_is_wanted(num: int, weights: list[int], has_features: bool) -> None:
    shares = np.asarray(weights) / max(sum(weights), 1)
    counts = deal_counts(num, shares.tolist(), has_features=has_features)
    assert sum(counts.values()) == num
    assert min(counts.values()) >= 0
    if not has_features:
        assert counts[UNUSUAL] == counts[TYPICAL] == 0


def test_the_nearest_labelled_media_of_each():
    near, which = nearest_labelled(features_of(at(0, 60, 180), at(90, 0)))
    # Squares of chords: 0, (2 sin 15°)² = 0.268 to 90°, and 2 from 180° to 90°.
    assert which.tolist() == [1, 0, 0]
    assert near == pytest.approx([0.0, 0.268, 2.0], abs=1e-3)
    near, which = nearest_labelled(features_of(at(0, 60)))
    assert near.tolist() == [np.inf, np.inf]
    assert which.tolist() == [-1, -1]


def test_zeros_stay_and_all_else_has_length_one():
    assert of_length_one(np.asarray([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]


def test_the_unusual_are_the_farthest_from_all_that_is_labelled_or_taken():
    chooser = chooser_of()
    # Labelled at 0°: 180° is farthest; then 90° lies 90° from both, and 100° only 80° from 180°.
    features = features_of(at(10, 180, 100, 90, 170), at(0))
    assert chooser.take_unusual(candidates(5), features, 2) == 2
    assert list(chooser.taken) == [1, 3]
    # The median of the distances to 0° is that of 100°.
    assert "distance 2.00, of most images 1.53" in chooser.taken[1].reason


def test_what_was_taken_as_uncertain_is_not_unusual_any_more():
    chooser = chooser_of()
    chooser.take_uncertain(candidates(3), 1)
    chooser.take_unusual(candidates(3), features_of(at(180, 179, 90), at(0)), 1)
    assert list(chooser.taken) == [0, 2]


def test_typical_media_stand_for_the_largest_group_without_labels():
    # Forty media around 0°, thirty around 90° and twenty-four around 180°, of which one more is labelled.
    crowds = [np.linspace(-4, 4, 40), np.linspace(87, 93, 30), np.linspace(177, 183, 24)]
    # Groups begin at the first rows: one of each crowd stands first.
    degrees = np.concatenate([[crowd[0] for crowd in crowds], *(crowd[1:] for crowd in crowds)])
    chooser = chooser_of()
    features = features_of(at(*degrees), at(181))
    assert chooser.take_typical(candidates(len(degrees)), features, 2) == 2
    first, second = [degrees[position] for position in chooser.taken]
    # The inner twenty have their twenty nearest on both sides; and the larger crowd comes first.
    assert abs(first) < 3
    assert abs(second - 90) < 2.3
    reason = next(iter(chooser.taken.values())).reason
    assert reason == "typical of 40 images that look alike, of which 0 had a label"


def test_where_all_have_labels_the_typical_are_of_those_with_the_fewest():
    crowds = [np.linspace(-4, 4, 30), np.linspace(87, 93, 25)]
    degrees = np.concatenate([[crowd[0] for crowd in crowds], *(crowd[1:] for crowd in crowds)])
    chooser = chooser_of()
    features = features_of(at(*degrees), at(0, 1, 90))
    assert chooser.take_typical(candidates(len(degrees)), features, 1) == 1
    [position] = chooser.taken
    assert abs(degrees[position] - 90) < 3


def test_places_with_the_fewest_labels_come_first_and_count_what_was_taken():
    labelled = [row("A/1", label="blank"), row("A/2", label="blank"), row("B/1", label="blank")]
    chooser = chooser_of(labelled)
    strata = [chooser.coverage.places.number_of(name) * 3 for name in "AAABBBB"]
    # B has one label, A two: B, then the two take turns.
    assert chooser.take_places(candidates(7, strata=strata), 4) == 4
    assert [strata[position] // 3 for position in chooser.taken] == [1, 0, 1, 0]
    assert chooser.taken[3].reason == "location B by day has 1 labelled image"


def test_rare_species_come_first_and_unnamed_ones_stand_for_none():
    labelled = [row(f"A/{n}", label="nonblank", species=["deer"]) for n in range(2)]
    chooser = chooser_of([*labelled, row("A/9", label="nonblank", species=["fox"])])
    book = chooser.coverage.species
    numbers = [book.number_of(name) for name in ("deer", "deer", "fox", None)]
    features = features_of(at(1, 89, 181, 88), at(0, 2, 90, 180), numbers)
    # 89° and 88° look like the fox at 90°, 181° like what nobody named.
    assert chooser.take_species(candidates(4), features, 2) == 2
    assert next(iter(chooser.taken)) == 1
    assert "looks most like a labelled fox, which has 1 label" in chooser.taken[1].reason
    assert 2 not in chooser.taken
    assert chooser.take_species(candidates(4), features_of(at(1, 2, 3, 4)), 2) == 0


@given(
    st.integers(1, 40),
    st.lists(st.integers(0, 12), min_size=4, max_size=4),
    st.integers(1, 3),
    st.integers(0, 9),
)
def test_none_comes_twice_and_no_sequence_too_often(
    num: int, wanted: list[int], max_per_sequence: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    rows = candidates(
        num, strata=generator.integers(0, 3, num).tolist(), sequences=generator.integers(0, 9, num).tolist()
    )
    features = features_of(
        of_length_one(generator.normal(size=(num, 2)).astype(np.float32)), at(*generator.uniform(0, 360, 3))
    )
    chooser = chooser_of(max_per_sequence=max_per_sequence)
    took = {
        UNCERTAIN: chooser.take_uncertain(rows, wanted[0]),
        UNUSUAL: chooser.take_unusual(rows, features, wanted[1]),
        TYPICAL: chooser.take_typical(rows, features, wanted[2]),
        THIN: chooser.take_places(rows, wanted[3]),
    }
    turns = chooser.in_turns()
    assert Counter(one.kind for one in turns) == Counter({kind: n for kind, n in took.items() if n})
    assert len({one.position for one in turns}) == len(turns)
    assert all(took[kind] <= limit for kind, limit in zip(KINDS, wanted, strict=True))
    sequences = Counter(int(rows["sequence"][one.position]) for one in turns)
    assert max(sequences.values(), default=0) <= max_per_sequence
    # Places come last here and take whatever may be taken.
    if took[THIN] < wanted[3]:
        lengths = Counter(rows["sequence"].tolist()).values()
        assert len(turns) == sum(min(max_per_sequence, length) for length in lengths)


def test_any_first_part_of_the_queue_has_the_mixture():
    chooser = chooser_of()
    rows = candidates(12)
    chooser.take_uncertain(rows, 6)
    chooser.take_places(rows, 3)
    assert [one.kind for one in chooser.in_turns()][:3] in (
        [UNCERTAIN, THIN, UNCERTAIN],
        [UNCERTAIN, UNCERTAIN, THIN],
    )
    for length in (3, 6):
        kinds = Counter(one.kind for one in chooser.in_turns()[:length])
        assert kinds[UNCERTAIN] == 2 * kinds[THIN]
