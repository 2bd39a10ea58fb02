"""blanktrap from Python: score a few images, and measure scores, with plain tables as results.

Owns: the public functions for notebooks and scripts, which call what the commands call. Refuses: archives of
many images, which `blanktrap score` scores restartably on all cores, and writing files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from blanktrap.core.config import DecodeLimits, EvaluateConfig, Precision, Preprocessing, resolve
from blanktrap.core.errors import CheckpointError, SourceError, UsageError
from blanktrap.core.evaluation.basis import describe_media
from blanktrap.core.evaluation.cutoff_choice import DEFAULT_CUTOFF
from blanktrap.core.evaluation.figures import curve_bands, share_figures
from blanktrap.core.evaluation.measured import Measured
from blanktrap.core.neighbours import neighbour_rows, rule_of
from blanktrap.core.paths import is_image_name
from blanktrap.core.reporting.evaluation import Evaluation, measure_arrays
from blanktrap.core.schemas import (
    EMBEDDING,
    EXPOSURE,
    HAS_BACKGROUND,
    SCORES_SCHEMA,
    conform_manifest,
    embedding_column,
)
from blanktrap.files.evaluating import read_basis
from blanktrap.files.s3 import is_s3
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage

if TYPE_CHECKING:
    from blanktrap.vision.loading import LoadedImage
    from blanktrap.vision.scorer import Scorer

_BATCH = 32
_FETCH_THREADS = 8


def load_model(
    location: str | os.PathLike[str],
    *,
    device: str | None = None,
    precision: Precision = "auto",
    no_sign_request: bool = False,
) -> Scorer:
    """Load a model that `blanktrap train` wrote.

    Args:
        location: the checkpoint's folder, local or `s3://`.
        device: `cpu`, `cuda` or `cuda:1`; None takes a GPU where there is one.
        precision: `auto`, `float32`, `bfloat16` or `float16`.
        no_sign_request: read a public bucket without credentials.

    Returns:
        The scorer: `model_id`, `preprocessing`, and `score_pixels` for uint8 arrays.

    Raises:
        CheckpointError: there is no model, or it is damaged.
        SourceError: the storage cannot be read.
        UsageError: the device is not there, or cannot compute in that precision.
    """
    from blanktrap.vision.scorer import Scorer

    storage = Storage(no_sign_request=no_sign_request)
    return Scorer.load(storage, os.fspath(location), device=device, precision=precision)


def score_images(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | pa.Table,
    model: Scorer | str | os.PathLike[str],
    *,
    embeddings: bool = False,
    no_sign_request: bool = False,
) -> pa.Table:
    """Score images, one row each, whatever they are.

    Args:
        paths: files, local or `s3://`; or one folder, whose images are taken in the order of their names; or
            rows of a manifest, with its columns and in its order. Only rows of a manifest have neighbours: a
            model that looks at the background of the place scores other images without one.
        model: what `load_model` gave, or the checkpoint's folder.
        embeddings: add the column `embedding`, float16, 512 a media.
        no_sign_request: read public buckets without credentials.

    Returns:
        One row an image, in the order given, shape (num_images,): `uri`, `status` (`ok`, `missing`,
        `unreadable`, `too_large` or `unsupported`), `error` (null if `ok`), `p_nonblank` in [0, 1] (float32,
        null unless `ok`), `width_px`, `height_px`, `brightness` in [0, 1], `is_night`, `model_id`,
        `exposure`; and `has_background`, null unless `ok`, where the model looks at it. The scores are those
        of `blanktrap score`, as far as the neighbours are the same.

    Raises:
        SourceError: the folder does not exist or has no images, or the storage itself fails.
        ManifestError: rows that are not a manifest's.
        CheckpointError: there is no such model, or it gives no number.
    """
    from blanktrap.vision.loading import image_columns

    storage = Storage(no_sign_request=no_sign_request)
    rows = _list_images(paths, storage)
    uris = rows.column("uri").to_pylist()
    scorer = (
        load_model(model, no_sign_request=no_sign_request) if isinstance(model, str | os.PathLike) else model
    )
    loaded = _load(rows, scorer.preprocessing, storage)
    schema = _schema(embeddings=embeddings, compares=scorer.preprocessing.background != "none")
    tables = [schema.empty_table()]
    for start in range(0, len(uris), _BATCH):
        part = uris[start : start + _BATCH]
        images = [next(loaded) for _ in part]
        is_there = np.asarray([one.image is not None for one in images])
        pixels = [one.image.pixels for one in images if one.image is not None]
        p_nonblank = np.full(len(part), np.nan, np.float32)
        features = np.zeros((len(part), EMBEDDING.type.list_size), np.float16)
        if pixels:
            seen = scorer.look_at(np.stack(pixels))
            if not np.isfinite(seen.p_nonblank).all():
                raise CheckpointError(
                    f"the model {scorer.model_id} gives no number for an image from {part[0]} on: train it "
                    f"again, or load it with precision float32"
                )
            p_nonblank[is_there], features[is_there] = seen.p_nonblank, seen.features
        columns: dict[str, Any] = {
            "uri": pa.array(part, pa.string()),
            **image_columns(images),
            "p_nonblank": pa.array(p_nonblank, pa.float32(), mask=~is_there),
            "model_id": pa.array([scorer.model_id] * len(part), pa.string()),
            HAS_BACKGROUND.name: pa.array(
                [one.image and one.image.has_background for one in images], HAS_BACKGROUND.type
            ),
        }
        if embeddings:
            columns[EMBEDDING.name] = embedding_column(features, is_there=is_there)
        tables.append(pa.table([columns[name] for name in schema.names], schema=schema))
    return pa.concat_tables(tables)


def evaluate(
    scores: str | os.PathLike[str] | pa.Table | Sequence[float | None] | np.ndarray,
    labels: str | os.PathLike[str] | Sequence[str | bool | None] | np.ndarray | None = None,
    *,
    locations: Sequence[str | None] | None = None,
    cutoff: float | None = None,
    split: str | None = None,
    allow_seen: bool = False,
    seed: int = 0,
) -> Evaluation:
    """Measure scores against labels at one cutoff, with intervals by location.

    Args:
        scores: `p_nonblank` in [0, 1], shape (num_media,), None or nan for media without a score; the table
            that `score_images` gave; or the folder of a scores dataset, local or `s3://`.
        labels: for each media `blank`, `nonblank` or None (nobody knows), or whether it is nonblank. For a
            dataset: a manifest whose labels replace its own, or None.
        locations: where each media comes from, shape (num_media,); without them there are no intervals. A
            dataset has its own.
        cutoff: in [0, 1]; None takes the model card's for a dataset, else 0.5.
        split: of a dataset: `train`, `val` or `test`; None takes what `blanktrap evaluate` would.
        allow_seen: measure media that the model has seen as well.
        seed: of the resampled locations.

    Returns:
        Figures with their intervals, and what they were measured on.

    Raises:
        EvaluationError: no labels, labels of one kind only, shapes that differ, a score or cutoff outside
            [0, 1], or media that the model has seen.
        ScoresError: the dataset is missing, incomplete or damaged.
        UsageError: `locations` or a list of labels with a dataset, or a folder of labels without one.
    """
    config = resolve(
        EvaluateConfig,
        {
            "cutoffs": None if cutoff is None else (cutoff,),
            "split": split,
            "allow_seen": allow_seen,
            "seed": seed,
        },
    )
    if isinstance(scores, str | os.PathLike):
        if locations is not None or not (labels is None or isinstance(labels, str | os.PathLike)):
            raise UsageError("a scores dataset has its own locations and labels: give a manifest, or nothing")
        storage = Storage()
        basis = read_basis(
            open_scores(storage, os.fspath(scores)),
            storage,
            config,
            None if labels is None else os.fspath(labels),
        )
        return _evaluation(basis.measured, basis.cutoff, basis.chosen.chosen_by, basis.on.description, config)
    if split is not None or labels is None or isinstance(labels, str | os.PathLike):
        raise UsageError("scores in memory need a list of labels, one a media, and have no splits")
    measured = measure_arrays(scores, labels, locations)
    chosen_by = "the default" if cutoff is None else "set by cutoff"
    at = DEFAULT_CUTOFF if cutoff is None else cutoff
    return _evaluation(measured, at, chosen_by, describe_media(measured, None), config)


def _evaluation(
    measured: Measured, cutoff: float, chosen_by: str, measured_on: str, config: EvaluateConfig
) -> Evaluation:
    shares = share_figures(
        measured.counts_at(cutoff), beta=config.beta, seed=config.seed, measured_on=measured_on
    )
    areas = curve_bands(measured, seed=config.seed, measured_on=measured_on).areas
    return Evaluation(
        cutoff=cutoff,
        chosen_by=chosen_by,
        measured_on=measured_on,
        num_not_scored=int(measured.not_scored.sum()),
        figures={**shares, **areas},
    )


def _load(rows: pa.Table, preprocessing: Preprocessing, storage: Storage) -> Iterator[LoadedImage]:
    """Decode images, each compared with its neighbours among them where the model does so."""
    from blanktrap.vision.comparing import compare_images
    from blanktrap.vision.loading import load_images

    uris, sizes_bytes = (rows.column(name).to_pylist() for name in ("uri", "size_bytes"))
    limits, rule = DecodeLimits(), rule_of(preprocessing.background)
    common: dict[str, Any] = {"storage": storage, "preprocessing": preprocessing, "limits": limits}
    if rule is None:
        return load_images(uris, sizes_bytes, num_threads=_FETCH_THREADS, **common)
    wanted = range(len(uris))
    neighbours = neighbour_rows(rows, rule)
    return compare_images(uris, sizes_bytes, wanted, neighbours, num_threads=_FETCH_THREADS, **common)


def _list_images(paths: Any, storage: Storage) -> pa.Table:
    """What to score, with the columns of a manifest: nulls where images are named alone."""
    if isinstance(paths, pa.Table):
        return conform_manifest(paths, where="the rows given")
    uris = _list_uris(paths, storage)
    return conform_manifest(pa.table({"media_id": uris, "uri": uris}), where="the images given")


def _list_uris(paths: Any, storage: Storage) -> list[str]:
    if not isinstance(paths, str | os.PathLike):
        return [os.fspath(one) for one in paths]
    text = os.fspath(paths)
    if is_image_name(text) and (is_s3(text) or not Path(text).is_dir()):
        return [text]
    found = sorted(entry.uri for entry in storage.list_folder(text) if is_image_name(entry.relative))
    if not found:
        raise SourceError(f"there are no images in {text}: give a folder of images, or a list of files")
    return found


def _schema(*, embeddings: bool, compares: bool) -> pa.Schema:
    names = ["status", "error", "p_nonblank", "width_px", "height_px", "brightness", "is_night", "model_id"]
    fields = [*(SCORES_SCHEMA.field(name) for name in ("uri", *names)), EXPOSURE]
    fields += [HAS_BACKGROUND] if compares else []
    return pa.schema([*fields, EMBEDDING] if embeddings else fields)
