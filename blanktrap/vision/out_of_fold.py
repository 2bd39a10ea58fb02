"""The scores of held-out media, as an ordinary scores dataset.

Owns: its rows, its run.json, and the figures read back from it. Refuses: training and scoring.

There is one row for each labelled media, in manifest order, with `fold` as an extra column and no split.
run.json names no training locations: each row was scored by a model that had not seen its location.
"""

import hashlib
import platform
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import blanktrap
from blanktrap.core.config import DecodeLimits, ScoreConfig, TrainConfig
from blanktrap.core.model_card import ModelCard
from blanktrap.core.schemas import MANIFEST_SCHEMA
from blanktrap.core.selection.folds import FoldFigures, measure_folds
from blanktrap.core.vocabulary import Label, Status
from blanktrap.files.manifest import Manifest
from blanktrap.files.scores import ChunkStats, OpenRun, RunIdentity, begin_run, finish_run, write_chunk
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage
from blanktrap.vision.loading import LoadedImage, image_columns

FOLD = pa.field("fold", pa.int16())


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Every labelled media with what its fold's model says of it. Arrays have shape (num_media,)."""

    rows: pa.Table
    """Labelled rows of the manifest, with its columns."""
    loaded: Sequence[LoadedImage]
    p_nonblank: np.ndarray
    """float32; nan where the image could not be decoded."""
    folds: np.ndarray
    """int16, from 0."""
    cards: Sequence[ModelCard]
    """Of the model of each fold."""
    number_format: str
    """Of inference."""
    device_s: float
    """Seconds of inference over all media."""


def begin_out_of_fold(
    storage: Storage,
    location: str,
    manifest: Manifest,
    rows: pa.Table,
    cards: Sequence[ModelCard],
    config: TrainConfig,
) -> OpenRun:
    """Claim the dataset's folder, or go on with what an earlier start left there. Raises ScoresError."""
    limits = DecodeLimits()
    identity = RunIdentity(
        manifest_digest=manifest.digest,
        num_media=rows.num_rows,
        model_id=identify_folds(cards),
        chunk_size=ScoreConfig().chunk_size_for(rows.num_rows),
        precision="auto",
        max_pixels=limits.max_pixels,
        max_bytes=limits.max_bytes,
    )
    return begin_run(storage, location, identity, _describe(manifest, cards, config, identity))


def identify_folds(cards: Sequence[ModelCard]) -> str:
    """Name the models of all folds together, such as `folds-0123456789ab`."""
    names = "\n".join(card.model_id for card in cards)
    return f"folds-{hashlib.sha256(names.encode()).hexdigest()[:12]}"


def write_out_of_fold(storage: Storage, run: OpenRun, held_out: HeldOut) -> None:
    """Write the chunks that are not there yet, and finish the dataset. Raises ScoresError, SourceError."""
    written: dict[int, ChunkStats] = {}
    for chunk in range(run.identity.num_chunks):
        if chunk not in run.finished_chunks:
            table, stats = _chunk_of(held_out, chunk, *run.identity.span(chunk))
            write_chunk(storage, run.location, table, stats)
            written[chunk] = stats
    finish_run(storage, run, written)


@dataclass(frozen=True, kw_only=True)
class OutOfFold:
    """What a finished dataset of held-out scores holds."""

    figures: list[FoldFigures]
    """Of each fold and, last, of all together."""
    not_scored: dict[str, int]
    """Labelled media without a score, by status."""
    num_without_location: int


def read_out_of_fold(storage: Storage, location: str) -> OutOfFold:
    """Measure a finished dataset of held-out scores. Raises ScoresError, SourceError."""
    columns = ["location_id", "status", "p_nonblank", "label", FOLD.name]
    table = pa.concat_tables(open_scores(storage, location).iter_tables(storage, columns))
    statuses = {item["values"]: item["counts"] for item in table.column("status").value_counts().to_pylist()}
    scored = table.filter(pc.equal(table.column("status"), Status.OK.value))
    places = scored.column("location_id").combine_chunks().dictionary_encode()
    return OutOfFold(
        figures=measure_folds(
            scored.column("p_nonblank").to_numpy(),
            pc.equal(scored.column("label"), Label.NONBLANK.value).to_numpy(),
            scored.column(FOLD.name).to_numpy(),
            pc.fill_null(places.indices, -1).to_numpy(zero_copy_only=False),
        ),
        not_scored={name: num for name, num in sorted(statuses.items()) if name != Status.OK.value},
        num_without_location=scored.column("location_id").null_count,
    )


def _describe(
    manifest: Manifest, cards: Sequence[ModelCard], config: TrainConfig, identity: RunIdentity
) -> dict[str, Any]:
    recommended = median(card.recommended_cutoff for card in cards)
    return {
        "config": config.model_dump(mode="json"),
        "manifest": {"location": manifest.location, "num_media": manifest.num_media},
        "manifest_digest": manifest.digest,
        "model_id": identity.model_id,
        "model": {
            "model_id": identity.model_id,
            "architecture": cards[0].architecture,
            "preprocessing": config.preprocessing.model_dump(mode="json"),
            "manifest_digest": manifest.digest,
            "training_locations": [],
            "validation_locations": [],
            # Each model's own was chosen on its validation media, which are none of those held out.
            "recommended_cutoff": recommended,
        },
        "folds": [
            {
                "fold": fold,
                "model_id": card.model_id,
                "recommended_cutoff": card.recommended_cutoff,
                "training_locations": list(card.training_locations),
                "validation_locations": list(card.validation_locations),
            }
            for fold, card in enumerate(cards)
        ],
        "versions": {
            "blanktrap": blanktrap.__version__,
            "torch": version("torch"),
            "python": platform.python_version(),
        },
    }


def _chunk_of(held_out: HeldOut, chunk: int, start: int, stop: int) -> tuple[pa.Table, ChunkStats]:
    """The rows [start, stop) as rows of the scores, and what they took."""
    rows = held_out.rows.slice(start, stop - start)
    columns = image_columns(held_out.loaded[start:stop])
    num_bytes, *seconds = (columns.pop(name).to_numpy() for name in ("bytes_read", "fetch_s", "decode_s"))
    folds, scores = held_out.folds[start:stop], held_out.p_nonblank[start:stop]
    columns["p_nonblank"] = pa.array(scores, pa.float32(), mask=np.isnan(scores))
    columns["model_id"] = pa.array([held_out.cards[fold].model_id for fold in folds.tolist()], pa.string())
    no_split = pa.nulls(rows.num_rows, pa.string())
    rows = rows.set_column(rows.column_names.index("split"), MANIFEST_SCHEMA.field("split"), no_split)
    for name, column in columns.items():
        rows = rows.append_column(name, column)
    table = rows.append_column(FOLD, pa.array(folds, FOLD.type))
    stats = ChunkStats(
        chunk=chunk,
        num_media=table.num_rows,
        counts=dict(Counter(columns["status"].to_pylist())),
        number_formats={held_out.number_format: table.num_rows},
        bytes_read=int(num_bytes.sum()),
        fetch_s=float(seconds[0].sum()),
        decode_s=float(seconds[1].sum()),
        device_s=held_out.device_s * table.num_rows / held_out.rows.num_rows,
        finished=time.time(),
    )
    return table, stats
