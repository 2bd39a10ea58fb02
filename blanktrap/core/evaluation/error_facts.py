"""What is remembered of each labelled media while the scores stream by, to ask later which were missed.

Owns: a few small numbers for each labelled media (about 40 bytes for a nonblank one, 17 for a blank one), and
eight bytes for the sequence of every media. Refuses: cutoffs and splits: they are known only at the end.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blanktrap.core.evaluation.error_tags import AnsweredMedia
from blanktrap.core.exposure import ExposureGrade
from blanktrap.core.schemas import EXPOSURE
from blanktrap.core.statistics.codebook import Codebook, Codes
from blanktrap.core.statistics.fingerprints import Fingerprints, fingerprint_texts
from blanktrap.core.vocabulary import Label, Status

COLUMNS = [
    "media_id",
    "location_id",
    "sequence_id",
    "timestamp",
    "status",
    "p_nonblank",
    "width_px",
    "height_px",
    "brightness",
    "is_night",
    "label",
    "species",
    "split",
]

QUALITY_COLUMNS = ("blur", "sharpness", "contrast")
"""Measures of image quality that a scores dataset may carry as extra columns; blanktrap's own has none."""

NUM_BRIGHTNESS_BANDS = 10
NUM_EXAMPLES = 5

NO_TIME = np.iinfo(np.int64).min

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class NonblankFacts:
    """Labelled nonblank media, scored or not. Arrays of shape (num_media,) unless said otherwise."""

    p_nonblank: Floats
    """nan where the media has no score."""
    location: Codes
    hour: NDArray[np.int8]
    """Of the camera's clock, 0 to 23; -1 without a time."""
    light: NDArray[np.int8]
    """0 day, 1 night, 2 unknown."""
    brightness: NDArray[np.int8]
    """Band from 0 to 9; -1 unknown."""
    exposure: NDArray[np.int8]
    """Place in `ExposureGrade`; -1 unknown."""
    size: Codes
    sequence_length: Codes
    """Media of the same sequence, labelled or not; 0 for no known sequence."""
    species: Codes
    """Shape (num_named,); a media with two species stands here twice."""
    species_of: NDArray[np.int64]
    """Which media each of `species` belongs to, shape (num_named,)."""
    quality: dict[str, Floats]
    """By column; nan where unknown."""
    lots: Fingerprints | None
    """What each media draws in a sample; None where no sample is wanted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BlankFacts:
    """Labelled blank media with a score, arrays of shape (num_media,)."""

    p_nonblank: Floats
    location: Codes
    time: NDArray[np.int64]
    """Milliseconds of the camera's clock; `NO_TIME` without."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """All that is known of the measured media."""

    nonblank: NonblankFacts
    blank: BlankFacts
    locations: list[str | None]
    """By number."""
    sizes: list[tuple[int, int] | None]
    """Width and height in pixels, by number."""
    species: list[str | None]
    """By number; None for nonblank media of which nobody named a species."""
    highest_blanks: dict[int, list[tuple[float, str]]]
    """The highest-scoring blanks of each location: score and media_id, the highest first."""
    answered: tuple[AnsweredMedia, ...]
    """Media that people answered, of any split and label."""


