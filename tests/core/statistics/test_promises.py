import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit, ndtr
from scipy.stats import beta, norm
from scipy.stats import t as student

from blanktrap.core.errors import CutoffError, EvaluationError, PromiseError
from blanktrap.core.statistics.promises import promise_cutoff, promise_cutoffs_by_stratum

SPREAD, SHIFTS = 1.5, 1.0


def draw(rng, num_locations, mean_media=40.0):
    """Scores of nonblank media; locations differ in size (heavy-tailed) and in how well animals are seen."""
    sizes = rng.poisson(mean_media * rng.lognormal(-0.32, 0.8, num_locations))
    codes = np.repeat(np.arange(num_locations), sizes)
    shifts = SHIFTS * rng.standard_normal(num_locations)
    scores = expit(2.5 + shifts[codes] + SPREAD * rng.standard_normal(codes.size))
    return scores.astype(np.float32), codes


def recall_on_new_locations(cutoff):
    """Exact for `draw`: a score's logit is normal with the variances of locations and media together."""
    return ndtr((2.5 - logit(cutoff)) / np.hypot(SPREAD, SHIFTS))


def test_promises_on_new_locations_are_kept_as_often_as_they_say_and_not_by_keeping_everything():
    rng = np.random.default_rng(0)
    cutoffs = [promise_cutoff(*draw(rng, 40), min_recall=0.9, confidence=0.9).cutoff for _ in range(200)]
    held = sum(recall_on_new_locations(cutoff) >= 0.9 for cutoff in cutoffs)
    assert held >= 180
    # A cutoff that keeps 97 % would be promised by almost anyone.
    assert np.median([recall_on_new_locations(cutoff) for cutoff in cutoffs]) < 0.97


def test_the_same_cutoff_taken_for_independent_media_would_break_its_promise():
    # Clopper-Pearson over all media, as if each were a location of its own.
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        scores, _ = draw(rng, 40)
        ranks = np.arange(scores.size)
        bounds = beta.ppf(0.1, scores.size - ranks, ranks + 1)
        held += recall_on_new_locations(np.sort(scores)[np.flatnonzero(bounds >= 0.9)[-1]]) >= 0.9
    assert held < 160


def test_the_bound_of_a_hand_worked_archive():
    # 60 locations of 100 media; 4 of each score 0.1, the rest 0.9; in the first 10 instead of 4. The worst of
    # them counts twice: 61 locations, 6,100 media, 50 * 4 + 11 * 10 = 310 below 0.9.
    scores = np.concatenate([np.repeat([0.1, 0.9], [10, 90])] * 10 + [np.repeat([0.1, 0.9], [4, 96])] * 50)
    codes = np.repeat(np.arange(60), 100)
    promised = promise_cutoff(scores, codes, min_recall=0.9)
    share = 310 / 6100
    left_out = np.repeat([(310 - 10) / 6000, (310 - 4) / 6000], [11, 50])
    variance = 60 / 61 * ((left_out - left_out.mean()) ** 2).sum()
    # Locations of equal size: 61 effective ones. The test runs at a fifth of the error: 60 > 50 locations.
    error = 0.05 / 5
    worth = share * (1 - share) / variance * (norm.ppf(error) / student.ppf(error, 60)) ** 2
    worth = min(worth, 6100 * (norm.ppf(error) / student.ppf(error, 60)) ** 2)
    assert promised.cutoff == 0.9
    assert promised.recall == pytest.approx(1 - 300 / 6000)
    assert promised.recall_bound == pytest.approx(beta.ppf(error, worth * (1 - share), worth * share + 1))
    assert promised.num_locations == 60
    assert promised.num_nonblank == 6000


