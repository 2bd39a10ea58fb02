"""From counts to the figures of a report.

Owns: which figures a report has, and what each was measured on, in words. Refuses: reading scores, and the
arithmetic of a figure, which is `figures`; warnings are `report_warnings`.
"""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.archive_blanks import estimate_unlabelled
from blanktrap.core.evaluation.basis import Basis, describe_places
from blanktrap.core.evaluation.cutoff_choice import DAY, NIGHT
from blanktrap.core.evaluation.figures import curve_bands, extrapolated_figures, share_figures
from blanktrap.core.evaluation.measured import Measured
from blanktrap.core.evaluation.tally import IS_NIGHT
from blanktrap.core.reporting.report import Report
from blanktrap.core.reporting.report_parts import (
    Archive,
    AtCutoff,
    Confusion,
    EstimatedBlankRate,
    Extrapolated,
    SavingsFigures,
    Sequences,
    Strata,
    StratifiedCounts,
)
from blanktrap.core.reporting.report_warnings import describe_refusals, describe_warnings
from blanktrap.core.statistics.extrapolation import extrapolate_counts
from blanktrap.core.statistics.metrics import ConfusionCounts, Counts, Floats
from blanktrap.core.statistics.savings import HandWork, MachineWork, NetSavings, savings_of
from blanktrap.core.vocabulary import Status
from blanktrap.core.wording import number


def build_report(basis: Basis, *, created_at: datetime, version: str) -> Report:
    """Compute every figure.

    Args:
        basis: what was counted, and where it comes from.
        created_at: now.
        version: of blanktrap.
    """
    config = basis.config
    at_cutoffs = _at_cutoffs(basis, basis.measured, basis.on.description)
    work = HandWork(
        images_per_hour=config.images_per_hour,
        hours_per_week=config.hours_per_week,
        cost_per_hour=config.cost_per_hour,
    )
    identity = basis.run.get("identity") or {}
    sequences = _sequences(basis)
    estimate = estimate_unlabelled(basis) if "estimate" in config.blank_rates else None
    return Report(
        created_at=created_at,
        warnings=(
            *basis.label_warnings,
            *describe_warnings(basis),
            *([estimate.warning] if estimate is not None and estimate.warning else []),
        ),
        refused=describe_refusals(basis),
        scores=basis.scores,
        manifest_digest=identity.get("manifest_digest"),
        model={key: value for key, value in basis.model.items() if not key.endswith("_locations")},
        versions={**(basis.run.get("versions") or {}), "blanktrap_evaluate": version},
        config=config.model_dump(mode="json"),
        measured_on=basis.on,
        at_cutoffs=at_cutoffs,
        figures={**at_cutoffs[0].figures, **basis.bands.areas},
        sequences=sequences,
        promise=basis.chosen.promise,
        strata=_strata(basis),
        extrapolations=tuple(_extrapolated(basis, *rate, work) for rate in _blank_rates(basis, estimate)),
        blank_rate_estimate=estimate,
        archive=_archive(basis, work),
    )


def _archive(basis: Basis, work: HandWork) -> Archive:
    tally = basis.tally
    num_set_aside = tally.num_below(basis.cutoff)
    return Archive(
        num_media=tally.num_media,
        statuses={status.value: tally.statuses[status.value] for status in Status},
        num_kept=tally.statuses[Status.OK.value] - num_set_aside,
        num_set_aside=num_set_aside,
        hours_saved=work.hours(num_set_aside),
    )


def _at_cutoffs(basis: Basis, measured: Measured, measured_on: str) -> tuple[AtCutoff, ...]:
    config = basis.config
    found = []
    for cutoff, chosen_by in basis.cutoffs.items():
        counts = measured.counts_at(cutoff)
        # Such figures are a little too good, and say so wherever they are read.
        is_own_choice = cutoff == basis.cutoff and basis.is_chosen_on_measured
        also = "; the cutoff was chosen on these media" if is_own_choice else ""
        found.append(
            AtCutoff(
                cutoff=cutoff,
                chosen_by=chosen_by,
                confusion=Confusion.of(counts_of(counts.sum(axis=0)), cutoff=cutoff),
                figures=share_figures(
                    counts, beta=config.beta, seed=config.seed, measured_on=f"{measured_on}{also}"
                ),
            )
        )
    return tuple(found)


def counts_of(sums: Counts) -> ConfusionCounts:
    """Four sums, in the order of the columns of counts by location, as confusion counts."""
    kept_nonblank, missed_nonblank, kept_blank, removed_blank = (int(num) for num in sums)
    return ConfusionCounts(
        kept_nonblank=kept_nonblank,
        missed_nonblank=missed_nonblank,
        kept_blank=kept_blank,
        removed_blank=removed_blank,
    )


