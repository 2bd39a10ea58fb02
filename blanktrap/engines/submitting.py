"""Commands that run on a cluster as Ray jobs: named, watched, stopped, started again.

Owns: the job server's client, the names of runs and their starts, following a job's log. Refuses: what a job
does, what is shipped with it (`files.shipping`), and asking people.

A run has a name; each start of it is a Ray job `NAME.1`, `NAME.2`, … Nothing else is remembered: what a run
has done stands in its output, and the same command goes on there.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp

from blanktrap.core.errors import EngineError, UsageError

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
JobState = Literal["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"]
FINAL = ("STOPPED", "SUCCEEDED", "FAILED")
_POLL_S = 0.5
_NAME, _ARGUMENTS = "blanktrap_name", "blanktrap_arguments"
_ATTEMPT = re.compile(r"\.(\d+)$")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One start of a run, as the cluster tells of it."""

    job_id: str
    name: str
    arguments: tuple[str, ...]
    """The command and what follows it."""
    state: str
    """One of `JobState`."""
    message: str
    """What Ray says of it, in one line."""
    exit_code: int | None
    """Of the command; None while it runs, or where it was stopped."""
    started_s: float | None
    """Unix time."""
    ended_s: float | None
    """Unix time."""

    @property
    def attempt(self) -> int:
        """Which start of the run this is, from 1."""
        found = _ATTEMPT.search(self.job_id)
        return int(found[1]) if found else 0

    @property
    def is_over(self) -> bool:
        """Whether it will do nothing more."""
        return self.state in FINAL


def default_name(arguments: Sequence[str]) -> str:
    """A run's name where nobody gave one: the same command with the same arguments is the same run."""
    digest = hashlib.sha256("\0".join(arguments).encode()).hexdigest()[:8]
    return f"{arguments[0]}-{digest}"


def job_server(address: str | None) -> str:
    """The address of the job server, from a flag or the environment.

    Raises:
        UsageError: it is no address of a job server.
    """
    given = address or os.environ.get("RAY_API_SERVER_ADDRESS") or os.environ.get("RAY_ADDRESS")
    found = given or DEFAULT_ADDRESS
    split = urlsplit(found)
    if split.scheme not in ("http", "https") or not split.hostname:
        raise UsageError(
            f"--address {found}: expected the address of Ray's dashboard, such as {DEFAULT_ADDRESS} "
            f"(`ray dashboard cluster.yaml` brings it here)"
        )
    return found


