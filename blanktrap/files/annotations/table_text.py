"""How tables of labels are spelt: encodings, separators, headers.

Owns: telling them from the first bytes. Refuses: rows; those are `rows`. Nothing here knows a format.
"""

import csv
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import AnnotationError

_SEPARATORS = ",;\t"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_PARQUET_MAGIC = b"PAR1"
_PROBE_BYTES = 1024 * 1024


def is_parquet(head: bytes) -> bool:
    """Whether a file's first bytes are those of Parquet."""
    return head.startswith(_PARQUET_MAGIC)


def columns_of_parquet(path: Path) -> tuple[str, ...]:
    """The column names of a Parquet file in lower case; empty where it is damaged."""
    try:
        return tuple(plain_column(name) for name in pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return ()  # what is wrong with it is said when it is read


def columns_of_head(head: bytes) -> tuple[str, ...]:
    """The column names of a CSV in lower case, from its first bytes; empty where these are no header."""
    if head.startswith(_UTF16_MARKS):
        text = head.decode("utf-16", errors="ignore")
    elif b"\0" in re.split(rb"[\r\n]", head, maxsplit=1)[0]:
        return ()
    else:
        try:
            text = head.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = head.decode("latin-1")  # or UTF-8 that was cut within a character, behind the header
    # Old Macs end their lines with a carriage return alone.
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    if first.lstrip().startswith(("{", "[")):
        return ()
    try:
        return tuple(
            plain_column(name) for name in next(csv.reader([first], delimiter=separator_of(first)), [])
        )
    except csv.Error:
        return ()


def plain_column(name: str) -> str:
    """A column's name as it is compared."""
    return name.strip().lower()


def separator_of(header: str) -> str:
    """The separator of a CSV, by its header."""
    return max(_SEPARATORS, key=header.count)


def encoding_of(path: Path, where: str) -> str:
    """UTF-8 where the whole file is, UTF-16 where it says so, else Latin-1, which old spreadsheets write.

    Raises:
        AnnotationError: it says UTF-16 and is not.
    """
    with path.open("rb") as raw:
        encoding = "utf-16" if raw.read(2) in _UTF16_MARKS else "utf-8-sig"
    try:
        with path.open("r", encoding=encoding) as file:
            while file.read(_PROBE_BYTES):
                pass
    except UnicodeDecodeError as problem:
        if encoding == "utf-16":
            raise AnnotationError(f"{where} begins as UTF-16 and is not: save it as UTF-8") from problem
        return "latin-1"
    return encoding
