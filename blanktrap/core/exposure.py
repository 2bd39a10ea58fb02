"""How well a photograph is exposed, and the power that mends it.

Owns: grades by the histogram of luminance, and automatic gamma. Refuses: pixels, and the clock: a photograph
by infrared lamp is dark by nature, and is not underexposed as long as the lamp reached something.

Mid-grey is what a camera's meter aims at: a surface that reflects 18 % of the light, shown at 0.18^(1/2.2) of
full value (Reinhard et al. 2002, "Photographic tone reproduction", bring a scene to the same 0.18). A
photograph of which not even the brightest hundredth reaches it got too little light, whatever it shows. One
of which less than the darkest tenth stays below it got too much, and so did one that is white in a fifth of
its places. Derived here; `docs/augmentation.md` says what photographs it was checked on.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

NUM_LEVELS = 256
MID_GREY = 0.18 ** (1.0 / 2.2)
"""0.459 of full value: level 117."""
DARK_LEVEL = 20
"""Levels up to this one are lost in noise: 6 stops below mid-grey are 0.459 * 2^(-6 / 2.2) of 255 = 18."""
WHITE_LEVEL = 250
"""Levels from this one on are clipped, or nearly, after a JPEG has blurred them."""
MOST_WHITE = 0.2
"""Share of white pixels from which a photograph is overexposed: sky is 9 % at most in 47 measured by day."""
HIGHLIGHTS, SHADOWS = 0.99, 0.10
"""Quantiles of luminance that stand for bright and dark parts; a single lamp or hole does not count."""
MOST_GAMMA = 2.0
"""Automatic gamma lies between its inverse and this: more would turn noise into texture."""


class ExposureGrade(StrEnum):
    """How a photograph is exposed."""

    UNDER = "underexposed"
    WELL = "well exposed"
    OVER = "overexposed"


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """What a histogram says of the light."""

    grade: ExposureGrade
    underexposed: float
    """Share of pixels at `DARK_LEVEL` or below, in [0, 1]. By night this is no fault by itself."""
    overexposed: float
    """Share of pixels at `WHITE_LEVEL` or above, in [0, 1]."""


def grade_exposure(histogram: ArrayLike) -> Exposure:
    """Grade a photograph by its histogram.

    Args:
        histogram: pixels at each level of luminance, shape (256,); banners and padding left out.

    Raises:
        ValueError: no histogram of 256 levels, or no pixels in it.
    """
    counts = _checked(histogram)
    shares = counts / counts.sum()
    white = float(shares[WHITE_LEVEL:].sum())
    highlights, shadows = _quantile(shares, HIGHLIGHTS), _quantile(shares, SHADOWS)
    grade = ExposureGrade.WELL
    if highlights < MID_GREY:
        grade = ExposureGrade.UNDER
    elif shadows > MID_GREY or white >= MOST_WHITE:
        grade = ExposureGrade.OVER
    return Exposure(grade=grade, underexposed=float(shares[: DARK_LEVEL + 1].sum()), overexposed=white)


def mean_level(histogram: ArrayLike) -> float:
    """Mean luminance in [0, 1], of a histogram as `grade_exposure` takes.

    Raises:
        ValueError: as `grade_exposure`.
    """
    counts = _checked(histogram)
    return float(counts @ np.arange(NUM_LEVELS) / counts.sum() / (NUM_LEVELS - 1))


def gamma_for(histogram: ArrayLike) -> float:
    """The power of values in [0, 1] that brings a badly exposed photograph to mid-grey.

    Where the highlights h lie below mid-grey m, h^γ = m gives γ = ln m / ln h < 1; where the shadows s lie
    above it, s^γ = m gives γ = ln m / ln s > 1; else γ = 1. Both branches begin at 1 and grow with h and s,
    so γ is monotone in exposure and never jumps. What was clipped stays clipped: a photograph that is
    overexposed by its white places alone keeps γ = 1.

    Args:
        histogram: as `grade_exposure`.

    Returns:
        γ in [1 / MOST_GAMMA, MOST_GAMMA].

    Raises:
        ValueError: as `grade_exposure`.
    """
    counts = _checked(histogram)
    shares = counts / counts.sum()
    highlights, shadows = _quantile(shares, HIGHLIGHTS), _quantile(shares, SHADOWS)
    if highlights < MID_GREY:
        # A black photograph has no power that would help; the bound is taken.
        gamma = np.log(MID_GREY) / np.log(highlights) if highlights > 0.0 else 0.0
    elif shadows > MID_GREY:
        gamma = np.log(MID_GREY) / np.log(shadows) if shadows < 1.0 else np.inf
    else:
        gamma = 1.0
    return float(np.clip(gamma, 1.0 / MOST_GAMMA, MOST_GAMMA))


def gamma_table(gamma: float) -> NDArray[np.uint8]:
    """What each of 256 levels becomes under a power: shape (256,); 0 and 255 stay."""
    levels = np.arange(NUM_LEVELS) / (NUM_LEVELS - 1)
    return np.rint(levels**gamma * (NUM_LEVELS - 1)).astype(np.uint8)


def _checked(histogram: ArrayLike) -> NDArray[np.float64]:
    counts = np.asarray(histogram, dtype=np.float64)
    if counts.shape != (NUM_LEVELS,) or not counts.sum() > 0.0 or (counts < 0.0).any():
        raise ValueError(f"expected the pixels at {NUM_LEVELS} levels, got shape {counts.shape}")
    return counts


def _quantile(shares: NDArray[np.float64], quantile: float) -> float:
    """The smallest level, of full value, with at least such a share of pixels at it or below."""
    # A whole number of pixels may be a hair less than the quantile after division.
    return int(np.searchsorted(np.cumsum(shares), quantile - 1e-9)) / (NUM_LEVELS - 1)
