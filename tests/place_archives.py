"""Small archives of places that stay as they are but for light, noise and what walks through."""

import io
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from blanktrap.core.schemas import MANIFEST_SCHEMA

MORNING = datetime(2024, 5, 1, 8, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One photograph and what a manifest says of it."""

    place: str | None
    sequence: str | None = None
    deployment: str | None = None
    taken: datetime | None = MORNING
    view: str = ""
    """What stands before the camera, where that is not its place alone: a camera that was turned."""
    shift_px: int = 0
    is_night: bool = False
    animal: int | None = None
    """Left edge of a dark box in pixels of 160; None: nobody is there."""
    gain: float = 1.0
    banner: int | None = None
    """A number printed below, as bright and dark blocks in the lowest tenth; None: no banner."""
    size: tuple[int, int] = (160, 120)
    flaw: str = ""
    """`zero_bytes`, `truncated` or `gone`."""

    def draw(self, number: int) -> bytes:
        """The file's bytes; noise differs from number to number."""
        chance = np.random.default_rng(sum(map(ord, f"{self.place}{self.view}")))
        coarse = chance.integers(60, 190, (36, 48, 3), dtype=np.uint8)
        large = Image.fromarray(coarse).resize((192, 144), Image.Resampling.BICUBIC)
        pixels = np.asarray(large, np.float64)[12:132, 16 + self.shift_px : 176 + self.shift_px].copy()
        if self.animal is not None:
            pixels[50:72, self.animal : self.animal + 26] = (30.0, 20.0, 15.0)
        pixels = pixels * self.gain + np.random.default_rng(number).normal(0.0, 2.0, pixels.shape)
        if self.is_night:
            pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
        if self.banner is not None:
            blocks = np.random.default_rng(self.banner).integers(0, 2, 16) * 255.0
            pixels[-12:] = np.repeat(blocks, 10)[None, :, None]
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).resize(self.size)
        sink = io.BytesIO()
        image.save(sink, "JPEG", quality=92)
        whole = sink.getvalue()
        return {"zero_bytes": b"", "truncated": whole[: len(whole) // 2]}.get(self.flaw, whole)


def burst(first: Shot, num_frames: int, *, name: str, after_s: float = 0.0) -> list[Shot]:
    """Frames of one sequence, a second apart."""
    taken = first.taken
    return [
        replace(
            first,
            sequence=name,
            taken=None if taken is None else taken + timedelta(seconds=after_s + frame),
        )
        for frame in range(num_frames)
    ]


def write_archive(folder: Path, shots: list[Shot]) -> str:
    """Write the files and a manifest of them, in the order of a manifest; return the manifest's location.

    Media are named after their number in `shots`, so that a test finds them again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, shot in enumerate(shots):
        path = folder / f"{number:04d}.jpg"
        data = shot.draw(number)
        path.write_bytes(data)
        rows.append(
            {
                "media_id": path.name,
                "uri": str(path),
                "size_bytes": len(data),
                "location_id": shot.place,
                "deployment_id": shot.deployment,
                "sequence_id": shot.sequence,
                "timestamp": shot.taken,
            }
        )
        if shot.flaw == "gone":
            path.unlink()
    last = datetime.max

    def key(row: dict[str, object]) -> tuple[bool, str, datetime, str]:
        place, taken = row["location_id"], row["timestamp"]
        return place is None, str(place), taken if isinstance(taken, datetime) else last, str(row["media_id"])

    rows.sort(key=key)
    names = MANIFEST_SCHEMA.names
    table = pa.Table.from_pylist(
        [{name: row.get(name) for name in names} for row in rows], schema=MANIFEST_SCHEMA
    )
    manifest = folder / "manifest.parquet"
    pq.write_table(table, manifest)
    return str(manifest)
