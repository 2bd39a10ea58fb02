"""From the network's scores to probabilities.

Owns: the two kinds of map, fitting and applying them. Refuses: changing the order of media, certainty (no
probability is 0 or 1), and labels of one kind. What a map is worth is measured in `evaluation.calibrating`.

Training lets both labels weigh the same, however rare one is, and smooths them. The network's own score is
therefore right where half of all media are blank, and too timid. A map fitted on labelled media makes of it
the probability of nonblank among media like these, **at their blank rate**: the shift of the log odds that a
temperature alone lacks. Both kinds work on log odds and rise strictly, so that areas, curves and the choice
of media by a cutoff stay what they were; in float32, scores nearer to each other than 1e-7 may become equal.
"""

import math
from collections.abc import Callable, Iterable
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator
from scipy.special import expit, logit

from blanktrap.core.config import CalibrationKind, Config
from blanktrap.core.statistics.metrics import check_scores
from blanktrap.core.statistics.reliability import NEAREST, checked_pair
from blanktrap.core.statistics.temperature import fit_temperature

BOUND = 1e-6
"""No probability is nearer to 0 or 1: no validation media could show it."""
MIN_SLOPE, MAX_SLOPE = 0.01, 100.0
"""No network is thought to be more timid, or surer, than that; a line that rises less makes media equal."""
MIN_BLOCK = 10
"""Media of a step of the isotonic map; smaller ones are joined to a neighbour."""
MIN_ISOTONIC = 20
"""Media of the rarer label that an isotonic map needs; with fewer a temperature is fitted."""

_TINY = float(np.finfo(np.float32).tiny)
_TOP = 1.0 - 2.0**-25  # above the largest float32 below 1

Slope = Annotated[float, Field(ge=MIN_SLOPE, le=MAX_SLOPE)]
LogOdds = Annotated[float, Field(ge=-1e4, le=1e4)]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class TemperatureMap(Config):
    """Log odds times a slope, the inverse of the temperature, plus a shift."""

    kind: Literal["temperature"] = "temperature"
    slope: Slope
    """Above 1 where the network is too timid, below 1 where it is too sure."""
    shift: LogOdds
    """Added to the log odds; the blank rate of the media it was fitted on is in it."""

    def apply(self, p_nonblank: ArrayLike) -> NDArray[np.float32]:
        """The probabilities of scores in [0, 1]: float32, of the same shape. Raises EvaluationError."""
        return _bounded(self.slope * _odds_of(p_nonblank) + self.shift)


class IsotonicMap(Config):
    """A rising line through the steps of an isotonic regression, on log odds."""

    kind: Literal["isotonic"] = "isotonic"
    scores: tuple[LogOdds, ...]
    """Log odds of the network in the middle of each step, rising."""
    probabilities: tuple[LogOdds, ...]
    """Log odds of being nonblank there, rising."""
    slope: Slope
    """Of the line before the first step and after the last one."""

    @model_validator(mode="after")
    def _rises(self) -> "IsotonicMap":
        if not len(self.scores) == len(self.probabilities) >= 1:
            raise ValueError(
                f"an isotonic map has as many scores as probabilities, and one or more: got "
                f"{len(self.scores)} and {len(self.probabilities)}"
            )
        if not all((np.diff(line) > 0.0).all() for line in (self.scores, self.probabilities)):
            raise ValueError("an isotonic map must rise from each step to the next")
        return self

    def apply(self, p_nonblank: ArrayLike) -> NDArray[np.float32]:
        """The probabilities of scores in [0, 1]: float32, of the same shape. Raises EvaluationError."""
        odds = _odds_of(p_nonblank)
        before, after = np.minimum(odds - self.scores[0], 0.0), np.maximum(odds - self.scores[-1], 0.0)
        return _bounded(np.interp(odds, self.scores, self.probabilities) + self.slope * (before + after))


CalibrationMap = Annotated[TemperatureMap | IsotonicMap, Field(discriminator="kind")]


