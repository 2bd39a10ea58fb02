"""What a model card says of a trained network, from its scores of the validation media.

Owns: the calibration, the recommended cutoff, the figures with their intervals, and what to warn of. Refuses:
files, and figures of the network's own scores where they are calibrated: a card speaks of the `p_nonblank`
that scoring gives.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blanktrap.core.config import TrainConfig
from blanktrap.core.errors import CutoffError, EvaluationError, IntervalError
from blanktrap.core.evaluation.calibrating import Calibration, calibrate
from blanktrap.core.evaluation.epoch_figures import EpochFigures, measure_epoch
from blanktrap.core.evaluation.figures import share_figures
from blanktrap.core.evaluation.measured import Measured
from blanktrap.core.model_card import (
    BANNER_WARNING,
    Bounds,
    CutoffPromise,
    FigureIntervals,
    ValidationFigures,
)
from blanktrap.core.statistics.cutoffs import choose_cutoff
from blanktrap.core.statistics.intervals import Interval, describe_trust
from blanktrap.core.statistics.location_histograms import area_intervals, histogram_by_location
from blanktrap.core.statistics.locations import Names, code_locations
from blanktrap.core.statistics.metrics import confusion_counts, rank_scores
from blanktrap.core.statistics.promises import promise_cutoff
from blanktrap.core.wording import number

Bools = NDArray[np.bool_]
Scores = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The fields of a model card that are measured; see there."""

    metrics: ValidationFigures
    recommended_cutoff: float
    calibration: Calibration | None = None
    intervals: FigureIntervals | None = None
    figures: EpochFigures | None = None
    promise: CutoffPromise | None = None
    warnings: tuple[str, ...] = ()


def measure_model(
    p_nonblank: ArrayLike,
    is_nonblank: ArrayLike,
    *,
    locations: Names,
    sequences: ArrayLike,
    is_night: ArrayLike,
    config: TrainConfig,
) -> ModelFacts:
    """Calibrate a network's scores and measure what comes of it.

    Args:
        p_nonblank: the network's own scores of validation media in [0, 1], float32, shape (num_media,).
        is_nonblank: human labels, boolean, shape (num_media,).
        locations: names, null for no known location, shape (num_media,).
        sequences: a number for each sequence, -1 for media that are in none, shape (num_media,).
        is_night: infrared or flash, boolean, shape (num_media,).
        config: the recipe: kind of calibration, recall to keep, and the crop of the banner.

    Raises:
        CutoffError: there is no nonblank media.
        EvaluationError: there is no blank media to calibrate with, the shapes differ, or a score is no number
            in [0, 1].
    """
    scores, labels = np.asarray(p_nonblank, dtype=np.float32), np.asarray(is_nonblank, dtype=bool)
    codes, names = code_locations(locations)
    if codes.shape != scores.shape:
        raise EvaluationError(f"{scores.shape} scores do not match {codes.shape} locations")
    calibration = calibrate(scores, labels, codes, config.calibration)
    p = scores if calibration is None else calibration.map.apply(scores)
    cutoff = choose_cutoff(p, labels, min_recall=config.min_recall)
    metrics = _measure(p, labels, cutoff, num_locations=len(names) - names.count(None))
    return ModelFacts(
        metrics=metrics,
        recommended_cutoff=cutoff,
        calibration=calibration,
        intervals=_intervals(p, labels, codes, names, cutoff, metrics),
        figures=measure_epoch(p, labels, is_night=is_night, sequences=sequences),
        promise=_promise(p[labels], codes[labels], config.min_recall),
        warnings=tuple(_warnings(config, calibration, len(names))),
    )


def _measure(p: Scores, labels: Bools, cutoff: float, *, num_locations: int) -> ValidationFigures:
    ranked, counts = rank_scores(p, labels), confusion_counts(p, labels, cutoff)
    both = bool(ranked.blank.size)
    return ValidationFigures(
        num_media=labels.size,
        num_nonblank=ranked.nonblank.size,
        num_locations=num_locations,
        average_precision=ranked.average_precision() if both else None,
        area_under_roc=ranked.area_under_roc() if both else None,
        nonblank_recall=counts.nonblank_recall or 0.0,
        blank_recall=counts.blank_recall,
        nonblank_precision=counts.nonblank_precision,
    )


