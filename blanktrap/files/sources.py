"""What the user named as SOURCE, and what it holds.

Owns: telling folders, S3 prefixes and lists of URIs apart, and walking each of them. Refuses: deciding
what is an image; that is `listing`.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import quote_from_bytes

from blanktrap.core.errors import SourceError, UsageError
from blanktrap.files.s3 import is_s3
from blanktrap.files.s3_listing import list_s3
from blanktrap.files.storage import Storage, local_path, local_uri
from blanktrap.files.uri_lists import LIST_SUFFIXES, SCHEME, walk_uri_list

_NAMED = re.compile(r"([A-Za-z0-9][\w.-]*)=(.+)", re.DOTALL)
_PAGE = 1000
_MAX_EXAMPLE = 300


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """One file of a source."""

    uri: str
    relative: str
    """Path relative to the source, parts joined by "/"."""
    size_bytes: int | None
    """None where nobody has said: an object in a list."""
    etag: str | None = None
    """Which state of an object on S3 was listed; None where nobody has said."""


class LeftOut:
    """Counts what is left out, by reason, with a few examples. Nothing is dropped without passing here."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}

    def add(self, reason: str, example: str) -> None:
        self.counts[reason] += 1
        kept = self.examples.setdefault(reason, [])
        if len(kept) < 5:
            kept.append(example if len(example) <= _MAX_EXAMPLE else f"{example[:_MAX_EXAMPLE]}…")

    def add_many(self, reason: str, num: int) -> None:
        """Count several of which there is no example."""
        self.counts[reason] += num
        self.examples.setdefault(reason, [])


@dataclass(frozen=True, kw_only=True)
class Source:
    """One SOURCE argument."""

    location: str
    name: str | None
    """What `name=SOURCE` gave: the first part of its media ids."""
    is_list: bool


def parse_source(storage: Storage, text: str) -> Source:
    """Tell what one SOURCE argument is.

    Raises:
        UsageError: it is a file that is no list, or of a kind of storage that is not read.
        SourceError: there is nothing there, or it may not be looked at.
    """
    name, location = None, text
    named = _NAMED.fullmatch(text)
    if named and not os.path.lexists(text):
        name, location = named[1], named[2]
    scheme = SCHEME.match(location)
    if scheme and scheme[1] not in ("s3", "file"):
        raise UsageError(
            f"{location}: {scheme[1]}:// is not read; give a folder, s3://bucket/prefix or a list"
        )
    looks_listed = location.lower().endswith(LIST_SUFFIXES)
    if is_s3(location):
        return Source(location=location, name=name, is_list=looks_listed and storage.exists(location))
    path = local_path(location)
    if path.is_dir():
        return Source(location=location, name=name, is_list=False)
    if not path.exists():
        raise SourceError(f"there is no {location}")
    if not looks_listed:
        raise UsageError(
            f"{location} is a file: give its folder, or a list of URIs ({', '.join(LIST_SUFFIXES)})"
        )
    return Source(location=location, name=name, is_list=True)


def walk_source(storage: Storage, source: Source, left_out: LeftOut) -> Iterator[list[FoundFile]]:
    """Yield every file of a source, in pages, in no order. Raises SourceError, UsageError for a bad list."""
    if source.is_list:
        yield from _walk_list(storage, source.location)
    elif is_s3(source.location):
        yield from _walk_s3(storage, source.location, left_out)
    else:
        yield from _walk_folder(source.location, left_out)


def _walk_s3(storage: Storage, location: str, left_out: LeftOut) -> Iterator[list[FoundFile]]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    prefix = f"{key.rstrip('/')}/" if key.rstrip("/") else ""
    for page in list_s3(storage, location):
        files = []
        for item in page:
            if item.key.endswith("/"):
                left_out.add("folder marker", item.key)
                continue
            files.append(
                FoundFile(
                    uri=f"s3://{bucket}/{item.key}",
                    relative=item.key[len(prefix) :],
                    size_bytes=item.size_bytes,
                    etag=item.etag,
                )
            )
        yield files


def _walk_folder(location: str, left_out: LeftOut) -> Iterator[list[FoundFile]]:
    root = os.path.abspath(local_path(location))
    folders = [root]
    page: list[FoundFile] = []
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except PermissionError as problem:
            if folder == root:
                raise SourceError(f"no permission for {location}") from problem
            left_out.add("folder without permission", _relative(root, folder))
            continue
        except OSError as problem:
            raise SourceError(f"{_relative(root, folder)} in {location}: {problem.strerror}") from problem
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
                continue
            found = _found_locally(root, entry, left_out)
            if found is not None:
                page.append(found)
        if len(page) >= _PAGE:
            yield page
            page = []
    yield page


def _found_locally(root: str, entry: "os.DirEntry[str]", left_out: LeftOut) -> FoundFile | None:
    relative = _relative(root, entry.path)
    try:
        status = entry.stat()
    except OSError as problem:
        # A link to nothing, or in a circle.
        reason = "broken link" if entry.is_symlink() else f"unreadable entry ({problem.strerror})"
        left_out.add(reason, relative)
        return None
    if stat.S_ISDIR(status.st_mode):
        # Links to folders may lead round in circles, or name one file twice.
        left_out.add("link to a folder", relative)
        return None
    if not stat.S_ISREG(status.st_mode):
        left_out.add("not a regular file", relative)
        return None
    return FoundFile(uri=local_uri(Path(entry.path)), relative=relative, size_bytes=status.st_size)


def _relative(root: str, path: str) -> str:
    """The path below the root; percent-encoded as a whole where it is not UTF-8."""
    name = os.path.relpath(path, root)
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return quote_from_bytes(os.fsencode(name))
    return name


def _walk_list(storage: Storage, location: str) -> Iterator[list[FoundFile]]:
    entries = walk_uri_list(storage, location)
    while page := list(islice(entries, _PAGE)):
        yield [FoundFile(uri=uri, relative=relative, size_bytes=_size_of(uri)) for uri, relative in page]


def _size_of(uri: str) -> int | None:
    if is_s3(uri):
        return None
    try:
        return local_path(uri).stat().st_size
    except OSError:
        return None  # listed and not there: scoring gives it the status it deserves
