"""What comparing media with their place costs when scoring: `python benchmarks/background_throughput.py`.

600 JPEGs of 2048 x 1536, of three places with 200 each, at 500 x 375 through ResNet34, scored by `blanktrap
score` with a model that looks at single images and with one that looks at the background of the place. Each
run is a process of its own; the two take turns, so that both see the same machine.

"whole" is the wall time, Ray's start included. With a background large pieces end together, so there is no
steady speed to be told from a few hundred images. "read twice" are neighbours that another task scores.
Memory is the sum of the proportional set sizes of all processes of a run, in runs of their own, with the
images once and several times over.

`--core` measures instead the processor time that one core takes for some of the images, decoded, compared and
scored as a piece is, without Ray: others who use the machine change it little.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from score_throughput import HEIGHT_PX, ROOT, WIDTH_PX, run_measured
from score_ways import save_random_model

from blanktrap.core.pieces import MOST_EXTRA_SHARE

BACKGROUNDS = ("none", "location")
NUM_PLACES, FRAMES = 3, 3
LEAST_RATIO = 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3, help="times each is measured")
    parser.add_argument("--memory-factor", type=int, default=4, help="the longer memory run; 0: none")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".bench" / "background", help="images and results"
    )
    parser.add_argument("--core", action="store_true", help="processor time of one core, without Ray")
    parser.add_argument("--one", nargs=2, metavar=("BACKGROUND", "MANIFEST"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    if arguments.one:
        print(json.dumps(score_once(folder, *arguments.one)))
        return
    make_archive(folder, arguments.images, arguments.memory_factor)
    if arguments.core:
        print_core(measure_core(folder, arguments.rounds, arguments.images))
        return
    measured: dict[str, list[dict[str, Any]]] = {background: [] for background in BACKGROUNDS}
    for _ in range(arguments.rounds):
        for background in BACKGROUNDS:
            found = run_once(folder, background, "archive1")
            measured[background].append(found)
            print(background, json.dumps(found), file=sys.stderr, flush=True)
    memory = {}
    if arguments.memory_factor:
        for factor in (1, arguments.memory_factor):
            found = run_once(folder, "location", f"archive{factor}", watch=True)
            memory[factor * arguments.images] = found["peak_bytes"]
    figures = summarise(measured, memory)
    print_figures(figures, arguments.images)
    (folder / "background_throughput.json").write_text(json.dumps(figures, indent=1))


def make_archive(folder: Path, num_images: int, factor: int) -> None:
    """Draw noisy photographs of a few places, their manifests, and two models; images that stand are kept."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    per_place = -(-num_images // NUM_PLACES)
    for number in range(num_images):
        place, turn = divmod(number, per_place)
        path = folder / "images" / f"{number:05d}.jpg"
        if not path.exists():
            coarse = np.random.default_rng(place).integers(30, 220, (48, 64, 3), dtype=np.uint8)
            smooth = Image.fromarray(coarse).resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC)
            chance = np.random.default_rng([place, number])
            grain = chance.normal(0.0, 13.0, (HEIGHT_PX, WIDTH_PX, 3))
            pixels = np.asarray(smooth, np.float32) * chance.uniform(0.9, 1.1) + grain
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path, "JPEG", quality=90)
        sequence = turn // FRAMES
        taken = datetime(2024, 5, 1) + timedelta(minutes=40 * sequence, seconds=turn % FRAMES)
        rows.append((path, place, sequence, taken))
    for times in {1, factor} - {0}:
        several = [(copy, *row) for copy in range(times) for row in rows]
        table = pa.table(
            {
                "media_id": [f"{copy}/{path.name}" for copy, path, *_ in several],
                "uri": [str(path) for _, path, *_ in several],
                "location_id": [f"{copy}-{place}" for copy, _, place, *_ in several],
                "sequence_id": [f"{copy}-{place}-{sequence}" for copy, _, place, sequence, _ in several],
                "timestamp": pa.array([taken for *_, taken in several], pa.timestamp("ms")),
            }
        )
        pq.write_table(table, folder / f"archive{times}.parquet")
    for background in BACKGROUNDS:
        save_random_model(folder / f"model-{background}", width_px=500, height_px=375, background=background)


def score_once(folder: Path, background: str, name: str) -> dict[str, Any]:
    """One run of what `blanktrap score` calls, in this process."""
    from blanktrap.core.config import ScoreConfig
    from blanktrap.engines.scoring import score_manifest
    from blanktrap.files.manifest import open_manifest
    from blanktrap.files.storage import Storage

    storage, out = Storage(), folder / "scores"
    manifest = str(folder / f"{name}.parquet")
    num_media = open_manifest(storage, manifest).num_media
    shutil.rmtree(out, ignore_errors=True)
    run = score_manifest(
        manifest,
        str(folder / f"model-{background}"),
        str(out),
        config=ScoreConfig(),
        storage=storage,
    )
    assert run["counts"]["ok"] == num_media
    told = run.get("background", {})
    assert not told.get("num_without"), f"{told['num_without']} media had no background"
    return {
        "decode_ms": 1e3 * run["decode_s"] / num_media,
        "device_ms": 1e3 * run["device_s"] / num_media,
        "compare_ms": 1e3 * told.get("compare_s", 0.0) / num_media,
        "extra_share": told.get("extra_share", 0.0),
    }


