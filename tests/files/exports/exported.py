"""What tests of the export formats share: rows, and an export of them."""

from datetime import datetime
from pathlib import Path
from typing import Any

from blanktrap.core.config import ExportConfig
from blanktrap.files.exporting import Exported, export_scores
from tests.files.written_scores import STORAGE, media, write_scores

# What a file system, S3 or somebody unkind may call a file.
HOSTILE_NAMES = [
    "S1/with space.jpg",
    "S1/100%20.jpg",
    "S1/two..dots.jpg",
    "../outside.jpg",
    "/rooted.jpg",
    ".hidden/~home.jpg",
    'S1/it\'s "quoted", and more.jpg',
    "S1/line\nbreak\r\nand\ttab.jpg",
    "S1/Příliš žluťoučký 象 🐘.jpg",
    f"S1/{'n' * 296}.jpg",
    "=cmd|' /C calc'!A0.jpg",
    "+1.jpg",
    "-1.jpg",
    "@SUM(1+1).jpg",
    "\t=1.jpg",
    "S1/<script>alert(1)</script>.jpg",
    "S1/back\\slash.jpg",
]


def at(second: int, **more: int) -> datetime:
    """A time on a summer's morning."""
    return datetime(2024, 7, 1, more.get("hour", 6), more.get("minute", 0), second)


def frame(name: str, p: float | None, **more: Any) -> dict[str, Any]:
    return media(name, p, None, **more)


def export(
    folder: Path, rows: list[dict[str, Any]], out: str, *, coordinates: str | None = None, **settings: Any
) -> tuple[Path, Exported]:
    """Write scores, export them to `folder / out` at the cutoff 0.2, for MegaDetector, unless told so."""
    scores = folder / "scores"
    if not scores.exists():
        write_scores(scores, rows)
    if coordinates is not None:
        (folder / "coordinates.csv").write_text(coordinates)
    done = export_scores(
        str(scores),
        str(folder / out),
        config=ExportConfig(**{"format": "megadetector", "cutoff": 0.2, **settings}),
        storage=STORAGE,
        coordinates=None if coordinates is None else str(folder / "coordinates.csv"),
    )
    return folder / out, done


def hostile_rows() -> list[dict[str, Any]]:
    """One media of each hostile name, at one location, sorted by time."""
    return [
        frame(name, 0.9 if number % 2 else 0.1, location_id="=L", timestamp=at(number))
        for number, name in enumerate(HOSTILE_NAMES)
    ]
