"""Waiting for a storage that is busy or out of reach for now.

Owns: how long work that is under way waits before it gives up. Refuses: the first thing that a command asks
for: a wrong endpoint is said at once.

S3 answers SlowDown for minutes while it makes room for a prefix that has become busy, and a network may be
away for a while. The client's own retries last seconds, and share one allowance among all threads of a
process: a run of millions of images would stop at each such spell.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

import tenacity

from blanktrap.files.s3 import StoreUnavailableError

PATIENCE_S = 300.0
_LONGEST_PAUSE_S = 20.0

_Answer = TypeVar("_Answer")

logger = logging.getLogger(__name__)


def patiently(act: Callable[[], _Answer]) -> _Answer:
    """Do something with a storage, again and again while it is unavailable, with growing pauses.

    Raises:
        StoreUnavailableError: it still was after `PATIENCE_S`.
        SourceError: whatever else `act` raises, at once.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(StoreUnavailableError),
        stop=tenacity.stop_after_delay(PATIENCE_S),
        wait=tenacity.wait_random_exponential(multiplier=1, max=_LONGEST_PAUSE_S),
        before_sleep=_tell,
        reraise=True,
    )
    return retrying(act)


def _tell(state: tenacity.RetryCallState) -> None:
    if state.outcome is not None:
        logger.warning("%s; trying again", state.outcome.exception())
