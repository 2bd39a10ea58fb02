"""The model card: what a checkpoint is, what it was measured on, and what it may be used for.

Owns: the fields of `model.json`, their validation and the identity of a model. Refuses: reading or
writing the file, and the weights themselves.
"""

import hashlib
import json
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, model_validator

from blanktrap.core.config import Config, Preprocessing, Share, TrainConfig

ARCHITECTURE: Final = "resnet34"
WEIGHTS_NAME = "model.safetensors"
CARD_NAME = "model.json"

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

INTENDED_USE = (
    "Sorting the photographs of a camera-trap archive into probably blank and probably nonblank (an animal, "
    "a person or a vehicle), so that people look at fewer blanks."
)
LIMITS = (
    "It names no species and counts nothing. Its figures hold for locations like those it was validated on; "
    "on new locations recall can be much lower, so measure it there on labelled media before trusting a "
    "cutoff. It never deletes anything."
)


class ValidationFigures(Config):
    """What the model reached on media it was not trained on.

    They come from other locations, unless the manifest was split by deployment, sequence or time: then
    locations stand among both the card's training and its validation locations.
    """

    num_media: Annotated[int, Field(ge=1)]
    """Labelled validation media that could be decoded."""
    num_nonblank: Annotated[int, Field(ge=0)]
    """Nonblank media among them."""
    num_locations: Annotated[int, Field(ge=0)]
    """Distinct locations among them; media without a location count for none."""
    average_precision: Share | None
    """Of the nonblank class; None where one of the labels is absent."""
    area_under_roc: Share | None
    """Chance that a nonblank media scores above a blank one; None where one of the labels is absent."""
    nonblank_recall: Share
    """At the recommended cutoff, which was chosen on the same media: an optimistic figure."""
    blank_recall: Share | None
    """Share of blanks removed at the recommended cutoff; None without blanks."""
    nonblank_precision: Share | None
    """Share of kept media that are nonblank, at the recommended cutoff and these media's blank rate."""


class ModelCard(Config):
    """`model.json`. Preprocessing travels with the weights, so scoring cannot differ from training."""

    schema_version: Literal[1] = 1
    """Version of the checkpoint contract."""
    architecture: Literal["resnet34"] = ARCHITECTURE
    """torchvision's ResNet34 with one logit for nonblank."""
    model_id: str
    """`resnet34-` and 12 hexadecimal digits over weights and preprocessing; see `identify_model`."""
    preprocessing: Preprocessing
    """From a decoded image to the network's input."""
    weights_sha256: Digest
    """Of the file `model.safetensors`."""
    manifest_digest: str
    """Digest of the training manifest."""
    training_locations: tuple[str, ...]
    """Locations the network learned from, sorted: scoring them says nothing about new ones."""
    validation_locations: tuple[str, ...] = ()
    """Locations that chose the epoch and the cutoff, sorted: figures measured there flatter too."""
    label_counts: dict[str, Annotated[int, Field(ge=0)]]
    """Media by split and label that could be decoded, such as `train/blank`."""
    config: TrainConfig
    """The resolved training configuration."""
    metrics: ValidationFigures
    """What the model reached, and on what."""
    recommended_cutoff: Share
    """Highest cutoff that keeps `config.min_recall` of the nonblank validation media."""
    created: AwareDatetime
    """When the training ended, UTC."""
    blanktrap_version: str
    """Version of the program that trained it."""
    intended_use: str = INTENDED_USE
    """What the model is for."""
    limits: str = LIMITS
    """What it must not be trusted with."""

    @model_validator(mode="after")
    def _identity_fits(self) -> "ModelCard":
        expected = identify_model(self.weights_sha256, self.preprocessing)
        if self.model_id != expected:
            raise ValueError(
                f"model_id {self.model_id} does not belong to its weights and preprocessing ({expected})"
            )
        return self


def identify_model(weights_sha256: str, preprocessing: Preprocessing) -> str:
    """Name a model by what decides its scores: weights, and preprocessing with the input size.

    Args:
        weights_sha256: hexadecimal digest of the file `model.safetensors`.
        preprocessing: crop, size and normalisation.

    Returns:
        Such as `resnet34-0123456789ab`: the same weights and preprocessing have the same name anywhere.
    """
    # What is off by default and came later is left out: earlier models keep their names.
    settings = preprocessing.model_dump(mode="json")
    if not preprocessing.auto_gamma:
        del settings["auto_gamma"]
    canonical = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(f"{weights_sha256}\n{canonical}".encode()).hexdigest()
    return f"{ARCHITECTURE}-{digest[:12]}"
