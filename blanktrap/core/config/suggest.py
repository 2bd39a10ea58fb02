"""`blanktrap suggest`."""

from typing import Annotated

from pydantic import Field, model_validator

from blanktrap.core.config.base import Config, Share


class SuggestConfig(Config):
    """`blanktrap suggest`: which media people should label next."""

    num_images: Annotated[int, Field(ge=1, le=100_000)] = 500
    """Images to put into the queue: about an hour of looking."""
    shares: tuple[Share, Share, Share, Share] = (0.4, 0.3, 0.0, 0.3)
    """Shares of the queue that are uncertain, unusual, typical and thinly covered; they sum to 1."""
    cutoff: Share | None = None
    """Media near it are uncertain; None takes the model card's, or 0.5, where the entropy is highest."""
    max_per_sequence: Annotated[int, Field(ge=1)] = 1
    """Media of one sequence at the most."""
    include_test: bool = False
    """Suggest media of test locations too: labels there measure, they do not teach."""
    num_candidates: Annotated[int, Field(ge=1, le=200_000)] = 10_000
    """Media drawn at random among which the unusual and typical are looked for; each takes 2 kB of memory."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """The same seed suggests the same media."""
    allow_incomplete: bool = False
    """Suggest from a scores dataset without `_SUCCESS`."""

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> "SuggestConfig":
        if abs(sum(self.shares) - 1.0) > 1e-6:
            raise ValueError(
                f"--shares sum to {sum(self.shares):g}, they must sum to 1: such as 0.4,0.3,0,0.3"
            )
        return self
