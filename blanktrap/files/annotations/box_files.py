"""Files with boxes, read as streams: the files that they name, and the boxes that count.

Owns: COCO Camera Traps and MegaDetector results as far as places in images go, and refusing an entry in one
line. Refuses: matching names with media; that is `boxes`.
"""

import math
from collections.abc import Iterator
from typing import Any, NoReturn

from blanktrap.core.errors import AnnotationError
from blanktrap.core.paths import plain_path
from blanktrap.core.vocabulary import Label, is_people_name, label_of_name
from blanktrap.files.annotations.formats import BadRowError, quoted
from blanktrap.files.annotations.json_stream import begins_as_list, read_object, stream_objects
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.staging import plain_text

# MegaDetector's own, where a file has no list of categories.
_DETECTOR_CATEGORIES = {"1": "animal", "2": "person", "3": "vehicle"}
_COCO_SECTIONS = ("categories", "images", "annotations")
# Shares are rounded by whoever wrote them; pixels would be far beyond.
_MOST_SHARE = 1.05


class BoxFile:
    """Rows for the tables `named` and `boxes`, each as a stream."""

    def named(self) -> Iterator[tuple[Any, ...]]:
        """The files that it names."""
        raise NotImplementedError

    def boxes(self) -> Iterator[tuple[Any, ...]]:
        """The boxes that count."""
        raise NotImplementedError


class CocoBoxes(BoxFile):
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


class DetectedBoxes(BoxFile):
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
