"""MegaDetector results JSON, old fields and new, as labels or as somebody else's opinion.

Owns: what a detector says of each media, read as a stream, and a label where the user gives a cutoff.
Refuses: choosing a cutoff. A detector's results are not a person's judgement; without a cutoff they are none.

Read are `images[].file`, `.detections[].category` and `.conf`, `.max_detection_conf`, `.failure`; and a list
of objects with `file`, `detections[].category` and `.confidence`, as newer programs write.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blanktrap.core.errors import AnnotationError, UsageError
from blanktrap.core.vocabulary import BLANK_NAMES, Label, LabelLevel
from blanktrap.files.annotations.formats import BadRowError, OnBadRow, ReadOptions, quoted, refuse_row
from blanktrap.files.annotations.json_stream import (
    begins_as_list,
    begins_as_object,
    read_object,
    refuse_deep,
    stream_objects,
)
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.staging import AnnotationStage

# Whatever a file's own list of categories says, or where it has none.
_EMPTY_CATEGORY = "0"


@dataclass(frozen=True, kw_only=True)
class DetectedMedia:
    """What a detector says of one media."""

    file: str
    """Its path as the detector was given it."""
    confidence: float | None
    """The highest over animals, persons and vehicles, in [0, 1]; 0.0 where nothing was detected, None where
    the media could not be processed."""
    failure: str | None
    """Why it could not be."""


class MegaDetectorResults:
    """One row for each media; nonblank from the cutoff on, blank below it."""

    name = "MegaDetector results"
    key = "megadetector"

    def recognises(self, file: AnnotationFile) -> bool:
        if begins_as_list(file.head):
            return b'"detections"' in file.head
        return begins_as_object(file.head) and any(
            name in file.head
            for name in (b'"detection_categories"', b'"detections"', b'"max_detection_conf"')
        )

    def companions(self, file: AnnotationFile, others: Sequence[AnnotationFile]) -> list[AnnotationFile]:
        return []

    def read(self, files: Sequence[AnnotationFile], stage: AnnotationStage, options: ReadOptions) -> None:
        [file] = files
        if options.megadetector_cutoff is None:
            raise UsageError(
                f"{file.where} holds MegaDetector results, which are labels only with a cutoff: give "
                f"--megadetector-cutoff, such as 0.2"
            )
        for row, found in _numbered(file.path, file.where, stage.bad_row):
            key = str(row)
            try:
                stage.add_media(key, found.file)
            except BadRowError as problem:
                stage.bad_row(file.where, f"images[{row}]", problem)
                continue
            if found.confidence is None:
                stage.problems.add(
                    "could not be processed, label left open", f"{found.file}: {found.failure}"
                )
                label = None
            else:
                is_nonblank = found.confidence >= options.megadetector_cutoff
                label = Label.NONBLANK if is_nonblank else Label.BLANK
            stage.add_labelled(key, label, LabelLevel.MEDIA, None)


def iter_detections(path: Path, where: str, on_bad: OnBadRow = refuse_row) -> Iterator[DetectedMedia]:
    """Read MegaDetector results one by one.

    Args:
        path: the local file.
        where: what messages call it.
        on_bad: told of an entry that cannot be used.

    Raises:
        AnnotationError: it is no MegaDetector results file, or an entry has no file or a confidence outside
            [0, 1]; the message names the entry.
    """
    for _, found in _numbered(path, where, on_bad):
        yield found


def _numbered(path: Path, where: str, on_bad: OnBadRow) -> Iterator[tuple[int, DetectedMedia]]:
    refuse_deep(path, where)
    with path.open("rb") as source:
        section = "" if begins_as_list(source.read(4096)) else "images"
    named = read_object(path, where, "detection_categories") if section else {}
    empty = {_EMPTY_CATEGORY} if not named else set()
    empty |= {key for key, name in named.items() if str(name).strip().lower() in BLANK_NAMES}
    num_entries = 0
    for row, item in stream_objects(path, where, section):
        num_entries += 1
        try:
            yield row, _detected(item, empty)
        except BadRowError as problem:
            on_bad(where, f"images[{row}]", problem)
    if not num_entries:
        raise AnnotationError(f"{where} has no images: it is not MegaDetector results")


def _detected(item: dict[str, Any], empty: set[str]) -> DetectedMedia:
    file = item.get("file")
    if not isinstance(file, str) or not file.strip():
        raise BadRowError("has no file")
    failure = item.get("failure") or item.get("failures")
    detections = item.get("detections")
    highest = item.get("max_detection_conf")
    if failure is None and not isinstance(detections, list) and highest is None:
        failure = "no detections are given"
    if failure is not None:
        return DetectedMedia(file=file, confidence=None, failure=str(failure)[:200])
    confidences = [0.0]
    num_empty = 0
    for one in detections or []:
        if not isinstance(one, dict):
            raise BadRowError("has a detection that is no object")
        if str(one.get("category")) in empty:
            num_empty += 1
        else:
            confidences.append(_confidence_of(one.get("conf", one.get("confidence"))))
    # Detections below a program's own cutoff may have been left out of the list, never out of the highest.
    if highest is not None and not num_empty:
        confidences.append(_confidence_of(highest))
    return DetectedMedia(file=file, confidence=max(confidences), failure=None)


def _confidence_of(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0.0 <= value <= 1.0:  # type: ignore[operator]
        raise BadRowError(f"has the confidence {quoted(str(value))}, expected a number from 0 to 1")
    return float(value)  # type: ignore[arg-type]
