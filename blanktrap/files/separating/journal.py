"""The journal of one separation: what is to be done, what was begun, what came of it.

Owns: what any journal does, and which kind a place has. Refuses: the form on disk (`local_journal`) and on S3
(`s3_journal`), and knowing what the records mean; that is `history`.

The journal is the folder `_journal` under `--to`. It holds the plan, `plan-00000000.parquet` and so on, and
the records, which are only ever appended. A record is durable before the next step, and two runs do not write
one journal at once.
"""

from collections.abc import Iterator
from typing import Protocol

import pyarrow as pa

from blanktrap.files.s3 import is_s3
from blanktrap.files.separating.journal_parts import FOLDER, Record
from blanktrap.files.separating.local_journal import open_local
from blanktrap.files.separating.s3_journal import open_s3
from blanktrap.files.storage import Storage

__all__ = ["FOLDER", "Journal", "Record", "open_journal"]


class Journal(Protocol):
    """Records that are appended, and the parts of a plan."""

    to: str
    """The `--to` it is the journal of."""
    made_root: int
    """How many folders were made for it: `--to` and those above it that were not there before."""

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
    return open_s3(storage, to, create=create) if is_s3(to) else open_local(storage, to, create=create)
