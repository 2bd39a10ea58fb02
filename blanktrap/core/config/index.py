"""`blanktrap index`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from blanktrap.core.config.base import Config, Share

AnnotationFormatKey = Literal[
    "auto",
    "answers",
    "camtrap-dp",
    "coco",
    "megadetector",
    "serengeti",
    "serengeti-dryad",
    "table",
    "wildlife-insights",
]

TABLE_COLUMNS = (
    "path",
    "label",
    "species",
    "level",
    "location",
    "deployment",
    "datetime",
    "sequence",
    "frame",
    "labelled_by",
    "labelled_at",
)
"""What a table of labels may say; `--columns` names them."""


class IndexConfig(Config):
    """`blanktrap index`: where label, sequence, place and time come from."""

    path_pattern: str | None = None
    """Pattern of the relative path, such as `{location}/{deployment}/{}`; None takes nothing from it."""
    read_exif: bool = False
    """Read capture time and night from the first 64 KiB of every file."""
    sequence_gap_s: Annotated[float, Field(ge=0.0)] = 2.0
    """Media of one location without a sequence that follow each other within this many seconds form one."""
    format: AnnotationFormatKey = "auto"
    """The format of the annotation files; `auto` tells each by its content."""
    columns: Mapping[str, str] = Field(default_factory=dict)
    """What a label table's columns are called, by the name they have here."""
    label_from_path: bool = False
    """Take the label from the folder that holds a file, or from `{label}` in the path pattern."""
    megadetector_cutoff: Share | None = None
    """Confidence from which a MegaDetector detection makes a media nonblank; None reads none as labels."""
    skip_bad_rows: bool = False
    """Count annotation rows that cannot be used and leave them out, instead of stopping at the first."""

    @field_validator("columns", mode="before")
    @classmethod
    def _parse_columns(cls, value: object) -> object:
        """Take `path=file,label=is_empty` as well."""
        if not isinstance(value, str):
            return value
        columns: dict[str, str] = {}
        for pair in value.split(","):
            ours, sign, theirs = (part.strip() for part in pair.partition("="))
            if not (sign and theirs):
                raise ValueError("expected pairs such as path=file,label=is_empty")
            if ours not in TABLE_COLUMNS:
                raise ValueError(f"there is no {ours!r}, allowed are {', '.join(TABLE_COLUMNS)}")
            if ours in columns:
                raise ValueError(f"{ours} is named twice")
            columns[ours] = theirs
        return columns
