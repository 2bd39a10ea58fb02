"""The manifest: which media there are, in the order in which they are scored.

Owns: what a manifest's folder holds, opening it, and reading any span of rows. Refuses: writing; that is
`manifest_writer`.

A manifest is a folder: `_unfinished.json` (there only while it is written), `part-00000.parquet` … of
16,384 rows, one row group each, and `_manifest.json`, written last. A folder of Parquet files or a single
file from another program is read too, if its columns are the manifest's.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import ManifestError
from blanktrap.core.schemas import MANIFEST_SCHEMA, MANIFEST_VERSION, conform_manifest
from blanktrap.core.vocabulary import SplitBy
from blanktrap.files.parquet import read_parquet
from blanktrap.files.s3 import ObjectMissingError, is_s3, one_line
from blanktrap.files.storage import FileEntry, Storage, join, local_path

ROWS_PER_PART = 16_384
_HASH_STEP_BYTES = 8 * 1024 * 1024
RECORD = "_manifest.json"
UNFINISHED = "_unfinished.json"
SELECTION = "selection.json"
NEAR_DUPLICATES = "near_duplicates.csv"
COMPANIONS = (SELECTION, NEAR_DUPLICATES)
"""What `blanktrap select` writes beside a manifest; it goes when the manifest is replaced."""


@dataclass(frozen=True, kw_only=True)
class ManifestPart:
    """One Parquet file of a manifest."""

    uri: str
    num_media: int
    size_bytes: int
    sha256: str
    """Hexadecimal digest of the file's bytes."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A manifest that can be read. Small and picklable: it holds the parts' names, no rows."""

    location: str
    num_media: int
    digest: str
    """`sha256:` over the parts' own digests: the same rows give the same digest, whenever written."""
    parts: tuple[ManifestPart, ...]
    is_own: bool
    """Written by blanktrap: parts are small and read whole, and their bytes are checked."""
    split_by: SplitBy = SplitBy.LOCATION
    """What its splits keep whole: a leak is judged by it."""

    def read_rows(self, storage: Storage, start: int, stop: int) -> pa.Table:
        """Read rows [start, stop) in manifest order, from the parts that hold them and no others.

        Raises:
            ManifestError: the span is outside the manifest, or a part changed since it was opened.
            SourceError: a part cannot be read.
        """
        if not 0 <= start <= stop <= self.num_media:
            raise ManifestError(
                f"{self.location} has rows 0 to {self.num_media}, asked for {start} to {stop}"
            )
        ends = list(accumulate(part.num_media for part in self.parts))
        tables = [MANIFEST_SCHEMA.empty_table()]
        index = bisect_right(ends, start)
        while start < stop:
            part, begin = self.parts[index], ends[index] - self.parts[index].num_media
            until = min(stop, ends[index])
            tables += self._slices(storage, part, start - begin, until - begin)
            start, index = until, index + 1
        try:
            return pa.concat_tables(tables[1:] or tables, promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
            raise ManifestError(
                f"{self.location}: an extra column changes its type from part to part ({one_line(problem)})"
            ) from problem

    def window(self, start: int, stop: int) -> tuple["Manifest", int]:
        """The manifest reduced to the parts that hold rows [start, stop), and the rows before them.

        What is sent with one task then does not grow with the archive: row `i` of this manifest is row
        `i - offset` of the window. The digest stays that of the whole.
        """
        ends = list(accumulate(part.num_media for part in self.parts))
        first, last = bisect_right(ends, start), bisect_right(ends, stop - 1)
        parts = self.parts[first : last + 1]
        offset = ends[first] - self.parts[first].num_media
        num_media = sum(part.num_media for part in parts)
        return replace(self, parts=parts, num_media=num_media), offset

    def iter_tables(self, storage: Storage) -> Iterator[pa.Table]:
        """Yield all rows in manifest order, at most 16,384 in a table. Errors as `read_rows`."""
        for part in self.parts:
            yield from self._slices(storage, part, 0, part.num_media)

    def _slices(self, storage: Storage, part: ManifestPart, start: int, stop: int) -> Iterator[pa.Table]:
        """Rows [start, stop) of one part, in tables."""
        if self.is_own:
            yield _read_own_part(storage, part).slice(start, stop - start)
            return
        try:
            with storage.open_random(part.uri) as source:
                file = pq.ParquetFile(source)
                groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
                ends = list(accumulate(groups))
                wanted = [
                    index
                    for index, end in enumerate(ends)
                    if groups[index] and end > start and end - groups[index] < stop
                ]
                position = ends[wanted[0]] - groups[wanted[0]] if wanted else stop
                for batch in file.iter_batches(ROWS_PER_PART, row_groups=wanted):
                    first, last = max(start - position, 0), min(stop - position, batch.num_rows)
                    position += batch.num_rows
                    if first < last:
                        table = pa.Table.from_batches([batch.slice(first, last - first)])
                        yield conform_manifest(table, where=part.uri)
                    if position >= stop:
                        break
        except pa.ArrowException as problem:
            raise ManifestError(f"{part.uri} is damaged ({problem}): make the manifest again") from problem


def _read_own_part(storage: Storage, part: ManifestPart) -> pa.Table:
    try:
        data = storage.read_bytes(part.uri)
    except ObjectMissingError as problem:
        raise ManifestError(f"{part.uri} is gone: index again into a new folder") from problem
    if hashlib.sha256(data).hexdigest() != part.sha256:
        raise ManifestError(
            f"{part.uri} is damaged or was changed: its bytes are not those that {RECORD} lists; index again"
        )
    return conform_manifest(read_parquet(data), where=part.uri)


def digest_of(parts: tuple[ManifestPart, ...]) -> str:
    """The digest of a manifest: SHA-256 over its parts' SHA-256, in order."""
    return "sha256:" + hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest()


def open_manifest(storage: Storage, location: str) -> Manifest:
    """Open a manifest: blanktrap's own, a folder of Parquet files, or one Parquet file.

    Raises:
        ManifestError: there is none, it is empty, unfinished, damaged, of another schema version, lacks
            columns, or is something else.
        SourceError: it may not be read.
    """
    if location.endswith(".parquet") and storage.exists(location):
        manifest = _open_plain(storage, location, [_entry_of(storage, location)])
    else:
        manifest = _open_folder(storage, location)
    if manifest.num_media == 0:
        raise ManifestError(f"{location} has no media: index a source that has images")
    return manifest


def _entry_of(storage: Storage, location: str) -> FileEntry:
    """One file, as the folder's listing gives it."""
    if is_s3(location):
        folder, _, name = location.rpartition("/")
    else:
        path = local_path(location)
        folder, name = str(path.parent), path.name
    for entry in storage.list_folder(folder):
        if entry.relative == name:
            return entry
    raise ManifestError(f"{location} went away while it was opened: try again")


def _open_folder(storage: Storage, location: str) -> Manifest:
    try:
        entries = {entry.relative: entry for entry in storage.list_folder(location)}
    except ObjectMissingError as problem:
        raise ManifestError(f"{location} is a file: give the folder that blanktrap index wrote") from problem
    if RECORD in entries:
        return _open_own(storage, location, entries)
    if UNFINISHED in entries:
        raise ManifestError(f"{location} is unfinished: its index run was stopped; run it again")
    others = {"run.json": "a scores dataset", "model.json": "a model", "report.json": "a report"}
    for name, what in others.items():
        if name in entries:
            raise ManifestError(f"{location} is {what}, not a manifest: give the folder that index wrote")
    files = [entry for name, entry in entries.items() if name.endswith(".parquet")]
    if not files:
        found = "is empty or absent" if not entries else f"holds no Parquet file (it has {min(entries)})"
        raise ManifestError(f"there is no manifest at {location}: it {found}; make one with blanktrap index")
    return _open_plain(storage, location, files)


def _open_own(storage: Storage, location: str, entries: dict[str, FileEntry]) -> Manifest:
    uri = join(location, RECORD)
    try:
        record = json.loads(storage.read_bytes(uri))
        version = record["schema_version"]
        if version != MANIFEST_VERSION:
            raise ManifestError(
                f"{uri} has schema version {version}, this blanktrap reads {MANIFEST_VERSION}: index again"
            )
        parts = tuple(
            ManifestPart(
                uri=join(location, part["name"]),
                num_media=int(part["num_media"]),
                size_bytes=int(part["size_bytes"]),
                sha256=str(part["sha256"]),
            )
            for part in record["parts"]
        )
        num_media, digest = int(record["num_media"]), str(record["digest"])
        split_by = SplitBy(record.get("split_by", SplitBy.LOCATION))
    except ManifestError:
        raise
    except (ValueError, KeyError, TypeError) as problem:
        raise ManifestError(f"{uri} is damaged ({problem!r}): index again") from problem
    for part in parts:
        name = part.uri.rpartition("/")[2]
        if name not in entries:
            raise ManifestError(f"{location} is damaged: {name} is missing; index again")
        if entries[name].size_bytes != part.size_bytes:
            raise ManifestError(
                f"{location} is damaged: {name} has {entries[name].size_bytes:,} bytes, "
                f"{RECORD} says {part.size_bytes:,}; index again"
            )
    if sum(part.num_media for part in parts) != num_media or digest != digest_of(parts):
        raise ManifestError(f"{uri} is damaged: its parts do not add up to {num_media:,}; index again")
    return Manifest(
        location=location, num_media=num_media, digest=digest, parts=parts, is_own=True, split_by=split_by
    )


def _open_plain(storage: Storage, location: str, entries: list[FileEntry]) -> Manifest:
    parts = []
    for entry in entries:
        try:
            with storage.open_random(entry.uri) as source:
                file = pq.ParquetFile(source)
                num_media, schema = file.metadata.num_rows, file.schema_arrow
        except pa.ArrowException as problem:
            raise ManifestError(f"{entry.uri} is no Parquet file that can be read ({problem})") from problem
        conform_manifest(schema.empty_table(), where=entry.uri)
        parts.append(
            ManifestPart(
                uri=entry.uri,
                num_media=num_media,
                size_bytes=entry.size_bytes,
                sha256=_hash_file(storage, entry),
            )
        )
    total = sum(part.num_media for part in parts)
    return Manifest(
        location=location, num_media=total, digest=digest_of(tuple(parts)), parts=tuple(parts), is_own=False
    )


def _hash_file(storage: Storage, entry: FileEntry) -> str:
    digest = hashlib.sha256()
    for start in range(0, entry.size_bytes, _HASH_STEP_BYTES):
        digest.update(storage.read_range(entry.uri, start, _HASH_STEP_BYTES))
    return digest.hexdigest()
