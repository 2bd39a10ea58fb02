"""The interface of an export format.

Owns: what a format is given, what it must be able to say, and the notes on what did not fit. Refuses: the
formats themselves; each is a module of its own.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from blanktrap.core.config import ExportConfig
from blanktrap.files.decided_scores import DecidedScores
from blanktrap.files.exports.coordinates import Coordinates
from blanktrap.files.exports.table_files import TableFile, TableKind
from blanktrap.files.pending import PendingFiles


@dataclass(kw_only=True)
class Notes:
    """What a format could not say as it is, counted; told when all is written."""

    counts: Counter[str] = field(default_factory=Counter)
    totals: dict[str, int] = field(default_factory=dict)

    def add(self, text: str, num: int = 1, *, total: int | None = None) -> None:
        """Count something; `text` stands before the number, and `total` says of how many."""
        if num:
            self.counts[text] += num
            if total is not None:
                self.totals[text] = total

    def lines(self) -> list[str]:
        """One line each, in the order in which they were met first."""
        of = {text: f" of {total:,}" for text, total in self.totals.items()}
        return [f"{'note':<12}{text}: {num:,}{of.get(text, '')}" for text, num in self.counts.items()]


@dataclass(frozen=True, kw_only=True)
class Export:
    """What a format is given."""

    decided: DecidedScores
    config: ExportConfig
    out: str
    """A file, or a folder, as `ExportFormat.own_files` says."""
    files: PendingFiles
    coordinates: Coordinates
    notes: Notes

    @property
    def model_id(self) -> str:
        """The model behind the scores."""
        return str(self.decided.scores.run["identity"]["model_id"])

    def open_table(self, uri: str, kind: TableKind, schema: pa.Schema) -> TableFile:
        """A table that is closed in time, whatever goes wrong.

        Raises:
            ScoresError: a column has a type that CSV cannot hold.
            SourceError: it cannot be written.
        """
        table = TableFile(self.files.open(uri), kind, schema)
        self.files.close_first(table.close)
        return table

    @property
    def run(self) -> dict[str, Any]:
        """The content of run.json."""
        return self.decided.scores.run


class ExportFormat(Protocol):
    """One export format."""

    name: str
    """As it is printed."""
    key: str
    """As `--format` calls it."""

    def own_files(self, config: ExportConfig) -> str | None:
        """A regular expression for the names of the files in the output folder; None for a single file."""

    def write(self, export: Export) -> None:
        """Write all rows to files of `export.files`.

        Raises:
            ScoresError: the scores cannot be said in this format; the message names what is missing.
            SourceError: something cannot be read or written.
        """
