"""`blanktrap train`: the recipe, where it runs, and the preprocessing that travels with the weights."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from blanktrap.core.config.augment import AugmentConfig
from blanktrap.core.config.base import Channel, Config, Share
from blanktrap.core.config.score import Precision

Frames = Literal["first", "all", "only-media-level"]
Balance = Literal["weight", "sampler", "none"]
CalibrationKind = Literal["temperature", "isotonic", "none"]
Background = Literal["none", "sequence", "location"]

NUM_COLOURS = 3
"""Channels of a media without background: red, green, blue."""
CHANGE_SPREAD = 12.0
"""Standard deviation of the coded difference over real media, in codes (11.8, Missouri): divided by it, the
difference counts as much as a colour."""
_CHANGE_MEANS, _CHANGE_STDS = (128.0 / 255.0, 0.0), (CHANGE_SPREAD / 255.0, 1.0)
"""Of the two further channels, coded difference and mask: where nothing is known the network gets zeros."""
TRAINED_BACKGROUND: Background = "location"
"""What training compares media with unless asked otherwise: the better by far wherever both were measured
(`docs/results.md`). A model card that says nothing means none."""


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
    auto_gamma: bool = False
    """Brighten underexposed images and darken overexposed ones by a power of their values first."""
    mean: Channel = (0.485, 0.456, 0.406)
    """Mean of red, green, blue in [0, 1], subtracted before the network (ImageNet's)."""
    std: Channel = (0.229, 0.224, 0.225)
    """Standard deviation of red, green, blue in [0, 1], divided by (ImageNet's)."""
    background: Background = "none"
    """What a media is compared with: nothing, frames of its sequence, or those and others of its location.
    Two channels follow the colours: the difference, and where it is known."""

    @property
    def num_channels(self) -> int:
        """Channels of the pixels: 3, or 5 with a background."""
        return NUM_COLOURS if self.background == "none" else NUM_COLOURS + len(_CHANGE_MEANS)

    @property
    def image_bytes(self) -> int:
        """Bytes of the pixels of one media."""
        return self.width_px * self.height_px * self.num_channels

    @property
    def channel_means(self) -> tuple[float, ...]:
        """What is subtracted from each channel, in [0, 1]."""
        return (*self.mean, *_CHANGE_MEANS)[: self.num_channels]

    @property
    def channel_stds(self) -> tuple[float, ...]:
        """What each channel is divided by, in [0, 1]."""
        return (*self.std, *_CHANGE_STDS)[: self.num_channels]


class TrainConfig(Config):
    """`blanktrap train`: the recipe."""

    weights: str = "imagenet"
    """`imagenet` (downloaded by torchvision), `none`, or the path of a checkpoint directory."""
    num_epochs: Annotated[int, Field(ge=1)] = 12
    """Passes over the training media, those of the head alone included."""
    head_epochs: Annotated[int, Field(ge=0)] | None = None
    """First passes in which only the last layer learns; None: 1 from learned weights, 0 from none."""
    batch_size: Annotated[int, Field(ge=2)] = 32
    """Media in one step over all workers: rate and schedule mean the same with any number of them."""
    micro_batch_size: Annotated[int, Field(ge=1)] | None = None
    """Media that a worker computes at once; a larger share of a step is accumulated. None: all of it."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    """Peak of the one-cycle schedule for the last layer, AdamW."""
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Factor of the rate from one stage of the network to the one below it; 1 from no weights, always."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.05
    """AdamW weight decay; norms and biases are spared."""
    label_smoothing: Annotated[float, Field(ge=0.0, lt=0.5)] = 0.05
    """Share of a label given to the other one: some labels are wrong."""
    averaging_epochs: Annotated[float, Field(ge=0.0)] = 1.0
    """How far back the moving average of the weights reaches, in epochs; 0 takes the weights as they are."""
    balance: Balance = "weight"
    """How a rare label gets a fair hearing: more weight in the loss, more draws, or not at all."""
    patience: Annotated[int, Field(ge=1)] | None = 6
    """Epochs without a better average precision on the validation media that end training; None: never."""
    precision: Precision = "auto"
    """Number format of the network's arithmetic; weights stay float32."""
    augment: AugmentConfig = AugmentConfig()
    """What may happen to a training image."""
    calibration: CalibrationKind = "temperature"
    """How scores become probabilities, fitted on the validation media."""
    min_recall: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95
    """Nonblank recall on the validation media that the recommended cutoff keeps."""
    frames: Frames = "all"
    """Labelled media to learn from: all, the first frame of each sequence, or only frames judged one by one.
    A label given to a sequence is wrong for its frames without the animal."""
    num_folds: Annotated[int, Field(ge=2)] | None = None
    """Parts of the locations, each held out once and scored by a model trained on the others (`--folds`);
    None trains one model."""
    withhold_background: Share = 0.15
    """Share of the training media that are seen without their background, where there is one, so that one
    network serves media with and without."""
    val_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """Share of locations for validation where the manifest has no splits."""
    test_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Share of locations left out of training and validation where the manifest has no splits."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of split, initial weights, order and augmentation."""
    preprocessing: Preprocessing = Preprocessing(background=TRAINED_BACKGROUND)
    """What happens to a decoded image before the network; saved in the model card."""

    @model_validator(mode="after")
    def _head_before_all(self) -> "TrainConfig":
        if self.head_epochs is not None and self.head_epochs >= self.num_epochs:
            raise ValueError(
                f"--head-epochs {self.head_epochs} leaves no epoch of {self.num_epochs} for the whole network"
            )
        return self


class WorkersConfig(Config):
    """Where training runs: no part of the recipe, and free to change when a run goes on."""

    min_workers: Annotated[int, Field(ge=1)] = 1
    """Workers at the least."""
    max_workers: Annotated[int, Field(ge=1)] = 1
    """Workers at the most; more than the least: training goes on with those that are there."""
    use_gpu: bool = False
    """One GPU for each worker, else CPU cores."""
    name: str | None = None
    """Name of the run under `storage`; None: `training`."""
    storage: str | None = None
    """Where the state of unfinished runs is kept, local or S3; None: beside the checkpoint."""
    cache: str | None = None
    """Local folder, on every machine, for decoded images; None: a temporary one, removed at the end."""

    @field_validator("name")
    @classmethod
    def _name_stays_in_storage(cls, name: str | None) -> str | None:
        # The folder of that name is removed when its run is over: it may not be anybody else's.
        if name is not None and (not name or name.startswith(".") or "/" in name):
            raise ValueError("expected one plain name, without / and no dot first, such as serengeti-1")
        return name

    @model_validator(mode="after")
    def _workers_in_order(self) -> "WorkersConfig":
        if self.max_workers < self.min_workers:
            raise ValueError(
                f"--num-workers {self.min_workers}-{self.max_workers}: the second number is the larger one"
            )
        return self
