"""Which labels are wrong: confident learning on scores of models that had not seen the media.

Owns: the estimate of how many labels of each kind are wrong, its interval, and the order in which to look.
Refuses: reading scores, and scores that cannot tell blank from nonblank.

Of two labels, confident learning needs two numbers: `upper`, the mean score of media labelled nonblank, and
`lower`, that of media labelled blank. A media at or above `upper` is confidently nonblank whatever its label
says, one at or below `lower` confidently blank, and what lies between says nothing. Among the confident media
of one label, the share on the other side estimates the share of that label that is wrong; times the labels
there are, their number.

    given \\ seems    blank               nonblank
    blank            p <= lower          p >= upper: an animal was overlooked?
    nonblank         p <= lower: why?    p >= upper

Source: Northcutt, Jiang & Chuang 2021, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 70,
section 3: thresholds (eq. 2), the confident joint (eq. 1) and its calibration to the counts of the labels
(eq. 3). With two labels the confident sets never overlap where `lower` is below `upper`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanktrap.core.audits.label_intervals import share_of, wrong_intervals
from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.intervals import Interval
from blanktrap.core.statistics.metrics import rank_scores

BLANK, NONBLANK = 0, 1
"""Positions of the labels in every pair and table below."""

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class GivenLabels:
    """Labels with a score each; all arrays have shape (num_labels,). A label of a sequence is one label."""

    p_nonblank: Floats
    """In [0, 1]."""
    is_nonblank: Bools
    """What the label says."""
    locations: Ints
    """A number for each location from 0; -1 where none is known."""

    def __post_init__(self) -> None:
        shapes = {self.p_nonblank.shape, self.is_nonblank.shape, self.locations.shape}
        if len(shapes) != 1 or self.p_nonblank.ndim != 1:
            raise EvaluationError(f"scores, labels and locations differ in shape: {sorted(shapes)}")
        # The comparison is false for nan, so that one hides in no mean.
        if self.p_nonblank.size and not (self.p_nonblank.min() >= 0.0 and self.p_nonblank.max() <= 1.0):
            raise EvaluationError("a score is outside [0, 1] or not a number")


@dataclass(frozen=True, kw_only=True)
class WrongLabels:
    """How many labels of one kind look wrong."""

    num_labels: int
    estimate: float
    """Labels that are wrong, estimated; not whole."""
    interval: Interval | None
    """Of the share of the labels that are wrong, at 95 %; None with fewer than two locations."""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The interval as numbers of labels."""
        if self.interval is None:
            return None
        return self.interval.low * self.num_labels, self.interval.high * self.num_labels


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelAudit:
    """What the scores say of the labels."""

    lower: float
    """Mean score of what is labelled blank."""
    upper: float
    """Mean score of what is labelled nonblank."""
    joint: Ints
    """The confident joint: labels by what was given (row) and what they confidently seem (column), blank
    before nonblank; shape (2, 2)."""
    blank: WrongLabels
    """Labels blank that look nonblank: an animal may be visible."""
    nonblank: WrongLabels
    """Labels nonblank that look blank: nothing may be there."""
    both: WrongLabels
    area_under_roc: float
    """Chance that a label nonblank has a higher score than a label blank."""
    num_locations: int
    margins: Floats
    """How far each score lies beyond the middle of `lower` and `upper`, on the side that contradicts its
    label; negative where they agree. Shape (num_labels,)."""
    given: GivenLabels
    """What was looked at."""

    @property
    def is_nonblank(self) -> Bools:
        """What each label says, shape (num_labels,)."""
        return self.given.is_nonblank

    def calibrated_joint(self) -> Floats:
        """The estimated numbers by given (row) and true label (column); rows sum to the labels there are."""
        totals = np.array([[self.blank.num_labels], [self.nonblank.num_labels]], dtype=np.float64)
        shares: Floats = self.joint / self.joint.sum(axis=1, keepdims=True)
        return totals * shares

    def most_suspicious(self, num: int | None = None) -> Ints:
        """The labels to look at, most suspicious first.

        Args:
            num: how many; None takes of each kind as many as are estimated to be wrong.

        Returns:
            Positions of labels whose score contradicts them. Labels of one kind come in the order of their
            self-confidence; the two kinds are put together by `margins`, which takes from each score what is
            usual for its label. Ties keep the order of the media.
        """
        order: Ints = np.argsort(-self.margins, kind="stable")
        contradicted = order[self.margins[order] > 0.0]
        if num is not None:
            return contradicted[:num]
        kinds = self.is_nonblank[contradicted]
        wanted = np.where(kinds, np.ceil(self.nonblank.estimate), np.ceil(self.blank.estimate))
        rank = np.where(kinds, np.cumsum(kinds), np.cumsum(~kinds))
        return contradicted[rank <= wanted]


