"""Jobs, and commands in processes of their own, are the commands of their names."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import FLAGS, Capture, run

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", ["index", "select", "train", "score", "evaluate", "export"])
def test_job_takes_the_options_of_the_command_of_its_name(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{command}.py", "--help"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(ROOT / "jobs" / f"{command}.py"), run_name="__main__")
    assert stopped.value.code == 0
    from_job = capsys.readouterr().out
    run(command, "--help")
    assert from_job == capsys.readouterr().out


def test_every_job_is_a_command() -> None:
    names = {path.stem for path in (ROOT / "jobs").glob("[a-z]*.py")}
    assert names
    assert names <= set(FLAGS)


def test_jobs_beside_a_select_find_pythons_own(tmp_path: Path) -> None:
    for command in ("select", "score"):
        done = subprocess.run(
            [sys.executable, str(ROOT / "jobs" / f"{command}.py"), "--help"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        assert done.stdout.startswith(f"Usage: blanktrap {command} ")


@pytest.mark.parametrize("start", [["jobs/score.py"], ["-m", "blanktrap", "score"]])
def test_process_of_its_own_ends_with_the_same_code(tmp_path: Path, start: list[str]) -> None:
    absent = str(tmp_path / "absent")
    arguments = [sys.executable, *start, absent, "--model", absent, "--out", absent]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"blanktrap: there is no manifest at {absent}")
    assert done.stderr.count("\n") == 1
