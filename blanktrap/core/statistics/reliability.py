"""How far scores are from being probabilities.

Owns: proper scores (log loss, Brier), the calibration error and the bins behind it. Refuses: how well scores
rank (`metrics`), and mending them (`calibration`).

All of it depends on the blank rate of the media it is measured on: a probability that is right where a
quarter of the media is nonblank is wrong where half of it is.
"""

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from blanktrap.core.config import Config, Share
from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.metrics import check_scores

NEAREST = 1e-7
"""Scores nearer to 0 or 1 count as this far from it: float32 has both, and one wrong media of such a score
would make the loss infinite."""

MAX_BINS = 15
MEDIA_PER_BIN = 10
"""At the least: with fewer, chance alone makes a bin's share differ from its mean score."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class ReliabilityBin(Config):
    """Media of about equal scores: what they were said to be, and what they are."""

    num_media: Annotated[int, Field(ge=1)]
    mean_p: Share
    """Mean score."""
    nonblank_share: Share
    """Share of them that is nonblank."""


class Reliability(Config):
    """How far scores are from being probabilities, on some media and at their blank rate."""

    num_media: Annotated[int, Field(ge=1)]
    """Labelled media measured."""
    ece: Share
    """Expected calibration error: mean distance of mean score and nonblank share over the bins."""
    brier: Share
    """See `brier_score`."""
    log_loss: Annotated[float, Field(ge=0.0)]
    """See `log_loss`."""
    bins: tuple[ReliabilityBin, ...]
    """Ascending, of about equally many media."""


def measure_reliability(p_nonblank: ArrayLike, is_nonblank: ArrayLike) -> Reliability:
    """Measure scores as probabilities.

    Args:
        p_nonblank: scores in [0, 1], shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).

    Returns:
        The figures. Bins hold about equally many media, at least `MEDIA_PER_BIN` where there are so many, and
        at most `MAX_BINS` are made; media with equal scores are in one bin. The calibration error is never
        negative and so above 0 by chance alone, the more the fewer media there are.

    Raises:
        EvaluationError: there are no media, the shapes differ, or a score is no number in [0, 1].

    Source: Naeini, Cooper & Hauskrecht 2015 (expected calibration error); Nixon et al. 2019 (bins of equal
    mass, where most media would else share one bin).
    """
    scores, labels = checked_pair(p_nonblank, is_nonblank)
    if not scores.size:
        raise EvaluationError("no labelled media to compare scores with")
    bins = _bins(scores, labels)
    return Reliability(
        num_media=scores.size,
        ece=sum(one.num_media * abs(one.mean_p - one.nonblank_share) for one in bins) / scores.size,
        brier=brier_score(scores, labels),
        log_loss=log_loss(scores, labels),
        bins=bins,
    )


def _bins(scores: Floats, labels: Bools) -> tuple[ReliabilityBin, ...]:
    num_bins = int(np.clip(scores.size // MEDIA_PER_BIN, 1, MAX_BINS))
    _, of_value, num_equal = np.unique(scores, return_inverse=True, return_counts=True)
    # Equal scores go together into the bin that their middle one belongs to.
    middle = np.cumsum(num_equal) - (num_equal + 1) / 2.0
    of_media = (num_bins * middle / scores.size).astype(np.int64)[of_value]
    return tuple(
        ReliabilityBin(
            num_media=int(mine.sum()),
            mean_p=float(np.clip(scores[mine].mean(), 0.0, 1.0)),
            nonblank_share=float(labels[mine].mean()),
        )
        for mine in (of_media == one for one in np.unique(of_media))
    )


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
