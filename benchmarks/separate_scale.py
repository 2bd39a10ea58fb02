"""How separating grows with the archive: `python benchmarks/separate_scale.py --rows 1,20 --files 20000`.

Makes a scores dataset as `evaluate_scale.py` does and, at each size in millions of rows, plans it
(`--dry-run`) and writes its lists for S3 Batch Operations with their journal, in a process of its own on two
cores. Then makes an archive of small files and links, copies and moves it, and takes each back. Prints
seconds, media a second, peak memory and the size of the journal. `--keep FOLDER` keeps the scores.
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

import pyarrow as pa
import pyarrow.parquet as pq
from evaluate_scale import NUM_CORES, link_scores, make_scores

from blanktrap.core.config import SeparateConfig
from blanktrap.files.separating.run import plan_separation, separate_media
from blanktrap.files.separating.undo import undo_separation
from blanktrap.files.storage import Storage

WAYS = {"dry run": "manifest", "lists": "manifest"}
FILE_BYTES = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", default="1,20", help="sizes in millions of rows")
    parser.add_argument("--files", type=int, default=20_000, help="files to link, copy and move")
    parser.add_argument("--keep", type=Path, help="folder for the scores (default: a temporary one)")
    parser.add_argument("--child", nargs=3, metavar=("WAY", "SCORES", "TO"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        separate(*arguments.child)
        return
    sizes = sorted(round(float(size) * 1e6) for size in arguments.rows.split(",") if size)
    with TemporaryDirectory() as temporary:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:NUM_CORES])
        print(f"{'way':<16}{'media':>12}{'seconds':>10}{'media/s':>12}{'peak MiB':>10}{'journal MB':>12}")
        if sizes:
            run_rows(arguments.keep or Path(temporary), Path(temporary) / "out", sizes)
        run_files(Path(temporary), arguments.files)


def run_rows(folder: Path, to: Path, sizes: list[int]) -> None:
    """Plan and list datasets of several sizes."""
    largest = folder / f"scores-{sizes[-1]}"
    make_scores(largest, sizes[-1])
    for size in sizes[:-1]:
        link_scores(largest, folder / f"scores-{size}", size)
    for way in WAYS:
        for size in sizes:
            measure(way, folder / f"scores-{size}", to, size)
            shutil.rmtree(to, ignore_errors=True)


def run_files(folder: Path, num_files: int) -> None:
    """Link, copy and move an archive of small files, and take each back."""
    scores = folder / "scores"
    make_scores(scores, num_files)
    for part in sorted(scores.glob("part-*.parquet")):
        table = pq.read_table(part)
        paths = [folder / "archive" / name for name in table.column("media_id").to_pylist()]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(path.name.encode().ljust(FILE_BYTES, b"."))
        uris = pa.array([str(path) for path in paths])
        sizes = pa.array([FILE_BYTES] * len(paths), pa.int64())
        for name, column in (("uri", uris), ("size_bytes", sizes)):
            place = table.column_names.index(name)
            table = table.set_column(place, table.schema.field(name), column)
        pq.write_table(table, part)
    for way in ("link", "copy", "move"):
        measure(way, scores, folder / "out", num_files)
        measure(f"{way} undone", scores, folder / "out", num_files)


def measure(way: str, scores: Path, to: Path, num_media: int) -> None:
    """Run one way in a process of its own, and print its line."""
    command = [sys.executable, __file__, "--child", way, str(scores), str(to)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    speed = num_media / found["seconds"]
    print(
        f"{way:<16}{num_media:>12,}{found['seconds']:>10.1f}{speed:>12,.0f}{found['peak_mib']:>10,.0f}"
        f"{found['journal_bytes'] / 1e6:>12,.1f}",
        flush=True,
    )


def separate(way: str, scores: str, to: str) -> None:
    """Separate in this process, and say what it took."""
    started = time.monotonic()
    config = SeparateConfig(cutoff=0.3, review_below=0.6, mode=WAYS.get(way, way.split()[0]))
    if way == "dry run":
        plan_separation(scores, to, config=config, storage=Storage())
    elif way.endswith("undone"):
        assert undo_separation(to, storage=Storage()).history.not_undone.num == 0
    else:
        assert separate_media(scores, to, config=config, storage=Storage()).history.left.num == 0
    journal = Path(to) / "_journal"
    found = {
        "seconds": time.monotonic() - started,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "journal_bytes": sum(path.stat().st_size for path in journal.glob("*")),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
