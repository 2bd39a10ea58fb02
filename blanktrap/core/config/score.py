"""`blanktrap score`, and what is too large to decode."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from blanktrap.core.config.base import Config

Precision = Literal["auto", "float32", "bfloat16", "float16"]


class DecodeLimits(Config):
    """What is too large to decode."""

    max_pixels: Annotated[int, Field(ge=1)] = 200_000_000
    """Width times height above which an image is `too_large`: a decompression bomb, not a photograph."""
    max_bytes: Annotated[int, Field(ge=1)] = 256 * 1024 * 1024
    """File size in bytes above which an image is `too_large` and not fetched."""


class ScoreConfig(Config):
    """`blanktrap score`: how the work is cut and spread."""

    chunk_size: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Manifest rows in one file of the scores dataset; None: a 64th of the manifest, from 32 to 1,024."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    """Images in one batch between decoding and inference."""
    num_gpus: Annotated[float, Field(ge=0.0)] = 0.0
    """GPUs of one inference actor; 0 scores on the CPU."""
    min_actors: Annotated[int, Field(ge=1)] | None = None
    """Inference actors at the least; None: one with GPUs, else as many as at the most."""
    max_actors: Annotated[int, Field(ge=1)] | None = None
    """Inference actors at the most; None: as many as the cluster's GPUs, or its CPU cores, allow now."""
    embeddings: bool = False
    """Keep the 512 features before the network's last layer, in a column of a kilobyte a media."""
    fetch_threads: Annotated[int, Field(ge=1, le=256)] = 8
    """Objects fetched at the same time by one decoding task."""
    precision: Precision = "auto"
    """Number format of inference; `auto` takes bfloat16 where the processor is good at it."""
    limits: DecodeLimits = DecodeLimits()
    """What is too large to decode."""

    def chunk_size_for(self, num_media: int) -> int:
        """Rows in one chunk of a manifest of so many: of it alone, so that a rerun cuts alike."""
        return self.chunk_size or min(1024, max(32, -(-num_media // 64)))

    @model_validator(mode="after")
    def _actors_in_order(self) -> "ScoreConfig":
        if self.max_actors and self.min_actors and self.max_actors < self.min_actors:
            raise ValueError(f"--max-actors {self.max_actors} is below --min-actors {self.min_actors}")
        return self
