"""The command line says what it can do."""

import re

import pytest

import blanktrap
from blanktrap.cli.root import print_lines
from tests.cli.commands import FLAGS, Capture, run


@pytest.mark.parametrize("columns", ["80", "200"])
@pytest.mark.parametrize("command", FLAGS)
def test_help_names_every_flag_and_fits_a_terminal(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, command: str, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert run(command, "--help") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert set(re.findall(r"--[a-z-]+", captured.out)) == {*FLAGS[command].split(), "--help"}
    assert max(map(len, captured.out.splitlines())) <= 80
    assert "Ellipsis" not in captured.out
    assert not re.search(r"\.\.\.[\]}]\.\.\.", captured.out)


def test_help_lists_every_command_and_says_what_it_is_for(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run("--help") == 0
    printed = capsys.readouterr().out
    listed = re.findall(r"^  ([a-z-]+)  +\S", printed.partition("Commands:")[2], re.MULTILINE)
    assert listed == list(FLAGS)
    assert max(map(len, printed.splitlines())) <= 80
    assert "..." not in printed.partition("Commands:")[2]


def test_a_name_from_an_archive_moves_no_cursor_and_starts_no_line(capsys: Capture) -> None:
    print_lines(["  by location  a\x1b[31m\nwarning: b\u202e"])
    assert capsys.readouterr().out == "  by location  a\\x1b[31m\\nwarning: b\\u202e\n"


def test_no_arguments_show_the_help(capsys: Capture) -> None:
    assert run() == 0
    assert "Commands:" in capsys.readouterr().out


def test_version_is_the_packages(capsys: Capture) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"blanktrap {blanktrap.__version__}\n"
