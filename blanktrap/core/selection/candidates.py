"""The media that may be suggested for labelling, as the scores stream by.

Owns: who may be suggested at all, what is labelled where, and pools of bounded size: the most uncertain
media, a random sample of all, and a few of each location by day and by night. Refuses: choosing among them
(`suggestions`), and reading rows.

A pool keeps the first of each sequence before it keeps the first of all, so that what it drops could never
have been chosen: the result does not depend on how the rows come in pieces. Memory grows with the number of
locations, not with that of the media.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import logit

from blanktrap.core.errors import ScoresError
from blanktrap.core.statistics.codebook import Codebook
from blanktrap.core.statistics.fingerprints import fingerprint_texts
from blanktrap.core.vocabulary import Split, Status

COLUMNS = [
    "media_id",
    "location_id",
    "sequence_id",
    "status",
    "p_nonblank",
    "is_night",
    "label",
    "species",
    "split",
]
LIGHTS = ("by day", "at night", "in unknown light")
CANDIDATE = np.dtype(
    [
        ("position", np.int64),  # among all rows of the scores
        ("p_nonblank", np.float32),
        ("distance", np.float32),  # from the cutoff, in log odds
        ("stratum", np.int32),  # location and light
        ("sequence", np.uint64),
        ("lot", np.uint64),
    ]
)
LABELLED = np.dtype([("position", np.int64), ("species", np.int32), ("lot", np.uint64)])

_NEAREST = 1e-6
_PER_STRATUM = 64
_PER_SPECIES = 32
_SLACK = 262_144
_SEQUENCE_SEED = 0x5EC0

Rows = np.ndarray
"""Of the type `CANDIDATE` or `LABELLED`, shape (num_rows,)."""


def first_of_each(groups: np.ndarray, num: int) -> NDArray[np.bool_]:
    """Whether each is among the first `num` of its group.

    Args:
        groups: in order of preference, shape (num_rows,).
        num: how many of each group.
    """
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: groups.size])
    place = np.arange(groups.size) - np.repeat(starts, np.diff(np.append(starts, groups.size)))
    chosen = np.zeros(groups.size, dtype=bool)
    chosen[order] = place < num
    return chosen


class _Pool:
    """Rows that a rule keeps; it is applied whenever many have come."""

    def __init__(self, dtype: np.dtype, keep: Callable[[Rows], Rows]) -> None:
        self._rows: Rows = np.zeros(0, dtype)
        self._waiting: list[Rows] = []
        self._keep = keep

    def add(self, rows: Rows) -> None:
        self._waiting.append(rows)
        if sum(part.size for part in self._waiting) > _SLACK + self._rows.size:
            self.settle()

    def settle(self) -> Rows:
        """What is kept of all rows so far, in order of preference."""
        self._rows = self._keep(np.concatenate([self._rows, *self._waiting]))
        self._waiting = []
        return self._rows


@dataclass(kw_only=True)
class Coverage:
    """What is labelled where: a first pass, since who may be suggested depends on all rows."""

    places: Codebook = field(default_factory=Codebook)
    species: Codebook = field(default_factory=Codebook)
    num_media: int = 0
    num_labelled: int = 0
    """Media with a label, those of the test split among them."""
    _labels: dict[int, int] = field(default_factory=dict)
    _species_labels: dict[int, int] = field(default_factory=dict)
    _is_test: dict[int, bool] = field(default_factory=dict)
    """By location that has media of any split: whether all of them are test media."""

    def add(self, table: pa.Table) -> None:
        """Let rows with `location_id`, `is_night`, `label`, `species` and `split` pass."""
        self.num_media += table.num_rows
        places = self.places.encode(table.column("location_id"))
        splits = table.column("split")
        is_test = pc.fill_null(pc.equal(splits, Split.TEST.value), False).to_numpy()
        for test in (True, False):
            mine = is_test if test else pc.is_valid(splits).to_numpy() & ~is_test
            for place in np.unique(places[mine]).tolist():
                self._is_test[place] = self._is_test.get(place, True) and test
        # Labels of the test split measure; no model learns from them.
        is_labelled = pc.is_valid(table.column("label")).to_numpy()
        self.num_labelled += int(is_labelled.sum())
        taught = is_labelled & ~is_test
        strata, nums = np.unique(strata_of(places, table.column("is_night"))[taught], return_counts=True)
        for stratum, num in zip(strata.tolist(), nums.tolist(), strict=True):
            self._labels[stratum] = self._labels.get(stratum, 0) + num
        codes = self.species.encode(first_species(table.column("species")))
        for code, num in zip(*np.unique(codes[taught], return_counts=True), strict=True):
            self._species_labels[int(code)] = self._species_labels.get(int(code), 0) + int(num)

    @property
    def test_places(self) -> list[int]:
        """Numbers of the locations all of whose media in splits are test media; none where none is known."""
        none = self.places.number_of(None)
        return [place for place, is_test in self._is_test.items() if is_test and place != none]

    def num_labels(self, stratum: int) -> int:
        """Labelled media of a location and light, less the test split."""
        return self._labels.get(stratum, 0)

    def num_species_labels(self, code: int) -> int:
        """Labelled media of a species, less the test split."""
        return self._species_labels.get(code, 0)

    def describe(self, stratum: int) -> str:
        """A location and light in words."""
        name = self.places.values[stratum // len(LIGHTS)]
        where = "an unknown location" if name is None else f"location {name}"
        return f"{where} {LIGHTS[stratum % len(LIGHTS)]}"


def strata_of(places: np.ndarray, is_night: pa.ChunkedArray) -> NDArray[np.int32]:
    """The number of each media's location and light."""
    light = pc.fill_null(is_night.cast(pa.int8()), 2).to_numpy()
    strata: NDArray[np.int32] = (places * len(LIGHTS) + light).astype(np.int32)
    return strata


