"""What an evaluation says: every figure with what it was measured on.

Owns: the content of `report.json`. Refuses: a figure without its count of media and locations, and
printing; `blanktrap.core.summary` words it for people.

A field that a newer program of the same schema version adds is ignored on reading.
"""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from blanktrap.core.metrics import ConfusionCounts
from blanktrap.core.savings import Savings
from blanktrap.core.schemas import REPORT_VERSION


class Part(BaseModel):
    """The parent of all parts of a report: frozen."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Figure(Part):
    """One number and what stands behind it."""

    value: float | None
    """None where there is nothing to divide by."""
    interval: tuple[float, float] | None = None
    """95 % interval by location; None where none was computed."""
    n: int
    """Media that the figure is a share or mean of."""
    num_locations: int
    """Known locations these media come from."""
    measured_on: str
    """In words."""


class Confusion(Part):
    """Confusion counts at a cutoff. Media that were not scored are in none of them."""

    cutoff: float
    kept_nonblank: float
    missed_nonblank: float
    kept_blank: float
    removed_blank: float

    @classmethod
    def of(cls, counts: ConfusionCounts, *, cutoff: float) -> Self:
        """From counts."""
        return cls(
            cutoff=cutoff,
            kept_nonblank=counts.kept_nonblank,
            missed_nonblank=counts.missed_nonblank,
            kept_blank=counts.kept_blank,
            removed_blank=counts.removed_blank,
        )

    @property
    def counts(self) -> ConfusionCounts:
        """The counts, for arithmetic."""
        return ConfusionCounts(
            kept_nonblank=self.kept_nonblank,
            missed_nonblank=self.missed_nonblank,
            kept_blank=self.kept_blank,
            removed_blank=self.removed_blank,
        )


class MeasuredOn(Part):
    """The labelled media that the figures were measured on."""

    description: str
    """In words: which part, how many, where from."""
    split: str | None
    """`train`, `val` or `test`; None for all labelled media."""
    num_nonblank: int
    """Scored media with this label."""
    num_blank: int
    num_locations: int
    """Known locations they come from."""
    num_without_location: int
    """Scored labelled media of no known location."""
    num_sequence_labels: int
    """Labels that were given to a whole sequence and not to this frame."""
    num_not_scored_nonblank: int
    """Labelled media without a score: kept for people, in no other figure."""
    num_not_scored_blank: int
    labels_from: str
    """Where the labels come from: the scores, or a manifest."""

    @property
    def num_media(self) -> int:
        """Scored labelled media."""
        return self.num_nonblank + self.num_blank

    @property
    def num_not_scored(self) -> int:
        """Labelled media without a score."""
        return self.num_not_scored_nonblank + self.num_not_scored_blank


class Archive(Part):
    """All media of the scores dataset, labelled or not."""

    num_media: int
    statuses: dict[str, int]
    """Media by status; they sum to `num_media`."""
    num_kept: int
    """Scored media at or above the cutoff."""
    num_set_aside: int
    """Scored media below the cutoff. Whether they are truly blank, nobody has looked."""
    hours_saved: float
    """Hours that looking at those set aside would have taken."""

    @property
    def num_not_scored(self) -> int:
        """Media without a score, kept for people."""
        return self.num_media - self.num_kept - self.num_set_aside


class SavingsFigures(Part):
    """Savings as they are written down; each count with its own name."""

    num_blanks_removed: float
    num_nonblank_lost: float
    num_not_looked_at: float
    hours_not_looking: float
    weeks_not_looking: float
    hours_on_blanks: float
    weeks_on_blanks: float
    images_per_hour: float
    hours_per_week: float

    @classmethod
    def of(cls, savings: Savings) -> Self:
        """From savings."""
        return cls(
            num_blanks_removed=savings.num_blanks_removed,
            num_nonblank_lost=savings.num_nonblank_lost,
            num_not_looked_at=savings.num_not_looked_at,
            hours_not_looking=savings.hours_not_looking,
            weeks_not_looking=savings.weeks_not_looking,
            hours_on_blanks=savings.hours_on_blanks,
            weeks_on_blanks=savings.weeks_on_blanks,
            images_per_hour=savings.work.images_per_hour,
            hours_per_week=savings.work.hours_per_week,
        )


class Extrapolated(Part):
    """What to expect of an archive with another blank rate: a calculation, not a measurement."""

    blank_rate: float
    num_media: int
    confusion: Confusion
    """Expected counts."""
    figures: dict[str, Figure]
    """`nonblank_recall`, `nonblank_precision`, `blank_recall`, `kept_share`."""
    savings: SavingsFigures


class Report(Part):
    """The content of `report.json`."""

    schema_version: int = REPORT_VERSION
    created_at: datetime
    warnings: list[str]
    """In plain words; to be read before any figure."""
    scores: str
    """Location of the scores dataset."""
    manifest_digest: str | None
    model: dict[str, Any]
    """The model as run.json names it."""
    versions: dict[str, str]
    config: dict[str, Any]
    """The resolved configuration."""
    cutoff: float
    cutoff_from: str
    """Who chose it: the command line, the model card, or nobody (0.5)."""
    measured_on: MeasuredOn
    figures: dict[str, Figure]
    """At the cutoff: `nonblank_recall`, `nonblank_precision`, `blank_recall`, `kept_share`; over all cutoffs:
    `average_precision`, `area_under_roc`."""
    confusion_at_cutoff: Confusion
    confusion_at_half: Confusion
    extrapolated: Extrapolated
    archive: Archive

    def lines(self) -> list[str]:
        """The short summary for people: warnings first, then figures, about 20 lines."""
        # The wording needs this class, so it can only be imported once this module stands.
        from blanktrap.core.summary import summarise

        return summarise(self)
