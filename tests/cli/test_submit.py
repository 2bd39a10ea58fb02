"""What `blanktrap submit` says and asks, against a cluster that is made up; tests/engines has a real one."""

import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

import blanktrap.engines.submitting as submitting
from blanktrap.cli import main
from blanktrap.cli.submit import _checked
from blanktrap.core.config import SubmitConfig
from blanktrap.core.errors import EngineError
from blanktrap.engines.submitting import Job, JobServer, default_name

SCORE = ["score", "s3://b/m", "--model", "s3://b/n", "--out", "s3://b/o"]


class MadeUpServer:
    """A job that prints half a line at a time, and may be watched until Ctrl-C."""

    address = "http://127.0.0.1:8265"

    def __init__(self) -> None:
        self.known: list[Job] = []
        self.stopped: list[str] = []
        self.interrupted = False

    def latest(self, name: str) -> Job | None:
        return next((job for job in reversed(self.known) if job.name == name), None)

    def start(self, name: str, arguments: list[str], *, entrypoint: str, runtime_env: dict[str, Any]) -> Job:
        assert entrypoint.startswith(("python jobs/", "python -m blanktrap "))
        self.known.append(
            Job(
                job_id=f"{name}.{len(self.known) + 1}",
                name=name,
                arguments=tuple(arguments),
                state="RUNNING",
                message="",
                exit_code=None,
                started_s=1_795_000_000.0,
                ended_s=None,
            )
        )
        return self.known[-1]

    def follow(self, job: Job, show: Callable[[str], None]) -> Job:
        if self.interrupted:
            raise KeyboardInterrupt
        for text in ("scored 1", "0 of 10\nscores ", "in s3://b/o\n"):
            show(text)
        return replace(job, state="SUCCEEDED", exit_code=0, ended_s=1_795_000_061.0)

    def stop(self, job: Job) -> Job:
        self.stopped.append(job.job_id)
        return replace(job, state="STOPPED", ended_s=1_795_000_005.0)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> MadeUpServer:
    made_up = MadeUpServer()
    monkeypatch.setattr(submitting, "JobServer", lambda address: made_up)
    return made_up


@pytest.fixture
def submit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    def run(*arguments: str, code: int = 0) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["blanktrap", "submit", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert stopped.value.code == code
        captured = capsys.readouterr()
        return (captured.out + captured.err).splitlines()

    return run


def test_what_a_job_prints_comes_in_whole_lines(
    server: MadeUpServer, submit: Callable[..., list[str]]
) -> None:
    assert submit("--name", "season", *SCORE) == [
        "submitted season to http://127.0.0.1:8265",
        "scored 10 of 10",
        "scores in s3://b/o",
        "season (score) is done after 1 min 01 s, started 2026-11-18 11:06:40 UTC",
    ]


def test_a_run_at_work_is_watched_and_not_started_twice(
    server: MadeUpServer, submit: Callable[..., list[str]]
) -> None:
    submit("--no-wait", *SCORE)
    assert submit("--no-wait", *SCORE)[0] == f"{default_name(SCORE)} is at work already"
    assert len(server.known) == 1


@pytest.mark.parametrize(
    ("answer", "is_stopped"), [("y", True), ("YES ", True), ("n", False), ("", False), (None, False)]
)
def test_ctrl_c_asks_whether_the_job_is_to_end_too(
    server: MadeUpServer,
    submit: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    answer: str | None,
    is_stopped: bool,
) -> None:
    server.interrupted = True
    monkeypatch.setattr("sys.stdin", _Terminal(answer is not None))
    questions: list[str] = []

    def ask(question: str) -> str:
        questions.append(question)
        assert answer is not None
        return answer

    monkeypatch.setattr("builtins.input", ask)
    printed = submit("--name", "season", *SCORE, code=1)
    assert [question.strip() for question in questions] == (
        [] if answer is None else ["stop season on the cluster too? [y/N]"]
    )
    assert server.stopped == (["season.1"] if is_stopped else [])
    assert ("season goes on" in printed[-1]) is not is_stopped


class _Terminal:
    def __init__(self, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def test_gpus_become_the_flags_of_the_command() -> None:
    settings = SubmitConfig(gpus=3)
    assert _checked(SCORE, settings)[-4:] == ["--num-gpus", "1", "--max-actors", "3"]
    train = ["train", "s3://b/m", "--out", "s3://b/n"]
    assert _checked(train, settings)[-3:] == ["--use-gpu", "--num-workers", "3"]


def test_the_same_command_has_the_same_name() -> None:
    assert default_name(SCORE) == default_name(list(SCORE))
    assert default_name(SCORE).startswith("score-")
    assert default_name(["a", "b c"]) != default_name(["a", "b", "c"])


class CutClient:
    """Ray's client where the connection to the log is cut twice while the job goes on."""

    def __init__(self) -> None:
        self.num_tails = 0

    async def tail_job_logs(self, job_id: str) -> AsyncIterator[str]:
        self.num_tails += 1
        pieces = ["one\ntwo\n", "three\n", "four\n"]
        for piece in pieces if self.num_tails == 3 else pieces[: self.num_tails]:
            yield piece
        if self.num_tails < 3:
            raise RuntimeError("the connection was closed")

    def get_job_info(self, job_id: str) -> Any:
        return SimpleNamespace(
            submission_id=job_id,
            metadata={"blanktrap_name": "season", "blanktrap_arguments": '["score"]'},
            status="SUCCEEDED" if self.num_tails == 3 else "RUNNING",
            message="",
            driver_exit_code=0,
            start_time=1_795_000_000_000,
            end_time=None,
        )


def test_a_log_that_was_cut_is_shown_once() -> None:
    server = JobServer.__new__(JobServer)
    server.address = "http://127.0.0.1:8265"
    server._client = CutClient()
    shown: list[str] = []
    job = server.follow(submitting._job(server._client.get_job_info("season.1")), shown.append)
    assert "".join(shown) == "one\ntwo\nthree\nfour\n"
    assert job.state == "SUCCEEDED"


@pytest.mark.parametrize(
    ("status", "words"), [(401, "wants a token"), (403, "wants a token"), (500, "is no job server of Ray")]
)
def test_a_server_that_refuses_is_one_line(status: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"Traceback\n  it broke")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            with pytest.raises(EngineError, match=words) as raised:
                JobServer(f"http://127.0.0.1:{http.server_address[1]}").jobs()
        finally:
            http.shutdown()
            thread.join()
    assert "\n" not in str(raised.value)


def test_nobody_there_says_how_to_get_there() -> None:
    with pytest.raises(EngineError, match=r"no job server answers at http://127\.0\.0\.1:9"):
        JobServer("http://127.0.0.1:9")
