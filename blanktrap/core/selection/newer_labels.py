"""Labels of a manifest that are newer than those a scores dataset carries.

Owns: remembering them by `media_id`, 20 bytes for each media with a label or a split, and putting them on
rows of the scores that stream by. Refuses: mixing: labels and species of the scores are all replaced, and
their splits too where the manifest has any.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.errors import EvaluationError
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.core.selection.candidates import first_species
from blanktrap.core.statistics.codebook import Codebook
from blanktrap.core.statistics.fingerprints import fingerprint_texts

COLUMNS = ["media_id", "label", "species", "split"]

_KNOWN = np.dtype([("media", np.uint64), ("label", np.int32), ("species", np.int32), ("split", np.int32)])


class NewerLabels:
    """What a manifest says of its media."""

    def __init__(self, *, where: str) -> None:
        """Args: where: the manifest, for messages."""
        self.where = where
        self.num_labels = 0
        self._books = {name: Codebook() for name in ("label", "species", "split")}
        for book in self._books.values():
            book.number_of(None)  # 0 stands for nothing
        self._pieces: list[np.ndarray] = []
        self._known = np.zeros(0, _KNOWN)
        self._has_splits = False

    def add(self, table: pa.Table) -> None:
        """Let rows of the manifest pass, with the columns of `COLUMNS`."""
        table = table.filter(pc.or_(pc.is_valid(table.column("label")), pc.is_valid(table.column("split"))))
        rows = np.zeros(table.num_rows, _KNOWN)
        rows["media"] = fingerprint_texts(table.column("media_id"))
        rows["label"] = self._books["label"].encode(table.column("label"))
        rows["species"] = self._books["species"].encode(first_species(table.column("species")))
        rows["split"] = self._books["split"].encode(table.column("split"))
        self.num_labels += int((rows["label"] > 0).sum())
        self._has_splits = self._has_splits or bool((rows["split"] > 0).any())
        self._pieces.append(rows)

    def settle(self) -> None:
        """Call once, when all rows have passed.

        Raises:
            EvaluationError: the manifest labels nothing, or a media twice.
        """
        if not self.num_labels:
            raise EvaluationError(f"{self.where} labels no media: index again with --annotations")
        self._known = np.concatenate([self._known, *self._pieces])
        self._pieces = []
        self._known.sort(order="media")
        num_twice = int((np.diff(self._known["media"]) == 0).sum())
        if num_twice:
            raise EvaluationError(
                f"{self.where} has {num_twice:,} media twice, and so two labels for one: index again"
            )

    def put_on(self, table: pa.Table) -> pa.Table:
        """Rows with `media_id`, and those of `COLUMNS` that they have replaced by what the manifest says."""
        media = fingerprint_texts(table.column("media_id"))
        places = np.minimum(np.searchsorted(self._known["media"], media), self._known.size - 1)
        is_known = self._known["media"][places] == media
        for name, book in self._books.items():
            if name not in table.column_names or (name == "split" and not self._has_splits):
                continue
            codes = np.where(is_known, self._known[name][places], 0)
            words = pa.array(book.values, pa.string()).take(pa.array(codes))
            place = table.column_names.index(name)
            table = table.set_column(place, SCORES_SCHEMA.field(name), _listed(words, name))
        return table


def _listed(words: pa.Array, name: str) -> pa.Array:
    """Species come in lists: of one name, or empty."""
    if name != "species":
        return words
    offsets = np.append(0, np.cumsum(words.is_valid().to_numpy(zero_copy_only=False)))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), words.drop_null())
