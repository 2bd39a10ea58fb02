"""Scored media put together into the sequences they belong to, in bounded memory.

Owns: which frames form a sequence, and what a sequence's label and score are. Refuses: relying on the order
of the rows. Scores are sorted by place and time, so the frames of a sequence mostly stand together and are
folded at once; but sequences of two cameras interleave, files are cut anywhere, and a join keeps no order.
What was folded is therefore grouped by key once more, by DuckDB, which spills to a temporary folder.

A sequence is the media of one location with one `sequence_id`. It is

- kept when any scored frame is kept: its score is the highest of its frames, labelled or not;
- nonblank when any frame is labelled nonblank;
- blank when none is, and either the whole was labelled blank or every one of its frames was;
- undecided otherwise: a frame that nobody labelled may show the animal.

A frame that was not scored is kept for people and says nothing here; a sequence without any scored frame is
counted apart.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.evaluation.measured import Measured, MeasuredSequences
from blanktrap.core.evaluation.tally import IS_LABELLED, IS_NIGHT, IS_NONBLANK, IS_WHOLE, SPLITS, MediaRows
from blanktrap.files.databases import temporary_database
from blanktrap.files.label_join import MEMORY_LIMIT

_COLUMNS = {
    "location": "INTEGER",
    "sequence_id": "VARCHAR",
    "p_nonblank": "FLOAT",
    "num_frames": "INTEGER",
    "num_scored": "INTEGER",
    "num_labelled": "INTEGER",
    "num_nonblank": "INTEGER",
    "num_whole": "INTEGER",
    "num_night": "INTEGER",
    "splits": "INTEGER",
}
# Sums are compared here: as numbers of DuckDB's widest kind they would leave it as Python objects.
_FOLDED = """
    SELECT location, max(p_nonblank) AS p_nonblank, sum(num_scored) < sum(num_frames) AS is_partly_scored,
        sum(num_nonblank) > 0 AS is_nonblank,
        sum(num_labelled) = sum(num_frames) AS is_all_labelled, sum(num_whole) > 0 AS is_whole,
        sum(num_night) > 0 AS is_night
    FROM runs GROUP BY location, sequence_id HAVING bit_or(splits) & {splits} > 0
"""


class SequenceGroups:
    """Takes frames as they come and folds them into sequences."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
        connection.execute(f"CREATE TABLE runs ({columns})")
        self._num_alone = np.zeros(len(SPLITS), dtype=np.int64)
        self._num_runs = 0

    def add(self, sequence_ids: pa.ChunkedArray, rows: MediaRows) -> None:
        """Take some frames: their sequences, and what the tally keeps of them."""
        is_known = pc.is_valid(sequence_ids).to_numpy()
        alone = ~is_known & rows.has(IS_LABELLED)
        self._num_alone += np.bincount(rows.split[alone], minlength=len(SPLITS))
        if not is_known.any():
            return
        ids = pc.filter(sequence_ids, pa.array(is_known)).combine_chunks()
        runs = _fold(ids, _only(rows, is_known))
        self._connection.register("incoming", runs)
        self._connection.execute("INSERT INTO runs SELECT * FROM incoming")
        self._connection.unregister("incoming")
        self._num_runs += runs.num_rows

    def measured(self, split: str | None, locations: tuple[str | None, ...]) -> MeasuredSequences | None:
        """The sequences with a labelled frame of one split, or of any.

        Args:
            split: the split that is measured; None for all labelled media.
            locations: location ids by number, as the tally has them.

        Returns:
            None where no such media belongs to a known sequence.
        """
        wanted = (1 << len(SPLITS)) - 1 if split is None else 1 << SPLITS.index(split)
        found = self._connection.sql(_FOLDED.format(splits=wanted))
        assert found is not None  # a SELECT always has a result
        table = found.to_arrow_table()
        if not table.num_rows:
            return None
        column = {name: table.column(name).to_numpy() for name in table.column_names if name != "p_nonblank"}
        score = pc.fill_null(table.column("p_nonblank"), float("nan")).to_numpy()
        is_nonblank = column["is_nonblank"]
        is_decided = is_nonblank | column["is_whole"] | column["is_all_labelled"]
        scored, failed = is_decided & ~np.isnan(score), is_decided & np.isnan(score)
        cells = column["location"][failed] * 2 + ~is_nonblank[failed]
        alone = self._num_alone.sum() if split is None else self._num_alone[SPLITS.index(split)]
        return MeasuredSequences(
            measured=Measured(
                p_nonblank=score[scored],
                is_nonblank=is_nonblank[scored],
                location=column["location"][scored],
                is_night=column["is_night"][scored],
                locations=locations,
                not_scored=np.bincount(cells, minlength=2 * len(locations)).reshape(-1, 2),
            ),
            num_labelled_whole=int(column["is_whole"][scored].sum()),
            num_partly_scored=int(column["is_partly_scored"][scored].sum()),
            num_undecided=int((~is_decided).sum()),
            num_media_without_sequence=int(alone),
        )


@contextmanager
def group_sequences() -> Iterator[SequenceGroups]:
    """Open a place to fold sequences in; its temporary files go when the context ends."""
    with temporary_database("sequences could not be put together", memory=MEMORY_LIMIT) as connection:
        yield SequenceGroups(connection)


def _only(rows: MediaRows, chosen: np.ndarray) -> MediaRows:
    return MediaRows(
        p_nonblank=rows.p_nonblank[chosen], location=rows.location[chosen], flags=rows.flags[chosen]
    )


def _fold(ids: pa.Array, rows: MediaRows) -> pa.Table:
    """One row for each run of neighbouring frames of one sequence, with the columns of `_COLUMNS`."""
    differs = np.ones(len(ids), dtype=bool)
    differs[1:] = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    differs[1:] |= rows.location[1:] != rows.location[:-1]
    starts = np.flatnonzero(differs)

    def total(flags: np.ndarray) -> np.ndarray:
        return np.add.reduceat(flags.astype(np.int32), starts)

    is_labelled = rows.has(IS_LABELLED)
    splits = np.where(is_labelled, 1 << rows.split.astype(np.int32), 0).astype(np.int32)
    columns = {
        "location": rows.location[starts],
        "sequence_id": ids.take(pa.array(starts)),
        # fmax leaves out frames without a score; a run of nothing else stays nan, which becomes null.
        "p_nonblank": pa.array(np.fmax.reduceat(rows.p_nonblank, starts), from_pandas=True),
        "num_frames": np.diff(np.append(starts, len(ids))).astype(np.int32),
        "num_scored": total(~np.isnan(rows.p_nonblank)),
        "num_labelled": total(is_labelled),
        "num_nonblank": total(rows.has(IS_NONBLANK)),
        "num_whole": total(rows.has(IS_WHOLE)),
        "num_night": total(rows.has(IS_NIGHT)),
        "splits": np.bitwise_or.reduceat(splits, starts),
    }
    return pa.table({name: columns[name] for name in _COLUMNS})