def _intervals(
    p: Scores,
    labels: Bools,
    codes: NDArray[np.int64],
    names: list[object],
    cutoff: float,
    metrics: ValidationFigures,
) -> FigureIntervals:
    # Where counts by location are wanted, number 0 is "no known location"; `names` has it last.
    numbers = np.array([0 if name is None else place + 1 for place, name in enumerate(names)], np.int32)
    known = [str(name) for name in names if name is not None]
    measured = Measured(
        p_nonblank=p,
        is_nonblank=labels,
        location=numbers[codes],
        is_night=np.zeros(labels.size, dtype=bool),
        locations=(None, *known),
        not_scored=np.zeros((len(known) + 1, 2), np.int64),
    )
    shares = share_figures(measured.counts_at(cutoff), beta=1.0, seed=0, measured_on="validation media")
    roc, average = _area_bounds(p, labels, codes, metrics)
    return FigureIntervals(
        num_locations=len(names),
        average_precision=average,
        area_under_roc=roc,
        nonblank_recall=shares["nonblank_recall"].interval,
        blank_recall=shares["blank_recall"].interval,
        nonblank_precision=shares["nonblank_precision"].interval,
    )


def _area_bounds(
    p: Scores, labels: Bools, codes: NDArray[np.int64], metrics: ValidationFigures
) -> tuple[Bounds | None, Bounds | None]:
    if metrics.area_under_roc is None or metrics.average_precision is None:
        return None, None
    # Areas depend on the order alone: ranks fill the histogram's bins evenly, probabilities may share a few.
    distinct, place = np.unique(p, return_inverse=True)
    try:
        found = area_intervals(
            histogram_by_location(place / distinct.size, labels, codes),
            area_under_roc=metrics.area_under_roc,
            average_precision=metrics.average_precision,
        )
    except IntervalError:
        return None, None  # one of the labels comes from one location only
    return _bounds(found.area_under_roc), _bounds(found.average_precision)


def _bounds(interval: Interval | None) -> Bounds | None:
    return None if interval is None else (max(interval.low, 0.0), min(interval.high, 1.0))


def _promise(p_of_nonblank: Scores, locations: NDArray[np.int64], min_recall: float) -> CutoffPromise:
    try:
        found = promise_cutoff(p_of_nonblank, locations, min_recall=min_recall)
    except CutoffError as problem:
        return CutoffPromise(min_recall=min_recall, cutoff=None, recall_bound=None, said=str(problem))
    return CutoffPromise(
        min_recall=min_recall,
        cutoff=found.cutoff,
        recall_bound=found.recall_bound,
        said=found.promise,
    )


def _warnings(config: TrainConfig, calibration: Calibration | None, num_locations: int) -> list[str]:
    said = []
    if not config.preprocessing.banner_top and not config.preprocessing.banner_bottom:
        said.append(BANNER_WARNING)
    trust = describe_trust(num_locations)
    if trust is not None:
        said.append(trust)
    if calibration is None:
        return said
    if calibration.map.kind != calibration.asked_for:
        said.append(
            f"{number(calibration.num_media, 'validation media')} have too few of one label for an "
            f"{calibration.asked_for} calibration: a {calibration.map.kind} was fitted"
        )
    if calibration.elsewhere is None:
        said.append(
            "the validation media come from too few locations to tell what the calibration is worth at others"
        )
    elif calibration.gain is not None and calibration.gain <= 0.0:
        said.append(
            f"the calibration does not help at locations it was not fitted on (log loss "
            f"{calibration.elsewhere.log_loss:.3f} there, {-calibration.gain:.3f} less without it): take "
            f"p_nonblank for a rank, not for a probability"
        )
    return said
