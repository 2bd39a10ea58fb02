"""Checkpoints: weights and model card in one folder, local or on S3.

Owns: writing them whole (the card last) and loading them only when everything fits. Refuses: pickles,
always; other architectures; weights whose digest the card does not state.
"""

import hashlib
from datetime import UTC, datetime

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

import blanktrap
from blanktrap.core.config import NUM_COLOURS, TrainConfig
from blanktrap.core.errors import CheckpointError
from blanktrap.core.evaluation.model_facts import ModelFacts
from blanktrap.core.model_card import CARD_NAME, WEIGHTS_NAME, ModelCard, TrainingFacts, identify_model
from blanktrap.files.model_cards import read_card
from blanktrap.files.s3 import ObjectMissingError
from blanktrap.files.storage import Storage, join
from blanktrap.vision.network import build_network, channels_of, widen


def refuse_existing(storage: Storage, location: str) -> None:
    """Raise CheckpointError where a checkpoint stands already: nothing is overwritten."""
    for name in (CARD_NAME, WEIGHTS_NAME):
        if storage.exists(join(location, name)):
            raise CheckpointError(
                f"{location} already holds a model ({name}): choose another --out, or remove it first"
            )


def save_checkpoint(
    storage: Storage,
    location: str,
    network: nn.Module,
    *,
    config: TrainConfig,
    manifest_digest: str,
    training_locations: tuple[str, ...],
    validation_locations: tuple[str, ...] = (),
    label_counts: dict[str, int],
    facts: ModelFacts,
    training: TrainingFacts | None = None,
) -> ModelCard:
    """Write a checkpoint: the weights first, the card last, so that a card always has its weights.

    Args: as the fields of `ModelCard`; `facts` has those that are measured.

    Raises:
        CheckpointError: a weight is no finite number.
        SourceError: the location cannot be written.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    _check_finite(state, location)
    weights = safetensors.torch.save(state)
    digest = hashlib.sha256(weights).hexdigest()
    calibration = facts.calibration
    card = ModelCard(
        model_id=identify_model(digest, config.preprocessing, calibration.map if calibration else None),
        preprocessing=config.preprocessing,
        weights_sha256=digest,
        manifest_digest=manifest_digest,
        training_locations=training_locations,
        validation_locations=validation_locations,
        label_counts=label_counts,
        config=config,
        metrics=facts.metrics,
        recommended_cutoff=facts.recommended_cutoff,
        calibration=calibration,
        intervals=facts.intervals,
        figures=facts.figures,
        promise=facts.promise,
        training=training,
        warnings=facts.warnings,
        created=datetime.now(UTC),
        blanktrap_version=blanktrap.__version__,
    )
    storage.write_bytes(join(location, WEIGHTS_NAME), weights)
    storage.write_bytes(join(location, CARD_NAME), card.model_dump_json(indent=2).encode())
    return card


def load_network(storage: Storage, location: str) -> tuple[nn.Module, ModelCard]:
    """Load a checkpoint: the network in evaluation mode on the CPU, and its card.

    Raises:
        CheckpointError: a file is missing or damaged, the weights are not those the card states, or the
            checkpoint is of another schema version or architecture.
        SourceError: the storage cannot be read.
    """
    card = read_card(storage, location)
    uri = join(location, WEIGHTS_NAME)
    try:
        weights = storage.read_bytes(uri)
    except ObjectMissingError as problem:
        raise CheckpointError(f"{location} has {CARD_NAME} but no {WEIGHTS_NAME}: copy it there") from problem
    digest = hashlib.sha256(weights).hexdigest()
    if digest != card.weights_sha256:
        raise CheckpointError(
            f"{uri} is not the file its card describes (SHA-256 {digest[:12]}…, "
            f"expected {card.weights_sha256[:12]}…): copy the folder again"
        )
    try:
        state = safetensors.torch.load(weights)
    except SafetensorError as problem:
        raise CheckpointError(f"{uri} is damaged: {' '.join(str(problem).split())}") from problem
    network = build_network("none", card.preprocessing.num_channels).eval()
    _check_shapes(state, network.state_dict(), uri)
    _check_finite(state, uri)
    network.load_state_dict(state)
    return network, card


def first_network(storage: Storage, weights: str, num_channels: int = NUM_COLOURS) -> nn.Module:
    """The network that training begins with.

    Args:
        storage: reads a checkpoint.
        weights: `imagenet`, `none`, or the folder of a checkpoint.
        num_channels: of its input; a checkpoint without background is widened, see `build_network`.

    Raises:
        CheckpointError: the weights cannot be downloaded, or the folder holds no fitting checkpoint.
    """
    if weights in ("imagenet", "none"):
        return build_network(weights, num_channels)
    network = load_network(storage, weights)[0].train()
    if channels_of(network) > num_channels:
        raise CheckpointError(
            f"{weights} compares media with their background: go on with it with --background sequence or "
            f"location, or begin with other weights"
        )
    if channels_of(network) < num_channels:
        return widen(network, num_channels, from_zero=True)
    return network


def _check_finite(state: dict[str, torch.Tensor], where: str) -> None:
    for name, tensor in state.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(f"{where}: {name} holds values that are no finite numbers: train again")


def _check_shapes(state: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], uri: str) -> None:
    if state.keys() != expected.keys():
        missing, foreign = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
        example = f"{missing[0]} is missing" if missing else f"{foreign[0]} is foreign"
        raise CheckpointError(
            f"{uri} does not fit the network: {len(missing)} tensors missing, {len(foreign)} foreign "
            f"({example})"
        )
    for name, tensor in expected.items():
        if state[name].shape != tensor.shape or state[name].dtype != tensor.dtype:
            raise CheckpointError(
                f"{uri} does not fit the network: {name} is {state[name].dtype} {tuple(state[name].shape)}, "
                f"expected {tensor.dtype} {tuple(tensor.shape)}"
            )
