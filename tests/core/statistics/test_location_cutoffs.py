import numpy as np
import pytest
from scipy.special import expit

from blanktrap.core.errors import CutoffError, PromiseError
from blanktrap.core.statistics.location_cutoffs import _shrunk_shifts, promise_cutoffs_by_location
from blanktrap.core.statistics.promises import promise_cutoff


def draw(rng, shifts, num_media):
    codes = np.repeat(np.arange(shifts.size), num_media)
    logits = 2.5 + shifts[codes] + rng.standard_normal(codes.size)
    return expit(logits).astype(np.float32), codes


def test_shifts_of_a_hand_worked_table():
    # Two locations of two sequences: 0, 2 and 4, 6. Within: (1+1+1+1) / (4-2) = 2. Mean 3, centres 1 and 5:
    # 2*4 + 2*4 - (2-1)*2 = 14; divided by 4 - 8/4 = 2 that is 7. Trust: 7 / (7 + 2/2) = 7/8 of -2 and 2.
    shifts = _shrunk_shifts(np.array([0.0, 2.0, 4.0, 6.0]), np.array([0, 0, 1, 1]), np.arange(4), 3)
    assert shifts == pytest.approx([-1.75, 1.75, 0.0])


def test_frames_of_one_sequence_count_once():
    one = _shrunk_shifts(np.array([0.0, 2.0, 4.0, 6.0]), np.array([0, 0, 1, 1]), np.arange(4), 2)
    logits, parts = np.array([0.0, 0.0, 0.0, 2.0, 4.0, 5.0, 7.0]), np.array([0, 0, 0, 1, 2, 3, 3])
    assert _shrunk_shifts(logits, np.array([0, 0, 0, 0, 1, 1, 1]), parts, 2) == pytest.approx(one)


def test_locations_that_do_not_differ_get_one_cutoff():
    # Both locations have the mean 1 and much spread: what they differ by is less than chance alone gives.
    assert _shrunk_shifts(
        np.array([0.0, 2.0, 0.0, 2.0]), np.array([0, 0, 1, 1]), np.arange(4), 2
    ).tolist() == [0, 0]


def test_further_media_of_the_labelled_locations_keep_the_recall_and_more_blanks_go():
    rng = np.random.default_rng(0)
    held, gained = 0, []
    for _ in range(60):
        shifts = 1.2 * rng.standard_normal(60)
        scores, codes = draw(rng, shifts, 40)
        found = promise_cutoffs_by_location(
            scores, codes, np.arange(codes.size), min_recall=0.9, confidence=0.9
        )
        further, there = draw(rng, shifts, 300)
        cutoffs = np.array([found.cutoffs[code] for code in range(60)], np.float32)
        held += np.mean(further >= cutoffs[there]) >= 0.9
        # Blanks shift with their location: what is removed by cutoffs that follow, and by one for all.
        blanks = expit(-2.0 + shifts[there] + rng.standard_normal(there.size)).astype(np.float32)
        single = promise_cutoff(scores, codes, min_recall=0.9, confidence=0.9).cutoff
        gained.append(np.mean(blanks < cutoffs[there]) - np.mean(blanks < np.float32(single)))
    assert held >= 54
    assert np.mean(gained) > 0.03


def test_a_location_of_few_media_stays_near_the_common_cutoff():
    rng = np.random.default_rng(1)
    scores, codes = draw(rng, np.linspace(-1.5, 1.5, 40), 50)
    mine = np.concatenate([np.flatnonzero(codes < 39), np.flatnonzero(codes == 39)[:3]])
    found = promise_cutoffs_by_location(scores[mine], codes[mine], np.arange(mine.size), min_recall=0.85)
    assert list(found.cutoffs) == list(range(40))
    assert found.cutoffs[38] > found.cutoffs[0]
    common = found.common.cutoff
    assert abs(found.cutoffs[39] - common) < abs(found.cutoffs[38] - common)


def test_too_few_media_are_refused_and_never_get_a_common_cutoff_instead():
    scores, codes = draw(np.random.default_rng(2), np.zeros(5), 100)
    with pytest.raises(PromiseError, match="5 locations"):
        promise_cutoffs_by_location(scores, codes, np.arange(codes.size), min_recall=0.9)


def test_shapes_that_differ_are_refused():
    with pytest.raises(CutoffError, match="do not match"):
        promise_cutoffs_by_location([0.1, 0.2], ["a", "b"], ["s"], min_recall=0.9)
