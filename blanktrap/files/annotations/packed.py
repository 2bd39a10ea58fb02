"""Label files that are packed: gzip and zip.

Owns: unpacking one file or member to a path of our own choosing. Refuses: trusting an archive. A member's
name never becomes a path; a name that leads out of its folder, a password, and what would unpack to hundreds
of times its size are refused with one line.
"""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from blanktrap.core.errors import AnnotationError
from blanktrap.core.paths import file_name_of, is_apple_double
from blanktrap.files.local import raise_local
from blanktrap.files.s3 import one_line

ZIP_MAGIC, GZIP_MAGIC = b"PK\x03\x04", b"\x1f\x8b"

# Tables of labels pack to a tenth or a twentieth; deflate itself ends at about a thousandth.
_MAX_RATIO = 200
_ALWAYS_UNPACKED_BYTES = 256 * 1024 * 1024
_COPY_BYTES = 1024 * 1024

_ENCRYPTED = 0x1


def unpack_gzip(packed: Path, target: Path, where: str) -> None:
    """Unpack a gzipped file. Raises AnnotationError, SourceError; `where` names it in messages."""
    with _explained(where), gzip.open(packed) as source:
        _copy(source, target, packed.stat().st_size, where)


def list_zip(archive: Path, where: str) -> list[zipfile.ZipInfo]:
    """The files in a zip, without folders and what macOS adds.

    Raises:
        AnnotationError: it is damaged, an office document, or a name in it leads out of its folder.
    """
    with _explained(where), zipfile.ZipFile(archive) as opened:
        members = [one for one in opened.infolist() if not one.is_dir()]
    if any(one.filename == "[Content_Types].xml" for one in members):
        raise AnnotationError(f"{where} is a spreadsheet or another office document: save it as CSV")
    for one in members:
        parts = one.filename.replace("\\", "/").split("/")
        if ".." in parts or not parts[0] or parts[0].endswith(":"):
            raise AnnotationError(
                f"{where} holds {one.filename!r}, a name that leads out of its folder: unpack what you trust "
                f"of it and give that"
            )
    return [one for one in members if not _is_from_macos(one.filename)]


def unpack_member(archive: Path, member: zipfile.ZipInfo, target: Path, where: str) -> None:
    """Unpack one file of a zip. Raises AnnotationError, SourceError."""
    with _opened_member(archive, member, where) as source:
        _copy(source, target, member.compress_size, where)


def head_of_member(archive: Path, member: zipfile.ZipInfo, num_bytes: int, where: str) -> bytes:
    """The first bytes of one file of a zip. Errors as `unpack_member`."""
    with _opened_member(archive, member, where) as source:
        return source.read(num_bytes)


@contextmanager
def _opened_member(archive: Path, member: zipfile.ZipInfo, where: str) -> Iterator[IO[bytes]]:
    if member.flag_bits & _ENCRYPTED:
        raise AnnotationError(f"{where} is locked by a password: unpack it first")
    with _explained(where), zipfile.ZipFile(archive) as opened, opened.open(member) as source:
        yield source


def _copy(source: IO[bytes] | gzip.GzipFile, target: Path, num_packed_bytes: int, where: str) -> None:
    # Counted as it comes: what an archive says of its own sizes may be a lie.
    limit = max(_ALWAYS_UNPACKED_BYTES, _MAX_RATIO * num_packed_bytes)
    num_bytes = 0
    with target.open("wb") as file:
        while block := source.read(_COPY_BYTES):
            num_bytes += len(block)
            if num_bytes > limit:
                raise AnnotationError(
                    f"{where} unpacks to more than {limit:,} bytes from {num_packed_bytes:,}, as no table of "
                    f"labels does: unpack it yourself if you trust it"
                )
            file.write(block)


@contextmanager
def _explained(where: str) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError) as problem:
        raise AnnotationError(f"{where} is packed and damaged ({one_line(problem)})") from problem
    except NotImplementedError as problem:
        raise AnnotationError(
            f"{where} is packed in a way that is not read ({one_line(problem)}): unpack it first"
        ) from problem
    except OSError as problem:
        raise_local(where, problem)


def _is_from_macos(name: str) -> bool:
    return name.startswith("__MACOSX/") or "/__MACOSX/" in name or is_apple_double(file_name_of(name))
