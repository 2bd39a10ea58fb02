"""What one person decides in one sitting of a review, kept from the moment it is said.

Owns: the file of a sitting, writing each decision to it at once, and reading all sittings of a queue.
Refuses: choosing what to look at, and what several answers come to; that is `core.audits.review`.

Beside a queue stands a folder `answers` with a file for each sitting, `ana-20240531T080000-1f9c2e.jsonl`: a
header, then a line for each decision, which says who and when. Nothing is ever changed or removed: who takes
a decision back adds a line that says so. Nobody else writes to the file, so people need not wait for each
other. A line is JSON in ASCII: one that was cut off by a crash can be told from a whole one wherever it was
cut, and is no decision. On S3, which cannot append, a sitting is some objects of up to 100 lines, and a
decision is one PUT of the last one.
"""

import json
import os
import re
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from blanktrap.core.audits.review import UNSURE, WITHDRAWN, Answer, BadAnswerError, parse_answer
from blanktrap.core.errors import ReviewError
from blanktrap.files.local import raise_local
from blanktrap.files.s3 import is_s3
from blanktrap.files.storage import FileEntry, Storage, join, local_path

FOLDER = "answers"
SUFFIX = "jsonl"
DECISIONS_VERSION = 1
HEADER_KEY = "decisions_version"

_HEAD = f'{{"{HEADER_KEY}": '.encode()
_LINES_AN_OBJECT = 100
_MOST_NAME = 80
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")
_STEP = timedelta(milliseconds=1)


def answers_of_queue(location: str) -> str:
    """The folder of the answers to a queue, such as `--answers` and `--annotations` take it."""
    return join(location, FOLDER)


def check_person(name: str) -> str:
    """A person's name as it is written down: composed, and without space around it.

    Raises:
        ReviewError: it is empty, long, or no single line.
    """
    plain = unicodedata.normalize("NFC", " ".join(name.split()))
    if not plain or len(plain) > _MOST_NAME or not plain.isprintable():
        raise ReviewError(f"a name has 1 to {_MOST_NAME} characters: write who is looking, such as Ana")
    return plain


