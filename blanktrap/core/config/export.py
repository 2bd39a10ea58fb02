"""`blanktrap export`."""

from typing import Literal

from pydantic import field_validator, model_validator

from blanktrap.core.config.decision import DecisionConfig

ExportFormatName = Literal[
    "megadetector", "camtrap-dp", "timelapse", "wildlife-insights", "coco", "csv", "parquet"
]

# What only some formats make use of; elsewhere it would be ignored in silence.
_ONLY_FOR = {
    "timezone": ("camtrap-dp",),
    "tables": ("camtrap-dp",),
    "levels": ("camtrap-dp",),
    "by_location": ("megadetector",),
    "base_url": ("camtrap-dp", "wildlife-insights"),
    "project_id": ("wildlife-insights",),
    "columns": ("csv", "parquet"),
    "exact_names": ("camtrap-dp", "timelapse", "wildlife-insights", "csv"),
}


class ExportConfig(DecisionConfig):
    """`blanktrap export`: what is decided, and the form it takes."""

    format: ExportFormatName
    """The tool that reads it."""
    timezone: str | None = None
    """What the cameras' clocks were set to: UTC, an offset, or an IANA name."""
    tables: Literal["csv", "gzip", "parquet"] = "csv"
    """Files of a Camtrap DP package; the standard names only CSV, plain or packed."""
    levels: Literal["media", "event", "both"] = "both"
    """Observations of each media, of each sequence, or both."""
    by_location: bool = False
    """One file for each location, with names relative to the folder of its media."""
    base_url: str | None = None
    """Where the media are published: names are appended to it, percent-encoded."""
    project_id: str | None = None
    """The project at Wildlife Insights."""
    columns: tuple[str, ...] = ()
    """Columns of the table, in order; none takes the usual ones."""
    exact_names: bool = False
    """Write names into CSV as they are, even where a spreadsheet would run them as a formula."""

    @field_validator("base_url")
    @classmethod
    def _has_a_scheme(cls, value: str | None) -> str | None:
        if value is not None and "://" not in value:
            raise ValueError("expected an address such as https://example.org/images/")
        return value

    @model_validator(mode="after")
    def _options_fit_the_format(self) -> "ExportConfig":
        for name, formats in _ONLY_FOR.items():
            if name in self.model_fields_set and getattr(self, name) and self.format not in formats:
                flag = name.replace("_", "-")
                raise ValueError(
                    f"--{flag} is for --format {' and '.join(formats)}: --format {self.format} has no use "
                    f"for it"
                )
        if self.format == "camtrap-dp" and self.timezone is None:
            raise ValueError(
                "--timezone is missing: Camtrap DP wants instants, and a camera knows only its own clock; "
                "give what that was set to, such as UTC, +02:00 or Africa/Nairobi"
            )
        if self.format == "camtrap-dp" and not (self.base_url or "http").lower().startswith("http"):
            raise ValueError(f"--base-url {self.base_url}: Camtrap DP takes http:// and https:// only")
        if self.format == "wildlife-insights" and not self.project_id:
            raise ValueError("--project-id is missing: give the project's id at Wildlife Insights")
        if len(set(self.columns)) < len(self.columns) or "" in self.columns:
            raise ValueError(f"--columns {','.join(self.columns)}: each column once, separated by commas")
        return self
