"""The rows of a scores dataset with what was decided on each, in manifest order and bounded memory.

Owns: joining the rule of `core.decisions` to the rows, and which frames stay for their sequence. Refuses:
acting on a decision.

Deciding by sequence takes two passes. The first folds neighbouring frames of one sequence into runs, as
`sequence_groups` does, and groups the runs by location and sequence in a DuckDB that spills: sequences of two
cameras interleave, and files are cut anywhere. The runs in which a decision changes come back in the order of
the rows and are merged into the second pass.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blanktrap.core.decisions import (
    UNREADABLE,
    DecisionCounts,
    DecisionRule,
    decision_column,
    scores_to_decide,
)
from blanktrap.core.errors import ScoresError
from blanktrap.core.evaluation.tally import gather
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.files.databases import temporary_database
from blanktrap.files.scores_reader import Scores
from blanktrap.files.storage import Storage

_MEMORY_LIMIT = "512MB"

DECISION, DECIDED_SCORE = "decision", "decided_score"

_FOR_DECIDING = ["status", "p_nonblank"]
_FOR_SEQUENCES = ["location_id", "sequence_id", *_FOR_DECIDING]

# A run whose lowest score would be decided otherwise than the highest of its sequence.
_RAISED = """
    SELECT start, num_frames, highest FROM (
        SELECT start, num_frames, lowest, max(highest) OVER (PARTITION BY location, sequence_id) AS highest
        FROM runs
    )
    WHERE {decided_highest} > {decided_lowest} ORDER BY start
"""


@dataclass(kw_only=True)
class DecidedScores:
    """Scores with decisions, readable while `decide_scores` is open."""

    scores: Scores
    rule: DecisionRule
    storage: Storage
    find_raised: Callable[[], Iterator[tuple[int, int, float]]]
    """Gives rows [start, stop) that are decided by a score of their sequence, and that score; by start."""
    on_rows: Callable[[int], None] = lambda _: None
    """Told how many rows a pass has read so far."""
    counts: DecisionCounts = field(default_factory=DecisionCounts)
    """Of the rows that the latest pass has read so far."""

    def iter_tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield every row once, in manifest order, some hundred thousand at a time.

        Args:
            columns: of the scores, in the order wanted; what a part lacks is null throughout.

        Yields:
            Those columns, and two more: `decision` (`DECISION_TYPE`), and `decided_score`, float32: the score
            that was decided on. It is `p_nonblank`, or the highest of the sequence where the media is kept or
            reviewed for its sequence; null where there is no score.

        Raises:
            ScoresError: a column is in no part, or a media with status ok has no score in [0, 1].
            SourceError: the scores cannot be read.
        """
        extras = self._extras(columns)
        wanted = list(dict.fromkeys([*columns, *_FOR_DECIDING]))
        raised, start = _RaisedRows(self.find_raised()), 0
        self.counts = DecisionCounts()
        for table in gather(self.scores.iter_columns(self.storage, wanted, extras=extras)):
            own = _scores_of(table, self.scores.location)
            decided = self.rule.decide(own)
            highest = raised.scores_for(start, table.num_rows)
            raises = (decided != UNREADABLE) & ~np.isnan(highest)
            raises[raises] = self.rule.decide(highest[raises]) > decided[raises]
            score = np.where(raises, highest, own)
            decided = self.rule.decide(score)
            self.counts.add(decided, num_raised=int(raises.sum()))
            start += table.num_rows
            self.on_rows(start)
            arrays = [table.column(name) for name in columns]
            arrays += [decision_column(decided), pa.array(score, pa.float32(), from_pandas=True)]
            yield pa.table(arrays, names=[*columns, DECISION, DECIDED_SCORE])

    def _extras(self, columns: Sequence[str]) -> dict[str, pa.DataType]:
        """The types of the columns beyond the contract's."""
        extra = [name for name in columns if name not in SCORES_SCHEMA.names]
        known = self.scores.schema(self.storage) if extra else SCORES_SCHEMA
        for name in extra:
            if name not in known.names:
                raise ScoresError(
                    f"{self.scores.location} has no column {name}; it has {', '.join(known.names)}"
                )
        return {name: known.field(name).type for name in extra}


