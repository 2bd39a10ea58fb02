"""How exporting grows with the archive: `python benchmarks/export_scale.py --rows 1,20`.

Makes a scores dataset as `evaluate_scale.py` does (parts of 1,024 rows, sorted by place and time, sequences
of three, two cameras interleaved at some locations, 1 in 500 failed) and exports it in each format, at each
size, in millions of rows, in a process of its own on two cores. Prints seconds, rows a second, peak memory
and the bytes that were written. `--keep FOLDER` keeps the scores, `--formats` chooses some.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evaluate_scale import NUM_CORES, link_scores, make_scores

from blanktrap.core.config import ExportConfig
from blanktrap.files.exporting import export_scores
from blanktrap.files.storage import Storage

WAYS: dict[str, dict[str, Any]] = {
    "megadetector": {"format": "megadetector"},
    "megadetector, by location": {"format": "megadetector", "by_location": True},
    "camtrap-dp": {"format": "camtrap-dp", "timezone": "Europe/Berlin"},
    "camtrap-dp, gzip": {"format": "camtrap-dp", "timezone": "Europe/Berlin", "tables": "gzip"},
    "camtrap-dp, parquet": {"format": "camtrap-dp", "timezone": "Europe/Berlin", "tables": "parquet"},
    "timelapse": {"format": "timelapse"},
    "wildlife-insights": {"format": "wildlife-insights", "project_id": "1"},
    "coco": {"format": "coco"},
    "csv": {"format": "csv"},
    "csv, whole sequences": {"format": "csv", "keep_sequences": True},
    "parquet": {"format": "parquet"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", default="1,20", help="sizes in millions of rows")
    parser.add_argument("--formats", help="some of the ways, separated by semicolons")
    parser.add_argument("--keep", type=Path, help="folder for the scores (default: a temporary one)")
    parser.add_argument("--child", nargs=3, metavar=("SCORES", "OUT", "WAY"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        export(*arguments.child)
        return
    sizes = sorted(round(float(size) * 1e6) for size in arguments.rows.split(","))
    ways = list(WAYS) if arguments.formats is None else [one.strip() for one in arguments.formats.split(";")]
    with TemporaryDirectory() as temporary:
        run(arguments.keep or Path(temporary), sizes, ways)


def run(folder: Path, sizes: list[int], ways: list[str]) -> None:
    """Make the datasets, export each in every way, print a table."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:NUM_CORES])
    largest = folder / f"scores-{sizes[-1]}"
    make_scores(largest, sizes[-1])
    for size in sizes[:-1]:
        link_scores(largest, folder / f"scores-{size}", size)
    print(
        f"{'format':<28}{'rows':>12}{'seconds':>10}{'rows/s':>12}{'peak MiB':>10}{'written MB':>12}",
        flush=True,
    )
    for way in ways:
        for size in sizes:
            out = folder / "out"
            command = [sys.executable, __file__, "--child", str(folder / f"scores-{size}"), str(out), way]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{way:<28}{size:>12,}{found['seconds']:>10.1f}{size / found['seconds']:>12,.0f}"
                f"{found['peak_mib']:>10,.0f}{found['num_bytes'] / 1e6:>12,.0f}",
                flush=True,
            )
            shutil.rmtree(out) if out.is_dir() else out.unlink()


def export(scores: str, out: str, way: str) -> None:
    """Export in this process, and say what it took."""
    started = time.monotonic()
    config = ExportConfig(cutoff=0.3, review_below=0.6, **WAYS[way])
    done = export_scores(scores, out, config=config, storage=Storage())
    seconds = time.monotonic() - started
    assert done.counts.num_media == done.num_expected
    files = [Path(out)] if Path(out).is_file() else list(Path(out).iterdir())
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    num_bytes = sum(path.stat().st_size for path in files)
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib, "num_bytes": num_bytes}))


if __name__ == "__main__":
    main()
