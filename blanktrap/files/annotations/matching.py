"""Which listed media an annotation file speaks of, and what it says of them.

Owns: matching file names and gathering observations. Refuses: guessing. Where several media could be
meant, none is, and the file name is counted as ambiguous.

Three steps, each for what the one before left over: the same path; a path that ends with the other, in
exactly one pair; the same file name, in exactly one pair, provided that no two annotated files in
different folders share any name, for then names like IMG_0001.JPG do not tell files apart.
"""

from dataclasses import dataclass, field

import duckdb

from blanktrap.files.annotations.staging import StagedAnnotations

Examples = list[str]


@dataclass(kw_only=True)
class MatchCounts:
    """What one annotation file's names led to."""

    num_named: int = 0
    """Different files that it names."""
    num_by_step: dict[str, int] = field(default_factory=dict)
    num_ambiguous: int = 0
    ambiguous: Examples = field(default_factory=list)
    num_without_file: int = 0
    without_file: Examples = field(default_factory=list)
    num_stray_observations: int = 0
    """Observations of something that the file itself does not list."""


# `tail` is the last n parts of a path.
_PREPARE = """
CREATE OR REPLACE MACRO parts(path) AS len(string_split(path, '/'));
CREATE OR REPLACE MACRO tail(path, n) AS array_to_string(list_slice(string_split(path, '/'), -n, -1), '/');
"""

_NAMES = """
CREATE OR REPLACE TEMP TABLE names AS
SELECT DISTINCT path, nfc_normalize(path) AS raw,
    ltrim(regexp_replace(nfc_normalize(replace(path, '\\', '/')), '^(\\./)+', ''), '/') AS plain
FROM said;
CREATE OR REPLACE TEMP TABLE links (path VARCHAR, media_id VARCHAR, step VARCHAR);
CREATE OR REPLACE TEMP TABLE ambiguous (path VARCHAR);
"""

_EXACT = """
INSERT INTO links
SELECT path, media_id, 'same path' FROM (
    SELECT n.path, m.media_id FROM names n JOIN media m ON m.media_id = n.raw
    UNION SELECT n.path, m.media_id FROM names n JOIN media m ON m.media_id = n.plain
    UNION SELECT n.path, m.media_id FROM names n JOIN media m ON m.uri = n.path);
"""

_LEFT = """
CREATE OR REPLACE TEMP TABLE names_left AS
    SELECT path, plain FROM names WHERE path NOT IN (SELECT path FROM links)
    AND path NOT IN (SELECT path FROM ambiguous);
CREATE OR REPLACE TEMP TABLE media_left AS
    SELECT media_id FROM media ANTI JOIN links USING (media_id);
CREATE OR REPLACE TEMP TABLE candidates (path VARCHAR, media_id VARCHAR);
"""

_MEDIA_END_WITH_NAME = """
INSERT INTO candidates SELECT n.path, m.media_id
FROM (SELECT path, plain FROM names_left WHERE parts(plain) = $depth) n
JOIN (SELECT media_id, tail(media_id, $depth) AS tail FROM media_left WHERE parts(media_id) > $depth) m
ON m.tail = n.plain
"""

_NAME_ENDS_WITH_MEDIA = """
INSERT INTO candidates SELECT n.path, m.media_id
FROM (SELECT path, tail(plain, $depth) AS tail FROM names_left WHERE parts(plain) > $depth) n
JOIN (SELECT media_id FROM media_left WHERE parts(media_id) = $depth) m ON m.media_id = n.tail
"""

_SAME_FILE_NAME = """
INSERT INTO candidates SELECT n.path, m.media_id
FROM (SELECT path, tail(plain, 1) AS name FROM names_left) n
JOIN (SELECT media_id, tail(media_id, 1) AS name FROM media_left) m USING (name)
"""

