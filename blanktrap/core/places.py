"""Media among those of their manifest: the row of each, and who is beside it.

Owns: the neighbours of some of a manifest's rows, as two more columns and as objects. Refuses: the choice
(`neighbours`), and pixels.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from blanktrap.core.neighbours import NEIGHBOUR_COLUMNS, NeighbourRule, choose_neighbours

ROW, NEIGHBOURS = "row", "neighbours"
"""Columns of rows that are compared: their place in the manifest, and who is beside them."""
PLACE_COLUMNS = ("uri", "size_bytes", *NEIGHBOUR_COLUMNS)
"""What of each row is needed for that."""
_NEIGHBOUR_TYPE = pa.struct({"row": pa.int64(), "uri": pa.string(), "size_bytes": pa.int64()})


@dataclass(frozen=True, kw_only=True)
class Place:
    """A media among those of its manifest."""

    row: int
    """Of the manifest."""
    uri: str
    size_bytes: int | None
    neighbours: tuple[tuple[int, str, int | None], ...]
    """Row, URI and size of each, the best first."""

    @property
    def beside(self) -> tuple[tuple[str, int | None], ...]:
        """URI and size of the neighbours: what the pixels depend on besides the media itself."""
        return tuple(one[1:] for one in self.neighbours)


def add_neighbours(
    tables: Iterable[pa.Table],
    rule: NeighbourRule,
    *,
    is_wanted: Callable[[pa.Table], np.ndarray] | None = None,
    first_row: int = 0,
) -> Iterator[pa.Table]:
    """Some rows of a manifest, with the columns `ROW` and `NEIGHBOURS`.

    Args:
        tables: all rows in the manifest's order, with `PLACE_COLUMNS`, and of one schema; neighbours may lie
            in the table before or after, and need not be wanted themselves.
        rule: how they are chosen.
        is_wanted: which rows of a table are asked for, bool, shape (num_rows,); None: those with a label.
        first_row: the number of the first row.
    """
    is_wanted = is_wanted or _has_label
    held: pa.Table | None = None
    first, num_decided = first_row, 0
    for table, is_last in _marking_the_last(tables):
        held = table if held is None else pa.concat_tables([held, table])
        stop = held.num_rows if is_last else max(num_decided, held.num_rows - rule.reach_rows)
        mine = np.flatnonzero(is_wanted(held.slice(num_decided, stop - num_decided))) + num_decided
        yield _beside(held, mine, first, rule)
        start = max(0, stop - rule.reach_rows)
        held, num_decided, first = held.slice(start), stop - start, first + start


def _has_label(rows: pa.Table) -> np.ndarray:
    return np.asarray(rows.column("label").is_valid().to_numpy(), bool)


def _marking_the_last(tables: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, bool]]:
    waiting: pa.Table | None = None
    for table in tables:
        if waiting is not None:
            yield waiting, False
        waiting = table
    if waiting is not None:
        yield waiting, True


def _beside(rows: pa.Table, mine: np.ndarray, first: int, rule: NeighbourRule) -> pa.Table:
    """The rows `mine`, the first of all rows being `first` of the manifest."""
    offsets = choose_neighbours(rows, rule)[mine]
    is_there = offsets != 0
    beside = (mine[:, None] + offsets)[is_there]
    values = pa.StructArray.from_arrays(
        [
            pa.array(first + beside, pa.int64()),
            *(rows.column(name).take(beside).combine_chunks() for name in ("uri", "size_bytes")),
        ],
        fields=list(_NEIGHBOUR_TYPE),
    )
    ends = np.concatenate([[0], np.cumsum(is_there.sum(axis=1))])
    taken = rows.take(mine).append_column(ROW, pa.array(first + mine, pa.int64()))
    return taken.append_column(NEIGHBOURS, pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values))


def with_places(table: pa.Table, places: Sequence[Place]) -> pa.Table:
    """Append the columns `ROW` and `NEIGHBOURS`, from which `places_of` makes the same places."""
    names = _NEIGHBOUR_TYPE.names
    beside = [[dict(zip(names, one, strict=True)) for one in place.neighbours] for place in places]
    table = table.append_column(ROW, pa.array([place.row for place in places], pa.int64()))
    return table.append_column(NEIGHBOURS, pa.array(beside, pa.list_(_NEIGHBOUR_TYPE)))


def places_of(rows: pa.Table) -> np.ndarray | None:
    """The `Place` of each row, of shape (num_rows,); None where `NEIGHBOURS` is no column."""
    if NEIGHBOURS not in rows.column_names:
        return None
    places = np.empty(rows.num_rows, dtype=object)
    columns = (rows.column(name).to_pylist() for name in (ROW, "uri", "size_bytes", NEIGHBOURS))
    for index, (row, uri, size_bytes, beside) in enumerate(zip(*columns, strict=True)):
        places[index] = Place(
            row=row,
            uri=uri,
            size_bytes=size_bytes,
            neighbours=tuple((one["row"], one["uri"], one["size_bytes"]) for one in beside),
        )
    return places
