"""Which listed media an annotation file speaks of, and what it says of them.

Owns: matching file names and gathering observations. Refuses: guessing. Where several media could be
meant, none is, and the file name is counted as ambiguous.

Three steps, each for what the one before left over: the same path; a path that ends with the other, in
exactly one pair; the same file name, in exactly one pair, provided that no two annotated files in
different folders share any name, for then names like IMG_0001.JPG do not tell files apart. What is then
left is asked for once more by its other name, where the format knows one.

Every row ends as exactly one of matched, without a file, ambiguous, or left out as not usable.
"""

from dataclasses import dataclass, field

import duckdb

from blanktrap.files.annotations.staging import StagedAnnotations

Examples = list[str]


@dataclass(kw_only=True)
class MatchCounts:
    """What one annotation file's names led to."""

    num_rows: int = 0
    """Rows that name a file, in whatever the format calls a row."""
    num_rows_matched: int = 0
    num_rows_ambiguous: int = 0
    num_rows_without_file: int = 0
    num_named: int = 0
    """Different files that it names."""
    num_by_step: dict[str, int] = field(default_factory=dict)
    """Names that were found, by step."""
    num_media_matched: int = 0
    """Listed files that it names."""
    num_media_unnamed: int = 0
    """Listed files that it does not name."""
    unnamed: Examples = field(default_factory=list)
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
SELECT DISTINCT path, nfc_normalize(path) AS raw, plain FROM said;
CREATE OR REPLACE TEMP TABLE links (path VARCHAR, media_id VARCHAR, step VARCHAR);
CREATE OR REPLACE TEMP TABLE ambiguous (path VARCHAR);
"""

# What is asked for in one round, by the names that it has there.
_ASKED_BY_PATH = "CREATE OR REPLACE TEMP TABLE asked AS SELECT path, raw, plain FROM names"
_ASKED_BY_OTHER = """
CREATE OR REPLACE TEMP TABLE asked AS
SELECT path, any_value(other) AS raw, any_value(other) AS plain
FROM said ANTI JOIN links USING (path) ANTI JOIN ambiguous USING (path)
WHERE other IS NOT NULL GROUP BY path HAVING count(DISTINCT other) = 1
"""

# As it is written before what it comes to: a file may be called `a\\b.jpg` and lie beside a folder `a`.
_EXACT = """
INSERT INTO links
SELECT path, media_id, 'same path' FROM (
    SELECT n.path, m.media_id FROM asked n JOIN media m ON m.media_id = n.raw
    UNION SELECT n.path, m.media_id FROM asked n JOIN media m ON m.uri = n.path);
INSERT INTO links
SELECT n.path, m.media_id, 'same path'
FROM (SELECT path, plain FROM asked ANTI JOIN links USING (path)) n JOIN media m ON m.media_id = n.plain;
"""

_LEFT = """
CREATE OR REPLACE TEMP TABLE names_left AS
    SELECT path, plain FROM asked ANTI JOIN links USING (path) ANTI JOIN ambiguous USING (path);
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
INSERT INTO ambiguous SELECT DISTINCT path FROM candidates ANTI JOIN sure USING (path);
"""

_NAMES_TELL_APART = "SELECT count(DISTINCT tail(plain, 1)) = count(DISTINCT plain) FROM asked"

# Some files count frames from 1, and never use 0.
_GATHER = """
INSERT INTO attributes
SELECT $file, l.media_id, s.location_id, s.deployment_id, s.sequence_id,
    s.frame_num - (SELECT CASE WHEN min(frame_num) = 1 AND NOT $from_zero THEN 1 ELSE 0 END FROM said),
    s.timestamp
FROM links l JOIN said s USING (path)
"""

_OBSERVE = """
INSERT INTO observed
SELECT l.media_id, o.label, o.label_level, o.species, o.vote_share, o.evenness, o.rank, o.labelled_by,
    o.labelled_at
