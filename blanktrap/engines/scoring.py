"""Scoring a manifest on Ray Data: pieces -> fetch and decode -> inference actors -> chunks in Parquet.

Owns: the pipeline and its resources. Refuses: knowing how an image is decoded or scored (floor 2), what a
task reads (`engines.pieces`), how batches become chunks (`engines.collecting`), or what a dataset looks like
on disk (`files.scores`).

Each chunk is a contiguous run of manifest rows and becomes one file, written whole when all its rows
have come back. A run that starts again skips the files that are there, so every media is scored
exactly once whatever was killed, and at most the chunks in flight are done again.
"""

import logging
import platform
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext
from ray.exceptions import RayError

import blanktrap
from blanktrap.core.config import Precision, ScoreConfig
from blanktrap.core.errors import CheckpointError, EngineError, SourceError
from blanktrap.core.model_card import ModelCard
from blanktrap.core.neighbours import rule_of
from blanktrap.core.schemas import EMBEDDING, NUM_FEATURES, embedding_column
from blanktrap.engines.cluster import ClusterResources, connected
from blanktrap.engines.collecting import Pace, ScoreProgress, collect_chunks
from blanktrap.engines.failures import plain_error
from blanktrap.engines.pieces import Span, pieces_of
from blanktrap.engines.sources import PIXELS, MediaSource, SpanDatasource, pixels_of
from blanktrap.files.manifest import Manifest, open_manifest
from blanktrap.files.model_cards import read_card
from blanktrap.files.patience import patiently
from blanktrap.files.s3 import ObjectDeniedError, ObjectMissingError
from blanktrap.files.scores import ChunkStats, RunIdentity, begin_run, finish_run
from blanktrap.files.storage import Storage

logger = logging.getLogger(__name__)

# One execution of Ray Data holds its read tasks in the driver; longer archives go in several.
PIECES_PER_EXECUTION = 20_000
# Without a GPU a decoding task and an inference actor each claim half a core. As they claim alike, Ray
# Data fuses them: an actor decodes what it scores and no pixel is copied. Were they not fused, both would
# still find room: a pool that takes every core leaves none for decoding and hangs.
HALF_CORE = 0.5
MEDIA_PROBED = 5


class ScoreActor:
    """Holds the network and turns batches of pixels into rows of the scores dataset."""

    def __init__(
        self, model: str, storage: Storage, precision: Precision, device: str, *, embeddings: bool = False
    ) -> None:
        # Weights come from storage here, not through the constructor: arguments can be lost with a node.
        import torch

        from blanktrap.vision.scorer import Scorer

        if device == "cpu":
            # One actor a core: more threads than that get into each other's way.
            torch.set_num_threads(1)
        self._scorer = patiently(lambda: Scorer.load(storage, model, device=device, precision=precision))
        self._embeddings = embeddings

    def __call__(self, batch: pa.Table) -> pa.Table:
        started = time.perf_counter()
        pixels, positions = pixels_of(batch, self._scorer.preprocessing)
        p_nonblank = np.full(batch.num_rows, np.nan, np.float32)
        features = np.zeros((batch.num_rows, NUM_FEATURES), np.float16)
        if len(positions):
            seen = self._scorer.look_at(pixels)
            p_nonblank[positions], features[positions] = seen.p_nonblank, seen.features
            if np.isnan(p_nonblank[positions]).any():
                # A score that is not a number would pass for a media that failed to load.
                first = int(positions[np.isnan(p_nonblank[positions])][0])
                raise CheckpointError(
                    f"the model {self._scorer.model_id} gives no number for "
                    f"{batch.column('uri')[first].as_py()}: train it again, or try --precision float32"
                )
        device_s = (time.perf_counter() - started) / max(batch.num_rows, 1)
        column = pa.array(p_nonblank, pa.float32(), mask=np.isnan(p_nonblank))
        rows = batch.drop_columns([PIXELS]).append_column("p_nonblank", column)
        if self._embeddings:
            rows = rows.append_column(EMBEDDING, embedding_column(features, is_there=~np.isnan(p_nonblank)))
        formats = pa.array([self._scorer.number_format] * batch.num_rows, pa.string())
        rows = rows.append_column("number_format", formats)
        model_ids = pa.array([self._scorer.model_id] * batch.num_rows, pa.string())
        rows = rows.append_column("model_id", model_ids)
        return rows.append_column("device_s", pa.array([device_s] * batch.num_rows, pa.float32()))


def score_manifest(
    manifest_location: str,
    model: str,
    out: str,
    *,
    config: ScoreConfig,
    storage: Storage,
    on_progress: Callable[[ScoreProgress], None] | None = None,
) -> dict[str, Any]:
    """Score every media of a manifest into a scores dataset.

    Args:
        manifest_location: the manifest, local or S3.
        model: the checkpoint directory, local or S3.
        out: the scores dataset; a run that was interrupted there is gone on with.
        config: how the work is cut and spread.
        storage: the door to the bytes.
        on_progress: called before Ray starts and after every batch.

    Returns:
        The content of run.json.

    Raises:
        BlanktrapError: bad input, an output that belongs to another run, a storage that fails. What
            was finished stays, and the same command goes on from there.
    """
    manifest = open_manifest(storage, manifest_location)
    card = read_card(storage, model)
    identity = RunIdentity(
        manifest_digest=manifest.digest,
        num_media=manifest.num_media,
        model_id=card.model_id,
        chunk_size=config.chunk_size_for(manifest.num_media),
        precision=config.precision,
        max_pixels=config.limits.max_pixels,
        max_bytes=config.limits.max_bytes,
        embeddings=config.embeddings,
    )
    _probe(manifest, storage)
    run = begin_run(storage, out, identity, _describe(manifest, model, card, config))
    if run.is_complete:
        logger.info("%s is already complete", out)
        return run.record
    source = MediaSource(
        storage=storage,
        preprocessing=card.preprocessing,
        limits=config.limits,
        batch_size=min(config.batch_size, identity.chunk_size),
        fetch_threads=config.fetch_threads,
    )
    todo = [chunk for chunk in range(identity.num_chunks) if chunk not in run.finished_chunks]
    written: dict[int, ChunkStats] = {}
    if todo:
        # Room for the batches that wait between the stages.
        store_bytes = max(256 * 1024 * 1024, 24 * source.batch_bytes())
        pace = Pace(run, on_progress)
        with connected(object_store_bytes=store_bytes) as cluster:
            actors = _pool_size(config, cluster)
            run.record["config"].update(min_actors=actors[0], max_actors=actors[1])
            spans = pieces_of(manifest, storage, identity, todo, rule_of(card.preprocessing.background))
            tables = _scored_batches(manifest, source, spans, model, config, actors)
            written = collect_chunks(tables, run, storage, pace)
    return finish_run(storage, run, written)