def fit_calibration(
    p_nonblank: ArrayLike, is_nonblank: ArrayLike, kind: CalibrationKind
) -> TemperatureMap | IsotonicMap | None:
    """Learn what scores mean from media with labels that the network was not trained on.

    Args:
        p_nonblank: the network's scores in [0, 1], shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).
        kind: `temperature`: two numbers, which few media can tell. `isotonic`: any rising line, for a
            thousand media or more; with fewer than `MIN_ISOTONIC` of one label, a temperature is fitted.
            `none`: nothing.

    Returns:
        The map; None for `none`.

    Raises:
        EvaluationError: a label is absent, the shapes differ, or a score is no number in [0, 1].

    Source: Guo et al. 2017 (temperature; see `fit_temperature`); Zadrozny & Elkan 2002 (isotonic regression),
    its steps joined by straight lines so that no media become equal.
    """
    if kind == "none":
        return None
    scores, labels = checked_pair(p_nonblank, is_nonblank)
    odds: Floats = logit(np.clip(scores, NEAREST, 1.0 - NEAREST))
    slope, shift = fit_temperature(odds, labels)
    slope = min(max(slope, MIN_SLOPE), MAX_SLOPE)
    num_nonblank = int(labels.sum())
    if kind == "temperature" or min(num_nonblank, labels.size - num_nonblank) < MIN_ISOTONIC:
        return TemperatureMap(slope=slope, shift=shift)
    middles, values = _steps(odds, _smooth_targets(labels))
    return IsotonicMap(scores=tuple(middles.tolist()), probabilities=tuple(values.tolist()), slope=slope)


def _odds_of(p_nonblank: ArrayLike) -> Floats:
    given = np.asarray(p_nonblank)
    odds: Floats = logit(np.clip(check_scores(given.reshape(-1)).astype(np.float64), _TINY, _TOP))
    return odds.reshape(given.shape)


def _bounded(odds: Floats) -> NDArray[np.float32]:
    """Probabilities within the bounds. Squeezed, not cut off: what lies beyond them keeps its order."""
    squeezed: Floats = BOUND + (1.0 - 2.0 * BOUND) * expit(odds)
    return squeezed.astype(np.float32)


def _smooth_targets(is_nonblank: Bools) -> Floats:
    """Labels a little inside (0, 1), so that a step of one label alone has log odds.

    Source: Platt 1999, section 2.1: (n₊ + 1)/(n₊ + 2) for each of n₊ nonblank media, 1/(n₋ + 2) for each of
    n₋ blank ones.
    """
    num_nonblank = int(is_nonblank.sum())
    num_blank = is_nonblank.size - num_nonblank
    targets: Floats = np.where(is_nonblank, (num_nonblank + 1) / (num_nonblank + 2), 1 / (num_blank + 2))
    return targets


def _steps(odds: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Middle and value of each step of an isotonic regression, both as log odds and rising."""
    places, of_place = np.unique(odds, return_inverse=True)
    sizes = np.bincount(of_place)
    sums = np.bincount(of_place, weights=targets)
    steps = [
        _Step(size, size * place, total)
        for size, place, total in zip(sizes.tolist(), places.tolist(), sums.tolist(), strict=True)
    ]
    # Adjacent violators are pooled (Ayer et al. 1955).
    steps = _pooled(steps, lambda before, after: before.target >= after.target)
    steps = _pooled(steps, lambda before, after: before.size < MIN_BLOCK)
    if len(steps) > 1 and steps[-1].size < MIN_BLOCK:
        steps[-2:] = [steps[-2].joined(steps[-1])]
    # A line that rises all but nowhere would make media equal in float32.
    steps = _pooled(
        steps, lambda before, after: before.value + MIN_SLOPE * (after.middle - before.middle) > after.value
    )
    return np.array([step.middle for step in steps]), np.array([step.value for step in steps])


class _Step(NamedTuple):
    """Media that are neighbours by score."""

    size: int
    odds: float
    """Sum of their log odds."""
    targets: float
    """Sum of their targets."""

    @property
    def middle(self) -> float:
        return self.odds / self.size

    @property
    def target(self) -> float:
        return self.targets / self.size

    @property
    def value(self) -> float:
        return math.log(self.targets / (self.size - self.targets))

    def joined(self, other: "_Step") -> "_Step":
        return _Step(self.size + other.size, self.odds + other.odds, self.targets + other.targets)


def _pooled(steps: Iterable[_Step], together: Callable[[_Step, _Step], bool]) -> list[_Step]:
    """Join neighbours as long as a step and the one after it belong together."""
    pooled: list[_Step] = []
    for step in steps:
        pooled.append(step)
        while len(pooled) > 1 and together(*pooled[-2:]):
            pooled[-2:] = [pooled[-2].joined(pooled[-1])]
    return pooled
