"""The progress line: one line on a terminal, a few in a log, and nothing lost."""

import io

import pytest

from blanktrap import progress
from blanktrap.core.errors import SourceError
from blanktrap.progress import ProgressLine

Capture = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the progress line sees, in seconds."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def on_screen(written: str) -> list[str]:
    """What a terminal shows: a carriage return goes back to where the line begins."""
    lines = []
    for line in written.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def test_terminal_shows_one_line_and_its_newest_text(clock: list[float]) -> None:
    terminal = Terminal()
    with ProgressLine(terminal) as line:
        for text in ("scored 1,000/2,000 images", "scored 1,500", "scored 2,000/2,000"):
            line.show(text)
            clock[0] += 1
            assert on_screen(terminal.getvalue()) == [text]
    assert on_screen(terminal.getvalue()) == ["scored 2,000/2,000", ""]


def test_terminal_is_not_flooded_and_still_ends_with_the_last_text(clock: list[float]) -> None:
    terminal = Terminal()
    with ProgressLine(terminal) as line:
        for number in range(1000):
            line.show(f"listed {number}")
            clock[0] += 0.001
    assert terminal.getvalue().count("\r") <= 7
    assert on_screen(terminal.getvalue()) == ["listed 999", ""]


def test_log_gets_a_line_every_ten_seconds_and_the_last_one(clock: list[float]) -> None:
    log = io.StringIO()
    with ProgressLine(log) as line:
        for second in range(25):
            line.show(f"listed {second}")
            clock[0] += 1
    assert log.getvalue() == "listed 0\nlisted 10\nlisted 20\nlisted 24\n"


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_nothing_to_show_writes_nothing(stream: type[io.StringIO]) -> None:
    target = stream()
    with ProgressLine(target):
        pass
    assert target.getvalue() == ""


def test_text_that_stays_goes_to_standard_output_and_the_line_goes_on(
    capsys: Capture, clock: list[float]
) -> None:
    terminal = Terminal()
    with ProgressLine(terminal) as line:
        line.show("drew 90/90 images")
        line.leave("Drew an archive")
        assert on_screen(terminal.getvalue()) == [""]
        clock[0] += 1
        line.show("listed 5")
    assert capsys.readouterr().out == "Drew an archive\n"
    assert on_screen(terminal.getvalue()) == ["listed 5", ""]


def fail_after(line: ProgressLine, text: str) -> None:
    line.show(text)
    raise SourceError("there is no bucket")


def test_line_is_finished_before_an_error_is_printed(clock: list[float]) -> None:
    terminal = Terminal()
    with pytest.raises(SourceError), ProgressLine(terminal) as line:
        fail_after(line, "listed 5")
    assert terminal.getvalue().endswith("\n")
