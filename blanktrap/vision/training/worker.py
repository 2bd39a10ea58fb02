"""What each worker of a run does, from its first weights, or the last state, to the end.

Owns: the order of the loop and of the states it leaves behind. Refuses: how workers are started, which is the
launcher's matter, and the checkpoint, which `finishing` writes.
"""

from collections.abc import Callable

import torch

from blanktrap.core.training_record import EpochRecord
from blanktrap.vision.pixel_cache import PixelCache
from blanktrap.vision.training.cached_feed import CachedFeed, Decoder
from blanktrap.vision.training.loop import TrainingLoop
from blanktrap.vision.training.progress import TrainProgress
from blanktrap.vision.training.run_folder import RunFolder
from blanktrap.vision.training.workers import Workers


def work(
    run: RunFolder,
    cache: PixelCache,
    decode: Decoder,
    *,
    device: torch.device | None = None,
    on_step: Callable[[TrainProgress], None] = lambda progress: None,
    on_epoch: Callable[[EpochRecord], None] = lambda record: None,
) -> None:
    """Train until the run is over. Every worker calls this; one alone, where torch.distributed is not in use.

    Args:
        run: what to learn, and where its states are kept.
        cache: of decoded images, on this machine.
        decode: decodes what is not in the cache.
        device: where to compute; None takes a GPU where there is one.
        on_step: called after each step, on every worker.
        on_epoch: called on the first worker when an epoch is done and its state stands.

    Raises:
        TrainingError, SourceError: as `TrainingLoop.epochs`.
        CheckpointError: the state to go on from is damaged.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    learn, judge = (
        CachedFeed(run.media, cache, decode, pinned=device.type == "cuda") for _ in ("learn", "judge")
    )
    loop = TrainingLoop(
        run.build_network(), run.media, learn, judge, run.config, device=device, on_step=on_step
    )
    state = run.load_state()
    if state is not None:
        loop.restore(state)
    is_first = Workers().rank == 0
    for record in loop.epochs():
        if is_first:
            run.save_state(loop.state)
            on_epoch(record)
