"""The blank rate of the media that nobody labelled, as a report says it.

Owns: which media the estimate is made of and for. Refuses: an estimate without such media; the arithmetic is
`prior_shift`.
"""

from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.basis import Basis
from blanktrap.core.evaluation.figures import INTERVAL_BY
from blanktrap.core.reporting.report_parts import EstimatedBlankRate, Figure
from blanktrap.core.statistics.prior_shift import RateEstimate, estimate_blank_rate


def estimate_unlabelled(basis: Basis) -> EstimatedBlankRate:
    """Estimate the blank rate of the scored media without a label.

    Raises:
        EvaluationError: there are none, or their scores say nothing of it.
        IntervalError: the labelled media come from one location.
    """
    archive = basis.tally.unlabelled_histogram()
    if not archive.size:
        raise EvaluationError(
            "--blank-rate estimate is for media without a label, and every scored media has one: give the "
            "blank rate as a number"
        )
    found = estimate_blank_rate(basis.measured.histograms(), archive, seed=basis.config.seed)

    def figure(estimate: RateEstimate) -> Figure:
        interval = estimate.interval
        return Figure(
            value=estimate.value,
            interval=None if interval is None else (interval.low, interval.high),
            interval_by=None if interval is None else INTERVAL_BY,
            n=found.num_media,
            num_locations=found.num_archive_locations,
            measured_on=f"{found.num_media:,} scored media without a label, against {basis.on.description}",
        )

    return EstimatedBlankRate(
        num_media=found.num_media,
        num_locations=found.num_archive_locations,
        by_likelihood=figure(found.by_likelihood),
        by_confusion=figure(found.by_confusion),
        misfit=found.misfit,
        misfit_chance=found.misfit_chance,
        warning=found.warning,
    )
