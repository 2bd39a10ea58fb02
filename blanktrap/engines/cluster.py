"""Which Ray the work runs on.

Owns: connecting to the cluster that RAY_ADDRESS names, or starting the embedded one, and what is there.
Refuses: the work itself.
"""

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
import ray

from blanktrap.core.errors import EngineError

CONNECT_TIMEOUT_S = 10.0
_TOO_SLOW = "timed out during startup"
"""What Ray says of its own processes; it has no exception for it."""

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
    _check_reachable(address)
    # Ray's own words about an embedded Ray help nobody; a failure raises, and its logs keep the rest.
    options: dict[str, Any] = {"include_dashboard": False, "object_store_memory": object_store_bytes}
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    for name in ("ray", "ray.data", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        if address == "local":
            _start_embedded(options)
        else:
            _init(address=address)
    except Exception as problem:
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        advice = "unset RAY_ADDRESS to use this machine alone" if address != "local" else "see Ray's message"
        raise EngineError(f"Ray at {address} cannot be used ({reason}): {advice}") from problem
    try:
        with _ending_on_sigterm():
            yield _resources()
    finally:
        ray.shutdown()


def _init(**options: Any) -> None:
    with _without_stderr():
        ray.init(logging_level=logging.ERROR, log_to_driver=False, **options)


def _start_embedded(options: dict[str, Any]) -> None:
    """Start a Ray of this process alone, a second time where the first took too long.

    Ray gives its own processes 30 seconds, whatever the machine; one that does other work besides may need
    more, and has then read all their files once. What the first try left is ended before the second.
    """
    others = psutil.Process().children()
    try:
        _init(address="local", **options)
    except Exception as problem:
        if _TOO_SLOW not in str(problem):
            raise
        logger.warning("this machine is busy: Ray did not start in its 30 seconds; trying once more")
        ray.shutdown()
        left = [child for child in psutil.Process().children() if child not in others]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left)
        _init(address="local", **options)


@contextlib.contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """End the block's work with one line on SIGTERM, which is how a job is stopped.

    Ray's own handler, which this one stands in for, fills the log with addresses of its compiled part. The
    line comes first: three seconds later the job is killed, and Ray needs longer than that to end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        logger.warning("stopped from outside (SIGTERM): the same command goes on where this one was")
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_reachable(address: str) -> None:
    """Fail in seconds where nothing listens; Ray itself tries for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return  # `local`, `auto` and the like name no socket
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as problem:
        raise EngineError(
            f"Ray at {address} cannot be reached ({problem}): start it, or unset RAY_ADDRESS to use this "
            f"machine alone"
        ) from problem


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    """Drop what Ray's compiled part writes to the terminal while it starts; no flag turns it off."""
    saved = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _resources() -> ClusterResources:
    there = ray.cluster_resources()
    return ClusterResources(num_cpus=there.get("CPU", 0.0), num_gpus=there.get("GPU", 0.0))
