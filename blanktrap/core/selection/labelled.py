"""The labelled media of a manifest as plain arrays: ten million take a few hundred MiB.

Owns: the columns that splitting and choosing look at. Refuses: names; ids are codes, equal where the ids
are equal, and -1 where there is none.
"""

from dataclasses import dataclass

import numpy as np

from blanktrap.core.selection.groups import NONE

NO_TIME = np.iinfo(np.int64).min
"""The time of a media that has none."""


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Labelled media in manifest order. Arrays have shape (num_media,) where nothing else is said."""

    rows: np.ndarray
    """Place in the manifest, from 0, ascending."""
    locations: np.ndarray
    """Codes: the first labelled row that has the id. Deployments and sequences alike."""
    deployments: np.ndarray
    sequences: np.ndarray
    times_ms: np.ndarray
    """Milliseconds since 1970 on the camera's clock, `NO_TIME` where unknown."""
    frame_nums: np.ndarray
    """-1 where unknown."""
    is_nonblank: np.ndarray
    """Human labels, boolean."""
    nights: np.ndarray
    """1 at night, 0 by day, -1 where unknown."""
    given_splits: np.ndarray
    """Index of the split that the manifest names, -1 for none."""
    species_media: np.ndarray
    """Index of a media for each pair of media and species, shape (num_pairs,)."""
    species: np.ndarray
    """Its species, from 0 in the order of `species_names`, shape (num_pairs,)."""
    species_names: tuple[str, ...]

    @property
    def num_media(self) -> int:
        """Labelled media."""
        return int(self.rows.size)

    def kinds(self) -> np.ndarray:
        """What media of one label differ in: the rarest of a media's species; of blanks, day or night."""
        kinds = np.where(self.is_nonblank, NONE, self.nights).astype(np.int32)
        commonest_first = np.argsort(-np.bincount(self.species, minlength=len(self.species_names)))
        rank = np.empty(commonest_first.size, dtype=np.int32)
        rank[commonest_first] = np.arange(rank.size)
        of_nonblank = self.is_nonblank[self.species_media]
        np.maximum.at(kinds, self.species_media[of_nonblank], rank[self.species[of_nonblank]])
        return kinds
