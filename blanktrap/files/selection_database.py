"""The labelled rows of a manifest, from strings to arrays of codes, on disk and in bounded memory.

Owns: the table of labelled media and the codes of their ids. Refuses: deciding anything. Memory grows by
some fifty bytes a labelled media; media without a label cost nothing.
"""

import contextlib
from collections.abc import Iterable, Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.errors import ManifestError
from blanktrap.core.selection.groups import NONE
from blanktrap.core.selection.labelled import NO_TIME, LabelledRows
from blanktrap.core.vocabulary import Label, Split
from blanktrap.files.databases import temporary_database
from blanktrap.files.s3 import one_line

# The process as a whole needs more: the arrays, and what reading Parquet takes.
_MEMORY_LIMIT = "768MB"
_BATCH_ROWS = 131_072

_INCOMING = pa.schema(
    [
        pa.field("row", pa.int32()),
        pa.field("location_id", pa.string()),
        pa.field("deployment_id", pa.string()),
        pa.field("sequence_id", pa.string()),
        pa.field("frame_num", pa.int16()),
        pa.field("timestamp", pa.timestamp("ms")),
        pa.field("label", pa.string()),
        pa.field("species", pa.list_(pa.string())),
        pa.field("split", pa.string()),
        pa.field("is_night", pa.bool_()),
    ]
)

_NAMED = ("location", "deployment", "sequence")

# The code of an id is the first row that has it: no ranking, and a name is found again by its row.
_CODED = "CREATE TABLE {0}s AS SELECT {0}_id, min(row) AS code FROM media WHERE {0}_id IS NOT NULL GROUP BY 1"

_ROWS = """
SELECT row, coalesce(l.code, -1)::INTEGER AS location, coalesce(d.code, -1)::INTEGER AS deployment,
    coalesce(s.code, -1)::INTEGER AS sequence, coalesce(frame_num, -1)::SMALLINT AS frame_num,
    epoch_ms(timestamp) AS time_ms, label = $nonblank AS is_nonblank,
    coalesce(is_night::TINYINT, -1)::TINYINT AS night, (list_position($splits, split) - 1)::TINYINT AS given
FROM media m LEFT JOIN locations l USING (location_id) LEFT JOIN deployments d USING (deployment_id)
    LEFT JOIN sequences s USING (sequence_id)
ORDER BY row
"""

_COLUMNS = {
    "row": np.int32,
    "location": np.int32,
    "deployment": np.int32,
    "sequence": np.int32,
    "frame_num": np.int16,
    "time_ms": np.int64,
    "is_nonblank": np.bool_,
    "night": np.int8,
    "given": np.int8,
}

_SPECIES = """
CREATE TABLE pairs AS
SELECT DISTINCT row, name FROM (SELECT row, unnest(species) AS name FROM media WHERE label = $nonblank)
WHERE name IS NOT NULL
"""


@contextlib.contextmanager
def selection_database(location: str) -> Iterator["SelectionDatabase"]:
    """Open a database in a temporary folder that goes when the block ends.

    Raises:
        SourceError: the database cannot go on, such as on a full disk.
    """
    doing = f"the rows of {location} could not be joined"
    with temporary_database(doing, memory=_MEMORY_LIMIT) as connection:
        yield SelectionDatabase(connection)


