"""The media that a cutoff would throw away, and a random sample of them for people to look at.

Owns: what belongs to the pile, its strata (bands of score, night and day), and how many media of each are
drawn. Refuses: what the answers come to; that is `discard_audit`.

Media without a score are kept for people, so they are never in the pile.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blanktrap.core.audits.discard_audit import allocate_sample
from blanktrap.core.errors import ScoresError
from blanktrap.core.statistics.fingerprints import fingerprint_texts
from blanktrap.core.statistics.metrics import Floats, check_cutoff
from blanktrap.core.statistics.sampling import StratifiedSample
from blanktrap.core.vocabulary import Status

COLUMNS = [
    "media_id",
    "uri",
    "location_id",
    "sequence_id",
    "timestamp",
    "status",
    "p_nonblank",
    "is_night",
    "label",
    "species",
]

# Edges of the bands as shares of the cutoff: animals are likeliest in the highest band, most media lie in the
# lowest.
_EDGES = (0.0, 0.125, 0.25, 0.5, 1.0)
_LIGHTS = ("day", "night", "light unknown")


@dataclass(frozen=True, kw_only=True)
class PileStratum:
    """One stratum of the pile."""

    name: str
    num_media: int
    num_drawn: int
    mean_p_nonblank: float


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnPile:
    """A sample of the pile."""

    rows: pa.Table
    """The columns of `COLUMNS`, in the order in which to look."""
    names: NDArray[np.str_]
    """Stratum of each row."""
    strata: tuple[PileStratum, ...]

    @property
    def num_media(self) -> int:
        """Media of the pile."""
        return sum(stratum.num_media for stratum in self.strata)

    def details(self) -> list[dict[str, Any]]:
        """The strata as JSON."""
        return [vars(stratum) for stratum in self.strata]


@dataclass(kw_only=True)
class DiscardPile:
    """The pile as the scores stream by; its memory is bounded by the sample."""

    cutoff: float
    num_images: int
    seed: int
    where: str = "the scores"
    """The dataset, for messages."""
    num_media: int = 0
    """Media that have passed, in the pile or not."""
    num_scored: int = 0
    num_labelled: int = 0
    """Media of the pile that somebody has labelled before."""
    _sums: dict[str, float] = field(default_factory=dict)
    _sample: StratifiedSample = field(init=False)

    def __post_init__(self) -> None:
        check_cutoff(self.cutoff)
        self._sample = StratifiedSample(self.num_images)

    def add(self, table: pa.Table) -> None:
        """Let rows with the columns of `COLUMNS` pass.

        Raises:
            ScoresError: a media with status ok has no score in [0, 1].
        """
        self.num_media += table.num_rows
        rows = table.filter(pc.equal(table.column("status"), Status.OK.value))
        self.num_scored += rows.num_rows
        scores: Floats = pc.fill_null(rows.column("p_nonblank"), float("nan")).to_numpy()
        bad = ~((scores >= 0.0) & (scores <= 1.0))
        if bad.any():
            raise ScoresError(
                f"{self.where}: {int(bad.sum()):,} media have status ok and no p_nonblank in [0, 1]: "
                f"score them again"
            )
        low = np.flatnonzero(scores < np.float32(self.cutoff))
        rows, scores = rows.take(low), scores[low]
        self.num_labelled += rows.num_rows - rows.column("label").null_count
        names = stratum_names(scores, rows.column("is_night"), cutoff=self.cutoff)
        for name in np.unique(names).tolist():
            self._sums[name] = self._sums.get(name, 0.0) + float(scores[names == name].sum(dtype=np.float64))
        self._sample.add(rows, names, fingerprint_texts(rows.column("media_id"), seed=self.seed))

    def draw(self) -> DrawnPile | None:
        """Draw the sample, in proportion to the sizes of the strata; None where the pile is empty.

        In proportion, whatever the scores are: a bound for the whole pile is tightest then, and holds where
        the model is sure and wrong. Strata keep chance from passing over nights, or over a band of scores.

        Raises:
            EvaluationError: there are fewer images to draw than strata.
        """
        sizes = self._sample.sizes
        if not sizes:
            return None
        drawn = allocate_sample(self.num_images, sizes)
        rows, of_rows = self._sample.draw(drawn)
        return DrawnPile(
            rows=rows,
            names=of_rows,
            strata=tuple(
                PileStratum(
                    name=name,
                    num_media=size,
                    num_drawn=drawn[name],
                    mean_p_nonblank=round(self._sums[name] / size, 6),
                )
                for name, size in sizes.items()
            ),
        )


def stratum_names(scores: Floats, is_night: pa.ChunkedArray, *, cutoff: float) -> NDArray[np.str_]:
    """Name each media's stratum, such as `0.075 to 0.15, night`.

    Args:
        scores: below the cutoff, shape (num_media,).
        is_night: true, false or null, shape (num_media,).
        cutoff: in (0, 1].
    """
    edges = np.asarray(_EDGES) * cutoff
    bands = np.asarray([f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges.tolist())])
    band = np.clip(np.searchsorted(edges[1:].astype(scores.dtype), scores, side="right"), 0, len(bands) - 1)
    light = pc.fill_null(is_night.cast(pa.int8()), 2).to_numpy()
    names = np.asarray([[f"{one}, {other}" for other in _LIGHTS] for one in bands.tolist()])
    chosen: NDArray[np.str_] = names[band, light]
    return chosen
