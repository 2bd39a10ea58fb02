"""A calibration and what it is worth.

Owns: fitting a map on the validation media, and the reliability of scores before it, after it, and at
locations it was not fitted on. Refuses: a figure from where the map was fitted as if it held elsewhere.
"""

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from blanktrap.core.config import CalibrationKind, Config, Share
from blanktrap.core.statistics.calibration import CalibrationMap, fit_calibration
from blanktrap.core.statistics.locations import Names, code_locations
from blanktrap.core.statistics.reliability import Reliability, checked_pair, log_loss, measure_reliability

MOST_PARTS = 10
"""Parts that locations are dealt to when a map is tested on those it was not fitted on."""

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Calibration(Config):
    """How the network's scores become probabilities, and how right these are."""

    map: CalibrationMap
    """Fitted on all validation media."""
    asked_for: CalibrationKind
    """The kind that the recipe names; another one was fitted where media are too few for it."""
    num_media: Annotated[int, Field(ge=2)]
    """Validation media it was fitted on."""
    num_locations: Annotated[int, Field(ge=1)]
    """Locations they come from; media of no known location are one."""
    blank_rate: Share
    """Share of them that is blank: probabilities hold for media with as many blanks."""
    before: Reliability
    """Of the network's own scores."""
    after: Reliability
    """Of the probabilities, on the media the map was fitted on: this flatters."""
    elsewhere: Reliability | None
    """The same by maps fitted without a media's location; None where there is one location only, or none
    without which both labels are left."""

    gain: float | None
    """Log loss of the network's scores less that of `elsewhere`, on the same media: below 0, probabilities
    are worse than scores where the map was not fitted. None as `elsewhere`."""


def calibrate(
    p_nonblank: ArrayLike, is_nonblank: ArrayLike, locations: Names, kind: CalibrationKind
) -> Calibration | None:
    """Fit a calibration and measure it.

    Args:
        p_nonblank: the network's scores of validation media in [0, 1], shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).
        locations: as for `code_locations`, shape (num_media,).
        kind: see `fit_calibration`.

    Returns:
        The calibration; None for `none`.

    Raises:
        EvaluationError: a label is absent, the shapes differ, or a score is no number in [0, 1].
    """
    fitted = fit_calibration(p_nonblank, is_nonblank, kind)
    if fitted is None:
        return None
    scores, labels = checked_pair(p_nonblank, is_nonblank)
    codes, names = code_locations(locations)
    elsewhere = apply_elsewhere(scores, labels, codes, kind)
    judged = ~np.isnan(elsewhere)
    has_elsewhere = bool(judged.any())
    return Calibration(
        map=fitted,
        asked_for=kind,
        num_media=labels.size,
        num_locations=len(names),
        blank_rate=float((~labels).mean()),
        before=measure_reliability(scores, labels),
        after=measure_reliability(fitted.apply(scores), labels),
        elsewhere=measure_reliability(elsewhere[judged], labels[judged]) if has_elsewhere else None,
        gain=log_loss(scores[judged], labels[judged]) - log_loss(elsewhere[judged], labels[judged])
        if has_elsewhere
        else None,
    )


def apply_elsewhere(
    scores: Floats, labels: Bools, locations: NDArray[np.int64], kind: CalibrationKind
) -> NDArray[np.float32]:
    """The probability of each media by a map fitted on other locations.

    Args:
        scores: in [0, 1], shape (num_media,).
        labels: human, shape (num_media,).
        locations: a number for each location from 0, shape (num_media,).
        kind: `temperature` or `isotonic`.

    Returns:
        Shape (num_media,), nan where the other locations lack a label.
    """
    found = np.full(scores.size, np.nan, np.float32)
    parts = _deal(locations)[locations]
    for part in np.unique(parts):
        mine = parts == part
        others = labels[~mine]
        if others.any() and not others.all():
            fitted = fit_calibration(scores[~mine], others, kind)
            assert fitted is not None  # `none` is not asked for
            found[mine] = fitted.apply(scores[mine])
    return found


def _deal(locations: NDArray[np.int64]) -> NDArray[np.int64]:
    """The part of each location: each goes, the largest first, to the part with the fewest media."""
    sizes = np.bincount(locations)
    parts = np.zeros(sizes.size, np.int64)
    filled = np.zeros(min(MOST_PARTS, sizes.size), np.int64)
    for location in np.argsort(-sizes, kind="stable"):
        parts[location] = np.argmin(filled)
        filled[parts[location]] += sizes[location]
    return parts
