"""How far scores are from being probabilities.

Owns: proper scores (log loss, Brier). Refuses: how well scores rank (`metrics`), and mending them
(`calibration`).

All of it depends on the blank rate of the media it is measured on: a probability that is right where a
quarter of the media is nonblank is wrong where half of it is.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.metrics import check_scores

NEAREST = 1e-7
"""Scores nearer to 0 or 1 count as this far from it: float32 has both, and one wrong media of such a score
would make the loss infinite."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def log_loss(p_nonblank: ArrayLike, is_nonblank: ArrayLike) -> float:
    """Mean negative log-likelihood of the labels, in nats.

    Args:
        p_nonblank: scores in [0, 1], shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).

    Returns:
        0 or more; 0.693 is what a score of 0.5 for everything gives. nan without media.

    Raises:
        EvaluationError: the shapes differ, or a score is no number in [0, 1].
    """
    scores, labels = checked_pair(p_nonblank, is_nonblank)
    if not scores.size:
        return float("nan")
    near = np.clip(scores, NEAREST, 1.0 - NEAREST)
    return float(-np.log(np.where(labels, near, 1.0 - near)).mean())


def brier_score(p_nonblank: ArrayLike, is_nonblank: ArrayLike) -> float:
    """Mean squared difference between score and label (1 for nonblank).

    Args, errors: as `log_loss`.

    Returns:
        In [0, 1]; 0.25 is what a score of 0.5 for everything gives. nan without media.

    Source: Brier 1950, for two classes and one of them counted.
    """
    scores, labels = checked_pair(p_nonblank, is_nonblank)
    return float(((scores - labels) ** 2).mean()) if scores.size else float("nan")


def checked_pair(p_nonblank: ArrayLike, is_nonblank: ArrayLike) -> tuple[Floats, Bools]:
    """Scores as float64 and labels as booleans. Raises EvaluationError as `log_loss`."""
    scores, labels = check_scores(p_nonblank), np.asarray(is_nonblank, dtype=bool)
    if scores.shape != labels.shape:
        raise EvaluationError(f"{scores.shape} scores do not match {labels.shape} labels")
    return scores.astype(np.float64), labels
