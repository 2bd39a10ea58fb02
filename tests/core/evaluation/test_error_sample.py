from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.error_facts import ErrorFacts
from blanktrap.core.evaluation.error_sample import draw_error_sample
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.core.statistics.fingerprints import fingerprint_texts


def row(number, place, species, p):
    return {
        "media_id": f"{number}.jpg",
        "uri": "/x",
        "location_id": place,
        "status": "ok" if p is not None else "missing",
        "p_nonblank": p,
        "model_id": "m",
        "label": "nonblank",
        "species": species,
    }


def draw(rows, num_missed, num_found, seed=0):
    facts = ErrorFacts(lot_seed=seed)
    facts.add(pa.Table.from_pylist(rows, schema=SCORES_SCHEMA))
    return draw_error_sample(
        facts.facts(None), cutoff=0.5, num_missed=num_missed, num_found=num_found, seed=seed
    )


def names_of(sample, rows, seed=0):
    names = [one["media_id"] for one in rows]
    by_lot = dict(zip(fingerprint_texts(pa.array(names), seed=seed).tolist(), names, strict=True))
    return [by_lot[lot] for lot in sample.lots.tolist()]


def archive(num=240):
    """Two thirds at L1, one third at L2; at each, three quarters deer; every third media is missed."""
    return [
        row(n, "L1" if n % 12 < 8 else "L2", ["deer"] if n % 4 else ["boar"], 0.1 if n % 3 == 0 else 0.9)
        for n in range(num)
    ]


def test_each_location_and_species_has_its_share_of_the_sample():
    rows = archive()
    sample = draw(rows, 40, 80)
    assert (sample.num_missed, sample.num_found, sample.num_drawn) == (80, 160, (40, 80))
    known = {one["media_id"]: one for one in rows}
    drawn = [known[name] for name in names_of(sample, rows)]
    for is_low, num in ((True, 40), (False, 80)):
        group = [one for one in rows if (one["p_nonblank"] < 0.5) is is_low]
        strata = Counter((one["location_id"], *one["species"]) for one in group)
        mine = [one for one in drawn if (one["p_nonblank"] < 0.5) is is_low]
        taken = Counter((one["location_id"], *one["species"]) for one in mine)
        for stratum, size in strata.items():
            assert abs(taken[stratum] - num * size / len(group)) < 1
    assert list(sample.species) == [tuple(one["species"]) for one in drawn]
    assert sample.is_missed.tolist() == [one["p_nonblank"] < 0.5 for one in drawn]


def test_fewer_are_drawn_where_there_are_fewer():
    sample = draw(archive(12), 1144, 3)
    assert sample.num_drawn == (4, 3)
    assert draw(archive(12), 0, 2).num_drawn == (0, 2)


def test_media_without_a_score_are_never_drawn():
    rows = [row(n, "L1", [], None if n % 2 else 0.1) for n in range(20)]
    sample = draw(rows, 20, 20)
    assert sample.num_drawn == (10, 0)
    assert all(int(name.removesuffix(".jpg")) % 2 == 0 for name in names_of(sample, rows))


def test_every_media_has_the_same_chance():
    # 900 samples of 10 of 30 missed: each media is in 300, give or take; binomial deviation sqrt(200) = 14.1.
    rows = [row(n, f"L{n % 7}", ["deer"] if n % 2 else ["boar", "ape"], 0.1) for n in range(30)]
    counts = Counter(name for seed in range(900) for name in names_of(draw(rows, 10, 0, seed), rows, seed))
    assert len(counts) == 30
    assert min(counts.values()) > 300 - 4.5 * 14.1
    assert max(counts.values()) < 300 + 4.5 * 14.1


archives = st.lists(
    st.tuples(
        st.sampled_from(["L1", "L2", None]),
        st.lists(st.sampled_from(["deer", "boar"]), max_size=2, unique=True),
        st.one_of(st.none(), st.floats(0, 1, width=32)),
    ),
    min_size=1,
    max_size=40,
)


@given(archives, st.integers(0, 12), st.integers(0, 12), st.integers(0, 5), st.data())
def test_nothing_is_drawn_twice_and_the_order_of_rows_never_matters(some, num_missed, num_found, seed, data):
    rows = [row(n, *one) for n, one in enumerate(some)]
    scored = [one["p_nonblank"] for one in rows if one["p_nonblank"] is not None]
    missed = sum(np.float32(p) < np.float32(0.5) for p in scored)
    if not min(num_missed, missed) + min(num_found, len(scored) - missed):
        with pytest.raises(EvaluationError, match="so nothing is drawn"):
            draw(rows, num_missed, num_found, seed)
        return
    sample = draw(rows, num_missed, num_found, seed)
    names = names_of(sample, rows, seed)
    assert len(set(names)) == len(names)
    assert sample.num_drawn == (min(num_missed, missed), min(num_found, len(scored) - missed))
    shuffled = data.draw(st.permutations(rows))
    assert names_of(draw(shuffled, num_missed, num_found, seed), shuffled, seed) == names


def test_another_seed_draws_others():
    rows = archive()
    assert set(names_of(draw(rows, 20, 0), rows)) != set(names_of(draw(rows, 20, 0, seed=1), rows, seed=1))