@dataclass(kw_only=True)
class ErrorFacts:
    """Gathers `Facts` from rows that stream by."""

    quality_columns: tuple[str, ...] = ()
    has_exposure: bool = False
    """The rows have a column `exposure`."""
    answered_ids: Sequence[str] = ()
    """Media that people answered."""
    lot_seed: int | None = None
    """Of the lots that nonblank media draw; None where no sample is wanted."""
    _locations: Codebook = field(default_factory=Codebook)
    _sizes: Codebook = field(default_factory=Codebook)
    _species: Codebook = field(default_factory=Codebook)
    _splits: Codebook = field(default_factory=Codebook)
    _nonblank: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    _blank: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    _sequences: list[Fingerprints] = field(default_factory=list)
    _highest: dict[tuple[int, int], list[tuple[float, str]]] = field(default_factory=dict)
    _answered: list[dict[str, Any]] = field(default_factory=list)
    _num_nonblank: int = 0

    def add(self, table: pa.Table) -> None:
        """Let rows with the columns of `COLUMNS` pass; columns of quality and `exposure` may follow."""
        sequences = fingerprint_texts(table.column("sequence_id"))
        self._sequences.append(sequences[sequences != 0])
        label = table.column("label")
        is_nonblank = _mask(pc.equal(label, Label.NONBLANK.value))
        is_blank = _mask(pc.equal(label, Label.BLANK.value)) & _mask(
            pc.equal(table.column("status"), Status.OK.value)
        )
        if is_nonblank.any():
            self._add_nonblank(table.filter(pa.array(is_nonblank)), sequences[is_nonblank])
        if is_blank.any():
            self._add_blank(table.filter(pa.array(is_blank)))
        if self.answered_ids:
            hit = pc.is_in(table.column("media_id"), value_set=pa.array(self.answered_ids, pa.string()))
            self._answered += table.select(_ANSWERED).filter(hit).to_pylist()

    def facts(self, splits: Iterable[str | None] | None) -> Facts:
        """What is known of the media of some splits; None takes all.

        What has been gathered is given away: call it once.
        """
        names = None if splits is None else tuple(splits)
        wanted = None if names is None else np.asarray([self._splits.number_of(name) for name in names])
        nonblank, blank = _joined(self._nonblank, _NONBLANK), _joined(self._blank, _BLANK)
        species_of, species = nonblank.pop("species_of"), nonblank.pop("species")
        if wanted is not None:
            mine = np.isin(nonblank["split"], wanted)
            places = np.cumsum(mine) - 1
            named = mine[species_of]
            species, species_of = species[named], places[species_of[named]]
            nonblank = {name: values[mine] for name, values in nonblank.items()}
            mine = np.isin(blank["split"], wanted)
            blank = {name: values[mine] for name, values in blank.items()}
        lengths = _sequence_lengths(self._sequences, nonblank.pop("sequence"))
        del nonblank["split"], blank["split"]
        quality = {name: nonblank.pop(name) for name in self.quality_columns if name in nonblank}
        lots = nonblank.pop("lots", np.zeros(0, np.uint64)) if self.lot_seed is not None else None
        return Facts(
            nonblank=NonblankFacts(
                **nonblank,
                sequence_length=lengths,
                species=species,
                species_of=species_of,
                quality=quality,
                lots=lots,
            ),
            blank=BlankFacts(**blank),
            locations=self._locations.values,
            sizes=self._sizes.values,
            species=self._species.values,
            highest_blanks=self._highest_of(wanted),
            answered=tuple(_answered_media(row, names) for row in self._answered),
        )

    def _add_nonblank(self, rows: pa.Table, sequences: Fingerprints) -> None:
        kept = self._nonblank
        kept["p_nonblank"].append(_scores(rows))
        kept["location"].append(self._locations.encode(rows.column("location_id")))
        kept["split"].append(self._splits.encode(rows.column("split")).astype(np.int8))
        kept["hour"].append(_small(pc.hour(rows.column("timestamp")), -1))
        kept["light"].append(_small(rows.column("is_night"), 2))
        # In the column's own format: 0.7 times ten is then 7, and not a little less.
        brightness = pc.multiply(rows.column("brightness"), pa.scalar(NUM_BRIGHTNESS_BANDS, pa.float32()))
        kept["brightness"].append(
            _small(pc.min_element_wise(pc.floor(brightness), NUM_BRIGHTNESS_BANDS - 1, skip_nulls=False), -1)
        )
        kept["exposure"].append(
            _small(pc.index_in(rows.column(EXPOSURE.name), value_set=_GRADES), -1)
            if self.has_exposure
            else np.full(rows.num_rows, -1, np.int8)
        )
        kept["size"].append(self._encode_sizes(rows))
        kept["sequence"].append(sequences)
        lists = rows.column("species").combine_chunks()
        named = pc.list_flatten(lists)
        parents = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
        silent = np.setdiff1d(np.arange(rows.num_rows), parents)
        kept["species"].append(
            np.concatenate(
                [self._species.encode(named), np.full(silent.size, self._species.number_of(None), np.int32)]
            )
        )
        kept["species_of"].append(np.concatenate([parents, silent]) + self._num_nonblank)
        self._num_nonblank += rows.num_rows
        for name in self.quality_columns:
            kept[name].append(_floats(rows.column(name)))
        if self.lot_seed is not None:
            kept["lots"].append(fingerprint_texts(rows.column("media_id"), seed=self.lot_seed))

    def _add_blank(self, rows: pa.Table) -> None:
        scores, location = _scores(rows), self._locations.encode(rows.column("location_id"))
        split = self._splits.encode(rows.column("split"))
        self._blank["p_nonblank"].append(scores)
        self._blank["location"].append(location)
        self._blank["split"].append(split.astype(np.int8))
        times = rows.column("timestamp").cast(pa.timestamp("ms")).cast(pa.int64())
        self._blank["time"].append(pc.fill_null(times, NO_TIME).to_numpy())
        order = np.lexsort((-scores, location, split))
        starts = np.flatnonzero(np.diff(location[order], prepend=-1) | np.diff(split[order], prepend=-1))
        ranks = np.arange(order.size) - np.repeat(starts, np.diff(starts, append=order.size))
        best = order[ranks < NUM_EXAMPLES]
        names = rows.column("media_id").take(pa.array(best)).to_pylist()
        for row, name in zip(best.tolist(), names, strict=True):
            key = int(split[row]), int(location[row])
            both = [*self._highest.get(key, ()), (float(scores[row]), name)]
            self._highest[key] = sorted(both, key=lambda one: (-one[0], one[1]))[:NUM_EXAMPLES]

    def _encode_sizes(self, rows: pa.Table) -> Codes:
        width = pc.fill_null(rows.column("width_px"), 0).to_numpy().astype(np.int64)
        height = pc.fill_null(rows.column("height_px"), 0).to_numpy().astype(np.int64)
        sizes, places = np.unique(width << 32 | height, return_inverse=True)
        pairs = [(int(size) >> 32, int(size) & 0xFFFFFFFF) for size in sizes]
        numbers = [self._sizes.number_of(pair if all(pair) else None) for pair in pairs]
        return np.asarray(numbers, np.int32)[places]

    def _highest_of(self, wanted: NDArray[Any] | None) -> dict[int, list[tuple[float, str]]]:
        found: dict[int, list[tuple[float, str]]] = defaultdict(list)
        for (split, location), blanks in self._highest.items():
            if wanted is None or split in wanted:
                found[location] += blanks
        return {
            location: sorted(blanks, key=lambda one: (-one[0], one[1]))[:NUM_EXAMPLES]
            for location, blanks in found.items()
        }


