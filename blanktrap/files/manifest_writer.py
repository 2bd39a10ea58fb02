"""Writing a manifest whole or not at all.

Owns: the parts, `_manifest.json` written last, and refusing to overwrite. Refuses: sorting and joining;
rows come in manifest order from `indexing`.
"""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap import __version__
from blanktrap.core.errors import ManifestError
from blanktrap.core.schemas import MANIFEST_SCHEMA, MANIFEST_VERSION, conform_manifest
from blanktrap.core.vocabulary import SplitBy
from blanktrap.files.manifest import (
    COMPANIONS,
    RECORD,
    ROWS_PER_PART,
    UNFINISHED,
    Manifest,
    ManifestPart,
    digest_of,
)
from blanktrap.files.s3 import ObjectMissingError, one_line
from blanktrap.files.storage import Storage, join

_PART = re.compile(r"part-\d{5,}\.parquet")


def check_manifest_output(storage: Storage, location: str, *, overwrite: bool) -> None:
    """Refuse a folder that a manifest must not be written to. Writes nothing.

    Raises:
        ManifestError: a manifest is there and `overwrite` is not set, or Parquet files that no index run
            wrote, or another of blanktrap's outputs.
        SourceError: the folder cannot be listed.
    """
    try:
        names = {entry.relative for entry in storage.list_folder(location)}
    except ObjectMissingError as problem:
        raise ManifestError(f"{location} is a file: give --out a folder") from problem
    for name in ("run.json", "model.json", "report.json", "_SUCCESS"):
        if name in names:
            raise ManifestError(f"{location} holds something else (it has {name}): give --out another folder")
    if RECORD in names:
        if not overwrite:
            raise ManifestError(
                f"there is a manifest at {location}: give --out another folder, or --overwrite to replace it"
            )
    elif UNFINISHED not in names and any(name.endswith(".parquet") for name in names):
        raise ManifestError(
            f"{location} holds Parquet files that no index run wrote: give --out another folder; "
            f"nothing was overwritten"
        )


class ManifestWriter:
    """Writes the parts of one manifest, then `_manifest.json`. No file of anyone else's is touched."""

    def __init__(self, storage: Storage, location: str, *, overwrite: bool = False) -> None:
        """Claim the folder. Errors as `check_manifest_output`."""
        check_manifest_output(storage, location, overwrite=overwrite)
        self._storage = storage
        self._location = location
        self._parts: list[ManifestPart] = []
        self._pending: list[pa.Table] = []
        self._schema = MANIFEST_SCHEMA
        self._num_pending = 0
        # This order leaves, whenever it is killed, either the old manifest or one that says "unfinished".
        started = {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "blanktrap_version": __version__,
        }
        storage.write_bytes(join(location, UNFINISHED), json.dumps(started).encode())
        storage.delete(join(location, RECORD))
        for name in COMPANIONS:
            storage.delete(join(location, name))
        storage.remove_staged(location)

    @property
    def num_media(self) -> int:
        """Rows taken so far."""
        return sum(part.num_media for part in self._parts) + self._num_pending

    def write(self, table: pa.Table) -> None:
        """Append rows, already in manifest order.

        Extra columns may differ from table to table: where a table lacks one, it is null.

        Raises:
            ManifestError: a column is wrong, or an extra one changes to a type that does not fit.
            SourceError: a part cannot be written.
        """
        table = conform_manifest(table, where=self._location)
        try:
            self._schema = pa.unify_schemas([self._schema, table.schema], promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
            raise ManifestError(
                f"{self._location}: an extra column changes its type from row to row ({one_line(problem)})"
            ) from problem
        self._pending.append(table)
        self._num_pending += table.num_rows
        while self._num_pending >= ROWS_PER_PART:
            self._write_part(ROWS_PER_PART)

    def finish(self, details: dict[str, Any]) -> Manifest:
        """Write the last part and `_manifest.json`.

        Args:
            details: what else `_manifest.json` says: configuration, sources, summary, and `split_by` where
                there are splits. Must be JSON.
        """
        if self._num_pending or not self._parts:
            self._write_part(self._num_pending)
        parts = tuple(self._parts)
        self._remove_stale()
        num_media = sum(part.num_media for part in parts)
        record = {
            "schema_version": MANIFEST_VERSION,
            "num_media": num_media,
            "digest": digest_of(parts),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "blanktrap_version": __version__,
            **details,
            "parts": [
                {
                    "name": part.uri.rpartition("/")[2],
                    "num_media": part.num_media,
                    "size_bytes": part.size_bytes,
                    "sha256": part.sha256,
                }
                for part in parts
            ],
        }
        self._storage.write_bytes(join(self._location, RECORD), json.dumps(record, indent=1).encode())
        self._storage.delete(join(self._location, UNFINISHED))
        return Manifest(
            location=self._location,
            num_media=num_media,
            digest=digest_of(parts),
            parts=parts,
            is_own=True,
            split_by=SplitBy(details.get("split_by", SplitBy.LOCATION)),
        )

    def _write_part(self, num_rows: int) -> None:
        table = pa.concat_tables(
            self._pending or [MANIFEST_SCHEMA.empty_table()], promote_options="permissive"
        )
        rest = table.slice(num_rows)
        self._pending, self._num_pending = [rest] if rest.num_rows else [], rest.num_rows
        sink = pa.BufferOutputStream()
        part_rows = table.slice(0, num_rows)
        pq.write_table(part_rows, sink, compression="zstd", row_group_size=ROWS_PER_PART)
        data = sink.getvalue().to_pybytes()
        uri = join(self._location, f"part-{len(self._parts):05d}.parquet")
        self._storage.write_bytes(uri, data)
        self._parts.append(
            ManifestPart(
                uri=uri,
                num_media=num_rows,
                size_bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
            )
        )

    def _remove_stale(self) -> None:
        """Remove parts of an earlier, longer manifest: only an index run's own folder can be claimed."""
        written = {part.uri.rpartition("/")[2] for part in self._parts}
        for entry in self._storage.list_folder(self._location):
            if _PART.fullmatch(entry.relative) and entry.relative not in written:
                self._storage.delete(join(self._location, entry.relative))
