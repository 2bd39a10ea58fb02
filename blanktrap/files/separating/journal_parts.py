"""What journals on disk and on S3 have in common.

Owns: the parts of the plan, and the words for a journal that is damaged, at work or not ours. Refuses:
records.
"""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import SeparationError
from blanktrap.files.parquet import read_parquet
from blanktrap.files.s3 import ObjectMissingError
from blanktrap.files.storage import Storage, join

FOLDER = "_journal"
BUSY = "another `blanktrap separate` is at work there: wait for it, or end it"

Record = dict[str, Any]


class JournalParts:
    """The parts of the plan, which are files of the journal's folder."""

    def __init__(self, storage: Storage, to: str) -> None:
        self.to = to
        self.made_root = 0
        self.storage = storage

    def _part_uri(self, number: int) -> str:
        return join(self.to, FOLDER, f"plan-{number:08d}.parquet")

    def write_part(self, number: int, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        self.storage.write_bytes(self._part_uri(number), sink.getvalue().to_pybytes())

    def read_part(self, number: int) -> pa.Table:
        uri = self._part_uri(number)
        try:
            return read_parquet(self.storage.read_bytes(uri))
        except (ObjectMissingError, pa.ArrowInvalid, OSError) as problem:
            raise SeparationError(
                f"{uri} is damaged or gone, and what was done cannot be told without it: restore it from a "
                "backup"
            ) from problem

    def remove_parts(self) -> None:
        for entry in self.storage.list_folder(join(self.to, FOLDER)):
            if entry.relative.startswith("plan-"):
                self.storage.delete(entry.uri)


def damaged(where: str, number: int) -> SeparationError:
    return SeparationError(
        f"{where} is damaged at record {number:,}: restore it from a backup; nothing was changed"
    )


def refuse_content(to: str, names: list[str]) -> None:
    if names:
        raise SeparationError(
            f"{to} is not empty (it has {names[0]}): give --to a new or empty folder; nothing was changed"
        )
