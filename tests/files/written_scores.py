"""Scores datasets for tests, written as a run writes them."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.files.scores import ChunkStats, RunIdentity, begin_run, finish_run, write_chunk
from blanktrap.files.storage import Storage

STORAGE = Storage()


def media(name: str, p: float | None, label: str | None, **more: Any) -> dict[str, Any]:
    row = {
        "media_id": name,
        "uri": f"/data/{name}",
        "location_id": name.partition("/")[0],
        "status": "ok" if p is not None else "unreadable",
        "p_nonblank": p,
        "model_id": "m",
        "label": label,
        "species": [],
    }
    return {**row, **more}


def write_scores(
    folder: Path | str,
    rows: list[dict[str, Any]],
    *,
    measures: tuple[str, ...] = (),
    extras: tuple[pa.Field, ...] = (),
    model: dict[str, Any] | None = None,
    num_chunks: int = 2,
    complete: bool = True,
) -> str:
    """Write a dataset and return its location; one that is not complete has its first part alone."""
    identity = RunIdentity(
        manifest_digest="sha256:d",
        num_media=len(rows),
        model_id="m",
        chunk_size=max(1, -(-len(rows) // num_chunks)),
        precision="float32",
        max_pixels=1,
        max_bytes=1,
    )
    card = {"recommended_cutoff": 0.5, "training_locations": []} if model is None else model
    run = begin_run(STORAGE, str(folder), identity, {"model": card, "versions": {}})
    schema = pa.schema([*SCORES_SCHEMA, *(pa.field(name, pa.float32()) for name in measures), *extras])
    written = {}
    for chunk in range(identity.num_chunks if complete else 1):
        start, stop = identity.span(chunk)
        part = rows[start:stop]
        stats = ChunkStats(
            chunk=chunk,
            num_media=len(part),
            counts=dict(Counter(row["status"] for row in part)),
            number_formats={},
            bytes_read=0,
            fetch_s=0,
            decode_s=0,
            device_s=0,
            finished=0,
        )
        write_chunk(STORAGE, str(folder), pa.Table.from_pylist(part, schema=schema), stats)
        written[chunk] = stats
    if complete:
        finish_run(STORAGE, run, written)
    return str(folder)
