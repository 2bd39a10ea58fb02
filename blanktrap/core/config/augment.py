"""What may happen to a photograph in training: one field a circumstance of the field."""

from typing import Annotated

from pydantic import Field

from blanktrap.core.config.base import Config, Share


class AugmentConfig(Config):
    """Chances that a training image is changed so, each in [0, 1]; 0 switches a change off."""

    flip: Share = 0.5
    """Mirrored left to right: animals walk both ways."""
    crop: Share = 0.5
    """Moved and scaled: wind and screws move a camera; see `max_cut`."""
    max_cut: Annotated[float, Field(ge=0.0, le=0.5)] = 0.06
    """Largest share of width or height that `crop` may cut off, and of an animal where its box is known."""
    light: Share = 0.8
    """Brightness, contrast, saturation and gamma: clouds, dusk, other sensors."""
    exposure: Share = 0.1
    """Strongly over- or underexposed: a flash too close, a sky that fooled the meter."""
    sun_flare: Share = 0.05
    """A low sun in the picture, with glare."""
    infrared: Share = 0.15
    """The look of infrared night: grey, dark corners, noise."""
    motion_blur: Share = 0.1
    """A moving camera or animal at a long exposure."""
    defocus: Share = 0.1
    """Out of focus: too close, or a damp lens."""
    fog: Share = 0.05
    """Fog, thicker far off."""
    rain: Share = 0.05
    """Streaks of rain."""
    drops: Share = 0.05
    """Drops on the lens."""
    grass: Share = 0.1
    """Blades of grass before the lens."""
    jpeg: Share = 0.2
    """Compressed hard, as cameras do to save room."""

    @classmethod
    def off(cls) -> "AugmentConfig":
        """No change at all."""
        return cls(**dict.fromkeys(cls().chances(), 0.0))

    def chances(self) -> dict[str, float]:
        """Chance of each circumstance, by name."""
        return self.model_dump(exclude={"max_cut"})
