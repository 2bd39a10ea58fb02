"""A plain CSV of labels: `path,label[,species,level,location,deployment,datetime,sequence,frame]`.

Owns: its spellings of columns, separators and encodings. Refuses: guessing what a column means.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from blanktrap.core.errors import AnnotationError
from blanktrap.core.times import parse_capture_time
from blanktrap.core.vocabulary import LabelLevel, label_of_name, species_of_name
from blanktrap.files.annotations.staging import AnnotationStage, plain_text

COLUMNS = ("path", "label", "species", "level", "location", "deployment", "datetime", "sequence", "frame")

# The names that this project's own columns have elsewhere, and the commonest others.
_SYNONYMS = {
    "file": "path",
    "filename": "path",
    "file_name": "path",
    "filepath": "path",
    "location_id": "location",
    "deployment_id": "deployment",
    "sequence_id": "sequence",
    "seq_id": "sequence",
    "frame_num": "frame",
    "timestamp": "datetime",
    "label_level": "level",
}

_SEPARATORS = ",;\t"
_PROBE_BYTES = 1024 * 1024


class LabelTable:
    """One row for each observation; a media may have several."""

    name = "CSV table"

    def recognises(self, head: bytes) -> bool:
        # Old Macs end their lines with a carriage return alone.
        first = re.split(rb"[\r\n]", head.removeprefix(b"\xef\xbb\xbf"), maxsplit=1)[0].decode("latin-1")
        try:
            columns = _columns_of(next(csv.reader([first], delimiter=_separator_of(first)), []))
        except csv.Error:
            return False  # no row of a table: then it is none
        return "path" in columns or "label" in columns

    def read(self, path: Path, where: str, stage: AnnotationStage) -> None:
        rows = _rows(path, where)
        header = next(rows, (1, []))[1]
        columns = _columns_of(header)
        for needed in ("path", "label"):
            if needed not in columns:
                raise AnnotationError(
                    f"{where} has no column {needed}: it has {', '.join(header) or 'nothing'}"
                )
        for number, row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) < len(header):
                raise AnnotationError(
                    f"{where}: row {number} has {len(row)} columns, the header has {len(header)}"
                )
            cells = {name: row[index] for name, index in columns.items()}
            if not cells["path"].strip():
                raise AnnotationError(f"{where}: row {number} has no path")
            _stage_row(cells, where, number, stage)


def _stage_row(cells: dict[str, str], where: str, number: int, stage: AnnotationStage) -> None:
    key, path = str(number), cells["path"]
    when, frame = cells.get("datetime", "").strip(), cells.get("frame", "").strip()
    timestamp = parse_capture_time(when)
    if when and timestamp is None:
        stage.problems.add("time in no clear spelling", f"{when} (row {number})")
    if frame and not (frame.isascii() and frame.isdigit()):
        stage.problems.add("frame that is no whole number", f"{frame} (row {number})")
        frame = ""
    stage.add_media(
        key,
        path,
        location_id=plain_text(cells.get("location")),
        deployment_id=plain_text(cells.get("deployment")),
        sequence_id=plain_text(cells.get("sequence")),
        frame_num=int(frame) if frame else None,
        timestamp=timestamp,
    )
    level = cells.get("level", "").strip().lower() or LabelLevel.MEDIA.value
    if level not in set(LabelLevel):
        allowed = ", ".join(LabelLevel)
        raise AnnotationError(f"{where}: row {number} has level {level!r}, allowed are {allowed}")
    label = label_of_name(cells["label"])
    species = cells.get("species", "").strip()
    stage.add_labelled(key, label, LabelLevel(level), species_of_name(species or cells["label"]))


def _rows(path: Path, where: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with the numbers of their last lines, as an editor shows them."""
    encoding = _encoding_of(path)
    with path.open("r", encoding=encoding, newline="") as file:
        first = file.readline()
        file.seek(0)
        reader = csv.reader(file, delimiter=_separator_of(first), strict=True)
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as problem:
            raise AnnotationError(f"{where}: row {reader.line_num} is no CSV ({problem})") from problem


def _encoding_of(path: Path) -> str:
    """UTF-8 where the whole file is, else Latin-1, which old spreadsheets write."""
    try:
        with path.open("r", encoding="utf-8-sig") as file:
            while file.read(_PROBE_BYTES):
                pass
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _separator_of(header: str) -> str:
    return max(_SEPARATORS, key=header.count)


def _columns_of(header: list[str]) -> dict[str, int]:
    """Known columns and their places; of two spellings of one column the first counts."""
    found: dict[str, int] = {}
    for index, name in enumerate(header):
        plain = name.strip().lower()
        plain = _SYNONYMS.get(plain, plain)
        if plain in COLUMNS:
            found.setdefault(plain, index)
    return found
