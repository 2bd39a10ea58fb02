"""Labels from a manifest put onto scores by `media_id`.

Owns: the join, in bounded memory: beyond its share it spills to a temporary folder. Refuses: mixing: the
scores' own labels, species and splits are all replaced by the manifest's.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.tally import gather
from blanktrap.core.schemas import MANIFEST_SCHEMA, SCORES_SCHEMA
from blanktrap.files.databases import temporary_database

SCORE_COLUMNS = [
    "media_id",
    "location_id",
    "sequence_id",
    "timestamp",
    "status",
    "p_nonblank",
    "width_px",
    "height_px",
    "brightness",
    "is_night",
]

_LABEL_COLUMNS = ["media_id", "label", "label_level", "species", "split"]
MEMORY_LIMIT = "1GB"


@dataclass(frozen=True, kw_only=True)
class LabelJoin:
    """Scores with a manifest's labels, readable while `join_labels` is open."""

    num_labels: int
    """Labelled media of the manifest."""
    num_matched: int
    """Those among them that the scores have, whatever became of the image."""
    connection: duckdb.DuckDBPyConnection

    def iter_tables(self) -> Iterator[pa.Table]:
        """Yield every score once, with the manifest's labels or nulls, in no particular order."""
        query = (
            "SELECT s.*, l.label, l.label_level, l.species, l.split "
            "FROM scores s LEFT JOIN labels l USING (media_id)"
        )
        reader = self.connection.sql(query).to_arrow_reader(65_536)
        assert reader is not None  # a SELECT always has a result
        for batch in reader:
            yield pa.Table.from_batches([batch])


@contextmanager
def join_labels(
    scores: Iterable[pa.Table],
    labels: Iterable[pa.Table],
    *,
    where: str,
    measures: Mapping[str, pa.DataType] | None = None,
) -> Iterator[LabelJoin]:
    """Join labels to scores by `media_id`.

    Args:
        scores: rows with at least the columns of `SCORE_COLUMNS`.
        labels: rows of a manifest.
        where: the manifest, for messages.
        measures: columns of the scores beyond the contract's to come along, with their types.

    Yields:
        The join; its temporary files go when the context ends.

    Raises:
        EvaluationError: the manifest labels nothing, a media twice, or none of the scored media.
    """
    with temporary_database(f"the labels of {where} could not be joined", memory=MEMORY_LIMIT) as connection:
        kinds = {name: SCORES_SCHEMA.field(name).type for name in SCORE_COLUMNS}
        kinds |= measures or {}
        load_table(connection, "scores", scores, pa.schema(kinds), "status IS NOT NULL")
        kinds = {name: MANIFEST_SCHEMA.field(name).type for name in _LABEL_COLUMNS}
        load_table(connection, "labels", labels, pa.schema(kinds), "label IS NOT NULL")
        num_labels, num_distinct = _counts(
            connection, "SELECT count(*), count(DISTINCT media_id) FROM labels"
        )
        (num_matched,) = _counts(connection, "SELECT count(*) FROM labels SEMI JOIN scores USING (media_id)")
        if not num_labels:
            raise EvaluationError(f"{where} labels no media: index again with --annotations")
        if num_distinct < num_labels:
            raise EvaluationError(
                f"{where} labels media more than once ({num_labels - num_distinct:,} rows too many)"
            )
        if not num_matched:
            raise EvaluationError(
                f"{where} labels {num_labels:,} media and none of them is in the scores: "
                f"give the manifest of the same archive"
            )
        yield LabelJoin(num_labels=num_labels, num_matched=num_matched, connection=connection)


def load_table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    condition: str = "true",
) -> None:
    """Fill a new table of a temporary database. Its name and the condition are the caller's own words.

    Rows go in piece by piece: an error of ours that crosses the database comes out as one of the database's.
    """
    connection.register("incoming", schema.empty_table())
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")
    for table in gather(tables):
        connection.register("incoming", table.select(schema.names).cast(schema))
        connection.execute(f"INSERT INTO {name} SELECT * FROM incoming WHERE {condition}")
    connection.unregister("incoming")


def _counts(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    (row,) = connection.execute(query).fetchall()
    return tuple(int(value) for value in row)
