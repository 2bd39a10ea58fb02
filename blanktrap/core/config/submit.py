"""`blanktrap submit`."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from blanktrap.core.config.base import Config

Shipment = Literal["auto", "checkout", "wheel", "nothing"]


class SubmitConfig(Config):
    """`blanktrap submit`: how a command is run on a cluster."""

    name: str | None = None
    """What the run is called: up to 80 letters, digits, - and _; None: command and digest of arguments."""
    gpus: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """GPUs that score and train may take; None: what the command's own flags say."""
    ship: Shipment = "auto"
    """What goes along: the checkout, the installed package as a wheel, or nothing where the nodes have it."""

    @field_validator("name")
    @classmethod
    def _name_is_plain(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}", name):
            raise ValueError("must be up to 80 letters, digits, - and _")
        return name
