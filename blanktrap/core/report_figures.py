"""From counts to the figures and warnings of a report.

Owns: which figure rests on which media and locations, and the plain words of warnings. Refuses: reading
scores, and hiding that a model is measured on what it was trained on.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.extrapolation import extrapolate_counts
from blanktrap.core.metrics import ConfusionCounts
from blanktrap.core.report import Report
from blanktrap.core.report_parts import (
    Archive,
    AtCutoff,
    Confusion,
    Extrapolated,
    Figure,
    MeasuredOn,
    SavingsFigures,
)
from blanktrap.core.savings import HandWork, savings_of
from blanktrap.core.tally import GroupCounts, Measured, Tally
from blanktrap.core.vocabulary import Split, Status

_HALF = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Basis:
    """Everything that a report is made of."""

    tally: Tally
    measured: Measured
    split: str | None
    """The split measured; None for all labelled media."""
    config: EvaluateConfig
    cutoff_from: str
    labels_from: str
    scores: str
    run: dict[str, Any]
    """The content of run.json."""
    num_expected: int
    """Media of the manifest."""
    is_complete: bool

    @property
    def model(self) -> dict[str, Any]:
        """The model as run.json names it."""
        return dict(self.run.get("model") or {})

    @cached_property
    def seen_locations(self) -> frozenset[str] | None:
        """Locations the model was trained or validated on; None where the model card does not say."""
        named = self.model.get("training_locations")
        return (
            None
            if named is None
            else frozenset(named) | frozenset(self.model.get("validation_locations") or ())
        )

    def num_locations(self, *names: str) -> int:
        """Known locations with at least one measured media in the named groups."""
        return sum(
            location is not None and any(getattr(group, name) for name in names)
            for location, group in self.measured.by_location.items()
        )


def build_report(basis: Basis, *, created_at: datetime, version: str, warnings: list[str]) -> Report:
    """Compute every figure.

    Args:
        basis: what was counted, and where it comes from.
        created_at: now.
        version: of blanktrap.
        warnings: what the reader of the scores already has to say.
    """
    config, tally = basis.config, basis.tally
    on = _measured_on(basis)
    at_cutoffs = tuple(_at_cutoff(basis, one, by, on) for one, by in _cutoffs(basis).items())
    work = HandWork(images_per_hour=config.images_per_hour, hours_per_week=config.hours_per_week)
    archive = Archive(
        num_media=tally.num_media,
        statuses={status.value: tally.statuses[status.value] for status in Status},
        num_kept=tally.statuses[Status.OK.value] - tally.num_set_aside,
        num_set_aside=tally.num_set_aside,
        hours_saved=work.hours(tally.num_set_aside),
    )
    identity = basis.run.get("identity") or {}
    return Report(
        created_at=created_at,
        warnings=(*warnings, *_warnings(basis, on)),
        scores=basis.scores,
        manifest_digest=identity.get("manifest_digest"),
        model={key: value for key, value in basis.model.items() if not key.endswith("_locations")},
        versions={**(basis.run.get("versions") or {}), "blanktrap_evaluate": version},
        config=config.model_dump(mode="json"),
        measured_on=on,
        at_cutoffs=at_cutoffs,
        figures={**at_cutoffs[0].figures, **_area_figures(basis, on)},
        extrapolations=tuple(
            _extrapolated(basis, rate, on, work) for rate in config.blank_rates if not isinstance(rate, str)
        ),
        archive=archive,
    )


def _cutoffs(basis: Basis) -> dict[float, str]:
    """The cutoffs to measure at and who chose each: the chosen one first, 0.5 always among them."""
    cutoffs = {basis.tally.cutoff: basis.cutoff_from}
    for one in basis.config.cutoffs:
        cutoffs.setdefault(one, "set by --cutoff")
    cutoffs.setdefault(_HALF, "always shown")
    return cutoffs


def _at_cutoff(basis: Basis, cutoff: float, chosen_by: str, on: MeasuredOn) -> AtCutoff:
    counts = basis.measured.ranked.confusion_at(cutoff)
    return AtCutoff(
        cutoff=cutoff,
        chosen_by=chosen_by,
        confusion=Confusion.of(counts, cutoff=cutoff),
        figures=_share_figures(basis, counts, counts, on.description),
    )


def _extrapolated(basis: Basis, blank_rate: float, on: MeasuredOn, work: HandWork) -> Extrapolated:
    counts = basis.measured.ranked.confusion_at(basis.tally.cutoff)
    num_media = basis.config.num_archive_media
    expected = extrapolate_counts(counts, blank_rate=blank_rate, num_media=num_media)
    calculated = f"calculated for a blank rate of {100.0 * blank_rate:.3g} % from {on.description}"
    return Extrapolated(
        blank_rate=blank_rate,
        blank_rate_from="set by --blank-rate",
        num_media=num_media,
        confusion=Confusion.of(expected, cutoff=basis.tally.cutoff),
        figures=_share_figures(basis, expected, counts, calculated),
        savings=SavingsFigures.of(savings_of(expected, work)),
    )


def _measured_on(basis: Basis) -> MeasuredOn:
    measured = basis.measured
    num_nonblank, num_blank = measured.ranked.nonblank.size, measured.ranked.blank.size
    places = basis.num_locations("kept_nonblank", "missed_nonblank", "kept_blank", "removed_blank")
    nowhere = measured.by_location.get(None, GroupCounts()).confusion.num_media
    part = f"{basis.split} media" if basis.split else "labelled media"
    where = f"at {places:,} location{'' if places == 1 else 's'}" if places else "at unknown locations"
    return MeasuredOn(
        description=(
            f"{num_nonblank + num_blank:,} {part} {where} ({num_nonblank:,} nonblank, {num_blank:,} blank)"
        ),
        split=basis.split,
        num_nonblank=num_nonblank,
        num_blank=num_blank,
        num_locations=places,
        num_without_location=int(nowhere),
        num_sequence_labels=measured.total.num_sequence_labels,
        num_not_scored_nonblank=measured.total.not_scored_nonblank,
        num_not_scored_blank=measured.total.not_scored_blank,
        labels_from=basis.labels_from,
    )


def _share_figures(
    basis: Basis, counts: ConfusionCounts, rests_on: ConfusionCounts, measured_on: str
) -> dict[str, Figure]:
    """The four shares of `counts`, each with the measured media and locations it rests on."""
    nonblank, blank = ("kept_nonblank", "missed_nonblank"), ("kept_blank", "removed_blank")
    kept = ("kept_nonblank", "kept_blank")
    rows: list[tuple[str, float | None, float, tuple[str, ...]]] = [
        ("nonblank_recall", counts.nonblank_recall, rests_on.num_nonblank, nonblank),
        ("nonblank_precision", counts.nonblank_precision, rests_on.num_kept, kept),
        ("blank_recall", counts.blank_recall, rests_on.num_blank, blank),
        ("kept_share", counts.kept_share, rests_on.num_media, nonblank + blank),
    ]
    return {
        name: Figure(
            value=value, n=int(num), num_locations=basis.num_locations(*groups), measured_on=measured_on
        )
        for name, value, num, groups in rows
    }


def _area_figures(basis: Basis, on: MeasuredOn) -> dict[str, Figure]:
    ranked = basis.measured.ranked
    areas = {"average_precision": ranked.average_precision(), "area_under_roc": ranked.area_under_roc()}
    return {
        name: Figure(value=value, n=on.num_media, num_locations=on.num_locations, measured_on=on.description)
        for name, value in areas.items()
    }


def _warnings(basis: Basis, on: MeasuredOn) -> list[str]:
    found = []
    if not basis.is_complete:
        found.append(
            f"the scores are incomplete: {basis.tally.num_media:,} of {basis.num_expected:,} media; "
            f"what is missing may differ"
        )
    found += _leak_warnings(basis)
    if on.num_locations <= 1 and not on.num_without_location:
        found.append("all measured media come from one location: this says little about any other")
    elif on.num_without_location:
        found.append(
            f"{on.num_without_location:,} of the {on.num_media:,} measured media have no known location: "
            f"nobody can tell whether the model was trained there"
        )
    if on.num_sequence_labels:
        found.append(
            f"{on.num_sequence_labels:,} labels were given to whole sequences: a frame without the animal "
            f"counts as missed when it is called blank"
        )
    return found


def describe_seen(basis: Basis) -> str | None:
    """Say which of the measured media the model has seen; None where it has seen none that are known."""
    seen = {name: basis.measured.by_split.get(name, 0) for name in (Split.TRAIN.value, Split.VAL.value)}
    parts = [f"{num:,} {name}" for name, num in seen.items() if num]
    if parts:
        return f"the measured media include {' and '.join(parts)} media that the model has seen"
    shared = {
        location: group.confusion.num_media
        for location, group in basis.measured.by_location.items()
        if location in (basis.seen_locations or ())
    }
    if not shared:
        return None
    total = sum(group.confusion.num_media for group in basis.measured.by_location.values())
    return (
        f"{int(sum(shared.values())):,} of the {int(total):,} measured media come from {len(shared):,} "
        f"location{'' if len(shared) == 1 else 's'} the model was trained or validated on"
    )


def _leak_warnings(basis: Basis) -> list[str]:
    """Say when the model is measured on media or places that it has seen."""
    seen = describe_seen(basis)
    if seen is not None:
        return [f"{seen}: the figures are too good for new locations"]
    if basis.seen_locations is None:
        return [
            "the model card names no training locations: nobody can tell whether the model has seen "
            "the measured ones"
        ]
    return []
