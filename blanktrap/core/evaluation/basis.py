"""What a report is made of, before any figure is computed.

Owns: what was counted, where it comes from, and which media the figures rest on, in words. Refuses: figures;
those are `report_figures`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.evaluation.cutoff_choice import DEFAULT_CUTOFF, ChosenCutoff
from blanktrap.core.evaluation.figures import CurveBands, curve_bands
from blanktrap.core.evaluation.measured import Measured, MeasuredSequences
from blanktrap.core.evaluation.tally import Tally
from blanktrap.core.reporting.report_parts import MeasuredOn
from blanktrap.core.wording import number


@dataclass(frozen=True, kw_only=True, eq=False)
class Basis:
    """Everything that a report is made of."""

    tally: Tally
    measured: Measured
    sequences: MeasuredSequences | None
    """None where no measured media belongs to a known sequence."""
    split: str | None
    """The split measured; None for all labelled media."""
    config: EvaluateConfig
    chosen: ChosenCutoff
    labels_from: str
    scores: str
    run: dict[str, Any]
    """The content of run.json."""
    num_expected: int
    """Media of the manifest."""
    is_complete: bool
    label_warnings: tuple[str, ...] = ()
    """What reading the labels has to say."""

    @property
    def model(self) -> dict[str, Any]:
        """The model as run.json names it."""
        return dict(self.run.get("model") or {})

    @property
    def wall_s(self) -> float | None:
        """Seconds that scoring took; None where run.json does not say, as of a run that has not ended."""
        found = self.run.get("wall_s")
        return float(found) if isinstance(found, int | float) and found > 0.0 else None

    @property
    def cutoff(self) -> float:
        """The chosen cutoff."""
        return self.chosen.value

    @property
    def is_chosen_on_measured(self) -> bool:
        """Whether the promised cutoff was chosen on the media that are measured."""
        config = self.config
        is_promised = config.min_recall is not None and self.chosen.warning is None
        return is_promised and config.choose_on in (None, self.split)

    @cached_property
    def seen_locations(self) -> frozenset[str] | None:
        """Locations the model was trained or validated on; None where the model card does not say."""
        named = self.model.get("training_locations")
        return (
            None
            if named is None
            else frozenset(named) | frozenset(self.model.get("validation_locations") or ())
        )

    @cached_property
    def cutoffs(self) -> dict[float, str]:
        """The cutoffs to measure at and who chose each: the chosen one first, 0.5 always among them."""
        cutoffs = {self.chosen.value: self.chosen.chosen_by}
        for one in self.config.cutoffs:
            cutoffs.setdefault(one, "set by --cutoff")
        cutoffs.setdefault(DEFAULT_CUTOFF, "always shown")
        return cutoffs

    @cached_property
    def on(self) -> MeasuredOn:
        """What the figures by frame were measured on."""
        return _measured_on(self)

    @cached_property
    def bands(self) -> CurveBands:
        """Figures over all cutoffs, by frame."""
        return curve_bands(self.measured, seed=self.config.seed, measured_on=self.on.description)


def _measured_on(basis: Basis) -> MeasuredOn:
    measured = basis.measured
    num_nonblank, num_blank = (int(num) for num in measured.sizes.sum(axis=0))
    return MeasuredOn(
        description=describe_media(measured, basis.split),
        split=basis.split,
        num_nonblank=num_nonblank,
        num_blank=num_blank,
        num_locations=measured.num_known_locations(measured.sizes),
        num_without_location=int(measured.sizes[0].sum()),
        num_sequence_labels=basis.tally.num_sequence_labels(basis.split),
        num_not_scored_nonblank=int(measured.not_scored[:, 0].sum()),
        num_not_scored_blank=int(measured.not_scored[:, 1].sum()),
        labels_from=basis.labels_from,
    )


def describe_media(measured: Measured, split: str | None) -> str:
    """Which labelled media these are, in words."""
    num_nonblank, num_blank = (int(num) for num in measured.sizes.sum(axis=0))
    part = f"{split} media" if split else "labelled media"
    where = describe_places(measured.num_known_locations(measured.sizes))
    return f"{num_nonblank + num_blank:,} {part} {where} ({num_nonblank:,} nonblank, {num_blank:,} blank)"


def describe_places(num_locations: int) -> str:
    """Where media come from, in words."""
    return f"at {number(num_locations, 'location')}" if num_locations else "at unknown locations"
