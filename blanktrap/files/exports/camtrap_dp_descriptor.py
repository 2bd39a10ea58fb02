"""`datapackage.json` of a Camtrap DP package.

Owns: the descriptor that the standard's profile asks for. Refuses: knowing the project: its title, design and
people are for the user to write; what the profile demands and nobody gave stands there with a plain default.

Source: https://camtrap-dp.tdwg.org/metadata/
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

import blanktrap
from blanktrap.files.exports.coordinates import Point
from blanktrap.files.exports.formats import Export
from blanktrap.files.exports.table_files import SUFFIXES

DESCRIPTOR = "datapackage.json"
VERSION = "1.0.2"

_HOME = f"https://raw.githubusercontent.com/tdwg/camtrap-dp/{VERSION}"
_TABLES = ("deployments", "media", "observations")


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What time and place a package covers."""

    first_day: str
    """`2020-03-01`, on the spot."""
    last_day: str
    points: tuple[Point, ...]
    """Latitude and longitude of the deployments that have them."""


def write_descriptor(file: IO[bytes], coverage: Coverage, export: Export) -> None:
    """Write the descriptor and close the file."""
    file.write(json.dumps(_descriptor(coverage, export), indent=2, ensure_ascii=False).encode())
    file.write(b"\n")
    file.close()


def _descriptor(coverage: Coverage, export: Export) -> dict[str, Any]:
    levels = export.config.levels
    version = blanktrap.__version__
    return {
        "resources": [_resource(name, export) for name in _TABLES],
        "profile": f"{_HOME}/camtrap-dp-profile.json",
        "name": "blanktrap-export",
        "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "title": "Blank and nonblank media",
        "description": f"Which media are blank, by blanktrap {version} with the model {export.model_id}. The "
        f"observationType animal stands for an animal, a person or a vehicle.",
        "contributors": [{"title": f"blanktrap {version}", "role": "contributor"}],
        "sources": [{"title": "blanktrap", "version": version}],
        "project": {
            "title": "Untitled camera-trap project",
            "samplingDesign": "opportunistic",
            "captureMethod": ["activityDetection"],
            "individualAnimals": False,
            "observationLevel": ["media", "event"] if levels == "both" else [levels],
        },
        "spatial": _spatial(coverage.points),
        "temporal": {"start": coverage.first_day, "end": coverage.last_day},
        "taxonomic": [],
    }


def _resource(name: str, export: Export) -> dict[str, Any]:
    kind = export.config.tables
    form: dict[str, Any] = (
        {"format": "parquet", "mediatype": "application/vnd.apache.parquet"}
        if kind == "parquet"
        else {"format": "csv", "mediatype": "text/csv", "encoding": "utf-8"}
    )
    return {
        "name": name,
        "path": f"{name}{SUFFIXES[kind]}",
        "profile": "tabular-data-resource",
        **form,
        "schema": f"{_HOME}/{name}-table-schema.json",
    }


def _spatial(points: tuple[Point, ...]) -> dict[str, Any]:
    """The box around all points as GeoJSON; nothing at all where none is known."""
    if not points:
        return {"type": "GeometryCollection", "geometries": []}
    south, north = min(one[0] for one in points), max(one[0] for one in points)
    west, east = min(one[1] for one in points), max(one[1] for one in points)
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}
