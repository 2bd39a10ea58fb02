"""Sequences as the events of a Camtrap DP package.

Owns: folding media into events in bounded memory, by a DuckDB that spills, and what is said of an event.
Refuses: an event without any time.

An event is the media of one deployment with one `sequence_id`. It is an animal's where any frame is kept,
unknown where the best is for review, blank where all frames were scored and set aside. Where a frame was not
scored nobody knows what it shows: such an event is unknown, and unclassified where no frame was scored at
all.
"""

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blanktrap.core.decisions import SET_ASIDE, UNREADABLE, DecisionRule
from blanktrap.files.decided_scores import DECIDED_SCORE

COLUMNS = ["sequence_id", "timestamp"]

_EVENTS = """
    SELECT deployment, sequence_id, min(start_ms) AS start_ms, max(end_ms) AS end_ms, max(highest) AS highest,
        sum(num_scored)::BIGINT < sum(num_frames)::BIGINT AS is_partly_scored
    FROM runs GROUP BY deployment, sequence_id HAVING min(start_ms) IS NOT NULL ORDER BY min(first)
"""


class Events:
    """Takes media as they come and gives events."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        connection.execute(
            "CREATE TABLE runs (first BIGINT, deployment BIGINT, sequence_id VARCHAR, start_ms BIGINT, "
            "end_ms BIGINT, highest FLOAT, num_frames BIGINT, num_scored BIGINT)"
        )
        self._num_rows = 0

    def add(self, table: pa.Table, deployments: NDArray[np.int64]) -> None:
        """Take media with the columns of `COLUMNS` and their decisions.

        Args:
            table: some rows.
            deployments: number of each row's deployment.
        """
        rows = np.flatnonzero(pc.is_valid(table.column("sequence_id")).to_numpy())
        if rows.size:
            self._connection.register("incoming", _fold(table, deployments, rows, self._num_rows))
            self._connection.execute("INSERT INTO runs SELECT * FROM incoming")
            self._connection.unregister("incoming")
        self._num_rows += table.num_rows

    def iter_tables(self) -> Iterator[pa.Table]:
        """Yield events in the order in which they began: deployment, sequence_id, start_ms, end_ms, highest,
        is_partly_scored."""
        found = self._connection.sql(_EVENTS)
        assert found is not None  # a SELECT always has a result
        for batch in found.to_arrow_reader(262_144):
            yield pa.Table.from_batches([batch])


def decide_events(events: pa.Table, rule: DecisionRule) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """What is decided of events, and which of them nobody can tell because a frame was not scored."""
    highest = pc.fill_null(events.column("highest"), float("nan")).to_numpy()
    decided = rule.decide(highest)
    is_partly = np.asarray(events.column("is_partly_scored").to_numpy(), dtype=bool)
    return decided, is_partly & (decided == SET_ASIDE) & (decided != UNREADABLE)


def _fold(table: pa.Table, deployments: NDArray[np.int64], rows: NDArray[np.int64], first: int) -> pa.Table:
    """One row for each run of neighbouring media of one sequence and deployment."""
    sequences = table.column("sequence_id").take(pa.array(rows)).combine_chunks()
    codes = sequences.dictionary_encode().indices.to_numpy()
    own = deployments[rows]
    starts = np.flatnonzero(np.append(True, (np.diff(codes) != 0) | (np.diff(own) != 0)))
    times = table.column("timestamp").cast(pa.timestamp("ms")).cast(pa.int64()).take(pa.array(rows))
    is_dated, ms = pc.is_valid(times).to_numpy(), pc.fill_null(times, 0).to_numpy()
    limits = np.iinfo(np.int64)
    earliest = np.minimum.reduceat(np.where(is_dated, ms, limits.max), starts)
    latest = np.maximum.reduceat(np.where(is_dated, ms, limits.min), starts)
    has_time = np.logical_or.reduceat(is_dated, starts)
    scores = pc.fill_null(table.column(DECIDED_SCORE), float("nan")).to_numpy()[rows]
    return pa.table(
        {
            "first": rows[starts] + first,
            "deployment": own[starts],
            "sequence_id": sequences.take(pa.array(starts)),
            "start_ms": pa.array(earliest, mask=~has_time),
            "end_ms": pa.array(latest, mask=~has_time),
            # fmax leaves out frames without a score; a run of nothing else stays nan, which becomes null.
            "highest": pa.array(np.fmax.reduceat(scores, starts), pa.float32(), from_pandas=True),
            "num_frames": np.diff(np.append(starts, rows.size)),
            "num_scored": np.add.reduceat((~np.isnan(scores)).astype(np.int64), starts),
        }
    )
