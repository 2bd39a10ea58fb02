"""`blanktrap explain`: which media are looked at, and which boxes count."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from blanktrap.core.config.base import Config, Share
from blanktrap.core.config.score import Precision


class ExplainConfig(Config):
    """`blanktrap explain`."""

    num_images: Annotated[int, Field(ge=1, le=100_000)] = 40
    """Most media; where there are more, so many are drawn by chance."""
    num_worst: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Of labelled scores: so many worst errors, half nonblank and half blank; None draws by chance."""
    locations: tuple[str, ...] = ()
    """Only media of these locations; none takes all."""
    label: Literal["blank", "nonblank"] | None = None
    """Only media with this label."""
    split: Literal["train", "val", "test"] | None = None
    """Only media of this split."""
    min_confidence: Share = 0.2
    """Detections below it are no boxes: what MegaDetector 5's authors recommend for most projects."""
    with_people: bool = False
    """Boxes of persons and vehicles count as well, not of animals alone."""
    precision: Precision = "auto"
    """Number format of the network's arithmetic."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the draw and of the interval's resampling."""

    @model_validator(mode="after")
    def _worst_of_both_labels(self) -> "ExplainConfig":
        if self.num_worst is not None and self.label is not None:
            raise ValueError("--worst takes media of both labels: leave --label out")
        return self
