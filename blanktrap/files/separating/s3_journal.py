"""The journal of a separation on S3, where nothing can be appended.

Owns: its records, `record-00000000.json` and so on, an object each: a number is taken by one writer only.
Refuses: knowing what they mean.
"""

import json
import uuid
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from blanktrap.core.errors import SeparationError
from blanktrap.files.s3 import error_code, raise_s3, s3_client, split_s3
from blanktrap.files.separating.journal_parts import (
    BUSY,
    FOLDER,
    JournalParts,
    Record,
    damaged,
    refuse_content,
)
from blanktrap.files.storage import Storage, join


class S3Journal(JournalParts):
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
            for entry in self.storage.list_folder(join(self.to, FOLDER))
            if entry.relative.startswith("record-") and entry.relative[7:-5].isdecimal()
        )
        if numbers and numbers[0] > 0:
            self.remove()
            numbers = []
        if numbers != list(range(len(numbers))):
            gap = next(place for place, number in enumerate(numbers) if place != number)
            raise damaged(join(self.to, FOLDER), gap)
        for number in numbers:
            try:
                yield json.loads(self.storage.read_bytes(self._uri(number)))
            except ValueError as problem:
                raise damaged(self._uri(number), number) from problem
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
                if self.storage.read_bytes(uri) != body:
                    raise SeparationError(f"{self.to}: {BUSY}") from problem
            else:
                raise_s3(uri, problem)
        self._num += 1

    def remove(self) -> None:
        self.remove_parts()
        # The first record first: a journal without it is on its way out.
        entries = self.storage.list_folder(join(self.to, FOLDER))
        for entry in sorted(entries, key=lambda entry: entry.relative):
            if entry.relative.startswith("record-"):
                self.storage.delete(entry.uri)
        self._num = None

    def close(self) -> None:
        """Nothing is held."""


def open_s3(storage: Storage, to: str, *, create: bool) -> S3Journal | None:
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
        refuse_content(to, [item["Key"].removeprefix(prefix) for item in found.get("Contents", [])])
    return S3Journal(storage, to)
