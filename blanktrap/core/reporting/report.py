"""What an evaluation says: every figure with what it was measured on.

Owns: the content of `report.json`. Refuses: computing, and printing; `summary` words it for a terminal,
`pages` for a page.

Sections that were not computed are None or empty; what was asked for and could not be given stands in
`refused`.
"""

from datetime import datetime
from typing import Any

from blanktrap.core.reporting.report_comparisons import ComparedWith
from blanktrap.core.reporting.report_errors import ErrorAnalysis
from blanktrap.core.reporting.report_parts import (
    Archive,
    AtCutoff,
    EstimatedBlankRate,
    Extrapolated,
    Figure,
    MeasuredOn,
    Part,
    Promise,
    Sequences,
    Strata,
)
from blanktrap.core.schemas import REPORT_VERSION


class Report(Part):
    """The content of `report.json`."""

    schema_version: int = REPORT_VERSION
    created_at: datetime
    warnings: tuple[str, ...]
    """In plain words; to be read before any figure."""
    refused: tuple[str, ...] = ()
    """What these media cannot support, and why: intervals, promises, sequences."""
    scores: str
    """Location of the scores dataset."""
    manifest_digest: str | None
    model: dict[str, Any]
    """The model as run.json names it."""
    versions: dict[str, str]
    config: dict[str, Any]
    """The resolved configuration."""
    measured_on: MeasuredOn
    at_cutoffs: tuple[AtCutoff, ...]
    """By frame. The chosen cutoff first, then others that were asked for, and 0.5."""
    figures: dict[str, Figure]
    """Over all cutoffs: `average_precision`, `area_under_roc`; and those of the chosen cutoff again."""
    sequences: Sequences | None = None
    """None where no measured media belongs to a known sequence."""
    promise: Promise | None = None
    """None where locations are not known."""
    strata: Strata | None = None
    """None where no cutoffs by night and day were asked for."""
    extrapolations: tuple[Extrapolated, ...]
    """One for each blank rate."""
    blank_rate_estimate: EstimatedBlankRate | None = None
    """None where it was not asked for."""
    error_analysis: ErrorAnalysis | None = None
    """None where it was not made."""
    comparisons: tuple[ComparedWith, ...] = ()
    archive: Archive

    @property
    def chosen(self) -> AtCutoff:
        """What the chosen cutoff does, by frame."""
        return self.at_cutoffs[0]

    @property
    def cutoff(self) -> float:
        """The chosen cutoff."""
        return self.chosen.cutoff

    def at_cutoff(self, cutoff: float) -> AtCutoff | None:
        """What one of the report's cutoffs does, by frame; None where the report has it not."""
        return next((one for one in self.at_cutoffs if one.cutoff == cutoff), None)

    def lines(self) -> list[str]:
        """The short summary for people: warnings first, then figures, about 20 lines."""
        # The wording needs this class, so it can only be imported once this module stands.
        from blanktrap.core.reporting.summary import summarise

        return summarise(self)
