"""From a manifest to the media that are learned from and validated on.

Owns: what is refused before anything is decoded. Refuses: training.
"""

import logging
from dataclasses import dataclass

import numpy as np

from blanktrap.core.config import TrainConfig
from blanktrap.core.errors import TrainingError
from blanktrap.core.model_card import BANNER_WARNING, ModelCard
from blanktrap.core.selection.frames import choose_frames, describe_left_out
from blanktrap.core.vocabulary import Split
from blanktrap.files.given_boxes import BoxesByMedia
from blanktrap.files.manifest import Manifest
from blanktrap.files.model_cards import read_card
from blanktrap.files.storage import Storage
from blanktrap.vision.labelled_media import (
    LabelledMedia,
    read_labelled_rows,
    refuse_one_sided,
    split_labelled,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PreparedMedia:
    """What a run learns from."""

    media: LabelledMedia
    """Each in `train` or `val`, both labels in both."""
    earlier: ModelCard | None
    """The card of the model that training goes on from."""
    other_frames: str | None
    """How many labelled media the choice of frames left out, in words."""


def prepare_media(
    manifest: Manifest, config: TrainConfig, storage: Storage, boxes: BoxesByMedia | None = None
) -> PreparedMedia:
    """Read the labelled media of a manifest and split them; its own splits are obeyed where it has any.

    Raises:
        TrainingError: nothing is labelled, a label is missing on one side, a split leaks, there are too few
            locations, or the model to go on from has seen what is now held out.
        CheckpointError, ManifestError, SourceError: that model or the manifest cannot be read.
    """
    rows = read_labelled_rows(manifest, storage, config.preprocessing.background)
    chosen = choose_frames(rows, config.frames)
    labelled = split_labelled(chosen, config, by=manifest.split_by)
    earlier = _earlier_card(storage, config, labelled)
    labelled = labelled.take(np.isin(labelled.splits.astype(str), [Split.TRAIN, Split.VAL]))
    refuse_one_sided(labelled)
    return PreparedMedia(
        media=labelled.with_boxes(boxes or {}),
        earlier=earlier,
        other_frames=describe_left_out(config.frames, rows.num_rows - chosen.num_rows, rows.num_rows),
    )


def warn_of_banner(config: TrainConfig) -> None:
    """Warn where no banner is cropped."""
    if not config.preprocessing.banner_top and not config.preprocessing.banner_bottom:
        logger.warning(BANNER_WARNING)


def _earlier_card(storage: Storage, config: TrainConfig, labelled: LabelledMedia) -> ModelCard | None:
    """The card of the model to go on from; TrainingError where what it learned from is now held out."""
    if config.weights in ("imagenet", "none"):
        return None
    card = read_card(storage, config.weights)
    learned, judged = set(card.training_locations), set(card.validation_locations)
    validating = labelled.take(labelled.splits == Split.VAL).locations()
    testing = labelled.take(labelled.splits == Split.TEST).locations()
    shared = sorted(learned.intersection(validating) | (learned | judged).intersection(testing))
    if shared:
        raise TrainingError(
            f"{config.weights} has already seen {len(shared):,} of the locations that are now held out, such "
            f"as {shared[0]!r}: put them into `train`, or begin with other weights"
        )
    return card
