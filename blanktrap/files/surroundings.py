"""The rows that stand around chosen media in a manifest or in scores: where their neighbours are.

Owns: finding chosen media again in one pass with the rows around each, and laying them out to be loaded.
Refuses: the choice of neighbours (`core.neighbours`), and pixels.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.neighbours import NEIGHBOUR_COLUMNS, NeighbourRule, choose_neighbours
from blanktrap.core.schemas import SCORES_SCHEMA

SURROUNDING_COLUMNS = ("uri", "size_bytes", *NEIGHBOUR_COLUMNS)
"""What is kept of each row."""
_FIELDS = pa.schema([SCORES_SCHEMA.field(name) for name in SURROUNDING_COLUMNS])


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """A media among the rows around it."""

    rows: pa.Table
    """In manifest order, with `SURROUNDING_COLUMNS`."""
    place: int
    """Of the media among them."""


def find_surroundings(
    tables: Iterable[pa.Table], uris: Collection[str], reach_rows: int
) -> dict[str, Surroundings]:
    """Find media among rows that stand in the order of a manifest.

    Args:
        tables: consecutive rows of one manifest or of one scores dataset; a column that is absent is null.
        uris: the media to find.
        reach_rows: rows to keep before and behind each.

    Returns:
        By URI; media that are not there are absent. Memory holds the rows kept and no others.
    """
    wanted = pa.array(sorted(set(uris)), pa.string())
    found: dict[str, Surroundings] = {}
    waiting = _FIELDS.empty_table()
    begin = 0
    for table in chain(map(_conformed, tables), [None]):
        if table is not None:
            waiting = pa.concat_tables([waiting, table])
        # Behind these rows all that they need has come.
        end = waiting.num_rows if table is None else max(begin, waiting.num_rows - reach_rows)
        is_wanted = pc.is_in(waiting.column("uri").slice(begin, end - begin), wanted)
        for place in pc.indices_nonzero(is_wanted).to_pylist():
            first = max(0, begin + place - reach_rows)
            rows = waiting.slice(first, begin + place + reach_rows + 1 - first)
            one = Surroundings(rows=rows.combine_chunks(), place=begin + place - first)
            found[rows.column("uri")[one.place].as_py()] = one
        passed = max(0, end - reach_rows)
        waiting, begin = waiting.slice(passed), end - passed
    return found


@dataclass(kw_only=True)
class Layout:
    """Media and their neighbours, as `vision.comparing.compare_images` takes them."""

    uris: list[str] = field(default_factory=list)
    sizes_bytes: list[int | None] = field(default_factory=list)
    wanted: list[int] = field(default_factory=list)
    """Positions in `uris` of the media, rising."""
    neighbours: list[list[int]] = field(default_factory=list)
    """For each media the positions of its neighbours, the best first."""

    def add(self, around: Surroundings, rule: NeighbourRule) -> None:
        """Lay out one media behind the others; neighbours that it shares with them are there twice."""
        start = len(self.uris)
        offsets = choose_neighbours(around.rows, rule)[around.place]
        self.uris += around.rows.column("uri").to_pylist()
        self.sizes_bytes += around.rows.column("size_bytes").to_pylist()
        self.wanted.append(start + around.place)
        self.neighbours.append([start + around.place + int(offset) for offset in offsets if offset])


def lay_out(
    media: Iterable[Mapping[str, Any]], found: Mapping[str, Surroundings], rule: NeighbourRule
) -> Layout:
    """Lay out media in any order.

    Args:
        media: with `uri` and `size_bytes`.
        found: what stands around them; media that are not in it stand alone and have no neighbours.
        rule: of the model that looks at them.
    """
    layout = Layout()
    for one in media:
        layout.add(found.get(one["uri"]) or _alone(one), rule)
    return layout


def _alone(media: Mapping[str, Any]) -> Surroundings:
    row = pa.table({name: [media[name]] for name in ("uri", "size_bytes")})
    return Surroundings(rows=_conformed(row), place=0)


def _conformed(table: pa.Table) -> pa.Table:
    columns = [
        table.column(one.name).cast(one.type)
        if one.name in table.column_names
        else pa.nulls(table.num_rows, one.type)
        for one in _FIELDS
    ]
    return pa.table(columns, schema=_FIELDS)
