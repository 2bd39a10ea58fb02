"""The journal of one separation: what is to be done, what was begun, what came of it.

Owns: the journal's form on disk and on S3, that a record is durable before the next step, and that two runs
do not write it at once. Refuses: knowing what the records mean; that is `history`.

The journal is the folder `_journal` under `--to`. It holds the plan, `plan-00000000.parquet` and so on, and
the records, which are only ever appended. On disk they are the lines of `journal.jsonl`: eight hexadecimal
digits of the CRC-32 of the rest, a space, a JSON object; a line is flushed to the disk before anything is
done that it announces. A last line that is torn, as after a power cut, was never relied on and is cut off. On
S3 each record is an object of its own, `record-00000000.json` and so on, in which a number is taken by one
writer only.
"""

import errno
import fcntl
import json
import os
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError, ClientError

from blanktrap.core.errors import SeparationError
from blanktrap.files.local import STAGING_PREFIX, raise_local
from blanktrap.files.parquet import read_parquet
from blanktrap.files.s3 import ObjectMissingError, error_code, is_s3, raise_s3, s3_client, split_s3
from blanktrap.files.storage import Storage, join, local_path

FOLDER = "_journal"

_LINES = "journal.jsonl"
_BUSY = "another `blanktrap separate` is at work there: wait for it, or end it"

Record = dict[str, Any]


class Journal(Protocol):
    """Records that are appended, and the parts of a plan."""

    to: str
    """The `--to` it is the journal of."""
    made_root: bool
    """Whether the folder `--to` was not there before."""

    def records(self) -> Iterator[Record]:
        """The records so far, in order. Raises SeparationError where one is damaged."""
        ...

    def append(self, record: Record) -> None:
        """Add a record; it is durable when this returns. Raises SourceError."""
        ...

    def write_part(self, number: int, table: pa.Table) -> None:
        """Write a part of the plan, whole or not at all."""
        ...

    def read_part(self, number: int) -> pa.Table:
        """Read a part of the plan. Raises SeparationError where it is damaged or gone."""
        ...

    def remove(self) -> None:
        """Remove the journal: the records last."""
        ...

    def close(self) -> None:
        """Let another run write it."""
        ...


def open_journal(storage: Storage, to: str, *, create: bool) -> Journal | None:
    """Open the journal of a `--to` for this run alone.

    Args:
        storage: the door to the bytes.
        to: a folder, local or S3.
        create: make a journal where there is none; the place must then be empty.

    Returns:
        None where there is none and none was made.

    Raises:
        SeparationError: another run is at work there, the place is a file or holds something else, or the
            journal is damaged.
        SourceError: it cannot be read or written.
    """
    return _open_s3(storage, to, create=create) if is_s3(to) else _open_local(storage, to, create=create)


