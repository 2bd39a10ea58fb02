"""COCO Camera Traps JSON.

Owns: its images, annotations and categories, read as a stream: a file of two million images needs no more
memory than one of a hundred, less eight bytes an image. Refuses: detector results, which are not labels.
"""

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np

from blanktrap.core.errors import AnnotationError
from blanktrap.core.times import DateOrder, order_of_dates
from blanktrap.core.vocabulary import LabelLevel
from blanktrap.files.annotations.formats import BadRowError, ReadOptions, quoted
from blanktrap.files.annotations.json_stream import begins_as_object, refuse_deep, stream_objects
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.staging import AnnotationStage, plain_text

_MAX_FRAMES = 2**31
_NO_SEQUENCE = 0

_SECTIONS = ("categories", "images", "annotations")


class CocoCameraTraps:
    """Images with `seq_id`, `frame_num`, `location`, `datetime`; annotations with `category_id`."""

    name = "COCO Camera Traps"
    key = "coco"

    def recognises(self, file: AnnotationFile) -> bool:
        # Of a JSON file that the user named it is said what is wrong; one in a folder may be anything.
        return begins_as_object(file.head) and (
            not file.is_member or any(f'"{name}"'.encode() in file.head for name in _SECTIONS)
        )

    def companions(self, file: AnnotationFile, others: Sequence[AnnotationFile]) -> list[AnnotationFile]:
        return []

    def read(self, files: Sequence[AnnotationFile], stage: AnnotationStage, options: ReadOptions) -> None:
        [file] = files
        refuse_deep(file.path, file.where)
        categories = _categories_of(file)
        hashes = array("q")
        corrupt: set[str] = set()
        lengths = _SequenceLengths()
        order = order_of_dates(
            _time_of(item) for _, item in stream_objects(file.path, file.where, "images", _SECTIONS)
        )
        for row, item in stream_objects(file.path, file.where, "images", _SECTIONS):
            try:
                key = _require(item, "id")
                hashes.append(hash(key))
                _stage_image(key, item, order, stage)
                lengths.see(item)
                if item.get("corrupt") is True:
                    corrupt.add(key)
            except BadRowError as problem:
                stage.bad_row(file.where, f"images[{row}]", problem)
        _refuse_repeated(file, hashes, stage)
        lengths.count_disagreeing(file, stage)
        for row, item in stream_objects(file.path, file.where, "annotations", _SECTIONS):
            try:
                _stage_annotation(item, categories, corrupt, stage)
            except BadRowError as problem:
                stage.bad_row(file.where, f"annotations[{row}]", problem)
        if not categories or not hashes:
            missing = "categories" if not categories else "images"
            raise AnnotationError(f"{file.where} has no {missing}: it is not COCO Camera Traps JSON")


def _refuse_repeated(file: AnnotationFile, hashes: "array[int]", stage: AnnotationStage) -> None:
    """Several images under one id: an annotation of it could mean any of them."""
    sorted_hashes = np.sort(np.array(hashes, np.int64))
    suspects = set(sorted_hashes[1:][sorted_hashes[1:] == sorted_hashes[:-1]].tolist())
    if not suspects:
        return
    first: dict[str, int] = {}
    repeated: set[str] = set()
    for row, item in stream_objects(file.path, file.where, "images", _SECTIONS):
        key = plain_text(item.get("id"))
        if key is None or hash(key) not in suspects:
            continue
        if key in first:
            problem = BadRowError(f"has the id {quoted(key)} of images[{first[key]}]")
            stage.bad_row(file.where, f"images[{row}]", problem)
            if key not in repeated:
                again = BadRowError(f"has the id {quoted(key)} of images[{row}]")
                stage.bad_row(file.where, f"images[{first[key]}]", again)
            repeated.add(key)
        first.setdefault(key, row)
    stage.drop_keys(repeated)


