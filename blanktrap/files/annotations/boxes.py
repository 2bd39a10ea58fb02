"""Where in an image animals are: boxes of COCO Camera Traps files and of MegaDetector results.

Owns: reading boxes as a stream and giving them to media by the project's own matching. Refuses: labels (a box
is none: `index` reads those), and guessing: a name that could mean several media gives its boxes to none.

A COCO box counts pixels of the image's stated width and height; a detector's is in shares of them. Here a box
is in shares of the upright image, cut to it.
"""

import math
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pyarrow as pa

from blanktrap.core.errors import AnnotationError
from blanktrap.core.paths import plain_path
from blanktrap.core.vocabulary import Label, is_people_name, label_of_name
from blanktrap.files.annotations.coco import CocoCameraTraps
from blanktrap.files.annotations.formats import BadRowError, quoted
from blanktrap.files.annotations.json_stream import (
    begins_as_list,
    read_object,
    refuse_deep,
    stream_objects,
)
from blanktrap.files.annotations.matching import match_names
from blanktrap.files.annotations.megadetector import MegaDetectorResults
from blanktrap.files.annotations.opening import AnnotationFile, OpenedAnnotations
from blanktrap.files.annotations.staging import plain_text
from blanktrap.files.databases import temporary_database
from blanktrap.files.label_join import MEMORY_LIMIT, load_table
from blanktrap.files.storage import Storage

# MegaDetector's own, where a file has no list of categories.
_DETECTOR_CATEGORIES = {"1": "animal", "2": "person", "3": "vehicle"}
_COCO_SECTIONS = ("categories", "images", "annotations")
# Shares are rounded by whoever wrote them; pixels would be far beyond.
_MOST_SHARE = 1.05
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
        reader: _Reader
        if MegaDetectorResults().recognises(file):
            reader = _Detections(file, min_confidence, with_people)
        elif CocoCameraTraps().recognises(file):
            reader = _Coco(file, with_people)
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


class _Reader:
    """Rows for the tables `named` and `boxes`, each as a stream."""

    def named(self) -> Iterator[tuple[Any, ...]]:
        """The files that it names."""
        raise NotImplementedError

    def boxes(self) -> Iterator[tuple[Any, ...]]:
        """The boxes that count."""
        raise NotImplementedError


class _Coco(_Reader):
    """`annotations[].bbox`, in pixels of `images[].width` and `.height`."""

    def __init__(self, file: AnnotationFile, with_people: bool) -> None:
        self._file, self._with_people = file, with_people

    def named(self) -> Iterator[tuple[Any, ...]]:
        for row, item in self._stream("images"):
            key, path = plain_text(item.get("id")), item.get("file_name")
            if key is None or not isinstance(path, str) or not plain_path(path)[0]:
                self._refuse(f"images[{row}]", BadRowError("has no id or no file_name"))
            size = [_size_of(item.get(name)) for name in ("width", "height")]
            yield key, path, plain_path(path)[0], *size

    def boxes(self) -> Iterator[tuple[Any, ...]]:
        names = {
            plain_text(item.get("id")): plain_text(item.get("name")) for _, item in self._stream("categories")
        }
        num_boxes = 0
        for row, item in self._stream("annotations"):
            if item.get("bbox") is None:
                continue
            num_boxes += 1
            place, key = f"annotations[{row}]", plain_text(item.get("image_id"))
            category = plain_text(item.get("category_id"))
            if key is None or category not in names:
                self._refuse(
                    place, BadRowError("has no image_id, or a category_id that categories does not list")
                )
            try:
                box = _box_of(item["bbox"])
            except BadRowError as problem:
                self._refuse(place, problem)
            if _counts(names[category], self._with_people):
                yield key, place, *box, True
        if not num_boxes:
            raise AnnotationError(
                f"{self._file.where} has no bbox in any annotation: it says nothing of places"
            )

    def _stream(self, section: str) -> Iterator[tuple[int, dict[str, Any]]]:
        return stream_objects(self._file.path, self._file.where, section, _COCO_SECTIONS)

    def _refuse(self, place: str, problem: BadRowError) -> NoReturn:
        raise AnnotationError(f"{self._file.where}: {place} {problem}") from problem


class _Detections(_Reader):
    """`images[].detections[].bbox`, in shares of the image."""

    def __init__(self, file: AnnotationFile, min_confidence: float, with_people: bool) -> None:
        self._file, self._with_people = file, with_people
        self._min_confidence = min_confidence
        self._section = "" if begins_as_list(file.head) else "images"

    def named(self) -> Iterator[tuple[Any, ...]]:
        for row, item in stream_objects(self._file.path, self._file.where, self._section):
            path = item.get("file")
            if not isinstance(path, str) or not plain_path(path)[0]:
                self._refuse(row, BadRowError("has no file"))
            yield str(row), path, plain_path(path)[0], None, None

    def boxes(self) -> Iterator[tuple[Any, ...]]:
        given = (
            read_object(self._file.path, self._file.where, "detection_categories") if self._section else {}
        )
        names = {key: str(name) for key, name in given.items()} or _DETECTOR_CATEGORIES
        for row, item in stream_objects(self._file.path, self._file.where, self._section):
            for one in item.get("detections") or []:
                try:
                    box = self._counted(one, names)
                except BadRowError as problem:
                    self._refuse(row, problem)
                if box is not None:
                    yield str(row), f"images[{row}]", *box, False

    def _counted(self, one: object, names: dict[str, str]) -> tuple[float, float, float, float] | None:
        """The box of a detection that counts."""
        if not isinstance(one, dict):
            raise BadRowError("has a detection that is no object")
        confidence: Any = one.get("conf", one.get("confidence"))
        is_number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
        if not is_number or not 0.0 <= confidence <= 1.0:
            raise BadRowError(f"has the confidence {quoted(str(confidence))}, expected a number from 0 to 1")
        name = names.get(str(one.get("category")))
        if confidence < self._min_confidence or name is None or not _counts(name, self._with_people):
            return None
        box = _box_of(one.get("bbox"))
        if max(box[0] + box[2], box[1] + box[3]) > _MOST_SHARE:
            raise BadRowError(f"has the bbox {list(box)}, expected shares of the image from 0 to 1")
        return box

    def _refuse(self, row: int, problem: BadRowError) -> NoReturn:
        raise AnnotationError(f"{self._file.where}: images[{row}] {problem}") from problem


def _counts(category: str | None, with_people: bool) -> bool:
    """Whether boxes of a category count: of animals, and of persons and vehicles where they are asked for."""
    if category is None or label_of_name(category) is not Label.NONBLANK:
        return False
    return with_people or not is_people_name(category)


def _box_of(value: object) -> tuple[float, float, float, float]:
    """Left, top, width and height as a file gives them."""
    numbers = value if isinstance(value, list) else []
    if len(numbers) != 4 or not all(
        isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in numbers
    ):
        raise BadRowError(
            f"has the bbox {quoted(str(value))}, expected four numbers: left, top, width, height"
        )
    left, top, width, height = (float(one) for one in numbers)
    return left, top, width, height


def _size_of(value: object) -> float | None:
    """A stated width or height; None where it is no size."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) and value > 0 else None  # type: ignore[arg-type,operator]


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