class SelectionDatabase:
    """The tables of one selection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def refuse_repeats(self, tables: Iterable[pa.Table], location: str) -> None:
        """Raise ManifestError where two rows have one media_id: a split of one would be that of both."""
        self._take("ids", (table.select(["media_id"]) for table in tables))
        found = self.connection.execute(
            "SELECT media_id, count(*) FROM ids GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
        ).fetchone()
        self.connection.execute("DROP TABLE ids")
        if found is not None:
            raise ManifestError(
                f"{location} has {found[1]:,} rows with the media_id {found[0]!r}: each media may have one; "
                f"make the manifest again with ids that differ"
            )

    def load(self, tables: Iterable[pa.Table], location: str) -> None:
        """Take in the labelled rows, and code their ids."""
        self._take("media", _labelled(tables, location))
        for name in _NAMED:
            self.connection.execute(_CODED.format(name))
        self.connection.execute(_SPECIES, {"nonblank": Label.NONBLANK.value})

    def _take(self, name: str, tables: Iterable[pa.Table]) -> None:
        """Make a table of Arrow tables, one by one: errors of their reader come through as they are."""
        verb = f"CREATE TABLE {name} AS"
        for table in tables:
            self.connection.register("incoming", table)
            self.connection.execute(f"{verb} SELECT * FROM incoming")
            self.connection.unregister("incoming")
            verb = f"INSERT INTO {name}"

    def labelled_rows(self) -> LabelledRows:
        """All labelled media, in manifest order."""
        (num_media,) = self.connection.execute("SELECT count(*) FROM media").fetchall()[0]
        values = {"nonblank": Label.NONBLANK.value, "splits": [split.value for split in Split]}
        columns = {name: np.empty(num_media, dtype=kind) for name, kind in _COLUMNS.items()}
        start = 0
        # sql() streams; to go through execute() would keep a copy of every row.
        with self.connection.sql(_ROWS, params=values).to_arrow_reader(_BATCH_ROWS) as reader:
            for batch in reader:
                span = slice(start, start + batch.num_rows)
                start = span.stop
                for name, column in zip(batch.schema.names, batch.columns, strict=True):
                    if column.null_count:
                        column = pc.fill_null(column, NO_TIME if name == "time_ms" else NONE)
                    columns[name][span] = column.to_numpy(zero_copy_only=False)
        names = [
            str(row[0])
            for row in self.connection.execute("SELECT DISTINCT name FROM pairs ORDER BY 1").fetchall()
        ]
        pairs = self.connection.execute(
            "SELECT row, (list_position($names, name) - 1)::INTEGER AS species FROM pairs ORDER BY row, name",
            {"names": names},
        ).fetchnumpy()
        return LabelledRows(
            rows=columns["row"],
            locations=columns["location"],
            deployments=columns["deployment"],
            sequences=columns["sequence"],
            times_ms=columns["time_ms"],
            frame_nums=columns["frame_num"],
            is_nonblank=columns["is_nonblank"],
            nights=columns["night"],
            given_splits=columns["given"],
            species_media=np.searchsorted(columns["row"], np.asarray(pairs["row"])),
            species=np.asarray(pairs["species"]),
            species_names=tuple(names),
        )

    def codes_of(self, kind: str, names: Iterable[str]) -> dict[str, int]:
        """The codes of named locations, deployments or sequences; names that do not occur are left out."""
        found = self.connection.execute(
            f"SELECT {kind}_id, code FROM {kind}s WHERE {kind}_id IN (SELECT unnest($names))",
            {"names": list(names)},
        ).fetchall()
        return {str(name): int(code) for name, code in found}

    def names_of(self, kind: str, rows: Iterable[int]) -> list[str | None]:
        """What location, deployment or sequence the labelled media of given rows have."""
        wanted = list(rows)
        found = dict(
            self.connection.execute(
                f"SELECT row, {kind}_id FROM media WHERE row IN (SELECT unnest($rows))", {"rows": wanted}
            ).fetchall()
        )
        return [found[row] for row in wanted]


def _labelled(tables: Iterable[pa.Table], location: str) -> Iterator[pa.Table]:
    """The labelled rows with the columns of `_INCOMING`; `is_night` is null where a table has none."""
    start = 0
    for table in tables:
        columns = {name: table.column(name) for name in _INCOMING.names if name in table.column_names}
        columns["row"] = pa.array(np.arange(start, start + table.num_rows, dtype=np.int32))
        columns.setdefault("is_night", pa.nulls(table.num_rows, pa.bool_()))
        start += table.num_rows
        labelled = pa.table(columns).select(_INCOMING.names).filter(pc.is_valid(table.column("label")))
        try:
            yield labelled.cast(_INCOMING)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as problem:
            raise ManifestError(
                f"{location}: column is_night is {table.schema.field('is_night').type}, expected bool "
                f"({one_line(problem)})"
            ) from problem
