"""Cutoffs that keep their recall on locations nobody has labelled.

Owns: the choice of a cutoff with a stated confidence, and the refusal where labels cannot support one.
Refuses: a promise about single locations, about places unlike all that were labelled, and any fallback: where
the data do not suffice, `PromiseError` says how many more locations would.

**What is promised.** Of all nonblank media of new locations, drawn like the labelled ones, the share kept is
at least `min_recall`: expected nonblank media kept at a location over expected nonblank media, Σ kept / Σ
nonblank in the long run. That is what an archive loses, and large locations count for more. With
`per="location"` the mean of the locations' own recalls is promised instead. Either way the promise is about
the procedure: of the cutoffs chosen so from many labelled archives, at most 1 - confidence fall short.

**How.** Cutoffs are tested from the lowest up, each for "recall is at least min_recall", and the last before
the first failure is taken. As testing stops at the first failure, no correction for the number of cutoffs is
due (learn then test: Angelopoulos et al. 2021, fixed sequences; Bates et al. 2021). Each test goes by
location, and was chosen by `benchmarks/cutoff_coverage.py`; docs/evaluation.md has the figures.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from blanktrap.core.errors import CutoffError, PromiseError
from blanktrap.core.statistics.locations import Names, code_locations
from blanktrap.core.statistics.metrics import check_scores
from blanktrap.core.statistics.recall_bounds import MissedCounts, bets_win, count_missed, pooled_bounds

MIN_LOCATIONS = 10
"""Fewer labelled locations with nonblank media never carry a promise: a kind of place that makes up a quarter
of all would be missing among them in more than one archive of twenty."""

# A search for the number of locations needed ends here.
_MOST_LOCATIONS = 100_000

Per = Literal["media", "location"]


@dataclass(frozen=True, kw_only=True)
class PromisedCutoff:
    """A cutoff, what it promises, and what the promise rests on."""

    cutoff: float
    """The score of a nonblank media; exact in the scores' own number format."""
    min_recall: float
    confidence: float
    recall: float
    """Nonblank recall of the labelled media at the cutoff."""
    recall_bound: float
    """Lower bound of the recall on new locations at the cutoff; at least `min_recall`."""
    per: Per
    """What recall is a share of: all media of new locations, or the mean of the locations' own recalls."""
    num_nonblank: int
    num_locations: int
    """Groups the labelled nonblank media come from; all media of no known location are one."""

    @property
    def promise(self) -> str:
        """The promise in words."""
        what = (
            "of all nonblank media of new locations are kept"
            if self.per == "media"
            else "of a new location's nonblank media are kept on average"
        )
        return (
            f"at least {100 * self.min_recall:.6g} % {what}, with {100 * self.confidence:.6g} % confidence, "
            f"where new locations are like the {self.num_locations:,} labelled ones"
        )


def promise_cutoff(
    p_nonblank: ArrayLike,
    locations: Names,
    *,
    min_recall: float,
    confidence: float = 0.95,
    per: Per = "media",
) -> PromisedCutoff:
    """Choose the highest cutoff whose nonblank recall on new locations is promised.

    Args:
        p_nonblank: scores in [0, 1] of true nonblank media, shape (num_nonblank,).
        locations: where each was taken: names or codes, shape (num_nonblank,); null for no known location.
            Those form one group, which claims the least.
        min_recall: least share of nonblank media to keep, in (0, 1).
        confidence: share of archives in which the promise is to hold, in (0, 1).
        per: `media` promises recall pooled over media; `location` the mean recall of locations, which holds
            whatever the differences between locations, and asks for many of them.

    Returns:
        The cutoff and its promise. Media with equal scores stay together.

    Raises:
        PromiseError: the labelled media cannot support it; the message says what more is needed.
        CutoffError: `min_recall` or `confidence` is outside (0, 1).
        EvaluationError: the shapes differ, or a score is no number in [0, 1].
    """
    _check(min_recall, confidence)
    scores = check_scores(p_nonblank)
    codes, _ = code_locations(locations)
    if codes.shape != scores.shape:
        raise CutoffError(f"{scores.shape} scores do not match {codes.shape} locations")
    if not scores.size:
        raise PromiseError("no nonblank media to promise a recall on: label some that show an animal")
    labelled = count_missed(scores, codes, min_recall, by_media=per == "media")
    error = 1.0 - confidence
    if per == "media":
        bounds = pooled_bounds(labelled, error)
    else:
        bounds = np.where(bets_win(labelled, min_recall, error), min_recall, 0.0)
    held = bounds >= min_recall
    num_held = held.size if held.all() else int(np.argmin(held))
    num_locations = labelled.sizes.size
    if num_held == 0 or num_locations < MIN_LOCATIONS:
        raise _refusal(labelled, min_recall, confidence, per)
    chosen = num_held - 1
    recalls = 1.0 - labelled.missed[:, chosen] / labelled.sizes
    return PromisedCutoff(
        cutoff=float(labelled.cutoffs[chosen]),
        min_recall=min_recall,
        confidence=confidence,
        recall=float(np.average(recalls, weights=labelled.sizes if per == "media" else None)),
        recall_bound=float(bounds[chosen]),
        per=per,
        num_nonblank=scores.size,
        num_locations=num_locations,
    )


