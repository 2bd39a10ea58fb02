"""The pictures in docs/images: `python -m benchmarks.dashboard_pictures archive`.

Draws an archive of 300 images into the folder, makes up a score for each (no model is trained: the pictures
show pages, not results) and a sample of errors to review, opens the pages of the dashboard in Chromium, and
writes WebP pictures of 1280 by 800 pixels. A folder that `blanktrap demo` wrote is taken as it is, with its
model and the heatmaps of its worst errors. To look at every page, `--check FOLDER` writes whole ones there
instead: light, dark, for a laptop and for a tablet.
"""

import argparse
import io
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from playwright.sync_api import Page

from benchmarks.dashboard_browser import PATIENCE_MS, browsing, open_at, serving, settle
from blanktrap.core.config import ArchiveConfig, IndexConfig
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from blanktrap.files.scores import ChunkStats, RunIdentity, begin_run, finish_run, write_chunk
from blanktrap.files.storage import Storage
from blanktrap.vision.drawing.archive import draw_archive
from dashboard.navigation import FIRST, PAGES

DOCS = Path(__file__).parents[1] / "docs" / "images"
LAPTOP, TABLET = (1280, 800), (834, 1112)
QUALITY = 80
NUM_IMAGES, CUTOFF = 300, 0.4
MODEL = {"model_id": "made up", "training_locations": []}
STORAGE = Storage()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("archive", type=Path, help="new, or a folder with an archive and its scores")
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
        names = prepare(arguments.archive.resolve(), within)
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


def prepare(folder: Path, within: Path) -> list[str]:
    """Make what the pages show; the names to open, relative to `within`."""
    if not (folder / "scores" / "_SUCCESS").exists():
        make_up(folder)
    for name in ("archive", "scores", "model"):
        (within / name).symlink_to(folder / name)
    call(within, "evaluate", "scores", "--out", "report", "--cutoff", str(CUTOFF), "--sample-errors", "20:20")
    if not (folder / "model").exists():
        return ["report", "scores"]
    call(within, "explain", "model", "--scores", "scores", "--worst", "12", "--out", "heatmaps")
    return ["report", "scores", "model", "heatmaps"]


def make_up(folder: Path) -> None:
    """An archive, and scores that know its labels all too well."""
    drawn = ArchiveConfig(num_images=NUM_IMAGES, num_locations=8)
    draw_archive(folder / "archive", drawn)
    build_manifest(
        [str(folder / "archive")],
        str(folder / "manifest"),
        annotations=[str(folder / "archive" / "annotations.json")],
        inventory=None,
        config=IndexConfig(),
        storage=STORAGE,
    )
    table = pa.concat_tables(open_manifest(STORAGE, str(folder / "manifest")).iter_tables(STORAGE))
    chance = np.random.default_rng(0)
    rows = [made_up_row(row, chance) for row in table.to_pylist()]
    identity = RunIdentity(
        manifest_digest="made up",
        num_media=len(rows),
        model_id="made up",
        chunk_size=32,
        precision="float32",
        max_pixels=1,
        max_bytes=1,
    )
    run = begin_run(STORAGE, str(folder / "scores"), identity, {"model": MODEL, "versions": {}})
    written = {}
    for chunk in range(identity.num_chunks):
        part = rows[slice(*identity.span(chunk))]
        written[chunk] = ChunkStats(
            chunk=chunk,
            num_media=len(part),
            counts=dict(Counter(row["status"] for row in part)),
            number_formats={},
            bytes_read=0,
            fetch_s=0,
            decode_s=0,
            device_s=0,
            finished=0,
        )
        write_chunk(STORAGE, run.location, pa.Table.from_pylist(part, schema=SCORES_SCHEMA), written[chunk])
    finish_run(STORAGE, run, written)


def made_up_row(row: dict[str, Any], chance: np.random.Generator) -> dict[str, Any]:
    """A manifest's row as one of scores: what a look at the image says, and a score by its label."""
    kept = {name: row.get(name) for name in SCORES_SCHEMA.names} | {"model_id": "made up"}
    score = chance.beta(4, 2) if row["label"] == "nonblank" else chance.beta(1, 5)
    try:
        pixels = np.asarray(Image.open(row["uri"]).convert("RGB"), dtype=np.float32) / 255.0
    except OSError:
        return kept | {"status": "unreadable", "error": "damaged", "p_nonblank": None}
    return kept | {
        "status": "ok",
        "p_nonblank": np.float32(score),
        "width_px": pixels.shape[1],
        "height_px": pixels.shape[0],
        "brightness": float(pixels.mean()),
        "is_night": bool(pixels.std(axis=2).mean() < 0.02),
    }


def call(within: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "blanktrap", *arguments], cwd=within, check=True)


def show(page: Page, address: str, name: str, within: Path) -> None:
    """Open a page at something worth looking at."""
    queries = {"gallery": "?show=missed", "closer": f"?media={quote(looked_at(within))}"}
    where = {FIRST: "", "closer": "gallery"}.get(name, name)
    open_at(page, f"{address}/{where}{queries.get(name, '')}")
    if name == "review":
        page.get_by_label("Your name").fill("Ana")
        page.keyboard.press("Enter")
        page.get_by_text("image 1 of").wait_for()
    settle(page)
    page.evaluate("() => Promise.all([...document.images].map(image => image.decode().catch(() => null)))")
    page.wait_for_timeout(1_000)  # charts come in softly


def looked_at(within: Path) -> str:
    """A media of a sequence; with a heatmap, where there are some."""
    if (within / "heatmaps").exists():
        there = pq.read_table(within / "heatmaps" / "heatmaps.parquet", columns=["media_id"])
        return str(there.column("media_id")[0].as_py())
    rows = pq.read_table(within / "scores" / "part-00000000.parquet").to_pylist()
    shared = Counter(row["sequence_id"] for row in rows if row["label"] == "nonblank")
    return next(str(row["media_id"]) for row in rows if shared[row["sequence_id"]] > 2)


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
