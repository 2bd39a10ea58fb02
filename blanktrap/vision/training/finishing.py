"""The end of a run: from the best epoch so far to a checkpoint with its card.

Owns: which weights are kept, what the card says of them, and the closing summary. Refuses: training, and a
run without a finished epoch.
"""

from collections import Counter

import numpy as np
import torch

from blanktrap.core.config import TrainConfig
from blanktrap.core.errors import TrainingError
from blanktrap.core.model_card import ModelCard, ValidationFigures
from blanktrap.core.statistics.cutoffs import choose_cutoff
from blanktrap.core.statistics.metrics import area_under_roc, average_precision, confusion_counts
from blanktrap.core.vocabulary import Split
from blanktrap.files.storage import Storage
from blanktrap.vision.checkpoints import save_checkpoint
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.network import build_network
from blanktrap.vision.training.progress import TrainSummary
from blanktrap.vision.training.state import TrainingState, ValidationScores


def finish_training(
    state: TrainingState,
    media: LabelledMedia,
    config: TrainConfig,
    out: str,
    storage: Storage,
    *,
    manifest_digest: str,
    earlier: ModelCard | None = None,
) -> TrainSummary:
    """Write the best epoch of a run as a checkpoint.

    Args:
        state: with one epoch or more.
        media: all labelled media of the run, as the loop had them.
        config: the recipe.
        out: the checkpoint's location.
        storage: writes it.
        manifest_digest: of the manifest that the media come from.
        earlier: the card of the model that training went on from.

    Raises:
        TrainingError: no epoch was finished.
        CheckpointError, SourceError: the checkpoint cannot be written.
    """
    best = state.best_record
    if best is None or state.best_scores is None:
        raise TrainingError("no epoch was finished: there is no model to write")
    with torch.random.fork_rng():
        network = build_network("none").eval()
    network.load_state_dict(state.best)
    readable = media.take(np.setdiff1d(np.arange(len(media.uris)), list(state.left_out)))
    learned, judged = (readable.take(readable.splits == split) for split in (Split.TRAIN, Split.VAL))
    metrics, cutoff = _measure(state.best_scores, media, config)
    card = save_checkpoint(
        storage,
        out,
        network,
        config=config,
        manifest_digest=manifest_digest,
        training_locations=_joined(learned.locations(), earlier.training_locations if earlier else ()),
        validation_locations=_joined(judged.locations(), earlier.validation_locations if earlier else ()),
        label_counts=readable.label_counts(),
        metrics=metrics,
        recommended_cutoff=cutoff,
    )
    seconds = sum(record.training_s + record.validation_s for record in state.records)
    presented = sum(record.images_per_s * record.training_s for record in state.records)
    return TrainSummary(
        card=card,
        out=out,
        num_epochs=state.epoch,
        best_epoch=best.epoch,
        left_out=dict(sorted(Counter(state.left_out.values()).items())),
        training_s=seconds,
        images_per_s=presented / seconds,
    )


def _measure(
    scores: ValidationScores, media: LabelledMedia, config: TrainConfig
) -> tuple[ValidationFigures, float]:
    judged = media.take(scores.rows)
    cutoff = choose_cutoff(scores.p_nonblank, judged.is_nonblank, min_recall=config.min_recall)
    counts = confusion_counts(scores.p_nonblank, judged.is_nonblank, cutoff)
    figures = ValidationFigures(
        num_media=len(scores.rows),
        num_nonblank=int(judged.is_nonblank.sum()),
        num_locations=len(judged.locations()),
        average_precision=average_precision(scores.p_nonblank, judged.is_nonblank),
        area_under_roc=area_under_roc(scores.p_nonblank, judged.is_nonblank),
        nonblank_recall=counts.nonblank_recall or 0.0,
        blank_recall=counts.blank_recall,
        nonblank_precision=counts.nonblank_precision,
    )
    return figures, cutoff


def _joined(*locations: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set().union(*locations)))
