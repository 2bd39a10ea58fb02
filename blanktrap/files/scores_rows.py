"""Rows of a scores dataset by their positions, with labels that may be newer than the scores.

Owns: the passes over a dataset, where its parts begin, and which parts are read for some rows. Refuses: what
the rows are read for.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from blanktrap.core.evaluation.tally import gather
from blanktrap.core.selection.newer_labels import COLUMNS, NewerLabels
from blanktrap.files.manifest import open_manifest
from blanktrap.files.scores_reader import Scores
from blanktrap.files.storage import Storage


def read_newer_labels(storage: Storage, location: str) -> NewerLabels:
    """The labels, species and splits of a manifest.

    Raises:
        ManifestError: there is no manifest, or it is damaged.
        EvaluationError: it labels nothing, or a media twice.
        SourceError: it cannot be read.
    """
    labels = NewerLabels(where=location)
    for table in open_manifest(storage, location).iter_tables(storage):
        labels.add(table.select(COLUMNS))
    labels.settle()
    return labels


class ScoresRows:
    """A dataset that is passed over several times, and then asked for some of its rows."""

    def __init__(self, scores: Scores, storage: Storage, labels: NewerLabels | None = None) -> None:
        """Args: labels: put on all rows; None leaves those that the scores carry."""
        self.scores, self.storage, self.labels = scores, storage, labels
        self._starts = np.zeros(0, np.int64)

    def stream(self, columns: list[str]) -> Iterator[pa.Table]:
        """All rows in order, many at a time, with the columns named and `media_id`."""
        yield from gather(self._parts(columns))

    def take(self, positions: np.ndarray, fields: list[pa.Field]) -> pa.Table:
        """The rows at positions, each given once, in the order given; `stream` must have ended before.

        Args:
            positions: among all rows of the scores, shape (num_rows,).
            fields: the columns wanted; those beyond the contract's are taken as given here.
        """
        order = np.argsort(positions, kind="stable")
        wanted = positions[order]
        of_part = np.searchsorted(self._starts, wanted, side="right") - 1
        parts = np.unique(of_part)
        names = [one.name for one in fields]
        found = [pa.schema(fields).empty_table()]
        some = replace(self.scores, parts=tuple(self.scores.parts[part] for part in parts.tolist()))
        tables = some.iter_columns(self.storage, names, extras={one.name: one.type for one in fields})
        for part, table in zip(parts.tolist(), tables, strict=True):
            rows = wanted[of_part == part] - self._starts[part]
            found.append(table.take(pa.array(rows)).cast(pa.schema(fields)))
        back = np.empty_like(order)
        back[order] = np.arange(order.size)
        taken = pa.concat_tables(found).take(pa.array(back))
        return taken if self.labels is None or "media_id" not in names else self.labels.put_on(taken)

    def _parts(self, columns: list[str]) -> Iterator[pa.Table]:
        sizes: list[int] = []
        for table in self.scores.iter_columns(self.storage, list(dict.fromkeys(["media_id", *columns]))):
            sizes.append(table.num_rows)
            yield table if self.labels is None else self.labels.put_on(table)
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