_GRADES = pa.array(list(ExposureGrade), pa.string())
_ANSWERED = ["media_id", "location_id", "status", "p_nonblank", "label", "split"]
_NONBLANK: dict[str, type[Any]] = {
    "p_nonblank": np.float32,
    "location": np.int32,
    "split": np.int8,
    "hour": np.int8,
    "light": np.int8,
    "brightness": np.int8,
    "exposure": np.int8,
    "size": np.int32,
    "sequence": np.uint64,
    "species": np.int32,
    "species_of": np.int64,
}
_BLANK: dict[str, type[Any]] = {
    "p_nonblank": np.float32,
    "location": np.int32,
    "split": np.int8,
    "time": np.int64,
}


def _joined(parts: dict[str, list[np.ndarray]], kinds: dict[str, type[Any]]) -> dict[str, np.ndarray]:
    """Each column in one piece; its pieces are let go as soon as it stands."""
    joined = {}
    for name in [*kinds, *(name for name in parts if name not in kinds)]:
        pieces = parts.pop(name, [])
        joined[name] = np.concatenate(pieces) if pieces else np.zeros(0, kinds.get(name, np.float32))
    return joined


def _answered_media(row: dict[str, Any], splits: tuple[str | None, ...] | None) -> AnsweredMedia:
    return AnsweredMedia(
        media_id=row["media_id"],
        location_id=row["location_id"],
        p_nonblank=row["p_nonblank"] if row["status"] == Status.OK.value else None,
        label=row["label"],
        is_measured=splits is None or row["split"] in splits,
    )


def _sequence_lengths(all_media: Sequence[Fingerprints], wanted: Fingerprints) -> Codes:
    lengths = np.zeros(wanted.size, np.int32)
    known = wanted != 0
    if known.any():
        sequences, counts = np.unique(np.concatenate(all_media), return_counts=True)
        lengths[known] = counts[np.searchsorted(sequences, wanted[known])]
    return lengths


def _mask(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(column, False).to_numpy(), dtype=bool)


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(pc.fill_null(column.cast(pa.float32()), float("nan")).to_numpy(), np.float32)


def _scores(rows: pa.Table) -> Floats:
    """Scores of media with status ok; nan for the others."""
    ok = pc.equal(rows.column("status"), Status.OK.value)
    return _floats(pc.if_else(ok, rows.column("p_nonblank"), pa.scalar(None, pa.float32())))


def _small(column: pa.ChunkedArray, unknown: int) -> NDArray[np.int8]:
    return np.asarray(pc.fill_null(column.cast(pa.int8()), unknown).to_numpy(), np.int8)
