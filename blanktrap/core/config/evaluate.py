"""`blanktrap evaluate`."""

from typing import Annotated, Literal

from pydantic import Field

from blanktrap.core.config.base import Config, Share


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
