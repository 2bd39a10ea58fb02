"""What a model's scores are worth: confusion counts, curves and areas for the nonblank class.

Owns: the arithmetic over scores and human labels. Refuses: reading them, choosing a cutoff, and media
without a score: those are kept for people and never enter a count here.

A media is kept when `p_nonblank >= cutoff`, compared in the scores' own number format, so that a score
stored as float32 0.7 is kept at a cutoff of 0.7. Media with equal scores always stay together. A share
with nothing to divide by is None where it stands alone and nan inside arrays; it is never 0 or 1.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blanktrap.core.errors import EvaluationError

NUM_GRID_CUTOFFS = 1001

Floats = NDArray[np.floating]
Counts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ConfusionCounts:
    """How many media of each label a cutoff keeps. Counts may be expectations, and so not whole."""

    kept_nonblank: float
    missed_nonblank: float
    kept_blank: float
    removed_blank: float

    @property
    def num_nonblank(self) -> float:
        """True nonblank media."""
        return self.kept_nonblank + self.missed_nonblank

    @property
    def num_blank(self) -> float:
        """True blank media."""
        return self.kept_blank + self.removed_blank

    @property
    def num_media(self) -> float:
        """All media counted."""
        return self.num_nonblank + self.num_blank

    @property
    def num_kept(self) -> float:
        """Media that people still look at."""
        return self.kept_nonblank + self.kept_blank

    @property
    def nonblank_recall(self) -> float | None:
        """Share of true nonblank media kept; None without nonblank media."""
        return _share(self.kept_nonblank, self.num_nonblank)

    @property
    def nonblank_precision(self) -> float | None:
        """Share of kept media that are truly nonblank; None where nothing is kept."""
        return _share(self.kept_nonblank, self.num_kept)

    @property
    def blank_recall(self) -> float | None:
        """Share of true blanks removed; None without blank media."""
        return _share(self.removed_blank, self.num_blank)

    @property
    def kept_share(self) -> float | None:
        """Share of all media kept; None without media."""
        return _share(self.num_kept, self.num_media)

    def f_beta(self, beta: float) -> float | None:
        """See `Curve.f_beta`; None without nonblank media and with nothing kept."""
        weight = check_beta(beta) ** 2
        gained = (1.0 + weight) * self.kept_nonblank
        return _share(gained, gained + weight * self.missed_nonblank + self.kept_blank)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Confusion counts at many cutoffs, all arrays of shape (num_cutoffs,)."""

    cutoffs: Floats
    """Ascending, in [0, 1]."""
    kept_nonblank: Counts
    """True nonblank media at or above each cutoff."""
    kept_blank: Counts
    """True blank media at or above each cutoff."""
    num_nonblank: int
    num_blank: int

    @property
    def precision(self) -> Floats:
        """Nonblank precision; nan where nothing is kept."""
        return _shares(self.kept_nonblank, self.kept_nonblank + self.kept_blank)

    @property
    def recall(self) -> Floats:
        """Nonblank recall; nan without nonblank media. Never rises with the cutoff."""
        return _shares(self.kept_nonblank, self.num_nonblank)

    @property
    def blank_recall(self) -> Floats:
        """Share of blanks removed; nan without blank media. Never falls with the cutoff."""
        return _shares(self.num_blank - self.kept_blank, self.num_blank)

    @property
    def kept_share(self) -> Floats:
        """Share of all media kept; nan without media."""
        return _shares(self.kept_nonblank + self.kept_blank, self.num_nonblank + self.num_blank)

    @property
    def false_positive_rate(self) -> Floats:
        """Share of blanks kept, the abscissa of the ROC; `recall` is its ordinate. nan without blanks."""
        return _shares(self.kept_blank, self.num_blank)

    def f_beta(self, beta: float) -> Floats:
        """F-beta: the harmonic mean of precision and recall, recall counting beta times as much.

        Args:
            beta: above 0; 2 suits a filter that must not lose animals.

        Returns:
            (1+β²)·kept nonblank / ((1+β²)·kept nonblank + β²·missed nonblank + kept blank); nan where all
            three are 0.

        Source: van Rijsbergen 1979, chapter 7.
        """
        weight = check_beta(beta) ** 2
        gained = (1.0 + weight) * self.kept_nonblank
        return _shares(gained, gained + weight * (self.num_nonblank - self.kept_nonblank) + self.kept_blank)


