"""The model card: what a checkpoint is, what it was measured on, and what it may be used for.

Owns: the fields of `model.json`, their validation and the identity of a model. Refuses: reading or
writing the file, and the weights themselves.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from blanktrap.core.config import Config, Preprocessing, Share, TrainConfig
from blanktrap.core.evaluation.calibrating import Calibration
from blanktrap.core.evaluation.epoch_figures import EpochFigures
from blanktrap.core.statistics.calibration import CalibrationMap
from blanktrap.core.training_record import EpochRecord

ARCHITECTURE: Final = "resnet34"
WEIGHTS_NAME = "model.safetensors"
CARD_NAME = "model.json"

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Bounds = tuple[Share, Share]

INTENDED_USE = (
    "Sorting the photographs of a camera-trap archive into probably blank and probably nonblank (an animal, "
    "a person or a vehicle), so that people look at fewer blanks."
)
LIMITS = (
    "It names no species and counts nothing. Its figures hold for locations like those it was validated on; "
    "on new locations recall can be much lower, so measure it there on labelled media before trusting a "
    "cutoff. Its probabilities hold where as many media are blank as among those it was calibrated on. It "
    "never deletes anything."
)
BANNER_WARNING = (
    "no banner is cropped: where cameras print date and frame number, give --banner-top or --banner-bottom, "
    "or the network reads the label there"
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


class FigureIntervals(Config):
    """95 % intervals of the validation figures, by drawing locations again; None where none can be given.

    Those at the cutoff take it as given: they do not know that it was chosen on the same media.
    """

    num_locations: Annotated[int, Field(ge=1)]
    """Locations that were drawn; media of no known location are one."""
    average_precision: Bounds | None
    area_under_roc: Bounds | None
    nonblank_recall: Bounds | None
    blank_recall: Bounds | None
    nonblank_precision: Bounds | None


class CutoffPromise(Config):
    """What cutoff would keep its recall on new locations, or why none is promised."""

    min_recall: Share
    """The recall asked for."""
    cutoff: Share | None
    """The highest that keeps it with 95 % confidence; None where the media cannot support one."""
    recall_bound: Share | None
    """Lower bound of its recall on new locations."""
    said: str
    """The promise, or the refusal and what more it needs."""


class TrainingFacts(Config):
    """How training went."""

    num_epochs: Annotated[int, Field(ge=1)]
    """Epochs that were run; fewer than the recipe's where training ended early."""
    best_epoch: Annotated[int, Field(ge=1)]
    """The epoch, from 1, whose weights these are."""
    num_workers: Annotated[int, Field(ge=1)]
    """At the end of the last epoch."""
    training_s: Annotated[float, Field(ge=0.0)]
    """Wall seconds of all epochs, validation included."""
    images_per_s: Annotated[float, Field(ge=0.0)]
    """Training images of all workers in a second, validation apart."""
    waited_share: Share
    """Share of the time of all steps in which the network waited for images."""
    left_out: dict[str, Count]
    """Labelled media that could not be decoded, by status."""

    @classmethod
    def of(cls, records: Sequence[EpochRecord], left_out: Mapping[str, int]) -> Self:
        """From the records of one epoch or more, the best of which is marked."""
        seconds = sum(record.training_s for record in records)
        presented = sum(record.images_per_s * record.training_s for record in records)
        waited = sum(record.waited_share * record.training_s for record in records)
        return cls(
            num_epochs=len(records),
            best_epoch=max(record.epoch for record in records if record.is_best),
            num_workers=records[-1].num_workers,
            training_s=seconds + sum(record.validation_s for record in records),
            images_per_s=presented / seconds if seconds else 0.0,
            waited_share=min(1.0, waited / seconds) if seconds else 0.0,
            left_out=dict(sorted(left_out.items())),
        )


class ModelCard(Config):
    """`model.json`. Preprocessing and calibration travel with the weights, so scoring cannot differ.

    What version 1 lacked is None or empty in its cards.
    """

    schema_version: Literal[1, 2] = 2
    """Version of the checkpoint contract. Version 1 has scores as the network gives them."""
    architecture: Literal["resnet34"] = ARCHITECTURE
    """torchvision's ResNet34 with one logit for nonblank."""
    model_id: str
    """`resnet34-` and 12 hexadecimal digits over what decides scores; see `identify_model`."""
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
    """Highest cutoff that keeps `config.min_recall` of the nonblank validation media, in terms of the
    calibrated `p_nonblank`."""
    calibration: Calibration | None = None
    """From the network's scores to `p_nonblank`; None: they are the same."""
    intervals: FigureIntervals | None = None
    """Of the figures in `metrics`."""
    figures: EpochFigures | None = None
    """Of the calibrated scores on the validation media: by day and night, and by sequence."""
    promise: CutoffPromise | None = None
    """What can be promised for new locations. The validation media chose the epoch, so it flatters."""
    training: TrainingFacts | None = None
    """How long it took, and what was left out."""
    warnings: tuple[str, ...] = ()
    """What a person should know before using it, in words."""
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
        if self.schema_version == 1 and self.calibration is not None:
            raise ValueError("version 1 has no calibration: programs that read it would not apply it")
        expected = identify_model(self.weights_sha256, self.preprocessing, self.calibration_map)
        if self.model_id != expected:
            raise ValueError(
                f"model_id {self.model_id} does not belong to its weights, preprocessing and calibration "
                f"({expected})"
            )
        return self

    @property
    def calibration_map(self) -> CalibrationMap | None:
        """What makes `p_nonblank` of the network's scores; None: they are the same."""
        return None if self.calibration is None else self.calibration.map


def recommended_cutoff(run: dict[str, Any]) -> float | None:
    """The cutoff that the model card in a run.json recommends; None where that is none in [0, 1].

    Args:
        run: the content of run.json.
    """
    recommended = (run.get("model") or {}).get("recommended_cutoff")
    if isinstance(recommended, bool) or not isinstance(recommended, int | float):
        return None
    return float(recommended) if 0.0 <= recommended <= 1.0 else None


def identify_model(
    weights_sha256: str, preprocessing: Preprocessing, calibration: CalibrationMap | None = None
) -> str:
    """Name a model by what decides its scores: weights, preprocessing with the input size, calibration.

    Args:
        weights_sha256: hexadecimal digest of the file `model.safetensors`.
        preprocessing: crop, size and normalisation.
        calibration: from the network's scores to `p_nonblank`.

    Returns:
        Such as `resnet34-0123456789ab`: the same three have the same name anywhere.
    """
    # What is off by default and came later is left out: earlier models keep their names.
    settings = preprocessing.model_dump(mode="json")
    if not preprocessing.auto_gamma:
        del settings["auto_gamma"]
    if preprocessing.background == "none":
        del settings["background"]
    deciding = [weights_sha256, _canonical(settings)]
    if calibration is not None:
        deciding.append(_canonical(calibration.model_dump(mode="json")))
    digest = hashlib.sha256("\n".join(deciding).encode()).hexdigest()
    return f"{ARCHITECTURE}-{digest[:12]}"


def _canonical(settings: Mapping[str, object]) -> str:
    return json.dumps(settings, sort_keys=True, separators=(",", ":"))
