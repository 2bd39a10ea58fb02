"""The temporary database behind a join or a sort that may be larger than memory.

Owns: how one is opened (its memory, where it spills, that it fetches nothing from anywhere) and how it fails
in one line. Refuses: queries; those stand where they are asked.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from blanktrap.core.errors import SourceError
from blanktrap.files.s3 import one_line


@contextlib.contextmanager
def temporary_database(
    doing: str, *, memory: str, within: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database for a block; its files go when the block ends.

    Args:
        doing: what fails if it fails, such as `the index could not be joined`.
        memory: the most it may hold, such as `512MB`; the process as a whole needs a few hundred MiB more.
        within: a local folder with room; None takes TMPDIR.

    Raises:
        SourceError: the database cannot go on, such as on a full disk.
    """
    with tempfile.TemporaryDirectory(prefix="blanktrap-database-", dir=within) as name:
        folder = Path(name)
        try:
            connection = duckdb.connect(
                str(folder / "tables.duckdb"),
                config={
                    "memory_limit": memory,
                    "temp_directory": str(folder / "spill"),
                    "preserve_insertion_order": False,
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                    "allow_community_extensions": False,
                },
            )
            with connection:
                yield connection
        except duckdb.Error as problem:
            raise SourceError(
                f"{doing} in {folder.parent} ({one_line(problem)[:300]}); "
                f"TMPDIR chooses another folder with more room"
            ) from problem
