"""Where the cameras stood: a table that the user gives, since photographs seldom say.

Owns: reading it, and looking up a deployment or its location. Refuses: coordinates that no place on earth
has, and two different ones for one name.
"""

import csv
import io
from dataclasses import dataclass, field

from blanktrap.core.errors import UsageError
from blanktrap.files.s3 import one_line, shown
from blanktrap.files.storage import Storage

_IDS = {
    "deployment_id": "deployment",
    "deploymentid": "deployment",
    "deployment": "deployment",
    "location_id": "location",
    "locationid": "location",
    "location": "location",
}
_DEGREES = {"latitude": 90.0, "longitude": 180.0}

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Coordinates:
    """Points by name, latitude and longitude in degrees (WGS 84)."""

    by_deployment: dict[str, Point] = field(default_factory=dict)
    by_location: dict[str, Point] = field(default_factory=dict)

    def of(self, deployment_id: str | None, location_id: str | None) -> Point | None:
        """The point of a deployment, else of its location; None where neither is given."""
        found = self.by_deployment.get(deployment_id) if deployment_id is not None else None
        return found or (self.by_location.get(location_id) if location_id is not None else None)


def read_coordinates(storage: Storage, uri: str) -> Coordinates:
    """Read a CSV with `latitude`, `longitude`, and `location_id` or `deployment_id` or both.

    Raises:
        UsageError: a column is missing, a row has no point on earth, or a name has two points.
        SourceError: the file cannot be read.
    """
    where = f"--coordinates {shown(uri)}"
    columns, rows = _read(storage, uri, where)
    names = {name.strip().lower(): name for name in columns}
    ids = {_IDS[name]: column for name, column in names.items() if name in _IDS}
    if not ids or not names.keys() >= _DEGREES.keys():
        raise UsageError(
            f"{where} has the columns {', '.join(columns) or 'none'}; expected latitude, longitude, and "
            f"location_id or deployment_id"
        )
    found = Coordinates()
    places = {"deployment": found.by_deployment, "location": found.by_location}
    for row, cells in enumerate(rows, start=2):
        point = (
            _degrees(cells, names, "latitude", where, row),
            _degrees(cells, names, "longitude", where, row),
        )
        # A deployment stands at its own point; its location may have several.
        kind = next((kind for kind in ("deployment", "location") if cells.get(ids.get(kind, ""))), None)
        if kind is None:
            raise UsageError(f"{where}: row {row} names no location and no deployment")
        name = cells[ids[kind]]
        if places[kind].setdefault(name, point) != point:
            raise UsageError(f"{where}: row {row} gives {kind} {name!r} another point than a row before")
    return found


def _read(storage: Storage, uri: str, where: str) -> tuple[list[str], list[dict[str, str]]]:
    try:
        text = storage.read_bytes(uri).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
        rows = [{name: cell.strip() for name, cell in row.items() if name} for row in reader]
        return list(reader.fieldnames or ()), rows
    except (UnicodeDecodeError, csv.Error) as problem:
        raise UsageError(f"{where} cannot be read as CSV ({one_line(problem)[:200]})") from problem


def _degrees(cells: dict[str, str], names: dict[str, str], kind: str, where: str, row: int) -> float:
    text = cells[names[kind]]
    try:
        value = float(text)
    except ValueError as problem:
        raise UsageError(f"{where}: row {row} has the {kind} {text!r}, expected degrees") from problem
    if not abs(value) <= _DEGREES[kind]:
        raise UsageError(
            f"{where}: row {row} has the {kind} {text}, expected {-_DEGREES[kind]:g} to {_DEGREES[kind]:g}"
        )
    return value
