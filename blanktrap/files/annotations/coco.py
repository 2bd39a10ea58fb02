"""COCO Camera Traps JSON.

Owns: its images, annotations and categories, read as a stream: a file of two million images needs no more
memory than one of a hundred. Refuses: detector results, which are not labels.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ijson

from blanktrap.core.errors import AnnotationError
from blanktrap.core.times import parse_capture_time
from blanktrap.core.vocabulary import LabelLevel
from blanktrap.files.annotations.staging import AnnotationStage, plain_text
from blanktrap.files.s3 import one_line

_BOM = b"\xef\xbb\xbf"


class CocoCameraTraps:
    """Images with `seq_id`, `frame_num`, `location`, `datetime`; annotations with `category_id`."""

    name = "COCO Camera Traps"

    def recognises(self, head: bytes) -> bool:
        return head.removeprefix(_BOM).lstrip().startswith(b"{")

    def read(self, path: Path, where: str, stage: AnnotationStage) -> None:
        categories = {
            plain_text(_require(item, "id", where, "categories", row)): plain_text(item.get("name"))
            for row, item in _items(path, where, "categories")
        }
        num_images = 0
        for row, item in _items(path, where, "images"):
            num_images += 1
            self._stage_image(item, where, row, stage)
        for row, item in _items(path, where, "annotations"):
            key = plain_text(_require(item, "image_id", where, "annotations", row))
            category = plain_text(_require(item, "category_id", where, "annotations", row))
            if category not in categories:
                raise AnnotationError(
                    f"{where}: annotations[{row}] has category_id {category}, which categories does not list"
                )
            is_sequence = item.get("sequence_level_annotation") is True
            level = LabelLevel.SEQUENCE if is_sequence else LabelLevel.MEDIA
            stage.add_observation(str(key), categories[category], level)
        if not categories or not num_images:
            missing = "categories" if not categories else "images"
            raise AnnotationError(f"{where} has no {missing}: it is not COCO Camera Traps JSON")

    def _stage_image(self, item: dict[str, Any], where: str, row: int, stage: AnnotationStage) -> None:
        file_name = _require(item, "file_name", where, "images", row)
        when = plain_text(item.get("datetime")) or plain_text(item.get("date_captured"))
        timestamp = parse_capture_time(when)
        if when and timestamp is None:
            stage.problems.add("time in no clear spelling", f"{when} ({file_name})")
        frame = item.get("frame_num")
        is_whole = isinstance(frame, int | float) and not isinstance(frame, bool) and frame == int(frame)
        if frame is not None and not is_whole:
            stage.problems.add("frame_num that is no whole number", f"{frame} ({file_name})")
        stage.add_media(
            str(plain_text(_require(item, "id", where, "images", row))),
            str(file_name),
            location_id=plain_text(item.get("location")),
            deployment_id=plain_text(item.get("deployment")),
            sequence_id=plain_text(item.get("seq_id")),
            frame_num=int(frame) if frame is not None and is_whole else None,
            timestamp=timestamp,
        )


def _items(path: Path, where: str, section: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of one of the file's lists, one after the other, with their row numbers."""
    try:
        for row, item in _stream(path, section):
            if not isinstance(item, dict):
                raise AnnotationError(f"{where}: {section}[{row}] is {item!r}, expected an object")
            yield row, item
    except (ijson.JSONError, UnicodeDecodeError) as problem:
        what = "not UTF-8" if isinstance(problem, UnicodeDecodeError) else "broken JSON"
        raise AnnotationError(
            f"{where} is {what} {_last_sound_place(path)} ({one_line(problem)[:200]})"
        ) from problem


def _stream(path: Path, section: str) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as file:
        if file.read(len(_BOM)) != _BOM:
            file.seek(0)
        yield from enumerate(ijson.items(file, f"{section}.item", use_float=True))


def _last_sound_place(path: Path) -> str:
    """How far a broken file can be read; the parser itself does not say where it stopped."""
    furthest = "from its beginning"
    for section in ("categories", "images", "annotations"):
        last = -1
        try:
            for row, _ in _stream(path, section):
                last = row
        except (ijson.JSONError, UnicodeDecodeError):
            if last >= 0:
                furthest = f"after {section}[{last}]"
    return furthest


def _require(item: dict[str, Any], name: str, where: str, section: str, row: int) -> object:
    value = item.get(name)
    if value is None or isinstance(value, dict | list):
        raise AnnotationError(f"{where}: {section}[{row}] has no {name}")
    return value
