"""The parts that a report is made of: figures, confusion counts, cutoffs, sequences, savings.

Owns: their fields and what each means. Refuses: computing them, and a figure without its count of media and
locations. `blanktrap.core.reporting.report` puts them together.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict

from blanktrap.core.statistics.metrics import ConfusionCounts
from blanktrap.core.statistics.savings import NetSavings


class Part(BaseModel):
    """The parent of all parts of a report: frozen. What a newer program adds is ignored on reading."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Figure(Part):
    """One number and what stands behind it."""

    value: float | None
    """None where there is nothing to divide by."""
    interval: tuple[float, float] | None = None
    """95 % interval; None where none can be given, as with one location only."""
    interval_by: str | None = None
    """How the interval was made, such as a bootstrap of locations; None where there is none."""
    n: int
    """Media, or sequences, that the figure is a share or mean of."""
    num_locations: int
    """Known locations these come from."""
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


class AtCutoff(Part):
    """What one cutoff does to the measured media, or to their sequences."""

    cutoff: float
    chosen_by: str
    """Who chose it, in words."""
    confusion: Confusion
    figures: dict[str, Figure]
    """`nonblank_recall`, `nonblank_precision`, `blank_recall`, `kept_share`, `f1`, `f_beta`."""


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


class Sequences(Part):
    """The same judged by sequence: kept when any frame is, nonblank when any frame, or the whole, is."""

    description: str
    """In words: how many, and how their labels came about."""
    num_nonblank: int
    """Sequences with this label and at least one scored frame."""
    num_blank: int
    num_locations: int
    num_labelled_whole: int
    """Among both, those whose label was given to the whole sequence."""
    num_partly_scored: int
    """Among both, those with a frame that was not scored; they are judged by the others."""
    num_not_scored_nonblank: int
    """Sequences of which no frame was scored: kept for people, in no figure."""
    num_not_scored_blank: int
    num_undecided: int
    """Sequences of which some frames are labelled blank and the others not at all: in no figure."""
    num_media_without_sequence: int
    """Labelled media that belong to no known sequence: in no figure by sequence."""
    at_cutoffs: tuple[AtCutoff, ...]
    """The report's cutoffs, in the same order."""
    figures: dict[str, Figure]
    """Over all cutoffs: `average_precision`, `area_under_roc`."""

    @property
    def num_not_scored(self) -> int:
        """Labelled sequences of which no frame was scored."""
        return self.num_not_scored_nonblank + self.num_not_scored_blank


class Promise(Part):
    """The nonblank recall that can be promised for new locations, by frame."""

    cutoff: float
    min_recall: float | None
    """The recall that was asked for; None where the cutoff came from elsewhere."""
    confidence: float
    """Chance, over the choice of locations, that the promise holds."""
    promised_recall: float | None
    """Lower bound at the cutoff; None where nothing can be promised."""
    method: str
    """How it was bounded, with its source."""
    n: int
    """Nonblank media it rests on."""
    num_locations: int
    """Locations with nonblank media it rests on."""
    measured_on: str
    refusal: str | None = None
    """Why nothing is promised, and what is missing."""


class StratifiedCounts(Part):
    """Confusion counts where each media has its stratum's cutoff."""

    kept_nonblank: int
    missed_nonblank: int
    kept_blank: int
    removed_blank: int


class Strata(Part):
    """Cutoffs of their own for night and day, by frame; the chosen cutoff of the report stays one for all."""

    cutoffs: dict[str, Promise]
    """By stratum, `day` and `night`; media of which nobody knows count as day."""
    confusion: StratifiedCounts
    figures: dict[str, Figure]
    """As at one cutoff."""
    num_set_aside: int
    """Scored media, labelled or not, below their stratum's cutoff."""


class EstimatedBlankRate(Part):
    """The blank rate of the media that nobody labelled, inferred from their scores."""

    num_media: int
    """Scored media without a label."""
    num_locations: int
    """Groups these come from; all of no known location are one."""
    by_likelihood: Figure
    """Of all scores (Saerens et al. 2002): the one that is used."""
    by_confusion: Figure
    """From the share kept at one cutoff (Lipton et al. 2018): a check of the first."""
    misfit: float
    """Share of these media whose scores no mixture of labelled blanks and animals explains."""
    misfit_chance: float | None
    """How often locations like the labelled ones would fit as badly; None where nobody can say."""
    warning: str | None
    """What speaks against using it."""


class SavingsFigures(Part):
    """Savings as they are written down; each count with its own name. Money is None where none was given."""

    num_blanks_removed: float
    num_nonblank_lost: float
    num_not_looked_at: float
    """Both of the above together."""
    hours_not_looking: float
    """Gross: what looking at all of them would have taken."""
    weeks_not_looking: float
    hours_on_blanks: float
    """What looking at the true blanks removed would have taken, as the literature counts savings."""
    weeks_on_blanks: float
    images_per_hour: float
    hours_per_week: float
    num_audited: float
    """Images of the discard pile that people look at all the same."""
    hours_auditing: float
    hours_net: float
    """Gross, less the audit. Machine hours are nobody's and not in it."""
    weeks_net: float
    cost_per_hour: float | None
    money_gross: float | None
    money_auditing: float | None
    machine_hours: float | None
    """Hours of scoring such an archive, at the pace of run.json; None where no price was given."""
    money_machine: float | None
    money_net: float | None
    """Gross, less audit and machines; below 0 where the filter costs more than it saves."""

    @classmethod
    def of(cls, net: NetSavings) -> Self:
        """From savings."""
        savings, machine = net.savings, net.machine
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
            num_audited=net.num_audited,
            hours_auditing=net.hours_auditing,
            hours_net=net.hours_net,
            weeks_net=net.weeks_net,
            cost_per_hour=savings.work.cost_per_hour,
            money_gross=net.money_gross,
            money_auditing=net.money_auditing,
            machine_hours=None if machine is None else machine.hours,
            money_machine=net.money_machine,
            money_net=net.money_net,
        )


class Extrapolated(Part):
    """What to expect of an archive with another blank rate: a calculation, not a measurement."""

    blank_rate: float
    blank_rate_from: str
    """Who set it: the command line, the default, or the estimate."""
    num_media: int
    confusion: Confusion
    """Expected counts."""
    figures: dict[str, Figure]
    """`nonblank_recall`, `nonblank_precision`, `blank_recall`, `kept_share`; expected counts
    `num_blanks_removed`, `num_nonblank_lost` and both together, `num_not_looked_at`; `hours_not_looking`."""
    savings: SavingsFigures


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
