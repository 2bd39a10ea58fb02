"""One frozen configuration per stage, each field with its unit and range.

Owns: what can be set, the defaults, and their validation. Refuses: reading files, touching disk or
network, unknown keys. Precedence: a flag on the command line, else the default written here. The
resolved configuration is saved beside every output.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from blanktrap.core.errors import UsageError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Channel = tuple[float, float, float]
Precision = Literal["auto", "float32", "bfloat16", "float16"]


class Config(BaseModel):
    """The parent of all configurations: frozen, and unknown keys fail."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


ConfigT = TypeVar("ConfigT", bound=Config)


class Preprocessing(Config):
    """From a decoded image to the network's input. Travels with the weights in the model card."""

    width_px: Annotated[int, Field(ge=32, le=8192)] = 500
    """Input width in pixels."""
    height_px: Annotated[int, Field(ge=32, le=8192)] = 375
    """Input height in pixels."""
    fit: Literal["squash", "letterbox"] = "squash"
    """`squash` fills the input; `letterbox` keeps the image's shape and pads with the mean colour."""
    banner_top: Annotated[float, Field(ge=0.0, le=0.4)] = 0.0
    """Share of the image height cropped at the top, where cameras print date and frame number."""
    banner_bottom: Annotated[float, Field(ge=0.0, le=0.4)] = 0.0
    """Share of the image height cropped at the bottom."""
    mean: Channel = (0.485, 0.456, 0.406)
    """Mean of red, green, blue in [0, 1], subtracted before the network (ImageNet's)."""
    std: Channel = (0.229, 0.224, 0.225)
    """Standard deviation of red, green, blue in [0, 1], divided by (ImageNet's)."""


class DecodeLimits(Config):
    """What is too large to decode."""

    max_pixels: Annotated[int, Field(ge=1)] = 200_000_000
    """Width times height above which an image is `too_large`: a decompression bomb, not a photograph."""
    max_bytes: Annotated[int, Field(ge=1)] = 256 * 1024 * 1024
    """File size in bytes above which an image is `too_large` and not fetched."""


class IndexConfig(Config):
    """`blanktrap index`: where sequence, place and time come from."""

    path_pattern: str | None = None
    """Pattern of the relative path, such as `{location}/{deployment}/{}`; None takes nothing from it."""
    read_exif: bool = False
    """Read capture times from the first 64 KiB of every file."""
    sequence_gap_s: Annotated[float, Field(ge=0.0)] = 2.0
    """Media of one location without a sequence that follow each other within this many seconds form one."""


