"""The labelled rows of a scores dataset as arrays, and single ones of them in full.

Owns: one pass that keeps some twenty bytes a label, and a second one for the rows that are asked for.
Refuses: judging labels.

Places and sequences are numbers here, so that millions of labels are arrays and no objects.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.errors import ScoresError
from blanktrap.core.evaluation.tally import gather
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.core.vocabulary import Label, LabelLevel, Status
from blanktrap.files.scores_reader import Scores
from blanktrap.files.storage import Storage

_FOLD = pa.field("fold", pa.int16())
_COLUMNS = ["location_id", "sequence_id", "status", "p_nonblank", "label", "label_level", "split", _FOLD.name]
_LISTED = ["media_id", "uri", "location_id", "sequence_id", "timestamp", "label", "species", "p_nonblank"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledScores:
    """The labelled rows, in the order of the scores; all arrays have shape (num_labelled,)."""

    p_nonblank: np.ndarray
    """float64; nan without a score."""
    is_nonblank: np.ndarray
    is_scored: np.ndarray
    locations: np.ndarray
    """Positions in `location_names`, -1 for none."""
    sequences: np.ndarray
    """A number for each sequence that a label was given to as a whole; -1 for labels of single media."""
    folds: np.ndarray
    """The model that each media was scored by, in cross-validation; -1 where there was one for all."""
    location_names: list[str]
    statuses: dict[str, int]
    """Labelled rows by status."""
    scored_splits: dict[str | None, int]
    """Labelled and scored rows by split."""

    @cached_property
    def is_judged(self) -> np.ndarray:
        """Scored, and of no nonblank sequence with a frame that is not: that frame may show the animal."""
        doubtful = self.sequences[~self.is_scored & self.is_nonblank & (self.sequences >= 0)]
        judged: np.ndarray = self.is_scored & ~(self.is_nonblank & np.isin(self.sequences, doubtful))
        return judged


def read_labelled_scores(scores: Scores, storage: Storage) -> LabelledScores:
    """Read the labelled rows; there may be none.

    Raises:
        ScoresError: a label is none, or a media with status ok has no score in [0, 1].
        SourceError: the scores cannot be read.
    """
    statuses: Counter[str] = Counter()
    splits: Counter[str | None] = Counter()
    parts = [_part_of(table, statuses, splits) for table in _iter_labelled(scores, storage, _COLUMNS)]
    rows = pa.concat_tables([_EMPTY, *parts]).unify_dictionaries().combine_chunks()
    locations, names = _codes(rows.column("location"))
    sequences, _ = _codes(rows.column("sequence"))
    # The name of a sequence may come back at another location.
    width = int(sequences.max(initial=-1)) + 1
    sequences = np.where(sequences >= 0, (locations + 1) * width + sequences, -1)
    p_nonblank, is_nonblank, is_scored = (
        rows.column(name).to_numpy() for name in ("p_nonblank", "is_nonblank", "is_scored")
    )
    bad = is_scored & ~((p_nonblank >= 0.0) & (p_nonblank <= 1.0))
    if bad.any():
        raise ScoresError(
            f"{scores.location}: {int(bad.sum()):,} media have status ok and no p_nonblank in [0, 1]: "
            f"score them again"
        )
    return LabelledScores(
        p_nonblank=np.where(is_scored, p_nonblank.astype(np.float64), np.nan),
        is_nonblank=is_nonblank,
        is_scored=is_scored,
        locations=locations,
        sequences=sequences,
        folds=pc.fill_null(rows.column("fold"), -1).to_numpy(),
        location_names=names.to_pylist(),
        statuses=dict(statuses),
        scored_splits=dict(splits),
    )


def take_rows(scores: Scores, storage: Storage, positions: np.ndarray) -> pa.Table:
    """Read single labelled rows in full.

    Args:
        scores: the dataset.
        storage: the door to the bytes.
        positions: among the labelled rows, in any order, each once.

    Returns:
        The columns that a list of media shows, in the order of `positions`.
    """
    order = np.argsort(positions, kind="stable")
    wanted = positions[order]
    schema = pa.schema([SCORES_SCHEMA.field(name).with_nullable(True) for name in _LISTED])
    found, start = [schema.empty_table()], 0
    for table in _iter_labelled(scores, storage, _LISTED):
        first, last = np.searchsorted(wanted, [start, start + table.num_rows])
        found.append(table.take(pa.array(wanted[first:last] - start)))
        start += table.num_rows
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    return pa.concat_tables(found).take(pa.array(back))


_EMPTY = pa.schema(
    [
        pa.field("p_nonblank", pa.float32()),
        pa.field("is_nonblank", pa.bool_()),
        pa.field("is_scored", pa.bool_()),
        _FOLD,
        pa.field("location", pa.dictionary(pa.int32(), pa.string())),
        pa.field("sequence", pa.dictionary(pa.int32(), pa.string())),
    ]
).empty_table()


def _iter_labelled(scores: Scores, storage: Storage, columns: list[str]) -> Iterator[pa.Table]:
    """The labelled rows, some hundred thousand at a time; a column that a part lacks is null throughout."""
    known = {_FOLD.name: _FOLD, **{field.name: field.with_nullable(True) for field in SCORES_SCHEMA}}
    fields = [known[name] for name in columns]

    def whole(table: pa.Table) -> pa.Table:
        arrays = [
            table.column(field.name).cast(field.type)
            if field.name in table.column_names
            else pa.chunked_array([pa.nulls(table.num_rows, field.type)])
            for field in fields
        ]
        return pa.table(arrays, schema=pa.schema(fields))

    for table in gather(whole(one) for one in scores.iter_tables(storage, columns)):
        yield table.filter(table.column("label").is_valid())


def _part_of(rows: pa.Table, statuses: Counter[str], splits: Counter[str | None]) -> pa.Table:
    """What is kept of some rows; what is only counted is added to the counts."""
    labels = rows.column("label")
    for label in pc.unique(labels).to_pylist():
        if label not in set(Label):
            raise ScoresError(f"label {label!r} is neither blank nor nonblank: null means that nobody said")
    is_scored = pc.equal(rows.column("status"), Status.OK.value)
    is_whole = pc.equal(rows.column("label_level"), LabelLevel.SEQUENCE.value)
    for counter, column in (
        (statuses, rows.column("status")),
        (splits, rows.column("split").filter(is_scored)),
    ):
        counter.update({one["values"]: one["counts"] for one in column.value_counts().to_pylist()})
    columns = [
        pc.fill_null(rows.column("p_nonblank"), float("nan")),
        pc.equal(labels, Label.NONBLANK.value),
        is_scored,
        rows.column("fold"),
        pc.dictionary_encode(rows.column("location_id")),
        pc.dictionary_encode(pc.if_else(is_whole, rows.column("sequence_id"), None)),
    ]
    return pa.table(columns, schema=_EMPTY.schema)


def _codes(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Numbers of the names, -1 for none, and the names."""
    encoded = column.combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return codes.astype(np.int64), encoded.dictionary
