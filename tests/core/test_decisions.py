"""Keep, review, set aside: one rule for every command."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.config import DecisionConfig, resolve
from blanktrap.core.decisions import (
    DECISION_TYPE,
    DECISIONS,
    KEEP,
    REVIEW,
    SET_ASIDE,
    UNREADABLE,
    DecisionCounts,
    DecisionRule,
    choose_rule,
    decision_column,
    scores_to_decide,
)
from blanktrap.core.errors import CutoffError, ScoresError, UsageError
from blanktrap.core.vocabulary import Decision

NAN = float("nan")
CARD = {"model": {"recommended_cutoff": 0.2}}


def rule(cutoff: float, review_below: float | None = None) -> DecisionRule:
    return DecisionRule(cutoff=cutoff, review_below=review_below, chosen_by="set by --cutoff")


def decided(scores: list[float], *cutoffs: float) -> list[int]:
    return rule(*cutoffs).decide(np.array(scores, np.float32)).tolist()


# The rule


def test_one_cutoff_keeps_what_lies_at_or_above_it():
    assert decided([0.0, 0.19, 0.2, 1.0, NAN], 0.2) == [SET_ASIDE, SET_ASIDE, KEEP, KEEP, UNREADABLE]


def test_two_cutoffs_leave_a_review_between_them():
    # From the cutoff on it is reviewed, from review_below on it is kept.
    assert decided([0.09, 0.1, 0.39, 0.4, NAN], 0.1, 0.4) == [SET_ASIDE, REVIEW, REVIEW, KEEP, UNREADABLE]


def test_a_score_stored_as_float32_is_kept_at_the_cutoff_it_was_rounded_from():
    # float32 0.7 is 0.699999988: below 0.7 in double precision.
    assert float(np.float32(0.7)) < 0.7
    assert decided([0.7], 0.7) == [KEEP]
    assert decided([0.7], 0.1, 0.7) == [KEEP]


def test_cutoff_zero_sets_nothing_aside():
    assert decided([0.0, 1e-9, 1.0], 0.0) == [KEEP] * 3


def test_numbers_and_words_agree():
    assert [DECISIONS[number] for number in (SET_ASIDE, REVIEW, KEEP, UNREADABLE)] == [
        Decision.SET_ASIDE,
        Decision.REVIEW,
        Decision.KEEP,
        Decision.UNREADABLE,
    ]
    column = decision_column(np.array([KEEP, SET_ASIDE, UNREADABLE], np.int8))
    assert column.type == DECISION_TYPE
    assert column.to_pylist() == ["keep", "set_aside", "unreadable"]


@given(
    scores=st.lists(st.floats(0, 1, width=32) | st.just(NAN)),
    cutoffs=st.tuples(st.floats(0, 0.5), st.floats(0.51, 1)),
)
def test_a_higher_score_never_loses_and_a_review_only_divides_what_is_kept(scores, cutoffs):
    low, high = cutoffs
    array = np.array(scores, np.float32)
    one, two = rule(low).decide(array), rule(low, high).decide(array)
    assert ((one == SET_ASIDE) == (two == SET_ASIDE)).all()
    assert ((one == UNREADABLE) == np.isnan(array)).all()
    order = np.argsort(array[~np.isnan(array)], kind="stable")
    assert (np.diff(two[~np.isnan(array)][order]) >= 0).all()


# Which scores count


def scores_of(status: list[str | None], p_nonblank: list[float | None]) -> list[float]:
    columns = pa.chunked_array([pa.array(status)]), pa.chunked_array([pa.array(p_nonblank, pa.float32())])
    return scores_to_decide(*columns, where="scores").tolist()


def test_unreadable_is_every_status_but_ok_whatever_score_it_carries():
    status = ["ok", "missing", "unreadable", "too_large", "unsupported", None]
    found = scores_of(status, [0.0, 0.9, None, 0.0, None, 0.9])
    assert found[0] == 0.0
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("p_nonblank", [None, NAN, -0.1, 1.1])
def test_an_ok_media_without_a_score_is_refused_not_set_aside(p_nonblank):
    with pytest.raises(ScoresError, match="1 media have status ok and no p_nonblank in"):
        scores_of(["ok", "ok"], [0.5, p_nonblank])


# Where the cutoff comes from


def test_a_given_cutoff_outranks_the_recommended_one():
    chosen = choose_rule(DecisionConfig(cutoff=0.3), CARD)
    assert (chosen.cutoff, chosen.review_below, chosen.chosen_by) == (0.3, None, "set by --cutoff")


def test_without_a_cutoff_the_model_card_recommends_it():
    chosen = choose_rule(DecisionConfig(review_below=0.4), CARD)
    assert (chosen.cutoff, chosen.review_below) == (0.2, 0.4)
    assert chosen.chosen_by == "recommended by the model card"


@pytest.mark.parametrize("model", [None, {}, {"recommended_cutoff": None}, {"recommended_cutoff": 7}])
def test_nothing_is_set_aside_by_a_cutoff_that_nobody_named(model):
    with pytest.raises(CutoffError, match="say with --cutoff which media are set aside"):
        choose_rule(DecisionConfig(), {"model": model})


def test_a_review_must_end_above_the_cutoff():
    with pytest.raises(UsageError, match=r"^--review-below 0.1 is not above --cutoff 0.1: "):
        resolve(DecisionConfig, {"cutoff": 0.1, "review_below": 0.1})
    with pytest.raises(UsageError, match=r"not above the cutoff 0\.2 that the model card recommends"):
        choose_rule(DecisionConfig(review_below=0.2), CARD)


# What is told


def test_counts_come_with_their_denominator_and_the_rule():
    counts = DecisionCounts()
    counts.add(np.array([KEEP, SET_ASIDE, SET_ASIDE, UNREADABLE], np.int8))
    counts.add(np.array([REVIEW], np.int8), num_raised=1)
    assert counts.lines(rule(0.1, 0.4)) == [
        "kept        1 of 5 media (20.0 %): at or above 0.4",
        "to review   1 of 5 media (20.0 %): from the cutoff 0.1 (set by --cutoff) up to 0.4",
        "set aside   2 of 5 media (40.0 %): below the cutoff",
        "unreadable  1 of 5 media (20.0 %): without a score: for people, never set aside",
        "by sequence 1 media are kept or reviewed for another frame of their sequence alone",
    ]


def test_no_media_have_no_shares():
    assert DecisionCounts().lines(rule(0.1))[0] == (
        "kept        0 of 0 media: at or above the cutoff 0.1 (set by --cutoff)"
    )
