"""`blanktrap separate`."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from blanktrap.core.config.decision import DecisionConfig
from blanktrap.core.vocabulary import Decision

SeparateMode = Literal["link", "copy", "move", "manifest", "tag"]
LinkKind = Literal["auto", "hard", "symbolic"]
SidecarNaming = Literal["digikam", "adobe"]


class SeparateConfig(DecisionConfig):
    """Which media go where, and how."""

    mode: SeparateMode = "link"
    """`link` and `copy` leave the originals alone; `move` takes them away; `manifest` and `tag` are for "
    "S3."""
    link: LinkKind = "auto"
    """`hard`, `symbolic`, or hard where archive and folder are on one file system and symbolic elsewhere."""
    only: tuple[Decision, ...] = tuple(Decision)
    """Decisions whose media are separated; the others stay where they are and get nothing."""
    xmp: SidecarNaming | None = None
    """Write an XMP sidecar beside each linked, copied or moved media: `IMG.JPG.xmp` (digikam) or "
    "`IMG.xmp`."""
    tag_key: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\w .:/=+\-@]+$")] = "blanktrap"
    """Key of the object tag; its value is the decision."""

    @field_validator("tag_key")
    @classmethod
    def _not_amazons(cls, key: str) -> str:
        if key.lower().startswith("aws:"):
            raise ValueError("keys that begin with aws: are Amazon's own")
        return key

    @model_validator(mode="after")
    def _fits_the_mode(self) -> "SeparateConfig":
        if self.link != "auto" and self.mode != "link":
            raise ValueError(f"--link {self.link} goes with --mode link, not with --mode {self.mode}")
        if self.xmp and self.mode in ("manifest", "tag"):
            raise ValueError(f"--xmp writes beside separated files, and --mode {self.mode} makes none")
        if self.tag_key != "blanktrap" and self.mode != "tag":
            raise ValueError(f"--tag-key goes with --mode tag, not with --mode {self.mode}")
        return self
