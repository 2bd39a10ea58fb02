"""The joins and the sort behind an index, on disk, in bounded memory.

Owns: the tables from staged media to manifest rows: one row a media, labels, times, sequences, order.
Refuses: the network; everything it reads was staged on local disk.
"""

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import UsageError
from blanktrap.files.exif import ExifReading

MEMORY_LIMIT = "512MB"
_EXIF_BATCH = 4096

_EXIF = pa.schema([("media_id", pa.string()), ("exif_time", pa.timestamp("ms")), ("is_night", pa.bool_())])

_EMPTY = """
CREATE TABLE attributes (
    file INTEGER, media_id VARCHAR, location_id VARCHAR, deployment_id VARCHAR, sequence_id VARCHAR,
    frame_num BIGINT, timestamp TIMESTAMP_MS);
CREATE TABLE observed (
    media_id VARCHAR, label VARCHAR, label_level VARCHAR, species VARCHAR, vote_share FLOAT, evenness FLOAT,
    rank TINYINT, labelled_by VARCHAR, labelled_at TIMESTAMP_MS);
"""

# One row a URI: what two sources list twice belongs to the first, in one struct because arg_min passes
# over nulls: the id of one source would come with the place of another.
_MEDIA = """
CREATE TABLE media AS
SELECT uri, first.media_id AS media_id, size_bytes, etag, first.location_id AS location_id,
    first.deployment_id AS deployment_id, first.sequence_id AS sequence_id, first.label_name AS label_name,
    num_repeats
FROM (
    SELECT uri, any_value(size_bytes) AS size_bytes, any_value(etag) AS etag, count(*) - 1 AS num_repeats,
        arg_min(struct_pack(media_id, location_id, deployment_id, sequence_id, label_name), source) AS first
    FROM read_parquet($path) GROUP BY uri)
"""

_CLASH = """
SELECT media_id, min(uri), max(uri) FROM media GROUP BY media_id HAVING count(*) > 1 ORDER BY 1 LIMIT 1
"""

# Several annotations may say where and when: what they agree on counts, what they differ on is nothing.
_ATTRIBUTES = """
CREATE TABLE agreed AS
SELECT media_id,
    CASE WHEN min(location_id) = max(location_id) THEN min(location_id) END AS location_id,
    CASE WHEN min(deployment_id) = max(deployment_id) THEN min(deployment_id) END AS deployment_id,
    CASE WHEN min(sequence_id) = max(sequence_id) THEN min(sequence_id) END AS sequence_id,
    CASE WHEN min(frame_num) = max(frame_num) THEN min(frame_num) END AS frame_num,
    CASE WHEN min(timestamp) = max(timestamp) THEN min(timestamp) END AS timestamp,
    coalesce(min(location_id) <> max(location_id), false)
        OR coalesce(min(deployment_id) <> max(deployment_id), false)
        OR coalesce(min(sequence_id) <> max(sequence_id), false)
        OR coalesce(min(frame_num) <> max(frame_num), false)
        OR coalesce(min(timestamp) <> max(timestamp), false) AS differs
FROM attributes GROUP BY media_id
"""

# A correction outweighs whatever it corrects. A judgement of the frame outweighs one of its sequence: an
# empty frame in an animal's sequence is no contradiction. "Nobody can tell" beside blank leaves the label
# open; it never becomes blank.
_LABELS = """
CREATE TABLE labelled AS
WITH ranked AS (
    SELECT media_id, max(rank) AS rank FROM observed GROUP BY media_id
), counting AS (
    SELECT o.* FROM observed o JOIN ranked USING (media_id, rank)
), judged AS (
    SELECT media_id, bool_or(label IS NOT NULL AND label_level = 'media') AS by_media FROM counting
    GROUP BY media_id
), summed AS (
    SELECT media_id, any_value(by_media) AS by_media, coalesce(bool_or(label = 'nonblank'), false) AS animal,
        coalesce(bool_or(label = 'blank'), false) AS blank, bool_or(label IS NULL) AS unsure,
        list_sort(list_distinct(list(species) FILTER (species IS NOT NULL))) AS species,
        min(vote_share) AS vote_share, max(evenness) AS evenness,
        string_agg(DISTINCT labelled_by, ', ' ORDER BY labelled_by) AS labelled_by,
        max(labelled_at) AS labelled_at
    FROM counting JOIN judged USING (media_id) WHERE NOT by_media OR label_level = 'media' GROUP BY media_id
)
SELECT media_id, species, vote_share, evenness, labelled_by, labelled_at, animal AND blank AS differs,
    CASE WHEN animal AND blank THEN NULL WHEN animal THEN 'nonblank'
        WHEN blank AND NOT unsure THEN 'blank' END AS label,
    CASE WHEN by_media THEN 'media' ELSE 'sequence' END AS label_level
FROM summed
"""

