"""Joins among the files of one annotation set, on local disk and in bounded memory.

Owns: a database that lives while one set is read. Refuses: knowing any format.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from blanktrap.files.databases import temporary_database

_MEMORY_LIMIT = "512MB"
_BATCH_ROWS = 16_384


class JoinDatabase:
    """Tables that a reader fills row by row, joins, and reads back as a stream."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def load(self, name: str, columns: Mapping[str, pa.DataType], rows: Iterable[tuple[Any, ...]]) -> None:
        """Make table `name` of rows as they come. Names are the caller's own, never of a file."""
        schema = pa.schema(list(columns.items()))
        self._connection.register("incoming", schema.empty_table())
        self._connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
        # Batch by batch: an error in a row would reach us as DuckDB's own if it pulled the rows itself.
        for batch in _batches(schema, iter(rows)):
            self._connection.register("incoming", batch)
            self._connection.execute(f"INSERT INTO {name} SELECT * FROM incoming")
        self._connection.unregister("incoming")

    def execute(self, query: str) -> None:
        """Run a statement that gives nothing back."""
        self._connection.execute(query)

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, as a stream."""
        with self._connection.sql(query).to_arrow_reader(_BATCH_ROWS) as reader:
            for batch in reader:
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def number(self, query: str) -> int:
        """The single number that a query gives."""
        return int(self._connection.execute(query).fetchall()[0][0])


@contextlib.contextmanager
def join_database(folder: Path, where: str) -> Iterator[JoinDatabase]:
    """Open a database of its own for a block.

    Args:
        folder: a local folder with room for the tables.
        where: the annotation set, for messages.

    Raises:
        SourceError: the disk is full, or the tables do not fit.
    """
    with temporary_database(
        f"{where} could not be joined", memory=_MEMORY_LIMIT, within=folder
    ) as connection:
        yield JoinDatabase(connection)


def _batches(schema: pa.Schema, rows: Iterator[tuple[Any, ...]]) -> Iterator[pa.Table]:
    while some := list(islice(rows, _BATCH_ROWS)):
        arrays = [
            pa.array(values, field.type)
            for values, field in zip(zip(*some, strict=True), schema, strict=True)
        ]
        yield pa.table(arrays, schema=schema)
