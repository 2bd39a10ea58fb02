"""Measures scoring against other ways to do it: `make bench`, or `python benchmarks/score_throughput.py`.

600 JPEGs of 2048 x 1536 at 500 x 375 through ResNet34, each way in a process of its own, alternating:

  a  blanktrap score from a folder                     c  Ray's image tutorial, float32
  b  blanktrap score from a local S3 server            d  torch DataLoader with two workers, float32
  e  the ceiling: images/s of one core that decodes and scores, times cores

"whole" is the wall time of the process, Ray's start included; "steady" the speed between 10 % and 90 % of
the images. The S3 server runs on the same cores; its share of them is printed. Memory is the sum of the
proportional set sizes (PSS) of all processes of a run, sampled each second, in runs of their own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from s3_server import S3Server

ROOT = Path(__file__).resolve().parent.parent
WAYS = Path(__file__).with_name("score_ways.py")
WIDTH_PX, HEIGHT_PX = 2048, 1536


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=2, help="times each way is measured")
    parser.add_argument("--ways", default="abcde", help="those to measure")
    parser.add_argument("--memory-factor", type=int, default=10, help="the longer memory run; 0: none")
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench", help="images and results")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    make_images(folder / "images", arguments.images)
    run_way("prepare", folder)
    with S3Server() as server:
        os.environ.update(server.environment())
        run_way("upload", folder)
        measured: dict[str, list[dict[str, float]]] = {way: [] for way in arguments.ways}
        for _ in range(arguments.rounds):
            for way in arguments.ways:
                before = server.cpu_s()
                found = run_way(way, folder)
                found["server_cpu_share"] = (server.cpu_s() - before) / found["wall_s"] / os.cpu_count()
                measured[way].append(found)
                print(way, json.dumps(found), file=sys.stderr, flush=True)
        memory = {}
        if arguments.memory_factor:
            for factor in (1, arguments.memory_factor):
                memory[factor * arguments.images] = run_way(f"memory{factor}", folder, watch=True)[
                    "peak_bytes"
                ]
    figures = summarise(measured, memory, arguments.images)
    print_table(figures)
    (folder / "score_throughput.json").write_text(json.dumps(figures, indent=1))


def make_images(folder: Path, num_images: int) -> None:
    """Draw noisy photographs of about 1.2 MB; those that stand are kept."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(num_images):
        path = folder / f"IMG_{number:04d}.JPG"
        if path.exists():
            continue
        random = np.random.default_rng(number)
        coarse = Image.fromarray(random.integers(30, 220, (12, 16, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC), np.float32)
        grain = random.normal(0.0, 13.0, (HEIGHT_PX, WIDTH_PX, 3)).astype(np.float32)
        image = Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))
        image.save(path, "JPEG", quality=90)


def run_way(way: str, folder: Path, *, watch: bool = False) -> dict[str, Any]:
    """Run one way in a process of its own; see `run_measured`."""
    return run_measured([str(WAYS), way, str(folder)], way, watch=watch)


def run_measured(arguments: list[str], name: str, *, watch: bool = False) -> dict[str, Any]:
    """Run a Python script in a process of its own and return what its last line says, with its wall time.

    With `watch` the memory of its family is sampled each second, else the peak is 0.
    """
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    peak_bytes = 0
    while watch and process.poll() is None:
        peak_bytes = max(peak_bytes, family_bytes(process.pid))
        time.sleep(1.0)
    printed = process.communicate()[0]
    if process.returncode:
        sys.exit(f"{name} failed with status {process.returncode}")
    found: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    return {**found, "wall_s": time.perf_counter() - started, "peak_bytes": peak_bytes}


def family_bytes(pid: int) -> int:
    """Proportional set size of a process and all its descendants: shared memory counts once."""
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in family:
        try:
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended in between
        lines = [line for line in text.splitlines() if line.startswith("Pss:")]
        total += sum(int(line.split()[1]) * 1024 for line in lines)
    return total


def summarise(
    measured: dict[str, list[dict[str, float]]], memory: dict[int, int], num_images: int
) -> dict[str, Any]:
    """Medians of each way, and the ratios that are aimed at."""

    def median(way: str, name: str) -> float:
        return statistics.median(one[name] for one in measured[way])

    ways = {
        way: {
            "steady_images_per_s": median(way, "steady_images_per_s"),
            "whole_s": median(way, "wall_s"),
            "server_cpu_share": median(way, "server_cpu_share"),
        }
        for way in measured
    }
    steady = {way: found["steady_images_per_s"] for way, found in ways.items()}
    aims = {"a/c": 4.0, "a/d": 2.0, "a/e": 0.85, "b/a": 0.9}
    ratios = {
        name: {"reached": steady[name[0]] / steady[name[2]], "aim": aim}
        for name, aim in aims.items()
        if name[0] in steady and name[2] in steady
    }
    return {
        "num_images": num_images,
        "num_cores": os.cpu_count(),
        "ways": ways,
        "ratios": ratios,
        "peak_memory_bytes": memory,
    }


def print_table(figures: dict[str, Any]) -> None:
    """Print what was measured, one way a line, then the ratios and the memory."""
    print(f"\n{figures['num_images']} images, {figures['num_cores']} cores")
    print(f"{'way':<6}{'steady images/s':>17}{'whole, s':>11}{'S3 server, share of cores':>28}")
    for way, found in figures["ways"].items():
        print(
            f"{way:<6}{found['steady_images_per_s']:>17.1f}{found['whole_s']:>11.1f}"
            f"{100 * found['server_cpu_share']:>26.1f} %"
        )
    for name, ratio in figures["ratios"].items():
        print(f"{name:<6}{ratio['reached']:>17.2f}   (aim: at least {ratio['aim']})")
    for num_images, peak_bytes in figures["peak_memory_bytes"].items():
        print(f"peak memory with {num_images:,} images: {peak_bytes / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