_PLACED = """
CREATE TABLE placed AS
SELECT m.media_id, m.uri, m.size_bytes, m.etag, coalesce(a.location_id, m.location_id) AS location_id,
    coalesce(a.deployment_id, m.deployment_id) AS deployment_id,
    coalesce(a.sequence_id, m.sequence_id) AS sequence_id, a.frame_num, a.timestamp,
    l.label, CASE WHEN l.label IS NOT NULL THEN l.label_level END AS label_level,
    CASE WHEN l.label IS NOT NULL THEN l.species END AS species,
    l.vote_share, l.evenness, l.labelled_by, l.labelled_at
FROM media m LEFT JOIN agreed a USING (media_id) LEFT JOIN labelled l USING (media_id)
"""

# Archives number their sequences anew at every location: an id that several of them use is several.
_SHARED = """
CREATE TABLE shared AS
SELECT sequence_id FROM placed WHERE sequence_id IS NOT NULL
GROUP BY sequence_id HAVING count(DISTINCT location_id) > 1
"""

_JOINED = """
CREATE TABLE joined AS
SELECT p.* REPLACE (
    CASE WHEN s.sequence_id IS NOT NULL AND p.location_id IS NOT NULL
        THEN p.location_id || '/' || p.sequence_id ELSE p.sequence_id END AS sequence_id)
FROM placed p LEFT JOIN shared s ON p.sequence_id = s.sequence_id
"""

_TIMED = """
CREATE TABLE timed AS
SELECT j.* REPLACE (coalesce(j.timestamp, e.exif_time) AS timestamp), e.is_night
FROM joined j LEFT JOIN read_parquet($path) e USING (media_id)
"""

# A pause longer than the gap begins a new run. Without place or time a media stands alone.
_RUNS = """
CREATE TABLE runs AS
WITH known AS (
    SELECT media_id, location_id, deployment_id, timestamp,
        coalesce(epoch_ms(timestamp) - lag(epoch_ms(timestamp)) OVER w > $gap_ms, true)::INTEGER AS starts
    FROM timed
    WHERE sequence_id IS NULL AND location_id IS NOT NULL AND timestamp IS NOT NULL
    WINDOW w AS (PARTITION BY location_id, deployment_id ORDER BY timestamp, media_id)
), numbered AS (
    SELECT *, sum(starts) OVER (PARTITION BY location_id, deployment_id ORDER BY timestamp, media_id) AS run
    FROM known
)
SELECT media_id, 'gap:' || first_value(media_id) OVER w AS run_id, row_number() OVER w - 1 AS run_frame
FROM numbered
WINDOW w AS (PARTITION BY location_id, deployment_id, run ORDER BY timestamp, media_id)
"""

# Frames of a given sequence that nobody numbered are numbered by time.
_FRAMES = """
CREATE TABLE frames AS
SELECT media_id, place - 1 AS frame FROM (
    SELECT media_id, frame_num, max(frame_num) OVER w AS last,
        row_number() OVER (w ORDER BY timestamp, media_id) AS place
    FROM timed WHERE sequence_id IS NOT NULL
    WINDOW w AS (PARTITION BY location_id, sequence_id))
WHERE last IS NULL
"""

_SORTED = """
SELECT t.media_id, t.uri, t.size_bytes, t.location_id, t.deployment_id,
    coalesce(t.sequence_id, r.run_id) AS sequence_id,
    TRY_CAST(coalesce(t.frame_num, f.frame, r.run_frame) AS SMALLINT) AS frame_num,
    t.timestamp::TIMESTAMP_MS AS timestamp, t.label, t.label_level, t.species, NULL::VARCHAR AS split,
    t.is_night, t.vote_share, t.evenness, t.labelled_by, t.labelled_at::TIMESTAMP_MS AS labelled_at, t.etag
FROM timed t LEFT JOIN runs r USING (media_id) LEFT JOIN frames f USING (media_id)
ORDER BY t.location_id NULLS LAST, t.timestamp NULLS LAST, t.media_id
"""

_FIGURES = {
    "num_media": "SELECT count(*) FROM media",
    "num_listed_twice": "SELECT coalesce(sum(num_repeats), 0)::BIGINT FROM media",
    "num_annotated": "SELECT count(DISTINCT media_id) FROM attributes",
    "num_contradicting": "SELECT count(*) FROM labelled WHERE differs",
    "num_differing": "SELECT count(*) FROM agreed WHERE differs",
    "num_shared_sequences": "SELECT count(*) FROM shared",
    "num_locations": "SELECT count(DISTINCT location_id) FROM timed",
    "num_with_location": "SELECT count(location_id) FROM timed",
    "num_night": "SELECT count(*) FILTER (is_night) FROM timed",
    "num_day": "SELECT count(*) FILTER (NOT is_night) FROM timed",
    "num_undated": "SELECT count(*) - count(timestamp) FROM timed",
    "num_sequences": """SELECT (SELECT count(DISTINCT sequence_id) FROM timed)
        + (SELECT count(DISTINCT run_id) FROM runs)""",
}

