"""What the records of a journal say: how far a separation has come, and whose it is.

Owns: the kinds of records and their fields, and the state they add up to. Refuses: files; those are the
placers'.

The records, in the order in which they are written:

- `start`: `journal_version`, `identity` (what decides the outcome), `batch_size`, `names` (what the place
  allows), `made_root` (how many folders were made, `--to` the last of them). Another identity is refused.
- `planned`: `num_media`, `num_parts`, `num_renamed`, and by decision `num` and `bytes`. The plan's parts are
  whole.
- `begin`: `batch`, and in `left`, by row, the media that cannot be placed and why. Everything that is at the
  target of another row of the batch from now on was put there by this separation.
- `end`: `batch`, `how` (one letter a row), `proofs` by row: what undoing compares with, `left` as above, and
  `sidecars`, the proofs of the XMP files, with `sidecars_left`.
- `lists`: with `--mode manifest`, in place of all batches: `files`, the lists and their SHA-256, and `num`.
  It is written before they are.
- `complete`.
- `undo`: undoing has begun; nothing is placed any more.
- `undone`: `batch`, and in `left` what was not undone.
- `undo_complete`.

A row is counted within its batch, from 0. Batch `b` is rows `[b * batch_size, (b + 1) * batch_size)` of the
plan.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from blanktrap.core.errors import SeparationError
from blanktrap.files.separating.journal import Journal, Record

JOURNAL_VERSION = 1

HARD_LINK, SYMBOLIC_LINK, COPY, MOVE, TAG, LISTED, LEFT = "hscmtn-"
"""How a row was placed, as `end` records say it."""

NAMES = {
    HARD_LINK: "hard links",
    SYMBOLIC_LINK: "symbolic links",
    COPY: "copies",
    MOVE: "moved",
    TAG: "tagged",
    LISTED: "listed",
}
_MAX_EXAMPLES = 5


Left = dict[str, tuple[str, str]]
"""By row: the media_id of what was left, and why."""


@dataclass(kw_only=True)
class Leftovers:
    """Media that were left, by reason, with a few named."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, left: Left) -> None:
        """Count what one record says was left."""
        for media_id, reason in left.values():
            self.counts[reason] += 1
            named = self.examples.setdefault(reason, [])
            if len(named) < _MAX_EXAMPLES:
                named.append(media_id)

    @property
    def num(self) -> int:
        """How many."""
        return self.counts.total()


@dataclass(kw_only=True)
class History:
    """What has been done so far."""

    start: Record | None = None
    planned: Record | None = None
    num_ended: int = 0
    """Batches that are done: those from here on are not."""
    begun: Record | None = None
    """The `begin` record of a batch that has no end."""
    is_complete: bool = False
    is_undoing: bool = False
    num_undone: int = 0
    is_undone: bool = False
    placed: Counter[str] = field(default_factory=Counter)
    """Rows by how they were placed."""
    left: Leftovers = field(default_factory=Leftovers)
    """Media that were not placed."""
    not_undone: Leftovers = field(default_factory=Leftovers)
    lists: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of the lists for S3 Batch Operations, by name."""
    num_sidecars: int = 0
    without_sidecar: Leftovers = field(default_factory=Leftovers)
    """Media that were placed and should have a sidecar."""

    def read(self, record: Record) -> None:
        """Take one record more. Raises SeparationError for a kind of a later version."""
        kind = record["kind"]
        if kind == "start":
            if record["journal_version"] != JOURNAL_VERSION:
                raise SeparationError(
                    f"the journal has version {record['journal_version']}, this blanktrap reads "
                    f"{JOURNAL_VERSION}: use the blanktrap that wrote it"
                )
            self.start = record
        elif kind == "planned":
            self.planned = record
        elif kind == "begin":
            self.begun = record
        elif kind == "end":
            self.begun = None
            self.num_ended = record["batch"] + 1
            self.placed.update(record["how"])
            self.left.add(record["left"])
            self.num_sidecars += len(record["sidecars"])
            self.without_sidecar.add(record["sidecars_left"])
        elif kind == "lists":
            self.lists, self.placed = record["files"], Counter(record["num"])
        elif kind == "complete":
            self.is_complete = True
        elif kind == "undo":
            self.is_undoing, self.is_undone = True, False
            self.num_undone, self.not_undone = 0, Leftovers()
        elif kind == "undone":
            self.num_undone = record["batch"] + 1
            self.not_undone.add(record["left"])
        elif kind == "undo_complete":
            self.is_undone = True
        else:
            raise SeparationError(
                f"the journal has a record of kind {kind!r}, which this blanktrap does not know"
            )


def read_history(journal: Journal) -> History:
    """Add up the records of a journal. Raises SeparationError where it is damaged."""
    history = History()
    for record in journal.records():
        history.read(record)
    return history


def refuse_other(to: str, start: Record, identity: dict[str, Any]) -> None:
    """Raise SeparationError where a journal is of another separation; the first difference is named."""
    for name, value in identity.items():
        begun = start["identity"].get(name)
        if begun != value:
            raise SeparationError(
                f"{to} was begun with {_worded(name, begun)}, now {_worded(name, value)} is asked for: give "
                f"--to another folder, or take back what is there with `blanktrap separate --to {to} --undo`"
            )


def _worded(name: str, value: object) -> str:
    if isinstance(value, list):
        value = ",".join(map(str, value))
    if value is None or value is False:
        return f"no {name.replace('_', ' ')}"
    return name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} {value}"
