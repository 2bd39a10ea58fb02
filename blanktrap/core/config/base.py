"""What all configurations share: frozen, no unknown keys, one line for what is wrong.

Owns: the parent class, the common field types and `resolve`. Refuses: reading files.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from blanktrap.core.errors import UsageError

Channel = tuple[float, float, float]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Config(BaseModel):
    """The parent of all configurations: frozen, and unknown keys fail."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


ConfigT = TypeVar("ConfigT", bound=Config)


def resolve(
    kind: type[ConfigT], values: dict[str, Any], *, flags: Mapping[str, str] | None = None
) -> ConfigT:
    """Build a configuration from flags; values that are None keep their default.

    Args:
        kind: the configuration to build.
        values: by field.
        flags: what a flag is called where it has not the name of its field, by field.

    Raises:
        UsageError: a value is out of range or a key is unknown; one line names the field and the value.
    """
    given = {key: value for key, value in values.items() if value is not None}
    try:
        return kind(**given)
    except ValidationError as problem:
        first = problem.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        name = (flags or {}).get(field, field.replace("_", "-"))
        message = first["msg"].removeprefix("Value error, ")
        where = f"--{name}: " if name else ""
        got = f" (got {first['input']})" if name else ""
        raise UsageError(f"{where}{message[0].lower()}{message[1:]}{got}") from problem