class ScoreConfig(Config):
    """`blanktrap score`: how the work is cut and spread."""

    chunk_size: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Manifest rows in one file of the scores dataset; None: a 64th of the manifest, from 32 to 1,024."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    """Images in one batch between decoding and inference."""
    num_gpus: Annotated[float, Field(ge=0.0)] = 0.0
    """GPUs of one inference actor; 0 scores on the CPU."""
    min_actors: Annotated[int, Field(ge=1)] | None = None
    """Inference actors at the least; None: one with GPUs, else as many as at the most."""
    max_actors: Annotated[int, Field(ge=1)] | None = None
    """Inference actors at the most; None: as many as the cluster's GPUs, or its CPU cores, allow now."""
    fetch_threads: Annotated[int, Field(ge=1, le=256)] = 8
    """Objects fetched at the same time by one decoding task."""
    precision: Precision = "auto"
    """Number format of inference; `auto` takes bfloat16 where the processor is good at it."""
    limits: DecodeLimits = DecodeLimits()
    """What is too large to decode."""

    def chunk_size_for(self, num_media: int) -> int:
        """Rows in one chunk: a function of the manifest's size alone, so that a rerun cuts alike."""
        return self.chunk_size or min(1024, max(32, -(-num_media // 64)))

    @model_validator(mode="after")
    def _actors_in_order(self) -> "ScoreConfig":
        if self.max_actors and self.min_actors and self.max_actors < self.min_actors:
            raise ValueError(f"--max-actors {self.max_actors} is below --min-actors {self.min_actors}")
        return self


class SelectConfig(Config):
    """`blanktrap select`: which locations train, validate and test."""

    shares: tuple[Share, Share, Share] = (0.6, 0.2, 0.2)
    """Shares of media for train, val and test; whole locations are dealt out, so they hold roughly."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the deal."""

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> "SelectConfig":
        if abs(sum(self.shares) - 1.0) > 1e-6:
            raise ValueError(f"--shares: {', '.join(map(str, self.shares))} do not sum to 1")
        return self


class TrainConfig(Config):
    """`blanktrap train`: the recipe."""

    weights: str = "imagenet"
    """`imagenet` (downloaded by torchvision), `none`, or the path of a checkpoint directory."""
    num_epochs: Annotated[int, Field(ge=1)] = 12
    """Passes over the training media."""
    batch_size: Annotated[int, Field(ge=2)] = 32
    """Media in one step."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    """Peak of the one-cycle schedule, AdamW."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.05
    """AdamW weight decay; norms and biases are spared."""
    min_recall: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95
    """Nonblank recall on the validation media that the recommended cutoff keeps."""
    val_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """Share of locations for validation where the manifest has no splits."""
    test_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Share of locations left out of training and validation where the manifest has no splits."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of split, initial weights, order and augmentation."""
    preprocessing: Preprocessing = Preprocessing()
    """What happens to a decoded image before the network; saved in the model card."""


class EvaluateConfig(Config):
    """`blanktrap evaluate`: what a cutoff means."""

    cutoff: Share | None = None
    """Media at or above it are kept; None takes the model card's recommended cutoff."""
    blank_rate: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.75
    """True share of blanks in the archive that figures are extrapolated to."""
    images_per_hour: Annotated[float, Field(gt=0.0)] = 500.0
    """Images one person excludes by hand in an hour."""
    hours_per_week: Annotated[float, Field(gt=0.0)] = 40.0
    """Working hours in a week."""
    split: Literal["train", "val", "test"] | None = None
    """Part of the scores to measure on; None takes `test` where there is one, else all labelled media."""
    allow_incomplete: bool = False
    """Measure a scores dataset without `_SUCCESS`."""
    allow_seen: bool = False
    """Measure media or locations that the model was trained or validated on; the report warns of it."""


class ArchiveConfig(Config):
    """`blanktrap demo`: the synthetic archive that is drawn."""

    num_images: Annotated[int, Field(ge=24, le=10_000_000)] = 1200
    """Images to draw, corrupt files included."""
    num_locations: Annotated[int, Field(ge=3, le=10_000)] = 12
    """Locations, each with its own background."""
    blank_rate: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.6
    """Share of blank media."""
    difficulty: Share = 0.3
    """0 draws large clear animals, 1 draws small ones, at the border, in grass, blurred, at night."""
    num_corrupt: Annotated[int, Field(ge=0)] = 6
    """Files among them that are truncated, empty or no image."""
    width_px: Annotated[int, Field(ge=64, le=4096)] = 640
    """Image width in pixels."""
    height_px: Annotated[int, Field(ge=64, le=4096)] = 480
    """Image height in pixels."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of everything drawn: the same seed gives the same files."""


def resolve(
    kind: type[ConfigT], values: dict[str, Any], *, flags: Mapping[str, str] | None = None
) -> ConfigT:
    """Build a configuration from flags; values that are None keep their default.

    Args:
        kind: the configuration to build.
        values: by field.
        flags: what a flag is called where it has not the name of its field, by field.

    Raises:
        UsageError: a value is out of range or a key is unknown; one line names the field and the value.
    """
    given = {key: value for key, value in values.items() if value is not None}
    try:
        return kind(**given)
    except ValidationError as problem:
        first = problem.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        name = (flags or {}).get(field, field.replace("_", "-"))
        message = first["msg"].removeprefix("Value error, ")
        where = f"--{name}: " if name else ""
        got = f" (got {first['input']})" if name else ""
        raise UsageError(f"{where}{message[0].lower()}{message[1:]}{got}") from problem
