"""What one worker of Ray Train does: its place in the cluster, and then the work of `vision.training.worker`.

Owns: threads and device of the worker, its decoder, and what it tells the driver. Refuses: the work itself.
"""

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.train
from ray.train.torch import get_device

from blanktrap.core.config import TrainConfig
from blanktrap.core.errors import EngineError
from blanktrap.core.training_record import EpochRecord
from blanktrap.engines.streaming import decoder_on_ray
from blanktrap.files.storage import Storage
from blanktrap.vision.training.progress import TrainProgress

TELL_EVERY_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Task:
    """What every worker needs to know. Small: what is large lies in the run's folder."""

    location: str
    """The run's folder, which all machines see."""
    config: TrainConfig
    storage: Storage
    cache: str
    """Folder for decoded images, on each machine."""
    session: str
    """Names this start of the run."""
    num_threads: int | None
    """Of each worker's arithmetic on the CPU; None: its share of the machine's cores."""
    board: Any
    """The actor on which progress is told; see `training_board`."""


def train_worker(settings: dict[str, Any]) -> None:
    """Run in each worker; `settings` holds the `Task`. Raises what `vision.training.worker.work` raises."""
    import torch

    from blanktrap.vision.pixel_cache import PixelCache
    from blanktrap.vision.training.run_folder import open_run
    from blanktrap.vision.training.worker import work

    task: Task = settings["task"]
    logging.getLogger("blanktrap").setLevel(logging.INFO)  # into the worker's log
    context = ray.train.get_context()
    torch.set_num_threads(task.num_threads or max(1, _cores_here() // context.get_local_world_size()))
    run = open_run(task.storage, task.location, task.config)
    preprocessing = task.config.preprocessing
    teller = _Teller(task.board) if context.get_world_rank() == 0 else None
    work(
        run,
        PixelCache(Path(task.cache), preprocessing, session=task.session),
        decoder_on_ray(run.media, preprocessing, task.storage, num_workers=context.get_world_size()),
        device=get_device(),
        on_step=teller.step if teller else lambda progress: None,
        on_epoch=teller.epoch if teller else lambda record: None,
    )


class _Teller:
    """Tells the board, a few times a second and never waiting for it, and hears whether to stop."""

    def __init__(self, board: Any) -> None:
        self._board = board
        self._told_at = float("-inf")
        self._answer: Any = None

    def step(self, progress: TrainProgress) -> None:
        if time.monotonic() - self._told_at < TELL_EVERY_S and progress.images_done < progress.images_total:
            return
        if self._answer is not None and ray.wait([self._answer], timeout=0)[0] and ray.get(self._answer):
            raise EngineError("stopped from outside")
        self._answer = self._board.tell.remote(progress)
        self._told_at = time.monotonic()

    def epoch(self, record: EpochRecord) -> None:
        self._board.add.remote(record)


def _cores_here() -> int:
    """Cores of this machine that Ray was given and this process may use.

    Ray sets one thread for a worker without a GPU, however many cores nobody else uses.
    """
    node_id = ray.get_runtime_context().get_node_id()
    given = [node["Resources"].get("CPU", 1.0) for node in ray.nodes() if node["NodeID"] == node_id]
    return max(1, min(int(given[0]) if given else 1, len(os.sched_getaffinity(0))))
