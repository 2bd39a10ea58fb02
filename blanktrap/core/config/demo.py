"""`blanktrap demo`: the archive that is drawn."""

from typing import Annotated

from pydantic import Field

from blanktrap.core.config.base import Config, Share


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
