"""Where a run of the manifest is cut into the pieces that are read at a time.

Owns: what a cut costs, and which cuts are made. Refuses: files of scores, which are cut by row numbers alone
(`blanktrap.files.scores`): a piece may be a part of one or hold several, and scores depend on neither.

Media on both sides of a cut may be neighbours, and those are read twice. At the border of two places nothing
is, so a small archive can be shared out among many processors all the same.
"""

import heapq

import numpy as np
import pyarrow as pa

from blanktrap.core.neighbours import NeighbourRule, choose_neighbours

MOST_EXTRA_SHARE = 0.05
"""Media read for the background of others alone, of all media, at the most."""
_LEAST_PART = 8
"""No cut leaves less than this part of a piece on one side."""


def rows_per_piece(reach_rows: int) -> int:
    """Rows of pieces that read no more than `MOST_EXTRA_SHARE` twice wherever they are cut."""
    return int(np.ceil(2 * reach_rows / MOST_EXTRA_SHARE))


def cut_costs(rows: pa.Table, rule: NeighbourRule) -> np.ndarray:
    """Count what a cut before each row has read twice.

    Args:
        rows: in manifest order, as for `choose_neighbours`.
        rule: how neighbours are chosen.

    Returns:
        Media that are neighbours of one on the other side of the cut, int64, shape (num_rows,).
    """
    chosen = choose_neighbours(rows, rule)
    own = np.arange(rows.num_rows)
    user, column = np.nonzero(chosen)
    used = user + chosen[user, column]
    first, last = own.copy(), own.copy()
    np.minimum.at(first, used, user)
    np.maximum.at(last, used, user)
    # A media is read by the piece before as long as a cut parts it from the first that uses it, and by the
    # piece behind as long as one parts it from the last.
    steps = np.zeros(rows.num_rows + 2, np.int64)
    for begins, ends in ((first + 1, own + 1), (own + 1, last + 1)):
        np.add.at(steps, begins, 1)
        np.add.at(steps, ends, -1)
    costs: np.ndarray = np.cumsum(steps)[: rows.num_rows]
    return costs


def choose_cuts(costs: np.ndarray, *, most_rows: int, most_extra: float) -> list[int]:
    """Cut a run of rows into pieces, the largest first, as long as too much is not read twice.

    Args:
        costs: of a cut before each row, as `cut_costs`, shape (num_rows,).
        most_rows: a piece of no more rows is not cut again.
        most_extra: media that may be read twice for all cuts together.

    Returns:
        The rows before which to cut, rising; the cheapest ones, and of equally cheap ones those that make
        the parts most alike.
    """
    cuts: list[int] = []
    pieces = [(-len(costs), 0)]
    while pieces:
        negative, start = heapq.heappop(pieces)
        num_rows = -negative
        if num_rows <= most_rows:
            break
        least = max(1, num_rows // _LEAST_PART)
        places = np.arange(start + least, start + num_rows - least + 1)
        off_middle = np.abs(2 * (places - start) - num_rows)
        cut = int(places[np.lexsort((off_middle, costs[places]))[0]])
        if costs[cut] > most_extra:
            continue
        most_extra -= int(costs[cut])
        cuts.append(cut)
        heapq.heappush(pieces, (start - cut, start))
        heapq.heappush(pieces, (cut - start - num_rows, cut))
    return sorted(cuts)
