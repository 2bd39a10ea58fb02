"""What SIGTERM does to work on Ray, without Ray: one line, an exit code, and the handler of before."""

import logging
import signal
import threading

import pytest

from blanktrap.engines.cluster import _ending_on_sigterm


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
