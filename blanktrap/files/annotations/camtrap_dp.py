"""Camtrap DP 1.x: deployments, media and observations, with the descriptor that names their files.

Owns: what an observation says of which media. One of level `media` names its media; one of level `event`
speaks of an interval of a deployment, and of all media that were taken in it: it is a label of the sequence.
Refuses: comparing times without zones with times that have one.

Source: https://camtrap-dp.tdwg.org/data/ for the tables; an event's interval includes both its ends.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from blanktrap.core.times import utc_offset_of
from blanktrap.core.vocabulary import Label, LabelLevel, is_unknown_id, species_of_name
from blanktrap.files.annotations.camtrap_dp_package import (
    is_descriptor,
    say_version,
    table_of,
    tables_among,
)
from blanktrap.files.annotations.cells import require_columns
from blanktrap.files.annotations.formats import BadRowError, ReadOptions
from blanktrap.files.annotations.joining import JoinDatabase, join_database
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.rows import table_rows
from blanktrap.files.annotations.staging import AnnotationStage

_NEEDED = {
    "deployments": ("deploymentID",),
    "media": ("mediaID", "deploymentID", "timestamp", "filePath"),
    "observations": ("deploymentID", "mediaID", "observationLevel", "observationType"),
}

_LABELS = {
    "animal": Label.NONBLANK,
    "human": Label.NONBLANK,
    "vehicle": Label.NONBLANK,
    "blank": Label.BLANK,
    "unknown": None,
    "unclassified": None,
    "": None,
}

_MEDIA = {
    "media_id": pa.string(),
    "deployment_id": pa.string(),
    "path": pa.string(),
    "name": pa.string(),
    "clock": pa.timestamp("ms"),
    "instant_ms": pa.int64(),
    "place": pa.string(),
}
_SEEN = {
    "observation": pa.int64(),
    "media_id": pa.string(),
    "deployment_id": pa.string(),
    "event_id": pa.string(),
    "label": pa.string(),
    "species": pa.string(),
    "start_ms": pa.int64(),
    "end_ms": pa.int64(),
}

# What one id is given to several files names none of them.
_UNIQUE = """
CREATE TABLE known AS
SELECT media_id, any_value(deployment_id) AS deployment_id, any_value(path) AS path, any_value(name) AS name,
    any_value(clock) AS clock, any_value(instant_ms) AS instant_ms, any_value(place) AS place
FROM media GROUP BY media_id
HAVING count(DISTINCT path) = 1 AND count(DISTINCT coalesce(deployment_id, '')) = 1
"""

_SHARED_IDS = """
SELECT media_id FROM media GROUP BY media_id
HAVING count(DISTINCT path) > 1 OR count(DISTINCT coalesce(deployment_id, '')) > 1
"""

_EVENTS = "CREATE TABLE events AS SELECT * FROM seen WHERE media_id IS NULL"

# A join over two inequalities alone is one that DuckDB sorts for; with an equality beside them it would
# compare each media with every event of its deployment. So the deployment's number goes into the key.
_WITHIN = """
CREATE TABLE within AS
WITH numbered AS (
    SELECT deployment_id, row_number() OVER () AS num FROM (SELECT DISTINCT deployment_id FROM events)
), moments AS (
    SELECT media_id, num::HUGEINT * 1000000000000000 + instant_ms AS moment
    FROM known JOIN numbered USING (deployment_id) WHERE instant_ms IS NOT NULL
), spans AS (
    SELECT observation, num::HUGEINT * 1000000000000000 + start_ms AS first,
        num::HUGEINT * 1000000000000000 + end_ms AS last
    FROM events JOIN numbered USING (deployment_id)
)
SELECT media_id, observation FROM moments JOIN spans ON moment >= first AND moment <= last
"""

_EVENT_LABELS = """
SELECT w.media_id, e.label, e.species FROM within w JOIN events e USING (observation)
"""

_EVENTS_WITHOUT_MEDIA = """
SELECT coalesce(event_id, deployment_id) FROM events
WHERE observation NOT IN (SELECT observation FROM within)
"""

# An event is the media's sequence where all that is said of it names the same one.
_SEQUENCES = """
CREATE TABLE sequences AS
SELECT media_id, CASE WHEN min(event_id) = max(event_id) THEN min(event_id) END AS sequence_id
FROM (SELECT media_id, event_id FROM seen WHERE media_id IS NOT NULL
    UNION ALL SELECT w.media_id, e.event_id FROM within w JOIN events e USING (observation))
