from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.statistics.fingerprints import fingerprint_texts
from blanktrap.core.statistics.sampling import StratifiedSample


def passed(names, strata, *, num_rows, cuts=(), seed=0):
    """A sample that rows passed in several pieces."""
    sample = StratifiedSample(num_rows)
    edges = [0, *sorted(cuts), len(names)]
    for start, stop in pairwise(edges):
        if stop > start:
            rows = pa.table({"media_id": pa.array(names[start:stop], pa.string())})
            sample.add(rows, np.array(strata[start:stop]), fingerprint_texts(rows["media_id"], seed=seed))
    return sample


archives = st.lists(st.sampled_from("abc"), min_size=1, max_size=60)


@given(archives, st.integers(1, 20), st.data())
def test_a_sample_repeats_nothing_and_strata_sum_to_what_passed(strata, num_rows, data):
    names = [f"{number}.jpg" for number in range(len(strata))]
    cuts = data.draw(st.lists(st.integers(0, len(names)), max_size=4))
    sample = passed(names, strata, num_rows=num_rows, cuts=cuts)
    assert sample.sizes == {name: strata.count(name) for name in sorted(set(strata))}
    nums = {name: min(num_rows, size) for name, size in sample.sizes.items()}
    rows, of_rows = sample.draw(nums)
    drawn = rows["media_id"].to_pylist()
    assert len(set(drawn)) == len(drawn) == sum(nums.values())
    assert [strata[names.index(name)] for name in drawn] == of_rows.tolist()


@given(archives, st.integers(1, 20), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_how_they_are_cut_change_nothing(strata, num_rows, chance):
    media = [(f"{number}.jpg", stratum) for number, stratum in enumerate(strata)]
    shuffled = chance.sample(media, len(media))
    here = passed(*zip(*media, strict=True), num_rows=num_rows)
    there = passed(*zip(*shuffled, strict=True), num_rows=num_rows, cuts=[len(media) // 2])
    nums = {name: min(num_rows, size) for name, size in here.sizes.items()}
    assert here.draw(nums)[0].equals(there.draw(nums)[0])


def test_a_larger_sample_contains_the_smaller():
    names = [f"{number}.jpg" for number in range(500)]
    small = passed(names, ["a"] * 500, num_rows=20).draw({"a": 20})[0]["media_id"].to_pylist()
    large = passed(names, ["a"] * 500, num_rows=90).draw({"a": 90})[0]["media_id"].to_pylist()
    assert large[:20] == small


def test_every_media_has_the_same_chance():
    # 3,000 samples of 10 of 50: each media is in 600 of them; the deviation is sqrt(3000 * 0.2 * 0.8) = 21.9.
    names = [f"{number}.jpg" for number in range(50)]
    counts = dict.fromkeys(names, 0)
    for seed in range(3000):
        for name in (
            passed(names, ["a"] * 50, num_rows=10, seed=seed).draw({"a": 10})[0]["media_id"].to_pylist()
        ):
            counts[name] += 1
    assert min(counts.values()) > 600 - 4.5 * 21.9
    assert max(counts.values()) < 600 + 4.5 * 21.9


def test_rows_that_were_never_kept_cannot_be_drawn():
    with pytest.raises(ValueError, match="were never kept"):
        passed(["a", "b", "c"], ["s"] * 3, num_rows=2).draw({"s": 3})
