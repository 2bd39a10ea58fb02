"""The same model and cutoff on an archive with another share of blanks.

Owns: the exact change of prior. Refuses: calling it a measurement. It holds as far as blanks of the
other archive look like the blanks measured, and animals like the animals; only their shares may differ.

Recall and blank recall are shares within one label, so they do not depend on how common blanks are.
With nonblank recall R, blank recall S and blank rate b, of every media of the archive
(1-b)·R are nonblank and kept, (1-b)·(1-R) nonblank and missed, b·(1-S) blank and kept, b·S blank and
removed. In expectation that is what duplicating the measured blanks until their share is b would give.

Blank rates of 0 and 1 are archives like others: at 0 all that is kept is nonblank, so precision is 1; at 1
nothing kept is, so precision is 0, and recall stays what it is for animals that such an archive has not.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.metrics import ConfusionCounts

# One number, or an array of them along a curve.
Shares = TypeVar("Shares", float, NDArray[np.floating])


def extrapolate_kept_share(nonblank_recall: Shares, blank_recall: Shares, *, blank_rate: float) -> Shares:
    """Share of an archive's media that people still look at: (1-b)·R + b·(1-S).

    Args:
        nonblank_recall: R in [0, 1].
        blank_recall: S in [0, 1], of the same shape.
        blank_rate: b in [0, 1].

    Raises:
        EvaluationError: the blank rate is outside [0, 1].
    """
    check_blank_rate(blank_rate)
    return (1.0 - blank_rate) * nonblank_recall + blank_rate * (1.0 - blank_recall)


def extrapolate_precision(
    nonblank_recall: NDArray[np.floating], blank_recall: NDArray[np.floating], *, blank_rate: float
) -> NDArray[np.floating]:
    """Nonblank precision on the archive: (1-b)·R over the kept share; nan where nothing is kept.

    Args and errors as `extrapolate_kept_share`, for arrays.
    """
    kept = extrapolate_kept_share(nonblank_recall, blank_recall, blank_rate=blank_rate)
    filled: NDArray[np.floating] = np.full(np.shape(kept), np.nan)
    np.divide((1.0 - blank_rate) * nonblank_recall, kept, out=filled, where=kept > 0.0)
    return filled


def extrapolate_counts(measured: ConfusionCounts, *, blank_rate: float, num_media: float) -> ConfusionCounts:
    """Expected confusion counts for an archive of `num_media` with another blank rate.

    Args:
        measured: counts on the labelled media, at the cutoff in question.
        blank_rate: true share of blanks in the archive, in [0, 1].
        num_media: size of the archive.

    Returns:
        Expected counts, not whole numbers; they sum to `num_media`.

    Raises:
        EvaluationError: the blank rate is outside [0, 1], or a label that the archive has was not measured.
    """
    check_blank_rate(blank_rate)
    num_blank = blank_rate * num_media
    num_nonblank = num_media - num_blank
    recall, blank_recall = measured.nonblank_recall, measured.blank_recall
    if (recall is None and num_nonblank) or (blank_recall is None and num_blank):
        raise EvaluationError("figures for another blank rate need media of both labels to measure on")
    kept_nonblank = num_nonblank * (recall or 0.0)
    removed_blank = num_blank * (blank_recall or 0.0)
    return ConfusionCounts(
        kept_nonblank=kept_nonblank,
        missed_nonblank=num_nonblank - kept_nonblank,
        kept_blank=num_blank - removed_blank,
        removed_blank=removed_blank,
    )


def check_blank_rate(blank_rate: float) -> None:
    """Raise EvaluationError when a blank rate lies outside [0, 1]."""
    if not 0.0 <= blank_rate <= 1.0:
        raise EvaluationError(f"blank rate {blank_rate} is outside [0, 1]")
