"""Training on Ray Train: the workers of a run, on one machine or many.

Owns: how workers are placed, what is tried again when one is lost, and what is left on the machines at the
end. Refuses: knowing what a worker does (`engines.training_worker`, `vision.training`), and where states are
kept.

A worker that dies, or its machine, takes the others down with it: all start again from the last epoch that
stands in the run's folder, with as many as there are then. An error of our own is never tried again: it would
come again.
"""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any
from uuid import uuid4

import ray
from ray.train import (
    FailureConfig,
    RunConfig,
    ScalingConfig,
    TrainingFailedError,
    UserCallback,
)
from ray.train.torch import TorchTrainer
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from blanktrap.core.config import Preprocessing, TrainConfig, WorkersConfig
from blanktrap.core.errors import EngineError
from blanktrap.core.training_record import EpochRecord
from blanktrap.engines.cluster import ClusterResources, connected
from blanktrap.engines.failures import our_error, plain_error
from blanktrap.engines.process_group import HostsTorchConfig
from blanktrap.engines.streaming import batch_bytes, decoder_on_ray
from blanktrap.engines.training_board import Board
from blanktrap.engines.training_worker import Task, train_worker
from blanktrap.files.s3 import is_s3
from blanktrap.files.storage import Storage
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.pixel_cache import PixelCache, remove_cache, temporary_cache
from blanktrap.vision.training.cached_feed import CachedFeed
from blanktrap.vision.training.progress import TrainProgress
from blanktrap.vision.training.run_folder import RunFolder

logger = logging.getLogger(__name__)

LOSSES_WITHOUT_AN_EPOCH = 3
"""How often workers may be lost, with no epoch finished in between, before the run gives up."""
RESIZE_AFTER_S = 60.0
"""How often an elastic run looks for more machines; taking them in costs the epoch in progress."""
POLL_S = 0.2
STOP_WITHIN_S = 10.0
REMOVE_WITHIN_S = 60.0
_STORE_BYTES = 512 * 1024 * 1024
_RAY_TRAIN = {
    # How often workers are looked after; Ray's own two seconds are long for a run of minutes.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    # A manifest may name images relative to where the command was given.
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}


