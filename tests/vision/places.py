"""Places with a camera: frames of one scene, some with an animal, as arrays, as files and as a manifest."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from blanktrap.core.schemas import conform_manifest
from blanktrap.files.manifest import Manifest, open_manifest
from blanktrap.files.storage import Storage

WIDTH_PX, HEIGHT_PX = 128, 96


def scene(place: int) -> np.ndarray:
    """What a place looks like, float64, shape (HEIGHT_PX, WIDTH_PX, 3)."""
    coarse = np.random.default_rng(place).integers(40, 200, (12, 16, 3), dtype=np.uint8)
    large = Image.fromarray(coarse).resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC)
    return np.asarray(large).astype(np.float64)


def frame(place: int, number: int, animal: tuple[int, int] | None = None) -> np.ndarray:
    """One photograph of a place: its scene with noise, and a dark animal at a row and column, uint8."""
    pixels = scene(place) + np.random.default_rng([place, number]).normal(0.0, 2.0, (HEIGHT_PX, WIDTH_PX, 3))
    if animal is not None:
        top, left = animal
        pixels[top : top + 16, left : left + 20] *= 0.35
    return np.clip(pixels, 0, 255).astype(np.uint8)


def draw_places(folder: Path, *, num_places: int = 4, num_frames: int = 10, labelled: int = 10) -> Manifest:
    """Write frames of several places, every other one with an animal; the first of each have a label."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for place in range(num_places):
        for number in range(num_frames):
            chance = np.random.default_rng([place, number, 7])
            at = (int(chance.integers(0, 70)), int(chance.integers(0, 100)))
            is_blank = number % 2 == 1
            path = folder / f"{place}-{number:02}.png"
            Image.fromarray(frame(place, number, None if is_blank else at)).save(path)
            rows.append(
                {
                    "media_id": path.name,
                    "uri": str(path),
                    "size_bytes": path.stat().st_size,
                    "location_id": f"place-{place}",
                    "sequence_id": f"{place}-{number // 5}",
                    "timestamp": datetime(2024, 5, 1) + timedelta(hours=number // 5, seconds=number),
                    "label": None if number >= labelled else "blank" if is_blank else "nonblank",
                }
            )
    table = conform_manifest(pa.Table.from_pylist(rows), where="test")
    pq.write_table(table, folder / "manifest.parquet")
    return open_manifest(Storage(), str(folder / "manifest.parquet"))
