"""Archives whose locations differ, drawn from populations where every truth is known exactly.

A media's score has the logit of its label's mean, plus its location's shift, plus its own part; all normal.
So recall on new locations is a normal probability, and no second sample is needed to know it. The number of
nonblank media of a location is a Poisson count around a log-normal mean, which may depend on its shift.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr

NONBLANK_MEAN, BLANK_MEAN = 2.5, -2.5
MEDIA_SPREAD = 1.5
MEDIAN_NONBLANK = np.exp(3.5)


@dataclass(frozen=True, kw_only=True)
class Population:
    """The locations that labelled and new ones are drawn from."""

    name: str
    shift_spread: float
    """Standard deviation of locations' shifts, in logits; media have 1.5."""
    size_spread: float
    """Standard deviation of the logarithm of a location's size."""
    size_correlation: float = 0.0
    """Of a location's size and shift; negative where large locations are seen worse."""
    useless_share: float = 0.0
    """Share of locations shifted down by `useless_shift` on top."""
    useless_shift: float = 0.0

    def draw(self, generator: np.random.Generator, num_locations: int) -> tuple[np.ndarray, np.ndarray]:
        """Scores (float32) and locations of the nonblank media of newly drawn locations."""
        common = generator.standard_normal(num_locations)
        shifts = self.shift_spread * common
        shifts -= self.useless_shift * (generator.random(num_locations) < self.useless_share)
        rest = np.sqrt(1.0 - self.size_correlation**2) * generator.standard_normal(num_locations)
        log_sizes = self.size_spread * (self.size_correlation * common + rest)
        sizes = generator.poisson(MEDIAN_NONBLANK * np.exp(log_sizes))
        locations = np.repeat(np.arange(num_locations), sizes)
        logits = NONBLANK_MEAN + shifts[locations] + MEDIA_SPREAD * generator.standard_normal(locations.size)
        return expit(logits).astype(np.float32), locations

    def pooled_recall(self, logit_cutoff: float) -> float:
        """Expected nonblank media kept over expected nonblank media, of new locations."""
        # Weighing locations by size moves the mean shift by the covariance of shift and log size.
        moved = NONBLANK_MEAN + self.size_correlation * self.size_spread * self.shift_spread
        return self._recall(moved, logit_cutoff)

    def mean_recall(self, logit_cutoff: float) -> float:
        """Expected recall of a new location."""
        return self._recall(NONBLANK_MEAN, logit_cutoff)

    def blank_recall(self, logit_cutoff: float) -> float:
        """Share of blanks below the cutoff; blanks shift as nonblank media do, but for the useless part."""
        return float(ndtr((logit_cutoff - BLANK_MEAN) / np.hypot(MEDIA_SPREAD, self.shift_spread)))

    def oracle_cutoff(self, min_recall: float, *, by_media: bool = True) -> float:
        """The highest cutoff, in logits, that keeps so much: what one would choose who knew the truth."""
        recall = self.pooled_recall if by_media else self.mean_recall
        low, high = -40.0, 40.0
        for _ in range(50):
            middle = (low + high) / 2.0
            low, high = (middle, high) if recall(middle) >= min_recall else (low, middle)
        return low

    def _recall(self, mean: float, cutoff: float) -> float:
        spread = np.hypot(MEDIA_SPREAD, self.shift_spread)
        usual = ndtr((mean - cutoff) / spread)
        useless = ndtr((mean - self.useless_shift - cutoff) / spread)
        return float((1.0 - self.useless_share) * usual + self.useless_share * useless)


@dataclass(frozen=True, kw_only=True)
class OddPopulation(Population):
    """Locations unlike those that the test of promises was chosen on; 400,000 of them tell the truth."""

    kind: str

    def draw(self, generator: np.random.Generator, num_locations: int) -> tuple[np.ndarray, np.ndarray]:
        shifts = self.draw_shifts(generator, num_locations)
        locations = np.repeat(
            np.arange(num_locations), generator.poisson(self.draw_means(generator, num_locations))
        )
        logits = NONBLANK_MEAN + shifts[locations] + MEDIA_SPREAD * generator.standard_normal(locations.size)
        return expit(logits).astype(np.float32), locations

    def draw_shifts(self, generator: np.random.Generator, num: int) -> np.ndarray:
        """Normal in the middle; with two humps; or with a long tail of places seen badly."""
        match self.kind:
            case "two humps":
                return -1.8 * (generator.random(num) < 0.3) + 0.4 * generator.standard_normal(num)
            case "long tail":
                return 1.0 - generator.gamma(1.0, 1.2, num)
            case _:
                return 0.6 * generator.standard_t(3, num)

    def draw_means(self, generator: np.random.Generator, num: int) -> np.ndarray:
        """Media expected at each location, whatever its shift."""
        match self.kind:
            case "two humps":
                return 25.0 * generator.pareto(1.6, num) + 3.0
            case "eight media each":
                return np.full(num, 8.0)
            case _:
                return MEDIAN_NONBLANK * np.exp(1.4 * generator.standard_normal(num))

    def _recall(self, mean: float, cutoff: float) -> float:
        shifts = self.draw_shifts(np.random.default_rng(99), 400_000)
        return float(ndtr((mean + shifts - cutoff) / MEDIA_SPREAD).mean())


POPULATIONS = (
    Population(name="mild", shift_spread=0.5, size_spread=0.8),
    Population(name="strong", shift_spread=1.0, size_spread=1.2),
    Population(name="strong, large ones worse", shift_spread=1.0, size_spread=1.2, size_correlation=-0.2),
    Population(name="very strong", shift_spread=1.5, size_spread=1.2),
    Population(
        name="a tenth nearly useless",
        shift_spread=0.7,
        size_spread=1.0,
        useless_share=0.1,
        useless_shift=2.5,
    ),
)

HELD_OUT = tuple(
    OddPopulation(name=kind, kind=kind, shift_spread=1.0, size_spread=0.0)
    for kind in ("Student's shifts", "two humps", "long tail", "eight media each")
)
