"""Scores to be evaluated: a few rows whose figures are worked by hand, and many that are drawn."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.reporting.report import Report
from blanktrap.core.schemas import MANIFEST_SCHEMA
from blanktrap.files.evaluating import evaluate_scores
from tests.files import written_scores
from tests.files.written_scores import STORAGE

Row = tuple[str, str | None, str, float | None, str | None, list[str], str | None]

MODEL = {"model_id": "m1", "recommended_cutoff": 0.4, "training_locations": ["seen"]}

# media, location, status, p_nonblank, label, species, split
ROWS = [
    ("a", "L1", "ok", 0.9, "nonblank", ["deer"], "test"),
    ("b", "L1", "ok", 0.4, "nonblank", ["deer", "boar"], "test"),
    ("c", "L1", "ok", 0.3, "nonblank", ["boar"], "test"),
    ("d", "L2", "ok", 0.7, "blank", [], "test"),
    ("e", "L2", "ok", 0.1, "blank", [], "test"),
    ("f", "L2", "ok", 0.2, "blank", [], "test"),
    ("g", "L2", "unreadable", None, "blank", [], "test"),
    ("h", "L2", "missing", None, "nonblank", ["boar"], "test"),
    ("i", "seen", "ok", 0.05, "nonblank", ["deer"], "train"),
    ("j", "seen", "ok", 0.01, "blank", [], "train"),
    ("k", None, "ok", 0.02, None, [], None),
]


def write_scores(
    folder: Path,
    rows: list[Row] = ROWS,
    *,
    model: dict[str, Any] = MODEL,
    num_chunks: int = 3,
    complete: bool = True,
    level: str = "media",
    sequences: list[str] | None = None,
    nights: list[bool] | None = None,
) -> str:
    given = [
        written_scores.media(
            media,
            p,
            label,
            location_id=location,
            sequence_id=sequences[place] if sequences else None,
            is_night=nights[place] if nights else None,
            status=status,
            label_level=level if label else None,
            species=species,
            split=split,
        )
        for place, (media, location, status, p, label, species, split) in enumerate(rows)
    ]
    return written_scores.write_scores(folder, given, model=model, num_chunks=num_chunks, complete=complete)


def evaluate(tmp_path: Path, scores: str, **config: Any) -> Report:
    return evaluate_scores(scores, str(tmp_path / "report"), config=EvaluateConfig(**config), storage=STORAGE)


def many_rows(
    num_locations: int = 12, *, each: int = 30, seed: int = 4, split: str | None = None
) -> list[Row]:
    """Half animals, half blanks, told apart well, at locations alike; sequences of three."""
    generator = np.random.default_rng(seed)
    rows: list[Row] = []
    for number in range(num_locations * each):
        animal = number // 3 % 2 == 0
        score = generator.beta(8, 2) if animal else generator.beta(2, 8)
        label, species = ("nonblank", ["deer"]) if animal else ("blank", [])
        rows.append((str(number), f"L{number // each}", "ok", score, label, species, split))
    return rows


def with_sequences(rows: list[Row]) -> list[str]:
    return [f"s{number // 3}" for number, _ in enumerate(rows)]


def write_labels(path: Path, labels: list[tuple[str, str | None]]) -> str:
    """A manifest of media and their labels."""
    rows = [{"media_id": media, "uri": f"/{media}", "label": label} for media, label in labels]
    pq.write_table(pa.Table.from_pylist(rows, schema=MANIFEST_SCHEMA), path)
    return str(path)
