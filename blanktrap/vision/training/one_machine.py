"""Plain training of the network on one machine.

Owns: the recipe (loss, schedule, averaging of weights), validation after each epoch, and the checkpoint
of the best one. Refuses: Ray, reading manifests or images, and media whose location is validated on.
"""

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from blanktrap.core.config import Preprocessing, TrainConfig
from blanktrap.core.errors import TrainingError
from blanktrap.core.model_card import ModelCard, ValidationFigures
from blanktrap.core.selection.frames import choose_frames, describe_left_out
from blanktrap.core.statistics.cutoffs import choose_cutoff
from blanktrap.core.statistics.metrics import area_under_roc, average_precision, confusion_counts
from blanktrap.core.vocabulary import Split
from blanktrap.files.manifest import Manifest
from blanktrap.files.model_cards import read_card
from blanktrap.files.storage import Storage
from blanktrap.vision.augmentation import augment
from blanktrap.vision.checkpoints import first_network, refuse_existing, save_checkpoint
from blanktrap.vision.decoded_media import DecodedMedia, decoded
from blanktrap.vision.labelled_media import (
    LabelledMedia,
    read_labelled_rows,
    refuse_one_sided,
    split_labelled,
)
from blanktrap.vision.scorer import Scorer, has_fast_bfloat16
from blanktrap.vision.training_report import TrainProgress, TrainSummary

logger = logging.getLogger(__name__)

_WARM_UP_SHARE = 0.2
"""Share of the steps in which the learning rate rises."""
_MAX_GRADIENT_NORM = 1.0
_SCORING_BATCH = 64


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
    labelled = media.media
    refuse_one_sided(labelled)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        network = first_network(storage, config.weights)
        started = time.perf_counter()
        best = _fit(network, media, config, report)
        training_s = time.perf_counter() - started
    learned, judged = (labelled.take(labelled.splits == split) for split in (Split.TRAIN, Split.VAL))
    card = save_checkpoint(
        storage,
        out,
        best.network,
        config=config,
        manifest_digest=manifest_digest,
        training_locations=_joined(learned.locations(), earlier.training_locations if earlier else ()),
        validation_locations=_joined(judged.locations(), earlier.validation_locations if earlier else ()),
        label_counts=labelled.label_counts(),
        metrics=best.metrics,
        recommended_cutoff=best.cutoff,
    )
    return TrainSummary(
        card=card,
        out=out,
        best_epoch=best.epoch,
        left_out=media.left_out,
        training_s=training_s,
        images_per_s=config.num_epochs * len(learned.uris) / training_s,
    )


def warn_of_banner(config: TrainConfig) -> None:
    """Warn where no banner is cropped."""
    if not config.preprocessing.banner_top and not config.preprocessing.banner_bottom:
        logger.warning(
            "no banner is cropped: where cameras print date and frame number, give --banner-top or "
            "--banner-bottom, or the network reads the label there"
        )


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


def _joined(*locations: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set().union(*locations)))


@dataclass(frozen=True, kw_only=True)
class _Epoch:
    epoch: int
    network: nn.Module
    metrics: ValidationFigures
    cutoff: float


def _fit(
    network: nn.Module, media: DecodedMedia, config: TrainConfig, report: Callable[[TrainProgress], None]
) -> _Epoch:
    """Train for all epochs and return the best by average precision on the validation media."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.to(device).to(memory_format=torch.channels_last)
    train_rows = np.flatnonzero(media.media.splits == Split.TRAIN)
    batch_size = min(config.batch_size, len(train_rows))
    steps_per_epoch = len(train_rows) // batch_size
    optimizer = _build_optimizer(network, config)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=config.learning_rate,
        total_steps=config.num_epochs * steps_per_epoch,
        pct_start=_WARM_UP_SHARE,
    )
    # Averaged weights are steadier than the last ones; the average reaches back about one epoch.
    decay = 1.0 - 1.0 / max(2.0, min(steps_per_epoch, 1000))
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
    step = _Step(network, optimizer, media, config, device)
    order = np.random.default_rng(config.seed)
    best: _Epoch | None = None
    started = time.perf_counter()
    for epoch in range(1, config.num_epochs + 1):
        network.train()
        losses: list[float] = []
        for rows in _batches(order.permutation(train_rows), batch_size):
            losses.append(step.take(rows))
            if not math.isfinite(losses[-1]):
                raise TrainingError(
                    f"the loss is {losses[-1]} at epoch {epoch}, batch {len(losses)} of {steps_per_epoch}: "
                    f"lower --learning-rate (now {config.learning_rate:g})"
                )
            schedule.step()
            averaged.update_parameters(network)
            done = ((epoch - 1) * steps_per_epoch + len(losses)) * batch_size
            total = config.num_epochs * steps_per_epoch * batch_size
            rate = done / (time.perf_counter() - started)
            report(
                TrainProgress(
                    epoch=epoch,
                    num_epochs=config.num_epochs,
                    images_done=done,
                    images_total=total,
                    images_per_s=rate,
                    loss=float(np.mean(losses)),
                    left_s=(total - done) / rate,
                )
            )
        result = _validate(averaged.module, media, config, epoch)
        if best is None or (result.metrics.average_precision or 0) > (best.metrics.average_precision or 0):
            best = result
    assert best is not None  # there is at least one epoch
    return best


def _build_optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    # Norms and biases are few and set the scale: shrinking them only hurts.
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    return torch.optim.AdamW(
        [{"params": weights, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=config.learning_rate,
        fused=True,
    )


def _batches(rows: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Whole batches only: batch norm cannot learn from a single left-over image."""
    for start in range(0, len(rows) - batch_size + 1, batch_size):
        yield rows[start : start + batch_size]


