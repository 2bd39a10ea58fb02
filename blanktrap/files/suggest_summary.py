"""What `suggest` says of the queue that it wrote.

Owns: its counts and their words. Refuses: choosing, and reading.
"""

from dataclasses import dataclass

from blanktrap.core.wording import cutoff_text, number


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """A queue of media to label, as it was written."""

    location: str
    num_wanted: int
    num_suggestible: int
    """Media without a label that were scored and may be suggested."""
    num_test: int
    """Those of test locations."""
    cutoff: float
    cutoff_from: str
    kinds: dict[str, int]
    """Suggested media by kind."""
    has_features: bool
    labels_from: str | None
    """The manifest whose labels replaced those of the scores."""
    num_labels: int
    """Labels that count: of scored media, those of the test split among them."""
    num_labels_lost: int
    """Labels of the manifest whose media the scores do not have."""
    seed: int
    includes_test: bool

    def lines(self) -> list[str]:
        """What was suggested, and what to do next."""
        told = ", ".join(f"{num:,} {kind}" for kind, num in self.kinds.items() if num)
        lines = [
            f"{'suggested':<14}{sum(self.kinds.values()):,} of {self.num_suggestible:,} scored media "
            f"without a label: {told} (seed {self.seed})",
            f"{'uncertain':<14}near the cutoff {cutoff_text(self.cutoff)} ({self.cutoff_from})",
        ]
        if self.labels_from is not None:
            more = f"; {self.num_labels_lost:,} more are of media that the scores do not have"
            lost = more if self.num_labels_lost else ""
            lines.append(f"{'labels':<14}{self.num_labels:,} of {self.labels_from}{lost}")
        if not self.has_features:
            lines.append(
                f"{'unusual':<14}and typical ones cannot be found: the scores have no features; score into a "
                f"new folder with --embeddings to have them"
            )
        if sum(self.kinds.values()) < self.num_wanted:
            lines.append(
                f"{'fewer':<14}than the {self.num_wanted:,} asked for: no more may be suggested with so few "
                f"images of a sequence (--max-per-sequence)"
            )
        if self.num_test and not self.includes_test:
            lines.append(
                f"{'left out':<14}{number(self.num_test, 'media')} of test locations: labels there measure, "
                f"they do not teach (--include-test)"
            )
        return [
            *lines,
            "",
            f"{'review queue':<14}{self.location}",
            f"{'next':<14}look at the media in the order of {self.location}/queue.csv, fill in the column "
            f"label (blank, nonblank or unsure), then",
            f"{'':<14}index again with --annotations FILLED_IN.csv besides the annotations you have",
        ]
