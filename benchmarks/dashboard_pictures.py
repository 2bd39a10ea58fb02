"""The pictures in docs/images: `python -m benchmarks.dashboard_pictures demo`, after `make demo`.

Takes the demo's archive, which is drawn, draws a sample of its errors to review and the heatmaps of its worst
errors, opens each page of the dashboard in Chromium, and writes WebP pictures of 1280 by 800 pixels. To look
at every page, `--check FOLDER` writes whole ones there instead: light, dark, for a laptop and for a tablet.
"""

import argparse
import io
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pyarrow.parquet as pq
from PIL import Image
from playwright.sync_api import Page

from benchmarks.dashboard_browser import PATIENCE_MS, browsing, open_at, serving, settle
from dashboard.navigation import PAGES

DOCS = Path(__file__).parents[1] / "docs" / "images"
LAPTOP, TABLET = (1280, 800), (834, 1112)
QUALITY = 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("demo", type=Path, help="the folder that `blanktrap demo` wrote")
    parser.add_argument(
        "--check", type=Path, metavar="FOLDER", help="whole pages, in every look, to this folder"
    )
    parser.add_argument(
        "--pages", default=",".join([*PAGES, "closer"]), help="some of the pages, separated by commas"
    )
    arguments = parser.parse_args()
    pages = arguments.pages.split(",")
    with TemporaryDirectory() as temporary:
        within = Path(temporary)
        names = prepare(arguments.demo.resolve(), within)
        with browsing() as browser, serving(names, within=within) as address:
            looks = [(LAPTOP, "light", "")]
            if arguments.check is not None:
                looks = [(LAPTOP, "light", ""), (TABLET, "light", "-tablet"), (LAPTOP, "dark", "-dark")]
            out = arguments.check or DOCS
            out.mkdir(parents=True, exist_ok=True)
            for size, scheme, suffix in looks:
                context = browser.new_context(
                    viewport={"width": size[0], "height": size[1]},
                    color_scheme="dark" if scheme == "dark" else "light",
                )
                context.set_default_timeout(PATIENCE_MS)
                page = context.new_page()
                for name in pages:
                    show(page, address, name, within)
                    if arguments.check is not None:
                        stretch(page, size)
                    save(page, out / f"dashboard-{name}{suffix}.webp")
                    page.set_viewport_size({"width": size[0], "height": size[1]})
                context.close()


def prepare(demo: Path, within: Path) -> list[str]:
    """Make what the pages show beside the demo's own results; the names to open, relative to `within`."""
    for name in ("archive", "manifest", "split", "model", "scores"):
        (within / name).symlink_to(demo / name)
    run(within, "evaluate", "scores", "--out", "report", "--sample-errors", "20:20")
    run(within, "explain", "model", "--scores", "scores", "--worst", "12", "--out", "heatmaps")
    return ["report", "scores", "model", "heatmaps"]


def run(within: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "blanktrap", *arguments], cwd=within, check=True)


def show(page: Page, address: str, name: str, within: Path) -> None:
    """Open a page at something worth looking at."""
    queries = {"gallery": "?show=missed", "closer": f"?media={quote(explained(within))}"}
    open_at(page, f"{address}/{'gallery' if name == 'closer' else name}{queries.get(name, '')}")
    if name == "review":
        page.get_by_label("Your name").fill("Ana")
        page.keyboard.press("Enter")
        page.get_by_text("image 1 of").wait_for()
    settle(page)
    page.evaluate("() => Promise.all([...document.images].map(image => image.decode().catch(() => null)))")
    page.wait_for_timeout(1_000)  # charts come in softly


def explained(within: Path) -> str:
    """A media that has a heatmap."""
    names: list[str] = pq.read_table(within / "heatmaps" / "heatmaps.parquet").column("media_id").to_pylist()
    return names[0]


def stretch(page: Page, size: tuple[int, int]) -> None:
    """Make the window as high as the page."""
    high = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size[0], "height": max(size[1], min(high + 20, 6000))})
    page.wait_for_timeout(1_000)


def save(page: Page, path: Path) -> None:
    """Write what is seen as WebP."""
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(path, "WEBP", quality=QUALITY, method=6)
    print(f"{path} ({path.stat().st_size / 1e3:.0f} kB)", flush=True)


if __name__ == "__main__":
    main()
