"""Plain training of the network in this process, without Ray.

Owns: from a manifest to the training loop, over media decoded once. Refuses: the recipe and the loop, and
media whose location is validated on.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from blanktrap.core.config import TrainConfig
from blanktrap.core.errors import TrainingError
from blanktrap.core.model_card import BANNER_WARNING, ModelCard
from blanktrap.core.selection.frames import choose_frames, describe_left_out
from blanktrap.core.vocabulary import Split
from blanktrap.files.manifest import Manifest
from blanktrap.files.model_cards import read_card
from blanktrap.files.storage import Storage
from blanktrap.files.training_logs import log_epoch
from blanktrap.vision.checkpoints import first_network, refuse_existing
from blanktrap.vision.decoded_media import DecodedMedia, decoded
from blanktrap.vision.labelled_media import (
    LabelledMedia,
    read_labelled_rows,
    refuse_one_sided,
    split_labelled,
)
from blanktrap.vision.training.feeds import MemoryFeed
from blanktrap.vision.training.finishing import finish_training
from blanktrap.vision.training.loop import TrainingLoop
from blanktrap.vision.training.progress import TrainProgress, TrainSummary

logger = logging.getLogger(__name__)


def train(
    manifest: Manifest,
    out: str,
    config: TrainConfig,
    storage: Storage,
    on_progress: Callable[[TrainProgress], None] | None = None,
) -> TrainSummary:
    """Train on the labelled media of a manifest and write the best epoch as a checkpoint.

    Args:
        manifest: with labels; its own splits are obeyed where it has any.
        out: the checkpoint's location, which must hold none yet.
        config: the recipe. With one seed and one machine the same weights come out.
        storage: reads media and writes the checkpoint.
        on_progress: called after each decoded image and each step.

    Raises:
        TrainingError: a label is missing on one side, a split leaks, there are too few locations, no
            image can be read, or the loss is no number.
        CheckpointError: `out` holds a model, or the first weights cannot be had.
        ManifestError, SourceError: manifest, media or `out` cannot be read or written.
    """
    refuse_existing(storage, out)
    report = on_progress or (lambda progress: None)
    warn_of_banner(config)
    rows = read_labelled_rows(manifest, storage)
    chosen = choose_frames(rows, config.frames)
    labelled = split_labelled(chosen, config, by=manifest.split_by)
    earlier = _earlier_card(storage, config, labelled)
    labelled = labelled.take(np.isin(labelled.splits.astype(str), [Split.TRAIN, Split.VAL]))
    refuse_one_sided(labelled)
    on_decoded = decoding_reporter(len(labelled.uris), config.num_epochs, report)
    with decoded(labelled, config.preprocessing, storage, on_decoded) as media:
        summary = train_decoded(
            media, out, config, storage, manifest_digest=manifest.digest, earlier=earlier, report=report
        )
    other_frames = describe_left_out(config.frames, rows.num_rows - chosen.num_rows, rows.num_rows)
    return replace(summary, other_frames=other_frames)


def train_decoded(
    media: DecodedMedia,
    out: str,
    config: TrainConfig,
    storage: Storage,
    *,
    manifest_digest: str,
    earlier: ModelCard | None = None,
    report: Callable[[TrainProgress], None],
) -> TrainSummary:
    """Train on decoded media, each in `train` or `val`, and write the best epoch as a checkpoint.

    Args:
        media: what to learn from and to validate on; media of other splits are passed over.
        out: the checkpoint's location.
        config: the recipe.
        storage: writes the checkpoint, and reads the first weights.
        manifest_digest: of the manifest that the media come from.
        earlier: the card of the model that training goes on from.
        report: called after each step.

    Raises:
        TrainingError, CheckpointError, SourceError: as `train`.
    """
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        network = first_network(storage, config.weights)
    feed = MemoryFeed(media)
    loop = TrainingLoop(network, media.media, feed, feed, config, on_step=report)
    for record in loop.epochs():
        logger.info("%s", record.line())
        log_epoch(storage, out, record)
    summary = finish_training(
        loop.state, media.media, config, out, storage, manifest_digest=manifest_digest, earlier=earlier
    )
    return replace(summary, left_out=media.left_out)


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


def decoding_reporter(
    num_media: int, num_epochs: int, report: Callable[[TrainProgress], None]
) -> Callable[[int], None]:
    """Turn counts of decoded images into progress."""
    started = time.perf_counter()

    def on_decoded(num_done: int) -> None:
        rate = num_done / max(time.perf_counter() - started, 1e-9)
        report(
            TrainProgress(
                epoch=0,
                num_epochs=num_epochs,
                images_done=num_done,
                images_total=num_media,
                images_per_s=rate,
                loss=math.nan,
                left_s=(num_media - num_done) / rate,
            )
        )

    return on_decoded
