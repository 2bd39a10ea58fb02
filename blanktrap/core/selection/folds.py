"""Cross-validation by location: which part each media is held out in, and what the held-out scores are worth.

Owns: dealing groups into folds, and the figures of each fold and of all together. Refuses: training, and
folds that would leave nothing to learn from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blanktrap.core.errors import TrainingError
from blanktrap.core.selection.dealing import count_strata, deal_groups, one_of_each
from blanktrap.core.statistics.cutoffs import best_blank_recall
from blanktrap.core.statistics.metrics import rank_scores
from blanktrap.core.wording import percent

RECALLS = (0.95, 0.96, 0.97)
"""Nonblank recalls at which the share of blanks removed is told."""


def deal_folds(
    groups: Sequence[str], is_nonblank: ArrayLike, *, num_folds: int, seed: int
) -> NDArray[np.int16]:
    """Deal whole groups into folds of about equal size and blank share.

    Args:
        groups: as `blanktrap.core.selection.splits.group_media` names them, shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).
        num_folds: 2 or more.
        seed: decides among groups that are alike.

    Returns:
        The fold in which each media is held out, from 0, shape (num_media,).

    Raises:
        TrainingError: there are fewer groups than folds, or too few to train and validate beside one fold.
    """
    num_groups = len(set(groups))
    # Beside the fold held out, one group trains and another one validates.
    needed = max(num_folds, 3)
    if num_groups < needed:
        raise TrainingError(
            f"--folds {num_folds}: the labelled media come from {num_groups} location(s), {needed} or more "
            f"are needed: each fold holds out whole locations, and of the others some train and some validate"
        )
    labels = np.asarray(is_nonblank, dtype=bool)
    _, group_of = np.unique(np.asarray(groups, dtype=object), return_inverse=True)
    strata = count_strata(group_of, [(~labels, 1.0), (labels, 1.0), (one_of_each(group_of), 0.25)])
    folds = deal_groups(strata, np.full(num_folds, 1.0 / num_folds), seed=seed)
    return folds[group_of].astype(np.int16)


@dataclass(frozen=True, kw_only=True)
class FoldFigures:
    """What the scores of held-out media are worth. None where one of the labels is absent."""

    fold: int | None
    """None for all folds together."""
    num_media: int
    """Scored labelled media."""
    num_nonblank: int
    num_locations: int
    """Known locations they come from."""
    area_under_roc: float | None
    average_precision: float | None
    blank_recalls: tuple[float | None, ...]
    """Share of blanks removed at each of `RECALLS`, at the cutoff chosen on these same media."""

    def line(self) -> str:
        """One row of the table that `fold_lines` heads."""
        name = "all" if self.fold is None else str(self.fold)
        removed = "".join(f"{percent(share):>9}" for share in self.blank_recalls)
        return (
            f"{name:>4}{self.num_media:>9,}{self.num_nonblank:>10,}{self.num_locations:>11,}"
            f"{_figure(self.area_under_roc):>8}{_figure(self.average_precision):>11}{removed}"
        )


def measure_folds(
    p_nonblank: NDArray[np.float32],
    is_nonblank: NDArray[np.bool_],
    folds: NDArray[np.int16],
    locations: NDArray[np.int32],
) -> list[FoldFigures]:
    """Measure each fold, in order, and all together, last.

    Args:
        p_nonblank: scores of held-out media in [0, 1], shape (num_media,).
        is_nonblank: human labels, shape (num_media,).
        folds: in which each was held out, shape (num_media,).
        locations: a number for each location, -1 for none, shape (num_media,).
    """
    figures = []
    for fold in [*np.unique(folds).tolist(), None]:
        mine = np.ones(folds.size, dtype=bool) if fold is None else folds == fold
        scores, labels = p_nonblank[mine], is_nonblank[mine]
        both = bool(labels.any() and not labels.all())
        ranked = rank_scores(scores, labels)
        figures.append(
            FoldFigures(
                fold=fold,
                num_media=int(mine.sum()),
                num_nonblank=int(labels.sum()),
                num_locations=int(np.unique(locations[mine & (locations >= 0)]).size),
                area_under_roc=ranked.area_under_roc() if both else None,
                average_precision=ranked.average_precision() if both else None,
                blank_recalls=tuple(
                    best_blank_recall(scores, labels, min_recall=recall) if both else None
                    for recall in RECALLS
                ),
            )
        )
    return figures


def fold_lines(figures: Sequence[FoldFigures]) -> list[str]:
    """The figures as a table for people."""
    recalls = "".join(f"{f'{100 * recall:.0f} %':>9}" for recall in RECALLS)
    return [
        f"{'':>53}blanks removed at nonblank recall",
        f"fold    media  nonblank  locations   AUROC  av. prec.{recalls}",
        *(one.line() for one in figures),
    ]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