class JobServer:
    """A cluster's job server."""

    def __init__(self, address: str | None) -> None:
        """Args: address: its `http://` address; None: that of the environment, or this machine's."""
        self.address = job_server(address)
        for name in ("ray", "ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk"):
            logging.getLogger(name).setLevel(logging.ERROR)
        from ray.job_submission import JobSubmissionClient

        with self._answering(), _unset("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
            self._client = JobSubmissionClient(self.address)

    def jobs(self) -> list[Job]:
        """The starts of all runs that were submitted with blanktrap, oldest first."""
        with self._answering():
            found = self._client.list_jobs()
        jobs = [_job(one) for one in found if (one.metadata or {}).get(_NAME)]
        return sorted(jobs, key=lambda job: (job.started_s or float("inf"), job.attempt))

    def latest(self, name: str) -> Job | None:
        """The newest start of a run; None where there is no such run."""
        starts = [job for job in self.jobs() if job.name == name]
        return max(starts, key=lambda job: job.attempt, default=None)

    def start(
        self, name: str, arguments: Sequence[str], *, entrypoint: str, runtime_env: dict[str, Any]
    ) -> Job:
        """Start a run, or start it again.

        Args:
            name: the run's name.
            arguments: the command and what follows it.
            entrypoint: the shell command that runs it on the cluster.
            runtime_env: what goes along, in Ray's words.

        Raises:
            EngineError: the cluster refuses it.
        """
        before = self.latest(name)
        job_id = f"{name}.{before.attempt + 1 if before else 1}"
        with self._answering():
            self._client.submit_job(
                entrypoint=entrypoint,
                submission_id=job_id,
                runtime_env=runtime_env,
                metadata={_NAME: name, _ARGUMENTS: json.dumps(list(arguments))},
            )
        return self.job(job_id)

    def job(self, job_id: str) -> Job:
        """What the cluster says of one start now."""
        with self._answering():
            return _job(self._client.get_job_info(job_id))

    def stop(self, job: Job, *, timeout_s: float = 60.0) -> Job:
        """Ask a job to end and wait until it has: SIGTERM first, SIGKILL three seconds later.

        Raises:
            EngineError: it has not ended in time.
        """
        with self._answering():
            self._client.stop_job(job.job_id)
        until = time.monotonic() + timeout_s
        while not (now := self.job(job.job_id)).is_over:
            if time.monotonic() > until:
                raise EngineError(
                    f"{job.name} did not stop within {timeout_s:.0f} s: look at it with --status"
                )
            time.sleep(_POLL_S)
        return now

    def log(self, job: Job) -> str:
        """All that a job has printed."""
        with self._answering():
            return str(self._client.get_job_logs(job.job_id))

    def follow(self, job: Job, show: Callable[[str], None]) -> Job:
        """Show what a job prints until it is over.

        Args:
            job: one of this cluster's.
            show: is given the text as it comes.

        Raises:
            EngineError: the cluster does not answer any more; the job may go on.
            KeyboardInterrupt: the one who watches has pressed Ctrl-C; the job goes on.
        """

        num_shown = 0

        async def tail() -> None:
            # Each connection begins with the log's first character.
            nonlocal num_shown
            num_come = 0
            async for text in self._client.tail_job_logs(job.job_id):
                fresh = text[max(0, num_shown - num_come) :]
                num_come += len(text)
                if fresh:
                    num_shown += len(fresh)
                    show(fresh)

        while True:
            with self._answering():
                # The stream ends with the job, and when it is cut: the job's state says which.
                with contextlib.suppress(RuntimeError, aiohttp.ClientError):
                    asyncio.run(tail())
                now = _job(self._client.get_job_info(job.job_id))
            if now.is_over:
                return now
            time.sleep(_POLL_S)

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Turn what Ray's client raises into one line."""
        from ray.exceptions import AuthenticationError

        try:
            yield
        except AuthenticationError as problem:
            raise EngineError(
                f"the job server at {self.address} wants a token: export RAY_AUTH_MODE=token, with the "
                f"cluster's token in ~/.ray/auth_token (ray get-auth-token shows it) or RAY_AUTH_TOKEN"
            ) from problem
        except OSError as problem:  # requests' and Python's connection errors
            if getattr(problem, "response", None) is not None:
                raise EngineError(
                    f"what answers at {self.address} is no job server of Ray ({_reason(problem)})"
                ) from problem
            raise EngineError(
                f"no job server answers at {self.address}: is the cluster up (`ray up cluster.yaml`) and its "
                f"dashboard brought here (`ray dashboard cluster.yaml`)? A job that was started goes on"
            ) from problem
        except RuntimeError as problem:
            if isinstance(problem, EngineError):
                raise
            raise EngineError(f"the job server at {self.address} refused: {_reason(problem)}") from problem


@contextlib.contextmanager
def _unset(*names: str) -> Iterator[None]:
    """Without these environment variables: Ray's client takes them before what it is told."""
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _job(details: Any) -> Job:
    metadata = details.metadata or {}
    return Job(
        job_id=details.submission_id,
        name=metadata.get(_NAME, details.submission_id),
        arguments=tuple(json.loads(metadata.get(_ARGUMENTS, "[]"))),
        state=getattr(details.status, "value", details.status),
        message=(details.message or "").strip().splitlines()[0] if (details.message or "").strip() else "",
        exit_code=details.driver_exit_code,
        started_s=details.start_time / 1000 if details.start_time else None,
        ended_s=details.end_time / 1000 if details.end_time else None,
    )


def _reason(problem: Exception) -> str:
    """The last line of what a server sends, which is that of a traceback's error."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip(" '\"")]
    return lines[-1].rstrip(".") if lines else type(problem).__name__
