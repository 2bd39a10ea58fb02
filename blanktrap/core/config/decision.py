"""What every command that acts on scores is told: where the cutoff lies, and what becomes of sequences."""

from pydantic import model_validator

from blanktrap.core.config.base import Config, Share


class DecisionConfig(Config):
    """Which media are kept, reviewed and set aside; `blanktrap.core.decisions` applies it."""

    cutoff: Share | None = None
    """Media below it are set aside; None takes the model card's recommended cutoff."""
    review_below: Share | None = None
    """Media from the cutoff up to here are for review, the others above it are kept; None reviews none."""
    keep_sequences: bool = False
    """A blank frame stays with its sequence where another frame of it is kept."""
    allow_incomplete: bool = False
    """Go on with a scores dataset without `_SUCCESS`."""

    @model_validator(mode="after")
    def _review_lies_above(self) -> "DecisionConfig":
        if self.cutoff is not None and self.review_below is not None and self.review_below <= self.cutoff:
            raise ValueError(
                f"--review-below {self.review_below} is not above --cutoff {self.cutoff}: media between the "
                f"two are for review"
            )
        return self
