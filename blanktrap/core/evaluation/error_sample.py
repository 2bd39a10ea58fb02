"""Missed and found nonblank media for people to tag: a random sample that is like the whole.

Owns: which media are drawn. Refuses: media without a score: they are neither missed nor found.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.error_analysis import fates_at
from blanktrap.core.evaluation.error_facts import Facts
from blanktrap.core.statistics.fingerprints import Fingerprints
from blanktrap.core.wording import cutoff_text


@dataclass(frozen=True, kw_only=True, eq=False)
class ErrorSample:
    """Media that were drawn, in the order of their lots: missed and found ones mixed."""

    lots: Fingerprints
    """Shape (num_drawn,)."""
    is_missed: NDArray[np.bool_]
    species: tuple[tuple[str, ...], ...]
    num_missed: int
    """Missed media there are to draw from."""
    num_found: int

    @property
    def num_drawn(self) -> tuple[int, int]:
        """Missed and found media drawn."""
        return int(self.is_missed.sum()), int((~self.is_missed).sum())


def draw_error_sample(
    facts: Facts, *, cutoff: float, num_missed: int, num_found: int, seed: int
) -> ErrorSample:
    """Draw missed and found media, each group stratified by location and species.

    Each media of a group has the same chance, and each location and species its share of the sample, to
    within one media: the group is sorted by location, species and lot, and every so many-th is taken from a
    random start on (systematic sampling). None is drawn twice; of a smaller group all are drawn.

    Args:
        facts: of the measured media, with their lots.
        cutoff: in [0, 1].
        num_missed: missed media to draw.
        num_found: found media to draw.
        seed: decides the start; the lots have their own.

    Raises:
        EvaluationError: there is no media to draw from.

    Source: Cochran 1977, Sampling Techniques, chapter 8.
    """
    lots = facts.nonblank.lots
    assert lots is not None  # they were asked for
    fates = fates_at(facts, cutoff)
    places = _ranks(facts.locations)[facts.nonblank.location]
    kinds = np.full(lots.size, len(facts.species))
    # Of several species the first by name.
    np.minimum.at(kinds, facts.nonblank.species_of, _ranks(facts.species)[facts.nonblank.species])
    generator = np.random.default_rng(seed)
    drawn = []
    for group, num in ((fates.is_missed, num_missed), (fates.is_scored & ~fates.is_missed, num_found)):
        members = np.flatnonzero(group)
        ordered = members[np.lexsort((lots[members], kinds[members], places[members]))]
        start, num = generator.random(), min(num, ordered.size)
        taken = ((start + np.arange(num)) * (ordered.size / max(num, 1))).astype(np.int64)
        drawn.append(ordered[np.minimum(taken, ordered.size - 1)])
    rows = np.concatenate(drawn)
    if not rows.size:
        found = int(fates.is_scored.sum()) - int(fates.is_missed.sum())
        raise EvaluationError(
            f"--sample-errors {num_missed}:{num_found}: there are {int(fates.is_missed.sum()):,} missed and "
            f"{found:,} found media at the cutoff {cutoff_text(cutoff)}, so nothing is drawn"
        )
    rows = rows[np.argsort(lots[rows], kind="stable")]
    return ErrorSample(
        lots=lots[rows],
        is_missed=fates.is_missed[rows],
        species=_species_of(facts, rows),
        num_missed=int(fates.is_missed.sum()),
        num_found=int((fates.is_scored & ~fates.is_missed).sum()),
    )


def _ranks(names: Sequence[str | None]) -> NDArray[np.int64]:
    """The place of each name among all, sorted; no name comes first."""
    order = sorted(range(len(names)), key=lambda one: (names[one] is not None, names[one] or ""))
    ranks = np.zeros(len(names), dtype=np.int64)
    ranks[order] = np.arange(len(names))
    return ranks


def _species_of(facts: Facts, rows: NDArray[np.int64]) -> tuple[tuple[str, ...], ...]:
    """The species of some media, sorted."""
    named: dict[int, set[str]] = {row: set() for row in rows.tolist()}
    for entry in np.flatnonzero(np.isin(facts.nonblank.species_of, rows)).tolist():
        name = facts.species[facts.nonblank.species[entry]]
        if name is not None:
            named[int(facts.nonblank.species_of[entry])].add(name)
    return tuple(tuple(sorted(named[row])) for row in rows.tolist())