_EXAMPLES = {
    "contradicting": "SELECT media_id FROM labelled WHERE differs ORDER BY 1 LIMIT 5",
    "differing": "SELECT media_id FROM agreed WHERE differs ORDER BY 1 LIMIT 5",
    "shared_sequences": "SELECT sequence_id FROM shared ORDER BY 1 LIMIT 5",
    "unlabelled": "SELECT media_id FROM joined WHERE label IS NULL ORDER BY 1 LIMIT 5",
}

_BY_LABEL = "SELECT coalesce(label, 'none'), count(*) FROM joined GROUP BY 1 ORDER BY 1"


class IndexDatabase:
    """The tables of one index run; what they are filled from is staged in a local folder."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.connection = connection
        self._folder = folder
        self.connection.execute(_EMPTY)

    def load_media(self, staged: Path) -> None:
        """Make table `media` from staged files.

        Raises:
            UsageError: two different files have one media_id.
        """
        self.connection.execute(_MEDIA, {"path": str(staged)})
        clash = self.connection.execute(_CLASH).fetchone()
        if clash is not None:
            media_id, *uris = clash
            form = ""
            if unicodedata.normalize("NFC", uris[0]) == unicodedata.normalize("NFC", uris[1]):
                # Printed as they are, the two would look the same.
                form, uris = " in two forms of Unicode", [ascii(uri) for uri in uris]
            raise UsageError(
                f"two files have the media_id {media_id!r}{form}: {uris[0]} and {uris[1]}; "
                f"tell sources apart with name=SOURCE, or rename one of the files"
            )

    def join_annotations(self) -> None:
        """Make table `joined`: what annotations say, else what the path says."""
        self.connection.execute(_ATTRIBUTES)
        self.connection.execute(_LABELS)
        self.connection.execute(_PLACED)
        self.connection.execute(_SHARED)
        self.connection.execute(_JOINED)

    def add_exif(
        self,
        read: Callable[[list[tuple[str, str]]], list[ExifReading]] | None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> tuple[int, int]:
        """Make table `timed`, with EXIF times where there are no others, and nights.

        Args:
            read: gives the EXIF facts of pairs of media_id and URI; None reads none.
            on_progress: called with the media read so far and those to be read.

        Returns:
            The number of media read, and how many of them could not be.
        """
        path = self._folder / "exif.parquet"
        num_read = num_failed = 0
        with pq.ParquetWriter(path, _EXIF) as writer:
            if read is not None:
                num_wanted = self._rows("SELECT count(*) FROM joined")[0][0]
                cursor = self.connection.cursor()
                cursor.execute("SELECT media_id, uri FROM joined ORDER BY uri")
                while media := cursor.fetchmany(_EXIF_BATCH):
                    readings = read(media)
                    num_read += len(readings)
                    num_failed += sum(not one.was_read for one in readings)
                    rows = [(one.media_id, one.facts.timestamp, one.facts.is_night) for one in readings]
                    arrays = [
                        pa.array(values, kind.type)
                        for values, kind in zip(zip(*rows, strict=True), _EXIF, strict=True)
                    ]
                    writer.write_table(pa.table(arrays, schema=_EXIF))
                    if on_progress is not None:
                        on_progress(num_read, num_wanted)
        self.connection.execute(_TIMED, {"path": str(path)})
        return num_read, num_failed

    def sorted_rows(self, *, gap_s: float, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Form the sequences that nobody named, and yield all rows in manifest order."""
        self.connection.execute(_RUNS, {"gap_ms": gap_s * 1000.0})
        self.connection.execute(_FRAMES)
        # sql() streams; to go through execute() would keep a copy of every row.
        with self.connection.sql(_SORTED).to_arrow_reader(batch_rows) as reader:
            yield from reader

    def figures(self) -> dict[str, Any]:
        """Counts and examples for the summary, once the rows are sorted."""
        figures: dict[str, Any] = {name: self._rows(query)[0][0] for name, query in _FIGURES.items()}
        examples = {name: [row[0] for row in self._rows(query)] for name, query in _EXAMPLES.items()}
        return {**figures, **examples, "by_label": dict(self._rows(_BY_LABEL))}

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()
