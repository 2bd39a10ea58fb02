"""A small labelled archive that a network can learn from in a few steps."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from blanktrap.core.schemas import conform_manifest
from blanktrap.files.manifest import Manifest, open_manifest
from blanktrap.files.storage import Storage


def draw_labelled(
    folder: Path, num_images: int = 32, num_locations: int = 4, **columns: list[Any]
) -> Manifest:
    """Draw images with a bright square (nonblank) or without (blank) into a folder, and their manifest."""
    chance = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[Any]] = {name: [] for name in ("media_id", "uri", "location_id", "label")}
    for number in range(num_images):
        nonblank = number % 2 == 0
        pixels = chance.integers(60, 120, (48, 64, 3), dtype=np.uint8)
        if nonblank:
            left, top = chance.integers(0, 40), chance.integers(0, 24)
            pixels[top : top + 24, left : left + 24] = (230, 160, 40)
        path = folder / f"image-{number}.png"
        Image.fromarray(pixels).save(path)
        rows["media_id"].append(path.name)
        rows["uri"].append(str(path))
        rows["location_id"].append(f"place-{number // 2 % num_locations}")
        rows["label"].append("nonblank" if nonblank else "blank")
    table = conform_manifest(pa.table({**rows, **columns}), where="test")
    pq.write_table(table, folder / "manifest.parquet")
    return open_manifest(Storage(), str(folder / "manifest.parquet"))
