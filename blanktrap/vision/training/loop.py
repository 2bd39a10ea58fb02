"""The loop over epochs: learn, validate, keep the best; one worker of one or many.

Owns: an epoch's steps, what is validated and recorded after it, when training ends, and the state that a run
goes on from. Refuses: Ray, reading manifests, decoding, and the checkpoint, which `finishing` writes.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from blanktrap.core.config import TrainConfig
from blanktrap.core.errors import LossError, TrainingError
from blanktrap.core.evaluation.epoch_figures import measure_epoch
from blanktrap.core.training_record import EpochRecord
from blanktrap.core.vocabulary import Split
from blanktrap.vision.labelled_media import LabelledMedia, refuse_one_sided
from blanktrap.vision.scorer import Scorer
from blanktrap.vision.training.feeds import Batch, Feed
from blanktrap.vision.training.progress import TrainProgress
from blanktrap.vision.training.recipe import (
    Schedule,
    average_weights,
    build_optimizer,
    draw_order,
    measure_loss,
    prepare_phase,
    set_pace,
    weigh_labels,
    weights_of,
)
from blanktrap.vision.training.state import (
    TrainingState,
    ValidationScores,
    pack_optimizer,
    unpack_optimizer,
)
from blanktrap.vision.training.step import Learner
from blanktrap.vision.training.workers import Workers

_SCORING_BATCH = 64


class TrainingLoop:
    """Trains a network with all workers; each of them runs this on its own part of the media.

    Attributes:
        state: what has been learned so far. It can be written after each epoch, and gone on from.
    """

    def __init__(
        self,
        network: nn.Module,
        media: LabelledMedia,
        learn: Feed,
        judge: Feed,
        config: TrainConfig,
        *,
        device: torch.device | None = None,
        on_step: Callable[[TrainProgress], None] = lambda progress: None,
    ) -> None:
        """Prepare a run from its beginning; `restore` goes on with one.

        Args:
            network: with its first weights, the same on all workers. It is trained in place.
            media: all labelled media of the run, each in `train` or `val`; the same on all workers.
            learn: gives training media.
            judge: gives validation media.
            config: the recipe. With one seed and the same workers the same weights come out.
            device: where to compute; None takes a GPU where there is one.
            on_step: called after each step.

        Raises:
            TrainingError: a label is missing on one side, or a step has less media than workers.
        """
        refuse_one_sided(media)
        self.state = TrainingState()
        self._media, self._learn, self._judge, self._config = media, learn, judge, config
        self._on_step = on_step
        self._workers = Workers()
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = network.to(self._device).to(memory_format=torch.channels_last)
        rows = np.flatnonzero(media.splits == Split.TRAIN)
        self._batch_size = min(config.batch_size, len(rows))
        self._steps_per_epoch = len(rows) // self._batch_size
        self._schedule = Schedule.of(config, self._steps_per_epoch)
        self._optimizer = build_optimizer(self._network, config)
        self._averaged = average_weights(self._network, config, self._steps_per_epoch)
        self._label_weights = weigh_labels(media.is_nonblank[rows], config)
        self._learner = Learner(
            self._network,
            self._optimizer,
            self._workers,
            config,
            label_weights=self._label_weights,
            step_size=self._batch_size,
            device=self._device,
        )
        self._mine = self._workers.part_of(rows, config.seed)
        self._mine_to_judge = np.flatnonzero(media.splits == Split.VAL)[
            self._workers.rank :: self._workers.count
        ]

    def restore(self, state: TrainingState) -> None:
        """Go on from a state, which may come from another number of workers."""
        self.state = state
        self._network.load_state_dict(state.network)
        if self._averaged is not None and state.averaged:
            self._averaged.load_state_dict(state.averaged)
        unpack_optimizer(self._optimizer, state.optimizer)
        self._learner.restore_loss_scale(state.loss_scale)

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done, or none of the last ones was better than the best."""
        done, best = self.state.epoch, self.state.best_record
        waited = done - max(best.epoch if best else 0, self._schedule.head_epochs)
        patience = self._config.patience
        return done >= self._config.num_epochs or (patience is not None and waited >= patience)

    def epochs(self) -> Iterator[EpochRecord]:
        """Run the epochs that are left; yields on every worker, after `state` took in the epoch.

        Raises:
            LossError: the loss is no number; `state` is still that of the last epoch.
            TrainingError: memory is too small, or no image can be read.
            SourceError: the storage itself fails.
        """
        while not self.is_over:
            yield self._run_epoch(self.state.epoch + 1)

    def _run_epoch(self, epoch: int) -> EpochRecord:
        started, waited_s = time.perf_counter(), self._learn.waited_s
        train_loss = self._train_epoch(epoch)
        training_s = time.perf_counter() - started
        waited_s = self._learn.waited_s - waited_s
        network = self._averaged.module if self._averaged is not None else self._network
        started = time.perf_counter()
        scores = self._score_validation(network, epoch)
        left_out = self._gather_left_out()
        validation_s = time.perf_counter() - started
        mean = self._workers.total(torch.tensor([waited_s, training_s], dtype=torch.float64))
        figures = measure_epoch(
            scores.p_nonblank,
            self._media.is_nonblank[scores.rows],
            is_night=scores.is_night,
            sequences=self._media.sequence_codes()[scores.rows],
        )
        best = self.state.best_record
        reached = figures.all.average_precision or 0.0
        record = EpochRecord(
            epoch=epoch,
            phase=self._schedule.phase_of(epoch),
            num_workers=self._workers.count,
            train_loss=train_loss,
            val_loss=self._measure_loss(scores),
            learning_rate=self._config.learning_rate
            * self._schedule.at(epoch, self._steps_per_epoch - 1).rate,
            images_per_s=self._steps_per_epoch * self._batch_size / training_s,
            waited_share=min(1.0, float(mean[0] / mean[1])),
            training_s=training_s,
            validation_s=validation_s,
            is_best=best is None or reached > (best.figures.all.average_precision or 0.0),
            figures=figures,
        )
        self._take_in(record, scores, network, left_out)
        return record

    def _train_epoch(self, epoch: int) -> float:
        """Take the steps of an epoch and return their mean loss."""
        prepare_phase(self._network, self._schedule.phase_of(epoch))
        self._learner.begin_epoch(self._chance(epoch, 1))
        losses: list[float] = []
        started = time.perf_counter()
        for step, batch in enumerate(self._learning_batches(epoch)):
            set_pace(self._optimizer, self._schedule.at(epoch, step), self._config)
            where = f"epoch {epoch}, batch {step + 1} of {self._steps_per_epoch}"
            losses.append(self._learner.learn(batch, self._media, where))
            if self._averaged is not None:
                self._averaged.update_parameters(self._network)
            self._on_step(self._progress(epoch, losses, time.perf_counter() - started))
        return math.fsum(losses) / len(losses)

    def _learning_batches(self, epoch: int) -> Iterator[Batch]:
        """This worker's batches of an epoch: as many as it has steps, whatever cannot be decoded."""
        size = self._workers.share_of(self._batch_size)
        chance = np.random.default_rng(self._chance(epoch, 0))
        is_nonblank = self._media.is_nonblank[self._mine]
        left = self._steps_per_epoch
        rest: Batch | None = None
        while left:
            order = draw_order(self._mine, is_nonblank, self._config, chance)
            met = 0
            for batch in self._learn.epoch(order, size):
                met += len(batch.rows)
                joined = batch if rest is None else _join(rest, batch)
                rest = None
                while left and len(joined.rows) >= size:
                    yield _cut(joined, 0, size)
                    left -= 1
                    joined = _cut(joined, size, len(joined.rows))
                if not left:
                    return
                rest = joined if len(joined.rows) else None
            if not met:
                raise TrainingError(self._nothing_readable())

    def _nothing_readable(self) -> str:
        counts: dict[str, int] = {}
        for status in self._learn.left_out.values():
            counts[status] = counts.get(status, 0) + 1
        told = ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items()))
        return (
            f"none of {len(self._mine):,} labelled images to learn from can be read ({told}): see where the "
            f"manifest says they are"
        )

    def _chance(self, epoch: int, purpose: int) -> int:
        """A seed for one purpose of one epoch on this worker, so that a run can go on at any epoch."""
        entropy = [self._config.seed, epoch, self._workers.rank, purpose]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])

    def _score_validation(self, network: nn.Module, epoch: int) -> ValidationScores:
        """Score the validation media the way `blanktrap score` will, all workers together."""
        scorer = Scorer(
            copy.deepcopy(network).eval(),
            self._config.preprocessing,
            device=str(self._device),
            precision=self._config.precision,
        )
        rows, p_nonblank, is_night = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)], [np.zeros(0, bool)]
        for batch in self._judge.epoch(self._mine_to_judge, _SCORING_BATCH):
            rows.append(batch.rows)
            p_nonblank.append(scorer.score_pixels(batch.pixels))
            is_night.append(batch.is_night)
        parts = self._workers.gather(
            (np.concatenate(rows), np.concatenate(p_nonblank), np.concatenate(is_night))
        )
        met, scores, nights = (np.concatenate(part) for part in zip(*parts, strict=True))
        if not np.isfinite(scores).all():
            raise LossError(
                f"the network gives no numbers after epoch {epoch}: lower --learning-rate (now "
                f"{self._config.learning_rate:g})"
            )
        order = np.argsort(met)
        return ValidationScores(rows=met[order], p_nonblank=scores[order], is_night=nights[order])

    def _gather_left_out(self) -> dict[int, str]:
        """Media that no worker could decode; what is left must still show both labels on both sides."""
        left_out: dict[int, str] = {}
        for part in self._workers.gather({**self._learn.left_out, **self._judge.left_out}):
            left_out.update(part)
        if len(left_out) > len(self.state.left_out):
            readable = np.setdiff1d(np.arange(len(self._media.uris)), list(left_out))
            refuse_one_sided(self._media.take(readable), where="among the images that can be read: ")
        return left_out

    def _measure_loss(self, scores: ValidationScores) -> float:
        """The loss of training on the validation media, mean over media."""
        tiny = float(np.finfo(np.float32).eps)
        is_nonblank = self._media.is_nonblank[scores.rows]
        total = measure_loss(
            torch.logit(torch.from_numpy(scores.p_nonblank), eps=tiny),
            torch.from_numpy(is_nonblank.astype(np.float32)),
            weights_of(is_nonblank, self._label_weights),
            self._config.label_smoothing,
        )
        return float(total) / len(is_nonblank)

    def _take_in(
        self, record: EpochRecord, scores: ValidationScores, network: nn.Module, left_out: dict[int, str]
    ) -> None:
        state = self.state
        state.records.append(record)
        state.left_out = left_out
        state.network = self._network.state_dict()
        state.averaged = self._averaged.state_dict() if self._averaged is not None else {}
        state.optimizer = pack_optimizer(self._optimizer)
        state.loss_scale = self._learner.loss_scale()
        if record.is_best:
            state.best = {
                name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()
            }
            state.best_scores = scores

    def _progress(self, epoch: int, losses: list[float], seconds: float) -> TrainProgress:
        steps = (epoch - 1) * self._steps_per_epoch + len(losses)
        total = self._config.num_epochs * self._steps_per_epoch
        rate = len(losses) * self._batch_size / seconds
        return TrainProgress(
            epoch=epoch,
            num_epochs=self._config.num_epochs,
            images_done=steps * self._batch_size,
            images_total=total * self._batch_size,
            images_per_s=rate,
            loss=math.fsum(losses) / len(losses),
            left_s=(total - steps) * self._batch_size / rate,
        )


def _join(first: Batch, second: Batch) -> Batch:
    return Batch(
        rows=np.concatenate([first.rows, second.rows]),
        pixels=np.concatenate([first.pixels, second.pixels]),
        is_night=np.concatenate([first.is_night, second.is_night]),
        sizes_px=np.concatenate([first.sizes_px, second.sizes_px]),
    )


def _cut(batch: Batch, start: int, stop: int) -> Batch:
    return Batch(
        rows=batch.rows[start:stop],
        pixels=batch.pixels[start:stop],
        is_night=batch.is_night[start:stop],
        sizes_px=batch.sizes_px[start:stop],
    )
