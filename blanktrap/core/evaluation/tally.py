"""What is kept of each scored media while the scores stream by in one pass.

Owns: nine bytes of each media (score, location, label and the like), eight more for each species of a
nonblank one, and counts by status: 100 million media take about a gigabyte. Refuses: deciding which split is
measured, and at which cutoff; both are known only at the end.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blanktrap.core.errors import ScoresError
from blanktrap.core.evaluation.measured import Measured, SpeciesRows, count_bins
from blanktrap.core.statistics.metrics import NUM_GRID_CUTOFFS, Counts, Floats, grid_cutoffs
from blanktrap.core.vocabulary import Label, LabelLevel, Split, Status

COLUMNS = ["location_id", "status", "p_nonblank", "label", "label_level", "species", "split", "is_night"]

# Small parts are gathered, because each digestion has a fixed price of a few milliseconds.
ROWS_AT_ONCE = 262_144

# Bits of the flags of one media.
IS_LABELLED, IS_NONBLANK, IS_WHOLE, IS_NIGHT = 1, 2, 4, 8
_SPLIT_SHIFT = 4
SPLITS: tuple[str | None, ...] = (None, *(split.value for split in Split))
"""Splits by number, as the flags hold them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MediaRows:
    """Some media in the order they came, one row each."""

    p_nonblank: Floats
    """float32, nan where the media has no score; shape (num_media,)."""
    location: NDArray[np.int32]
    """Number of the location; 0 where it is not known."""
    flags: NDArray[np.uint8]

    def has(self, flag: int) -> NDArray[np.bool_]:
        """Whether a flag is set, shape (num_media,)."""
        return np.asarray((self.flags & flag) != 0, dtype=bool)

    @property
    def split(self) -> NDArray[np.uint8]:
        """Number of each media's split in `SPLITS`."""
        return np.right_shift(self.flags, np.uint8(_SPLIT_SHIFT))


@dataclass(kw_only=True)
class Tally:
    """What is kept of all media of a scores dataset."""

    where: str = "the scores"
    """The dataset, for messages."""

    num_media: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    _rows: list[MediaRows] = field(default_factory=list)
    _by_bin: Counts = field(default_factory=lambda: np.zeros(NUM_GRID_CUTOFFS + 1, dtype=np.int64))
    _locations: dict[str | None, int] = field(default_factory=lambda: {None: 0})
    _species: dict[str | None, int] = field(default_factory=dict)
    _species_codes: list[NDArray[np.int32]] = field(default_factory=list)
    _species_media: list[NDArray[np.int64]] = field(default_factory=list)

    @property
    def locations(self) -> tuple[str | None, ...]:
        """Location ids by number; the first is None."""
        return tuple(self._locations)

    @property
    def kept_on_grid(self) -> Counts:
        """Scored media, labelled or not, at or above each of the grid's cutoffs; shape (1001,)."""
        return self._by_bin[::-1].cumsum()[::-1][1:]

    @property
    def rows(self) -> MediaRows:
        """All media, in the order they came."""
        if len(self._rows) != 1:
            self._rows = [_joined(self._rows)]
        return self._rows[0]

    def num_below(self, cutoff: float) -> int:
        """Scored media, labelled or not, below a cutoff."""
        return int((self.rows.p_nonblank < np.float32(cutoff)).sum())

    @property
    def labelled_by_split(self) -> dict[str | None, int]:
        """Labelled media, scored or not, by their split column."""
        return self._by_split(self.rows.has(IS_LABELLED))

    def scored_by_split(self, split: str | None) -> dict[str | None, int]:
        """Labelled and scored media of one split, or by split where it is None."""
        chosen = self._chosen(split) & ~np.isnan(self.rows.p_nonblank)
        return self._by_split(chosen)

    def num_sequence_labels(self, split: str | None) -> int:
        """Labels of one split, or of all, that were given to a whole sequence."""
        return int((self._chosen(split) & self.rows.has(IS_WHOLE)).sum())

    def unlabelled_histogram(self) -> Counts:
        """Scored media that nobody labelled, by location with any, and score; shape (num_locations, 1001)."""
        rows = self.rows
        mine = ~rows.has(IS_LABELLED) & ~np.isnan(rows.p_nonblank)
        counts = count_bins(rows.p_nonblank[mine], rows.location[mine], len(self._locations), grid_cutoffs())
        there: Counts = counts[counts.sum(axis=1) > 0]
        return there

    def measured(self, split: str | None) -> Measured:
        """One split's labelled media; None takes every labelled media."""
        rows = self.rows
        chosen = self._chosen(split)
        is_nonblank = rows.has(IS_NONBLANK)
        scored = chosen & ~np.isnan(rows.p_nonblank)
        failed = chosen & np.isnan(rows.p_nonblank)
        cells = rows.location[failed] * 2 + ~is_nonblank[failed]
        not_scored = np.bincount(cells, minlength=2 * len(self._locations)).reshape(-1, 2)
        return Measured(
            p_nonblank=rows.p_nonblank[scored],
            is_nonblank=is_nonblank[scored],
            location=rows.location[scored],
            is_night=rows.has(IS_NIGHT)[scored],
            locations=self.locations,
            not_scored=not_scored,
            species=self._species_rows(chosen),
        )

    def add(self, table: pa.Table) -> MediaRows:
        """Take the rows of a table with the columns of `COLUMNS`, and return what is kept of them.

        Raises:
            ScoresError: a media with status ok has no score in [0, 1], one without that status has a score,
                or a label or split is none of ours.
        """
        for item in pc.value_counts(table.column("status")).to_pylist():
            self.statuses[item["values"]] += item["counts"]
        rows = MediaRows(
            p_nonblank=_scores_of(table, self.where),
            location=_numbered(table.column("location_id"), self._locations),
            flags=_flags_of(table, self.where),
        )
        scored = rows.p_nonblank[~np.isnan(rows.p_nonblank)]
        bins = np.searchsorted(grid_cutoffs().astype(np.float32), scored, side="right")
        self._by_bin += np.bincount(bins, minlength=NUM_GRID_CUTOFFS + 1)
        self._add_species(table.column("species"), rows.has(IS_NONBLANK))
        self._rows.append(rows)
        self.num_media += table.num_rows
        return rows

    def _add_species(self, column: pa.ChunkedArray, is_nonblank: NDArray[np.bool_]) -> None:
        lists = column.combine_chunks()
        names, media = pc.list_flatten(lists), pc.list_parent_indices(lists).to_numpy()
        wanted = is_nonblank[media] & pc.is_valid(names).to_numpy(zero_copy_only=False)
        self._species_codes.append(_numbered(pc.filter(names, pa.array(wanted)), self._species))
        self._species_media.append(media[wanted] + self.num_media)

    def _species_rows(self, chosen: NDArray[np.bool_]) -> SpeciesRows:
        if not self._species:
            return SpeciesRows.none()
        code, media = np.concatenate(self._species_codes), np.concatenate(self._species_media)
        mine = chosen[media]
        media = media[mine]
        return SpeciesRows(
            names=tuple(str(name) for name in self._species),
            code=code[mine],
            p_nonblank=self.rows.p_nonblank[media],
            location=self.rows.location[media],
        )

    def _chosen(self, split: str | None) -> NDArray[np.bool_]:
        chosen = self.rows.has(IS_LABELLED)
        return chosen if split is None else chosen & (self.rows.split == SPLITS.index(split))

    def _by_split(self, chosen: NDArray[np.bool_]) -> dict[str | None, int]:
        nums = np.bincount(self.rows.split[chosen], minlength=len(SPLITS))
        return {split: int(num) for split, num in zip(SPLITS, nums, strict=True) if num}