@dataclass(frozen=True, eq=False)
class RankedScores:
    """Scores split by label and sorted once; every figure below is a few binary searches away.

    Twenty million float32 scores take 80 MB here, whatever is asked of them.
    """

    nonblank: Floats
    """Ascending scores of true nonblank media, shape (num_nonblank,)."""
    blank: Floats
    """Ascending scores of true blank media, shape (num_blank,)."""

    @cached_property
    def distinct(self) -> Floats:
        """The distinct scores, ascending: the only cutoffs at which any count can change."""
        return np.unique(np.concatenate([self.nonblank, self.blank]))

    def confusion_at(self, cutoff: float) -> ConfusionCounts:
        """Count at one cutoff. Raises EvaluationError when it lies outside [0, 1]."""
        check_cutoff(cutoff)
        at = np.asarray([cutoff], dtype=self.nonblank.dtype)
        missed = int(np.searchsorted(self.nonblank, at, side="left")[0])
        removed = int(np.searchsorted(self.blank, at, side="left")[0])
        return ConfusionCounts(
            kept_nonblank=self.nonblank.size - missed,
            missed_nonblank=missed,
            kept_blank=self.blank.size - removed,
            removed_blank=removed,
        )

    def curve_at(self, cutoffs: Floats) -> Curve:
        """Count at many ascending cutoffs, shape (num_cutoffs,)."""
        at = np.asarray(cutoffs, dtype=self.nonblank.dtype)
        return Curve(
            cutoffs=cutoffs,
            kept_nonblank=self.nonblank.size - np.searchsorted(self.nonblank, at, side="left"),
            kept_blank=self.blank.size - np.searchsorted(self.blank, at, side="left"),
            num_nonblank=self.nonblank.size,
            num_blank=self.blank.size,
        )

    def average_precision(self) -> float:
        """See the function of this name."""
        if not self.nonblank.size or not self.blank.size:
            return float("nan")
        curve = self.curve_at(self.distinct)
        # Each step of recall, from one distinct score to the next higher, at the precision it is bought for.
        gained = curve.kept_nonblank - np.append(curve.kept_nonblank[1:], 0)
        kept = curve.kept_nonblank + curve.kept_blank
        return float(np.dot(gained, curve.kept_nonblank / kept) / self.nonblank.size)

    def area_under_roc(self) -> float:
        """See the function of this name."""
        if not self.nonblank.size or not self.blank.size:
            return float("nan")
        below = np.searchsorted(self.blank, self.nonblank, side="left").sum(dtype=np.float64)
        at_or_below = np.searchsorted(self.blank, self.nonblank, side="right").sum(dtype=np.float64)
        return float((below + at_or_below) / (2.0 * self.nonblank.size * self.blank.size))


def check_cutoff(cutoff: float) -> None:
    """Raise EvaluationError when a cutoff lies outside [0, 1]."""
    if not 0.0 <= cutoff <= 1.0:
        raise EvaluationError(f"cutoff {cutoff} is outside [0, 1]: scores are probabilities")


def check_beta(beta: float) -> float:
    """The beta of an F score; raises EvaluationError when it is not above 0."""
    if not 0.0 < beta < float("inf"):
        raise EvaluationError(f"beta {beta} of an F score must be above 0: 1 is even, 2 favours recall")
    return beta


