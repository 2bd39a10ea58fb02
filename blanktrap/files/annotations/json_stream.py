"""The objects of a JSON file's lists, read as a stream.

Owns: streaming, byte-order marks, and saying where a file breaks. Refuses: what the objects mean.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import ijson

from blanktrap.core.errors import AnnotationError
from blanktrap.files.s3 import one_line

_BOM = b"\xef\xbb\xbf"
# Records of labels nest to five or six. The parser's time grows with the square of the depth.
_MAX_DEPTH = 1000
_CHUNK_BYTES = 16 * 1024

_BROKEN = (ijson.JSONError, UnicodeDecodeError)


def begins_as_object(head: bytes) -> bool:
    """Whether a file's first bytes are those of a JSON object."""
    return head.removeprefix(_BOM).lstrip().startswith(b"{")


def begins_as_list(head: bytes) -> bool:
    """Whether a file's first bytes are those of a JSON list of objects."""
    return b"".join(head.removeprefix(_BOM)[:1000].split()).startswith(b"[{")


def refuse_deep(path: Path, where: str) -> None:
    """Refuse a file that nests so deep that reading it would take hours.

    Raises:
        AnnotationError: it has more than 1,000 levels.
    """
    depth = 0
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            # Brackets within texts count as well: where these add up, the parser's own count decides.
            depth += chunk.count(b"[") + chunk.count(b"{") - chunk.count(b"]") - chunk.count(b"}")
            if depth > _MAX_DEPTH:
                break
        else:
            return
    depth = 0
    try:
        with _opened(path) as source:
            for event, _ in ijson.basic_parse(source):
                depth += event.startswith("start_") - event.startswith("end_")
                if depth > _MAX_DEPTH:
                    raise AnnotationError(
                        f"{where} nests more than {_MAX_DEPTH:,} levels: it holds no labels"
                    )
    except _BROKEN:
        return  # said, with the place, when it is read


def stream_objects(
    path: Path, where: str, section: str, sections: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of one of the file's lists with their places from 0.

    Args:
        path: the local file.
        where: what messages call it.
        section: the list's name, empty where the file is nothing but a list; one that is not there yields
            nothing.
        sections: all lists of the format, to say in which of them a broken file breaks.

    Raises:
        AnnotationError: it is broken or not UTF-8, or an item is no object.
    """
    try:
        for row, item in _stream(path, section):
            if not isinstance(item, dict):
                raise AnnotationError(f"{where}: {section}[{row}] is {str(item)[:40]!r}, expected an object")
            yield row, item
    except _BROKEN as problem:
        _refuse(path, where, sections or [section], problem)


def read_object(path: Path, where: str, name: str) -> dict[str, Any]:
    """One object of the file's own, such as `info`; empty where there is none. Errors as `stream_objects`."""
    try:
        with _opened(path) as source:
            found = next(iter(ijson.items(source, name, use_float=True)), None)
    except _BROKEN as problem:
        _refuse(path, where, [name], problem)
    return found if isinstance(found, dict) else {}


def _refuse(path: Path, where: str, sections: Sequence[str], problem: Exception) -> NoReturn:
    # Of bytes that it cannot read the parser complains in bytes.
    said = problem.args[0] if problem.args else ""
    text = " ".join(said.decode("utf-8", errors="replace").split()) if isinstance(said, bytes) else ""
    is_encoding = isinstance(problem, UnicodeDecodeError) or "UTF8" in text
    what = "not UTF-8: save it as UTF-8; it is broken" if is_encoding else "broken JSON"
    place = _last_sound_place(path, sections)
    raise AnnotationError(f"{where} is {what} {place} ({(text or one_line(problem))[:200]})") from problem


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as source:
        if source.read(len(_BOM)) != _BOM:
            source.seek(0)
        yield source


def _stream(path: Path, section: str) -> Iterator[tuple[int, Any]]:
    with _opened(path) as source:
        yield from enumerate(ijson.items(source, f"{section}.item".lstrip("."), use_float=True))


def _last_sound_place(path: Path, sections: Sequence[str]) -> str:
    """How far a broken file can be read; the parser itself does not say where it stopped."""
    furthest = "from its beginning"
    for section in sections:
        last = -1
        try:
            for row, _ in _stream(path, section):
                last = row
        except _BROKEN:
            if last >= 0:
                furthest = f"after {section}[{last}]"
    return furthest
