"""Keep, review, set aside: what becomes of each scored media.

Owns: the rule that every command applies, where its cutoffs come from, and the words for what came of it.
Refuses: moving or writing anything.

With one cutoff, media at or above it are kept for people and the rest are set aside. With a second one,
`review_below`, those between the two are for review: likely blank, and worth a look. Scores are compared in
their own number format, so that a score stored as float32 0.7 is kept at a cutoff of 0.7. A media without a
score was not judged: it is `unreadable`, and never set aside.

Kept with its sequence (`keep_sequences`), a scored frame is decided by the highest score of its sequence:
the burst stays whole. Frames that cannot be read say nothing of the others.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from blanktrap.core.config import DecisionConfig
from blanktrap.core.errors import CutoffError, ScoresError, UsageError
from blanktrap.core.model_card import recommended_cutoff
from blanktrap.core.vocabulary import Decision, Status
from blanktrap.core.wording import cutoff_text, percent

DECISIONS = tuple(Decision)
"""Decisions by number. Of those made on a score, a higher number keeps more."""
SET_ASIDE, REVIEW, KEEP, UNREADABLE = range(len(DECISIONS))
DECISION_TYPE = pa.dictionary(pa.int8(), pa.string())
"""The Arrow type of a column of decisions."""


@dataclass(frozen=True, kw_only=True)
class DecisionRule:
    """One cutoff, or two."""

    cutoff: float
    """Scored media below it are set aside; in [0, 1]."""
    review_below: float | None = None
    """Media from the cutoff up to here are for review; above the cutoff, None for no review."""
    chosen_by: str
    """Who chose the cutoff, in words."""

    def decide(self, p_nonblank: ArrayLike) -> NDArray[np.int8]:
        """Decide on media by their scores.

        Args:
            p_nonblank: float32 scores in [0, 1], nan where the media has none; shape (num_media,).

        Returns:
            Numbers of `DECISIONS`, shape (num_media,).
        """
        scores = np.asarray(p_nonblank, np.float32)
        # The cutoffs are rounded as the scores were.
        decided = np.where(scores >= np.float32(self.cutoff), KEEP, SET_ASIDE)
        if self.review_below is not None:
            decided[(decided == KEEP) & (scores < np.float32(self.review_below))] = REVIEW
        decided[np.isnan(scores)] = UNREADABLE
        return decided.astype(np.int8)


def choose_rule(config: DecisionConfig, run: dict[str, Any]) -> DecisionRule:
    """The rule that the flags ask for; a cutoff that they do not give is the model card's.

    Args:
        config: what was asked for.
        run: the content of run.json.

    Raises:
        CutoffError: no cutoff is given and the model card recommends none in [0, 1].
        UsageError: the review would end at or below the recommended cutoff.
    """
    if config.cutoff is not None:
        return DecisionRule(
            cutoff=config.cutoff, review_below=config.review_below, chosen_by="set by --cutoff"
        )
    recommended = recommended_cutoff(run)
    if recommended is None:
        raise CutoffError(
            "the model card recommends no cutoff in [0, 1]: say with --cutoff which media are set aside"
        )
    if config.review_below is not None and config.review_below <= recommended:
        raise UsageError(
            f"--review-below {config.review_below} is not above the cutoff {cutoff_text(recommended)} that "
            f"the model card recommends: give a higher one, or a lower --cutoff"
        )
    return DecisionRule(
        cutoff=recommended,
        review_below=config.review_below,
        chosen_by="recommended by the model card",
    )


def scores_to_decide(
    status: pa.ChunkedArray, p_nonblank: pa.ChunkedArray, *, where: str
) -> NDArray[np.float32]:
    """The scores as numbers, nan for every media whose status is not `ok`.

    Args:
        status: as in the scores, shape (num_media,).
        p_nonblank: float32, null where there is none.
        where: the dataset, for messages.

    Raises:
        ScoresError: a media has status ok and no score in [0, 1].
    """
    is_ok = np.asarray(pc.fill_null(pc.equal(status, Status.OK.value), False).to_numpy(), dtype=bool)
    scores = pc.fill_null(p_nonblank.cast(pa.float32()), float("nan")).to_numpy()
    num_bad = int((is_ok & ~((scores >= 0.0) & (scores <= 1.0))).sum())
    if num_bad:
        raise ScoresError(
            f"{where}: {num_bad:,} media have status ok and no p_nonblank in [0, 1]: score them again"
        )
    return np.where(is_ok, scores, np.float32("nan")).astype(np.float32)


def decision_column(decided: NDArray[np.int8]) -> pa.DictionaryArray:
    """Numbers of decisions as an Arrow column of words, `DECISION_TYPE`."""
    return pa.DictionaryArray.from_arrays(pa.array(decided), pa.array([word.value for word in DECISIONS]))


@dataclass(kw_only=True)
class DecisionCounts:
    """What was decided, counted."""

    counts: Counter[Decision] = field(default_factory=Counter)
    num_raised: int = 0
    """Media that are kept or reviewed for their sequence alone."""

    @property
    def num_media(self) -> int:
        """All media."""
        return self.counts.total()

    def add(self, decided: NDArray[np.int8], *, num_raised: int = 0) -> None:
        """Count some media more."""
        nums = np.bincount(decided, minlength=len(DECISIONS))
        self.counts.update({word: int(num) for word, num in zip(DECISIONS, nums, strict=True)})
        self.num_raised += num_raised

    def lines(self, rule: DecisionRule) -> list[str]:
        """The counts with their denominator, and the rule behind them."""
        low = f"the cutoff {cutoff_text(rule.cutoff)} ({rule.chosen_by})"
        if rule.review_below is None:
            told = [("kept", Decision.KEEP, f"at or above {low}")]
        else:
            high = cutoff_text(rule.review_below)
            told = [
                ("kept", Decision.KEEP, f"at or above {high}"),
                ("to review", Decision.REVIEW, f"from {low} up to {high}"),
            ]
        told.append(("set aside", Decision.SET_ASIDE, "below the cutoff"))
        told.append(("unreadable", Decision.UNREADABLE, "without a score: for people, never set aside"))
        total = self.num_media
        lines = [
            f"{name:<12}{self.counts[word]:,} of {total:,} media"
            f"{f' ({percent(self.counts[word] / total)})' if total else ''}: {why}"
            for name, word, why in told
        ]
        if self.num_raised:
            lines.append(
                f"{'by sequence':<12}{self.num_raised:,} media are kept or reviewed for another frame of "
                f"their sequence alone"
            )
        return lines
