"""Scores of several models on one scale.

Owns: what a score of each fold's model means, learned from the labels that the model was not shown. Refuses:
changing the order of scores within a fold, and scores for anything but looking at labels: what is kept in a
dataset is what the model said.

Two models of one recipe may both rank well and yet score differently: where one gives blanks 0.1, the other
gives them 0.4. Put together they rank badly, and the labels of one fold would fill a whole list.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

_NEAR = 1e-6
"""Scores nearer to 0 or 1 count as this far from it: float32 has 0 and 1 themselves, which have no logit."""
_MAX_STEPS = 100

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def align_folds(p_nonblank: Floats, is_nonblank: Bools, folds: NDArray[np.integer]) -> Floats:
    """Turn the scores of each fold into the probability that a label with such a score says nonblank.

    Args:
        p_nonblank: scores in [0, 1], shape (num_labels,).
        is_nonblank: what the labels say, shape (num_labels,).
        folds: the model that each score is of, shape (num_labels,). One model only: nothing is changed.

    Returns:
        Probabilities in [0, 1], shape (num_labels,), in each fold in the order of the scores. A fold whose
        model ranks no better than chance gets one value throughout: its share of labels nonblank.

    Source: Platt 1999, Probabilistic Outputs for Support Vector Machines, with its smoothed targets.
    """
    names = np.unique(folds)
    if names.size < 2:
        return p_nonblank
    aligned = np.empty(p_nonblank.size)
    scaled = logit(np.clip(p_nonblank, _NEAR, 1.0 - _NEAR))
    for fold in names:
        mine = folds == fold
        slope, offset = _fit(scaled[mine], is_nonblank[mine])
        aligned[mine] = expit(slope * scaled[mine] + offset)
    return aligned


def _fit(scaled: Floats, is_nonblank: Bools) -> tuple[float, float]:
    """Slope and offset of a logistic regression; the slope is never below 0."""
    num, num_nonblank = is_nonblank.size, int(is_nonblank.sum())
    # Targets a little inside (0, 1): a fold that is ranked without a fault would have no finite slope.
    targets = np.where(is_nonblank, (num_nonblank + 1) / (num_nonblank + 2), 1 / (num - num_nonblank + 2))
    base = float(logit(targets.mean()))
    centre, spread = float(scaled.mean()), float(scaled.std())
    if spread == 0.0:
        return 0.0, base
    features = np.stack([(scaled - centre) / spread, np.ones(num)], axis=1)
    weights = np.array([0.0, base])
    loss = _loss(features @ weights, targets)
    for _ in range(_MAX_STEPS):
        p = expit(features @ weights)
        gradient = features.T @ (p - targets)
        curvature = features.T @ (features * (p * (1.0 - p))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        # Newton's step may overshoot where the curvature is small: halve it until the loss falls.
        size = 1.0
        while size > 1e-6 and _loss(features @ (weights - size * step), targets) > loss:
            size /= 2.0
        weights = weights - size * step
        before, loss = loss, _loss(features @ weights, targets)
        if before - loss < 1e-10 * num:
            break
    if weights[0] <= 0.0:
        return 0.0, base
    slope = float(weights[0]) / spread
    return slope, float(weights[1]) - slope * centre


def _loss(logits: Floats, targets: Floats) -> float:
    """Cross entropy, summed."""
    return float((np.logaddexp(0.0, logits) - targets * logits).sum())
