"""The state of a training run between two epochs: a local folder of safetensors and JSON.

Owns: writing it, and reading it back with one clear line where it is damaged. Refuses: pickles, always, and
knowing where the folder is kept in the meantime.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from pydantic import ValidationError
from safetensors import SafetensorError

from blanktrap.core.errors import CheckpointError
from blanktrap.core.training_record import EpochRecord

VERSION = 1
_FACTS = "state.json"
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class ValidationScores:
    """What one epoch's network said of the validation media that could be decoded."""

    rows: np.ndarray
    """Positions in the labelled media of the run, sorted, int64, shape (num_media,)."""
    p_nonblank: np.ndarray
    """Not yet calibrated, float32."""
    is_night: np.ndarray
    """Boolean."""

    def tensors(self) -> Tensors:
        """As tensors, by name."""
        return {
            "rows": torch.from_numpy(self.rows),
            "p_nonblank": torch.from_numpy(self.p_nonblank),
            "is_night": torch.from_numpy(self.is_night),
        }


@dataclass(kw_only=True)
class TrainingState:
    """All that a run needs to go on, and to end: what has been learned, and the best of it."""

    records: list[EpochRecord] = field(default_factory=list)
    """One for each epoch that is done."""
    left_out: dict[int, str] = field(default_factory=dict)
    """Labelled media that cannot be decoded: their positions, and the status of each."""
    network: Tensors = field(default_factory=dict)
    averaged: Tensors = field(default_factory=dict)
    """Of the moving average; empty where none is kept."""
    optimizer: Tensors = field(default_factory=dict)
    loss_scale: dict[str, Any] = field(default_factory=dict)
    """Of float16 arithmetic; empty otherwise."""
    best: Tensors = field(default_factory=dict)
    """Weights of the best epoch so far, as they were validated."""
    best_scores: ValidationScores | None = None

    @property
    def epoch(self) -> int:
        """Epochs that are done."""
        return len(self.records)

    @property
    def best_record(self) -> EpochRecord | None:
        """Of the epoch whose weights are the best so far."""
        return next((record for record in reversed(self.records) if record.is_best), None)


def write_state(folder: Path, state: TrainingState) -> None:
    """Write a state into an empty local folder, the facts last."""
    parts = {
        "network": state.network,
        "averaged": state.averaged,
        "optimizer": state.optimizer,
        "best": state.best,
        "best_scores": state.best_scores.tensors() if state.best_scores else {},
    }
    for name, tensors in parts.items():
        safetensors.torch.save_file(
            {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()},
            folder / f"{name}.safetensors",
        )
    facts = {
        "schema_version": VERSION,
        "records": [record.model_dump(mode="json") for record in state.records],
        "left_out": {str(row): status for row, status in sorted(state.left_out.items())},
        "loss_scale": state.loss_scale,
    }
    (folder / _FACTS).write_text(json.dumps(facts))


def read_state(folder: Path) -> TrainingState:
    """Read a state back.

    Raises:
        CheckpointError: a file is missing or damaged, or the state is of another version.
    """
    try:
        facts = json.loads((folder / _FACTS).read_text())
        if facts.get("schema_version") != VERSION:
            raise CheckpointError(
                f"{folder} holds the state of a training run in version {facts.get('schema_version')}, this "
                f"blanktrap reads {VERSION}: begin again under another --name"
            )
        parts = {
            name: safetensors.torch.load_file(folder / f"{name}.safetensors")
            for name in ("network", "averaged", "optimizer", "best", "best_scores")
        }
        scores = parts["best_scores"]
        return TrainingState(
            records=[EpochRecord(**record) for record in facts["records"]],
            left_out={int(row): status for row, status in facts["left_out"].items()},
            loss_scale=facts["loss_scale"],
            network=parts["network"],
            averaged=parts["averaged"],
            optimizer=parts["optimizer"],
            best=parts["best"],
            best_scores=ValidationScores(**{key: tensor.numpy() for key, tensor in scores.items()})
            if scores
            else None,
        )
    except (OSError, ValueError, KeyError, SafetensorError, ValidationError) as problem:
        if isinstance(problem, CheckpointError):
            raise
        reason = " ".join(str(problem).split())
        raise CheckpointError(
            f"the training state in {folder} is damaged ({reason}): remove it to begin again"
        ) from problem


def pack_optimizer(optimizer: torch.optim.Optimizer) -> Tensors:
    """What an optimizer remembers of each parameter, by number and name."""
    remembered = optimizer.state_dict()["state"]
    return {f"{number}.{name}": value for number, one in remembered.items() for name, value in one.items()}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Give an optimizer back what `pack_optimizer` took; its groups stay as they are."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    remembered: dict[int, Tensors] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        parameter = parameters[int(number)]
        if value.shape == parameter.shape:
            # A fused step walks through memory: moments must lie as their weights do (channels last).
            value = torch.empty_like(parameter).copy_(value)
        remembered.setdefault(int(number), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": remembered, "param_groups": groups})