def test_fewer_locations_are_held_to_a_stricter_test():
    # The same shares of media below 0.9 at 20 and at 60 locations; only the number of places differs.
    one = np.repeat([0.1, 0.9], [4, 96])
    few = promise_cutoff(np.tile(one, 20), np.repeat(np.arange(20), 100), min_recall=0.85)
    many = promise_cutoff(np.tile(one, 60), np.repeat(np.arange(60), 100), min_recall=0.85)
    assert few.recall == many.recall
    assert few.recall_bound < many.recall_bound


def test_a_location_that_loses_all_its_animals_costs_the_promise():
    scores, codes = draw(np.random.default_rng(4), 40)
    before = promise_cutoff(scores, codes, min_recall=0.9)
    spoiled = np.where(codes == 7, np.float32(0.001), scores)
    after = promise_cutoff(spoiled, codes, min_recall=0.9)
    assert after.cutoff < before.cutoff


def test_media_with_equal_scores_stay_together():
    scores = np.tile(np.repeat(np.float32([0.25, 0.7]), [2, 98]), 80)
    promised = promise_cutoff(scores, np.repeat(np.arange(80), 100), min_recall=0.95)
    # float32 0.7 is not the float64 0.7; the cutoff is exact in the scores' own format.
    assert promised.cutoff == float(np.float32(0.7))
    assert promised.recall == pytest.approx(0.98)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_order_of_media_and_names_of_locations_change_nothing(seed):
    rng = np.random.default_rng(seed)
    scores, codes = draw(rng, 80, mean_media=20.0)
    order = rng.permutation(scores.size)
    names = [f"place {(code * 37) % 80}" for code in codes]
    for per in ("media", "location"):
        first = promise_cutoff(scores, codes, min_recall=0.8, per=per)
        second = promise_cutoff(scores[order], [names[place] for place in order], min_recall=0.8, per=per)
        assert first.cutoff == second.cutoff
        assert first.recall_bound == pytest.approx(second.recall_bound)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_asking_for_more_never_raises_the_cutoff(seed):
    scores, codes = draw(np.random.default_rng(seed), 60)
    less = promise_cutoff(scores, codes, min_recall=0.8, confidence=0.8)
    for asked in ({"min_recall": 0.9, "confidence": 0.8}, {"min_recall": 0.8, "confidence": 0.95}):
        more = promise_cutoff(scores, codes, **asked)
        assert more.cutoff <= less.cutoff
        assert less.min_recall <= less.recall_bound <= less.recall


def test_media_without_a_known_location_are_one_group():
    scores, codes = draw(np.random.default_rng(2), 60)
    known = [None if code >= 40 else f"S{code}" for code in codes]
    assert promise_cutoff(scores, known, min_recall=0.8).num_locations == 41
    with pytest.raises(PromiseError, match="1 location cannot support"):
        promise_cutoff(scores, [None] * scores.size, min_recall=0.8)


def test_names_may_come_from_arrow():
    scores, codes = draw(np.random.default_rng(2), 60)
    names = pa.array([f"S{code}" for code in codes])
    from_codes = promise_cutoff(scores, codes, min_recall=0.8)
    assert promise_cutoff(scores, names, min_recall=0.8) == from_codes
    assert promise_cutoff(scores, pa.chunked_array([names]).dictionary_encode(), min_recall=0.8) == from_codes


