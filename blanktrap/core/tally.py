"""Counting scored media in one pass, whatever the size of the archive.

Owns: what is kept of each row while the scores stream by: a score and a label for labelled media (five
bytes each), and counts by status, split, location and species for all. Refuses: deciding which split is
measured; that is known only at the end, so counts are kept by split.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.errors import ScoresError
from blanktrap.core.metrics import (
    NUM_GRID_CUTOFFS,
    ConfusionCounts,
    Counts,
    Floats,
    RankedScores,
    check_cutoff,
    grid_cutoffs,
    rank_scores,
)
from blanktrap.core.vocabulary import Label, LabelLevel, Status

COLUMNS = ["location_id", "status", "p_nonblank", "label", "label_level", "species", "split"]

# Small parts are gathered, because each digestion has a fixed price of a few milliseconds.
_ROWS_AT_ONCE = 262_144


@dataclass(kw_only=True)
class GroupCounts:
    """Labelled media of one location, or of one species at one location."""

    kept_nonblank: int = 0
    missed_nonblank: int = 0
    kept_blank: int = 0
    removed_blank: int = 0
    not_scored_nonblank: int = 0
    """Nonblank media without a score: kept for people."""
    not_scored_blank: int = 0
    num_sequence_labels: int = 0

    def add(self, other: "GroupCounts") -> None:
        """Add another group's counts to this one."""
        for name, num in vars(other).items():
            setattr(self, name, getattr(self, name) + num)

    @property
    def confusion(self) -> ConfusionCounts:
        """The scored media's confusion counts."""
        return ConfusionCounts(
            kept_nonblank=self.kept_nonblank,
            missed_nonblank=self.missed_nonblank,
            kept_blank=self.kept_blank,
            removed_blank=self.removed_blank,
        )


