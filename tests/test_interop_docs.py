"""The commands of docs/interop.md do what the page says."""

import re
import shlex
from pathlib import Path

import pytest

from blanktrap.cli import app
from tests.files.exports.exported import at, frame
from tests.files.written_scores import write_scores

PAGE = Path(__file__).resolve().parents[1] / "docs" / "interop.md"


def test_every_command_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_scores("scores", [frame("S1/a.jpg", 0.9, timestamp=at(0)), frame("S1/b.jpg", 0.1)])
    Path("places.csv").write_text("location_id,latitude,longitude\nS1,1,2\n")
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", "")
    commands = re.findall(r"^blanktrap export .*$", text, re.MULTILINE)
    for command in commands:
        app([*shlex.split(command)[1:], "--overwrite"], standalone_mode=False)
        assert "kept        1 of 2 media" in capsys.readouterr().out
    assert len(commands) == 3
    assert {path.name for path in tmp_path.iterdir()} >= {"results.json", "package", "upload"}
