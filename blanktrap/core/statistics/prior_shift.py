"""How many blanks an archive holds that nobody has labelled, from its scores alone.

Owns: the estimate of an archive's blank rate by two methods, its intervals by location, and a test of what
both assume. Refuses: trusting the assumption: only the shares of the labels may differ from the labelled
media, not what blanks or animals look like to the model. Where the archive's scores are no mixture of the
labelled ones it says so, and the estimate is then not to be used.

Everything is computed from histograms, so the archive may be of any size.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.intervals import LEVEL, Interval, location_bootstrap, share_interval
from blanktrap.core.statistics.location_histograms import LocationHistograms

NUM_RESAMPLES = 1000

SUSPICIOUS = 0.05
"""Chance of a misfit as large, below which a warning is given: one sound archive in twenty gets it too."""

_MOST_BINS = 40
_FEWEST_BINS = 4

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class RateEstimate:
    """A blank rate by one method."""

    value: float
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class BlankRateEstimate:
    """The blank rate of an archive, and how far it can be trusted."""

    by_likelihood: RateEstimate
    """Of all scores: the rate at which the labelled histograms mixed are most likely. The one to use."""
    by_confusion: RateEstimate
    """From the share kept at one cutoff; coarser, and a check of the first."""
    cutoff: float
    """The cutoff of `by_confusion`: where labelled media are told apart best."""
    misfit: float
    """Share of the archive's media whose scores no mixture explains, in [0, 1]."""
    misfit_chance: float | None
    """How often an archive of so many locations like the labelled ones, with this blank rate, fits as badly;
    None where the archive's locations are not known."""
    num_media: int
    """Scored media of the archive."""
    num_labelled_locations: int
    num_archive_locations: int

    @property
    def warning(self) -> str | None:
        """What speaks against using the estimate, in words; None where nothing was found."""
        if self.misfit_chance is None:
            return (
                "the archive's locations are not known, so nobody can test whether blanks and animals there "
                "score like the labelled ones: the estimated blank rate assumes it"
            )
        if self.misfit_chance >= SUSPICIOUS:
            return None
        return (
            f"the archive differs from the labelled media in more than its blank rate: "
            f"{100 * self.misfit:.1f} % of its scores fit no mixture of labelled blanks and animals (chance "
            f"{self.misfit_chance:.3f}); label a sample of it instead of trusting the estimated rate"
        )


