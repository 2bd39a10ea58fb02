"""A plain table of labels, CSV or Parquet: `path,label[,species,level,location,deployment,datetime,…]`.

Owns: its spellings of columns and answers. Refuses: guessing what a column means: a yes or no is read only
where the column's name says what yes stands for.
"""

import re
from collections.abc import Mapping, Sequence

from blanktrap.core.captures import parse_capture_id
from blanktrap.core.config.index import TABLE_COLUMNS
from blanktrap.core.errors import AnnotationError
from blanktrap.core.times import DateOrder, order_of_dates
from blanktrap.core.vocabulary import (
    FLAG_ANSWERS,
    FLAG_COLUMNS,
    Label,
    LabelLevel,
    is_flag_answer,
    label_of_flag,
    label_of_name,
    species_of_name,
)
from blanktrap.files.annotations.formats import BadRowError, ReadOptions, quoted
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.rows import table_rows
from blanktrap.files.annotations.staging import AnnotationStage, plain_text

# The names that this project's own columns have elsewhere, and the commonest others.
_SYNONYMS = {
    "media_id": "path",
    "file": "path",
    "filename": "path",
    "file_name": "path",
    "filepath": "path",
    "file_path": "path",
    "labels": "label",
    "location_id": "location",
    "deployment_id": "deployment",
    "sequence_id": "sequence",
    "seq_id": "sequence",
    "frame_num": "frame",
    "timestamp": "datetime",
    "label_level": "level",
}

# Several answers in one cell.
_SEVERAL = re.compile(r"[|;]")


class LabelTable:
    """One row for each observation; a media may have several."""

    name = "table"
    key = "table"

    def __init__(self, columns: Mapping[str, str] | None = None) -> None:
        """Args:
        columns: what the table calls a column of ours, by our name; for those that are not named so.
        """
        self._named = {name: text.strip().lower() for name, text in (columns or {}).items()}

    def recognises(self, file: AnnotationFile) -> bool:
        if self._named:
            return set(self._named.values()) <= set(file.columns)
        found = {"path", "label"} & set(self.places(file.columns))
        # One of the two is enough where the user named the file: then it is said what is missing.
        return len(found) == 2 or (bool(found) and not file.is_member)

    def companions(self, file: AnnotationFile, others: Sequence[AnnotationFile]) -> list[AnnotationFile]:
        return []

    def read(self, files: Sequence[AnnotationFile], stage: AnnotationStage, options: ReadOptions) -> None:
        [file] = files
        places = self.places(file.columns)
        for needed in ("path", "label"):
            if needed not in places:
                raise AnnotationError(
                    f"{file.where} has no column {needed}: it has {', '.join(file.columns) or 'nothing'}; "
                    f"--columns {needed}=… says what it is called"
                )
        order = _order_of(file, places["datetime"]) if "datetime" in places else None
        for number, row in table_rows(file, stage.bad_row):
            cells = {name: row[column].strip() for name, column in places.items() if name != "path"}
            try:
                _stage_row(row[places["path"]], cells, places["label"], number, order, stage)
            except BadRowError as problem:
                stage.bad_row(file.where, f"row {number}", problem)

    def places(self, header: Sequence[str]) -> dict[str, str]:
        """The table's own name of each of our columns; of two spellings of one the first counts."""
        found = dict(self._named)
        for column in header:
            name = _SYNONYMS.get(column, column)
            if name in TABLE_COLUMNS and column not in self._named.values():
                found.setdefault(name, column)
        if "label" not in found:
            flags = [column for column in header if column in FLAG_COLUMNS]
            found.update(zip(["label"], flags, strict=False))
        return found


def _order_of(file: AnnotationFile, column: str) -> DateOrder | None:
    """Which number is the month in a column of dates."""
    # Rows that cannot be used are refused or counted when they are read for good.
    return order_of_dates(row[column] for _, row in table_rows(file, on_bad=lambda *_: None))


def _stage_row(
    path: str,
    cells: dict[str, str],
    label_column: str,
    number: int,
    order: DateOrder | None,
    stage: AnnotationStage,
) -> None:
    if not path.strip():
        raise BadRowError("has no path")
    level = cells.get("level", "").lower() or LabelLevel.MEDIA.value
    if level not in set(LabelLevel):
        raise BadRowError(f"has level {quoted(level)}, allowed are {', '.join(LabelLevel)}")
    frame = cells.get("frame", "")
    labels = _labels_of(cells["label"], label_column, cells.get("species", ""))
    timestamp = stage.read_time(cells.get("datetime"), f"row {number}", order)
    labelled_at = stage.read_time(cells.get("labelled_at"), f"labelled_at of row {number}")
    if frame and not (frame.isascii() and frame.isdigit() and len(frame) < 10):
        stage.problems.add("frame that is no whole number", f"{quoted(frame)} (row {number})")
        frame = ""
    key = str(number)
    # Snapshot Serengeti's sequences say where they were taken.
    capture = parse_capture_id(cells.get("sequence", ""))
    stage.add_media(
        key,
        path,
        location_id=plain_text(cells.get("location")) or (capture.location_id if capture else None),
        deployment_id=plain_text(cells.get("deployment")) or (capture.deployment_id if capture else None),
        sequence_id=plain_text(cells.get("sequence")),
        frame_num=int(frame) if frame else None,
        timestamp=timestamp,
    )
    for label, species in labels:
        stage.add_labelled(
            key,
            label,
            LabelLevel(level),
            species,
            labelled_by=cells.get("labelled_by") or None,
            labelled_at=labelled_at,
        )


def _labels_of(text: str, column: str, species: str) -> list[tuple[Label | None, str | None]]:
    """The labels and species of one row.

    Raises:
        BadRowError: a yes, a no or a number, and the column's name does not say what it stands for.
    """
    named = _SEVERAL.split(species)
    if column in FLAG_COLUMNS and (not text or is_flag_answer(text)):
        flag = label_of_flag(column, text)
        return [one for name in named for one in _beside_species(flag, name)]
    if column in FLAG_COLUMNS and column != "animal":  # which may hold names as well
        raise BadRowError(f"has {column} {quoted(text)}, allowed are {', '.join(FLAG_ANSWERS)}")
    if is_flag_answer(text) or text.isdecimal():
        raise BadRowError(
            f"has {column} {quoted(text)}, which may mean either: write blank, nonblank or a name, or call "
            f"the column is_blank or is_nonblank"
        )
    answers = [(label_of_name(name), species_of_name(name)) for name in _SEVERAL.split(text)]
    if not species:
        return answers
    return [one for label, _ in answers for name in named for one in _beside_species(label, name)]


def _beside_species(label: Label | None, name: str) -> list[tuple[Label | None, str | None]]:
    """A label with the species beside it; both as labels of their own where one denies the other."""
    said, species = label_of_name(name), species_of_name(name)
    if label is not None and said is not None and said is not label:
        return [(label, None), (said, species)]
    return [(label, species)]
