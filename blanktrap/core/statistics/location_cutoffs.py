"""A cutoff for each labelled location, with one promise for all of them.

Owns: how much higher or lower a location's animals score than is usual, shrunk towards the usual where few
were seen, and the promise over all locations. Refuses: a cutoff for a location without labels: nothing is
known of it, and `promise_cutoff` is for those.

Media are divided in two, whole sequences at a time. One half says how each location differs; on the other
half, which no shift was fitted to, the common cutoff is promised as ever, by location. The promise is about
further media of locations labelled as these were; shifts that do not help make the cutoffs lower.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from blanktrap.core.errors import CutoffError
from blanktrap.core.statistics.locations import Names, code_locations
from blanktrap.core.statistics.metrics import check_scores
from blanktrap.core.statistics.promises import PromisedCutoff, promise_cutoff

# Scores nearer to 0 or 1 have no finite logit to speak of.
_EDGE = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LocationCutoffs:
    """Cutoffs of labelled locations."""

    cutoffs: dict[object, float]
    """By location, in (0, 1); None stands for all media of no known location."""
    common: PromisedCutoff
    """The promise; its cutoff is that of a location whose animals score as is usual."""


def promise_cutoffs_by_location(
    p_nonblank: ArrayLike,
    locations: Names,
    sequences: Names,
    *,
    min_recall: float,
    confidence: float = 0.95,
    seed: int = 0,
) -> LocationCutoffs:
    """Choose a cutoff for each labelled location so that their further media keep the recall promised.

    Args:
        p_nonblank: scores in [0, 1] of true nonblank media, shape (num_nonblank,).
        locations: as for `promise_cutoff`.
        sequences: media with the same value stay in one half, shape (num_nonblank,); media without one
            should have values of their own.
        min_recall, confidence: as for `promise_cutoff`.
        seed: of the division in two.

    Raises:
        PromiseError: the half that the promise is made on cannot support it.
        CutoffError, EvaluationError: as for `promise_cutoff`.

    Source: shrinkage by the best linear predictor of a random location effect (Robinson 1991), variances by
    the method of moments; the promise is `promise_cutoff`'s.
    """
    scores = check_scores(p_nonblank)
    (codes, names), (parts, sequence_names) = code_locations(locations), code_locations(sequences)
    if not scores.shape == codes.shape == parts.shape:
        raise CutoffError(
            f"{scores.shape} scores do not match {codes.shape} locations, {parts.shape} sequences"
        )
    is_fitted = (np.random.default_rng(seed).permutation(len(sequence_names)) % 2 == 0)[parts]
    logits = logit(np.clip(scores.astype(np.float64), _EDGE, 1.0 - _EDGE))
    shifts = _shrunk_shifts(logits[is_fitted], codes[is_fitted], parts[is_fitted], len(names))
    levelled = expit(logits - shifts[codes])
    common = promise_cutoff(
        levelled[~is_fitted], codes[~is_fitted], min_recall=min_recall, confidence=confidence
    )
    # One step down in the scores' own format: no rounding lifts a cutoff above the media it must keep.
    own = expit(logit(common.cutoff) + shifts).astype(scores.dtype)
    lowered = np.nextafter(own, scores.dtype.type(0.0))
    return LocationCutoffs(cutoffs=dict(zip(names, lowered.tolist(), strict=True)), common=common)


def _shrunk_shifts(
    logits: Floats, codes: NDArray[np.int64], parts: NDArray[np.int64], num_locations: int
) -> Floats:
    """How far each location's sequences lie from the mean of all, in logits, shape (num_locations,).

    A sequence counts as one observation, as its frames are nearly the same picture.
    """
    _, firsts, of_sequence = np.unique(parts, return_index=True, return_inverse=True)
    means = np.bincount(of_sequence, weights=logits) / np.bincount(of_sequence)
    places = codes[firsts]
    sizes = np.bincount(places, minlength=num_locations).astype(np.float64)
    there = sizes > 0
    num, groups = means.size, int(there.sum())
    if num <= groups or groups < 2:
        return np.zeros(num_locations)
    centres = np.bincount(places, weights=means, minlength=num_locations) / np.maximum(sizes, 1.0)
    within = float(((means - centres[places]) ** 2).sum()) / (num - groups)
    middle = float(means.mean())
    spread = float(sizes @ (centres - middle) ** 2) - (groups - 1.0) * within
    between = max(spread / (num - float(sizes @ sizes) / num), 0.0)
    trust = between / np.maximum(between + within / np.maximum(sizes, 1.0), 1e-12)
    return np.where(there, trust * (centres - middle), 0.0)
