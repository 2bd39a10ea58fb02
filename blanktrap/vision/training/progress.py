"""What training says, on the way and at the end.

Owns: the progress line and the closing summary. Refuses: training.
"""

from dataclasses import dataclass

from blanktrap.core.model_card import ModelCard
from blanktrap.core.reporting.card_text import calibration_line
from blanktrap.core.wording import duration, percent


@dataclass(frozen=True, kw_only=True)
class TrainProgress:
    """How far training is."""

    epoch: int
    """From 1; 0 while images are decoded."""
    num_epochs: int
    images_done: int
    """Images decoded, or presented to the network in all epochs so far."""
    images_total: int
    images_per_s: float
    loss: float
    """Mean of the epoch so far; nan while images are decoded."""
    left_s: float

    def text(self) -> str:
        """One line for people."""
        doing = f"epoch {self.epoch}/{self.num_epochs}, trained" if self.epoch else "decoded"
        loss = f", loss {self.loss:.3f}" if self.epoch else ""
        return (
            f"{doing} {self.images_done:,}/{self.images_total:,} images "
            f"({percent(self.images_done / self.images_total)}), {self.images_per_s:.1f} images/s{loss}, "
            f"{duration(self.left_s)} left"
        )


@dataclass(frozen=True, kw_only=True)
class TrainSummary:
    """What training ended with."""

    card: ModelCard
    """As written to the checkpoint."""
    out: str
    """The checkpoint's location."""
    num_epochs: int
    """Epochs that were trained; fewer than the recipe's where training ended early."""
    best_epoch: int
    """The epoch, from 1, whose weights were kept."""
    left_out: dict[str, int]
    """Labelled media that could not be decoded, by status."""
    training_s: float
    """Wall seconds of training and validation, decoding apart."""
    images_per_s: float
    """Images presented to the network in a second, validation apart."""
    other_frames: str | None = None
    """How many labelled media the choice of frames left out, in words."""

    def lines(self) -> list[str]:
        """The summary for people."""
        counts, metrics = self.card.label_counts, self.card.metrics
        blank, nonblank = counts.get("train/blank", 0), counts.get("train/nonblank", 0)
        shared = set(self.card.training_locations) & set(self.card.validation_locations)
        where = (
            f"{metrics.num_locations} locations, {len(shared)} of them trained on (not new ones)"
            if shared
            else f"{metrics.num_locations} other locations"
        )
        lines = [
            f"trained on {blank + nonblank:,} media ({blank:,} blank, {nonblank:,} nonblank) of "
            f"{len(self.card.training_locations)} locations: {self._epochs()} in "
            f"{duration(self.training_s)}, {self.images_per_s:.1f} images/s",
            f"validated on {metrics.num_media:,} media ({metrics.num_nonblank:,} nonblank) of "
            f"{where}, best epoch {self.best_epoch}: average precision "
            f"{_figure(metrics.average_precision)}, area under ROC {_figure(metrics.area_under_roc)}",
            f"recommended cutoff {self.card.recommended_cutoff:.3f}: there it keeps "
            f"{percent(metrics.nonblank_recall)} of the nonblank media and removes "
            f"{percent(metrics.blank_recall)} of the blanks; chosen on these media, so other locations "
            f"may lose more",
        ]
        if self.card.calibration is not None:
            lines.append(calibration_line(self.card.calibration))
        if self.other_frames:
            lines.append(self.other_frames)
        if self.left_out:
            named = ", ".join(f"{count:,} {status}" for status, count in sorted(self.left_out.items()))
            lines.append(f"left out: {named} of the labelled images (--verbose names them)")
        return [*lines, f"model {self.card.model_id} in {self.out}"]

    def _epochs(self) -> str:
        planned, done = self.card.config.num_epochs, self.num_epochs
        if done == planned:
            return f"{done} epochs"
        return f"{done} of {planned} epochs (the last {done - self.best_epoch} were no better)"


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