def _probe(manifest: Manifest, storage: Storage) -> None:
    """Fail at once where the archive as a whole cannot be read, instead of a row at a time.

    A media that is gone or refused is a row with a status; an archive of which every probed media is gone
    or refused was moved, is not mounted, or is another account's.
    """
    places = np.linspace(0, manifest.num_media - 1, min(MEDIA_PROBED, manifest.num_media)).astype(int)
    failures: list[SourceError] = []
    for place in np.unique(places):
        uri = manifest.read_rows(storage, int(place), int(place) + 1).column("uri")[0].as_py()
        try:
            storage.read_range(uri, 0, 1)
        except (ObjectMissingError, ObjectDeniedError) as problem:
            failures.append(problem)
    if len(failures) == len(np.unique(places)) > 1:
        raise SourceError(
            f"none of {len(failures)} probed media can be read ({failures[0]}): was the archive moved, "
            f"unmounted or closed to you? Index it where it is now"
        ) from failures[0]


def _describe(manifest: Manifest, model: str, card: ModelCard, config: ScoreConfig) -> dict[str, Any]:
    return {
        "config": {**config.model_dump(), "chunk_size": config.chunk_size_for(manifest.num_media)},
        "manifest": {"location": manifest.location, "num_media": manifest.num_media},
        "manifest_digest": manifest.digest,
        "model_id": card.model_id,
        "model": {"location": model, **card.model_dump(mode="json")},
        "versions": {
            "blanktrap": blanktrap.__version__,
            "ray": ray.__version__,
            "torch": version("torch"),
            "python": platform.python_version(),
        },
    }


def _scored_batches(
    manifest: Manifest,
    source: MediaSource,
    spans: Iterator[Span],
    model: str,
    config: ScoreConfig,
    actors: tuple[int, int],
) -> Iterator[pa.Table]:
    """Run the pipeline over the pieces left to do and yield scored batches in any order."""
    on_gpu = config.num_gpus > 0
    _prepare_context(source)
    while some := list(islice(spans, PIECES_PER_EXECUTION)):
        dataset = ray.data.read_datasource(
            SpanDatasource(manifest, source, some),
            num_cpus=1.0 if on_gpu else HALF_CORE,
            override_num_blocks=len(some),
        ).map_batches(
            ScoreActor,
            fn_constructor_args=(model, source.storage, config.precision, "cuda" if on_gpu else "cpu"),
            fn_constructor_kwargs={"embeddings": config.embeddings},
            # Ray asks for a size with GPUs; without, a block is a batch already.
            batch_size=source.batch_size if on_gpu else None,
            batch_format="pyarrow",
            zero_copy_batch=True,
            compute=_pool(actors, len(some), is_fused=not on_gpu),
            num_cpus=HALF_CORE,
            num_gpus=config.num_gpus if on_gpu else None,
        )
        try:
            yield from dataset.iter_batches(batch_size=None, batch_format="pyarrow")
        except RayError as problem:
            raise plain_error(problem) from problem


def _pool(actors: tuple[int, int], num_pieces: int, *, is_fused: bool) -> ActorPoolStrategy:
    least, most = (min(size, num_pieces) for size in actors)
    # A fused actor works on one piece at a time: what it was handed besides would wait for it while others
    # are idle. A pool that grows does so by what waits.
    in_flight = 1 if is_fused and least == most else None
    return ActorPoolStrategy(min_size=least, max_size=most, max_tasks_in_flight_per_actor=in_flight)


def _prepare_context(source: MediaSource) -> None:
    context = DataContext.get_current()
    context.enable_progress_bars = False
    # A block ends as soon as it exceeds the target: every full batch of pixels is a block of its own, not
    # cut (the network would see single images) and not joined (memory). Scored rows are joined to chunks.
    context.target_max_block_size = source.batch_bytes() - 1
    # Rows are never dropped for an error; a media that fails has a status, anything else stops the run.
    context.max_errored_blocks = 0


def _pool_size(config: ScoreConfig, cluster: ClusterResources) -> tuple[int, int]:
    if config.num_gpus > 0:
        fitting = int(cluster.num_gpus / config.num_gpus)
        if not fitting and config.max_actors is None:
            raise EngineError(
                f"the cluster has {cluster.num_gpus:g} GPUs now and an actor wants {config.num_gpus:g}: "
                f"score on the CPU with --num-gpus 0, or give --max-actors for a cluster that grows"
            )
        largest = config.max_actors or fitting
        return config.min_actors or 1, largest
    largest = config.max_actors or max(1, int(cluster.num_cpus), config.min_actors or 0)
    return config.min_actors or largest, largest
