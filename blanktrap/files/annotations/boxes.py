"""Where in an image animals are: boxes of COCO Camera Traps files and of MegaDetector results.

Owns: reading boxes as a stream and giving them to media by the project's own matching. Refuses: labels (a box
is none: `index` reads those), and guessing: a name that could mean several media gives its boxes to none.

A COCO box counts pixels of the image's stated width and height; a detector's is in shares of them. Here a box
is in shares of the upright image, cut to it.
"""

import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from blanktrap.core.errors import AnnotationError
from blanktrap.files.annotations.box_files import BoxFile, CocoBoxes, DetectedBoxes
from blanktrap.files.annotations.coco import CocoCameraTraps
from blanktrap.files.annotations.formats import quoted
from blanktrap.files.annotations.json_stream import refuse_deep
from blanktrap.files.annotations.matching import match_names
from blanktrap.files.annotations.megadetector import MegaDetectorResults
from blanktrap.files.annotations.opening import OpenedAnnotations
from blanktrap.files.databases import temporary_database
from blanktrap.files.label_join import MEMORY_LIMIT, load_table
from blanktrap.files.storage import Storage

_ROWS_AT_ONCE = 65_536

_MEDIA = pa.schema([("media_id", pa.string()), ("uri", pa.string())])
_NAMED = pa.schema(
    [
        ("key", pa.string()),
        ("path", pa.string()),
        ("plain", pa.string()),
        ("width_px", pa.float64()),
        ("height_px", pa.float64()),
    ]
)
_BOXES = pa.schema(
    [
        ("key", pa.string()),
        ("place", pa.string()),
        *((name, pa.float64()) for name in ("x", "y", "width", "height")),
        ("in_pixels", pa.bool_()),
    ]
)

_SAID = "CREATE TABLE said AS SELECT DISTINCT path, plain, NULL::VARCHAR AS other FROM named"
_FOUND = """
SELECT l.media_id, b.x, b.y, b.width, b.height, b.in_pixels, n.width_px, n.height_px, b.place
FROM links l JOIN named n USING (path) JOIN boxes b USING (key) SEMI JOIN wanted w ON w.media_id = l.media_id
ORDER BY l.media_id, b.x, b.y, b.width, b.height
"""


@dataclass(frozen=True, kw_only=True)
class MediaBoxes:
    """The boxes of one media."""

    areas: tuple[tuple[float, float, float, float], ...]
    """Left, top, right, bottom in [0, 1] of the upright image; at least one."""
    shape: tuple[float, float] | None
    """Width and height in pixels that the file states, None where it states none."""


@dataclass(frozen=True, kw_only=True)
class FoundBoxes:
    """What a file says of the media asked for."""

    where: str
    by_media: dict[str, MediaBoxes]
    num_named: int
    """Files that it names."""
    num_matched: int
    """Those among them that are known here, whether asked for or not."""
    num_ambiguous: int
    num_empty: int
    """Boxes without any area in the image, which are none."""


def read_boxes(
    storage: Storage,
    location: str,
    media: Iterable[pa.Table],
    wanted: Collection[str],
    *,
    min_confidence: float,
    with_people: bool,
) -> FoundBoxes:
    """Read the boxes of some media.

    Args:
        storage: the door to the bytes.
        location: a COCO Camera Traps file or MegaDetector results, perhaps packed, local or on S3.
        media: `media_id` and `uri` of all media that are known, since a name may fit one that is not wanted.
        wanted: the `media_id` of those whose boxes are given back.
        min_confidence: detections below it are no boxes; a COCO box has no confidence.
        with_people: boxes of persons and vehicles count as well.

    Raises:
        AnnotationError: it is neither of the two, or an entry cannot be used; the message names it.
        SourceError: it cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="blanktrap-boxes-") as name:
        folder = Path(name)
        given = OpenedAnnotations(storage, [location], folder).given
        if len(given) != 1:
            raise AnnotationError(f"{location} holds {len(given):,} files: give the one with boxes")
        [file] = given
        reader: BoxFile
        if MegaDetectorResults().recognises(file):
            reader = DetectedBoxes(file, min_confidence, with_people)
        elif CocoCameraTraps().recognises(file):
            reader = CocoBoxes(file, with_people)
        else:
            raise AnnotationError(
                f"{location} has no boxes: give a COCO Camera Traps file or MegaDetector results (JSON)"
            )
        refuse_deep(file.path, file.where)
        doing = f"{location} could not be matched"
        with temporary_database(doing, memory=MEMORY_LIMIT, within=folder) as connection:
            load_table(connection, "media", (table.select(_MEDIA.names) for table in media), _MEDIA)
            load_table(connection, "named", _tables(reader.named(), _NAMED), _NAMED)
            load_table(connection, "boxes", _tables(reader.boxes(), _BOXES), _BOXES)
            table = pa.table({"media_id": pa.array(sorted(wanted), pa.string())})
            load_table(connection, "wanted", [table], table.schema)
            return _match(connection, location)


def _match(connection: duckdb.DuckDBPyConnection, where: str) -> FoundBoxes:
    _refuse_repeated(connection, where)
    connection.execute(_SAID)
    match_names(connection)
    areas: dict[str, list[tuple[float, float, float, float]]] = {}
    shapes: dict[str, tuple[float, float] | None] = {}
    num_empty = 0
    for media_id, x, y, width, height, in_pixels, width_px, height_px, place in connection.execute(
        _FOUND
    ).fetchall():
        shape = (width_px, height_px) if width_px and height_px else None
        if in_pixels and shape is None:
            raise AnnotationError(
                f"{where}: {place} has a bbox in pixels, and its image no width and height: add them there"
            )
        across, down = shape if in_pixels and shape is not None else (1.0, 1.0)
        left, top = max(x / across, 0.0), max(y / down, 0.0)
        right, bottom = min((x + width) / across, 1.0), min((y + height) / down, 1.0)
        if left < right and top < bottom:
            areas.setdefault(media_id, []).append((left, top, right, bottom))
            shapes[media_id] = shape
        else:
            num_empty += 1
    num_named, num_matched, num_ambiguous = (
        int(connection.execute(query).fetchall()[0][0])
        for query in (
            "SELECT count(*) FROM names",
            "SELECT count(DISTINCT path) FROM links",
            "SELECT count(*) FROM ambiguous",
        )
    )
    return FoundBoxes(
        where=where,
        by_media={
            media_id: MediaBoxes(areas=tuple(found), shape=shapes[media_id])
            for media_id, found in areas.items()
        },
        num_named=num_named,
        num_matched=num_matched,
        num_ambiguous=num_ambiguous,
        num_empty=num_empty,
    )


def _refuse_repeated(connection: duckdb.DuckDBPyConnection, where: str) -> None:
    """Several images under one id: a box of it could lie in any of them."""
    twice = connection.execute(
        "SELECT key FROM named GROUP BY key HAVING count(DISTINCT path) > 1 ORDER BY key LIMIT 1"
    ).fetchall()
    if twice:
        raise AnnotationError(
            f"{where}: several images have the id {quoted(str(twice[0][0]))}: give each its own"
        )


def _tables(rows: Iterator[tuple[Any, ...]], schema: pa.Schema) -> Iterator[pa.Table]:
    """Rows as tables, some ten thousand at a time."""
    waiting: list[tuple[Any, ...]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == _ROWS_AT_ONCE:
            yield _table(waiting, schema)
            waiting = []
    yield _table(waiting, schema)


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema
    )