class _Step:
    """One step of learning: both labels weigh the same in the loss, however rare one is."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        media: DecodedMedia,
        config: TrainConfig,
        device: torch.device,
    ) -> None:
        self._network, self._optimizer, self._media, self._device = network, optimizer, media, device
        self._chance = torch.Generator().manual_seed(config.seed)
        self._mean, self._std = _channels(config.preprocessing, device)
        in_train = media.media.is_nonblank[media.media.splits == Split.TRAIN]
        share = float(in_train.mean())
        self._weight_of = (0.5 / (1.0 - share), 0.5 / share)
        # Measured on two AMX cores at 128 by 96, batch 32: 94 images/s in bfloat16, 48 in float32.
        self._in_bfloat16 = device.type == "cuda" or has_fast_bfloat16()

    def take(self, rows: np.ndarray) -> float:
        """Learn from one batch; return its loss."""
        pixels = torch.from_numpy(np.asarray(self._media.pixels[self._media.positions[rows]]))
        images = pixels.to(self._device).permute(0, 3, 1, 2).float()
        images = ((augment(images, self._chance) - self._mean) / self._std).contiguous(
            memory_format=torch.channels_last
        )
        is_nonblank = self._media.media.is_nonblank[rows]
        weights = torch.tensor(np.where(is_nonblank, self._weight_of[1], self._weight_of[0])).float()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._in_bfloat16):
            logits = self._network(images)
        loss = nn.functional.binary_cross_entropy_with_logits(
            logits.float().squeeze(1),
            torch.tensor(is_nonblank).float().to(self._device),
            weight=weights.to(self._device),
        )
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), _MAX_GRADIENT_NORM)
        self._optimizer.step()
        return float(loss.detach())


def _channels(preprocessing: Preprocessing, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of pixels from 0 to 255, shape (1, 3, 1, 1)."""
    mean, std = (
        255.0 * torch.tensor(values, dtype=torch.float32, device=device).view(1, 3, 1, 1)
        for values in (preprocessing.mean, preprocessing.std)
    )
    return mean, std


def _validate(network: nn.Module, media: DecodedMedia, config: TrainConfig, epoch: int) -> _Epoch:
    """Score the validation media the way `blanktrap score` will, and choose the cutoff."""
    kept = copy.deepcopy(network).to("cpu").eval()
    scorer = Scorer(kept, config.preprocessing)
    rows = np.flatnonzero(media.media.splits == Split.VAL)
    p_nonblank = np.concatenate(
        [
            scorer.score_pixels(media.pixels[media.positions[rows[start : start + _SCORING_BATCH]]])
            for start in range(0, len(rows), _SCORING_BATCH)
        ]
    )
    if not np.isfinite(p_nonblank).all():
        raise TrainingError(f"the network gives no numbers after epoch {epoch}: lower --learning-rate")
    val = media.media.take(rows)
    cutoff = choose_cutoff(p_nonblank, val.is_nonblank, min_recall=config.min_recall)
    counts = confusion_counts(p_nonblank, val.is_nonblank, cutoff)
    metrics = ValidationFigures(
        num_media=len(rows),
        num_nonblank=int(val.is_nonblank.sum()),
        num_locations=len(val.locations()),
        average_precision=average_precision(p_nonblank, val.is_nonblank),
        area_under_roc=area_under_roc(p_nonblank, val.is_nonblank),
        nonblank_recall=counts.nonblank_recall or 0.0,
        blank_recall=counts.blank_recall,
        nonblank_precision=counts.nonblank_precision,
    )
    return _Epoch(epoch=epoch, network=kept, metrics=metrics, cutoff=cutoff)


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
