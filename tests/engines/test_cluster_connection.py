"""How work on Ray begins and is stopped, without Ray: a slow start, and SIGTERM."""

import logging
import signal
import subprocess
import sys
import threading

import pytest

from blanktrap.core.errors import EngineError
from blanktrap.engines.cluster import _ending_on_sigterm, connected

SLOW = "The current node timed out during startup. This could happen because …"


class StartsOfRay:
    """Stands in for `ray.init`: each failing start leaves a process behind, as Ray's does."""

    def __init__(self, *failures: str) -> None:
        self.failures = list(failures)
        self.left: list[subprocess.Popen[bytes]] = []
        self.num_starts = 0

    def __call__(self, **options: object) -> None:
        self.num_starts += 1
        if self.failures:
            self.left.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
            raise RuntimeError(self.failures.pop(0))


def start(monkeypatch: pytest.MonkeyPatch, *failures: str) -> StartsOfRay:
    starts = StartsOfRay(*failures)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("ray.init", starts)
    monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": 2.0})
    return starts


def end(starts: StartsOfRay) -> None:
    for process in starts.left:
        process.kill()
        process.communicate()


def test_a_start_that_took_too_long_is_tried_once_more_without_its_remains(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    starts = start(monkeypatch, SLOW)
    try:
        with connected(object_store_bytes=1) as there:
            assert there.num_cpus == 2.0
            [left] = starts.left
            assert left.poll() is not None
            assert other.poll() is None  # not Ray's
    finally:
        end(starts)
        other.kill()
        other.communicate()
    assert starts.num_starts == 2
    assert "trying once more" in caplog.text


@pytest.mark.parametrize(("failures", "num_starts"), [([SLOW, SLOW], 2), (["no space left on device"], 1)])
def test_other_failures_and_a_second_one_end_it(
    monkeypatch: pytest.MonkeyPatch, failures: list[str], num_starts: int
) -> None:
    starts = start(monkeypatch, *failures)
    try:
        with pytest.raises(EngineError, match=failures[-1][:20]), connected(object_store_bytes=1):
            pass
    finally:
        end(starts)
    assert starts.num_starts == num_starts


def test_sigterm_ends_the_work_with_one_line_and_the_code_of_the_signal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with caplog.at_level(logging.WARNING), pytest.raises(SystemExit) as ended, _ending_on_sigterm():
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert caplog.messages == ["stopped from outside (SIGTERM): the same command goes on where this one was"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_work_in_another_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def work() -> None:
        with _ending_on_sigterm():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
