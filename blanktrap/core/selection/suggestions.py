"""Which candidates people should label next, and why each.

Owns: the mixture of the uncertain, the unusual, the typical and the thinly covered, the reason beside each.
Refuses: who may be a candidate (`candidates`), and reading features.

Uncertain: nearest to the cutoff in log odds; at 0.5 that is the order of the entropy. Unusual: k-center
greedy (Sener & Savarese 2018) over features of length 1, from the labelled media on. Typical: of the
groups of look-alikes with the fewest labels the most typical media (`typicality`). Thinly covered: the
location, by day or by night, with the fewest labels comes first, again and again as media are taken; where
there are features, species take turns likewise, an unlabelled media standing for the species of the nearest
labelled one.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from blanktrap.core.selection.candidates import Coverage, Rows
from blanktrap.core.selection.typicality import FEW_MEDIA, group_alike, typicality
from blanktrap.core.wording import cutoff_text, number

UNCERTAIN, UNUSUAL, TYPICAL, THIN = "uncertain", "unusual", "typical", "thinly covered"
KINDS = (UNCERTAIN, UNUSUAL, TYPICAL, THIN)

_AT_ONCE = 1024


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """Features of the candidates in the random sample and of labelled media, each row of length 1."""

    sample: np.ndarray
    """float32, shape (num_sample, 512), in the order of the sample."""
    labelled: np.ndarray
    """float32, shape (num_labelled, 512)."""
    species: np.ndarray
    """Number of each labelled media's species, shape (num_labelled,)."""


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """One media to label."""

    position: int
    kind: str
    reason: str


def of_length_one(features: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(lengths > 0.0, lengths, 1.0)


def nearest_labelled(features: Features) -> tuple[np.ndarray, np.ndarray]:
    """Squared distance of each sample media to the nearest labelled one, and its position among them.

    Returns:
        Shape (num_sample,) both; inf and -1 where nothing is labelled.
    """
    num = len(features.sample)
    nearest, which = np.full(num, np.inf, np.float32), np.full(num, -1)
    if not len(features.labelled):
        return nearest, which
    for start in range(0, num, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        likeness = features.sample[part] @ features.labelled.T
        which[part] = likeness.argmax(axis=1)
        nearest[part] = np.maximum(2.0 - 2.0 * likeness.max(axis=1), 0.0)
    return nearest, which


def deal_counts(num: int, shares: Sequence[float], *, has_features: bool) -> dict[str, int]:
    """How many of each kind: whole numbers that sum to `num`, by largest remainder.

    Without features nothing is unusual or typical: those shares go to the other two in proportion.

    Args:
        num: media wanted.
        shares: of each of `KINDS`, in that order.
        has_features: whether there are features to look at.
    """
    weights = np.asarray(shares, np.float64)
    if not has_features:
        weights[[KINDS.index(UNUSUAL), KINDS.index(TYPICAL)]] = 0.0
    if not weights.sum():
        weights = np.asarray([0.5, 0.0, 0.0, 0.5])
    exact = num * weights / weights.sum()
    whole = np.floor(exact).astype(int)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: num - int(whole.sum())]] += 1
    return dict(zip(KINDS, whole.tolist(), strict=True))