class OnRay(AbstractContextManager["OnRay"]):
    """Launches runs on Ray Train; Ray starts with the first of them and ends with the block."""

    def __init__(
        self,
        workers: WorkersConfig,
        storage: Storage,
        *,
        run: str,
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare to launch; nothing is started yet.

        Args:
            workers: how many, on what, and where decoded images are kept.
            storage: the door to the bytes.
            run: names the runs of this block, so that a temporary cache is found again after a `kill -9`.
            on_start: called before Ray starts, which takes some seconds.
        """
        self._workers, self._storage, self._on_start = workers, storage, on_start
        self._is_temporary = workers.cache is None
        run = run if is_s3(run) else os.path.abspath(run)
        self._cache = os.path.abspath(workers.cache) if workers.cache else str(temporary_cache(run))
        self._session = uuid4().hex
        self._stack = ExitStack()
        self._cluster: ClusterResources | None = None

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def run(
        self,
        folder: RunFolder,
        on_step: Callable[[TrainProgress], None],
        on_epoch: Callable[[EpochRecord], None],
    ) -> None:
        """See `Launcher.run`.

        Raises:
            BlanktrapError: a worker's own.
            EngineError: there is no room for the workers, or they were lost too often.
        """
        cluster = self._connect(folder.config.preprocessing)
        self._refuse_too_many(cluster)
        task = Task(
            location=folder.location,
            config=folder.config,
            storage=self._storage,
            cache=self._cache,
            session=self._session,
            num_threads=_asked_threads(),
            board=_beside_driver(Board),
        )
        while True:
            before = folder.num_epochs_done()
            try:
                with TemporaryDirectory(prefix="blanktrap-", ignore_cleanup_errors=True) as here:
                    _Fit(self._trainer(task, here), task.board).wait(on_step, on_epoch)
                return
            except _LostWorkersError as problem:
                # Losses are counted anew once an epoch stands: a long run may lose many machines.
                if folder.num_epochs_done() == before:
                    raise EngineError(
                        f"workers were lost {LOSSES_WITHOUT_AN_EPOCH + 1} times with no epoch finished "
                        f"({problem}): where memory ran out, lower --micro-batch-size or --image-size; run "
                        f"the same command again to go on"
                    ) from problem

    def feed(self, media: LabelledMedia, config: TrainConfig) -> CachedFeed:
        """See `Launcher.feed`."""
        self._connect(config.preprocessing)
        cache = PixelCache(Path(self._cache), config.preprocessing, session=self._session)
        decode = decoder_on_ray(media, config.preprocessing, self._storage)
        return CachedFeed(media, cache, decode)

    def _connect(self, preprocessing: Preprocessing) -> ClusterResources:
        if self._cluster is None:
            for name, value in _RAY_TRAIN.items():
                os.environ.setdefault(name, value)
            self._on_start()
            store_bytes = max(_STORE_BYTES, 24 * batch_bytes(preprocessing))
            self._cluster = self._stack.enter_context(connected(object_store_bytes=store_bytes))
            if self._is_temporary:
                self._stack.callback(_remove_caches, self._cache)
        return self._cluster

    def _refuse_too_many(self, cluster: ClusterResources) -> None:
        """Say at once what would wait for ever; a cluster that is named may grow."""
        wanted = self._workers.min_workers
        has_gpus = not self._workers.use_gpu or cluster.num_gpus >= wanted
        has_cores = cluster.num_cpus >= wanted
        if has_gpus and has_cores:
            return
        there = f"{cluster.num_gpus:g} GPUs" if not has_gpus else f"{cluster.num_cpus:g} CPU cores"
        if os.environ.get("RAY_ADDRESS"):
            logger.warning(
                "waiting for a cluster that grows: it has %s, %d workers are wanted", there, wanted
            )
            return
        advice = "train on the CPU without --use-gpu, or lower" if not has_gpus else "lower"
        raise EngineError(
            f"this machine has {there}, too few for {wanted} workers: {advice} --num-workers, or name a "
            f"cluster in RAY_ADDRESS"
        )

    def _trainer(self, task: Task, folder: str) -> TorchTrainer:
        workers = self._workers
        is_elastic = workers.max_workers > workers.min_workers
        # The types that Ray declares are those of its first version of Train.
        scaling: dict[str, Any] = {
            "num_workers": (workers.min_workers, workers.max_workers) if is_elastic else workers.min_workers,
            "use_gpu": workers.use_gpu,
            "resources_per_worker": {"CPU": 1.0} | ({"GPU": 1.0} if workers.use_gpu else {}),
            # A core is a claim, not a need: on the CPU each worker wants a machine of its own.
            "placement_strategy": "PACK" if workers.use_gpu else "SPREAD",
            "elastic_resize_monitor_interval_s": RESIZE_AFTER_S,
        }
        callbacks: list[Any] = [_StopAtOurs()]
        return TorchTrainer(
            train_worker,
            train_loop_config={"task": task},
            torch_config=HostsTorchConfig(backend="nccl" if workers.use_gpu else "gloo"),
            scaling_config=ScalingConfig(**scaling),
            run_config=RunConfig(
                name="training",
                storage_path=folder,
                failure_config=FailureConfig(max_failures=LOSSES_WITHOUT_AN_EPOCH),
                callbacks=callbacks,
            ),
        )


class _LostWorkersError(Exception):
    """Ray Train gave up: workers were lost too often."""


class _StopAtOurs(UserCallback):
    """Ends training at an error of our own, which would come again; Ray Train tries all errors again."""

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        for problem in worker_exceptions.values():
            ours = our_error(problem)
            if ours is not None:
                # What a callback raises is no failure of workers: it ends the run.
                raise ours


class _Fit:
    """One call of Ray Train, in a thread: this one listens to the board and to Ctrl-C."""

    def __init__(self, trainer: TorchTrainer, board: Any) -> None:
        self._board = board
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._fit, args=(trainer,), name="ray-train", daemon=True)

    def _fit(self, trainer: TorchTrainer) -> None:
        try:
            trainer.fit()
        except BaseException as problem:  # noqa: BLE001 - raised again by `wait`
            self._problem = problem

    def wait(self, on_step: Callable[[TrainProgress], None], on_epoch: Callable[[EpochRecord], None]) -> None:
        """Run to the end, or raise what ended it."""
        self._thread.start()
        try:
            while self._thread.is_alive():
                self._thread.join(POLL_S)
                self._listen(on_step, on_epoch)
        except KeyboardInterrupt:
            # The first worker hears of it at its next step. One that is not so far yet ends with Ray.
            self._board.stop.remote()
            self._thread.join(STOP_WITHIN_S)
            raise
        if self._problem is None:
            return
        ours = our_error(self._problem)
        if ours is not None:
            raise type(ours)(*ours.args) from self._problem
        if isinstance(self._problem, TrainingFailedError):
            raise _LostWorkersError(_last_line(self._problem)) from self._problem
        raise plain_error(self._problem) from self._problem

    def _listen(
        self, on_step: Callable[[TrainProgress], None], on_epoch: Callable[[EpochRecord], None]
    ) -> None:
        progress, records = ray.get(self._board.read.remote())
        for record in records:
            on_epoch(record)
        if progress is not None:
            on_step(progress)


def _asked_threads() -> int | None:
    """What the usual variable says here; Ray sets it to 1 in workers where it is not set."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(asked)) if asked.isdecimal() else None


def _last_line(problem: BaseException) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[-1] if lines else type(problem).__name__


def _beside_driver(kind: type) -> Any:
    """Start an actor on the driver's own machine: it is lost with nothing else."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0)(kind).options(scheduling_strategy=here).remote()


def _remove_caches(folder: str) -> None:
    """Remove the temporary cache from every machine of the cluster."""
    if not ray.is_initialized():
        remove_cache(Path(folder))
        return
    task = ray.remote(num_cpus=0)(remove_cache)
    places = [
        NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in ray.nodes() if node["Alive"]
    ]
    removing = [task.options(scheduling_strategy=place).remote(Path(folder)) for place in places]
    ray.wait(removing, num_returns=len(removing), timeout=REMOVE_WITHIN_S)
