"""Snapshot Serengeti as LILA publishes it: a table of images and a table of volunteers' annotations.

Owns: the pair's columns, joined by `capture_id`. Refuses: taking a capture that nobody annotated for blank;
here blank is a species of its own.

People judged captures, not frames, so that every label is one of the sequence.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from blanktrap.core.captures import parse_capture_id
from blanktrap.core.errors import AnnotationError
from blanktrap.core.vocabulary import LabelLevel, label_of_name, species_of_name
from blanktrap.files.annotations.cells import has_columns, require_columns, share_of_cell
from blanktrap.files.annotations.formats import BadRowError, ReadOptions
from blanktrap.files.annotations.joining import join_database
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.rows import table_rows
from blanktrap.files.annotations.staging import AnnotationStage

_IMAGE_COLUMNS = ("capture_id", "image_rank_in_capture", "image_path_rel")
_ANNOTATION_COLUMNS = ("capture_id", "question__species")

_IMAGES = {"row": pa.int64(), "path": pa.string(), "capture_id": pa.string(), "frame_num": pa.int64()}
_TAKEN = {"capture_id": pa.string(), "taken": pa.timestamp("ms")}

# A capture has one row a species; their times are one.
_TIMES = """
CREATE TABLE times AS
SELECT capture_id, min(taken) AS taken, min(taken) <> max(taken) AS differs FROM taken
WHERE taken IS NOT NULL GROUP BY capture_id
"""

_JOINED = """
SELECT i.row, i.path, i.capture_id, i.frame_num, CASE WHEN NOT t.differs THEN t.taken END
FROM images i LEFT JOIN times t USING (capture_id)
"""


class SnapshotSerengeti:
    """`SnapshotSerengeti_v2_1_images.csv` and `SnapshotSerengeti_v2_1_annotations.csv`, in either order.

    Or both joined in one table, with a row for each image and species.
    """

    name = "Snapshot Serengeti"
    key = "serengeti"

    def recognises(self, file: AnnotationFile) -> bool:
        return _is_images(file) or _is_annotations(file)

    def companions(self, file: AnnotationFile, others: Sequence[AnnotationFile]) -> list[AnnotationFile]:
        if _is_images(file) and _is_annotations(file):
            return []  # the two, joined by somebody
        wanted = _is_annotations if _is_images(file) else _is_images
        found = next((one for one in others if wanted(one)), None)
        if found is None:
            what, columns = (
                ("annotations", _ANNOTATION_COLUMNS) if _is_images(file) else ("images", _IMAGE_COLUMNS)
            )
            raise AnnotationError(
                f"{file.where} is half of Snapshot Serengeti's pair: put SnapshotSerengeti_v2_1_{what}.csv "
                f"({', '.join(columns)}) beside it, or give it with --annotations too"
            )
        return [found]

    def read(self, files: Sequence[AnnotationFile], stage: AnnotationStage, options: ReadOptions) -> None:
        stage.frames_from_zero = True
        images = next(one for one in files if _is_images(one))
        annotations = next(one for one in files if _is_annotations(one))
        require_columns(images, _IMAGE_COLUMNS, "Snapshot Serengeti's table of images")
        require_columns(annotations, _ANNOTATION_COLUMNS, "Snapshot Serengeti's table of annotations")
        with join_database(stage.media_path.parent, images.where) as database:
            database.load("taken", _TAKEN, _annotation_rows(annotations, stage))
            database.load("images", _IMAGES, _image_rows(images, stage))
            database.execute(_TIMES)
            for (capture_id,) in database.rows("SELECT capture_id FROM times WHERE differs"):
                stage.problems.add("captures with several times, left open", capture_id)
            for row, path, capture_id, frame_num, taken in database.rows(_JOINED):
                place = parse_capture_id(capture_id)
                try:
                    stage.add_media(
                        capture_id,
                        path,
                        location_id=place.location_id if place else None,
                        deployment_id=place.deployment_id if place else None,
                        sequence_id=capture_id,
                        frame_num=frame_num,
                        timestamp=taken,
                    )
                except BadRowError as problem:
                    stage.bad_row(images.where, f"row {row}", problem)


def _is_images(file: AnnotationFile) -> bool:
    return has_columns(file, ("capture_id", "image_path_rel"))


def _is_annotations(file: AnnotationFile) -> bool:
    return has_columns(file, _ANNOTATION_COLUMNS)


def _annotation_rows(file: AnnotationFile, stage: AnnotationStage) -> Iterator[tuple[str, datetime | None]]:
    """Stages what was seen, and gives when."""
    for row, cells in table_rows(file, stage.bad_row):
        try:
            capture_id = _capture_id_of(cells)
            taken = _taken_of(cells, row, stage)
            name = cells["question__species"]
            votes, evenness = (
                cells.get("p_users_identified_this_species"),
                cells.get("pielous_evenness_index"),
            )
            stage.add_labelled(
                capture_id,
                label_of_name(name),
                LabelLevel.SEQUENCE,
                species_of_name(name),
                vote_share=share_of_cell(votes, "share of volunteers", row, stage),
                evenness=share_of_cell(evenness, "evenness", row, stage),
            )
        except BadRowError as problem:
            stage.bad_row(file.where, f"row {row}", problem)
            continue
        yield capture_id, taken


def _image_rows(file: AnnotationFile, stage: AnnotationStage) -> Iterator[tuple[Any, ...]]:
    for row, cells in table_rows(file, stage.bad_row):
        try:
            capture_id, path = _capture_id_of(cells), cells["image_path_rel"].strip()
            if not path:
                raise BadRowError("has no image_path_rel")
        except BadRowError as problem:
            stage.bad_row(file.where, f"row {row}", problem)
            continue
        if parse_capture_id(capture_id) is None:
            stage.problems.add("capture id that names no site and roll", f"{capture_id[:60]} (row {row})")
        rank = cells["image_rank_in_capture"].strip().removesuffix(".0")
        is_rank = rank.isascii() and rank.isdigit() and int(rank) > 0
        if rank and not is_rank:
            stage.problems.add("image rank that is no whole number from 1", f"{rank[:60]} (row {row})")
        yield row, path, capture_id, int(rank) - 1 if is_rank else None


def _capture_id_of(cells: dict[str, str]) -> str:
    capture_id = cells["capture_id"].strip()
    if not capture_id:
        raise BadRowError("has no capture_id")
    return capture_id


def _taken_of(cells: dict[str, str], row: int, stage: AnnotationStage) -> datetime | None:
    day, clock = cells.get("capture_date_local", "").strip(), cells.get("capture_time_local", "").strip()
    # A day alone would read as midnight.
    return stage.read_time(f"{day} {clock}", f"row {row}") if day and clock else None
