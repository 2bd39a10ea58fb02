"""What several tables of labels ask of their columns and cells.

Owns: columns that must be there, and shares. Refuses: rows and files; those are `rows` and
`opening`.
"""

import math
from collections.abc import Iterable, Sequence

from blanktrap.core.errors import AnnotationError
from blanktrap.core.vocabulary import UNKNOWN_NAMES
from blanktrap.files.annotations.opening import AnnotationFile
from blanktrap.files.annotations.staging import AnnotationStage


def has_columns(file: AnnotationFile, names: Iterable[str]) -> bool:
    """Whether a table has all of these columns, in any case of letters."""
    return set(file.columns).issuperset(name.lower() for name in names)


def require_columns(file: AnnotationFile, names: Sequence[str], what: str) -> None:
    """Refuse a table without these columns. Raises AnnotationError naming them."""
    missing = [name for name in names if name.lower() not in file.columns]
    if missing:
        shown = ", ".join(file.columns[:40]) or "nothing"
        raise AnnotationError(
            f"{file.where} has no column {', '.join(missing)}, which {what} needs: it has {shown}"
        )


def share_of_cell(text: str | None, what: str, row: int, stage: AnnotationStage) -> float | None:
    """A number in [0, 1]; None where the cell says nothing, and counted where it is anything else."""
    try:
        plain = (text or "").strip()
        number = math.nan if plain.casefold() in UNKNOWN_NAMES else float(plain)
    except ValueError:
        number = -1.0
    if math.isnan(number):
        return None
    if not 0.0 <= number <= 1.0:
        stage.problems.add(f"{what} that is no number from 0 to 1", f"{str(text).strip()[:60]} (row {row})")
        return None
    return number
