"""`blanktrap audit-labels`."""

from typing import Annotated

from pydantic import Field

from blanktrap.core.config.base import Config


class AuditLabelsConfig(Config):
    """`blanktrap audit-labels`: which labels are wrong."""

    num_media: Annotated[int, Field(ge=1)] | None = None
    """Media to put on the list at the most; None takes as many labels as are estimated to be wrong."""
    allow_seen: bool = False
    """Look at labels that the model may have learned; the result warns of it."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the resampled locations behind the intervals."""
