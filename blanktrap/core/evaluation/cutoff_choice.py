"""Which cutoff a report is about, who chose it, and what recall it promises on new locations.

Owns: the order of preference, and the words for it. Refuses: falling back in silence: where a recall was
asked for and cannot be promised, nothing is reported unless a cutoff was given as well, and then it is said.

A promise may be made on the very media that are measured: its bound reckons with the choice. The figures
measured there at the chosen cutoff are a little too good, and the report warns of it. Choosing on another
split (`choose_on`) avoids that; `val` is not the default for it, because the network's epoch was chosen there
too, so that the promise itself would flatter.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.errors import EvaluationError, PromiseError
from blanktrap.core.evaluation.measured import KEPT_NONBLANK, MISSED_NONBLANK, Measured
from blanktrap.core.reporting.report_parts import Promise
from blanktrap.core.statistics.promises import MIN_LOCATIONS, promise_cutoff, promise_cutoffs_by_stratum
from blanktrap.core.statistics.recall_bounds import MissedCounts, pooled_bounds
from blanktrap.core.wording import cutoff_text, number

DEFAULT_CUTOFF = 0.5
DAY, NIGHT = "day", "night"

_BOUND = "lower bound by location (Korn and Graubard 1998, with the worst location counted twice)"
_CHOICE = f"highest cutoff that passes, tested from the lowest up (learn then test), by {_BOUND}"


_NOWHERE = (
    "no measured media has a known location: index with --path-pattern, or annotations that name places"
)


@dataclass(frozen=True, kw_only=True)
class ChosenCutoff:
    """A cutoff, who chose it, and what it promises."""

    value: float
    chosen_by: str
    promise: Promise | None = None
    """None where a report has no locations to promise anything for."""
    by_stratum: dict[str, Promise] | None = None
    """Promised cutoffs for day and night; None where they were not asked for or cannot be given."""
    warning: str | None = None
    """What was asked for and could not be given."""


def choose_report_cutoff(
    config: EvaluateConfig, run: dict[str, Any], labelled: Measured, *, measured_on: str
) -> ChosenCutoff:
    """The promised cutoff if a recall was asked for; else the first `--cutoff`, the model card's, or 0.5.

    Args:
        config: what was asked for.
        run: the content of run.json.
        labelled: the media to choose on.
        measured_on: what these are, in words.

    Raises:
        PromiseError: the recall asked for cannot be promised, and no cutoff was given.
        EvaluationError: the model card recommends something outside [0, 1].
    """
    if config.min_recall is None:
        value, chosen_by = given_cutoff(config, run)
        return ChosenCutoff(
            value=value, chosen_by=chosen_by, promise=promise_at(labelled, value, config, measured_on)
        )
    try:
        if not labelled.num_known_locations(labelled.sizes):
            raise PromiseError(f"a recall on new locations cannot be promised: {_NOWHERE}")
        by_stratum = _by_stratum(config, labelled, measured_on) if config.strata else None
        return _promised(config, labelled, by_stratum, measured_on)
    except PromiseError as problem:
        if not config.cutoffs:
            raise
        value = config.cutoffs[0]
        return ChosenCutoff(
            value=value,
            chosen_by="set by --cutoff, as no cutoff can promise the recall asked for",
            promise=promise_at(labelled, value, config, measured_on),
            warning=f"no cutoff can be promised, so that --cutoff {cutoff_text(value)} is used: {problem}",
        )


def given_cutoff(config: EvaluateConfig, run: dict[str, Any]) -> tuple[float, str]:
    """The cutoff that needs no labels, and who chose it: the first `--cutoff`, the model card's, or 0.5.

    Raises:
        EvaluationError: the model card recommends something outside [0, 1].
    """
    if config.cutoffs:
        return config.cutoffs[0], "set by --cutoff"
    recommended = (run.get("model") or {}).get("recommended_cutoff")
    if recommended is None:
        return DEFAULT_CUTOFF, "the default: the model card recommends none"
    if not isinstance(recommended, int | float) or not 0.0 <= recommended <= 1.0:
        raise EvaluationError(
            f"the model card recommends the cutoff {recommended!r}, outside [0, 1]: pass --cutoff"
        )
    return float(recommended), "recommended by the model card"


def promise_at(labelled: Measured, cutoff: float, config: EvaluateConfig, measured_on: str) -> Promise:
    """What recall can be promised for new locations at a cutoff that was not chosen on these media."""
    counts = labelled.counts_at(cutoff)[:, [KEPT_NONBLANK, MISSED_NONBLANK]]
    counts = counts[counts.sum(axis=1) > 0]
    num_locations, num_nonblank = len(counts), int(counts.sum())
    refusal, bound = None, None
    if not labelled.num_known_locations(labelled.sizes):
        refusal = _NOWHERE
    elif num_locations < MIN_LOCATIONS:
        refusal = (
            f"it takes nonblank media of at least {MIN_LOCATIONS} locations, "
            f"there are {num_nonblank:,} of {number(num_locations, 'location')}"
        )
    else:
        missed = MissedCounts(
            np.array([cutoff]), counts[:, [1]].astype(np.float64), counts.sum(axis=1).astype(np.float64)
        )
        bound = float(pooled_bounds(missed, 1.0 - config.confidence)[0])
    return Promise(
        cutoff=cutoff,
        min_recall=config.min_recall,
        confidence=config.confidence,
        promised_recall=bound,
        method=_BOUND,
        n=num_nonblank,
        num_locations=num_locations,
        measured_on=measured_on,
        refusal=refusal,
    )


def _promised(
    config: EvaluateConfig, labelled: Measured, by_stratum: dict[str, Promise] | None, measured_on: str
) -> ChosenCutoff:
    assert config.min_recall is not None
    mine = labelled.is_nonblank
    found = promise_cutoff(
        labelled.p_nonblank[mine],
        labelled.location[mine],
        min_recall=config.min_recall,
        confidence=config.confidence,
    )
    return ChosenCutoff(
        value=found.cutoff,
        chosen_by="chosen as the highest that promises the recall asked for",
        promise=Promise(
            cutoff=found.cutoff,
            min_recall=config.min_recall,
            confidence=config.confidence,
            promised_recall=config.min_recall,
            method=_CHOICE,
            n=found.num_nonblank,
            num_locations=found.num_locations,
            measured_on=measured_on,
        ),
        by_stratum=by_stratum,
    )


def _by_stratum(config: EvaluateConfig, labelled: Measured, measured_on: str) -> dict[str, Promise]:
    assert config.min_recall is not None
    mine = labelled.is_nonblank
    found = promise_cutoffs_by_stratum(
        labelled.p_nonblank[mine],
        labelled.location[mine],
        np.where(labelled.is_night[mine], NIGHT, DAY).tolist(),
        min_recall=config.min_recall,
        confidence=config.confidence,
    )
    return {
        str(stratum): Promise(
            cutoff=one.cutoff,
            min_recall=config.min_recall,
            confidence=one.confidence,
            promised_recall=config.min_recall,
            method=_CHOICE,
            n=one.num_nonblank,
            num_locations=one.num_locations,
            measured_on=f"{stratum} media among {measured_on}",
        )
        for stratum, one in sorted(found.items(), key=str)
    }
