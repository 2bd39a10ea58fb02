"""Which Ray the work runs on.

Owns: connecting to the cluster that RAY_ADDRESS names, or starting the embedded one, and what is there.
Refuses: the work itself.
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass

import ray

from blanktrap.core.errors import EngineError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClusterResources:
    """What the cluster has now; an autoscaling one may grow."""

    num_cpus: float
    num_gpus: float


@contextlib.contextmanager
def connected(*, object_store_bytes: int) -> Iterator[ClusterResources]:
    """Run a block of work on Ray, and leave Ray as it was found.

    RAY_ADDRESS chooses a cluster. Without it a Ray of this process alone is started, never one that
    somebody else left running on the machine, and it ends with the block.

    Args:
        object_store_bytes: shared memory of an embedded Ray, in bytes.

    Raises:
        EngineError: RAY_ADDRESS names no cluster that answers, or Ray cannot start.
    """
    if ray.is_initialized():
        yield _resources()
        return
    address = os.environ.get("RAY_ADDRESS") or "local"
    try:
        if address == "local":
            ray.init(
                address="local",
                include_dashboard=False,
                object_store_memory=object_store_bytes,
                logging_level=logging.WARNING,
                log_to_driver=False,
            )
        else:
            ray.init(address=address, logging_level=logging.WARNING, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as problem:
        reason = str(problem).strip().splitlines()[0]
        advice = "unset RAY_ADDRESS to use this machine alone" if address != "local" else "see Ray's message"
        raise EngineError(f"Ray at {address} cannot be used ({reason}): {advice}") from problem
    try:
        yield _resources()
    finally:
        ray.shutdown()


def _resources() -> ClusterResources:
    there = ray.cluster_resources()
    return ClusterResources(num_cpus=there.get("CPU", 0.0), num_gpus=there.get("GPU", 0.0))
