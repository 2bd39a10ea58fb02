"""The journal of a separation on disk.

Owns: its records, the lines of `journal.jsonl`: eight hexadecimal digits of the CRC-32 of the rest, a space,
a JSON object. A line is flushed to the disk before anything is done that it announces. A last line that is
torn, as after a power cut, was never relied on and is cut off. A lock keeps a second run away. Refuses:
knowing what the records mean.
"""

import errno
import fcntl
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from blanktrap.core.errors import SeparationError
from blanktrap.files.local import STAGING_PREFIX, raise_local
from blanktrap.files.separating.journal_parts import (
    BUSY,
    FOLDER,
    JournalParts,
    Record,
    damaged,
    refuse_content,
)
from blanktrap.files.storage import Storage, local_path

_LINES = "journal.jsonl"


class LocalJournal(JournalParts):
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
                        raise damaged(self._path, number)
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
        self.remove_parts()
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


def open_local(storage: Storage, to: str, *, create: bool) -> LocalJournal | None:
    root = local_path(to)
    folder = root / FOLDER
    above = root.absolute().parents
    made_root = sum(not os.path.lexists(one) for one in (root, *above))
    try:
        if root.exists() and not root.is_dir():
            raise SeparationError(f"{to} is a file: give --to a folder; nothing was changed")
        if not os.path.lexists(folder):
            if not create:
                return None
            refuse_content(to, sorted(os.listdir(root))[:1] if root.exists() else [])
            folder.mkdir(parents=True)
            sync_folder(root.parent)
            sync_folder(root)
        elif folder.is_symlink() or not folder.is_dir():
            raise SeparationError(f"{folder} is no folder of blanktrap's: give --to a new or empty folder")
        if not (folder / _LINES).exists():
            # The rest of a journal that was being removed, or made, when its run was killed.
            _remove_staged(folder)
            refuse_content(str(folder), sorted(os.listdir(folder))[:1])
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
        raise SeparationError(f"{to}: {BUSY}") from problem
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