# One name for one media and one media for one name; the rest could mean several.
_ACCEPT = """
CREATE OR REPLACE TEMP TABLE sure AS
SELECT path, media_id FROM (
    SELECT path, media_id, count(*) OVER (PARTITION BY path) AS num_media,
        count(*) OVER (PARTITION BY media_id) AS num_names FROM (SELECT DISTINCT * FROM candidates))
WHERE num_media = 1 AND num_names = 1;
INSERT INTO ambiguous SELECT DISTINCT path FROM candidates WHERE path NOT IN (SELECT path FROM sure);
"""

_NAMES_TELL_APART = "SELECT count(DISTINCT tail(plain, 1)) = count(DISTINCT plain) FROM names"

# Some files count frames from 1, and never use 0.
_GATHER = """
INSERT INTO attributes
SELECT $file, l.media_id, s.location_id, s.deployment_id, s.sequence_id,
    s.frame_num - (SELECT CASE WHEN min(frame_num) = 1 THEN 1 ELSE 0 END FROM said), s.timestamp
FROM links l JOIN said s USING (path)
"""

_OBSERVE = """
INSERT INTO observed
SELECT l.media_id, o.label, o.label_level, o.species
FROM links l JOIN said s USING (path) JOIN read_parquet($observations) o USING (key)
"""


def match_annotations(
    connection: duckdb.DuckDBPyConnection, staged: StagedAnnotations, number: int
) -> MatchCounts:
    """Match one annotation file with table `media`; fill tables `attributes` and `observed`."""
    observations = str(staged.stage.observations_path)
    connection.execute(_PREPARE)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE said AS SELECT * FROM read_parquet($path)",
        {"path": str(staged.stage.media_path)},
    )
    connection.execute(_NAMES)
    connection.execute(_EXACT)
    connection.execute(_LEFT)
    for depth in _numbers(connection, "SELECT DISTINCT parts(plain) FROM names_left"):
        connection.execute(_MEDIA_END_WITH_NAME, {"depth": depth})
    if _number(connection, "SELECT count(*) FROM names_left"):
        for depth in _numbers(connection, "SELECT DISTINCT parts(media_id) FROM media_left"):
            connection.execute(_NAME_ENDS_WITH_MEDIA, {"depth": depth})
    _accept(connection, "end of path")
    if _number(connection, _NAMES_TELL_APART):
        connection.execute(_LEFT)
        connection.execute(_SAME_FILE_NAME)
        _accept(connection, "file name")
    connection.execute(_GATHER, {"file": number})
    connection.execute(_OBSERVE, {"observations": observations})
    return _count(connection, observations)


def _accept(connection: duckdb.DuckDBPyConnection, step: str) -> None:
    connection.execute(_ACCEPT)
    connection.execute("INSERT INTO links SELECT path, media_id, $step FROM sure", {"step": step})


def _count(connection: duckdb.DuckDBPyConnection, observations: str) -> MatchCounts:
    missing = (
        "FROM names WHERE path NOT IN (SELECT path FROM links) AND path NOT IN (SELECT path FROM ambiguous)"
    )
    return MatchCounts(
        num_named=_number(connection, "SELECT count(*) FROM names"),
        num_by_step=dict(
            connection.execute("SELECT step, count(DISTINCT path) FROM links GROUP BY step").fetchall()
        ),
        num_ambiguous=_number(connection, "SELECT count(*) FROM ambiguous"),
        ambiguous=_texts(connection, "SELECT path FROM ambiguous ORDER BY path LIMIT 5"),
        num_without_file=_number(connection, f"SELECT count(*) {missing}"),
        without_file=_texts(connection, f"SELECT path {missing} ORDER BY path LIMIT 5"),
        num_stray_observations=int(
            connection.execute(
                "SELECT count(*) FROM read_parquet($path) ANTI JOIN said USING (key)", {"path": observations}
            ).fetchall()[0][0]
        ),
    )


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def _numbers(connection: duckdb.DuckDBPyConnection, query: str) -> list[int]:
    return sorted(int(row[0]) for row in connection.execute(query).fetchall())


def _texts(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(query).fetchall()]
