"""Runs on a real Ray head: what is shipped runs there, and a run that was stopped is gone on with."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.compute as pc
import pytest

from blanktrap.cli import main
from blanktrap.core.config import IndexConfig
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from tests.engines.heads import Head
from tests.engines.runs import STORAGE, assert_every_media_once

# A head has a dozen processes of its own: on a busy machine a start takes minutes.
pytestmark = [pytest.mark.ray, pytest.mark.timeout(1200)]
Submit = Callable[..., str]


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """A head whose machine has another blanktrap, which must not run: what is shipped comes first."""
    other = tmp_path_factory.mktemp("other") / "blanktrap"
    other.mkdir()
    (other / "__init__.py").write_text("raise RuntimeError('the one that is not shipped')\n")
    head = Head(num_cpus=2, environment={"PYTHONPATH": str(other.parent), "OMP_NUM_THREADS": "1"})
    yield head
    head.close()


@pytest.fixture
def submit(head: Head, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Submit:
    """Runs `blanktrap submit` against the head and returns what it printed."""

    def run(*arguments: str, code: int = 0) -> str:
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
        monkeypatch.setattr(sys, "argv", ["blanktrap", "submit", "--address", head.address, *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capfd.readouterr()
        assert stopped.value.code == code, captured
        return captured.out + captured.err

    return run


def test_a_submitted_select_finds_pythons_own_module(
    tmp_path: Path, submit: Submit, make_jpeg: Callable[..., bytes]
) -> None:
    for number in range(12):
        label = "blank" if number % 2 else "nonblank"
        path = tmp_path / "archive" / label / f"site{number % 6}_{number}.jpg"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(make_jpeg(number))
    build_manifest(
        [str(tmp_path / "archive")],
        str(tmp_path / "manifest"),
        annotations=[],
        inventory=None,
        config=IndexConfig(label_from_path=True, path_pattern="{}/{location}_{}"),
        storage=STORAGE,
    )
    out = str(tmp_path / "split")
    printed = submit("--name", "splits", "select", str(tmp_path / "manifest"), "--out", out)
    assert "submitted splits" in printed
    assert "splits (select) is done after" in printed
    manifest = open_manifest(STORAGE, out)
    assert pc.sum(pc.is_valid(manifest.read_rows(STORAGE, 0, 12).column("split"))).as_py() == 12


def test_a_stopped_run_of_the_same_name_is_gone_on_with(
    tmp_path: Path, submit: Submit, manifest: str, model: str
) -> None:
    out = tmp_path / "scores"
    flags = ["--chunk-size", "16", "--batch-size", "8", "--max-actors", "1", "--precision", "float32"]
    score = ["score", manifest, "--model", model, "--out", str(out), *flags]
    command = ["--name", "season", "--ship", "wheel", *score]
    submit("--no-wait", *command)
    other = submit("--name", "season", *score, "--embeddings", code=2)
    assert "a run of that name is at work with other arguments" in other
    while len(list(out.glob("part-*.parquet"))) < 2:
        assert "season (score) waits" in (told := submit("--status", "season")) or "runs for" in told, told
        time.sleep(0.2)
    stopped = submit("--stop", "season")
    assert "season (score) was stopped after" in stopped
    assert not (out / "_SUCCESS").exists()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}

    printed = submit(*command)
    assert "start 2: it goes on where it was" in printed
    assert "scored 241 of 245 media" in printed
    assert "season (score) is done" in printed
    assert_every_media_once(str(out), manifest)
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}
    assert {name: after[name] for name in before} == before
    [line] = [line for line in submit("--list").splitlines() if line.startswith("season")]
    assert "is done" in line
    assert line.endswith("start 2")
    assert "scores in" in submit("--status", "season")


def test_a_command_that_fails_fails_here_with_its_code(tmp_path: Path, submit: Submit) -> None:
    absent = str(tmp_path / "absent")
    printed = submit("score", absent, "--model", absent, "--out", str(tmp_path / "out"), code=1)
    assert f"blanktrap: there is no manifest at {absent}" in printed
    assert "failed with exit code 1" in printed
    assert "Traceback" not in printed