@dataclass(kw_only=True)
class Chooser:
    """Takes media one after the other; none twice, and no more of a sequence than allowed."""

    coverage: Coverage
    cutoff: float
    max_per_sequence: int
    taken: dict[int, Suggestion] = field(default_factory=dict)
    _sequences: Counter[int] = field(default_factory=Counter)
    _strata: Counter[int] = field(default_factory=Counter)

    def take(self, row: np.void, kind: str, reason: str) -> bool:
        """Take a candidate, unless it is taken or its sequence has given enough."""
        position, sequence = int(row["position"]), int(row["sequence"])
        if position in self.taken or self._sequences[sequence] >= self.max_per_sequence:
            return False
        self.taken[position] = Suggestion(position=position, kind=kind, reason=reason)
        self._sequences[sequence] += 1
        self._strata[int(row["stratum"])] += 1
        return True

    def take_uncertain(self, rows: Rows, num: int) -> int:
        """Take the media nearest to the cutoff; returns how many there were."""
        done = 0
        for row in rows:
            if done == num:
                break
            side = "above" if row["p_nonblank"] >= np.float32(self.cutoff) else "below"
            reason = (
                f"score {row['p_nonblank']:.3f}, just {side} the cutoff {cutoff_text(self.cutoff)}: "
                f"among those that the model is least sure of"
            )
            done += self.take(row, UNCERTAIN, reason)
        return done

    def take_unusual(self, rows: Rows, features: Features, num: int) -> int:
        """Take again and again the media farthest from all that is labelled or taken."""
        nearest, _ = nearest_labelled(features)
        usual = float(np.sqrt(np.median(nearest))) if np.isfinite(nearest).all() and rows.size else None
        for place in np.flatnonzero(np.isin(rows["position"], list(self.taken))).tolist():
            nearest = _nearer(nearest, features.sample, place)
        left, done = np.ones(rows.size, dtype=bool), 0
        while done < num and left.any():
            place = int(np.where(left, nearest, -1.0).argmax())
            left[place] = False
            reason = "looks unlike every labelled image and those listed before it"
            if usual is not None:
                reason += f": distance {float(np.sqrt(nearest[place])):.2f}, of most images {usual:.2f}"
            if self.take(rows[place], UNUSUAL, reason):
                done += 1
                nearest = _nearer(nearest, features.sample, place)
        return done

    def take_typical(self, rows: Rows, features: Features, num: int) -> int:
        """Take the most typical of the look-alikes with the fewest labels, counting what was taken."""
        if not num or not rows.size:
            return 0
        everything = np.concatenate([features.sample, features.labelled])
        groups = group_alike(everything, num_groups=num + len(features.labelled))
        typical = typicality(everything, groups)
        sizes = np.bincount(groups)
        labelled = np.bincount(groups[rows.size :], minlength=sizes.size)
        is_taken = np.isin(rows["position"], list(self.taken))
        covered = labelled + np.bincount(groups[: rows.size][is_taken], minlength=sizes.size)
        waiting: dict[int, list[int]] = defaultdict(list)
        for place in np.argsort(typical[: rows.size], kind="stable").tolist():
            waiting[int(groups[place])].append(place)
        queue = [(bool(sizes[one] < FEW_MEDIA), int(covered[one]), -int(sizes[one]), one) for one in waiting]
        heapq.heapify(queue)
        done = 0
        while queue and done < num:
            is_small, fewest, size, group = heapq.heappop(queue)
            reason = (
                f"typical of {-size:,} images that look alike, of which {int(labelled[group]):,} had a label"
            )
            is_new = self.take(rows[waiting[group].pop()], TYPICAL, reason)
            done += is_new
            if waiting[group]:
                heapq.heappush(queue, (is_small, fewest + is_new, size, group))
        return done

    def take_places(self, rows: Rows, num: int) -> int:
        """Take from the location and light with the fewest labels, counting what was taken."""
        waiting: dict[int, list[np.void]] = defaultdict(list)
        for row in rows[::-1]:
            waiting[int(row["stratum"])].append(row)
        queue = [
            (self.coverage.num_labels(stratum) + self._strata[stratum], int(rest[-1]["lot"]), stratum)
            for stratum, rest in waiting.items()
        ]
        heapq.heapify(queue)
        done = 0
        while queue and done < num:
            fewest, _, stratum = heapq.heappop(queue)
            row = waiting[stratum].pop()
            had = self.coverage.num_labels(stratum)
            done += (
                is_new := self.take(
                    row, THIN, f"{self.coverage.describe(stratum)} has {number(had, 'labelled image')}"
                )
            )
            if waiting[stratum]:
                heapq.heappush(queue, (fewest + is_new, int(waiting[stratum][-1]["lot"]), stratum))
        return done

    def take_species(self, rows: Rows, features: Features, num: int) -> int:
        """Take what looks most like the species with the fewest labels, counting what was taken."""
        nearest, which = nearest_labelled(features)
        if not len(features.labelled):
            return 0
        none = self.coverage.species.number_of(None)
        codes = features.species[which]
        waiting: dict[int, list[int]] = defaultdict(list)
        for place in np.lexsort((rows["lot"], nearest))[::-1].tolist():
            if codes[place] != none:
                waiting[int(codes[place])].append(place)
        queue = [(self.coverage.num_species_labels(code), code) for code in waiting]
        heapq.heapify(queue)
        done = 0
        while queue and done < num:
            fewest, code = heapq.heappop(queue)
            had = number(self.coverage.num_species_labels(code), "label")
            reason = f"looks most like a labelled {self.coverage.species.values[code]}, which has {had}"
            is_new = self.take(rows[waiting[code].pop()], THIN, reason)
            done += is_new
            if waiting[code]:
                heapq.heappush(queue, (fewest + is_new, code))
        return done

    def in_turns(self) -> list[Suggestion]:
        """What was taken, kinds in turns, so that each has about its share of any first part."""
        by_kind = Counter(one.kind for one in self.taken.values())
        seen: Counter[str] = Counter()
        turns: list[tuple[float, int, Suggestion]] = []
        for one in self.taken.values():
            turns.append(((seen[one.kind] + 0.5) / by_kind[one.kind], KINDS.index(one.kind), one))
            seen[one.kind] += 1
        return [one for _, _, one in sorted(turns, key=lambda turn: turn[:2])]


def _nearer(nearest: np.ndarray, sample: np.ndarray, place: int) -> np.ndarray:
    """Squared distances to the nearest, now that one more is among those."""
    found: np.ndarray = np.minimum(nearest, np.maximum(2.0 - 2.0 * (sample @ sample[place]), 0.0))
    return found
