"""The plan of a separation: which media goes where, written down before anything is touched.

Owns: the rows of the plan, their names apart from one another, and the counts that a dry run prints. Refuses:
touching a media.

Two passes. The first decides and names every media, into a temporary file, and keeps a hash of each name in a
DuckDB that spills. The second reads that file, takes names apart that would be one, and writes the parts.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from blanktrap.core.config import SeparateConfig
from blanktrap.core.separated_names import NameRule
from blanktrap.core.vocabulary import Decision
from blanktrap.files.databases import temporary_database
from blanktrap.files.decided_scores import DECISION, DecidedScores
from blanktrap.files.label_join import MEMORY_LIMIT
from blanktrap.files.separating.journal import Journal

PART_ROWS = 16_384

_SCORE_COLUMNS = ["media_id", "uri", "size_bytes", "p_nonblank"]

PLAN_SCHEMA = pa.schema(
    [
        pa.field("media_id", pa.string(), nullable=False),
        pa.field("uri", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64()),
        pa.field("p_nonblank", pa.float32()),
        pa.field("decision", pa.string(), nullable=False),
        # The path below `--to`, the decision's folder first.
        pa.field("target", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, kw_only=True)
class PlannedMedia:
    """One row of the plan."""

    media_id: str
    uri: str
    size_bytes: int | None
    """As indexed; None where nobody said."""
    p_nonblank: float | None
    decision: Decision
    target: str
    """Path below `--to`, parts joined by "/"."""


@dataclass(kw_only=True)
class PlanCounts:
    """What a plan comes to."""

    num: Counter[str] = field(default_factory=Counter)
    """Media by decision."""
    num_bytes: Counter[str] = field(default_factory=Counter)
    """Bytes by decision, as indexed."""
    num_without_size: int = 0
    num_local: int = 0
    """Media on disk; the others are on S3."""
    num_renamed: int = 0
    """Media whose name is not their media_id."""
    renamed: list[tuple[str, str]] = field(default_factory=list)
    """A few of them: media_id and target."""

    @property
    def num_media(self) -> int:
        """Media that are separated."""
        return self.num.total()

    @property
    def num_on_s3(self) -> int:
        """Media whose originals are on S3."""
        return self.num_media - self.num_local

    def add(self, table: pa.Table) -> None:
        """Count some rows of the plan."""
        sizes = pc.fill_null(table.column("size_bytes"), 0)
        grouped = pa.table({"decision": table.column("decision"), "size": sizes}).group_by("decision")
        for row in grouped.aggregate([("size", "sum"), ("size", "count")]).to_pylist():
            self.num[row["decision"]] += row["size_count"]
            self.num_bytes[row["decision"]] += row["size_sum"]
        self.num_without_size += table.column("size_bytes").null_count
        self.num_local += table.num_rows - (pc.sum(pc.starts_with(table.column("uri"), "s3://")).as_py() or 0)
        plain = pc.binary_join_element_wise(table.column("decision"), table.column("media_id"), "/")
        changed = table.filter(pc.not_equal(plain, table.column("target")))
        self.num_renamed += changed.num_rows
        for row in changed.slice(0, 5 - len(self.renamed)).select(["media_id", "target"]).to_pylist():
            self.renamed.append((row["media_id"], row["target"]))

    def record(self) -> dict[str, object]:
        """As the journal keeps them."""
        return {**vars(self), "num": dict(self.num), "num_bytes": dict(self.num_bytes)}

    @classmethod
    def of_record(cls, record: dict[str, object]) -> "PlanCounts":
        """Read back what `record` gave."""
        values = {name: record[name] for name in vars(cls())}
        counts = cls(**values)  # type: ignore[arg-type]
        counts.num, counts.num_bytes = Counter(counts.num), Counter(counts.num_bytes)
        counts.renamed = [(media_id, target) for media_id, target in counts.renamed]
        return counts


@contextmanager
def plan_media(
    decided: DecidedScores, config: SeparateConfig, rule: NameRule
) -> Iterator[tuple[Iterator[pa.Table], PlanCounts]]:
    """Plan a separation.

    Args:
        decided: the scores with their decisions; all are read.
        config: which decisions are separated.
        rule: what names the place allows.

    Yields:
        The rows, with the columns of `PLAN_SCHEMA`, `PART_ROWS` at a time; and their counts, which grow while
        the rows are read.

    Raises:
        ScoresError, SourceError: the scores cannot be read, or the disk is full.
    """
    with (
        tempfile.TemporaryDirectory(prefix="blanktrap-plan-") as folder,
        temporary_database("names could not be compared", memory=MEMORY_LIMIT) as connection,
    ):
        staged = Path(folder) / "plan.parquet"
        connection.execute("CREATE TABLE names (name UBIGINT)")
        with pq.ParquetWriter(staged, PLAN_SCHEMA, compression="zstd") as writer:
            for table in decided.iter_tables(_SCORE_COLUMNS):
                named = _named(table, config, rule)
                writer.write_table(named, row_group_size=PART_ROWS)
                connection.register("incoming", named)
                connection.execute(f"INSERT INTO names SELECT {_hashed(rule)} FROM incoming")
                connection.unregister("incoming")
        connection.execute("CREATE TABLE shared AS SELECT name FROM names GROUP BY name HAVING count(*) > 1")
        counts = PlanCounts()
        yield _taken_apart(connection, staged, rule, counts), counts


def write_plan(journal: Journal, rows: Iterator[pa.Table]) -> int:
    """Write the parts of the plan, and return how many there are."""
    number = 0
    for number, table in enumerate(rows, start=1):
        journal.write_part(number - 1, table)
    return number


def iter_batches(
    journal: Journal, num_media: int, batch_size: int, *, first: int = 0
) -> Iterator[tuple[int, list[PlannedMedia]]]:
    """Yield the batches of a written plan from `first` on, with their numbers. Raises SeparationError."""
    part, table = -1, PLAN_SCHEMA.empty_table()
    for batch in range(first, -(-num_media // batch_size)):
        rows: list[PlannedMedia] = []
        start, stop = batch * batch_size, min((batch + 1) * batch_size, num_media)
        while start < stop:
            if start // PART_ROWS != part:
                part = start // PART_ROWS
                table = journal.read_part(part)
            piece = table.slice(start % PART_ROWS, stop - start)
            rows += [
                PlannedMedia(**{**row, "decision": Decision(row["decision"])}) for row in piece.to_pylist()
            ]
            start += piece.num_rows
        yield batch, rows


def _named(table: pa.Table, config: SeparateConfig, rule: NameRule) -> pa.Table:
    decision = table.column(DECISION).cast(pa.string())
    if len(config.only) < len(Decision):
        wanted = pc.is_in(decision, pa.array([word.value for word in config.only]))
        table, decision = table.filter(wanted), decision.filter(wanted)
    names = rule.apply(table.column("media_id").combine_chunks())
    target = pc.binary_join_element_wise(decision, names, "/")
    columns = [table.column(name) for name in _SCORE_COLUMNS]
    return pa.table([*columns, decision, target], schema=PLAN_SCHEMA)


def _taken_apart(
    connection: duckdb.DuckDBPyConnection, staged: Path, rule: NameRule, counts: PlanCounts
) -> Iterator[pa.Table]:
    waiting = PLAN_SCHEMA.empty_table()
    with pq.ParquetFile(staged) as file:
        for batch in file.iter_batches(batch_size=4 * PART_ROWS):
            table = pa.Table.from_batches([batch])
            shared = _shared_rows(connection, table, rule)
            if shared:
                targets = table.column("target").to_pylist()
                for row in shared:
                    targets[row] = rule.apart(targets[row], table.column("media_id")[row].as_py())
                field = PLAN_SCHEMA.field("target")
                table = table.set_column(table.num_columns - 1, field, pa.array(targets, pa.string()))
            counts.add(table)
            waiting = pa.concat_tables([waiting, table])
            while waiting.num_rows >= PART_ROWS:
                yield waiting.slice(0, PART_ROWS)
                waiting = waiting.slice(PART_ROWS)
    if waiting.num_rows:
        yield waiting


def _hashed(rule: NameRule) -> str:
    return f"hash({'lower(target)' if rule.ignores_case else 'target'})"


def _shared_rows(connection: duckdb.DuckDBPyConnection, table: pa.Table, rule: NameRule) -> list[int]:
    """The rows of a table whose names are those of other media too."""
    numbered = table.select(["target"]).append_column("row", pa.array(range(table.num_rows), pa.int32()))
    connection.register("incoming", numbered)
    found = connection.sql(f"SELECT row FROM incoming WHERE {_hashed(rule)} IN (SELECT name FROM shared)")
    assert found is not None  # a SELECT always has a result
    rows: list[int] = found.to_arrow_table().column("row").to_pylist()
    connection.unregister("incoming")
    return rows
