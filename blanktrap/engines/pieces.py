"""What one read task of a scoring run has to do: a piece of the manifest.

Owns: cutting the chunks that are left to do into pieces. Refuses: which cuts are cheap (`core.pieces`), and
reading (`engines.sources`).

A piece is a chunk, unless media are compared with their place: then it is cut where little is read twice. No
score and no file depends on it, so a run may be cut in one way and gone on with in another.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

from blanktrap.core.neighbours import NeighbourRule
from blanktrap.core.pieces import MOST_EXTRA_SHARE, choose_cuts, cut_costs, rows_per_piece
from blanktrap.files.manifest import Manifest
from blanktrap.files.scores import RunIdentity
from blanktrap.files.storage import Storage

ENOUGH_PIECES = 64
"""With so many, wherever they are cut, there is no need to look where it costs least."""


@dataclass(frozen=True)
class Span:
    """The rows [start, stop) of the manifest that are read by one task."""

    start: int
    stop: int

    @property
    def num_rows(self) -> int:
        """Media of the piece."""
        return self.stop - self.start


def pieces_of(
    manifest: Manifest, storage: Storage, identity: RunIdentity, todo: list[int], rule: NeighbourRule | None
) -> Iterator[Span]:
    """Cut chunks into pieces of one read task each.

    Args:
        manifest: the rows, which are read where the archive is small.
        storage: the door to them.
        identity: says which rows a chunk has.
        todo: the chunks that are left to do, rising.
        rule: how media are compared with their place; None: they are not, and a piece is a chunk.
    """
    if rule is None:
        yield from (Span(*identity.span(chunk)) for chunk in todo)
        return
    anywhere = rows_per_piece(rule.reach_rows)
    runs = _runs_of(todo, identity)
    if manifest.num_media > ENOUGH_PIECES * anywhere:
        step = identity.chunk_size * -(-anywhere // identity.chunk_size)
        for start, stop in runs:
            yield from (Span(first, min(first + step, stop)) for first in range(start, stop, step))
        return
    costs = cut_costs(manifest.read_rows(storage, 0, manifest.num_media), rule)
    pieces = []
    for start, stop in runs:
        most_extra = MOST_EXTRA_SHARE * (stop - start)
        cuts = choose_cuts(costs[start:stop], most_rows=identity.chunk_size, most_extra=most_extra)
        pieces += [Span(start + first, start + end) for first, end in pairwise([0, *cuts, stop - start])]
    # The largest first: whoever has done a large one is given less of what is left.
    yield from sorted(pieces, key=lambda piece: -piece.num_rows)


def _runs_of(todo: list[int], identity: RunIdentity) -> Iterator[tuple[int, int]]:
    """Manifest rows [start, stop) of chunks that follow one another; `todo` rises."""
    for _, run in groupby(enumerate(todo), key=lambda item: item[1] - item[0]):
        chunks = [chunk for _, chunk in run]
        yield identity.span(chunks[0])[0], identity.span(chunks[-1])[1]