def first_species(column: pa.ChunkedArray) -> pa.Array:
    """The first species of each media; null where there is none."""
    lists = column.combine_chunks()
    has_one = pc.fill_null(pc.greater(pc.list_value_length(lists), 0), False)
    found = pc.list_element(lists.filter(has_one), 0)
    places = np.full(len(lists), -1, np.int64)
    places[has_one.to_numpy(zero_copy_only=False)] = np.arange(len(found))
    return found.take(pa.array(places, mask=places < 0))


class CandidatePools:
    """The candidates as the scores stream by once more."""

    def __init__(
        self,
        coverage: Coverage,
        *,
        cutoff: float,
        num_images: int,
        num_candidates: int,
        max_per_sequence: int,
        include_test: bool,
        seed: int,
        where: str = "the scores",
    ) -> None:
        self._coverage, self._seed, self._where = coverage, seed, where
        self._odds = _odds(np.asarray([cutoff], np.float32))[0]
        self._include_test = include_test
        self._test_places = coverage.test_places
        self.num_media = self.num_suggestible = self.num_test = 0

        def capped(rows: Rows, order: np.ndarray) -> Rows:
            rows = rows[order]
            kept: Rows = rows[first_of_each(rows["sequence"], max_per_sequence)]
            return kept

        def nearest(rows: Rows) -> Rows:
            return capped(rows, np.lexsort((rows["lot"], rows["distance"])))[: 2 * num_images]

        def at_random(rows: Rows) -> Rows:
            return capped(rows, np.argsort(rows["lot"], kind="stable"))[:num_candidates]

        def of_each_stratum(rows: Rows) -> Rows:
            rows = capped(rows, np.argsort(rows["lot"], kind="stable"))
            kept: Rows = rows[first_of_each(rows["stratum"], min(num_images, _PER_STRATUM))]
            return kept

        def labelled(rows: Rows) -> Rows:
            rows = rows[np.argsort(rows["lot"], kind="stable")]
            is_rare = first_of_each(rows["species"], _PER_SPECIES)
            kept: Rows = rows[is_rare | (np.arange(rows.size) < num_candidates)]
            return kept

        self._uncertain, self._sample = _Pool(CANDIDATE, nearest), _Pool(CANDIDATE, at_random)
        self._strata, self._labelled = _Pool(CANDIDATE, of_each_stratum), _Pool(LABELLED, labelled)

    def add(self, table: pa.Table) -> None:
        """Let rows with the columns of `COLUMNS` pass, in the order of the scores.

        Raises:
            ScoresError: a media with status ok has no score in [0, 1].
        """
        positions = np.arange(self.num_media, self.num_media + table.num_rows)
        self.num_media += table.num_rows
        scores = pc.fill_null(table.column("p_nonblank"), float("nan")).to_numpy()
        is_ok = pc.equal(table.column("status"), Status.OK.value).to_numpy()
        bad = is_ok & ~((scores >= 0.0) & (scores <= 1.0))
        if bad.any():
            raise ScoresError(
                f"{self._where}: {int(bad.sum()):,} media have status ok and no p_nonblank in [0, 1]: "
                f"score them again"
            )
        places = self._coverage.places.encode(table.column("location_id"))
        in_test = pc.fill_null(pc.equal(table.column("split"), Split.TEST.value), False).to_numpy()
        is_test = in_test | np.isin(places, self._test_places)
        lots = fingerprint_texts(table.column("media_id"), seed=self._seed)
        has_label = pc.is_valid(table.column("label")).to_numpy()
        known = np.flatnonzero(is_ok & has_label & ~in_test)
        codes = self._coverage.species.encode(first_species(table.column("species")))
        labelled = np.zeros(known.size, LABELLED)
        labelled["position"], labelled["species"] = positions[known], codes[known]
        labelled["lot"] = lots[known]
        self._labelled.add(labelled)
        free = is_ok & ~has_label
        self.num_test += int((free & is_test).sum())
        chosen = np.flatnonzero(free if self._include_test else free & ~is_test)
        self.num_suggestible += chosen.size
        rows = np.zeros(chosen.size, CANDIDATE)
        rows["position"], rows["p_nonblank"] = positions[chosen], scores[chosen]
        rows["distance"] = np.abs(_odds(scores[chosen]) - self._odds)
        rows["stratum"] = strata_of(places, table.column("is_night"))[chosen]
        rows["sequence"] = _sequences_of(table, places)[chosen]
        rows["lot"] = lots[chosen]
        for pool in (self._uncertain, self._sample, self._strata):
            pool.add(rows)

    @property
    def uncertain(self) -> Rows:
        """Media near the cutoff, nearest first."""
        return self._uncertain.settle()

    @property
    def sample(self) -> Rows:
        """A random sample of all that may be suggested, by lot."""
        return self._sample.settle()

    @property
    def strata(self) -> Rows:
        """Some media of each location and light, by lot."""
        return self._strata.settle()

    @property
    def labelled(self) -> Rows:
        """A random sample of the labelled media, and some of each species."""
        return self._labelled.settle()


def _odds(p_nonblank: np.ndarray) -> np.ndarray:
    odds: np.ndarray = logit(np.clip(p_nonblank.astype(np.float64), _NEAREST, 1.0 - _NEAREST))
    return odds


def _sequences_of(table: pa.Table, places: np.ndarray) -> NDArray[np.uint64]:
    """A number for each sequence, of its location too: names of sequences may come back elsewhere."""
    names = table.column("sequence_id")
    own = fingerprint_texts(table.column("media_id"), seed=_SEQUENCE_SEED)
    # Location numbers are spread over all bits, so that no two sequences get near each other.
    spread = (places.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    together = fingerprint_texts(names, seed=_SEQUENCE_SEED) ^ spread
    found: NDArray[np.uint64] = np.where(pc.is_valid(names).to_numpy(), together, own)
    return found
