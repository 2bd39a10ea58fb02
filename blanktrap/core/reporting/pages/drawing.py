"""Axes, lines, bands and bars as SVG.

Owns: the frame of a chart, its ticks, units and legend, and the marks inside. Refuses: knowing what is drawn;
that is `charts`. Colours are names of the page's style, so that one drawing serves light, dark and paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import ArrayLike

from blanktrap.core.statistics.metrics import Floats

WIDTH_PX = 880
_LEFT_PX, _RIGHT_PX = 64, 16
_LEGEND_STEP_PX = 24


@dataclass(frozen=True)
class Axis:
    """One axis: its range, its ticks and what it measures."""

    title: str
    ticks: tuple[tuple[float, str], ...]
    """Positions and what is written there; the first and the last are the ends of the axis."""

    @property
    def low(self) -> float:
        """Where the axis begins."""
        return self.ticks[0][0]

    @property
    def high(self) -> float:
        """Where the axis ends."""
        return self.ticks[-1][0]


@dataclass(frozen=True)
class Mark:
    """A line of the legend: a colour of the style, and dashes; `bar` is a filled square."""

    name: str
    colour: str
    dashes: str = ""
    is_bar: bool = False


@dataclass
class Panel:
    """A frame with axes, into which marks are drawn."""

    x: Axis
    y: Axis
    top_px: float
    height_px: float
    left_px: float = _LEFT_PX
    width_px: float = WIDTH_PX - _LEFT_PX - _RIGHT_PX
    marks: list[str] = field(default_factory=list)

    def across(self, values: ArrayLike) -> Floats:
        """Pixels from the left for values of the x axis."""
        share = (np.asarray(values, dtype=np.float64) - self.x.low) / (self.x.high - self.x.low)
        pixels: Floats = self.left_px + share * self.width_px
        return pixels

    def down(self, values: ArrayLike) -> Floats:
        """Pixels from the top for values of the y axis."""
        share = (np.asarray(values, dtype=np.float64) - self.y.low) / (self.y.high - self.y.low)
        pixels: Floats = self.top_px + (1.0 - share) * self.height_px
        return pixels

    def line(self, x: ArrayLike, y: ArrayLike, mark: Mark) -> None:
        """A line through points; it is broken where a value is nan."""
        path = _path(self.across(x), self.down(y))
        dashes = f' stroke-dasharray="{mark.dashes}"' if mark.dashes else ""
        self.marks.append(
            f'<path d="{path}" fill="none" stroke="var(--{mark.colour})" stroke-width="2.25" '
            f'stroke-linejoin="round"{dashes}/>'
        )

    def band(self, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str) -> None:
        """The area between two lines, pale; left out where a bound is nan."""
        across, lows, highs = np.asarray(x), np.asarray(low), np.asarray(high)
        there = ~(np.isnan(lows) | np.isnan(highs))
        if not there.any():
            return
        path = _path(
            np.concatenate([self.across(across[there]), self.across(across[there])[::-1]]),
            np.concatenate([self.down(highs[there]), self.down(lows[there])[::-1]]),
        )
        self.marks.append(f'<path d="{path}Z" fill="var(--{colour})" opacity="0.16"/>')

    def bars(self, starts: ArrayLike, ends: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str) -> None:
        """Upright bars from `low` to `high`."""
        left, right = self.across(starts), self.across(ends)
        top, bottom = self.down(high), self.down(low)
        path = "".join(
            f"M{a + 0.5:.1f} {d:.1f}V{c:.1f}H{b - 0.5:.1f}V{d:.1f}Z"
            for a, b, c, d in zip(left, right, top, bottom, strict=True)
            if d - c > 0.0
        )
        self.marks.append(f'<path d="{path}" fill="var(--{colour})"/>')

    def upright(self, x: float, text: str) -> None:
        """A line from top to bottom with a word above it, on the side with more room."""
        at = float(self.across(x))
        anchor = "start" if x < (self.x.low + self.x.high) / 2.0 else "end"
        self.marks.append(
            f'<path d="M{at:.1f} {self.top_px - 6:.1f}v{self.height_px + 6:.1f}" stroke="var(--rule)" '
            f'stroke-width="1.5" stroke-dasharray="3 3" fill="none"/>'
        )
        if text:
            self.marks.append(
                f'<text x="{at:.1f}" y="{self.top_px - 11:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
            )

    def diagonal(self) -> None:
        """The line that chance would give, in a square of shares."""
        self.marks.append(
            f'<path class="axis" fill="none" stroke-dasharray="4 4" '
            f'd="{_path(self.across([0.0, 1.0]), self.down([0.0, 1.0]))}"/>'
        )

    def svg(self) -> str:
        """The frame and everything in it."""
        bottom = self.top_px + self.height_px
        parts = []
        for value, text in self.y.ticks:
            y = float(self.down(value))
            parts.append(
                f'<path class="grid" d="M{self.left_px:.1f} {y:.1f}h{self.width_px:.1f}" fill="none"/>'
                f'<text class="soft" x="{self.left_px - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">'
                f"{escape(text)}</text>"
            )
        parts += self.marks
        parts.append(
            f'<path class="axis" d="M{self.left_px:.1f} {bottom:.1f}h{self.width_px:.1f}" fill="none"/>'
        )
        for value, text in self.x.ticks:
            x = float(self.across(value))
            parts.append(
                f'<path class="axis" d="M{x:.1f} {bottom:.1f}v5" fill="none"/>'
                f'<text class="soft" x="{x:.1f}" y="{bottom + 19:.1f}" text-anchor="middle">'
                f"{escape(text)}</text>"
            )
        parts.append(
            f'<text x="{self.left_px + self.width_px / 2:.1f}" y="{bottom + 40:.1f}" '
            f'text-anchor="middle">{escape(self.x.title)}</text>'
            f'<text x="{self.left_px - 56:.1f}" y="{self.top_px - 12:.1f}">{escape(self.y.title)}</text>'
        )
        return "".join(parts)


def legend(marks: Sequence[Mark], *, top_px: float, left_px: float = _LEFT_PX) -> str:
    """Names of marks in one row."""
    parts = []
    x = left_px
    for mark in marks:
        if mark.is_bar:
            parts.append(
                f'<rect x="{x:.1f}" y="{top_px - 10:.1f}" width="14" height="12" rx="2" '
                f'fill="var(--{mark.colour})"/>'
            )
        else:
            dashes = f' stroke-dasharray="{mark.dashes}"' if mark.dashes else ""
            parts.append(
                f'<path d="M{x:.1f} {top_px - 4:.1f}h28" stroke="var(--{mark.colour})" stroke-width="2.5" '
                f'fill="none"{dashes}/>'
            )
        width = 14 if mark.is_bar else 28
        parts.append(f'<text x="{x + width + 7:.1f}" y="{top_px:.1f}">{escape(mark.name)}</text>')
        # No font can be measured here: 7.2 px a letter is a little more than the page's font takes.
        x += width + 7 + 7.2 * len(mark.name) + _LEGEND_STEP_PX
    return "".join(parts)


def picture(parts: Sequence[str], *, height_px: float, title: str) -> str:
    """One `<svg>` element; `title` says what it shows to those who cannot see it."""
    return (
        f'<svg viewBox="0 0 {WIDTH_PX} {height_px:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def share_axis(title: str, *, as_percent: bool) -> Axis:
    """From 0 to 1, as numbers or in percent."""
    steps = [step / 10 for step in range(11)] if not as_percent else [step / 5 for step in range(6)]
    return Axis(
        title, tuple((step, f"{100 * step:.0f} %" if as_percent else f"{step:.1f}") for step in steps)
    )


def count_axis(title: str, most: float) -> Axis:
    """From 0 to a round number at or above `most`, in a few steps of 1, 2 or 5 times a power of ten."""
    if most <= 0:
        return Axis(title, ((0.0, "0"), (1.0, "1")))
    power = 10.0 ** np.floor(np.log10(most / 3.0))
    step = max(next(times * power for times in (1, 2, 5, 10) if most / (times * power) <= 5.0), 1.0)
    num_steps = int(np.ceil(most / step))
    return Axis(title, tuple((place * step, f"{place * step:,.0f}") for place in range(num_steps + 1)))


def _path(x: Floats, y: Floats) -> str:
    """Points joined by lines; a point with nan breaks the line."""
    parts, is_broken = [], True
    for across, down in zip(x, y, strict=True):
        if np.isnan(across) or np.isnan(down):
            is_broken = True
            continue
        parts.append(f"{'M' if is_broken else 'L'}{across:.1f} {down:.1f}")
        is_broken = False
    return "".join(parts)
