"""Which cutoff to work with.

Owns: the choice of a cutoff from scores and labels, and what it saves there. Refuses: promising anything
about other locations than those the labels come from.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from blanktrap.core.errors import CutoffError
from blanktrap.core.statistics.metrics import confusion_counts, rank_scores


def choose_cutoff(p_nonblank: ArrayLike, is_nonblank: ArrayLike, *, min_recall: float) -> float:
    """Choose the highest cutoff that keeps enough nonblank media.

    Args:
        p_nonblank: scores in [0, 1], shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).
        min_recall: least share of nonblank media to keep, in (0, 1].

    Returns:
        The cutoff: the score of a nonblank media, so media with equal scores stay together. It holds on
        these media; on new locations recall may be lower.

    Raises:
        CutoffError: there is no nonblank media to measure recall on, or `min_recall` is outside (0, 1].
        EvaluationError: the shapes differ, or a score is no number in [0, 1].

    Source: derived here. Recall at cutoff c is k/n with k the nonblank media scoring c or more, so the
    k-th highest nonblank score is the highest cutoff that keeps k, for the smallest k with
    k/n >= min_recall.
    """
    if not 0.0 < min_recall <= 1.0:
        raise CutoffError(f"a recall of {min_recall} cannot be asked for: it must be above 0 and at most 1")
    ranked = rank_scores(p_nonblank, np.asarray(is_nonblank, dtype=bool)).nonblank
    if not ranked.size:
        raise CutoffError("no nonblank media to choose a cutoff on: label some that show an animal")
    num_kept = math.ceil(min_recall * ranked.size)
    # 0.07 * 100 is a little over 7 in floating point: one media too many would be asked for.
    if num_kept > 1 and (num_kept - 1) / ranked.size >= min_recall:
        num_kept -= 1
    return float(ranked[ranked.size - num_kept])


def best_blank_recall(p_nonblank: ArrayLike, is_nonblank: ArrayLike, *, min_recall: float) -> float | None:
    """The largest share of blanks removed by a cutoff that keeps enough nonblank media.

    Args, errors: as `choose_cutoff`, whose cutoff it is measured at: the highest one removes the most.

    Returns:
        In [0, 1]; None without blank media. Cutoff and share are of the same media, so it flatters.
    """
    cutoff = choose_cutoff(p_nonblank, is_nonblank, min_recall=min_recall)
    return confusion_counts(p_nonblank, is_nonblank, cutoff).blank_recall
