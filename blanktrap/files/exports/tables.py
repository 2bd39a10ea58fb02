"""Plain tables, CSV and Parquet, with the columns that were chosen.

Owns: the columns one gets without choosing, and what `--columns` may name. Refuses: renaming.
"""

from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.config import ExportConfig
from blanktrap.core.decisions import DECISION_TYPE
from blanktrap.core.errors import UsageError
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.files.decided_scores import DECIDED_SCORE, DECISION
from blanktrap.files.exports.cells import CellGuard
from blanktrap.files.exports.formats import Export
from blanktrap.files.exports.table_files import BETWEEN_TEXTS, TableKind, is_texts

USUAL_COLUMNS = (
    "media_id",
    "uri",
    "location_id",
    "deployment_id",
    "sequence_id",
    "frame_num",
    "timestamp",
    "decision",
    "p_nonblank",
    "status",
    "error",
    "model_id",
)
_MADE = {DECISION: DECISION_TYPE, DECIDED_SCORE: pa.float32()}


class PlainTable:
    """One table, one row a media."""

    def __init__(self, key: Literal["csv", "parquet"]) -> None:
        self.key: str = key
        self.name = {"csv": "CSV", "parquet": "Parquet"}[key]

    def own_files(self, config: ExportConfig) -> str | None:
        return None

    def write(self, export: Export) -> None:
        columns = export.config.columns or USUAL_COLUMNS
        kinds = _kinds_of(columns, export)
        if self.key == "csv":
            # A list is guarded as the one cell that it becomes.
            kinds = {name: pa.string() if is_texts(kind) else kind for name, kind in kinds.items()}
        schema = pa.schema([pa.field(name, kind) for name, kind in kinds.items()])
        guard = CellGuard(export.notes, exact=export.config.exact_names)
        file = export.open_table(export.out, _kind_of(self.key, export.out), schema)
        for table in export.decided.iter_tables([name for name in columns if name not in _MADE]):
            table = table.select(list(columns))
            file.write(table if self.key == "parquet" else _guarded(table, guard))
        file.close()


def _kind_of(key: str, out: str) -> TableKind:
    if key == "parquet":
        return "parquet"
    return "gzip" if out.endswith(".gz") else "csv"


def _kinds_of(columns: tuple[str, ...], export: Export) -> dict[str, pa.DataType]:
    known = {field.name: field.type for field in export.decided.scores.schema(export.decided.storage)}
    known.update({field.name: field.type for field in SCORES_SCHEMA})
    known.update(_MADE)
    for name in columns:
        if name not in known:
            raise UsageError(f"--columns {name}: there is no such column; there are {', '.join(known)}")
    return {name: known[name] for name in columns}


def _guarded(table: pa.Table, guard: CellGuard) -> pa.Table:
    cells = [
        pc.binary_join(column, BETWEEN_TEXTS) if is_texts(column.type) else column for column in table.columns
    ]
    columns = [
        guard.texts(column, is_path=name in ("media_id", "uri"))
        if pa.types.is_string(column.type)
        else column
        for name, column in zip(table.column_names, cells, strict=True)
    ]
    return pa.table(columns, names=table.column_names)
