"""The end of a run: from the best epoch so far to a checkpoint with its card.

Owns: which weights are kept, what the card says of them, and the closing summary. Refuses: training, and a
run without a finished epoch.
"""

from collections import Counter

import numpy as np
import torch

from blanktrap.core.config import TrainConfig
from blanktrap.core.errors import TrainingError
from blanktrap.core.evaluation.model_facts import measure_model
from blanktrap.core.model_card import ModelCard, TrainingFacts
from blanktrap.core.vocabulary import Split
from blanktrap.files.storage import Storage
from blanktrap.vision.checkpoints import save_checkpoint
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.network import build_network
from blanktrap.vision.training.progress import TrainSummary
from blanktrap.vision.training.state import TrainingState


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
    scores = state.best_scores
    if state.best_record is None or scores is None:
        raise TrainingError("no epoch was finished: there is no model to write")
    with torch.random.fork_rng():
        network = build_network("none", config.preprocessing.num_channels).eval()
    network.load_state_dict(state.best)
    readable = media.take(np.setdiff1d(np.arange(len(media.uris)), list(state.left_out)))
    learned, judged = (readable.take(readable.splits == split) for split in (Split.TRAIN, Split.VAL))
    facts = measure_model(
        scores.p_nonblank,
        media.is_nonblank[scores.rows],
        locations=media.location_ids[scores.rows],
        sequences=media.sequence_codes()[scores.rows],
        is_night=scores.is_night,
        config=config,
    )
    training = TrainingFacts.of(state.records, Counter(state.left_out.values()))
    card = save_checkpoint(
        storage,
        out,
        network,
        config=config,
        manifest_digest=manifest_digest,
        training_locations=_joined(learned.locations(), earlier.training_locations if earlier else ()),
        validation_locations=_joined(judged.locations(), earlier.validation_locations if earlier else ()),
        label_counts=readable.label_counts(),
        facts=facts,
        training=training,
    )
    return TrainSummary(
        card=card,
        out=out,
        num_epochs=training.num_epochs,
        best_epoch=training.best_epoch,
        left_out=training.left_out,
        training_s=training.training_s,
        images_per_s=training.images_per_s,
    )


def _joined(*locations: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set().union(*locations)))
