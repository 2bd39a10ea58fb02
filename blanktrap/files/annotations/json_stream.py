"""The objects of a JSON file's lists, read as a stream.

Owns: streaming, byte-order marks, and saying where a file breaks. Refuses: what the objects mean.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import ijson

from blanktrap.core.errors import AnnotationError
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.s3 import one_line

_BOM = b"\xef\xbb\xbf"


def begins_as_object(head: bytes) -> bool:
    """Whether a file's first bytes are those of a JSON object."""
    return head.removeprefix(_BOM).lstrip().startswith(b"{")


def stream_objects(
    file: AnnotationFile, section: str, sections: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of one of the file's lists with their places from 0.

    Args:
        file: the file; a list that it has not yields nothing.
        section: the list's name.
        sections: all lists of the format, to say in which of them a broken file breaks.

    Raises:
        AnnotationError: it is broken or not UTF-8, or an item is no object.
    """
    try:
        for row, item in _stream(file, section):
            if not isinstance(item, dict):
                raise AnnotationError(
                    f"{file.where}: {section}[{row}] is {str(item)[:40]!r}, expected an object"
                )
            yield row, item
    except (ijson.JSONError, UnicodeDecodeError) as problem:
        what = "not UTF-8" if isinstance(problem, UnicodeDecodeError) else "broken JSON"
        place = _last_sound_place(file, sections or [section])
        raise AnnotationError(f"{file.where} is {what} {place} ({one_line(problem)[:200]})") from problem


def _stream(file: AnnotationFile, section: str) -> Iterator[tuple[int, Any]]:
    with file.path.open("rb") as source:
        if source.read(len(_BOM)) != _BOM:
            source.seek(0)
        yield from enumerate(ijson.items(source, f"{section}.item", use_float=True))


def _last_sound_place(file: AnnotationFile, sections: Sequence[str]) -> str:
    """How far a broken file can be read; the parser itself does not say where it stopped."""
    furthest = "from its beginning"
    for section in sections:
        last = -1
        try:
            for row, _ in _stream(file, section):
                last = row
        except (ijson.JSONError, UnicodeDecodeError):
            if last >= 0:
                furthest = f"after {section}[{last}]"
    return furthest
