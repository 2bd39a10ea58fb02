"""How many animals a pile of discarded media may still hold, after people looked at a sample of it.

Owns: dealing a sample over strata, the exact upper bound of nonblank media in the whole pile, and how many
more images a wished bound takes. Refuses: a sample that people chose themselves: the bound is for media drawn
at random within each stratum.

Media that people could not tell count as nonblank here: an upper bound that leaves them out is none.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.intervals import clopper_pearson_interval

Floats = NDArray[np.float64]

# Above it a Clopper-Pearson bound may lie less than one media above what was found.
_LARGEST_POOLED_ERROR = 0.2


@dataclass(frozen=True, kw_only=True)
class StratumSample:
    """One part of the pile, and what was seen of it."""

    name: str
    num_pile: int
    """Media of the pile in this stratum."""
    num_looked_at: int
    """Drawn at random from them, without replacement, and judged."""
    num_nonblank: int
    """Of those looked at, the nonblank and those that nobody could tell."""

    def __post_init__(self) -> None:
        if not 0 <= self.num_nonblank <= self.num_looked_at <= self.num_pile:
            raise EvaluationError(
                f"stratum {self.name}: {self.num_nonblank:,} nonblank of {self.num_looked_at:,} looked at of "
                f"{self.num_pile:,} in the pile cannot be"
            )


@dataclass(frozen=True, kw_only=True)
class DiscardBound:
    """What a sample says of the whole pile."""

    num_pile: int
    num_looked_at: int
    num_found: int
    """Nonblank media among those looked at: found, and so not lost."""
    num_expected: float
    """Nonblank media in the pile, estimated: each stratum's share times its size."""
    num_at_most: int
    """Upper bound of nonblank media in the pile, found ones among them."""
    confidence: float

    @property
    def share_at_most(self) -> float:
        """Upper bound of the nonblank share of the pile, in [0, 1]."""
        return self.num_at_most / self.num_pile

    @property
    def num_lost_at_most(self) -> int:
        """Upper bound of nonblank media that nobody has looked at."""
        return self.num_at_most - self.num_found


def allocate_sample(num_images: int, sizes: Mapping[str, int]) -> dict[str, int]:
    """Deal a sample over strata in proportion to their size, at least one image each.

    In proportion, because strata then count as one sample, and no bound is tighter without a guess at where
    the animals are.

    Args:
        num_images: to look at in all.
        sizes: media of the pile in each stratum.

    Returns:
        Images to draw from each stratum with media; in all `num_images`, or the whole pile if that is less.

    Raises:
        EvaluationError: the pile is empty, or there are fewer images than strata.
    """
    strata = {name: size for name, size in sizes.items() if size > 0}
    total = sum(strata.values())
    if not total:
        raise EvaluationError("nothing would be thrown away at this cutoff: there is no pile to look at")
    if num_images < len(strata):
        raise EvaluationError(
            f"{num_images:,} images are fewer than the {len(strata):,} strata of the pile: "
            f"draw at least so many"
        )
    wanted = min(num_images, total)
    # One each, the rest by largest remainder.
    exact = {
        name: 1.0 + (wanted - len(strata)) * (size - 1) / max(total - len(strata), 1)
        for name, size in strata.items()
    }
    dealt = {name: min(int(share + 1e-9), strata[name]) for name, share in exact.items()}
    order = sorted(strata, key=lambda name: (dealt[name] - exact[name], name))
    missing = wanted - sum(dealt.values())
    for name in [name for name in order if dealt[name] < strata[name]][:missing]:
        dealt[name] += 1
    return dealt


def bound_discarded(samples: Sequence[StratumSample], *, confidence: float = 0.95) -> DiscardBound:
    """Bound the nonblank media of the whole pile from above.

    Two bounds are valid, and which of them is taken depends on sizes alone, never on what was found:

    - Pooled: sums of unlike Bernoulli draws have lighter tails than a binomial of their mean (Hoeffding 1956,
      from one above what was found, so for confidences from 80 % on), and so have draws without replacement.
      With n_h of n images from a stratum of N_h of N media, the pile's share is at most max(N_h n / (N n_h))
      times the Clopper-Pearson bound of all images together.
    - Stratum by stratum, by the hypergeometric distribution, the error shared out in proportion to N_h / n_h:
      best where much of the pile was looked at, or where strata were sampled very unevenly.

    Args:
        samples: every stratum of the pile, those nobody looked at too.
        confidence: how often the bound is to hold, in (0, 1).

    Raises:
        EvaluationError: the pile is empty, or the confidence is outside (0, 1).
    """
    if not 0.0 < confidence < 1.0:
        raise EvaluationError(f"a confidence of {confidence} is outside (0, 1): 0.95 is usual")
    strata = [sample for sample in samples if sample.num_pile]
    if not strata:
        raise EvaluationError("the pile is empty: nothing can be lost in it")
    error = 1.0 - confidence
    unseen = [replace(sample, num_nonblank=0) for sample in strata]
    is_pooled = error <= _LARGEST_POOLED_ERROR and _pooled(unseen, error) <= _by_stratum(unseen, error)
    at_most = _pooled(strata, error) if is_pooled else _by_stratum(strata, error)
    num_pile = sum(sample.num_pile for sample in strata)
    num_looked_at = sum(sample.num_looked_at for sample in strata)
    num_found = sum(sample.num_nonblank for sample in strata)
    # What was not looked at is all that can still be nonblank.
    return DiscardBound(
        num_pile=num_pile,
        num_looked_at=num_looked_at,
        num_found=num_found,
        num_expected=math.fsum(
            sample.num_pile * sample.num_nonblank / sample.num_looked_at
            for sample in strata
            if sample.num_looked_at
        ),
        num_at_most=min(max(at_most, num_found), num_pile - num_looked_at + num_found),
        confidence=confidence,
    )