class _Parts:
    """The parts of the plan, which are files of the journal's folder."""

    def __init__(self, storage: Storage, to: str) -> None:
        self.to = to
        self.made_root = False
        self._storage = storage

    def _part_uri(self, number: int) -> str:
        return join(self.to, FOLDER, f"plan-{number:08d}.parquet")

    def write_part(self, number: int, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        self._storage.write_bytes(self._part_uri(number), sink.getvalue().to_pybytes())

    def read_part(self, number: int) -> pa.Table:
        uri = self._part_uri(number)
        try:
            return read_parquet(self._storage.read_bytes(uri))
        except (ObjectMissingError, pa.ArrowInvalid, OSError) as problem:
            raise SeparationError(
                f"{uri} is damaged or gone, and what was done cannot be told without it: restore it from a "
                "backup"
            ) from problem

    def _remove_parts(self) -> None:
        for entry in self._storage.list_folder(join(self.to, FOLDER)):
            if entry.relative.startswith("plan-"):
                self._storage.delete(entry.uri)


def _damaged(where: str, number: int) -> SeparationError:
    return SeparationError(
        f"{where} is damaged at record {number:,}: restore it from a backup; nothing was changed"
    )


# On disk


class LocalJournal(_Parts):
    """A journal on disk, locked while it is open."""

    def __init__(self, storage: Storage, to: str, file: int) -> None:
        super().__init__(storage, to)
        self._file = file
        self._path = str(local_path(to) / FOLDER / _LINES)

    def records(self) -> Iterator[Record]:
        """The records; a torn last line is cut off first."""
        whole = 0
        with open(self._path, "rb") as lines:
            for number, line in enumerate(lines):
                record = _record_of(line)
                if record is None:
                    if lines.read(1):
                        raise _damaged(self._path, number)
                    os.ftruncate(self._file, whole)
                    os.fsync(self._file)
                    return
                whole += len(line)
                yield record

    def append(self, record: Record) -> None:
        body = json.dumps(record, separators=(",", ":")).encode()
        line = b"%08x %b\n" % (zlib.crc32(body), body)
        try:
            while line:
                line = line[os.write(self._file, line) :]
            os.fsync(self._file)
        except OSError as problem:
            raise_local(self._path, problem)

    def remove(self) -> None:
        folder = local_path(self.to) / FOLDER
        self._remove_parts()
        try:
            (folder / _LINES).unlink(missing_ok=True)
            folder.rmdir()
        except OSError as problem:
            if problem.errno != errno.ENOTEMPTY:
                raise_local(str(folder), problem)

    def close(self) -> None:
        os.close(self._file)


def _record_of(line: bytes) -> Record | None:
    """What a line holds; None where it is torn."""
    digits, _, body = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or digits != b"%08x" % zlib.crc32(body):
        return None
    record: Record = json.loads(body)
    return record


def _open_local(storage: Storage, to: str, *, create: bool) -> LocalJournal | None:
    root = local_path(to)
    folder = root / FOLDER
    made_root = not os.path.lexists(root)
    try:
        if root.exists() and not root.is_dir():
            raise SeparationError(f"{to} is a file: give --to a folder; nothing was changed")
        if not os.path.lexists(folder):
            if not create:
                return None
            _refuse_content(to, sorted(os.listdir(root))[:1] if root.exists() else [])
            folder.mkdir(parents=True)
            sync_folder(root.parent)
            sync_folder(root)
        elif folder.is_symlink() or not folder.is_dir():
            raise SeparationError(f"{folder} is no folder of blanktrap's: give --to a new or empty folder")
        if not (folder / _LINES).exists():
            # The rest of a journal that was being removed, or made, when its run was killed.
            _remove_staged(folder)
            _refuse_content(str(folder), sorted(os.listdir(folder))[:1])
            if not create:
                folder.rmdir()
                return None
        file = os.open(folder / _LINES, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        sync_folder(folder)
    except (OSError, ValueError) as problem:
        if isinstance(problem, SeparationError):
            raise
        raise_local(to, problem)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        os.close(file)
        raise SeparationError(f"{to}: {_BUSY}") from problem
    except OSError:
        pass  # a network disk without locks
    _remove_staged(folder)  # of a run that was killed: the lock says that nobody is at work
    journal = LocalJournal(storage, to, file)
    journal.made_root = made_root
    return journal


def _remove_staged(folder: Path) -> None:
    for path in folder.glob(f"{STAGING_PREFIX}*"):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path | int) -> None:
    """Wait until the names in a folder are on the disk. Raises OSError."""
    if isinstance(folder, int):
        os.fsync(folder)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_content(to: str, names: list[str]) -> None:
    if names:
        raise SeparationError(
            f"{to} is not empty (it has {names[0]}): give --to a new or empty folder; nothing was changed"
        )


# On S3


class S3Journal(_Parts):
    """A journal of objects."""

    def __init__(self, storage: Storage, to: str) -> None:
        super().__init__(storage, to)
        self._num: int | None = None
        self._writer = uuid.uuid4().hex

    def _uri(self, number: int) -> str:
        return join(self.to, FOLDER, f"record-{number:08d}.json")

    def records(self) -> Iterator[Record]:
        numbers = sorted(
            int(entry.relative[7:-5])
            for entry in self._storage.list_folder(join(self.to, FOLDER))
            if entry.relative.startswith("record-") and entry.relative[7:-5].isdecimal()
        )
        if numbers and numbers[0] > 0:
            self.remove()
            numbers = []
        if numbers != list(range(len(numbers))):
            gap = next(place for place, number in enumerate(numbers) if place != number)
            raise _damaged(join(self.to, FOLDER), gap)
        for number in numbers:
            try:
                yield json.loads(self._storage.read_bytes(self._uri(number)))
            except ValueError as problem:
                raise _damaged(self._uri(number), number) from problem
        self._num = len(numbers)

    def append(self, record: Record) -> None:
        if self._num is None:
            self._num = sum(1 for _ in self.records())
        uri = self._uri(self._num)
        bucket, key = split_s3(uri)
        body = json.dumps({**record, "writer": self._writer}, separators=(",", ":")).encode()
        try:
            s3_client(False).put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        except (ClientError, BotoCoreError) as problem:
            # The answer to a write that arrived may be lost, and the client then writes once more.
            if error_code(problem) in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
                if self._storage.read_bytes(uri) != body:
                    raise SeparationError(f"{self.to}: {_BUSY}") from problem
            else:
                raise_s3(uri, problem)
        self._num += 1

    def remove(self) -> None:
        self._remove_parts()
        # The first record first: a journal without it is on its way out.
        entries = self._storage.list_folder(join(self.to, FOLDER))
        for entry in sorted(entries, key=lambda entry: entry.relative):
            if entry.relative.startswith("record-"):
                self._storage.delete(entry.uri)
        self._num = None

    def close(self) -> None:
        """Nothing is held."""


def _open_s3(storage: Storage, to: str, *, create: bool) -> S3Journal | None:
    bucket, key = split_s3(to)
    prefix = f"{key.rstrip('/')}/" if key.rstrip("/") else ""
    try:
        found = s3_client(False).list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        journal = s3_client(False).list_objects_v2(Bucket=bucket, Prefix=f"{prefix}{FOLDER}/", MaxKeys=1)
    except (ClientError, BotoCoreError) as problem:
        raise_s3(to, problem)
    if not journal.get("Contents"):
        if not create:
            return None
        _refuse_content(to, [item["Key"].removeprefix(prefix) for item in found.get("Contents", [])])
    return S3Journal(storage, to)