WHERE event_id IS NOT NULL GROUP BY media_id
"""

# A file's own name counts where it tells the media apart, by itself or within the deployment.
_NAMED = """
SELECT k.media_id, k.path,
    CASE WHEN count(*) OVER (PARTITION BY k.name) = 1 THEN k.name
        WHEN count(*) OVER (PARTITION BY k.deployment_id, k.name) = 1
        THEN k.deployment_id || '/' || k.name END,
    k.deployment_id, k.clock, k.place, s.sequence_id
FROM known k LEFT JOIN sequences s USING (media_id)
"""


class CamtrapDp:
    """A package: its `datapackage.json`, a folder or zip with it, or its three tables."""

    name = "Camtrap DP"
    key = "camtrap-dp"

    def recognises(self, file: AnnotationFile) -> bool:
        # A table of deployments alone labels nothing, and other tables have such columns too.
        return is_descriptor(file) or table_of(file) in ("media", "observations")

    def companions(self, file: AnnotationFile, others: Sequence[AnnotationFile]) -> list[AnnotationFile]:
        descriptor = next((one for one in (file, *others) if is_descriptor(one)), None)
        tables = tables_among(descriptor, [file, *others])
        found = [one for files in tables.values() for one in files]
        if descriptor is not None:
            found.append(descriptor)
        return [one for one in found if one is not file]

    def read(self, files: Sequence[AnnotationFile], stage: AnnotationStage, options: ReadOptions) -> None:
        descriptor = next((one for one in files if is_descriptor(one)), None)
        if descriptor is None:
            stage.problems.add("tables without a datapackage.json, read as 1.0", files[0].where)
        else:
            say_version(descriptor, stage)
        tables = tables_among(descriptor, files)
        for table, needed in _NEEDED.items():
            for one in tables[table]:
                require_columns(one, needed, f"Camtrap DP's table of {table}")
        places = _places_of(tables["deployments"], stage)
        with join_database(stage.media_path.parent, files[0].where) as database:
            database.load("media", _MEDIA, _media_rows(tables["media"], places, stage))
            database.load("seen", _SEEN, _observation_rows(tables["observations"], places, stage))
            _stage_joined(database, stage, files[0].where)


def _places_of(files: Sequence[AnnotationFile], stage: AnnotationStage) -> dict[str, str | None]:
    """The place of each deployment: its locationID, else its name, else its coordinates."""
    places: dict[str, str | None] = {}
    for file in files:
        for row, cells in table_rows(file, stage.bad_row):
            deployment_id = cells["deploymentid"].strip()
            if not deployment_id:
                stage.bad_row(file.where, f"row {row}", BadRowError("has no deploymentID"))
                continue
            given = [cells.get(name, "").strip() for name in ("locationid", "locationname")]
            point = [cells.get(name, "").strip() for name in ("latitude", "longitude")]
            place = next(
                (text for text in given if not is_unknown_id(text)), ",".join(point) if all(point) else None
            )
            if place is None:
                stage.problems.add("deployments without a place", deployment_id)
            if places.setdefault(deployment_id, place) != place:
                stage.problems.add("deployments that are there twice, at several places", deployment_id)
                places[deployment_id] = None
    return places


def _media_rows(
    files: Sequence[AnnotationFile], places: dict[str, str | None], stage: AnnotationStage
) -> Iterator[tuple[Any, ...]]:
    for file in files:
        for row, cells in table_rows(file, stage.bad_row):
            media_id, deployment_id = cells["mediaid"].strip(), cells["deploymentid"].strip() or None
            path, name = cells["filepath"].strip(), cells.get("filename", "").strip() or None
            try:
                if not media_id:
                    raise BadRowError("has no mediaID")
                if not path and name is None:
                    raise BadRowError("has neither filePath nor fileName")
                clock, instant_ms = _moment_of(cells["timestamp"], f"media {media_id}", stage)
            except BadRowError as problem:
                stage.bad_row(file.where, f"row {row}", problem)
                continue
            if deployment_id not in places:
                example = f"{deployment_id} (media {media_id})"
                stage.problems.add("media of deployments that the package does not list", example)
            place = places.get(deployment_id or "")
            yield media_id, deployment_id, path or name, name, clock, instant_ms, place


def _observation_rows(
    files: Sequence[AnnotationFile], places: dict[str, str | None], stage: AnnotationStage
) -> Iterator[tuple[Any, ...]]:
    """Stages what is said of single media, and gives every observation for the joins."""
    number = 0
    for file in files:
        for row, cells in table_rows(file, stage.bad_row):
            try:
                seen = _observation_of(cells, f"row {row}", places, stage)
            except BadRowError as problem:
                stage.bad_row(file.where, f"row {row}", problem)
                continue
            if seen is not None:
                number += 1
                yield number, *seen


def _observation_of(
    cells: dict[str, str], place: str, places: dict[str, str | None], stage: AnnotationStage
) -> tuple[Any, ...] | None:
    """One observation; None where it can belong to no media."""
    media_id, deployment_id = cells["mediaid"].strip() or None, cells["deploymentid"].strip() or None
    event_id = cells.get("eventid", "").strip() or None
    kind = cells["observationtype"].strip().lower()
    if kind not in _LABELS:
        allowed = ", ".join(name for name in _LABELS if name)
        raise BadRowError(f"has the observationType {kind[:60]!r}, allowed are {allowed}")
    level = cells["observationlevel"].strip().lower() or ("media" if media_id else "event")
    if level not in ("media", "event"):
        raise BadRowError(f"has the observationLevel {level[:60]!r}, allowed are media and event")
    label = _LABELS[kind]
    name = cells.get("scientificname", "").strip() or (kind if kind in ("human", "vehicle") else None)
    species = species_of_name(name) if label is Label.NONBLANK else None
    if cells.get("classificationmethod", "").strip().lower() == "machine":
        stage.problems.add("observations made by a machine, taken like a person's", f"{kind} ({place})")
    if level == "media":
        if media_id is None:
            raise BadRowError("is of level media and has no mediaID")
        stage.add_labelled(media_id, label, LabelLevel.MEDIA, species)
        return media_id, deployment_id, event_id, label, species, None, None
    if deployment_id is None:
        raise BadRowError("is of level event and has no deploymentID")
    if deployment_id not in places:
        stage.problems.add(
            "events of deployments that the package does not list", f"{deployment_id} ({place})"
        )
    start_ms = _moment_of(cells.get("eventstart", ""), place, stage)[1]
    end_ms = _moment_of(cells.get("eventend", ""), place, stage)[1]
    if start_ms is None or end_ms is None or end_ms < start_ms:
        stage.problems.add("events without an interval of time, which belong to no media", place)
        return None
    return None, deployment_id, event_id, label, species, start_ms, end_ms


def _moment_of(text: str, example: str, stage: AnnotationStage) -> tuple[datetime | None, int | None]:
    """What the clock on the spot showed, and the instant in milliseconds since 1970.

    Raises:
        BadRowError: there is no such date or hour.
    """
    clock = stage.read_time(text, example)
    if clock is None:
        return None, None
    offset = utc_offset_of(text)
    if offset is None:
        stage.problems.add("time without a zone, which belongs to no event", f"{text.strip()} ({example})")
        return clock, None
    return clock, round((clock - offset - datetime(1970, 1, 1)).total_seconds() * 1000)


def _stage_joined(database: JoinDatabase, stage: AnnotationStage, where: str) -> None:
    for query in (_UNIQUE, _EVENTS, _WITHIN, _SEQUENCES):
        database.execute(query)
    for (media_id,) in database.rows(_SHARED_IDS):
        stage.problems.add("mediaID of several files, used for none", media_id)
    for (event,) in database.rows(_EVENTS_WITHOUT_MEDIA):
        stage.problems.add("events in which no media was taken", event)
    for media_id, label, species in database.rows(_EVENT_LABELS):
        stage.add_labelled(media_id, label, LabelLevel.SEQUENCE, species)
    for media_id, path, name, deployment_id, clock, place, sequence_id in database.rows(_NAMED):
        # A web address seldom ends with the file's name.
        first, other = (name, path) if name and "://" in path else (path, name)
        try:
            stage.add_media(
                media_id,
                first,
                other_path=other,
                location_id=place,
                deployment_id=deployment_id,
                sequence_id=sequence_id,
                timestamp=clock,
            )
        except BadRowError as problem:
            stage.bad_row(where, f"media {media_id[:60]}", problem)
