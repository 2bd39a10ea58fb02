"""What `--annotations` names, as files on local disk: a file, a folder, a zip, each perhaps gzipped or on S3.

Owns: finding and fetching them, and the neighbours that a format may ask for. Refuses: knowing any format;
that is `formats` and the modules behind it.

Nothing is fetched or unpacked before somebody asks for it: a zip of a million photographs costs its table.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import overload

from blanktrap.core.errors import AnnotationError
from blanktrap.core.paths import file_name_of, suffix_of
from blanktrap.files.annotations.packed import (
    GZIP_MAGIC,
    ZIP_MAGIC,
    head_of_member,
    list_zip,
    unpack_gzip,
    unpack_member,
)
from blanktrap.files.annotations.table_text import columns_of_head, columns_of_parquet, is_parquet
from blanktrap.files.s3 import is_s3
from blanktrap.files.storage import Storage, join, local_path, local_uri

HEAD_BYTES = 64 * 1024

# What label files are called. In a folder or zip nothing else is looked at.
_SUFFIXES = ("csv", "json", "jsonl", "parquet", "tsv", "txt")


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnotationFile:
    """One file that may hold labels, or belong to one that does."""

    where: str
    """For messages, such as `export.zip/images.csv`."""
    name: str
    """The last part of its path, without `.gz`."""
    is_given: bool
    """Named by the user, or in a folder or zip that was; not merely a neighbour of one."""
    is_member: bool = False
    """Given with its folder or zip, which may hold other things as well."""
    folder: str = ""
    """The folder that it lies in, or the zip and the folder within."""
    fetch: Callable[[], Path] = field(repr=False)
    """Brings the whole file to local disk, unpacked."""
    peek: Callable[[], bytes] = field(repr=False)
    """Reads its first 64 KiB, unpacked."""

    @cached_property
    def path(self) -> Path:
        """The local file, unpacked."""
        return self.fetch()

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB, unpacked."""
        return self.peek()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The header of a CSV or Parquet table in lower case; empty where it is no table."""
        return columns_of_parquet(self.path) if is_parquet(self.head) else columns_of_head(self.head)


def local_file(path: Path, *, is_given: bool = True) -> AnnotationFile:
    """A plain file on local disk."""
    return AnnotationFile(
        where=str(path),
        name=path.name,
        is_given=is_given,
        folder=str(path.parent),
        fetch=lambda: path,
        peek=lambda: _head_of(path),
    )


class OpenedAnnotations:
    """All files that the user named, and what lies beside them."""

    def __init__(self, storage: Storage, locations: Sequence[str], folder: Path) -> None:
        """Look at every location once.

        Args:
            storage: the door to the bytes.
            locations: what the user named.
            folder: a local folder for what is fetched and unpacked.

        Raises:
            AnnotationError: one is empty, holds no label files, or is packed in a way that is not unpacked.
            SourceError: one cannot be read.
        """
        self._storage = storage
        self._folder = folder
        self._numbers = count()
        self._uris: set[str] = set()
        self.given: list[AnnotationFile] = []
        for location in locations:
            self.given += self._open(location)

    def others(self, file: AnnotationFile) -> Sequence[AnnotationFile]:
        """The files that a format may read together with `file`, nearest first.

        Those given in the same folder or zip, then the neighbours that were not given, then those given
        elsewhere. Neighbours are listed when the sequence is first looked at.
        """
        return _LazyFiles(lambda: self._others(file))

    def _others(self, file: AnnotationFile) -> list[AnnotationFile]:
        beside = [one for one in self.given if one is not file and one.folder == file.folder]
        elsewhere = [one for one in self.given if one.folder != file.folder]
        return beside + self._neighbours(file) + elsewhere

    def _neighbours(self, file: AnnotationFile) -> list[AnnotationFile]:
        if file.is_member:
            return []  # the folder was given as a whole
        return [
            self._fetched(entry.uri, _beside(file, entry.relative), is_given=False)
            for entry in self._storage.list_folder(file.folder)
            if _may_hold_labels(entry.relative) and entry.uri not in self._uris
        ]

    def _open(self, location: str) -> list[AnnotationFile]:
        if self._is_folder(location):
            return self._open_folder(location)
        magic = self._storage.read_range(location, 0, len(ZIP_MAGIC))
        if not magic:
            raise AnnotationError(f"{location} is empty")
        uri = location if is_s3(location) else local_uri(local_path(location))
        if uri in self._uris:
            return []  # named twice, read once
        self._uris.add(uri)
        if magic == ZIP_MAGIC:
            return self._open_zip(uri, location)
        return [self._fetched(uri, location, is_given=True, is_gzip=magic.startswith(GZIP_MAGIC))]

    def _is_folder(self, location: str) -> bool:
        if not is_s3(location):
            return local_path(location).is_dir()
        return location.endswith("/") or not (
            self._storage.exists(location) or not self._storage.list_folder(location)
        )

    def _open_folder(self, location: str) -> list[AnnotationFile]:
        files = []
        for entry in self._storage.list_folder(location):
            if _may_hold_labels(entry.relative) and entry.size_bytes and entry.uri not in self._uris:
                self._uris.add(entry.uri)
                where = join(location, entry.relative)
                files.append(self._fetched(entry.uri, where, is_given=True, is_member=True))
        if not files:
            raise AnnotationError(f"{location} holds no label files directly in it {_EXPECTED}")
        return files

    def _fetched(
        self, uri: str, where: str, *, is_given: bool, is_member: bool = False, is_gzip: bool | None = None
    ) -> AnnotationFile:
        """A file of a folder, local or on S3."""

        @cache
        def fetch() -> Path:
            if not is_s3(uri):
                return local_path(uri)
            path = self._new_path()
            self._storage.download(uri, path)
            return path

        def peek() -> bytes:
            return self._storage.read_range(uri, 0, HEAD_BYTES)

        if is_gzip is None:
            is_gzip = suffix_of(where) == "gz"
        return self._file(where, fetch, peek, is_gzip=is_gzip, is_given=is_given, is_member=is_member)

    def _open_zip(self, uri: str, location: str) -> list[AnnotationFile]:
        if is_s3(uri):
            archive = self._new_path()
            self._storage.download(uri, archive)
        else:
            archive = local_path(uri)
        members = [one for one in list_zip(archive, location) if _may_hold_labels(one.filename)]
        files = [self._member(archive, one, f"{location}/{one.filename}") for one in members if one.file_size]
        if not files:
            raise AnnotationError(f"{location} holds no label files {_EXPECTED}")
        return files

    def _member(self, archive: Path, member: zipfile.ZipInfo, where: str) -> AnnotationFile:
        @cache
        def fetch() -> Path:
            path = self._new_path()
            unpack_member(archive, member, path, where)
            return path

        def peek() -> bytes:
            return head_of_member(archive, member, HEAD_BYTES, where)

        return self._file(where, fetch, peek, is_gzip=suffix_of(where) == "gz", is_given=True, is_member=True)

    def _file(
        self,
        where: str,
        fetch: Callable[[], Path],
        peek: Callable[[], bytes],
        *,
        is_gzip: bool,
        is_given: bool,
        is_member: bool,
    ) -> AnnotationFile:
        @cache
        def unpack() -> Path:
            path = self._new_path()
            unpack_gzip(fetch(), path, where)
            return path

        name = file_name_of(where)
        folder = where.removesuffix(name)
        return AnnotationFile(
            where=where,
            name=name.removesuffix(".gz") if is_gzip else name,
            is_given=is_given,
            is_member=is_member,
            folder=folder.rstrip("/") or folder[:1] or ".",
            fetch=unpack if is_gzip else fetch,
            peek=(lambda: _head_of(unpack())) if is_gzip else peek,
        )

    def _new_path(self) -> Path:
        return self._folder / f"annotations-{next(self._numbers)}"


class _LazyFiles(Sequence[AnnotationFile]):
    """Files that are looked for when somebody asks."""

    def __init__(self, find: Callable[[], list[AnnotationFile]]) -> None:
        self._find = find

    @cached_property
    def _files(self) -> list[AnnotationFile]:
        return self._find()

    @overload
    def __getitem__(self, index: int) -> AnnotationFile: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[AnnotationFile]: ...
    def __getitem__(self, index: int | slice) -> AnnotationFile | Sequence[AnnotationFile]:
        return self._files[index]

    def __iter__(self) -> Iterator[AnnotationFile]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


_EXPECTED = f"({', '.join(_SUFFIXES)}, each perhaps .gz): give the file, or the folder that holds it"


def _beside(file: AnnotationFile, name: str) -> str:
    """How a neighbour is called, in the way that the user called the file."""
    return name if file.where == file.name else join(file.folder, name)


def _may_hold_labels(name: str) -> bool:
    return suffix_of(name.lower().removesuffix(".gz")) in _SUFFIXES


def _head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)
