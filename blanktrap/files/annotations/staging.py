"""What every annotation format is turned into, on local disk.

Owns: the two staged tables, the reading of times and names that all formats share, and the counting of what
could not be used. Refuses: matching files; that is `matching`.

A format gives two tables, joined by `key`: which files are meant (media), and what was seen (observations).
Several media may share a key, as frames of one sequence do; so may several observations.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.paths import plain_path
from blanktrap.core.times import DateOrder, is_impossible_time, parse_capture_time, says_no_time
from blanktrap.core.vocabulary import LabelLevel, is_unknown_id, label_of_name, species_of_name
from blanktrap.files.annotations.formats import BadRowError, quoted, refuse_row
from blanktrap.files.sources import LeftOut

ANNOTATED_MEDIA = pa.schema(
    [
        pa.field("key", pa.string()),
        pa.field("path", pa.string()),
        pa.field("plain", pa.string()),
        pa.field("other", pa.string()),
        pa.field("location_id", pa.string()),
        pa.field("deployment_id", pa.string()),
        pa.field("sequence_id", pa.string()),
        pa.field("frame_num", pa.int64()),
        pa.field("timestamp", pa.timestamp("ms")),
    ]
)

OBSERVATIONS = pa.schema(
    [
        pa.field("key", pa.string()),
        pa.field("label", pa.string()),
        pa.field("label_level", pa.string()),
        pa.field("species", pa.string()),
        pa.field("vote_share", pa.float32()),
        pa.field("evenness", pa.float32()),
        pa.field("rank", pa.int8()),
        pa.field("labelled_by", pa.string()),
        pa.field("labelled_at", pa.timestamp("ms")),
    ]
)

# Observations of the highest rank that a media has count alone.
ORDINARY, CORRECTION = 0, 1

# Far above any file system's longest path, far below what fills the memory.
_MAX_TEXT = 32_768
_ROWS_PER_GROUP = 65_536


class _Staged:
    """A Parquet file that grows row by row and keeps one row group in memory."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema
        self._rows: list[tuple[Any, ...]] = []

    def add(self, row: tuple[Any, ...]) -> None:
        self._rows.append(row)
        if len(self._rows) >= _ROWS_PER_GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [
                pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)
            ]
            self._writer.write_table(pa.table(arrays, schema=self._schema))
            self._rows = []


