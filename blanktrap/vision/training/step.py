"""One step of learning: a worker's part of a batch forward and back, and the weights moved by all parts.

Owns: arithmetic formats, accumulation, the check that numbers stay numbers, and what is said when memory runs
out. Refuses: where batches come from, and the schedule.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from blanktrap.core.config import TrainConfig
from blanktrap.core.errors import LossError, TrainingError
from blanktrap.vision.augmentation import Augmenter
from blanktrap.vision.background import without_background
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.scorer import choose_dtype
from blanktrap.vision.seen_boxes import shares_of_input
from blanktrap.vision.training.feeds import Batch
from blanktrap.vision.training.recipe import measure_loss, weights_of
from blanktrap.vision.training.workers import Workers

_MAX_GRADIENT_NORM = 1.0
_NAMED = 3
"""Media named where a batch went wrong."""


class Learner:
    """Moves the weights, one batch after the other."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        workers: Workers,
        config: TrainConfig,
        *,
        label_weights: tuple[float, float],
        step_size: int,
        device: torch.device,
    ) -> None:
        """Args: as `TrainingLoop`; label_weights: of blank and nonblank media; step_size: media in a step."""
        self._network, self._optimizer, self._workers = network, optimizer, workers
        self._config, self._device = config, device
        self._label_weights, self._step_size = label_weights, step_size
        self._augmenter = Augmenter(config.augment)
        self._dtype = choose_dtype(device, config.precision)
        # float16 has so few small numbers that gradients vanish unless the loss is scaled up.
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._dtype is torch.float16)
        mean, std = (
            255.0 * torch.tensor(values, dtype=torch.float32, device=device).view(1, -1, 1, 1)
            for values in (config.preprocessing.channel_means, config.preprocessing.channel_stds)
        )
        self._mean, self._std = mean, std
        self._chance = torch.Generator()
        self._together: nn.Module = network
        self._is_learning: list[bool] = []

    def begin_epoch(self, seed: int) -> None:
        """Take up what learns now, and a source of chance of this epoch's own."""
        self._chance.manual_seed(seed)
        # Wrapping settles which parameters ask for gradients, and sends all weights: no oftener than needed.
        is_learning = [parameter.requires_grad for parameter in self._network.parameters()]
        if is_learning != self._is_learning:
            self._together, self._is_learning = self._workers.wrap(self._network), is_learning

    def loss_scale(self) -> dict[str, Any]:
        """What float16 arithmetic has found so far; empty for other formats."""
        return self._scaler.state_dict()

    def restore_loss_scale(self, state: dict[str, Any]) -> None:
        """Go on with what `loss_scale` gave."""
        if state:
            self._scaler.load_state_dict(state)

    def learn(self, batch: Batch, media: LabelledMedia, where: str) -> float:
        """Learn from this worker's part of a batch, together with all others.

        Args:
            batch: this worker's part.
            media: the labelled media of the run.
            where: names epoch and batch in what is said of a failure.

        Returns:
            The loss of the whole batch: its mean over media.

        Raises:
            LossError: the loss or a gradient is no number; weights are as they were.
            TrainingError: memory ran out.
        """
        self._optimizer.zero_grad(set_to_none=True)
        try:
            loss = self._workers.total(self._backward(batch, media))
            norm = self._clip()
        except RuntimeError as problem:
            if not _is_out_of_memory(problem):
                raise
            raise TrainingError(self._too_much(len(batch.rows))) from problem
        # With a scaled loss a gradient may overflow: the scaler then skips the step and scales less.
        if not bool(torch.isfinite(loss)) or not (self._scaler.is_enabled() or bool(torch.isfinite(norm))):
            raise LossError(self._no_number(batch, media, where, float(loss)))
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return float(loss)

    def _clip(self) -> torch.Tensor:
        self._scaler.unscale_(self._optimizer)
        return nn.utils.clip_grad_norm_(self._network.parameters(), _MAX_GRADIENT_NORM)

    def _backward(self, batch: Batch, media: LabelledMedia) -> torch.Tensor:
        """Accumulate gradients over micro-batches; return this worker's part of the mean loss."""
        size = self._config.micro_batch_size or len(batch.rows)
        starts = range(0, len(batch.rows), size)
        total = torch.zeros((), device=self._device)
        boxes = self._boxes_of(batch, media)
        for start in starts:
            part = slice(start, start + size)
            with self._without_exchange() if start + size < len(batch.rows) else nullcontext():
                is_nonblank = media.is_nonblank[batch.rows[part]]
                spared = None if boxes is None else boxes[part]
                loss = self._loss_of(batch.pixels[part], is_nonblank, spared) / self._step_size
                # Gradients are averaged over workers, whose parts may differ by one: their sum is wanted.
                self._scaler.scale(loss * self._workers.count).backward()
            total += loss.detach()
        return total

    def _boxes_of(self, batch: Batch, media: LabelledMedia) -> list[torch.Tensor] | None:
        """Boxes that the augmentation spares, as `Augmenter` takes them; None where nothing is known."""
        if media.boxes is None:
            return None
        return [
            torch.from_numpy(shares_of_input(boxes, width_px, height_px, self._config.preprocessing))
            for boxes, (width_px, height_px) in zip(
                media.boxes[batch.rows], batch.sizes_px.tolist(), strict=True
            )
        ]

    def _loss_of(
        self, pixels: np.ndarray, is_nonblank: np.ndarray, boxes: list[torch.Tensor] | None
    ) -> torch.Tensor:
        decoded = torch.from_numpy(np.ascontiguousarray(self._withhold(pixels)))
        images = self._augmenter(decoded, self._device, self._chance, boxes)
        images = ((images - self._mean) / self._std).contiguous(memory_format=torch.channels_last)
        labels = torch.from_numpy(is_nonblank.astype(np.float32))
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype is not torch.float32):
            logits = self._together(images)
        return measure_loss(
            logits.float().squeeze(1),
            labels.to(self._device),
            weights_of(is_nonblank, self._label_weights).to(self._device),
            self._config.label_smoothing,
        )

    def _withhold(self, pixels: np.ndarray) -> np.ndarray:
        """Some media as if they had no background, so that the network learns to judge such media too."""
        if self._config.preprocessing.background == "none":
            return pixels
        lots = torch.rand(len(pixels), generator=self._chance).numpy()
        is_withheld = lots < self._config.withhold_background
        if not is_withheld.any():
            return pixels
        pixels = pixels.copy()
        pixels[is_withheld] = without_background(pixels[is_withheld])
        return pixels

    def _without_exchange(self) -> AbstractContextManager[None]:
        if isinstance(self._together, DistributedDataParallel):
            return self._together.no_sync()
        return nullcontext()

    def _no_number(self, batch: Batch, media: LabelledMedia, where: str, loss: float) -> str:
        """Say which batch; each worker knows its own media."""
        names: list[str] = []
        for part in self._workers.gather([str(media.media_ids[row]) for row in batch.rows[:_NAMED]]):
            names.extend(part)
        what = f"the loss is {loss}" if not np.isfinite(loss) else "a gradient is no number"
        return (
            f"{what} at {where} ({', '.join(names[:_NAMED])}, …): lower --learning-rate (now "
            f"{self._config.learning_rate:g})"
        )

    def _too_much(self, num_images: int) -> str:
        size = min(num_images, self._config.micro_batch_size or num_images)
        shape = self._config.preprocessing
        return (
            f"out of memory with {size} images of {shape.width_px}x{shape.height_px} at once "
            f"({self._device.type}): give --micro-batch-size {max(1, size // 2)}, which leaves the step as "
            f"it is, or a smaller --image-size"
        )


def _is_out_of_memory(problem: RuntimeError) -> bool:
    # Only GPUs have an exception of their own; the CPU's allocator says it in words.
    return isinstance(problem, torch.OutOfMemoryError) or "can't allocate memory" in str(problem)