# The group a labelled media falls into, by position.
_FATES = (
    "kept_nonblank",
    "missed_nonblank",
    "kept_blank",
    "removed_blank",
    "not_scored_nonblank",
    "not_scored_blank",
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The labelled media of the split that is measured."""

    ranked: RankedScores
    total: GroupCounts
    by_location: dict[str | None, GroupCounts]
    by_species: dict[str, dict[str | None, GroupCounts]]
    """Nonblank media by species, then location; a media with two species counts for both."""
    by_split: dict[str | None, int]
    """Scored labelled media by their split column."""


@dataclass(kw_only=True)
class Tally:
    """Counts over all media of a scores dataset."""

    cutoff: float
    num_media: int = 0
    num_set_aside: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    _by_bin: Counts = field(default_factory=lambda: np.zeros(NUM_GRID_CUTOFFS + 1, dtype=np.int64))
    _scores: dict[str | None, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    _labels: dict[str | None, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    _places: dict[tuple[str | None, str | None], GroupCounts] = field(
        default_factory=lambda: defaultdict(GroupCounts)
    )
    _species: dict[tuple[str | None, str, str | None], GroupCounts] = field(
        default_factory=lambda: defaultdict(GroupCounts)
    )

    def __post_init__(self) -> None:
        check_cutoff(self.cutoff)

    @property
    def kept_on_grid(self) -> Counts:
        """Scored media, labelled or not, at or above each of the grid's cutoffs; shape (1001,)."""
        return self._by_bin[::-1].cumsum()[::-1][1:]

    @property
    def labelled_by_split(self) -> dict[str | None, int]:
        """Labelled media, scored or not, by their split column."""
        counts: Counter[str | None] = Counter()
        for (split, _), group in self._places.items():
            counts[split] += sum(getattr(group, name) for name in _FATES)
        return dict(counts)

    def measured(self, split: str | None) -> Measured:
        """What was counted of one split's labelled media; None takes every labelled media."""
        splits = [one for one in self.labelled_by_split if split is None or one == split]
        total = GroupCounts()
        by_location: dict[str | None, GroupCounts] = defaultdict(GroupCounts)
        by_species: dict[str, dict[str | None, GroupCounts]] = defaultdict(lambda: defaultdict(GroupCounts))
        by_split = {one: sum(len(part) for part in self._scores[one]) for one in splits}
        for (one, location), group in self._places.items():
            if one in by_split:
                total.add(group)
                by_location[location].add(group)
        for (one, species, location), group in self._species.items():
            if one in by_split:
                by_species[species][location].add(group)
        scores = [part for one in splits for part in self._scores[one]]
        labels = [part for one in splits for part in self._labels[one]]
        return Measured(
            ranked=rank_scores(
                np.concatenate(scores) if scores else np.zeros(0, np.float32),
                np.concatenate(labels) if labels else np.zeros(0, bool),
            ),
            total=total,
            by_location=dict(by_location),
            by_species={name: dict(places) for name, places in by_species.items()},
            by_split=by_split,
        )

    def add(self, table: pa.Table) -> None:
        """Count the rows of a table with the columns of `COLUMNS`.

        Raises:
            ScoresError: a media with status ok has no score in [0, 1], or a label is no label.
        """
        status = table.column("status")
        for item in pc.value_counts(status).to_pylist():
            self.statuses[item["values"]] += item["counts"]
        self.num_media += table.num_rows
        ok = pc.equal(status, Status.OK.value)
        scored = _scores_of(table.filter(ok))
        self.num_set_aside += int((scored < np.float32(self.cutoff)).sum())
        bins = np.searchsorted(grid_cutoffs().astype(np.float32), scored, side="right")
        self._by_bin += np.bincount(bins, minlength=NUM_GRID_CUTOFFS + 1)
        labelled = pc.is_valid(table.column("label"))
        rows = table.filter(labelled)
        if rows.num_rows:
            self._add_labelled(rows, pc.filter(ok, labelled))

    def _add_labelled(self, rows: pa.Table, ok: pa.ChunkedArray) -> None:
        _refuse_other_labels(rows.column("label"))
        is_ok = ok.to_numpy()
        is_nonblank = pc.equal(rows.column("label"), Label.NONBLANK.value).to_numpy()
        scores = pc.fill_null(rows.column("p_nonblank"), float("nan")).to_numpy()
        below = scores < np.float32(self.cutoff)
        fate = np.where(is_ok, 2 * ~is_nonblank + below, 4 + ~is_nonblank).astype(np.int8)
        for name in pc.unique(rows.column("split")).to_pylist():
            mine = _equals(rows.column("split"), name) & is_ok
            self._scores[name].append(scores[mine])
            self._labels[name].append(is_nonblank[mine])
        level = pc.fill_null(pc.equal(rows.column("label_level"), LabelLevel.SEQUENCE.value), False)
        table = pa.table(
            {
                "split": rows.column("split"),
                "location_id": rows.column("location_id"),
                "fate": fate,
                "is_sequence": level.cast(pa.int64()),
            }
        )
        for row in _grouped(table, ["split", "location_id", "fate"]):
            self._places[row["split"], row["location_id"]].add(_group_of(row))
        for row in _grouped(
            _exploded(table, rows.column("species")), ["split", "species", "location_id", "fate"]
        ):
            self._species[row["split"], row["species"], row["location_id"]].add(_group_of(row))


def tally_scores(tables: Iterable[pa.Table], cutoff: float) -> Tally:
    """Count all rows of a scores dataset in one pass.

    Args:
        tables: rows with the columns of `COLUMNS`, in any number of pieces.
        cutoff: in [0, 1].

    Raises:
        ScoresError: a media with status ok has no score in [0, 1], or a label is no label.
        EvaluationError: the cutoff is outside [0, 1].
    """
    tally = Tally(cutoff=cutoff)
    gathered: list[pa.Table] = []
    num_gathered = 0
    for table in tables:
        gathered.append(table.select(COLUMNS))
        num_gathered += table.num_rows
        if num_gathered >= _ROWS_AT_ONCE:
            tally.add(pa.concat_tables(gathered))
            gathered, num_gathered = [], 0
    if gathered:
        tally.add(pa.concat_tables(gathered))
    return tally


def _scores_of(ok_rows: pa.Table) -> Floats:
    scores: Floats = pc.fill_null(ok_rows.column("p_nonblank"), float("nan")).to_numpy()
    bad = ~((scores >= 0.0) & (scores <= 1.0))
    if bad.any():
        raise ScoresError(
            f"{int(bad.sum()):,} media have status ok and no p_nonblank in [0, 1]: score them again"
        )
    return scores


def _refuse_other_labels(labels: pa.ChunkedArray) -> None:
    known = {Label.BLANK.value, Label.NONBLANK.value}
    for label in pc.unique(labels).to_pylist():
        if label not in known:
            raise ScoresError(f"label {label!r} is neither blank nor nonblank: null means that nobody said")


def _equals(column: pa.ChunkedArray, value: str | None) -> np.ndarray:
    found = pc.is_null(column) if value is None else pc.fill_null(pc.equal(column, value), False)
    return np.asarray(found.to_numpy(), dtype=bool)


def _exploded(table: pa.Table, species: pa.ChunkedArray) -> pa.Table:
    """One row for each nonblank media and species."""
    lists = species.combine_chunks()
    rows = table.take(pc.list_parent_indices(lists)).append_column("species", pc.list_flatten(lists))
    nonblank = pc.is_in(rows.column("fate"), pa.array([0, 1, 4], pa.int8()))
    return rows.filter(pc.and_(nonblank, pc.is_valid(rows.column("species"))))


def _grouped(table: pa.Table, keys: list[str]) -> list[dict[str, Any]]:
    grouped = table.group_by(keys).aggregate([("is_sequence", "sum"), ([], "count_all")])
    found: list[dict[str, Any]] = grouped.to_pylist()
    return found


def _group_of(row: dict[str, Any]) -> GroupCounts:
    group = GroupCounts(num_sequence_labels=row["is_sequence_sum"])
    setattr(group, _FATES[row["fate"]], row["count_all"])
    return group