FROM links l JOIN said s USING (path) JOIN read_parquet($observations) o USING (key)
"""


def match_annotations(
    connection: duckdb.DuckDBPyConnection, staged: StagedAnnotations, number: int
) -> MatchCounts:
    """Match one annotation file with table `media`; fill tables `attributes` and `observed`."""
    observations = str(staged.stage.observations_path)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE said AS SELECT * FROM read_parquet($path) WHERE key NOT IN "
        "(SELECT unnest($unusable::VARCHAR[]))",
        {"path": str(staged.stage.media_path), "unusable": sorted(staged.stage.unusable_keys)},
    )
    match_names(connection)
    connection.execute(_GATHER, {"file": number, "from_zero": staged.stage.frames_from_zero})
    connection.execute(_OBSERVE, {"observations": observations})
    return _count(connection, staged)


def match_names(connection: duckdb.DuckDBPyConnection) -> None:
    """Match the names of table `said` (path, plain, other) with table `media` (media_id, uri).

    Fills the tables `links` (path, media_id) and `ambiguous` (path).
    """
    connection.execute(_PREPARE)
    connection.execute(_NAMES)
    for asked in (_ASKED_BY_PATH, _ASKED_BY_OTHER):
        connection.execute(asked)
        if _number(connection, "SELECT count(*) FROM asked"):
            _match_asked(connection)


def _match_asked(connection: duckdb.DuckDBPyConnection) -> None:
    """The three steps, for the names of one round."""
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


def _accept(connection: duckdb.DuckDBPyConnection, step: str) -> None:
    connection.execute(_ACCEPT)
    connection.execute("INSERT INTO links SELECT path, media_id, $step FROM sure", {"step": step})


_FATES = """
CREATE OR REPLACE TEMP TABLE fates AS
SELECT n.path, l.path IS NOT NULL AS is_matched, a.path IS NOT NULL AS is_ambiguous
FROM names n LEFT JOIN (SELECT DISTINCT path FROM links) l USING (path) LEFT JOIN ambiguous a USING (path)
"""

_ROWS = """
SELECT count(*), coalesce(count_if(is_matched), 0), coalesce(count_if(is_ambiguous), 0),
    coalesce(count_if(NOT is_matched AND NOT is_ambiguous), 0)
FROM said JOIN fates USING (path)
"""

_MISSING = "FROM fates WHERE NOT is_matched AND NOT is_ambiguous"
_UNNAMED = "FROM media ANTI JOIN links USING (media_id)"


def _count(connection: duckdb.DuckDBPyConnection, staged: StagedAnnotations) -> MatchCounts:
    connection.execute(_FATES)
    num_rows, num_matched, num_ambiguous, num_without = connection.execute(_ROWS).fetchall()[0]
    steps = connection.execute("SELECT step, count(DISTINCT path) FROM links GROUP BY step").fetchall()
    stray = connection.execute(
        "SELECT count(*) FROM read_parquet($path) ANTI JOIN said USING (key)",
        {"path": str(staged.stage.observations_path)},
    ).fetchall()
    return MatchCounts(
        num_rows=num_rows,
        num_rows_matched=num_matched,
        num_rows_ambiguous=num_ambiguous,
        num_rows_without_file=num_without,
        num_named=_number(connection, "SELECT count(*) FROM names"),
        num_by_step=dict(steps),
        num_media_matched=_number(connection, "SELECT count(DISTINCT media_id) FROM links"),
        num_media_unnamed=_number(connection, f"SELECT count(*) {_UNNAMED}"),
        unnamed=_texts(connection, f"SELECT media_id {_UNNAMED} ORDER BY media_id LIMIT 5"),
        num_ambiguous=_number(connection, "SELECT count(*) FROM ambiguous"),
        ambiguous=_texts(connection, "SELECT path FROM ambiguous ORDER BY path LIMIT 5"),
        num_without_file=_number(connection, f"SELECT count(*) {_MISSING}"),
        without_file=_texts(connection, f"SELECT path {_MISSING} ORDER BY path LIMIT 5"),
        num_stray_observations=int(stray[0][0]),
    )


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def _numbers(connection: duckdb.DuckDBPyConnection, query: str) -> list[int]:
    return sorted(int(row[0]) for row in connection.execute(query).fetchall())


def _texts(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(query).fetchall()]
