import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.audits.review import Answer, settle_answers
from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.error_tags import AnsweredMedia, compare_tags, newcombe_interval, sort_answers
from blanktrap.core.vocabulary import Circumstance, Label, Position


def answer(name, label=Label.NONBLANK, **more):
    return Answer(media_id=name, label=label, labelled_by=more.pop("by", "Ana"), **more)


def media(name, p, *, label="nonblank", location="L1", is_measured=True):
    return AnsweredMedia(
        media_id=name, location_id=location, p_nonblank=p, label=label, is_measured=is_measured
    )


def rows_of(table):
    return {row["tag"]: row for row in table.to_pylist()}


def tagged(groups):
    """Media by location: how many missed have the tag, of how many; how many found, of how many."""
    answers, answered = [], []
    for place, (missed, num_missed, found, num_found) in groups.items():
        for side, hits, num, p in (("m", missed, num_missed, 0.1), ("f", found, num_found, 0.9)):
            for number in range(num):
                name = f"{place}/{side}{number}"
                position = Position.BACKGROUND if number < hits else Position.CLOSE
                answers.append(answer(name, position=position))
                answered.append(media(name, p, location=place))
    return sort_answers(settle_answers(answers), answered, cutoff=0.5)


def test_shares_of_a_hand_worked_sample():
    rows = rows_of(compare_tags(tagged({"A": (6, 8, 1, 4), "B": (3, 4, 1, 6)}), seed=0))
    background = rows["background"]
    # Missed: 9 of 12; found: 2 of 10; 75 % - 20 % = 55 points.
    assert (background["missed_num_tagged"], background["missed_num_media"]) == (9, 12)
    assert (background["found_num_tagged"], background["found_num_media"]) == (2, 10)
    assert background["difference"] == pytest.approx(0.55)
    assert rows["close"]["difference"] == pytest.approx(-0.55)
    assert background["num_locations"] == 2
    assert background["interval_low"] < 0.55 < background["interval_high"]
    assert rows["border"]["missed_share"] == 0.0


def test_newcombe_of_his_own_example():
    # Newcombe 1998, table II: 56/70 against 48/80 gives 0.0524 to 0.3339 by method 10.
    assert newcombe_interval(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_tag_that_nobody_gave_has_no_interval_of_width_zero():
    row = rows_of(compare_tags(tagged({"A": (2, 5, 1, 5), "B": (2, 5, 1, 5)}), seed=0))["covers_camera"]
    assert row["difference"] == 0.0
    low, high = newcombe_interval(0, 10, 0, 10)
    assert row["interval_low"] <= low < 0 < high <= row["interval_high"]


def test_tagged_media_of_one_location_have_no_interval():
    row = rows_of(compare_tags(tagged({"A": (6, 8, 1, 4)}), seed=0))["background"]
    assert row["difference"] == pytest.approx(0.5)
    assert row["interval_low"] is None


def test_without_any_found_media_there_is_no_difference():
    row = rows_of(compare_tags(tagged({"A": (6, 8, 0, 0), "B": (1, 2, 0, 0)}), seed=0))["background"]
    assert (row["missed_share"], row["found_share"], row["difference"]) == (0.7, None, None)


def test_several_circumstances_count_each():
    both = (Circumstance.NIGHT, Circumstance.HIGH_GRASS)
    answers = [answer("a", circumstances=both), answer("b"), answer("c")]
    group = sort_answers(
        settle_answers(answers), [media("a", 0.1), media("b", 0.2), media("c", 0.9)], cutoff=0.5
    )
    rows = rows_of(compare_tags(group, seed=0))
    assert [rows[name]["missed_num_tagged"] for name in ("night", "high_grass", "none of these")] == [1, 1, 1]
    assert rows["none of these"]["found_num_tagged"] == 1
    assert rows["position not given"]["missed_num_tagged"] == 2


def test_media_that_count_in_neither_group_are_counted_by_reason():
    answers = [
        answer("missed"),
        answer("elsewhere"),
        answer("other split"),
        answer("blank"),
        answer("bare"),
        answer("broken"),
        answer("differ"),
        answer("differ", Label.BLANK, by="Ben"),
        answer("unsure", None),
        answer("nothing there", Label.BLANK),
    ]
    there = [
        media("missed", 0.1),
        media("other split", 0.1, is_measured=False),
        media("blank", 0.1, label="blank"),
        media("bare", 0.1, label=None),
        media("broken", None),
        media("differ", 0.1),
        media("unsure", 0.1),
        media("nothing there", 0.1),
    ]
    group = sort_answers(settle_answers(answers), there, cutoff=0.5)
    assert (group.num_missed, group.num_found) == (1, 0)
    assert group.left_out == {
        "not in the scores": 1,
        "not of the split that is measured": 1,
        "labelled blank": 1,
        "without a label": 1,
        "not scored": 1,
        "on which people differ": 1,
        "of which people were unsure": 1,
        "in which people saw no animal": 1,
    }


def test_tags_of_which_none_counts_are_refused_with_the_reason():
    with pytest.raises(EvaluationError, match=r"none of the 1 media with tags .* \(1 not in the scores\)"):
        sort_answers(settle_answers([answer("a")]), [], cutoff=0.5)


def test_a_score_equal_to_the_cutoff_is_found():
    group = sort_answers(settle_answers([answer("a")]), [media("a", float(np.float32(0.7)))], cutoff=0.7)
    assert (group.num_missed, group.num_found) == (0, 1)


groups = st.dictionaries(
    st.sampled_from("ABCD"),
    st.tuples(st.integers(0, 3), st.integers(3, 8), st.integers(0, 3), st.integers(3, 8)),
    min_size=2,
)


@given(groups, st.randoms(use_true_random=False))
def test_intervals_hold_their_difference_and_order_never_matters(some, chance):
    group = tagged(some)
    table = compare_tags(group, seed=1)
    for row in table.to_pylist():
        assert -1 <= row["interval_low"] <= row["difference"] <= row["interval_high"] <= 1
    order = list(some.items())
    chance.shuffle(order)
    assert compare_tags(tagged(dict(order)), seed=1).equals(table)
