"""A manifest without labels, and scores that have just begun."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.schemas import MANIFEST_SCHEMA, SCORES_VERSION


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    """A manifest of four media without labels."""
    table = pa.table({"media_id": list("abcd"), "uri": [f"/{name}.jpg" for name in "abcd"]})
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.column_names
        else pa.nulls(4, field.type)
        for field in MANIFEST_SCHEMA
    ]
    pq.write_table(pa.table(columns, schema=MANIFEST_SCHEMA), tmp_path / "manifest.parquet")
    return str(tmp_path / "manifest.parquet")


@pytest.fixture
def scores(tmp_path: Path) -> str:
    """What a scoring run leaves that has just begun."""
    folder = tmp_path / "scores"
    folder.mkdir()
    identity = {
        "manifest_digest": "sha256:1",
        "num_media": 4,
        "model_id": "m",
        "chunk_size": 4,
        "precision": "auto",
        "max_pixels": 1,
        "max_bytes": 1,
    }
    record = {"schema_version": SCORES_VERSION, "identity": identity, "sessions": []}
    (folder / "run.json").write_text(json.dumps(record))
    return str(folder)
