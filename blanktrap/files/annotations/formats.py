"""The interface of an annotation format.

Owns: what a format must be able to say, what the user may ask of it, and the word for a row that cannot be
used. Refuses: the formats themselves; each is a module of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Protocol

from blanktrap.core.errors import AnnotationError

if TYPE_CHECKING:
    from blanktrap.files.annotations.opening import AnnotationFile
    from blanktrap.files.annotations.staging import AnnotationStage


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What the user asked for; most formats need none of it."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """What a table's columns are called, by the name they have here: {"path": "file"}."""
    megadetector_cutoff: float | None = None
    """Confidence in [0, 1] from which a detection makes a media nonblank."""
    skip_bad_rows: bool = False
    """Count rows that cannot be used and leave them out, instead of stopping at the first."""


class AnnotationFormat(Protocol):
    """One annotation format."""

    name: str
    """As it is printed."""
    key: str
    """As `--format` calls it."""

    def recognises(self, file: "AnnotationFile") -> bool:
        """Whether this file leads a set of this format, told from its head and columns."""

    def companions(
        self, file: "AnnotationFile", others: Sequence["AnnotationFile"]
    ) -> list["AnnotationFile"]:
        """The files that are read together with it, chosen among `others`, which come nearest first.

        Raises:
            AnnotationError: one that is needed is not there; the message names it.
        """

    def read(self, files: Sequence["AnnotationFile"], stage: "AnnotationStage", options: ReadOptions) -> None:
        """Stage a set: the file that leads it, then its companions.

        A row that cannot be used is a `BadRowError` handed to `stage.bad_row`.

        Raises:
            AnnotationError: the set cannot be understood; the message names file and row.
        """


class BadRowError(ValueError):
    """One row cannot be used. The message says why and stands behind the row's name: `has no path`."""


OnBadRow = Callable[[str, str, BadRowError], None]
"""Told of a row that cannot be used: its file, its place, and why."""


def quoted(text: str) -> str:
    """A text of any length as a message shows it."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def refuse_row(where: str, place: str, problem: BadRowError) -> NoReturn:
    """Raise AnnotationError for a row; `place` is such as `row 7` or `images[7]`."""
    raise AnnotationError(f"{where}: {place} {problem} (--skip-bad-rows leaves such rows out)") from problem
