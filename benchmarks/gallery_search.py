"""How soon the gallery has something to show: `python benchmarks/gallery_search.py --rows 1,20`.

Makes scores datasets as `evaluate_scale.py` does (parts of 1,024 rows, every media labelled) and asks what a
person asks of the gallery, at each size in millions of rows, in a process of its own on two cores. Prints the
seconds until a page of 24 images is there, until all was looked at, and until all was looked at by a second
question of the same kind, and the peak memory. `--keep FOLDER` keeps the scores.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from evaluate_scale import NUM_CORES, link_scores, make_scores

from blanktrap.core.media_filters import MediaFilter, Order, Show
from blanktrap.files.media_search import MediaSearch, ScoredArchive
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage

PAGE = 24
QUESTIONS = {
    "missed, worst first": (MediaFilter(show=Show.MISSED, cutoff=0.2), Order.LOWEST),
    "not scored": (MediaFilter(show=Show.NOT_SCORED), Order.PLACE_TIME),
    "one location of the middle": (MediaFilter(location_id="MIDDLE"), Order.PLACE_TIME),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", default="1,20", help="sizes in millions of rows")
    parser.add_argument("--keep", type=Path, help="folder for the scores (default: a temporary one)")
    parser.add_argument("--child", nargs=2, metavar=("SCORES", "QUESTION"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        ask(*arguments.child)
        return
    sizes = sorted(round(float(size) * 1e6) for size in arguments.rows.split(","))
    with TemporaryDirectory() as temporary:
        run(arguments.keep or Path(temporary), sizes)


def run(folder: Path, sizes: list[int]) -> None:
    """Make the datasets, ask each question of each, print a table."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:NUM_CORES])
    largest = folder / f"scores-{sizes[-1]}"
    make_scores(largest, sizes[-1])
    for size in sizes[:-1]:
        link_scores(largest, folder / f"scores-{size}", size)
    print(
        f"{'rows':>12}  {'question':<28}{'found':>10}{'page s':>8}{'all s':>8}{'again s':>9}{'peak MiB':>10}"
    )
    for size in sizes:
        for question in QUESTIONS:
            command = [sys.executable, __file__, "--child", str(folder / f"scores-{size}"), question]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            times = f"{found['page_s']:>8.2f}{found['all_s']:>8.1f}{found['again_s']:>9.1f}"
            print(
                f"{size:>12,}  {question:<28}{found['found']:>10,}{times}{found['peak_mib']:>7,.0f}",
                flush=True,
            )


def ask(location: str, question: str) -> None:
    """Ask one question twice in this process, and say what it took."""
    wanted, order = QUESTIONS[question]
    started = time.monotonic()
    scores = open_scores(Storage(), location)
    archive = ScoredArchive(Storage(), scores)
    if wanted.location_id is not None:
        middle, _ = archive.bounds_of(archive.num_parts // 2)
        bounds = middle["location_id"]
        assert bounds is not None
        wanted = replace(wanted, location_id=bounds[0])
    search = MediaSearch(archive=archive, wanted=wanted, order=order)
    page_s = None
    while not search.is_done:
        search.advance(0.1)
        if page_s is None and search.num_found >= PAGE:
            search.rows()
            page_s = time.monotonic() - started
    all_s = time.monotonic() - started
    again = MediaSearch(archive=archive, wanted=replace(wanted, cutoff=0.3), order=order)
    started = time.monotonic()
    again.advance(float("inf"))
    print(
        json.dumps(
            {
                "found": search.num_found,
                "page_s": page_s if page_s is not None else all_s,
                "all_s": all_s,
                "again_s": time.monotonic() - started,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
