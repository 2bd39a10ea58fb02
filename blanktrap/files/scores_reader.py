"""Scores datasets that are read.

Owns: opening a finished dataset, its rows in manifest order, and the wording of a finished run.
Refuses: writing; that is `scores`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.errors import ScoresError
from blanktrap.core.schemas import SCORES_SCHEMA, conform_scores
from blanktrap.core.wording import duration
from blanktrap.files.parquet import read_parquet
from blanktrap.files.scores import PART_NAME, RunIdentity, list_dataset, read_record
from blanktrap.files.storage import Storage


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A scores dataset that can be read."""

    location: str
    run: dict[str, Any]
    """The content of run.json."""
    parts: tuple[str, ...]
    """URIs of the parts, in manifest order."""
    is_complete: bool
    """`_SUCCESS` is there."""

    @property
    def num_media(self) -> int:
        """Media of the manifest; an incomplete dataset has fewer rows."""
        return int(self.run["identity"]["num_media"])

    def iter_tables(self, storage: Storage, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """Yield the rows in manifest order, a few parts ahead; all columns, or those named."""
        with ThreadPoolExecutor(max_workers=8, thread_name_prefix="scores") as pool:
            window: list[str] = []
            for uri in [*self.parts, None]:
                if uri is not None:
                    window.append(uri)
                if window and (uri is None or len(window) == 32):
                    yield from pool.map(lambda part: _read_part(storage, part, columns), window)
                    window = []

    def iter_columns(
        self, storage: Storage, columns: list[str], *, extras: dict[str, pa.DataType] | None = None
    ) -> Iterator[pa.Table]:
        """As `iter_tables`, in the contract's types; a column that a part lacks is null throughout.

        Columns beyond the contract's are read as `extras` says, else as float32: they are measures.
        """
        kinds = {**(extras or {}), **{field.name: field.type for field in SCORES_SCHEMA}}
        fields = pa.schema([pa.field(name, kinds.get(name, pa.float32())) for name in columns])
        for table in self.iter_tables(storage, columns):
            arrays = [
                table.column(field.name).cast(field.type)
                if field.name in table.column_names
                else pa.chunked_array([pa.nulls(table.num_rows, field.type)])
                for field in fields
            ]
            yield pa.table(arrays, schema=fields)

    def column_names(self, storage: Storage) -> list[str]:
        """The columns of the first part; empty where there is no part."""
        names: list[str] = self.schema(storage).names if self.parts else []
        return names

    def schema(self, storage: Storage) -> pa.Schema:
        """The columns of the first part and their types; those of the contract where there is no part."""
        return pq.read_schema(storage.open_random(self.parts[0])) if self.parts else SCORES_SCHEMA


def open_scores(storage: Storage, location: str, *, allow_incomplete: bool = False) -> Scores:
    """Open a scores dataset.

    Raises:
        ScoresError: it is not there, not a scores dataset, of another schema version, or incomplete
            (no `_SUCCESS`) without `allow_incomplete`.
    """
    entries = {name: entry.uri for name, entry in list_dataset(storage, location).items()}
    if "run.json" not in entries:
        found = "nothing is there" if not entries else f"it has {sorted(entries)[0]}, but no run.json"
        raise ScoresError(f"{location} is no scores dataset: {found}")
    record = read_record(storage, location)
    parts = tuple(uri for name, uri in sorted(entries.items()) if PART_NAME.fullmatch(name))
    is_complete = "_SUCCESS" in entries
    if not is_complete and not allow_incomplete:
        identity = RunIdentity(**record["identity"])
        raise ScoresError(
            f"{location} is incomplete ({len(parts):,} of {identity.num_chunks:,} parts): "
            f"run the same `blanktrap score` again, or pass --allow-incomplete"
        )
    return Scores(location=location, run=record, parts=parts, is_complete=is_complete)


def describe_run(location: str, run: dict[str, Any]) -> list[str]:
    """Word a finished run: counts with their denominator, speed, where it went."""
    total = run["num_media"]
    failed = {status: count for status, count in run["counts"].items() if status != "ok" and count}
    told = ", ".join(f"{count:,} {status}" for status, count in failed.items()) or "no failures"
    speed = f", {run['images_per_s']:.1f} images/s with starting up" if run["images_per_s"] else ""
    return [
        f"scored {run['counts']['ok']:,} of {total:,} media, {told}",
        *_describe_background(run),
        f"took {duration(run['wall_s'])}{speed}, {run['bytes_read'] / 1e9:.2f} GB read",
        f"model {run['model_id']}",
        f"scores in {location}",
    ]


def _describe_background(run: dict[str, Any]) -> list[str]:
    """How many media were compared with their place, and what that had to read again."""
    found, num_ok = run.get("background"), run["counts"]["ok"]
    if not found:
        return []
    without = found["num_without"]
    share = f" ({100 * without / num_ok:.1f} %)" if without else ""
    told = f"{num_ok - without:,} of {num_ok:,} compared with the background of their place"
    told += f", {without:,} without one{share}" if without else ""
    again = f"{found['extra_reads']:,} images ({100 * found['extra_share']:.1f} %) read twice for it"
    return [told, f"{again}, {found['extra_bytes'] / 1e9:.2f} GB"]


def _read_part(storage: Storage, uri: str, columns: list[str] | None) -> pa.Table:
    try:
        table = read_parquet(storage.read_bytes(uri), columns)
    except (pa.ArrowInvalid, OSError) as problem:
        raise ScoresError(f"{uri} cannot be read as Parquet: {str(problem).splitlines()[0]}") from problem
    return table if columns is not None else conform_scores(table, where=uri)