def estimate_blank_rate(
    labelled: LocationHistograms,
    archive: NDArray[np.integer],
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> BlankRateEstimate:
    """Estimate the blank rate of an archive without labels.

    Args:
        labelled: media with labels, that the model has not seen, one row a location.
        archive: scored media of the archive, one row a location, bins as in `labelled`, shape
            (num_archive_locations, num_bins); one row alone where locations are not known.
        num_resamples: of labelled and of archive's locations.
        seed: the same seed draws the same locations.
        level: of the intervals.

    Returns:
        Both estimates with intervals, and the test of their assumption.

    Raises:
        EvaluationError: a label is absent, the archive is empty, or the scores do not tell the labels apart.
        IntervalError: a label comes from fewer than two locations.

    Source: Saerens, Latinne & Decaestecker 2002 (likelihood); Lipton, Wang & Smola 2018 (confusion).
    """
    _check(labelled, archive)
    edges = _edges_of(labelled)
    nonblank, blank, target = (
        np.add.reduceat(counts, edges, axis=1) for counts in (labelled.nonblank, labelled.blank, archive)
    )
    split = _best_split(nonblank.sum(axis=0), blank.sum(axis=0))
    animals, blanks = _densities(nonblank.sum(axis=0)), _densities(blank.sum(axis=0))
    scores = _densities(target.sum(axis=0), smooth=0.0)
    sums = location_bootstrap(np.hstack([nonblank, blank]), num_resamples=num_resamples, seed=seed)
    drawn_animals, drawn_blanks = (_densities(part) for part in np.split(sums, 2, axis=1))
    drawn_scores = scores
    has_locations = target.shape[0] > 1
    if has_locations:
        # Another stream: the archive's locations are drawn apart from the labelled ones.
        sums = location_bootstrap(target, num_resamples=num_resamples, seed=seed + 1)
        drawn_scores = _densities(sums, smooth=0.0)
    sizes = np.column_stack([nonblank.sum(axis=1), blank.sum(axis=1)])

    def estimate(value: Floats, values: Floats) -> RateEstimate:
        interval = share_interval(float(value), values, sizes=sizes, level=level)
        return RateEstimate(value=float(value), interval=interval)

    likeliest = _likeliest_rate(animals, blanks, scores)
    misfit = float(_misfit(animals, blanks, scores, likeliest))
    chance = None
    if has_locations:
        expected = _misfits_by_chance(
            nonblank,
            blank,
            drawn_animals,
            drawn_blanks,
            float(likeliest),
            num_locations=target.shape[0],
            seed=seed + 2,
        )
        chance = float((1 + (expected >= misfit).sum()) / (1 + expected.size))
    return BlankRateEstimate(
        by_likelihood=estimate(likeliest, _likeliest_rate(drawn_animals, drawn_blanks, drawn_scores)),
        by_confusion=estimate(
            _confusion_rate(animals, blanks, scores, split),
            _confusion_rate(drawn_animals, drawn_blanks, drawn_scores, split),
        ),
        cutoff=float(edges[split] / (labelled.blank.shape[1] - 1)),
        misfit=misfit,
        misfit_chance=chance,
        num_media=int(target.sum()),
        num_labelled_locations=nonblank.shape[0],
        num_archive_locations=target.shape[0],
    )


def _check(labelled: LocationHistograms, archive: NDArray[np.integer]) -> None:
    if archive.ndim != 2 or archive.shape[1] != labelled.blank.shape[1]:
        raise EvaluationError(
            f"the archive's histogram has the shape {archive.shape}, expected (num_locations, "
            f"{labelled.blank.shape[1]}) as the labelled ones have"
        )
    for name, counts in (("nonblank", labelled.nonblank), ("blank", labelled.blank)):
        if not counts.any():
            raise EvaluationError(
                f"no labelled {name} media: a blank rate is estimated from media of both labels"
            )
    if not archive.any():
        raise EvaluationError("the archive has no scored media to estimate a blank rate of")


def _edges_of(labelled: LocationHistograms) -> NDArray[np.int64]:
    """First bin of each coarser bin: about as many labelled media in each, both labels weighing the same.

    The rarer label has about ten media a bin, so that densities are not those of single media.
    """
    nonblank, blank = labelled.nonblank.sum(axis=0), labelled.blank.sum(axis=0)
    rarer = int(min(nonblank.sum(), blank.sum()))
    num_bins = int(np.clip(rarer // 10, _FEWEST_BINS, _MOST_BINS))
    mixed = nonblank / nonblank.sum() + blank / blank.sum()
    before = np.append(0.0, np.cumsum(mixed)[:-1]) / 2.0
    edges: NDArray[np.int64] = np.unique(
        np.searchsorted(before, np.arange(num_bins) / num_bins, side="left").clip(max=mixed.size - 1)
    )
    return edges


def _densities(counts: NDArray[np.number], *, smooth: float = 0.5) -> Floats:
    """Shares of the bins along the last axis, none of them 0 where smoothed; nan without media."""
    filled = counts + smooth * (counts.sum(axis=-1, keepdims=True) > 0.0)
    whole = filled.sum(axis=-1, keepdims=True)
    shares: Floats = np.full(filled.shape, np.nan)
    np.divide(filled, whole, out=shares, where=whole > 0.0)
    return shares


def _likeliest_rate(nonblank: Floats, blank: Floats, scores: Floats) -> Floats:
    """The blank rate at which the mixture is likeliest; densities of shape (..., num_bins).

    It is where the EM of Saerens et al. stands still. The likelihood is concave in the rate, so its slope is
    bisected instead: no slow convergence where labels overlap.
    """
    shape = np.broadcast_shapes(nonblank.shape, blank.shape, scores.shape)[:-1]
    low, high = np.zeros(shape), np.ones(shape)
    for _ in range(50):
        middle = (low + high) / 2.0
        mixed = middle[..., None] * blank + (1.0 - middle[..., None]) * nonblank
        slope = (scores * (blank - nonblank) / mixed).sum(axis=-1)
        low, high = np.where(slope > 0.0, middle, low), np.where(slope > 0.0, high, middle)
        low, high = (np.where(np.isnan(slope), np.nan, bound) for bound in (low, high))
    return (low + high) / 2.0


def _best_split(nonblank: NDArray[np.integer], blank: NDArray[np.integer]) -> int:
    """The bin that opens where recall and blank recall sum highest (Youden 1950)."""
    missed = np.cumsum(nonblank)[:-1] / nonblank.sum()
    removed = np.cumsum(blank)[:-1] / blank.sum()
    if not missed.size or (removed - missed).max() <= 0.0:
        raise EvaluationError(
            "the scores do not tell labelled blanks from animals, so they say nothing of a blank rate"
        )
    return int(np.argmax(removed - missed)) + 1


def _confusion_rate(nonblank: Floats, blank: Floats, scores: Floats, split: int) -> Floats:
    """b from the kept share (1-b)·R + b·(1-S): b = (R - kept) / (R + S - 1), within [0, 1]."""
    recall, kept_blank, kept = (part[..., split:].sum(axis=-1) for part in (nonblank, blank, scores))
    gap = recall - kept_blank
    rates: Floats = np.full(np.broadcast_shapes(np.shape(gap), np.shape(kept)), np.nan)
    np.divide(recall - kept, gap, out=rates, where=gap > 0.0)
    return np.clip(rates, 0.0, 1.0)


def _misfit(nonblank: Floats, blank: Floats, scores: Floats, rates: Floats) -> Floats:
    """Total variation between scores and mixture: the share of media that would have to score otherwise."""
    mixed = rates[..., None] * blank + (1.0 - rates[..., None]) * nonblank
    distance: Floats = 0.5 * np.abs(scores - mixed).sum(axis=-1)
    return distance


def _misfits_by_chance(
    nonblank: NDArray[np.integer],
    blank: NDArray[np.integer],
    drawn_nonblank: Floats,
    drawn_blank: Floats,
    rate: float,
    *,
    num_locations: int,
    seed: int,
) -> Floats:
    """Misfits of archives whose locations are drawn from the labelled ones, mixed at the rate.

    Each is compared with labelled locations drawn apart from it, so that what locations differ by counts
    twice, as it does between a real archive and the media labelled elsewhere.
    """
    num = nonblank.shape[0]
    generator = np.random.default_rng(seed)
    weights = generator.multinomial(num_locations, np.full(num, 1.0 / num), size=drawn_blank.shape[0])
    archives = rate * _densities(weights @ blank, smooth=0.0)
    archives += (1.0 - rate) * _densities(weights @ nonblank, smooth=0.0)
    rates = _likeliest_rate(drawn_nonblank, drawn_blank, archives)
    found = _misfit(drawn_nonblank, drawn_blank, archives, rates)
    return found[~np.isnan(found)]