def _sequences(basis: Basis) -> Sequences | None:
    found = basis.sequences
    if found is None or not found.measured.p_nonblank.size:
        return None
    measured = found.measured
    num_nonblank, num_blank = (int(num) for num in measured.sizes.sum(axis=0))
    places = measured.num_known_locations(measured.sizes)
    description = (
        f"{number(num_nonblank + num_blank, 'sequence')} {describe_places(places)} "
        f"({num_nonblank:,} nonblank, {num_blank:,} blank; {found.num_labelled_whole:,} labelled as a whole)"
    )
    return Sequences(
        description=description,
        num_nonblank=num_nonblank,
        num_blank=num_blank,
        num_locations=places,
        num_labelled_whole=found.num_labelled_whole,
        num_partly_scored=found.num_partly_scored,
        num_not_scored_nonblank=int(measured.not_scored[:, 0].sum()),
        num_not_scored_blank=int(measured.not_scored[:, 1].sum()),
        num_undecided=found.num_undecided,
        num_media_without_sequence=found.num_media_without_sequence,
        at_cutoffs=_at_cutoffs(basis, measured, description),
        figures=curve_bands(measured, seed=basis.config.seed, measured_on=description).areas,
    )


def _strata(basis: Basis) -> Strata | None:
    promised = basis.chosen.by_stratum
    if promised is None:
        return None
    day, night = (promised[name].cutoff if name in promised else 0.0 for name in (DAY, NIGHT))
    measured, rows = basis.measured, basis.tally.rows

    def is_kept(scores: Floats, is_night: NDArray[np.bool_]) -> NDArray[np.bool_]:
        kept: NDArray[np.bool_] = scores >= np.where(is_night, np.float32(night), np.float32(day))
        return kept

    counts = measured.counts_where(is_kept(measured.p_nonblank, measured.is_night))
    scored = ~np.isnan(rows.p_nonblank)
    kept = is_kept(rows.p_nonblank[scored], rows.has(IS_NIGHT)[scored])
    return Strata(
        cutoffs=promised,
        confusion=StratifiedCounts.model_validate(vars(counts_of(counts.sum(axis=0)))),
        figures=share_figures(
            counts, beta=basis.config.beta, seed=basis.config.seed, measured_on=basis.on.description
        ),
        num_set_aside=int((~kept).sum()),
    )


def _blank_rates(basis: Basis, estimate: EstimatedBlankRate | None) -> list[tuple[float, str]]:
    """The blank rates to extrapolate to, and who set each."""
    is_set = "blank_rates" in basis.config.model_fields_set
    rates = []
    for rate in basis.config.blank_rates:
        if isinstance(rate, str):
            assert estimate is not None
            assert estimate.by_likelihood.value is not None
            rates.append((estimate.by_likelihood.value, "estimated, taken as exact"))
        else:
            rates.append((rate, "set by --blank-rate" if is_set else "the default"))
    return rates


def _extrapolated(basis: Basis, blank_rate: float, blank_rate_from: str, work: HandWork) -> Extrapolated:
    config = basis.config
    by_location = basis.measured.counts_at(basis.cutoff)
    expected = extrapolate_counts(
        counts_of(by_location.sum(axis=0)), blank_rate=blank_rate, num_media=config.num_archive_media
    )
    num_pile = expected.missed_nonblank + expected.removed_blank
    if config.num_audit_images > num_pile:
        raise EvaluationError(
            f"--audit-images {config.num_audit_images:,}: only {num_pile:,.0f} of "
            f"{config.num_archive_media:,} media lie below the cutoff at a blank rate of "
            f"{100.0 * blank_rate:.3g} %: give at most so many, or another --blank-rate or cutoff"
        )
    calculated = f"calculated for a blank rate of {100.0 * blank_rate:.3g} % from {basis.on.description}"
    return Extrapolated(
        blank_rate=blank_rate,
        blank_rate_from=blank_rate_from,
        num_media=config.num_archive_media,
        confusion=Confusion.of(expected, cutoff=basis.cutoff),
        figures=extrapolated_figures(
            by_location,
            blank_rate=blank_rate,
            num_media=config.num_archive_media,
            images_per_hour=config.images_per_hour,
            seed=config.seed,
            measured_on=calculated,
        ),
        savings=SavingsFigures.of(
            NetSavings(
                savings=savings_of(expected, work),
                num_audited=config.num_audit_images,
                machine=_machine(basis),
            )
        ),
    )


def _machine(basis: Basis) -> MachineWork | None:
    """The machine hours of scoring the archive that is extrapolated to, at the pace of the run."""
    config, wall_s = basis.config, basis.wall_s
    if config.price_per_hour is None or wall_s is None:
        return None
    times = config.num_archive_media / basis.num_expected
    return MachineWork(wall_s=wall_s, price_per_hour=config.price_per_hour).for_times_as_many(times)
