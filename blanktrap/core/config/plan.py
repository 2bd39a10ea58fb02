"""`blanktrap plan`."""

from typing import Annotated

from pydantic import Field, field_validator

from blanktrap.core.config.base import Config
from blanktrap.core.planning.prices import HEAD_TYPE, INSTANCE_TYPES, Market


class InstanceChoice(Config):
    """A kind of machine to plan with."""

    name: str
    """An EC2 instance type of the table of prices."""
    market: Market = "on-demand"
    """Whether it may be taken away for half the price or less."""

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in INSTANCE_TYPES:
            raise ValueError(f"no price and speed are known of {name}, of these they are: {KNOWN_TYPES}")
        return name

    @property
    def text(self) -> str:
        """`g6.xlarge:spot`, as it is typed."""
        return f"{self.name}:{self.market}"


KNOWN_TYPES = ", ".join(INSTANCE_TYPES)
_DEFAULT_TYPES = ("g6.xlarge", "g6.4xlarge", "g5.xlarge", "c7i.4xlarge")
DEFAULT_CHOICES = tuple(InstanceChoice(name=name, market="spot") for name in _DEFAULT_TYPES)


class PlanConfig(Config):
    """`blanktrap plan`: what scoring would take."""

    instances: Annotated[tuple[InstanceChoice, ...], Field(min_length=1)] = DEFAULT_CHOICES
    """Kinds of machines, each planned for by itself."""
    num_machines: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Machines of the kind; None: as many as `within_hours` takes."""
    within_hours: Annotated[float, Field(gt=0.0)] = 12.0
    """Hours in which it is to be done at the low speed, where `num_machines` says nothing."""
    head: InstanceChoice = InstanceChoice(name=HEAD_TYPE)
    """What the head runs on."""
