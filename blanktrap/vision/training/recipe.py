"""How weights move: which of them learn how fast and when, and what the loss asks for.

Owns: groups of parameters with their rates, the schedule, the loss, and the order in which media are seen.
Refuses: pixels, workers, and the loop.

Source: one cycle, Smith 2018; discriminative rates and the head first, Howard & Ruder 2018; smoothed labels,
Szegedy et al. 2016; weight decay apart from the gradient, Loshchilov & Hutter 2019.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from blanktrap.core.config import TrainConfig

_WARM_UP_SHARE = 0.2
"""Share of the steps in which the learning rate rises."""
_FIRST_RATE, _LAST_RATE = 1.0 / 25.0, 1.0 / 250_000.0
"""Rates at both ends of a cycle, as shares of its peak."""
_CALM_BETA, _FAST_BETA = 0.95, 0.85
"""AdamW's first beta where the rate is low, and where it is high."""
_STAGES = ("layer4", "layer3", "layer2", "layer1")
"""From the head down; what is in none of them comes before all."""
HEAD = "fc"
_CHANGES_RATE = 5.0
"""Of the head's part for change, as a share of the rate: a few numbers, to be learned in few steps."""

PhaseName = Literal["head", "all"]


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What one step is taken with."""

    phase: PhaseName
    rate: float
    """Share of the peak rate, in (0, 1]."""
    beta: float
    """AdamW's first beta."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Two cycles: a short one for the head alone, and one for the whole network."""

    head_epochs: int
    num_epochs: int
    steps_per_epoch: int

    @classmethod
    def of(cls, config: TrainConfig, steps_per_epoch: int) -> "Schedule":
        """The schedule of a recipe: the head goes first where the rest has learned something already."""
        usual = 0 if config.weights == "none" else min(1, config.num_epochs - 1)
        head_epochs = usual if config.head_epochs is None else config.head_epochs
        return cls(head_epochs=head_epochs, num_epochs=config.num_epochs, steps_per_epoch=steps_per_epoch)

    def phase_of(self, epoch: int) -> PhaseName:
        """What learns in an epoch, from 1."""
        return "head" if epoch <= self.head_epochs else "all"

    def at(self, epoch: int, step: int) -> Pace:
        """The pace of a step, from 0, of an epoch, from 1."""
        phase = self.phase_of(epoch)
        first, last = (0, self.head_epochs) if phase == "head" else (self.head_epochs, self.num_epochs)
        done = (epoch - 1 - first) * self.steps_per_epoch + step
        progress = done / max(1, (last - first) * self.steps_per_epoch - 1)
        if progress < _WARM_UP_SHARE:
            share = progress / _WARM_UP_SHARE
            return Pace(
                phase=phase,
                rate=_cosine(_FIRST_RATE, 1.0, share),
                beta=_cosine(_CALM_BETA, _FAST_BETA, share),
            )
        share = (progress - _WARM_UP_SHARE) / (1.0 - _WARM_UP_SHARE)
        return Pace(
            phase=phase,
            rate=_cosine(1.0, _LAST_RATE, share),
            beta=_cosine(_FAST_BETA, _CALM_BETA, share),
        )


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1.0 + math.cos(math.pi * share)) / 2.0


def build_optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW over groups whose `scale` is their share of the rate.

    From learned weights each stage learns `layer_decay` times as fast as the one above it: the lower ones
    know edges and textures already. From none, all learn alike. Norms and biases are few and set the scale:
    shrinking them only hurts, so weight decay spares them.
    """
    decay = 1.0 if config.weights == "none" else config.layer_decay
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        groups.setdefault((_scale_of(name, decay), parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "scale": scale,
                "weight_decay": config.weight_decay if is_weight else 0.0,
            }
            for (scale, is_weight), parameters in sorted(groups.items(), key=lambda item: item[0])
        ],
        lr=config.learning_rate,
        fused=True,
    )


def _scale_of(name: str, decay: float) -> float:
    """A parameter's share of the rate. What is new for the place learns like the head, or faster."""
    stage, part = name.split(".")[:2]
    if part == "changes":
        return _CHANGES_RATE if stage == HEAD else 1.0
    if stage == HEAD:
        return 1.0
    depth = _STAGES.index(stage) + 1 if stage in _STAGES else len(_STAGES) + 1
    return float(decay**depth)


