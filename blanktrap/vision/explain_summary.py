"""What `blanktrap explain` says at the end.

Owns: the counts of a run and their words. Refuses: making heatmaps.
"""

from dataclasses import dataclass

from blanktrap.core.evaluation.pointing import PointingFigures
from blanktrap.core.vocabulary import Status
from blanktrap.core.wording import number
from blanktrap.files.storage import join


@dataclass(frozen=True, kw_only=True)
class ExplainSummary:
    """What was looked at and what came of it."""

    out: str
    described: str
    counts: dict[str, int]
    """Media by status."""
    failures: list[str]
    """Media that became no image, with the reason."""
    num_flat: int
    median_evidence: float | None
    """Of the strongest cells, in units of the logit; None without any image."""
    num_sheets: int
    pointing: PointingFigures | None
    notes: list[str]

    def lines(self) -> list[str]:
        """The summary for people."""
        total, done = sum(self.counts.values()), self.counts.get(Status.OK.value, 0)
        failed = [
            f"{count:,} {status}" for status, count in sorted(self.counts.items()) if status != Status.OK
        ]
        lines = [
            f"looked at {self.described}",
            f"heatmaps of {done:,} of {number(total, 'media')}"
            + (f", {', '.join(failed)}" if failed else ""),
            *(f"  {failure}" for failure in self.failures[:5]),
        ]
        if len(self.failures) > 5:
            lines.append(f"  … all in {join(self.out, 'heatmaps.parquet')}")
        if self.num_flat:
            lines.append(f"flat heatmaps: {self.num_flat:,}, where nothing in the image speaks for nonblank")
        if self.median_evidence is not None:
            lines.append(
                f"strongest cell of an image: median {self.median_evidence:+.2f}, in units of the logit "
                f"(each heatmap has a scale of its own)"
            )
        lines += self.pointing.lines() if self.pointing is not None else []
        sheets = join(self.out, "sheet-001.jpg") + (
            f" … {self.num_sheets:03d}" if self.num_sheets > 1 else ""
        )
        return [
            *lines,
            *self.notes,
            f"look at {sheets}; each image larger in {join(self.out, 'overlays')}",
        ]
