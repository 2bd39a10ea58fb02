"""What docs/annotations.md shows is what comes out: its files are written, its commands run."""

import re
import shlex
from pathlib import Path

import pytest

from blanktrap.cli import app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "annotations.md"

# A file's name on a line of its own before its content; the trees of the archive; a command and its output.
_BLOCK = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str, str]]:
    return [
        (found[1] or "", found[2], found[3]) for found in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))
    ]


def test_every_example_of_labels_prints_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    num_commands, printed = 0, ""
    for name, kind, text in blocks():
        if name:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
        elif kind == "tree":
            for line in text.split():
                Path(line).parent.mkdir(parents=True, exist_ok=True)
                Path(line).touch()
        elif kind == "sh":
            arguments = shlex.split(text)
            assert arguments[:2] == ["blanktrap", "index"]
            app([*arguments[1:], "--overwrite"], standalone_mode=False)
            printed = capsys.readouterr().out
            num_commands += 1
        elif kind == "text":
            for line in text.splitlines():
                assert line in printed.splitlines(), printed
    assert num_commands == 10