def test_too_few_locations_are_refused_in_one_line_that_says_how_many_are_needed():
    scores, codes = draw(np.random.default_rng(3), 12)
    with pytest.raises(PromiseError) as caught:
        promise_cutoff(scores, codes, min_recall=0.99)
    message = str(caught.value)
    assert "\n" not in message
    assert "12 locations cannot support a recall of 99 % on new locations with 95 % confidence" in message
    assert f"label about {caught.value.num_more_locations} more locations" in message
    assert isinstance(caught.value, CutoffError)
    # Were the labelled locations all like these, so many more would do.
    times = -(-(12 + caught.value.num_more_locations) // 12) + 1
    tiled = np.concatenate([codes + 12 * step for step in range(times)])
    assert promise_cutoff(np.tile(scores, times), tiled, min_recall=0.99).num_locations == 12 * times


def test_nine_locations_never_carry_a_promise():
    perfect = np.full(90_000, 0.9)
    with pytest.raises(PromiseError, match="9 locations"):
        promise_cutoff(perfect, np.repeat(np.arange(9), 10_000), min_recall=0.5, confidence=0.5)


def test_no_nonblank_media_are_refused():
    with pytest.raises(PromiseError, match="no nonblank media"):
        promise_cutoff([], [], min_recall=0.9)


def test_the_mean_of_locations_needs_59_perfect_ones():
    # Nothing short of 59 can do: with a twentieth of places losing all, 0.95^58 is above 0.05.
    for num, holds in ((58, False), (90, True)):
        scores, codes = np.full(num * 10, 0.9), np.repeat(np.arange(num), 10)
        if holds:
            assert promise_cutoff(scores, codes, min_recall=0.95, per="location").cutoff == 0.9
        else:
            with pytest.raises(PromiseError, match="more locations"):
                promise_cutoff(scores, codes, min_recall=0.95, per="location")


def test_one_huge_bad_location_counts_by_its_media_or_once():
    # 200 locations of 100 media keep 99 %; one of 20,000 media scores 0.1 throughout.
    scores = np.append(np.tile(np.repeat([0.2, 0.9], [1, 99]), 200), np.full(20_000, 0.1))
    codes = np.append(np.repeat(np.arange(200), 100), np.full(20_000, 200))
    by_location = promise_cutoff(scores, codes, min_recall=0.9, per="location")
    assert by_location.cutoff == 0.9
    assert by_location.recall == pytest.approx((200 * 0.99 + 0) / 201)
    # By media it is half of the archive: only a cutoff that keeps all of it will do.
    assert promise_cutoff(scores, codes, min_recall=0.9).cutoff == 0.1


def test_strata_share_the_error_and_have_cutoffs_of_their_own():
    rng = np.random.default_rng(6)
    scores, codes = draw(rng, 60)
    is_night = rng.random(scores.size) < 0.5
    scores = np.where(is_night, scores * np.float32(0.5), scores)
    strata = np.where(is_night, "night", "day").tolist()
    promised = promise_cutoffs_by_stratum(scores, codes, strata, min_recall=0.85)
    assert set(promised) == {"day", "night"}
    assert promised["night"].cutoff < promised["day"].cutoff
    alone = promise_cutoff(scores[is_night], codes[is_night], min_recall=0.85, confidence=0.975)
    assert promised["night"] == alone


def test_a_stratum_that_cannot_be_promised_is_named():
    scores, codes = draw(np.random.default_rng(7), 60)
    strata = ["night" if code < 3 else "day" for code in codes]
    with pytest.raises(PromiseError, match=r"stratum night: .* of 3 locations"):
        promise_cutoffs_by_stratum(scores, codes, strata, min_recall=0.85)


@pytest.mark.parametrize("bad", [0.0, 1.0, -0.5, 95.0, float("nan")])
def test_recalls_and_confidences_that_nobody_can_promise_are_refused(bad):
    with pytest.raises(CutoffError, match="cannot be promised"):
        promise_cutoff([0.5], ["a"], min_recall=bad)
    with pytest.raises(CutoffError, match="cannot be promised"):
        promise_cutoff([0.5], ["a"], min_recall=0.9, confidence=bad)


def test_scores_and_locations_of_different_length_are_refused():
    with pytest.raises(EvaluationError, match="do not match"):
        promise_cutoff([0.5, 0.6], ["a"], min_recall=0.9)


def test_a_refusal_does_not_round_what_was_asked_for():
    with pytest.raises(PromiseError, match=r"a recall of 99.9999 % on new locations"):
        promise_cutoff(np.full(200, 0.5), np.arange(200) % 20, min_recall=0.999999)
