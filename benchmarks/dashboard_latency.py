"""How fast the dashboard is with a large report: `python -m benchmarks.dashboard_latency`.

Makes a report as one of 50 million images at 5,000 locations is: scores of 500,000 images are evaluated, and
every count is multiplied by a hundred (a report's size goes with its locations, not with its images). Serves
it, and looks at it in a real Chromium: seconds from asking until the first page is drawn, for the first
visitor of a new server and for later ones; milliseconds from a key on the cutoff's slider until figures and
charts have changed; and the most memory the server ever took. Aims: 2 s, 200 ms, 1 GiB.

The same is measured of `bare_page.py`, the least that Streamlit and the browser take for as many figures and
charts; the ratio is what the dashboard adds.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from playwright.sync_api import Browser, Page

from benchmarks import evaluate_scale
from benchmarks.dashboard_browser import PATIENCE_MS, browsing, free_port, open_at, served, serving
from blanktrap.core.config import EvaluateConfig
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.storage import Storage

NUM_MEDIA, TIMES = 500_000, 100
MEDIA_PER_LOCATION = 100

# The figures, the rule in the left chart and the point in the right one all move.
_WATCH = """() => {
  const figures = [...document.querySelectorAll('[data-testid=stMetricValue]')];
  const charts = [...document.querySelectorAll('[data-testid=stVegaLiteChart]')];
  const waiting = new Set(charts.slice(0, 2));
  window.moved = null; window.figuresMoved = null; let began = null, told = null;
  document.addEventListener('keydown', () => { began = performance.now(); }, {once: true, capture: true});
  const drawn = () => requestAnimationFrame(() => setTimeout(() => {
    window.moved = [told, performance.now() - began]; }));
  const done = () => {
    if (told !== null && !waiting.size) { observers.forEach(one => one.disconnect()); drawn(); } };
  const before = document.querySelector('[data-testid=stCode]')?.innerText;
  const observers = [new MutationObserver(() => {
    if (told === null && document.querySelector('[data-testid=stCode]')?.innerText !== before) {
      told = performance.now() - began; done(); } })];
  observers[0].observe(document.body, {subtree: true, childList: true, characterData: true});
  for (const chart of waiting) {
    const observer = new MutationObserver(() => { waiting.delete(chart); done(); });
    observer.observe(chart, {subtree: true, childList: true, attributes: true});
    observers.push(observer);
  }
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--keep", type=Path, help="folder for the report (default: a temporary one)")
    parser.add_argument("--moves", type=int, default=20, help="moves of the slider")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        report = make_report(folder)
        print(f"report of {NUM_MEDIA * TIMES:,} images: {size_of(report) / 1e6:.1f} MB", flush=True)
        with browsing() as browser:
            with served(bare_command()) as address:
                bare = measure(browser, address, address, arguments.moves)
                show("bare page", bare)
            with serving([str(report)]) as address:
                server = psutil.Process().children()
                ours = measure(browser, address, f"{address}/cutoff", arguments.moves)
                show("dashboard", ours)
                print(f"server's most memory: {peak_mib(server):,.0f} MiB")
        first, moved = (after / before for before, after in zip(bare.typical, ours.typical, strict=True))
        print(f"dashboard / bare page: first page {first:.2f}, cutoff change {moved:.2f}")


@dataclass(frozen=True, kw_only=True)
class Latency:
    """What a visitor waits for."""

    first_s: list[float]
    """Until the first page is drawn, for the first visitor of a new server and for later ones."""
    figures_ms: list[float]
    """From a key on the slider until the figures have changed."""
    charts_ms: list[float]
    """… and the charts as well."""

    @property
    def typical(self) -> tuple[float, float]:
        """The first page of a later visitor, and a moved cutoff with its charts."""
        return statistics.median(self.first_s[1:]), statistics.median(self.charts_ms)


def measure(browser: Browser, first: str, with_slider: str, num_moves: int) -> Latency:
    first_s = [first_page_s(browser, first) for _ in range(4)]
    figures, charts = move_slider(browser, with_slider, num_moves)
    return Latency(first_s=first_s, figures_ms=figures, charts_ms=charts)


def show(name: str, found: Latency) -> None:
    print(f"{name}: first page, first visitor     {found.first_s[0]:.2f} s")
    print(f"{name}: first page, later visitors    {found.typical[0]:.2f} s (median of 3)")
    print(f"{name}: cutoff change, figures        {told(found.figures_ms)}")
    print(f"{name}: cutoff change, charts as well {told(found.charts_ms)}", flush=True)


def bare_command() -> list[str]:
    page = Path(__file__).with_name("bare_page.py")
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(free_port()),
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    named = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [sys.executable, "-m", "streamlit", "run", str(page), *named]


def make_report(folder: Path) -> Path:
    """Evaluate made scores and multiply every count; what is there already stays."""
    report = folder / "report"
    if (report / "report.json").exists():
        return report
    evaluate_scale.MEDIA_PER_LOCATION = MEDIA_PER_LOCATION
    evaluate_scale.make_scores(folder / "scores", NUM_MEDIA)
    evaluate_scores(str(folder / "scores"), str(report), config=EvaluateConfig(), storage=Storage())
    for name in ("curve", "histogram", "locations", "species", "errors"):
        path = report / f"{name}.parquet"
        pq.write_table(multiplied(pq.read_table(path)), path)
    record = json.loads((report / "report.json").read_text())
    (report / "report.json").write_text(json.dumps(counts_multiplied(record)))
    return report


def multiplied(table: pa.Table) -> pa.Table:
    """A table whose counts of media are so many times as large."""
    columns = {
        name: pc.multiply(table.column(name), TIMES)
        if pa.types.is_integer(table.column(name).type) and "location" not in name
        else table.column(name)
        for name in table.column_names
    }
    return pa.table(columns)


def counts_multiplied(value: Any, name: str = "") -> Any:
    """A report whose counts of media are so many times as large."""
    if isinstance(value, dict):
        return {
            key: counts_multiplied(one, key if name != "statuses" else "num_media")
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [counts_multiplied(one) for one in value]
    is_count = name.startswith(("num_", "kept_", "missed_", "removed_")) and "location" not in name
    return value * TIMES if is_count and isinstance(value, int) and not isinstance(value, bool) else value


def first_page_s(browser: Browser, address: str) -> float:
    """Seconds until a new visitor sees the first page with its figures and its chart."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    started = time.monotonic()
    page.goto(address, timeout=PATIENCE_MS, wait_until="commit")
    page.get_by_text("Nonblank recall").first.wait_for(timeout=PATIENCE_MS)
    page.locator("[data-testid=stVegaLiteChart] svg").first.wait_for(timeout=PATIENCE_MS)
    seconds = time.monotonic() - started
    context.close()
    return seconds


def move_slider(browser: Browser, address: str, num_moves: int) -> tuple[list[float], list[float]]:
    """Milliseconds from a key until the figures, and until the charts as well, have changed."""
    page: Page = browser.new_page(viewport={"width": 1280, "height": 800})
    open_at(page, address)
    page.locator("[data-testid=stVegaLiteChart] svg").nth(1).wait_for(timeout=PATIENCE_MS)
    page.wait_for_timeout(1_000)
    page.get_by_role("slider").first.focus()
    moves = []
    for number in range(num_moves + 2):
        page.evaluate(_WATCH)
        page.keyboard.press("ArrowLeft" if number % 2 else "ArrowRight")
        page.wait_for_function("() => window.moved", timeout=PATIENCE_MS)
        moves.append(page.evaluate("() => window.moved"))
        page.wait_for_timeout(300)
    # The first two load what a page loads once.
    return [one for one, _ in moves[2:]], [both for _, both in moves[2:]]


def told(milliseconds: list[float]) -> str:
    ordered = sorted(milliseconds)
    return (
        f"{statistics.median(ordered):.0f} ms (median of {len(ordered)}; 9 of 10 within "
        f"{ordered[int(0.9 * (len(ordered) - 1))]:.0f} ms, longest {ordered[-1]:.0f} ms)"
    )


def peak_mib(processes: list[psutil.Process]) -> float:
    """The most memory that the server held at once; it is one of the children."""
    peaks = []
    for process in processes:
        if "dashboard.entry.server" in process.cmdline():
            status = Path(f"/proc/{process.pid}/status").read_text()
            peaks.append(int(status.partition("VmHWM:")[2].split()[0]) / 1024)
    return max(peaks)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


if __name__ == "__main__":
    main()
