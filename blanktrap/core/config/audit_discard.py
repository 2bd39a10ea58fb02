"""`blanktrap audit-discard`."""

from typing import Annotated

from pydantic import Field

from blanktrap.core.config.base import Config, Share


class AuditDrawConfig(Config):
    """`blanktrap audit-discard SCORES`: which media are drawn for people to look at."""

    cutoff: Share | None = None
    """Media below it would be thrown away; None takes the model card's recommended cutoff."""
    num_images: Annotated[int, Field(ge=1)] = 500
    """Images to draw: about an hour of looking."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """The same seed draws the same media."""
    allow_incomplete: bool = False
    """Draw from a scores dataset without `_SUCCESS`."""


class AuditJudgeConfig(Config):
    """`blanktrap audit-discard QUEUE --answers …`: what is concluded from the answers."""

    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.95
    """Chance, over the drawing of the sample, that no more animals are lost than the bound says."""
    max_lost_share: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    """Share of the discard pile that may show animals; None asks for none."""
