"""`blanktrap select`."""

from typing import Annotated

from pydantic import Field, model_validator

from blanktrap.core.config.base import Config, Share


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