class DecisionLog:
    """The file of one sitting; made with the first decision. Thread-safe."""

    def __init__(
        self,
        storage: Storage,
        queue_location: str,
        person: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin a sitting; writes nothing yet.

        Args:
            storage: the door to the bytes.
            queue_location: the review queue, local or on S3.
            person: who decides.
            now: the clock, in UTC.

        Raises:
            ReviewError: the name is none.
        """
        self.person = check_person(person)
        self._storage, self._queue, self._now = storage, queue_location, now
        plain = _NOT_PLAIN.sub("-", self.person.casefold()).strip("-")[:30] or "person"
        self._sitting = f"{plain}-{now():%Y%m%dT%H%M%S}"
        self._stem = self._new_stem()
        self._last = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()
        # On S3: the lines of the last object, and its number.
        self._lines: list[bytes] = []
        self._object = 0
        # On disk: whether the file is there, and whether its last line may be cut off.
        self._is_begun = self._is_torn = False

    def decide(self, answer: Answer) -> Answer:
        """Write a decision; when this returns it is on the disk, or in the bucket.

        Args:
            answer: what is said of which media; whose it is and when are the log's to say.

        Returns:
            The decision as it was written.

        Raises:
            ReviewError: it contradicts itself, such as blank with a species.
            SourceError: it could not be written, and does not count.
        """
        with self._lock:
            # Cut to milliseconds as they are read, and never twice the same: the latest of a person counts.
            now = self._now()
            said_at = max(now.replace(microsecond=now.microsecond // 1000 * 1000), self._last + _STEP)
            record = {
                "media_id": answer.media_id,
                "label": _label_text(answer),
                "species": list(answer.species),
                "position": answer.position,
                "circumstances": list(answer.circumstances),
                "labelled_by": self.person,
                "labelled_at": said_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            }
            try:
                said = parse_answer(_row_of(record))
            except BadAnswerError as problem:
                raise ReviewError(f"{answer.media_id} {problem}") from problem
            assert said is not None
            self._write(json.dumps(record).encode() + b"\n")
            self._last = said_at
        return said

    def withdraw(self, media_id: str) -> Answer:
        """Take back what was said of a media. As `decide`."""
        return self.decide(Answer(media_id=media_id, label=None, is_withdrawn=True))

    def _write(self, line: bytes) -> None:
        header = json.dumps({HEADER_KEY: DECISIONS_VERSION, "queue": self._queue}).encode() + b"\n"
        if is_s3(self._queue):
            if len(self._lines) >= _LINES_AN_OBJECT:
                self._lines, self._object = [], self._object + 1
            lines = [*self._lines, line]
            name = f"{self._stem}-{self._object:04d}.{SUFFIX}"
            self._storage.write_bytes(join(answers_of_queue(self._queue), name), b"".join([header, *lines]))
            self._lines = lines
            return
        path = local_path(answers_of_queue(self._queue)) / f"{self._stem}.{SUFFIX}"
        before = header if not self._is_begun else b"\n" if self._is_torn else b""
        try:
            self._append(path, before + line)
        except OSError as problem:
            if self._is_begun:
                self._is_torn = True
            else:
                self._stem = self._new_stem()  # a file whose header is cut off is nobody's
            raise_local(str(path), problem)
        self._is_begun, self._is_torn = True, False

    def _append(self, path: Path, data: bytes) -> None:
        if not self._is_begun:
            path.parent.mkdir(exist_ok=True)
        new = 0 if self._is_begun else os.O_CREAT | os.O_EXCL
        file = os.open(path, os.O_WRONLY | os.O_APPEND | new, 0o666)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
        finally:
            os.close(file)
        if not self._is_begun:
            _sync_folder(path.parent)
            _sync_folder(path.parent.parent)

    def _new_stem(self) -> str:
        return f"{self._sitting}-{secrets.token_hex(3)}"


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """All that was decided of a queue."""

    answers: tuple[Answer, ...]
    """Every decision, those taken back included."""
    num_files: int
    num_cut_off: int
    """Lines that a crash cut off, or that are damaged: no decisions."""


def read_decisions(storage: Storage, queue_location: str) -> Decisions:
    """Read the sittings of everybody; there may be none.

    Raises:
        ReviewError: a file is of another version.
        SourceError: one cannot be read.
    """
    answers: list[Answer] = []
    files = list_decisions(storage, queue_location)
    num_cut_off = 0
    for entry in files:
        for said in iter_decisions(storage.read_bytes(entry.uri), entry.uri):
            if said is None:
                num_cut_off += 1
            else:
                answers.append(said)
    return Decisions(answers=tuple(answers), num_files=len(files), num_cut_off=num_cut_off)


def list_decisions(storage: Storage, queue_location: str) -> list[FileEntry]:
    """The files of all sittings; those that grow since are seen by their size. Raises SourceError."""
    entries = storage.list_folder(answers_of_queue(queue_location))
    return [entry for entry in entries if entry.relative.endswith(f".{SUFFIX}")]


def is_decision_log(head: bytes) -> bool:
    """Whether a file's first bytes are those of a sitting."""
    return head.startswith(_HEAD)


def iter_decisions(data: bytes, where: str) -> Iterator[Answer | None]:
    """The decisions of a file in the order in which they were said; None for a line that is none.

    Args:
        data: the whole file.
        where: its name, for the message.

    Raises:
        ReviewError: it is of another version.
    """
    lines = data.split(b"\n")
    for number, line in enumerate(lines):
        if not line:
            continue
        try:
            record = json.loads(line)
        except ValueError:
            yield None
            continue
        if isinstance(record, dict) and HEADER_KEY in record:
            if record[HEADER_KEY] != DECISIONS_VERSION:
                raise ReviewError(
                    f"{where} has version {record[HEADER_KEY]} of decisions, this blanktrap reads "
                    f"{DECISIONS_VERSION}: use the blanktrap that wrote it"
                )
            continue
        try:
            # A line without its end may lack more than that: it was not acknowledged to anybody.
            is_whole = number + 1 < len(lines)
            yield parse_answer(_row_of(record)) if is_whole else None
        except (BadAnswerError, TypeError, KeyError, AttributeError):
            yield None


def _label_text(answer: Answer) -> str:
    if answer.is_withdrawn:
        return WITHDRAWN
    return answer.label.value if answer.label is not None else UNSURE


def _row_of(record: dict[str, Any]) -> dict[str, str]:
    """A decision as a row of a table of answers."""
    several = ("species", "circumstances")
    row = {name: str(value or "") for name, value in record.items() if name not in several}
    return row | {name: "|".join(record.get(name) or ()) for name in several}


def _sync_folder(folder: Path) -> None:
    """Wait until a new name in a folder is on the disk; some systems cannot, and say so."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError:
        pass
    finally:
        os.close(file)
