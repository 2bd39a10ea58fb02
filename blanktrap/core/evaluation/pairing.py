"""Two scores for each labelled media: that of the scores that are measured, and somebody else's.

Owns: putting them side by side by `media_id`, in 17 bytes for each labelled media and four for each other
score. Refuses: media that one of the two has no score for: they are counted, and compared nowhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blanktrap.core.statistics.codebook import Codebook, Codes
from blanktrap.core.statistics.fingerprints import Fingerprints, fingerprint_texts
from blanktrap.core.vocabulary import Label, Status

COLUMNS = ["media_id", "location_id", "status", "p_nonblank", "label", "split"]
OTHER_COLUMNS = ["media_id", "p_nonblank"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Paired:
    """Labelled media with two scores; arrays of shape (num_media,)."""

    p_nonblank: Floats
    other: Floats
    is_nonblank: NDArray[np.bool_]
    location: Codes
    """Number of each one's location."""
    locations: tuple[str | None, ...]
    """Location ids by number."""
    num_only_here: int
    """Measured media of which the other has no score."""
    num_other: int
    """Media that the other has a score for, labelled here or not."""


@dataclass(kw_only=True)
class PairFacts:
    """Gathers labelled and scored media from rows that stream by, to be paired later."""

    _ids: list[Fingerprints] = field(default_factory=list)
    _scores: list[Floats] = field(default_factory=list)
    _labels: list[NDArray[np.bool_]] = field(default_factory=list)
    _places: list[Codes] = field(default_factory=list)
    _splits: list[Codes] = field(default_factory=list)
    _locations: Codebook = field(default_factory=Codebook)
    _split_names: Codebook = field(default_factory=Codebook)

    def add(self, table: pa.Table) -> None:
        """Let rows with the columns of `COLUMNS` pass."""
        is_ok = pc.equal(table.column("status"), Status.OK.value)
        rows = table.select(COLUMNS).filter(pc.and_(is_ok, pc.is_valid(table.column("label"))))
        self._ids.append(fingerprint_texts(rows.column("media_id")))
        self._scores.append(rows.column("p_nonblank").to_numpy().astype(np.float32))
        self._labels.append(pc.equal(rows.column("label"), Label.NONBLANK.value).to_numpy().astype(bool))
        self._places.append(self._locations.encode(rows.column("location_id")))
        self._splits.append(self._split_names.encode(rows.column("split")))

    def pair(self, other: Iterable[pa.Table], splits: Iterable[str | None] | None) -> Paired:
        """Put another's scores beside those gathered.

        Args:
            other: rows with the columns of `OTHER_COLUMNS`; null where it has no score.
            splits: those that are measured; None takes all.
        """
        ids, scores, labels = (_joined(parts) for parts in (self._ids, self._scores, self._labels))
        places, of_splits = _joined(self._places), _joined(self._splits)
        if splits is not None:
            mine = np.isin(of_splits, [self._split_names.number_of(name) for name in splits])
            ids, scores, labels, places = ids[mine], scores[mine], labels[mine], places[mine]
        order = np.argsort(ids)
        ranked = ids[order]
        found = np.full(ids.size, np.nan, np.float32)
        num_other = 0
        for table in other:
            rows = table.filter(pc.is_valid(table.column("p_nonblank")))
            num_other += rows.num_rows
            theirs = fingerprint_texts(rows.column("media_id"))
            at = np.searchsorted(ranked, theirs).clip(max=max(ranked.size - 1, 0))
            hits = np.flatnonzero(ranked[at] == theirs) if ranked.size else np.zeros(0, np.int64)
            found[order[at[hits]]] = rows.column("p_nonblank").to_numpy()[hits]
        both = ~np.isnan(found)
        return Paired(
            p_nonblank=scores[both],
            other=found[both],
            is_nonblank=labels[both],
            location=places[both],
            locations=tuple(self._locations.values),
            num_only_here=int((~both).sum()),
            num_other=num_other,
        )


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)