def check_scores(p_nonblank: ArrayLike) -> Floats:
    """The scores as floating numbers; float32 stays float32, what is not floating becomes float64.

    Raises:
        EvaluationError: they are not one-dimensional, or one is no number in [0, 1].
    """
    scores = np.asarray(p_nonblank)
    if scores.ndim != 1:
        raise EvaluationError(f"scores have the shape {scores.shape}, expected one for each media")
    if not np.issubdtype(scores.dtype, np.floating):
        scores = scores.astype(np.float64)
    # The comparison is false for nan, so that one hides in no sum.
    if scores.size and not (scores.min() >= 0.0 and scores.max() <= 1.0):
        raise EvaluationError("a score is outside [0, 1] or not a number: only media with status ok have one")
    return scores


def rank_scores(p_nonblank: ArrayLike, is_nonblank: ArrayLike) -> RankedScores:
    """Split scores by label and sort them.

    Args:
        p_nonblank: scores in [0, 1], shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).

    Returns:
        The ranked scores; float32 stays float32, anything that is not floating becomes float64.

    Raises:
        EvaluationError: the shapes differ, or a score is no number in [0, 1].
    """
    scores, labels = np.asarray(p_nonblank), np.asarray(is_nonblank, dtype=bool)
    if scores.shape != labels.shape:
        raise EvaluationError(f"{scores.shape} scores do not match {labels.shape} labels")
    scores = check_scores(scores)
    return RankedScores(nonblank=np.sort(scores[labels]), blank=np.sort(scores[~labels]))


def average_precision(p_nonblank: ArrayLike, is_nonblank: ArrayLike) -> float:
    """Average precision of the nonblank class: precision averaged over the steps of recall, no interpolation.

    Args:
        p_nonblank: scores in [0, 1], shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).

    Returns:
        In (0, 1]; nan where one of the two labels is absent.

    Raises:
        EvaluationError: the shapes differ, or a score is no number in [0, 1].

    Source: Manning, Raghavan & Schütze 2008, Introduction to Information Retrieval, section 8.4; ties
    form one step.
    """
    return rank_scores(p_nonblank, is_nonblank).average_precision()


def area_under_roc(p_nonblank: ArrayLike, is_nonblank: ArrayLike) -> float:
    """Chance that a random nonblank media scores above a random blank one; a tie counts half.

    Args:
        p_nonblank: scores in [0, 1], shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).

    Returns:
        In [0, 1]; nan where one of the two labels is absent.

    Raises:
        EvaluationError: the shapes differ, or a score is no number in [0, 1].

    Source: Hanley & McNeil 1982, the Mann-Whitney form.
    """
    return rank_scores(p_nonblank, is_nonblank).area_under_roc()


def confusion_counts(p_nonblank: ArrayLike, is_nonblank: ArrayLike, cutoff: float) -> ConfusionCounts:
    """Count kept and removed media of each label at one cutoff.

    Args:
        p_nonblank: scores in [0, 1], shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).
        cutoff: in [0, 1].

    Raises:
        EvaluationError: the shapes differ, or a score or the cutoff is outside [0, 1].
    """
    return rank_scores(p_nonblank, is_nonblank).confusion_at(cutoff)


def precision_recall_curve(p_nonblank: ArrayLike, is_nonblank: ArrayLike) -> Curve:
    """Count at every cutoff that matters: the distinct scores, ascending, ties together.

    Args and errors as `confusion_counts`.
    """
    ranked = rank_scores(p_nonblank, is_nonblank)
    return ranked.curve_at(ranked.distinct)


def grid_cutoffs() -> Floats:
    """The 1,001 cutoffs of the tables: 0, 0.001, …, 1, each the nearest number to its decimal."""
    steps: Floats = np.arange(NUM_GRID_CUTOFFS, dtype=np.float64)
    return steps / (NUM_GRID_CUTOFFS - 1)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _shares(part: Counts | Floats, whole: Counts | Floats | int) -> Floats:
    filled: Floats = np.full(part.shape, np.nan)
    np.divide(part, whole, out=filled, where=np.asarray(whole) != 0)
    return filled
