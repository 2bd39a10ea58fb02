"""Exposure by the histogram: graded examples, and a power that mends them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.exposure import (
    MOST_GAMMA,
    ExposureGrade,
    gamma_for,
    gamma_table,
    grade_exposure,
)

UNDER, WELL, OVER = ExposureGrade.UNDER, ExposureGrade.WELL, ExposureGrade.OVER


def at(**pixels: int) -> np.ndarray:
    """A histogram from pixels at levels: `at(l20=3)` has three at level 20."""
    counts = np.zeros(256, int)
    for level, num in pixels.items():
        counts[int(level[1:])] = num
    return counts


@pytest.mark.parametrize(
    ("histogram", "grade", "under", "over"),
    [
        # Mid-grey is 0.18^(1 / 2.2) * 255 = 116.96: level 116 is below it, 117 above.
        (at(l116=100), UNDER, 0.0, 0.0),
        (at(l20=60, l21=40), UNDER, 0.6, 0.0),
        # One pixel of a hundred at 117 leaves 99 of a hundred below: still too dark. Two are enough.
        (at(l10=99, l117=1), UNDER, 0.99, 0.0),
        (at(l10=98, l117=2), WELL, 0.98, 0.0),
        # A tenth at 116 or below is well; a hair less is not.
        (at(l116=10, l200=90), WELL, 0.0, 0.0),
        (at(l116=9, l200=91), OVER, 0.0, 0.0),
        # A fifth of white.
        (at(l50=81, l250=19), WELL, 0.0, 0.19),
        (at(l50=80, l250=20), OVER, 0.0, 0.2),
        (at(l50=80, l249=20), WELL, 0.0, 0.0),
        (at(l0=100), UNDER, 1.0, 0.0),
        (at(l255=100), OVER, 0.0, 1.0),
    ],
)
def test_grades_and_shares(histogram: np.ndarray, grade: ExposureGrade, under: float, over: float) -> None:
    exposure = grade_exposure(histogram)
    assert exposure.grade == grade
    assert exposure.underexposed == pytest.approx(under)
    assert exposure.overexposed == pytest.approx(over)


def test_gamma_brings_highlights_and_shadows_to_mid_grey() -> None:
    # ln 0.4587 / ln (64 / 255) = -0.7794 / -1.3824 = 0.5638
    assert gamma_for(at(l64=100)) == pytest.approx(0.5638, abs=1e-4)
    assert gamma_table(0.5638)[64] == 117
    # Shadows at 160: -0.7794 / ln (160 / 255) = 1.6723
    assert gamma_for(at(l160=100)) == pytest.approx(1.6723, abs=1e-4)
    assert gamma_table(1.6723)[160] == 117


def test_gamma_is_bounded_and_spares_what_is_well_exposed() -> None:
    assert gamma_for(at(l0=100)) == 1 / MOST_GAMMA
    assert gamma_for(at(l255=100)) == MOST_GAMMA
    assert gamma_for(at(l60=50, l180=50)) == 1.0
    # Burnt by the flash: what is white stays so, and the rest is well.
    assert gamma_for(at(l60=50, l255=50)) == 1.0
    assert (gamma_table(1.0) == np.arange(256)).all()


@given(st.lists(st.integers(0, 1000), min_size=256, max_size=256).filter(any), st.integers(1, 60))
def test_more_light_never_means_more_brightening(counts: list[int], brighter: int) -> None:
    histogram = np.asarray(counts)
    shifted = np.zeros(256, int)
    np.add.at(shifted, np.minimum(np.arange(256) + brighter, 255), histogram)
    assert gamma_for(histogram) <= gamma_for(shifted)
    order = [UNDER, WELL, OVER]
    assert order.index(grade_exposure(histogram).grade) <= order.index(grade_exposure(shifted).grade)
    if grade_exposure(histogram).grade is WELL:
        assert gamma_for(histogram) == 1.0


@given(st.floats(1 / MOST_GAMMA, MOST_GAMMA))
def test_a_table_keeps_order_and_both_ends(gamma: float) -> None:
    table = gamma_table(gamma).astype(int)
    assert table[0] == 0
    assert table[255] == 255
    assert (np.diff(table) >= 0).all()


@pytest.mark.parametrize("histogram", [np.zeros(256), np.ones(255), np.ones((2, 256)), -np.ones(256)])
def test_what_is_no_histogram_is_refused(histogram: np.ndarray) -> None:
    with pytest.raises(ValueError, match="256 levels"):
        grade_exposure(histogram)
