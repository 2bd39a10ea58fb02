"""The rows of a table of labels, CSV or Parquet, as text.

Owns: reading them one by one, with the number an editor shows. Refuses: what a column means; that is each
format's. A row that cannot be read is refused, or counted and left out where the user asked for that.
"""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import AnnotationError
from blanktrap.files.annotations.formats import BadRowError, OnBadRow, refuse_row
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.table_text import encoding_of, is_parquet, plain_column, separator_of
from blanktrap.files.s3 import one_line

# As long as a field may be for the csv module; no row of a label table comes near.
_MAX_LINE = 131_072
_PARQUET_BATCH = 16_384


def table_rows(file: AnnotationFile, on_bad: OnBadRow = refuse_row) -> Iterator[tuple[int, dict[str, str]]]:
    """Read a table.

    Args:
        file: a CSV (comma, semicolon or tab; UTF-8, UTF-16 or Latin-1; any line ends) or a Parquet file.
        on_bad: told of a row that has not the header's columns; `AnnotationStage.bad_row` counts it.

    Yields:
        The number of the row's last line as an editor shows it (in Parquet its place, from 1), and its cells
        by lower-case column name; "" for null. Of two columns of one name the first counts.

    Raises:
        AnnotationError: the file is no table, or breaks off within a row.
    """
    if is_parquet(file.head):
        yield from _parquet_rows(file)
    else:
        yield from _csv_rows(file, on_bad)


def _csv_rows(file: AnnotationFile, on_bad: OnBadRow) -> Iterator[tuple[int, dict[str, str]]]:
    with file.path.open("r", encoding=encoding_of(file.path, file.where), newline="") as text:
        separator = separator_of(text.readline(_MAX_LINE))
        text.seek(0)
        reader = csv.reader(_lines(text, file.where, on_bad), delimiter=separator, strict=True)
        try:
            header = next(reader, [])
            places = _places(header)
            for row in reader:
                if not any(cell.strip() for cell in row):
                    continue  # spreadsheets end their tables with rows of nothing but separators
                if any(cell.strip() for cell in row[len(header) :]) or len(row) < len(header):
                    problem = BadRowError(f"has {len(row)} columns, the header has {len(header)}")
                    on_bad(file.where, f"row {reader.line_num}", problem)
                    continue
                yield reader.line_num, {name: row[index] for name, index in places.items()}
        except csv.Error as problem:
            raise AnnotationError(
                f"{file.where}: row {reader.line_num} is no CSV ({problem}); perhaps a quote is never closed"
            ) from problem


def _lines(text: TextIO, where: str, on_bad: OnBadRow) -> Iterator[str]:
    """The lines with their ends; one that no memory should hold is never held."""
    number = 0
    while line := text.readline(_MAX_LINE):
        number += 1
        if len(line) == _MAX_LINE and not line.endswith(("\r", "\n")):
            while (rest := text.readline(_MAX_LINE)) and not rest.endswith(("\r", "\n")):
                pass
            on_bad(where, f"row {number}", BadRowError(f"is longer than {_MAX_LINE:,} characters"))
            line = "\n"  # keeps the numbers of the lines that follow
        yield line


def _parquet_rows(file: AnnotationFile) -> Iterator[tuple[int, dict[str, str]]]:
    number = 0
    try:
        with pq.ParquetFile(file.path) as opened:
            places = _places(opened.schema_arrow.names)
            for batch in opened.iter_batches(_PARQUET_BATCH):
                columns = [map(_text_of, batch.column(index).to_pylist()) for index in places.values()]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield number, dict(zip(places, cells, strict=True))
    except (pa.ArrowException, UnicodeDecodeError, OSError) as problem:
        raise AnnotationError(
            f"{file.where} is a damaged Parquet file behind row {number} ({one_line(problem)[:200]})"
        ) from problem


def _places(header: list[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for index, name in enumerate(header):
        places.setdefault(plain_column(name), index)
    return places


def _text_of(value: object) -> str:
    """A Parquet value as a CSV would hold it; a list's items are separated by |."""
    if value is None or value != value:  # not a number
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, list):
        return "|".join(map(_text_of, value))
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)
