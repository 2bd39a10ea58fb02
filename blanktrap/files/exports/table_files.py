"""Tables that are written as a stream: CSV, CSV packed with gzip, or Parquet.

Owns: how each type of column is spelt in CSV. Refuses: choosing columns, and names that a spreadsheet would
run; those are guarded before.

Numbers and yes or no stand bare, texts in quotes, nothing for null. Times are `2013-06-05 05:44:19`, lists
are joined by `|`.
"""

import gzip
from typing import IO, Any, Literal, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from blanktrap.core.errors import ScoresError

TableKind = Literal["csv", "gzip", "parquet"]
SUFFIXES: dict[TableKind, str] = {"csv": ".csv", "gzip": ".csv.gz", "parquet": ".parquet"}
BETWEEN_TEXTS = "|"
"""What stands between the texts of a list that becomes one cell."""


class TableFile:
    """One table that grows."""

    def __init__(self, file: IO[bytes], kind: TableKind, schema: pa.Schema) -> None:
        """Args:
        file: what is written to; it is closed with the table.
        kind: the form.
        schema: the columns; every table that is written has them.

        Raises:
            ScoresError: a column has a type that CSV cannot hold.
        """
        self._file = file
        self._packed: IO[bytes] | None = None
        self._kind = kind
        self._schema = schema
        self._writer: Any
        if kind == "parquet":
            self._writer = pq.ParquetWriter(file, schema, compression="zstd")
            return
        if kind == "gzip":
            # Without a name and a time, the same rows make the same file.
            packed = gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0)
            self._packed = cast(IO[bytes], packed)
        fields = [pa.field(field.name, _spelt_type(field)) for field in schema]
        self._writer = pa_csv.CSVWriter(self._packed or file, pa.schema(fields))

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        table = pa.table(table.columns, schema=self._schema)
        if self._kind != "parquet":
            table = pa.table([_spelt(column) for column in table.columns], names=table.column_names)
        self._writer.write_table(table)

    def close(self) -> None:
        """Finish the table; a second time does nothing."""
        if self._file.closed:
            return
        self._writer.close()
        if self._packed is not None:
            self._packed.close()
        self._file.close()


def _spelt_type(field: pa.Field) -> pa.DataType:
    kind = field.type
    if pa.types.is_dictionary(kind) or pa.types.is_timestamp(kind) or is_texts(kind):
        return pa.string()
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise ScoresError(
            f"column {field.name} is {kind}, which CSV cannot hold: leave it out of --columns, or give "
            f"--format parquet"
        )
    return kind


def is_texts(kind: pa.DataType) -> bool:
    """Whether a column holds lists of texts, such as species."""
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(is_list and pa.types.is_string(kind.value_type))


def _spelt(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        # Arrow writes three decimals of a second; those of a whole one say nothing.
        return pc.replace_substring_regex(column.cast(pa.string()), r"\.0+$", "")
    if pa.types.is_dictionary(column.type):
        return column.cast(pa.string())
    return pc.binary_join(column, BETWEEN_TEXTS) if is_texts(column.type) else column
