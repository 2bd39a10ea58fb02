"""What tests of the annotation formats share: an archive of empty files, and its manifest."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from blanktrap.core.config import IndexConfig
from blanktrap.files.index_summary import IndexSummary
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from blanktrap.files.storage import Storage

Indexed = tuple[dict[str, dict[str, Any]], IndexSummary]
Index = Callable[..., Indexed]


@pytest.fixture
def index_archive(tmp_path: Path) -> Index:
    """Indexes empty files of some names, which is enough where no pixel is looked at."""

    def run(names: Iterable[str], *annotations: Path | str, **settings: Any) -> Indexed:
        for name in names:
            (tmp_path / "archive" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "archive" / name).touch()
        storage = Storage()
        summary = build_manifest(
            [str(tmp_path / "archive")],
            str(tmp_path / "manifest"),
            annotations=[str(path) for path in annotations],
            inventory=None,
            config=IndexConfig(**settings),
            storage=storage,
            overwrite=True,
        )
        table = pa.concat_tables(open_manifest(storage, str(tmp_path / "manifest")).iter_tables(storage))
        return {row["media_id"]: row for row in table.to_pylist()}, summary

    return run