def measure_core(folder: Path, rounds: int, num_images: int) -> dict[str, list[float]]:
    """Milliseconds of processor time an image, by background, one a round; the two take turns."""
    import torch

    from blanktrap.core.config import DecodeLimits
    from blanktrap.engines.pieces import Span
    from blanktrap.engines.sources import MediaSource, pixels_of
    from blanktrap.files.manifest import open_manifest
    from blanktrap.files.storage import Storage
    from blanktrap.vision.scorer import Scorer

    torch.set_num_threads(1)
    storage = Storage()
    manifest = open_manifest(storage, str(folder / "archive1.parquet"))
    scorers = {one: Scorer.load(storage, str(folder / f"model-{one}"), device="cpu") for one in BACKGROUNDS}
    found: dict[str, list[float]] = {one: [] for one in BACKGROUNDS}
    for turn in range(rounds + 1):
        for background, scorer in scorers.items():
            source = MediaSource(
                storage=storage,
                preprocessing=scorer.preprocessing,
                limits=DecodeLimits(),
                batch_size=32,
                fetch_threads=8,
            )
            started = time.process_time()
            rows = manifest.read_rows(storage, 0, num_images)
            for table in source.read_span(Span(0, num_images), rows, 0):
                scorer.look_at(pixels_of(table, scorer.preprocessing)[0])
            if turn:  # the first one warms up
                found[background].append(1e3 * (time.process_time() - started) / num_images)
    return found


def print_core(found: dict[str, list[float]]) -> None:
    """Print milliseconds an image and the ratio of the two speeds."""
    for background, each in found.items():
        rounds = ", ".join(f"{one:.1f}" for one in each)
        print(f"{background:<12}{statistics.median(each):>8.1f} ms of one core an image (rounds: {rounds})")
    ratios = [one / other for one, other in zip(found["none"], found["location"], strict=True)]
    print(f"ratio of speeds {statistics.median(ratios):.3f}   (aim: at least {LEAST_RATIO})")


def run_once(folder: Path, background: str, name: str, *, watch: bool = False) -> dict[str, Any]:
    """Run `score_once` in a process of its own; with `watch` its family's memory is sampled each second."""
    arguments = [str(Path(__file__)), "--folder", str(folder), "--one", background, name]
    return run_measured(arguments, f"scoring with background {background}", watch=watch)


def summarise(measured: dict[str, list[dict[str, Any]]], memory: dict[int, int]) -> dict[str, Any]:
    """Medians of each, and the ratio of the two of each round."""
    names = [name for name in measured["none"][0] if name != "peak_bytes"]
    medians = {
        background: {name: statistics.median(one[name] for one in found) for name in names}
        for background, found in measured.items()
    }
    pairs = zip(measured["location"], measured["none"], strict=True)
    return {
        "num_cores": os.cpu_count(),
        "medians": medians,
        "ratios": [other["wall_s"] / one["wall_s"] for one, other in pairs],
        "peak_memory_bytes": memory,
    }


def print_figures(figures: dict[str, Any], num_images: int) -> None:
    """Print what was measured, one model a line, then the ratio, what was read twice and the memory."""
    print(f"\n{num_images} images of {NUM_PLACES} places, {figures['num_cores']} cores")
    print(f"{'background':<12}{'whole, s':>10}{'images/s':>10}{'ms an image: decode':>21}", end="")
    print(f"{'compare':>9}{'network':>9}")
    for background, found in figures["medians"].items():
        print(
            f"{background:<12}{found['wall_s']:>10.1f}{num_images / found['wall_s']:>10.1f}"
            f"{found['decode_ms']:>21.1f}{found['compare_ms']:>9.1f}{found['device_ms']:>9.1f}"
        )
    each = ", ".join(f"{ratio:.3f}" for ratio in figures["ratios"])
    ratio = statistics.median(figures["ratios"])
    print(f"ratio {ratio:.3f} (rounds: {each})   (aim: at least {LEAST_RATIO})")
    extra = figures["medians"]["location"]["extra_share"]
    print(f"read twice {100 * extra:.2f} %   (aim: below {100 * MOST_EXTRA_SHARE:.0f} %)")
    for number, peak_bytes in figures["peak_memory_bytes"].items():
        print(f"peak memory with {number:,} images: {peak_bytes / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
