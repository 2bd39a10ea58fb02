"""How much of what lies in each split.

Owns: the figures of the table that `blanktrap select` prints. Refuses: wording.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from blanktrap.core.selection.groups import NONE
from blanktrap.core.selection.labelled import LabelledRows
from blanktrap.core.vocabulary import Split

NO_SPLIT = "no split"


@dataclass(frozen=True, kw_only=True)
class SplitFigures:
    """One row of the table."""

    split: str
    num_media: int
    num_blank: int
    num_sequences: int
    """Distinct sequences; media without one add none."""
    num_locations: int
    """Distinct locations; media without one add none."""
    num_night: int
    """Media known to be taken at night."""
    num_day_or_night: int
    """Media of which that is known."""
    num_species: int

    @property
    def blank_share(self) -> float | None:
        """Share of blank media; None where there are none at all."""
        return self.num_blank / self.num_media if self.num_media else None

    @property
    def night_share(self) -> float | None:
        """Share taken at night, of those known; None where nothing is known."""
        return self.num_night / self.num_day_or_night if self.num_day_or_night else None

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "blank_share": self.blank_share, "night_share": self.night_share}


def describe_splits(media: LabelledRows, splits: np.ndarray) -> list[SplitFigures]:
    """Describe train, val, test, and the labelled media in none.

    Args:
        media: the labelled media.
        splits: of each media, -1 for none.
    """
    return [
        _describe(media, splits == number, name) for number, name in (*enumerate(Split), (NONE, NO_SPLIT))
    ]


def _describe(media: LabelledRows, inside: np.ndarray, name: str) -> SplitFigures:
    nights = media.nights[inside]
    return SplitFigures(
        split=str(name),
        num_media=int(np.count_nonzero(inside)),
        num_blank=int(np.count_nonzero(inside & ~media.is_nonblank)),
        num_sequences=_num_distinct(media.sequences[inside]),
        num_locations=_num_distinct(media.locations[inside]),
        num_night=int(np.count_nonzero(nights == 1)),
        num_day_or_night=int(np.count_nonzero(nights != NONE)),
        num_species=_num_distinct(media.species[inside[media.species_media]]),
    )


def _num_distinct(codes: np.ndarray) -> int:
    return int(np.unique(codes[codes != NONE]).size)
