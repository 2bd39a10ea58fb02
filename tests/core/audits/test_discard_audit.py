import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, hypergeom

from blanktrap.core.audits.discard_audit import (
    StratumSample,
    allocate_sample,
    bound_discarded,
    hypergeometric_upper,
    num_more_for,
)
from blanktrap.core.errors import EvaluationError


def sample(num_pile, num_looked_at, num_nonblank, name="all"):
    return StratumSample(name=name, num_pile=num_pile, num_looked_at=num_looked_at, num_nonblank=num_nonblank)


def test_nothing_found_among_300_of_a_large_pile():
    # The rule of three, exactly: 1 - 0.05^(1/300) = 0.99361 %, so at most 993,611 of 100 million.
    bound = bound_discarded([sample(100_000_000, 300, 0)])
    assert bound.share_at_most == pytest.approx(1 - 0.05 ** (1 / 300), rel=1e-4)
    assert bound.num_expected == 0.0
    assert bound.num_lost_at_most == bound.num_at_most


def test_hand_worked_small_pile():
    # 5 of 10 looked at, none nonblank. K nonblank have the chance C(10-K,5)/C(10,5): 0.5, 0.22, 0.083, 0.024.
    assert hypergeometric_upper(10, 5, 0, 0.05) == 3
    assert hypergeometric_upper(10, 5, 0, 0.10) == 2
    assert hypergeometric_upper(10, 10, 4, 0.05) == 4
    assert hypergeometric_upper(20, 1, 0, 0.05) == 19  # a chance of 1/20, which 0.05 does not rule out


@given(st.integers(1, 60).flatmap(lambda pile: st.tuples(st.just(pile), st.integers(0, pile))), st.data())
@settings(max_examples=100, deadline=None)
def test_the_hypergeometric_bound_is_the_last_that_scipy_finds_likely(sizes, data):
    num_pile, num = sizes
    found = data.draw(st.integers(0, num))
    bound = hypergeometric_upper(num_pile, num, found, 0.05)
    # 19 of 20 nonblank and one looked at have a chance of 0.05 exactly.
    assert hypergeom.cdf(found, num_pile, bound, num) >= 0.05 - 1e-9
    if bound < num_pile - num + found:
        assert hypergeom.cdf(found, num_pile, bound + 1, num) < 0.05 + 1e-9


def test_a_proportional_sample_counts_as_one():
    parts = [sample(60_000, 600, 2, "day"), sample(40_000, 400, 1, "night")]
    bound = bound_discarded(parts)
    # 3 of 1,000, Clopper-Pearson one-sided: beta(4, 997) at 0.95.
    assert bound.num_at_most == int(beta.ppf(0.95, 4, 997) * 100_000)
    assert (bound.num_found, bound.num_lost_at_most) == (3, bound.num_at_most - 3)
    assert bound.num_expected == pytest.approx(300)


def test_a_stratum_nobody_looked_at_may_be_all_animals():
    bound = bound_discarded([sample(1000, 100, 0, "day"), sample(50, 0, 0, "night")])
    assert bound.num_at_most == hypergeometric_upper(1000, 100, 0, 0.05) + 50


def test_a_pile_looked_through_leaves_nothing_open():
    bound = bound_discarded([sample(40, 40, 3, "day"), sample(60, 60, 1, "night")])
    assert bound.num_at_most == 4
    assert bound.num_lost_at_most == 0


@pytest.mark.parametrize("even", [True, False], ids=["proportional", "uneven"])
@pytest.mark.parametrize("shares", [(0.004, 0.002, 0.01), (0.0, 0.0, 0.06), (0.3, 0.01, 0.0)])
def test_the_bound_holds_as_often_as_it_says(even, shares):
    rng = np.random.default_rng(11)
    sizes = {"a": 5000, "b": 3000, "c": 700}
    taken = allocate_sample(400, sizes) if even else {"a": 60, "b": 240, "c": 100}
    truth = {name: round(share * sizes[name]) for name, share in zip(sizes, shares, strict=True)}
    held = 0
    for _ in range(400):
        parts = [
            sample(
                size, taken[name], int(rng.hypergeometric(truth[name], size - truth[name], taken[name])), name
            )
            for name, size in sizes.items()
        ]
        held += bound_discarded(parts, confidence=0.9).num_at_most >= sum(truth.values())
    assert held >= 0.87 * 400  # 90 % less two deviations of 1.5 %


def test_looking_at_more_brings_the_bound_to_what_was_wished():
    parts = [sample(60_000, 180, 1, "day"), sample(40_000, 120, 0, "night")]
    more = num_more_for(0.01, parts)
    dealt = allocate_sample(300 + more, {"day": 60_000, "night": 40_000})
    found = -(-dealt["day"] // 180)
    then = [sample(60_000, dealt["day"], found, "day"), sample(40_000, dealt["night"], 0, "night")]
    assert bound_discarded(then).share_at_most <= 0.01
    assert num_more_for(0.5, parts) == 0


def test_more_looking_does_not_help_where_too_many_were_found():
    assert num_more_for(0.01, [sample(10_000, 100, 5)]) is None


def test_the_wished_bound_for_a_clean_sample_is_the_rule_of_three():
    # ln 0.05 / ln 0.99 = 298.07: 299 images with nothing found.
    more = num_more_for(0.01, [sample(100_000_000, 100, 0)])
    assert more == 299 - 100


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 200), min_size=1, max_size=6), st.integers(0, 500))
@settings(max_examples=200, deadline=None)
def test_samples_are_dealt_in_proportion_and_leave_no_stratum_out(sizes, num_images):
    filled = {name: size for name, size in sizes.items() if size}
    if not filled or num_images < len(filled):
        with pytest.raises(EvaluationError):
            allocate_sample(num_images, sizes)
        return
    dealt = allocate_sample(num_images, sizes)
    total = sum(filled.values())
    assert sum(dealt.values()) == min(num_images, total)
    assert set(dealt) == set(filled)
    for name, num in dealt.items():
        assert 1 <= num <= filled[name]
        assert abs(num - min(num_images, total) * filled[name] / total) <= len(filled) + 1


def test_a_hand_worked_deal():
    # 10 images over 60, 30 and 10: one each, then 7 by 59, 29 and 9 of 97: 4.26, 2.09, 0.65.
    assert allocate_sample(10, {"a": 60, "b": 30, "c": 10, "none": 0}) == {"a": 5, "b": 3, "c": 2}


@pytest.mark.parametrize("numbers", [(5, 6, 0), (5, 3, 4), (5, 3, -1)])
def test_samples_that_cannot_be_are_refused(numbers):
    with pytest.raises(EvaluationError, match="cannot be"):
        sample(*numbers)


def test_empty_piles_and_odd_confidences_are_refused():
    with pytest.raises(EvaluationError, match="empty"):
        bound_discarded([sample(0, 0, 0)])
    with pytest.raises(EvaluationError, match="confidence"):
        bound_discarded([sample(5, 1, 0)], confidence=1.0)
    with pytest.raises(EvaluationError, match="share of the pile"):
        num_more_for(0.0, [sample(5, 1, 0)])