def set_pace(optimizer: torch.optim.Optimizer, pace: Pace, config: TrainConfig) -> None:
    """Give each group its rate for the next step."""
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * group["scale"] * pace.rate
        group["betas"] = (pace.beta, group["betas"][1])


def prepare_phase(network: nn.Module, phase: PhaseName) -> None:
    """Put the network into training mode, the head alone or all of it.

    While the head learns alone, the norms below it keep their statistics: they are those of the weights.
    """
    network.train(phase == "all")
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(phase == "all" or name.split(".")[0] == HEAD)


def average_weights(network: nn.Module, config: TrainConfig, steps_per_epoch: int) -> AveragedModel | None:
    """A moving average of the weights, steadier than the last ones; None where none is wanted."""
    if not config.averaging_epochs:
        return None
    reach = max(2.0, min(config.averaging_epochs * steps_per_epoch, 1000.0))
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(1.0 - 1.0 / reach), use_buffers=True)


def weigh_labels(is_nonblank: np.ndarray, config: TrainConfig) -> tuple[float, float]:
    """Weights of a blank and of a nonblank media in the loss, with mean 1 over the training media.

    Args:
        is_nonblank: labels of the training media, shape (num_media,), both there.
        config: the recipe; without `balance` by weight both are 1.
    """
    if config.balance != "weight":
        return 1.0, 1.0
    share = float(is_nonblank.mean())
    return 0.5 / (1.0 - share), 0.5 / share


def weights_of(is_nonblank: np.ndarray, label_weights: tuple[float, float]) -> torch.Tensor:
    """The weight of each media by its label, float32, shape (num_media,)."""
    blank, nonblank = label_weights
    return torch.from_numpy(np.where(is_nonblank, nonblank, blank).astype(np.float32))


def draw_order(
    rows: np.ndarray, is_nonblank: np.ndarray, config: TrainConfig, chance: np.random.Generator
) -> np.ndarray:
    """The media of an epoch in the order they are seen.

    Args:
        rows: positions of the media, shape (num_media,).
        is_nonblank: their labels, shape (num_media,).
        config: the recipe. Balanced by sampler, both labels come equally often: the rare one's media are
            seen again, of the common one's some wait for another epoch.
        chance: decides.

    Returns:
        As many positions as `rows` has, each once unless the sampler says otherwise.
    """
    if config.balance != "sampler" or is_nonblank.all() or not is_nonblank.any():
        return chance.permutation(rows)
    halves = [
        _draw(rows[is_nonblank == label], size, chance)
        for label, size in ((True, len(rows) // 2), (False, len(rows) - len(rows) // 2))
    ]
    return chance.permutation(np.concatenate(halves))


def _draw(rows: np.ndarray, size: int, chance: np.random.Generator) -> np.ndarray:
    """Draw so that no media comes twice more often than another."""
    rounds = [chance.permutation(rows) for _ in range(-(-size // len(rows)))]
    return np.concatenate(rounds)[:size]


def measure_loss(
    logits: torch.Tensor, is_nonblank: torch.Tensor, weights: torch.Tensor, smoothing: float
) -> torch.Tensor:
    """The sum over media of the weighted cross entropy with smoothed labels.

    Args:
        logits: float32, shape (num_media,).
        is_nonblank: 0 or 1, float32, shape (num_media,).
        weights: of each media, shape (num_media,).
        smoothing: share of each label given to the other one.
    """
    targets = is_nonblank * (1.0 - smoothing) + (1.0 - is_nonblank) * smoothing
    return nn.functional.binary_cross_entropy_with_logits(logits, targets, weight=weights, reduction="sum")
