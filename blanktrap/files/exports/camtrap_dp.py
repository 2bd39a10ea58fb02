"""A Camtrap DP 1.0.2 data package: deployments, media, observations and their descriptor.

Owns: what a decision is as an observation: kept `animal`, to review `unknown`, set aside `blank`, unreadable
`unclassified`. Refuses: media without a time, which the standard has no place for: they are left out and
counted.

`classificationProbability` is that of the class that is stated: the score for an animal, one minus the score
for a blank, nothing for the others. `animal` stands for an animal, a person or a vehicle: the model does not
tell them apart, and the standard has no word for all three.

A name with `..`, with a line break, or that begins with `.`, `/` or `~` cannot stand in `filePath`; there it
is percent-encoded, and stands as it is in `fileName` and in `mediaID`.

Source: https://camtrap-dp.tdwg.org/data/
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import blanktrap
from blanktrap.core.config import ExportConfig
from blanktrap.core.decisions import KEEP, REVIEW, SET_ASIDE, UNREADABLE
from blanktrap.core.errors import ScoresError
from blanktrap.core.paths import suffix_of
from blanktrap.core.time_zones import TimeZone, parse_time_zone
from blanktrap.files.databases import temporary_database
from blanktrap.files.decided_scores import DECIDED_SCORE, DECISION
from blanktrap.files.exports import camtrap_dp_events, deployments
from blanktrap.files.exports.camtrap_dp_descriptor import DESCRIPTOR, Coverage, write_descriptor
from blanktrap.files.exports.camtrap_dp_events import Events, decide_events
from blanktrap.files.exports.camtrap_dp_fields import DEPLOYMENTS, MEDIA, OBSERVATIONS
from blanktrap.files.exports.cells import FORMULA, CellGuard, address_of, media_type_of
from blanktrap.files.exports.deployments import Deployment, Deployments
from blanktrap.files.exports.formats import Export
from blanktrap.files.exports.table_files import SUFFIXES, TableFile
from blanktrap.files.storage import join

_COLUMNS = list(dict.fromkeys(["media_id", "p_nonblank", *deployments.COLUMNS, *camtrap_dp_events.COLUMNS]))
# Less than a join may have: tables are being written beside it.
_MEMORY_LIMIT = "512MB"
_TYPES = {SET_ASIDE: "blank", REVIEW: "unknown", KEEP: "animal", UNREADABLE: "unclassified"}
_NOT_IN_A_PATH = rf"^[./~]|\.\.|[\r\n]|{FORMULA}"
_LEFT_OUT = "media without a time, left out because Camtrap DP has no place for them"
_DOUBTFUL = (
    "times that were shown twice or skipped when clocks changed (where the cameras' clocks were not changed, "
    "give a fixed offset such as --timezone +01:00)"
)


class CamtrapDp:
    """A folder with a descriptor and three tables."""

    name = "Camtrap DP 1.0.2"
    key = "camtrap-dp"

    def own_files(self, config: ExportConfig) -> str | None:
        return r"datapackage\.json|(deployments|media|observations)\.(csv|csv\.gz|parquet)"

    def write(self, export: Export) -> None:
        with temporary_database("events could not be put together", memory=_MEMORY_LIMIT) as database:
            package = _Package(export)
            package.write(Events(database))


class _Package:
    """A package that is being written."""

    def __init__(self, export: Export) -> None:
        self._export = export
        assert export.config.timezone is not None  # the configuration asks for it
        self._zone: TimeZone = parse_time_zone(export.config.timezone)
        self._guard = CellGuard(
            export.notes, exact=export.config.exact_names or export.config.tables == "parquet"
        )
        self._numbered = Deployments()
        self._deployments = self._numbered.add_all(export.decided.iter_tables(deployments.COLUMNS))
        if not any(one.num_dated for one in self._deployments):
            raise ScoresError(
                f"no media in {export.decided.scores.location} has a time, so that a Camtrap DP package "
                f"would be empty: index the archive with --exif, or with annotations that have times"
            )
        names = pa.array([one.name for one in self._deployments], pa.string())
        self._names = self._guard.texts(names)
        updated = export.run.get("updated")
        self._classified = {
            "classificationMethod": "machine",
            "classifiedBy": f"blanktrap {blanktrap.__version__}, {export.model_id}",
            "classificationTimestamp": _instant(updated) if isinstance(updated, str) else None,
        }
        # Opened first, it takes its place last: a package without a descriptor is unfinished.
        self._descriptor = export.files.open(join(export.out, DESCRIPTOR))
        self._tables = {
            name: self._open(name, schema)
            for name, schema in (
                ("media", MEDIA),
                ("observations", OBSERVATIONS),
                ("deployments", DEPLOYMENTS),
            )
        }

    def write(self, events: Events) -> None:
        """Write all tables in two passes over the scores, and the descriptor."""
        levels = self._export.config.levels
        for table in self._export.decided.iter_tables(_COLUMNS):
            numbers = self._numbered.numbers(table)
            if levels != "media":
                events.add(table, numbers)
            is_dated = pc.is_valid(table.column("timestamp"))
            self._export.notes.add(_LEFT_OUT, table.num_rows - (pc.sum(is_dated).as_py() or 0))
            dated = table.filter(is_dated)
            self._write_media(dated, numbers[is_dated.to_numpy()], with_observations=levels != "event")
        if levels != "media":
            self._write_events(events)
        coverage = self._write_deployments()
        for file in self._tables.values():
            file.close()
        write_descriptor(self._descriptor, coverage, self._export)

    def _open(self, name: str, schema: pa.Schema) -> TableFile:
        kind = self._export.config.tables
        uri = join(self._export.out, f"{name}{SUFFIXES[kind]}")
        return self._export.open_table(uri, kind, schema)

    def _write_media(self, table: pa.Table, numbers: np.ndarray, *, with_observations: bool) -> None:
        zoned = self._zone.zoned(table.column("timestamp"))
        self._export.notes.add(_DOUBTFUL, zoned.num_doubtful)
        media_ids = table.column("media_id")
        guarded = self._guard.texts(media_ids)
        deployment_ids = self._names.take(pa.array(numbers))
        paths, is_encoded = self._paths(media_ids)
        names = pc.replace_substring_regex(media_ids, r"(?s)^.*/", "")
        suffixes = [suffix_of(name) for name in names.to_pylist()]
        self._tables["media"].write(
            _table(
                MEDIA,
                table.num_rows,
                mediaID=guarded,
                deploymentID=deployment_ids,
                timestamp=zoned.texts,
                filePath=paths,
                filePublic=self._export.config.base_url is not None,
                fileName=self._guard.texts(names, is_path=True),
                fileMediatype=pa.array([media_type_of(suffix) for suffix in suffixes], pa.string()),
                mediaComments=_where(is_encoded, "filePath is percent-encoded"),
            )
        )
        if not with_observations:
            return
        decided = table.column(DECISION).combine_chunks().indices.to_numpy()
        score = table.column(DECIDED_SCORE)
        is_raised = pc.fill_null(pc.not_equal(score, table.column("p_nonblank")), False).to_numpy()
        self._tables["observations"].write(
            _table(
                OBSERVATIONS,
                table.num_rows,
                observationID=pc.binary_join_element_wise("media:", media_ids, ""),
                deploymentID=deployment_ids,
                mediaID=guarded,
                eventID=self._guard.texts(table.column("sequence_id")),
                eventStart=zoned.texts,
                eventEnd=zoned.texts,
                observationLevel="media",
                observationComments=_where(is_raised, "decided by another frame of its sequence"),
                **self._observed(decided, score),
            )
        )

    def _write_events(self, events: Events) -> None:
        num_before = 0
        for table in events.iter_tables():
            decided, is_doubtful = decide_events(table, self._export.decided.rule)
            start, end = (
                self._zone.zoned(table.column(name).cast(pa.timestamp("ms")))
                for name in ("start_ms", "end_ms")
            )
            ids = [f"event:{num_before + place}" for place in range(table.num_rows)]
            num_before += table.num_rows
            self._tables["observations"].write(
                _table(
                    OBSERVATIONS,
                    table.num_rows,
                    observationID=pa.array(ids, pa.string()),
                    deploymentID=self._names.take(table.column("deployment")),
                    eventID=self._guard.texts(table.column("sequence_id")),
                    eventStart=start.texts,
                    eventEnd=end.texts,
                    observationLevel="event",
                    observationComments=_where(is_doubtful, "a frame could not be read"),
                    **self._observed(np.where(is_doubtful, REVIEW, decided), table.column("highest")),
                )
            )

    def _write_deployments(self) -> Coverage:
        there = [one for one in self._deployments if one.num_dated]
        points = [self._export.coordinates.of(one.deployment_id, one.location_id) for one in there]
        num_missing = sum(point is None for point in points)
        if num_missing:
            self._export.notes.add(
                "deployments without coordinates, so that the package is not valid (give --coordinates)",
                num_missing,
                total=len(there),
            )
        start, end = (self._zone.zoned(_times(there, name)) for name in ("start_ms", "end_ms"))
        places = self._guard.texts(pa.array([one.location_id for one in there], pa.string()))
        numbers = [index for index, one in enumerate(self._deployments) if one.num_dated]
        self._tables["deployments"].write(
            _table(
                DEPLOYMENTS,
                len(there),
                deploymentID=self._names.take(pa.array(numbers)),
                locationID=places,
                locationName=places,
                latitude=pa.array([point and point[0] for point in points], pa.float64()),
                longitude=pa.array([point and point[1] for point in points], pa.float64()),
                deploymentStart=start.texts,
                deploymentEnd=end.texts,
            )
        )
        return Coverage(
            first_day=pc.min(start.dates).as_py(),
            last_day=pc.max(end.dates).as_py(),
            points=tuple(point for point in points if point is not None),
        )

    def _observed(self, decided: np.ndarray, score: pa.ChunkedArray) -> dict[str, Any]:
        """The columns that say what was seen, how probable it is, and who says so."""
        types = pa.array([_TYPES[code] for code in range(len(_TYPES))], pa.string()).take(pa.array(decided))
        own = pc.fill_null(score, float("nan")).to_numpy().astype(np.float64)
        # A score has seven digits: what 1 minus it shows behind them is rounding.
        stated = np.select([decided == KEEP, decided == SET_ASIDE], [own, np.round(1.0 - own, 7)], np.nan)
        is_said = decided != UNREADABLE
        said = {name: _where(is_said, text) for name, text in self._classified.items()}
        probability = pa.array(stated.astype(np.float32), from_pandas=True)
        return {"observationType": types, "classificationProbability": probability, **said}

    def _paths(self, media_ids: pa.ChunkedArray) -> tuple[pa.Array | pa.ChunkedArray, np.ndarray]:
        """What stands in `filePath`, and where that is percent-encoded for want of a published address."""
        base_url = self._export.config.base_url
        if base_url is not None:
            addresses = [address_of(base_url, media_id) for media_id in media_ids.to_pylist()]
            return pa.array(addresses, pa.string()), np.zeros(len(media_ids), dtype=bool)
        is_odd = pc.match_substring_regex(media_ids, _NOT_IN_A_PATH).to_numpy().astype(bool)
        if not is_odd.any():
            return media_ids, is_odd
        self._export.notes.add(
            "names that filePath cannot hold, percent-encoded there and exact in mediaID",
            int(is_odd.sum()),
        )
        paths = [
            _encoded(media_id) if odd else media_id
            for media_id, odd in zip(media_ids.to_pylist(), is_odd.tolist(), strict=True)
        ]
        return pa.array(paths, pa.string()), is_odd


def _encoded(path: str) -> str:
    """A path in which dots, and all but the plainest characters, are percent-encoded; so is a first slash."""
    parts = (quote(part, safe="").replace(".", "%2E").replace("~", "%7E") for part in path.split("/"))
    encoded = "/".join(parts)
    first = {"/": "%2F", "-": "%2D"}.get(encoded[0], encoded[0])
    return first + encoded[1:]


def _instant(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _where(chosen: np.ndarray, text: str | None) -> pa.Array:
    """The text where chosen, else null."""
    said, nothing = pa.scalar(text, pa.string()), pa.scalar(None, pa.string())
    return pc.if_else(pa.array(chosen, pa.bool_()), said, nothing)


def _times(there: list[Deployment], name: str) -> pa.Array:
    return pa.array([getattr(one, name) for one in there], pa.int64()).cast(pa.timestamp("ms"))


def _table(schema: pa.Schema, num_rows: int, **columns: Any) -> pa.Table:
    """A table of a schema: arrays as they are, other values in every row, the rest empty."""
    arrays = []
    for field in schema:
        value = columns.get(field.name)
        if isinstance(value, pa.Array | pa.ChunkedArray):
            arrays.append(value.cast(field.type))
        else:
            arrays.append(pa.repeat(pa.scalar(value, field.type), num_rows))
    return pa.table(arrays, schema=schema)
