"""What a network is worth after an epoch, on the media it is validated on.

Owns: the figures of the nonblank class over all media, over day and night apart, and over sequences.
Refuses: intervals, which an epoch does not need (the model card has them), and choosing the best epoch.

A figure is None where there is nothing to measure it on: areas and blank recalls need both labels, precision
needs something kept. It is never 0 or 1 for want of media.
"""

import math
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from blanktrap.core.config import Config, Share
from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.cutoffs import best_blank_recall
from blanktrap.core.statistics.metrics import Floats, check_scores, rank_scores
from blanktrap.core.statistics.reliability import log_loss

EVEN_CUTOFF = 0.5
"""Where precision and recall are told. No cutoff to work with: that one is chosen for a recall."""

Count = Annotated[int, Field(ge=0)]
Bools = NDArray[np.bool_]


class ClassFigures(Config):
    """The nonblank class on some media, or on sequences."""

    num_media: Count
    """Media, or sequences, with a label and a score."""
    num_nonblank: Count
    """Nonblank ones among them."""
    precision: Share | None
    """Share of those at or above 0.5 that are nonblank; None where none is."""
    recall: Share | None
    """Share of the nonblank ones at or above 0.5."""
    average_precision: Share | None
    """Area under precision over recall; its chance level is the share of nonblank media."""
    area_under_roc: Share | None
    """Chance that a nonblank one scores above a blank one."""
    blank_recall_at_95: Share | None
    """Largest share of blanks removed by a cutoff that keeps 95 % of the nonblank ones."""
    blank_recall_at_96: Share | None
    """The same at 96 %."""
    blank_recall_at_97: Share | None
    """The same at 97 %."""
    log_loss: Annotated[float, Field(ge=0.0)] | None
    """Mean negative log-likelihood of the labels in nats, without smoothing or weights."""


class EpochFigures(Config):
    """All that is measured after an epoch."""

    all: ClassFigures
    """Every validation media."""
    day: ClassFigures
    """Those in colour."""
    night: ClassFigures
    """Those by infrared or flash."""
    sequences: ClassFigures
    """Sequences: the highest score of the frames; nonblank where any frame is."""


def measure_epoch(
    p_nonblank: ArrayLike, is_nonblank: ArrayLike, *, is_night: ArrayLike, sequences: ArrayLike
) -> EpochFigures:
    """Measure the nonblank class.

    Args:
        p_nonblank: scores in [0, 1], shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).
        is_night: infrared or flash, boolean, shape (num_media,).
        sequences: a number for each sequence, integer, -1 for a media that is in none and so is one of its
            own; shape (num_media,).

    Raises:
        EvaluationError: the shapes differ, or a score is no number in [0, 1].
    """
    scores = check_scores(p_nonblank)
    labels, night = (np.asarray(given, dtype=bool) for given in (is_nonblank, is_night))
    codes = np.asarray(sequences, dtype=np.int64)
    if not scores.shape == labels.shape == night.shape == codes.shape:
        raise EvaluationError(
            f"{scores.shape} scores do not match {labels.shape} labels, {night.shape} nights and "
            f"{codes.shape} sequences"
        )
    return EpochFigures(
        all=measure_class(scores, labels),
        day=measure_class(scores[~night], labels[~night]),
        night=measure_class(scores[night], labels[night]),
        sequences=measure_class(*fold_sequences(scores, labels, codes)),
    )


def measure_class(scores: Floats, labels: Bools) -> ClassFigures:
    """Measure checked scores of shape (num_media,), however few."""
    ranked = rank_scores(scores, labels)
    counts = ranked.confusion_at(EVEN_CUTOFF)
    both = bool(ranked.nonblank.size and ranked.blank.size)
    at_95, at_96, at_97 = (
        best_blank_recall(scores, labels, min_recall=recall) if both else None
        for recall in (0.95, 0.96, 0.97)
    )
    return ClassFigures(
        num_media=scores.size,
        num_nonblank=ranked.nonblank.size,
        precision=counts.nonblank_precision,
        recall=counts.nonblank_recall,
        average_precision=_known(ranked.average_precision()),
        area_under_roc=_known(ranked.area_under_roc()),
        blank_recall_at_95=at_95,
        blank_recall_at_96=at_96,
        blank_recall_at_97=at_97,
        log_loss=_known(log_loss(scores, labels)),
    )


def fold_sequences(scores: Floats, labels: Bools, sequences: NDArray[np.int64]) -> tuple[Floats, Bools]:
    """The highest score of each sequence, and whether any of its frames is nonblank.

    Args:
        scores: shape (num_media,).
        labels: shape (num_media,).
        sequences: a number for each sequence, below 0 for a media that is one of its own, shape (num_media,).

    Returns:
        Both of shape (num_sequences,), media of no sequence last.
    """
    alone = sequences < 0
    names, of_sequence = np.unique(sequences[~alone], return_inverse=True)
    highest = np.zeros(names.size, scores.dtype)
    np.maximum.at(highest, of_sequence, scores[~alone])
    num_nonblank = np.bincount(of_sequence, weights=labels[~alone], minlength=names.size)
    return np.concatenate([highest, scores[alone]]), np.concatenate([num_nonblank > 0, labels[alone]])


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