class _SequenceLengths:
    """Whether sequences have as many images as `seq_num_frames` says; 16 bytes an image."""

    def __init__(self) -> None:
        self._sequences, self._stated = array("q"), array("q")

    def see(self, item: dict[str, Any]) -> None:
        """Take one image into account."""
        self._sequences.append(_sequence_of(item))
        stated = item.get("seq_num_frames")
        if isinstance(stated, int) and not isinstance(stated, bool) and 0 < stated < _MAX_FRAMES:
            self._stated.append(stated)
        else:
            self._stated.append(0)

    def count_disagreeing(self, file: AnnotationFile, stage: AnnotationStage) -> None:
        """Count the sequences whose images are more or fewer than stated, or stated differently."""
        stated = np.array(self._stated, np.int64)
        sequences = np.array(self._sequences, np.int64)[stated > 0]
        names, places, counts = np.unique(sequences, return_inverse=True, return_counts=True)
        wrong = np.zeros(names.size, bool)
        wrong[places[stated[stated > 0] != counts[places]]] = True
        left = set(names[wrong & (names != _NO_SEQUENCE)].tolist())
        if not left:
            return
        reason = "sequences with more or fewer images than seq_num_frames"
        stage.problems.add_many(reason, len(left))
        for _, item in stream_objects(file.path, file.where, "images", _SECTIONS):
            if _sequence_of(item) in left:
                left.discard(_sequence_of(item))
                stage.problems.examples[reason].append(str(plain_text(item.get("seq_id")))[:80])
                if len(stage.problems.examples[reason]) == 5 or not left:
                    return


def _sequence_of(item: dict[str, Any]) -> int:
    """A number for an image's sequence; archives number them anew at every location."""
    sequence = plain_text(item.get("seq_id"))
    return _NO_SEQUENCE if sequence is None else hash((plain_text(item.get("location")), sequence))


def _categories_of(file: AnnotationFile) -> dict[str, str | None]:
    names: dict[str, str | None] = {}
    for row, item in stream_objects(file.path, file.where, "categories", _SECTIONS):
        key, name = plain_text(item.get("id")), plain_text(item.get("name"))
        if key is None:
            raise AnnotationError(f"{file.where}: categories[{row}] has no id")
        if names.setdefault(key, name) != name:
            raise AnnotationError(
                f"{file.where}: categories[{row}] has the id {key} of another category ({names[key]}, {name})"
            )
    return names


def _time_of(item: dict[str, Any]) -> str | None:
    return plain_text(item.get("datetime")) or plain_text(item.get("date_captured"))


def _stage_image(key: str, item: dict[str, Any], order: DateOrder | None, stage: AnnotationStage) -> None:
    file_name = _require(item, "file_name")
    timestamp = stage.read_time(_time_of(item), file_name, order)
    frame = item.get("frame_num")
    is_whole = isinstance(frame, int | float) and not isinstance(frame, bool) and frame % 1 == 0
    if frame is not None and not is_whole:
        stage.problems.add("frame_num that is no whole number", f"{str(frame)[:40]} ({file_name})")
    stage.add_media(
        key,
        file_name,
        location_id=plain_text(item.get("location")),
        deployment_id=plain_text(item.get("deployment")),
        sequence_id=plain_text(item.get("seq_id")),
        frame_num=int(frame) if frame is not None and is_whole else None,
        timestamp=timestamp,
    )
    if item.get("corrupt") is True:
        stage.problems.add("marked as corrupt, label left open", file_name)
        stage.add_labelled(key, None, LabelLevel.MEDIA, None)


def _stage_annotation(
    item: dict[str, Any], categories: dict[str, str | None], corrupt: set[str], stage: AnnotationStage
) -> None:
    key = _require(item, "image_id")
    category = _require(item, "category_id")
    if category not in categories:
        raise BadRowError(f"has category_id {quoted(category)}, which categories does not list")
    is_sequence = item.get("sequence_level_annotation") is True
    level = LabelLevel.SEQUENCE if is_sequence else LabelLevel.MEDIA
    stage.add_observation(key, None if key in corrupt else categories[category], level)


def _require(item: dict[str, Any], name: str) -> str:
    value = plain_text(item.get(name))
    if value is None:
        raise BadRowError(f"has no {name}")
    return value
