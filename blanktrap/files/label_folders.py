"""Labels that the folders of an archive give: `--label-from-path`, or `{label}` in a path pattern.

Owns: the label of each folder name, put among the observations of an index run. Refuses: choosing the
folder; that is `listing`.
"""

import duckdb

from blanktrap.core.errors import UsageError
from blanktrap.core.vocabulary import LabelLevel, label_of_folder, species_of_name
from blanktrap.files.annotations.staging import ORDINARY

# People sort into dozens of folders. Thousands are places, days or sequences.
_MAX_NAMES = 5000

_NAMES = """
SELECT label_name, count(*) FROM media WHERE label_name IS NOT NULL GROUP BY label_name
ORDER BY label_name LIMIT $limit
"""

_OBSERVE = """
INSERT INTO observed (media_id, label, label_level, species, rank)
SELECT m.media_id, f.label, $level, f.species, $rank
FROM media m JOIN folder_labels f ON m.label_name = f.name
"""


def label_by_folder(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Add the labels that folder names give to table `observed`.

    Returns:
        Media by folder name, by what it became (`blank`, `nonblank` or `none`); empty where no folder was to
        be read as a label.

    Raises:
        UsageError: there are thousands of names, which no labels are.
    """
    named = connection.execute(_NAMES, {"limit": _MAX_NAMES + 1}).fetchall()
    if len(named) > _MAX_NAMES:
        raise UsageError(
            f"more than {_MAX_NAMES:,} folder names would be labels, such as {named[0][0]!r}: say with "
            f"{{label}} in --path-pattern which folder names the label"
        )
    connection.execute("CREATE TEMP TABLE folder_labels (name VARCHAR, label VARCHAR, species VARCHAR)")
    found: dict[str, dict[str, int]] = {}
    for name, num_media in named:
        label = label_of_folder(name)
        species = species_of_name(name) if label is not None else None
        connection.execute("INSERT INTO folder_labels VALUES ($1, $2, $3)", [name, label, species])
        found.setdefault(label or "none", {})[name] = num_media
    connection.execute(_OBSERVE, {"level": LabelLevel.MEDIA.value, "rank": ORDINARY})
    return found
