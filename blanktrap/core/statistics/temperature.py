"""Slope and shift that turn the network's log odds into those of the labels.

Owns: the fit, held back where media are few. Refuses: labels of one kind, from which nothing can be learned.

Two numbers are fitted to the labels, with a prior that speaks for the scores as they are: slope 1, and the
shift that the labels' own share asks for. Some ten media of each label outweigh it; with fewer, or where the
scores make no mistake at all and any slope would do, it decides. Platt's (1999) smoothed targets, the usual
remedy, make good networks timid: at 4 locations with 60 media, the log loss at new ones was 0.063 with them
and 0.018 with the prior. Where a network is three times too sure and the media are as few, they do better
(0.170 and 0.195); with 1,000 media at 20 locations nothing is left between them
(`benchmarks/calibration_rivals.py`).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from blanktrap.core.errors import EvaluationError

SLOPE_SPREAD = 0.7
"""Standard deviation of the slope's logarithm: 19 of 20 networks are thought to lie within 0.25 to 4."""
SHIFT_SPREAD = 2.0
"""Standard deviation of the shift about the log odds of the labels."""

_MAX_STEPS = 200

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def fit_temperature(odds: Floats, is_nonblank: Bools) -> tuple[float, float]:
    """The likeliest slope and shift, given labels and prior.

    Args:
        odds: the network's log odds, finite, shape (num_media,).
        is_nonblank: human labels, shape (num_media,).

    Returns:
        Slope and shift: `expit(slope · odds + shift)` is the probability of nonblank. The slope is above 0;
        near 0 where the scores say nothing, or the opposite.

    Raises:
        EvaluationError: a label is absent.

    Source: Platt 1999 and Guo et al. 2017, with a prior in place of smoothed targets. Derived here: with
    slope = exp(w) the loss Σ log(1 + exp(u)) - y·u, u = exp(w)·odds + b, plus w²/2s² + (b - b₀)²/2t², is
    minimised by Fisher scoring, whose matrix the prior keeps positive definite.
    """
    num_nonblank = int(is_nonblank.sum())
    if not 0 < num_nonblank < is_nonblank.size:
        raise EvaluationError(
            f"what scores mean is learned from blank and nonblank media, there are "
            f"{is_nonblank.size - num_nonblank} and {num_nonblank}"
        )
    centre = np.array([0.0, float(logit(num_nonblank / is_nonblank.size))])
    precision = np.array([SLOPE_SPREAD, SHIFT_SPREAD]) ** -2.0

    def loss(found: Floats) -> float:
        tilted = np.exp(found[0]) * odds + found[1]
        unlikely = np.logaddexp(0.0, tilted) - is_nonblank * tilted
        return float(unlikely.sum() + 0.5 * (precision * (found - centre) ** 2).sum())

    found = centre
    before = loss(found)
    for _ in range(_MAX_STEPS):
        along = np.stack([np.exp(found[0]) * odds, np.ones(odds.size)], axis=1)
        p = expit(along[:, 0] + found[1])
        gradient = along.T @ (p - is_nonblank) + precision * (found - centre)
        information = along.T @ (along * (p * (1.0 - p))[:, None]) + np.diag(precision)
        step = np.linalg.solve(information, gradient)
        # A step may lead too far where the loss is no parabola: it is halved until the loss falls.
        size = 1.0
        while size > 1e-9 and loss(found - size * step) > before:
            size /= 2.0
        found = found - size * step
        after = loss(found)
        if before - after < 1e-11 * odds.size:
            break
        before = after
    return float(np.exp(found[0])), float(found[1])