@contextmanager
def decide_scores(
    scores: Scores, storage: Storage, rule: DecisionRule, *, keep_sequences: bool
) -> Iterator[DecidedScores]:
    """Open scores with decisions; what they take of the disk goes when the context ends.

    Args:
        scores: the dataset.
        storage: the door to the bytes.
        rule: the cutoffs.
        keep_sequences: decide a scored frame by the highest score of its sequence. A media without a sequence
            is decided by its own.

    Raises:
        ScoresError: a media with status ok has no score in [0, 1].
        SourceError: the scores cannot be read, or the disk is full.
    """
    if not keep_sequences:
        yield DecidedScores(scores=scores, storage=storage, rule=rule, find_raised=lambda: iter(()))
        return
    with temporary_database("sequences could not be put together", memory=_MEMORY_LIMIT) as connection:
        connection.execute(
            "CREATE TABLE runs (start BIGINT, num_frames BIGINT, location VARCHAR, sequence_id VARCHAR, "
            "lowest FLOAT, highest FLOAT)"
        )
        start = 0
        for table in gather(scores.iter_columns(storage, _FOR_SEQUENCES)):
            connection.register("incoming", _runs_of(table, start, scores.location))
            connection.execute("INSERT INTO runs SELECT * FROM incoming")
            connection.unregister("incoming")
            start += table.num_rows
        query = _RAISED.format(
            decided_highest=_decided_in_sql("highest", rule), decided_lowest=_decided_in_sql("lowest", rule)
        )

        def find_raised() -> Iterator[tuple[int, int, float]]:
            found = connection.sql(query)
            assert found is not None  # a SELECT always has a result
            return _iter_spans(found.to_arrow_reader(65_536))

        yield DecidedScores(scores=scores, storage=storage, rule=rule, find_raised=find_raised)


def _scores_of(table: pa.Table, where: str) -> NDArray[np.float32]:
    return scores_to_decide(table.column("status"), table.column("p_nonblank"), where=where)


def _runs_of(table: pa.Table, start: int, where: str) -> pa.Table:
    """One row for each run of neighbouring scored frames of one known sequence."""
    scores = _scores_of(table, where)
    # A frame without a score says nothing and is decided by nothing.
    rows = np.flatnonzero(~np.isnan(scores) & pc.is_valid(table.column("sequence_id")).to_numpy())
    chosen = table.select(["location_id", "sequence_id"]).take(pa.array(rows))
    location, sequence = (column.combine_chunks() for column in chosen.columns)
    if not rows.size:
        runs = np.zeros(0, dtype=np.int64)
    else:
        codes = [column.dictionary_encode("encode").indices.to_numpy() for column in (location, sequence)]
        differs = np.ones(rows.size, dtype=bool)
        differs[1:] = (np.diff(codes[0]) != 0) | (np.diff(codes[1]) != 0) | (np.diff(rows) != 1)
        runs = np.flatnonzero(differs)
    own = scores[rows]
    nothing = np.zeros(0, dtype=np.float32)
    return pa.table(
        {
            "start": rows[runs] + start,
            "num_frames": np.diff(np.append(runs, rows.size)),
            "location": location.take(pa.array(runs)),
            "sequence_id": sequence.take(pa.array(runs)),
            "lowest": np.minimum.reduceat(own, runs) if runs.size else nothing,
            "highest": np.maximum.reduceat(own, runs) if runs.size else nothing,
        }
    )


def _decided_in_sql(score: str, rule: DecisionRule) -> str:
    """A number that grows with the decision on a score, as DuckDB computes it."""
    cutoffs = [rule.cutoff] if rule.review_below is None else [rule.cutoff, rule.review_below]
    # Written out in full, a float32 is the same number in DuckDB.
    return " + ".join(f"({score} >= {float(np.float32(cutoff))!r}::FLOAT)::INTEGER" for cutoff in cutoffs)


def _iter_spans(reader: pa.RecordBatchReader) -> Iterator[tuple[int, int, float]]:
    for batch in reader:
        starts, nums, highest = (column.to_numpy() for column in batch.columns)
        yield from zip(starts.tolist(), (starts + nums).tolist(), highest.tolist(), strict=True)


class _RaisedRows:
    """Hands out the scores of spans to tables of rows that follow one another."""

    def __init__(self, spans: Iterator[tuple[int, int, float]]) -> None:
        self._spans = spans
        self._next = next(spans, None)

    def scores_for(self, start: int, num_rows: int) -> NDArray[np.float32]:
        """The score of the span that holds each of the rows from `start` on, nan where none does."""
        scores = np.full(num_rows, np.float32("nan"), dtype=np.float32)
        while self._next is not None and self._next[0] < start + num_rows:
            first, stop, highest = self._next
            scores[max(first - start, 0) : stop - start] = highest
            if stop > start + num_rows:
                break  # it goes on in the next table
            self._next = next(self._spans, None)
        return scores
