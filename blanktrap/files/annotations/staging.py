"""What every annotation format is turned into, on local disk.

Owns: the two staged tables, the counting of what could not be understood, and the interface of a format.
Refuses: matching files; that is `matching`.

A format gives two tables, joined by `key`: which files are meant (media), and what was seen (observations).
Several media may share a key, as frames of one sequence do; so may several observations.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.vocabulary import LabelLevel, label_of_name, species_of_name
from blanktrap.files.sources import LeftOut

ANNOTATED_MEDIA = pa.schema(
    [
        pa.field("key", pa.string()),
        pa.field("path", pa.string()),
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
    ]
)

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

    def __init__(self, media_path: Path, observations_path: Path) -> None:
        self.media_path = media_path
        self.observations_path = observations_path
        self.problems = LeftOut()
        """What was there and could not be used: a time in no known spelling, a frame that is no number."""
        self._media = _Staged(media_path, ANNOTATED_MEDIA)
        self._observations = _Staged(observations_path, OBSERVATIONS)

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
    ) -> None:
        """One file that the annotations speak of."""
        if frame_num is not None and not 0 <= frame_num < 2**15:
            self.problems.add("frame number out of range", f"{frame_num} ({path})")
            frame_num = None
        row = (key, path, location_id, deployment_id, sequence_id, frame_num, timestamp)
        self._media.add(row)

    def add_observation(self, key: str, name: str | None, level: LabelLevel = LabelLevel.MEDIA) -> None:
        """What a person called the content: a category, a species, a synonym of empty, or nothing usable."""
        self._observations.add((key, label_of_name(name), level, species_of_name(name)))

    def add_labelled(self, key: str, label: str | None, level: LabelLevel, species: str | None) -> None:
        """An observation whose label is known apart from its species."""
        self._observations.add((key, label, level, species))

    def close(self) -> None:
        """Write what is left."""
        self._media.close()
        self._observations.close()


class AnnotationFormat(Protocol):
    """One annotation format."""

    name: str
    """As it is printed."""

    def recognises(self, head: bytes) -> bool:
        """Whether a file is of this format, told from its first 64 KiB."""

    def read(self, path: Path, where: str, stage: AnnotationStage) -> None:
        """Stage a file. `where` names it in messages.

        Raises:
            AnnotationError: it cannot be understood; the message names file and row.
        """


@dataclass(frozen=True, kw_only=True)
class StagedAnnotations:
    """One annotation file, staged."""

    where: str
    format_name: str
    stage: AnnotationStage


def plain_text(value: object) -> str | None:
    """An id of any JSON type as text; None for what says nothing. 33.0 and 33 are the same place."""
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None
