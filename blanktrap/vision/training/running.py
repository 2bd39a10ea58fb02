"""A run from its beginning, or from where it stopped, to the checkpoint.

Owns: the order of things, and what is left behind when a run ends in another way. Refuses: starting workers;
a launcher does, on Ray (`blanktrap.engines.training`) or in this process.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol
from uuid import uuid4

from blanktrap.core.config import TrainConfig, WorkersConfig
from blanktrap.core.errors import LossError, TrainingError
from blanktrap.core.model_card import CARD_NAME, WEIGHTS_NAME, ModelCard
from blanktrap.core.training_record import EpochRecord
from blanktrap.files.given_boxes import BoxesByMedia
from blanktrap.files.manifest import Manifest
from blanktrap.files.storage import Storage, join
from blanktrap.files.training_logs import complete_log, log_epoch
from blanktrap.vision.checkpoints import refuse_existing
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.pixel_cache import PixelCache, remove_cache, temporary_cache
from blanktrap.vision.training.cached_feed import CachedFeed, decoder_here
from blanktrap.vision.training.finishing import finish_training
from blanktrap.vision.training.preparation import prepare_media, warn_of_banner
from blanktrap.vision.training.progress import TrainProgress, TrainSummary
from blanktrap.vision.training.run_folder import RUN_NAME, RunFolder, begin_run
from blanktrap.vision.training.worker import work

logger = logging.getLogger(__name__)

DEFAULT_NAME = "training"


class Launcher(Protocol):
    """Starts the workers of runs, one run after the other."""

    def run(
        self,
        folder: RunFolder,
        on_step: Callable[[TrainProgress], None],
        on_epoch: Callable[[EpochRecord], None],
    ) -> None:
        """Work on a run until it is over; raises what stopped it."""
        ...

    def feed(self, media: LabelledMedia, config: TrainConfig) -> CachedFeed:
        """Decoded media for this process."""
        ...


def train(
    manifest: Manifest,
    out: str,
    config: TrainConfig,
    storage: Storage,
    launcher: Launcher,
    *,
    workers: WorkersConfig | None = None,
    boxes: BoxesByMedia | None = None,
    on_progress: Callable[[TrainProgress], None] = lambda progress: None,
) -> TrainSummary:
    """Train on the labelled media of a manifest and write the best epoch as a checkpoint.

    Args:
        manifest: with labels; its own splits are obeyed where it has any.
        out: the checkpoint's location, which must hold none yet.
        config: the recipe. With one seed and the same workers the same weights come out.
        storage: reads media and writes the checkpoint.
        launcher: starts the workers.
        workers: where the state of the run is kept; None: beside the checkpoint.
        boxes: of animals that the crop is to spare.
        on_progress: called after each step.

    Raises:
        TrainingError: a label is missing on one side, a split leaks, there are too few locations, no image
            can be read, memory is too small, the loss is no number, or another run has the same name.
        CheckpointError: `out` holds a model, or the first weights cannot be had.
        ManifestError, SourceError: manifest, media, `out` or the run's folder cannot be read or written.
        EngineError: the workers cannot be started, or were lost too often.
    """
    location = run_location(out, workers or WorkersConfig())
    _refuse_standing(storage, out, location)
    warn_of_banner(config)
    prepared = prepare_media(manifest, config, storage, boxes)
    summary = train_media(
        prepared.media,
        out,
        config,
        storage,
        launcher,
        location=location,
        is_kept=workers is not None and workers.storage is not None,
        manifest_digest=manifest.digest,
        earlier=prepared.earlier,
        on_progress=on_progress,
    )
    return replace(summary, other_frames=prepared.other_frames)


def run_location(out: str, workers: WorkersConfig) -> str:
    """Where the state of an unfinished run is kept: in `storage`, or beside the checkpoint."""
    return join(workers.storage or f"{out.rstrip('/')}.unfinished", workers.name or DEFAULT_NAME)


def _refuse_standing(storage: Storage, out: str, location: str) -> None:
    """Raise CheckpointError where a model stands; what a killed end of this run left is removed."""
    if storage.exists(join(location, RUN_NAME)) and not storage.exists(join(out, CARD_NAME)):
        storage.delete(join(out, WEIGHTS_NAME))
    refuse_existing(storage, out)


def train_media(
    media: LabelledMedia,
    out: str,
    config: TrainConfig,
    storage: Storage,
    launcher: Launcher,
    *,
    location: str,
    is_kept: bool,
    manifest_digest: str,
    earlier: ModelCard | None = None,
    on_progress: Callable[[TrainProgress], None],
) -> TrainSummary:
    """Train on media, each in `train` or `val`, and write the best epoch as a checkpoint.

    Args:
        media: what to learn from and to validate on.
        out: the checkpoint's location.
        config: the recipe.
        storage: writes the checkpoint, and reads the first weights.
        launcher: starts the workers.
        location: the folder of the run while it is unfinished.
        is_kept: leave that folder when the checkpoint is written.
        manifest_digest: of the manifest that the media come from.
        earlier: the card of the model that training goes on from.
        on_progress: called after each step.

    Raises:
        BlanktrapError: as `train`.
    """
    run = begin_run(storage, location, media, config, manifest_digest=manifest_digest)
    failure: LossError | None = None

    def on_epoch(record: EpochRecord) -> None:
        logger.info("%s", record.line(config.num_epochs))
        log_epoch(storage, out, record)

    try:
        launcher.run(run, on_progress, on_epoch)
    except LossError as problem:
        failure = problem
    except BaseException as problem:
        done = run.num_epochs_done()
        if not done and not is_kept:
            run.remove()  # there is nothing to go on from, and another recipe may be tried
        if not isinstance(problem, KeyboardInterrupt):
            raise
        if not done:
            raise TrainingError("stopped before the first epoch was finished: there is no model") from problem
        raise TrainingError(
            f"stopped: {done} of {config.num_epochs} epochs are kept in {run.location}; run the same command "
            f"again to go on"
        ) from problem
    state = run.load_state()
    if state is not None:
        complete_log(storage, out, state.records)
        summary = finish_training(
            state, media, config, out, storage, manifest_digest=manifest_digest, earlier=earlier
        )
    if not is_kept:
        run.remove()
    if failure is not None:
        raise _with_what_is_kept(failure, None if state is None else summary)
    return summary


def _with_what_is_kept(failure: LossError, summary: TrainSummary | None) -> LossError:
    if summary is None:
        return LossError(f"{failure}; no epoch was finished, so there is no model")
    return LossError(
        f"{failure}; the best epoch before it, {summary.best_epoch} of {summary.num_epochs}, is kept in "
        f"{summary.out}"
    )


class InThisProcess(AbstractContextManager["InThisProcess"]):
    """Launches a single worker, here: for one machine without Ray."""

    def __init__(self, storage: Storage, *, cache: str | None = None) -> None:
        """Args: storage: reads media. cache: folder for decoded images; None: a temporary one."""
        self._storage = storage
        self._session = uuid4().hex
        self._temporary = None if cache else temporary_cache(self._session)
        self._folder = self._temporary or Path(str(cache))

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._temporary is not None:
            remove_cache(self._temporary)

    def run(
        self,
        folder: RunFolder,
        on_step: Callable[[TrainProgress], None],
        on_epoch: Callable[[EpochRecord], None],
    ) -> None:
        """See `Launcher.run`."""
        preprocessing = folder.config.preprocessing
        cache = PixelCache(self._folder, preprocessing, session=self._session)
        decode = decoder_here(folder.media, preprocessing, self._storage)
        work(folder, cache, decode, on_step=on_step, on_epoch=on_epoch)

    def feed(self, media: LabelledMedia, config: TrainConfig) -> CachedFeed:
        """See `Launcher.feed`."""
        cache = PixelCache(self._folder, config.preprocessing, session=self._session)
        return CachedFeed(media, cache, decoder_here(media, config.preprocessing, self._storage))
