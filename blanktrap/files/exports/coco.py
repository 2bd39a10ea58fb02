"""COCO Camera Traps JSON.

Owns: how a decision is said as a category: `empty`, `animal` or `unknown`; an unreadable media is `corrupt`
and has no annotation. Refuses: boxes, since none are known.

Images come before annotations, so the scores are read twice and nothing is kept in between.

Source: https://lila.science/coco-camera-traps
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import blanktrap
from blanktrap.core.config import ExportConfig
from blanktrap.core.decisions import KEEP, REVIEW, SET_ASIDE, UNREADABLE
from blanktrap.files.decided_scores import DECIDED_SCORE, DECISION
from blanktrap.files.exports.cells import json_numbers, json_text
from blanktrap.files.exports.formats import Export

_CATEGORIES = {SET_ASIDE: (0, "empty"), KEEP: (1, "animal"), REVIEW: (2, "unknown")}
_IMAGE_COLUMNS = [
    "media_id",
    "location_id",
    "sequence_id",
    "frame_num",
    "timestamp",
    "width_px",
    "height_px",
]


class CocoCameraTraps:
    """One file: images, categories, annotations."""

    name = "COCO Camera Traps JSON"
    key = "coco"

    def own_files(self, config: ExportConfig) -> str | None:
        return None

    def write(self, export: Export) -> None:
        file = export.files.open(export.out)
        categories = [{"id": number, "name": name} for number, name in sorted(_CATEGORIES.values())]
        info = {
            "version": "1.0",
            "description": f"which media are blank, by blanktrap {blanktrap.__version__}, {export.model_id}",
            "contributor": "blanktrap",
        }
        if isinstance(export.run.get("updated"), str):
            info["date_created"] = export.run["updated"]
        head = json.dumps({"info": info, "categories": categories}, indent=1)[:-2]
        file.write(f'{head},\n "images": ['.encode())
        for lead, table in _led(export.decided.iter_tables(_IMAGE_COLUMNS)):
            file.write(f"{lead}{_joined(_images(table))}".encode())
        file.write(b'\n ],\n "annotations": [')
        is_first = True
        for table in export.decided.iter_tables(["media_id"]):
            annotations = _joined(_annotations(table))
            if annotations:
                file.write(f"{'' if is_first else ','}\n{annotations}".encode())
                is_first = False
        file.write(b"\n ]\n}\n")
        file.close()


def _led(tables: Iterator[pa.Table]) -> Iterator[tuple[str, pa.Table]]:
    """Each table that has rows, and what separates it from the one before."""
    lead = "\n"
    for table in tables:
        if table.num_rows:
            yield lead, table
            lead = ",\n"


def _joined(entries: Iterator[str]) -> str:
    return ",\n".join(entries)


def _images(table: pa.Table) -> Iterator[str]:
    decided = table.column(DECISION).combine_chunks().indices.to_numpy()
    times = pc.utf8_slice_codeunits(table.column("timestamp").cast(pa.string()), 0, 19)
    columns: dict[str, list[Any]] = {
        "location": table.column("location_id").to_pylist(),
        "datetime": times.to_pylist(),
        "seq_id": table.column("sequence_id").to_pylist(),
        "frame_num": table.column("frame_num").to_pylist(),
        "width": table.column("width_px").to_pylist(),
        "height": table.column("height_px").to_pylist(),
    }
    keys = [f',"{key}":' for key in columns]
    is_text = [key in ("location", "datetime", "seq_id") for key in columns]
    for media_id, decision, *values in zip(
        table.column("media_id").to_pylist(), decided.tolist(), *columns.values(), strict=True
    ):
        name = json_text(media_id)
        more = "".join(
            f"{key}{json_text(value) if text else value}"
            for key, text, value in zip(keys, is_text, values, strict=True)
            if value is not None
        )
        corrupt = ',"corrupt":true' if decision == UNREADABLE else ""
        yield f'  {{"id":{name},"file_name":{name}{more}{corrupt}}}'


def _annotations(table: pa.Table) -> Iterator[str]:
    decided = table.column(DECISION).combine_chunks().indices.to_numpy()
    scores = pc.fill_null(table.column(DECIDED_SCORE), 0.0).to_numpy().astype(np.float32)
    for media_id, decision, score in zip(
        table.column("media_id").to_pylist(), decided.tolist(), json_numbers(scores), strict=True
    ):
        if decision != UNREADABLE:
            name, (category, _) = json_text(media_id), _CATEGORIES[decision]
            yield (f'  {{"id":{name},"image_id":{name},"category_id":{category},"p_nonblank":{score}}}')