def gather(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the same rows in pieces of at least `ROWS_AT_ONCE`, but for the last."""
    gathered: list[pa.Table] = []
    num_gathered = 0
    for table in tables:
        gathered.append(table)
        num_gathered += table.num_rows
        if num_gathered >= ROWS_AT_ONCE:
            yield pa.concat_tables(gathered)
            gathered, num_gathered = [], 0
    if gathered:
        yield pa.concat_tables(gathered)


def _joined(parts: list[MediaRows]) -> MediaRows:
    if not parts:
        return MediaRows(
            p_nonblank=np.zeros(0, np.float32), location=np.zeros(0, np.int32), flags=np.zeros(0, np.uint8)
        )
    return MediaRows(
        p_nonblank=np.concatenate([part.p_nonblank for part in parts]),
        location=np.concatenate([part.location for part in parts]),
        flags=np.concatenate([part.flags for part in parts]),
    )


def _scores_of(table: pa.Table, where: str) -> Floats:
    is_ok = np.asarray(pc.equal(table.column("status"), Status.OK.value).to_numpy(), dtype=bool)
    scores: Floats = pc.fill_null(table.column("p_nonblank"), float("nan")).to_numpy()
    is_score = (scores >= 0.0) & (scores <= 1.0)
    if (is_ok & ~is_score).any():
        raise ScoresError(
            f"{where}: {int((is_ok & ~is_score).sum()):,} media have status ok and no p_nonblank in [0, 1]: "
            f"score them again"
        )
    # What a failed media may carry is no score.
    return np.where(is_ok, scores, np.float32("nan"))


def _flags_of(table: pa.Table, where: str) -> NDArray[np.uint8]:
    label, split = table.column("label"), table.column("split")
    _refuse_other_words(label, f"{where}: label", {Label.BLANK.value, Label.NONBLANK.value})
    _refuse_other_words(split, f"{where}: split", set(SPLITS[1:]))
    flags = IS_LABELLED * _holds(pc.is_valid(label))
    flags |= IS_NONBLANK * _holds(pc.equal(label, Label.NONBLANK.value))
    is_whole = pc.equal(table.column("label_level"), LabelLevel.SEQUENCE.value)
    flags |= IS_WHOLE * (_holds(is_whole) & (flags & IS_LABELLED))
    flags |= IS_NIGHT * _holds(table.column("is_night"))
    for number, name in enumerate(SPLITS[1:], start=1):
        flags |= (number << _SPLIT_SHIFT) * _holds(pc.equal(split, name))
    return flags


def _refuse_other_words(column: pa.ChunkedArray, name: str, known: set[str | None]) -> None:
    for word in pc.unique(column).to_pylist():
        if word is not None and word not in known:
            allowed = " nor ".join(sorted(str(one) for one in known))
            raise ScoresError(f"{name} {word!r} is neither {allowed}: null means that nobody said")


def _holds(condition: pa.ChunkedArray) -> NDArray[np.uint8]:
    return np.asarray(pc.fill_null(condition, False).to_numpy(), dtype=np.uint8)


def _numbered(names: pa.ChunkedArray | pa.Array, numbers: dict[str | None, int]) -> NDArray[np.int32]:
    """The number of each name; a new name gets the next one. Null is number 0 where `numbers` has it."""
    if isinstance(names, pa.ChunkedArray):
        names = names.combine_chunks()
    encoded = names.dictionary_encode(null_encoding="encode")
    known = [numbers.setdefault(name, len(numbers)) for name in encoded.dictionary.to_pylist()]
    of_names: NDArray[np.int32] = np.asarray(known, dtype=np.int32)[encoded.indices.to_numpy()]
    return of_names
