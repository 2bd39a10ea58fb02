"""`blanktrap index`."""

from typing import Annotated

from pydantic import Field

from blanktrap.core.config.base import Config


class IndexConfig(Config):
    """`blanktrap index`: where sequence, place and time come from."""

    path_pattern: str | None = None
    """Pattern of the relative path, such as `{location}/{deployment}/{}`; None takes nothing from it."""
    read_exif: bool = False
    """Read capture time and night from the first 64 KiB of every file."""
    sequence_gap_s: Annotated[float, Field(ge=0.0)] = 2.0
    """Media of one location without a sequence that follow each other within this many seconds form one."""