def audit_labels(given: GivenLabels, *, seed: int = 0) -> LabelAudit:
    """Estimate which labels are wrong, and how many.

    Args:
        given: labels with scores of models that had seen neither the media nor its location.
        seed: of the resampled locations.

    Raises:
        EvaluationError: there is no label, all labels are the same, or the scores of labels nonblank are on
            average no higher than those of labels blank.
    """
    _refuse_one_kind(given)
    lower, upper = _means(given)
    if not lower < upper:
        raise EvaluationError(
            f"the scores do not tell blank from nonblank (on average {lower:.3f} where the label is blank, "
            f"{upper:.3f} where it is nonblank) and cannot find wrong labels: train longer or on more media"
        )
    p, is_nonblank = given.p_nonblank, given.is_nonblank
    joint = np.array(
        [[(p[mine] <= lower).sum(), (p[mine] >= upper).sum()] for mine in (~is_nonblank, is_nonblank)],
        dtype=np.int64,
    )
    numbers = np.array([(~is_nonblank).sum(), is_nonblank.sum()], dtype=np.int64)
    contradicted = np.array([joint[BLANK, NONBLANK], joint[NONBLANK, BLANK]])
    wrong = numbers * share_of(contradicted, joint.diagonal())
    intervals = wrong_intervals(p, is_nonblank, given.locations, wrong, seed=seed)
    blank, nonblank, both = (
        WrongLabels(num_labels=int(num), estimate=float(estimate), interval=interval)
        for num, estimate, interval in zip(
            [*numbers, numbers.sum()], [*wrong, wrong.sum()], intervals, strict=True
        )
    )
    # (p_other - its threshold) - (p_given - its threshold), halved: Northcutt's normalised margin with each
    # class's self-confidence taken off, so that the label the model is shyer of does not fill the list.
    beyond = p - (lower + upper) / 2.0
    return LabelAudit(
        lower=lower,
        upper=upper,
        joint=joint,
        blank=blank,
        nonblank=nonblank,
        both=both,
        area_under_roc=rank_scores(p, is_nonblank).area_under_roc(),
        num_locations=int(np.unique(given.locations[given.locations >= 0]).size),
        margins=np.where(is_nonblank, -beyond, beyond),
        given=given,
    )


def gather_labels(
    p_nonblank: Floats, is_nonblank: Bools, locations: Ints, sequences: Ints
) -> tuple[GivenLabels, Ints]:
    """Put the frames of each labelled sequence together: their label is one label, of the highest score.

    A frame without the animal is no wrong label where an animal was seen in its sequence; and a sequence
    called blank is wrong as soon as one frame shows an animal.

    Args:
        p_nonblank: scores in [0, 1], shape (num_media,).
        is_nonblank: labels, shape (num_media,).
        locations: a number for each location, -1 for none, shape (num_media,).
        sequences: a number for each sequence whose label was given to all of it, -1 for media judged
            themselves, shape (num_media,). Frames of one sequence with different labels are two labels.

    Returns:
        The labels, in the order of their first media, and for each media the position of its label.
    """
    num_media = p_nonblank.size
    # One whole number for each label: a media of its own by its position, a sequence by number and label.
    keys = np.where(sequences < 0, np.arange(num_media), num_media + 2 * sequences + is_nonblank)
    _, first, label_of = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    label_of = place[label_of]
    highest = np.zeros(order.size)
    np.maximum.at(highest, label_of, p_nonblank)
    first = first[order]
    given = GivenLabels(p_nonblank=highest, is_nonblank=is_nonblank[first], locations=locations[first])
    return given, label_of


def _refuse_one_kind(given: GivenLabels) -> None:
    num, num_nonblank = given.is_nonblank.size, int(given.is_nonblank.sum())
    if not num:
        raise EvaluationError("there is no scored label to look at")
    if num_nonblank in (0, num):
        only, other = ("nonblank", "blank") if num_nonblank else ("blank", "nonblank")
        raise EvaluationError(
            f"all {num:,} scored labels are {only}: without some {other} ones nobody can tell what is usual"
        )


def _means(given: GivenLabels) -> tuple[float, float]:
    """`lower` and `upper`."""
    blank, nonblank = (given.p_nonblank[mine] for mine in (~given.is_nonblank, given.is_nonblank))
    # The mean of equal numbers may miss them by rounding: somebody must reach it.
    return max(float(blank.mean()), float(blank.min())), min(float(nonblank.mean()), float(nonblank.max()))
