"""`blanktrap train`, and the preprocessing that travels with the weights."""

from typing import Annotated, Literal

from pydantic import Field

from blanktrap.core.config.base import Channel, Config

Frames = Literal["first", "all", "only-media-level"]


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
    frames: Frames = "all"
    """Labelled media to learn from: all, the first frame of each sequence, or only frames judged one by one.
    A label given to a sequence is wrong for its frames without the animal."""
    num_folds: Annotated[int, Field(ge=2)] | None = None
    """Parts of the locations, each held out once and scored by a model trained on the others (`--folds`);
    None trains one model."""
    val_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """Share of locations for validation where the manifest has no splits."""
    test_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Share of locations left out of training and validation where the manifest has no splits."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of split, initial weights, order and augmentation."""
    preprocessing: Preprocessing = Preprocessing()
    """What happens to a decoded image before the network; saved in the model card."""