def num_more_for(
    max_share: float, samples: Sequence[StratumSample], *, confidence: float = 0.95
) -> int | None:
    """How many more images to look at until the pile's nonblank share is bounded by `max_share`.

    Args:
        max_share: wished upper bound of the nonblank share of the pile, in (0, 1).
        samples: as seen so far; more are expected to hold as many nonblank, and to be dealt likewise.
        confidence: as for `bound_discarded`.

    Returns:
        The number, 0 where the bound holds already; None where the nonblank found so far already make up more
        of the pile than that, or more looking will not bring the bound down.

    Raises:
        EvaluationError: `max_share` is outside (0, 1), or as `bound_discarded`.
    """
    if not 0.0 < max_share < 1.0:
        raise EvaluationError(f"a bound of {max_share} is outside (0, 1): it is a share of the pile")
    now = bound_discarded(samples, confidence=confidence)
    if now.share_at_most <= max_share:
        return 0
    sizes = {str(place): sample.num_pile for place, sample in enumerate(samples)}
    shares = [sample.num_nonblank / max(sample.num_looked_at, 1) for sample in samples]

    def holds(num_images: int) -> bool:
        dealt = allocate_sample(num_images, sizes)
        looked = [max(dealt.get(str(place), 0), sample.num_looked_at) for place, sample in enumerate(samples)]
        expected = [
            replace(
                sample,
                num_looked_at=num,
                num_nonblank=min(num, max(math.ceil(share * num - 1e-9), sample.num_nonblank)),
            )
            for sample, num, share in zip(samples, looked, shares, strict=True)
        ]
        return bound_discarded(expected, confidence=confidence).share_at_most <= max_share

    # Bounds fall with the number of images, but for rounding.
    low, high = max(now.num_looked_at, len(samples)), now.num_pile
    if now.num_expected / now.num_pile > max_share or not holds(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high - now.num_looked_at


def hypergeometric_upper(num_pile: int, num_looked_at: int, num_nonblank: int, error: float) -> int:
    """The most nonblank media a pile can hold, so that finding so few has a chance above `error`.

    Exact for draws without replacement; looking at all of the pile leaves nothing open.

    Source: Konijn 1973; by bisection, as the chance falls with the number of nonblank media.
    """
    low, high = num_nonblank, num_pile - num_looked_at + num_nonblank
    # A chance that equals the error but for rounding counts as above it: the bound is then one higher.
    error *= 1.0 - 1e-9
    if _chance_of_at_most(num_nonblank, num_pile, high, num_looked_at) > error:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        is_likely = _chance_of_at_most(num_nonblank, num_pile, middle, num_looked_at) > error
        low, high = (middle, high) if is_likely else (low, middle)
    return low


def _chance_of_at_most(found: int, num_pile: int, num_nonblank: int, num_looked_at: int) -> float:
    """P(X <= found) where X of `num_looked_at` drawn are among the `num_nonblank` of the pile."""
    fewest = max(0, num_looked_at - (num_pile - num_nonblank))
    drawn = np.arange(fewest, min(found, num_nonblank, num_looked_at) + 1, dtype=np.float64)
    if not drawn.size:
        return 0.0
    logs = (
        _log_choose(num_nonblank, drawn)
        + _log_choose(num_pile - num_nonblank, num_looked_at - drawn)
        - _log_choose(num_pile, num_looked_at)
    )
    return float(np.exp(logs).sum())


def _log_choose(total: int, part: Floats | float) -> Floats:
    logs: Floats = gammaln(total + 1.0) - gammaln(part + 1.0) - gammaln(total - part + 1.0)
    return logs


def _pooled(strata: Sequence[StratumSample], error: float) -> int:
    num_pile, num = sum(one.num_pile for one in strata), sum(one.num_looked_at for one in strata)
    if any(not one.num_looked_at for one in strata):
        return num_pile
    if len(strata) == 1:
        return hypergeometric_upper(num_pile, num, strata[0].num_nonblank, error)
    found = sum(one.num_nonblank for one in strata)
    uneven = max(one.num_pile * num / (num_pile * one.num_looked_at) for one in strata)
    share = uneven * clopper_pearson_interval(found, num, 1.0 - error, sides="upper").high
    return min(math.floor(share * num_pile), num_pile)


def _by_stratum(strata: Sequence[StratumSample], error: float) -> int:
    seen = [one for one in strata if one.num_looked_at]
    open_ones = [one for one in seen if one.num_looked_at < one.num_pile]
    weight = sum(one.num_pile / one.num_looked_at for one in open_ones)
    bounds = [
        hypergeometric_upper(
            one.num_pile,
            one.num_looked_at,
            one.num_nonblank,
            error * one.num_pile / one.num_looked_at / weight,
        )
        for one in open_ones
    ]
    looked_through = sum(one.num_nonblank for one in seen if one.num_looked_at == one.num_pile)
    never = sum(one.num_pile for one in strata if not one.num_looked_at)
    return sum(bounds) + looked_through + never
