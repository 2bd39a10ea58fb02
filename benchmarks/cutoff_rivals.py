"""Other ways to test recall on new locations, which `cutoff_coverage.py` compares with the one chosen.

Each takes counts by location and cutoff, the recall asked for, the error allowed and a generator, and says at
which cutoffs the recall is believed; the cutoff is the last before the first that is not.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import bdtr, betaincinv, ndtr, ndtri, stdtrit

from blanktrap.core.statistics.recall_bounds import MissedCounts, bets_win

NUM_RESAMPLES = 400

Rival = Callable[[MissedCounts, float, float, np.random.Generator], np.ndarray]


def independent_media(
    counts: MissedCounts, recall: float, error: float, _: np.random.Generator
) -> np.ndarray:
    """Clopper & Pearson 1934 over all media, as if none shared a location."""
    missed, num = counts.missed.sum(axis=0), counts.sizes.sum()
    return betaincinv(np.maximum(num - missed, 1e-9), missed + 1.0, error) >= recall


def percentile(
    counts: MissedCounts, recall: float, error: float, generator: np.random.Generator
) -> np.ndarray:
    """Percentiles of recall over resampled locations (Efron)."""
    return np.quantile(_resampled(counts, generator)[0], error, axis=0) >= recall


def bias_corrected(
    counts: MissedCounts, recall: float, error: float, generator: np.random.Generator
) -> np.ndarray:
    """BCa: percentiles corrected for bias and acceleration (Efron 1987), the latter by the jackknife."""
    values = np.sort(_resampled(counts, generator)[0], axis=0)
    found = 1.0 - counts.missed.sum(axis=0) / counts.sizes.sum()
    kept = counts.sizes[:, None] - counts.missed
    left_out = (kept.sum(axis=0) - kept) / np.maximum(counts.sizes.sum() - counts.sizes, 1.0)[:, None]
    away = left_out.mean(axis=0) - left_out
    acceleration = (away**3).sum(axis=0) / (6.0 * np.maximum((away**2).sum(axis=0), 1e-30) ** 1.5)
    below = (values < found).mean(axis=0) + 0.5 * (values == found).mean(axis=0)
    bias = ndtri(np.clip(below, 0.01, 0.99))
    moved = ndtr(bias + (bias + ndtri(error)) / (1.0 - acceleration * (bias + ndtri(error))))
    ranks = np.clip((moved * NUM_RESAMPLES).astype(int), 0, NUM_RESAMPLES - 1)
    return values[ranks, np.arange(values.shape[1])] >= recall


def studentised(
    counts: MissedCounts, recall: float, error: float, generator: np.random.Generator
) -> np.ndarray:
    """Bootstrap-t of the mean excess of kept media over those promised (Davison & Hinkley 1997, 5.2)."""
    num = counts.sizes.size
    excess = (1.0 - recall) * counts.sizes[:, None] - counts.missed
    mean, spread = excess.mean(axis=0), np.maximum(excess.std(axis=0, ddof=1), 1e-12)
    weights = _resampled(counts, generator)[1]
    means = weights @ excess / num
    spreads = np.sqrt(np.maximum((weights @ excess**2 / num - means**2) * num / (num - 1.0), 1e-9))
    return mean / spread >= np.quantile((means - mean) / spreads, 1.0 - error, axis=0)


def korn_graubard(counts: MissedCounts, recall: float, error: float, _: np.random.Generator) -> np.ndarray:
    """Clopper-Pearson with the effective number of media (Korn & Graubard 1998), as surveys use it."""
    num, media = counts.sizes.size, counts.sizes.sum()
    share = counts.missed.sum(axis=0) / media
    residuals = (counts.missed - share * counts.sizes[:, None]) / media
    variance = num / (num - 1.0) * (residuals**2).sum(axis=0)
    alone = share * (1.0 - share) / media
    effect = np.maximum(np.divide(variance, alone, out=np.ones_like(share), where=alone > 0.0), 1.0)
    worth = media / effect * (ndtri(1.0 - error) / stdtrit(num - 1.0, 1.0 - error)) ** 2
    return betaincinv(np.maximum(worth * (1.0 - share), 1e-9), worth * share + 1.0, error) >= recall


def hoeffding_bentkus(
    counts: MissedCounts, recall: float, error: float, _: np.random.Generator
) -> np.ndarray:
    """The p-value of learn then test (Angelopoulos et al. 2021) for the mean of locations' recalls."""
    num, allowed = counts.sizes.size, 1.0 - recall
    risk = (counts.missed / counts.sizes[:, None]).mean(axis=0)
    low = np.clip(np.minimum(risk, allowed), 1e-12, 1.0 - 1e-12)
    divergence = low * np.log(low / allowed) + (1.0 - low) * np.log((1.0 - low) / (1.0 - allowed))
    hoeffding = np.where(risk < allowed, np.exp(-num * divergence), 1.0)
    return np.minimum(hoeffding, np.e * bdtr(np.ceil(num * risk - 1e-9), num, allowed)) <= error


def betting(counts: MissedCounts, recall: float, error: float, _: np.random.Generator) -> np.ndarray:
    """Waudby-Smith & Ramdas 2024, for the mean of locations' recalls: `promise_cutoff(per="location")`."""
    return bets_win(counts, recall, error)


def _resampled(counts: MissedCounts, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Recalls over resampled locations, and how often each location was drawn."""
    num = counts.sizes.size
    drawn = generator.integers(0, num, (NUM_RESAMPLES, num)) + np.arange(NUM_RESAMPLES)[:, None] * num
    weights = np.bincount(drawn.ravel(), minlength=NUM_RESAMPLES * num).reshape(NUM_RESAMPLES, num)
    whole = np.maximum(weights @ counts.sizes, 1.0)
    return 1.0 - (weights @ counts.missed) / whole[:, None], weights.astype(np.float64)


RIVALS: dict[str, Rival] = {
    "independent media (Clopper-Pearson)": independent_media,
    "bootstrap, percentile": percentile,
    "bootstrap, BCa": bias_corrected,
    "bootstrap, studentised": studentised,
    "Korn-Graubard": korn_graubard,
    "Hoeffding-Bentkus (mean of locations)": hoeffding_bentkus,
    "betting (mean of locations)": betting,
}