class AnnotationStage:
    """Where a format puts what it reads."""

    def __init__(self, media_path: Path, observations_path: Path, *, skip_bad_rows: bool = False) -> None:
        self.media_path = media_path
        self.observations_path = observations_path
        self.problems = LeftOut()
        """What was there and could not be used: a time in no known spelling, a frame that is no number."""
        self.bad_rows = LeftOut()
        """Rows that were left out, by reason."""
        self.frames_from_zero = False
        """Whether the format itself counts frames from 0; else 1 is subtracted where the smallest is 1."""
        self.unusable_keys: set[str] = set()
        """Keys that turned out to mean nothing once all was read; what was staged under them is dropped."""
        self._skip_bad_rows = skip_bad_rows
        self._media = _Staged(media_path, ANNOTATED_MEDIA)
        self._observations = _Staged(observations_path, OBSERVATIONS)

    def bad_row(self, where: str, place: str, problem: BadRowError) -> None:
        """Count a row that cannot be used.

        Args:
            where: the file.
            place: the row, such as `row 7` or `images[7]`.
            problem: why.

        Raises:
            AnnotationError: the user did not ask for such rows to be left out.
        """
        if not self._skip_bad_rows:
            refuse_row(where, place, problem)
        self.bad_rows.add("row left out", f"{place} {problem}")

    def read_time(self, text: str | None, example: str, order: DateOrder | None = None) -> datetime | None:
        """Read a capture time as every format should.

        Args:
            text: what the file says.
            example: what it belongs to, for the summary.
            order: which number is the month, where the file's other dates show it.

        Returns:
            The time; None where there is none, or where it could be read in several ways: that is counted.

        Raises:
            BadRowError: there is no such date or hour.
        """
        moment = parse_capture_time(text, order)
        if moment is None and text is not None and not says_no_time(text):
            if is_impossible_time(text, order):
                raise BadRowError(f"has the time {quoted(text)}, which does not exist")
            self.problems.add("time in no clear spelling", f"{text[:40]} ({example})")
        return moment

    def add_media(
        self,
        key: str,
        path: str,
        *,
        location_id: str | None = None,
        deployment_id: str | None = None,
        sequence_id: str | None = None,
        frame_num: int | None = None,
        timestamp: datetime | None = None,
        other_path: str | None = None,
    ) -> None:
        """One file that the annotations speak of. Nothing is staged where BadRowError is raised.

        Args:
            key: joins it with what was seen.
            path: what the annotations call it. Equal paths are one file.
            location_id: its place.
            deployment_id: its camera's stay there.
            sequence_id: its trigger.
            frame_num: its number within.
            timestamp: what the clock on the spot showed.
            other_path: another name of the same file, asked for where nothing has the first: exports know an
                image by its address in a cloud and by the name it had on the memory card.

        Raises:
            BadRowError: the path names no file, or a text is longer than 32,768 characters.
        """
        _refuse_unfit({"id": key, "location": location_id, "deployment": deployment_id})
        _refuse_unfit({"sequence": sequence_id, "path": other_path})
        plain, climbs = self.check_media(path)
        if climbs:
            self.problems.add("path with .., matched without it", path)
        location_id = self._known("location", location_id, path)
        deployment_id = self._known("deployment", deployment_id, path)
        sequence_id = self._known("sequence", sequence_id, path)
        if frame_num is not None and not 0 <= frame_num < 2**15:
            self.problems.add("frame number out of range", f"{frame_num} ({path})")
            frame_num = None
        other = plain_path(other_path)[0] or None if other_path else None
        row = (key, path, plain, other, location_id, deployment_id, sequence_id, frame_num, timestamp)
        self._media.add(row)

    def _known(self, what: str, name: str | None, path: str) -> str | None:
        if name is None or not is_unknown_id(name):
            return name
        self.problems.add(f"{what} that is not known, left open", f"{name} ({path})")
        return None

    def check_media(self, path: str) -> tuple[str, bool]:
        """What `plain_path` makes of a path. Raises BadRowError as `add_media` does."""
        _refuse_unfit({"path": path})
        plain, climbs = plain_path(path)
        if not plain:
            raise BadRowError(f"has the path {quoted(path)}, which names no file")
        return plain, climbs

    def add_observation(
        self,
        key: str,
        name: str | None,
        level: LabelLevel = LabelLevel.MEDIA,
        *,
        vote_share: float | None = None,
        evenness: float | None = None,
    ) -> None:
        """What a person called the content: a category, a species, a synonym of empty, or nothing usable.

        Args:
            key: of the media that it belongs to.
            name: what it was called.
            level: whether the frame was judged, or its sequence.
            vote_share: share of volunteers behind it, in [0, 1].
            evenness: Pielou's evenness of the volunteers' answers; 0 where all agree.
        """
        self.add_labelled(
            key,
            label_of_name(name),
            level,
            species_of_name(name),
            vote_share=vote_share,
            evenness=evenness,
        )

    def add_labelled(
        self,
        key: str,
        label: str | None,
        level: LabelLevel,
        species: str | None,
        *,
        vote_share: float | None = None,
        evenness: float | None = None,
        rank: int = ORDINARY,
        labelled_by: str | None = None,
        labelled_at: datetime | None = None,
    ) -> None:
        """An observation whose label is known apart from its species.

        Raises:
            BadRowError: a text is longer than 32,768 characters.
        """
        _refuse_unfit({"species": species, "labelled_by": labelled_by})
        row = (key, label, level, species, vote_share, evenness, rank, labelled_by, labelled_at)
        self._observations.add(row)

    def drop_keys(self, keys: Iterable[str]) -> None:
        """Take back all that was staged under these keys."""
        self.unusable_keys.update(keys)

    def close(self) -> None:
        """Write what is left."""
        self._media.close()
        self._observations.close()


@dataclass(frozen=True, kw_only=True)
class StagedAnnotations:
    """One set of annotation files, staged."""

    where: str
    """The file that leads it."""
    format_name: str
    stage: AnnotationStage
    companions: tuple[str, ...] = ()
    """The files that were read together with it."""


def plain_text(value: object) -> str | None:
    """An id of any JSON type as text; None for what says nothing. 33.0 and 33 are the same place."""
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def _refuse_unfit(texts: dict[str, str | None]) -> None:
    """Raise BadRowError for what no table can hold, or no memory should."""
    for name, text in texts.items():
        if text is None:
            continue
        if len(text) > _MAX_TEXT:
            raise BadRowError(f"has a {name} of {len(text):,} characters, at most {_MAX_TEXT:,} are read")
        # JSON can spell half a character (a lone surrogate), and a character that ends a text elsewhere.
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise BadRowError(f"has a {name} that is no Unicode text")
        if "\0" in text:
            raise BadRowError(f"has a {name} with a null character")
