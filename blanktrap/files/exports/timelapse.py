"""The CSV that Timelapse imports into an image set.

Owns: the names of its columns, and a path cut into folder and file as Windows spells it. Refuses: dates: an
imported one would replace that of the image set.

Timelapse matches rows by `RelativePath` and `File`, and refuses a file with a column that the image set's
template does not have: it needs a choice or note `Decision` and a decimal `Confidence`. A media that lies
directly in the root folder has an empty `RelativePath`, and is then matched by `File` alone.
"""

import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.config import ExportConfig
from blanktrap.files.decided_scores import DECISION
from blanktrap.files.exports.cells import CellGuard
from blanktrap.files.exports.formats import Export

_SCHEMA = pa.schema(
    [
        pa.field("File", pa.string()),
        pa.field("RelativePath", pa.string()),
        pa.field("Decision", pa.string()),
        pa.field("Confidence", pa.float32()),
    ]
)


class Timelapse:
    """One CSV for an image set whose root folder is the archive's."""

    name = "Timelapse CSV"
    key = "timelapse"

    def own_files(self, config: ExportConfig) -> str | None:
        return None

    def write(self, export: Export) -> None:
        guard = CellGuard(export.notes, exact=export.config.exact_names)
        file = export.open_table(export.out, "csv", _SCHEMA)
        for table in export.decided.iter_tables(["media_id", "p_nonblank"]):
            paths = table.column("media_id")
            folders = pc.replace_substring_regex(paths, r"(?s)/?[^/]*$", "")
            columns = [
                guard.texts(pc.replace_substring_regex(paths, r"(?s)^.*/", "")),
                guard.texts(pc.replace_substring(folders, "/", "\\")),
                table.column(DECISION).cast(pa.string()),
                table.column("p_nonblank"),
            ]
            file.write(pa.table(columns, schema=_SCHEMA))
        file.close()
