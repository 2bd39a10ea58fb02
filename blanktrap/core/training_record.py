"""What is written down of each epoch of a training.

Owns: one record an epoch, its line for people, and the table that `training.parquet` holds. Refuses:
measuring (`evaluation.epoch_figures`) and files.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import Field

from blanktrap.core.config import Config, Share
from blanktrap.core.evaluation.epoch_figures import ClassFigures, EpochFigures
from blanktrap.core.wording import duration, percent

TRAINING_NAME = "training.parquet"
TRAINING_VERSION = 1

NonNegative = Annotated[float, Field(ge=0.0)]

_PHASES = {"head": "last layer", "all": "all layers"}


class EpochRecord(Config):
    """One epoch: what was learned from, how fast, and what it is worth."""

    epoch: Annotated[int, Field(ge=1)]
    """From 1."""
    phase: Literal["head", "all"]
    """What learns: the last layer alone, or all layers."""
    num_workers: Annotated[int, Field(ge=1)]
    """Workers at the end of the epoch."""
    train_loss: NonNegative
    """Mean over the steps, with the smoothing, weights and augmentation of the recipe."""
    val_loss: NonNegative
    """The same loss on the validation media, without augmentation."""
    learning_rate: NonNegative
    """Of the last layer, at the last step."""
    images_per_s: NonNegative
    """Training images of all workers in a second, validation apart."""
    waited_share: Share
    """Share of the time of all steps in which the network waited for images."""
    training_s: NonNegative
    """Wall seconds of the epoch's steps."""
    validation_s: NonNegative
    """Wall seconds of its validation."""
    is_best: bool
    """Whether it had the best average precision up to here."""
    figures: EpochFigures
    """On the validation media, before calibration."""

    def line(self, num_epochs: int | None = None) -> str:
        """One line for people; `num_epochs` are those that are meant to follow each other."""
        of, found = "" if num_epochs is None else f"/{num_epochs}", self.figures.all
        return (
            f"epoch {self.epoch}{of} ({_PHASES[self.phase]}): loss {self.train_loss:.3f}, validation "
            f"{self.val_loss:.3f}, average precision {_figure(found.average_precision)}, area under ROC "
            f"{_figure(found.area_under_roc)}, blanks removed at 96 % recall "
            f"{percent(found.blank_recall_at_96)}; {self.images_per_s:.1f} images/s, waited "
            f"{percent(self.waited_share)} of the time, "
            f"{duration(self.training_s + self.validation_s)}{', best so far' if self.is_best else ''}"
        )


_PARTS = tuple(EpochFigures.model_fields)
"""`all`, `day`, `night`, `sequences`: the beginnings of the figures' columns."""
_COUNTS = ("num_media", "num_nonblank")


def _figure_fields() -> list[pa.Field]:
    return [
        pa.field(
            f"{part}_{name}", pa.int64() if name in _COUNTS else pa.float64(), nullable=name not in _COUNTS
        )
        for part in _PARTS
        for name in ClassFigures.model_fields
    ]


TRAINING_SCHEMA = pa.schema(
    [
        pa.field("epoch", pa.int32(), nullable=False),
        pa.field("phase", pa.string(), nullable=False),
        pa.field("num_workers", pa.int32(), nullable=False),
        pa.field("train_loss", pa.float64(), nullable=False),
        pa.field("val_loss", pa.float64(), nullable=False),
        pa.field("learning_rate", pa.float64(), nullable=False),
        pa.field("images_per_s", pa.float64(), nullable=False),
        pa.field("waited_share", pa.float64(), nullable=False),
        pa.field("training_s", pa.float64(), nullable=False),
        pa.field("validation_s", pa.float64(), nullable=False),
        pa.field("is_best", pa.bool_(), nullable=False),
        *_figure_fields(),
    ],
    metadata={"blanktrap.training_version": str(TRAINING_VERSION)},
)
"""One row an epoch; the figures of a part stand in columns such as `day_average_precision`."""


def records_table(records: Iterable[EpochRecord]) -> pa.Table:
    """The records as a table of `TRAINING_SCHEMA`, one row each, in their order."""
    return pa.Table.from_pylist([_row(record) for record in records], schema=TRAINING_SCHEMA)


def _row(record: EpochRecord) -> dict[str, Any]:
    row = record.model_dump()
    for part, figures in row.pop("figures").items():
        row.update({f"{part}_{name}": value for name, value in figures.items()})
    return row


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
