"""The progress line that long commands show.

Owns: one line, rewritten in place on a terminal, and a line every ten seconds elsewhere (a log, a
submitted job). Refuses: measuring; it prints what it is told.
"""

import sys
import time
from types import TracebackType
from typing import TextIO

LOG_EVERY_S = 10.0
REDRAW_EVERY_S = 0.2


class ProgressLine:
    """Shows the newest text; leave the block and the line is finished."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._on_terminal = self._stream.isatty()
        self._shown_at = float("-inf")
        self._shown = ""
        self._latest = ""

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._latest != self._shown:
            self._draw()
        if self._on_terminal and self._shown:
            self._stream.write("\n")
            self._stream.flush()

    def show(self, text: str) -> None:
        """Replace the line's text."""
        self._latest = text
        pause = REDRAW_EVERY_S if self._on_terminal else LOG_EVERY_S
        if time.monotonic() - self._shown_at >= pause:
            self._draw()

    def leave(self, text: str) -> None:
        """Print a text that stays, on standard output; the line goes on below it."""
        if self._on_terminal and self._shown:
            self._stream.write(f"\r{' ' * len(self._shown)}\r")
            self._stream.flush()
        self._shown = self._latest = ""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def _draw(self) -> None:
        if self._on_terminal:
            padding = " " * max(0, len(self._shown) - len(self._latest))
            self._stream.write(f"\r{self._latest}{padding}")
        else:
            self._stream.write(f"{self._latest}\n")
        self._stream.flush()
        self._shown, self._shown_at = self._latest, time.monotonic()
