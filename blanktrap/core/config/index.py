"""`blanktrap index`."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from blanktrap.core.config.base import Config, Share


class IndexConfig(Config):
    """`blanktrap index`: where label, sequence, place and time come from."""

    path_pattern: str | None = None
    """Pattern of the relative path, such as `{location}/{deployment}/{}`; None takes nothing from it."""
    read_exif: bool = False
    """Read capture time and night from the first 64 KiB of every file."""
    sequence_gap_s: Annotated[float, Field(ge=0.0)] = 2.0
    """Media of one location without a sequence that follow each other within this many seconds form one."""
    format: str = "auto"
    """The format of the annotation files; `auto` tells each by its content."""
    columns: Mapping[str, str] = Field(default_factory=dict)
    """What a label table's columns are called, by the name they have here."""
    label_from_path: bool = False
    """Take the label from the folder that holds a file, or from `{label}` in the path pattern."""
    megadetector_cutoff: Share | None = None
    """Confidence from which a MegaDetector detection makes a media nonblank; None reads none as labels."""
    skip_bad_rows: bool = False
    """Count annotation rows that cannot be used and leave them out, instead of stopping at the first."""