def promise_cutoffs_by_stratum(
    p_nonblank: ArrayLike,
    locations: Names,
    strata: Names,
    *,
    min_recall: float,
    confidence: float = 0.95,
) -> dict[object, PromisedCutoff]:
    """Choose a cutoff for each stratum, such as night and day, so that all promises hold together.

    Each stratum has its own recall of at least `min_recall`, and so has the whole archive, however new
    locations divide among strata. The error is shared out evenly (Bonferroni), as strata share locations.

    Args:
        p_nonblank, locations, min_recall, confidence: as `promise_cutoff`.
        strata: the stratum of each media, shape (num_nonblank,); null is a stratum of its own.

    Raises:
        PromiseError: one stratum cannot support its promise; the message names it.
    """
    _check(min_recall, confidence)
    scores = check_scores(p_nonblank)
    (codes, _), (parts, names) = code_locations(locations), code_locations(strata)
    if not scores.shape == codes.shape == parts.shape:
        raise CutoffError(f"{scores.shape} scores do not match {codes.shape} locations, {parts.shape} strata")
    each = 1.0 - (1.0 - confidence) / max(len(names), 1)
    promised: dict[object, PromisedCutoff] = {}
    for part, name in enumerate(names):
        mine = parts == part
        try:
            promised[name] = promise_cutoff(scores[mine], codes[mine], min_recall=min_recall, confidence=each)
        except PromiseError as problem:
            raise PromiseError(
                f"stratum {name}: {problem}", num_more_locations=problem.num_more_locations
            ) from problem
    return promised


def _check(min_recall: float, confidence: float) -> None:
    for name, value in (("recall", min_recall), ("confidence", confidence)):
        if not 0.0 < value < 1.0:
            raise CutoffError(
                f"a {name} of {value} cannot be promised: it must lie between 0 and 1, such as 0.95"
            )


def _refusal(labelled: MissedCounts, min_recall: float, confidence: float, per: Per) -> PromiseError:
    num_locations, num_media = labelled.sizes.size, int(labelled.sizes.sum())
    there = (
        f"{num_media:,} nonblank media of {num_locations:,} location{'' if num_locations == 1 else 's'} "
        f"cannot support a recall of {100 * min_recall:.6g} % on new locations with "
        f"{100 * confidence:.6g} % confidence"
    )
    if num_locations == 1:
        return PromiseError(
            f"{there}: label nonblank media of at least {MIN_LOCATIONS} locations",
            num_more_locations=MIN_LOCATIONS - 1,
        )
    needed = _locations_needed(labelled, min_recall, 1.0 - confidence, per)
    if needed is None:
        return PromiseError(
            f"{there}, however many such locations are labelled: ask for a lower --min-recall"
        )
    more = max(needed - num_locations, 1)
    media = round(more * num_media / num_locations)
    return PromiseError(
        f"{there}: label about {more:,} more location{'' if more == 1 else 's'} "
        f"(about {media:,} nonblank media), or ask for a lower --min-recall or --confidence",
        num_more_locations=more,
    )


def _locations_needed(labelled: MissedCounts, min_recall: float, error: float, per: Per) -> int | None:
    """How many locations like these would carry the promise at the lowest cutoff; None for no number."""
    num_locations = labelled.sizes.size
    wanted = max(MIN_LOCATIONS, num_locations + 1)
    while wanted <= _MOST_LOCATIONS:
        times = wanted / num_locations
        if per == "media":
            holds = bool(pooled_bounds(labelled, error, times=times)[0] >= min_recall)
        else:
            tiled = np.resize(np.arange(num_locations), wanted)
            holds = bool(
                bets_win(
                    MissedCounts(labelled.cutoffs[:1], labelled.missed[tiled, :1], labelled.sizes[tiled]),
                    min_recall,
                    error,
                )[0]
            )
        if holds:
            return wanted
        wanted = max(wanted + 1, int(wanted * 1.1))
    return None
