"""How evaluating grows with the archive: `python benchmarks/evaluate_scale.py --rows 1,5,20`.

Makes a scores dataset in the layout of the real writer (parts of 1,024 rows, sorted by place and time, every
media labelled, sequences of three, two cameras interleaved at some locations, 1 in 500 failed). Evaluates
it at each size, in millions of rows, in a process of its own on two cores. Prints seconds, rows a second and
peak memory of each, and what one row costs against the smallest size. `--keep FOLDER` keeps the scores.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.files.scores import ChunkStats, RunIdentity, begin_run, finish_run, write_chunk
from blanktrap.files.storage import Storage

NUM_CORES = 2
CHUNK_SIZE = 1024
MEDIA_PER_LOCATION = 8_192
SPECIES = ("deer", "boar", "fox", "zebra", "porcupine", "aardvark", "serval", "rodent")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", default="1,5,20", help="sizes in millions of rows")
    parser.add_argument("--keep", type=Path, help="folder for the scores (default: a temporary one)")
    parser.add_argument("--min-recall", type=float, help="choose a promised cutoff as well")
    parser.add_argument("--child", nargs=2, metavar=("SCORES", "REPORT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        evaluate(*arguments.child, arguments.min_recall)
        return
    sizes = sorted(round(float(size) * 1e6) for size in arguments.rows.split(","))
    with TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        run(folder, sizes, [] if arguments.min_recall is None else [f"--min-recall={arguments.min_recall}"])


def run(folder: Path, sizes: list[int], flags: list[str]) -> None:
    """Make the datasets, evaluate each, print a table."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:NUM_CORES])
    largest = folder / f"scores-{sizes[-1]}"
    started = time.monotonic()
    make_scores(largest, sizes[-1])
    for size in sizes[:-1]:
        link_scores(largest, folder / f"scores-{size}", size)
    print(f"made {sizes[-1]:,} rows in {time.monotonic() - started:.0f} s", flush=True)
    print(f"{'rows':>12}{'seconds':>10}{'rows/s':>12}{'peak MiB':>10}{'s per million':>15}{'growth':>8}")
    first = None
    for size in sizes:
        scores, report = folder / f"scores-{size}", folder / f"report-{size}"
        command = [sys.executable, __file__, "--child", str(scores), str(report), *flags]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        each = found["seconds"] / size * 1e6
        first = first or each
        print(
            f"{size:>12,}{found['seconds']:>10.1f}{size / found['seconds']:>12,.0f}"
            f"{found['peak_mib']:>10,.0f}{each:>15.2f}{each / first:>8.2f}",
            flush=True,
        )


def evaluate(scores: str, report: str, min_recall: float | None) -> None:
    """Evaluate in this process, and say what it took."""
    from blanktrap.files.evaluating import evaluate_scores

    started = time.monotonic()
    config = EvaluateConfig(min_recall=min_recall)
    found = evaluate_scores(scores, report, config=config, storage=Storage(), overwrite=True)
    seconds = time.monotonic() - started
    assert found.measured_on.num_media + found.measured_on.num_not_scored == found.archive.num_media
    assert "ray" not in sys.modules
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib}))


def identity_of(num_media: int) -> RunIdentity:
    return RunIdentity(
        manifest_digest="sha256:scale",
        num_media=num_media,
        model_id="drawn at random",
        chunk_size=CHUNK_SIZE,
        precision="float32",
        max_pixels=1,
        max_bytes=1,
    )


def make_scores(folder: Path, num_media: int) -> None:
    """Write a complete dataset; one that is there already stays."""
    if (folder / "_SUCCESS").exists():
        return
    storage, identity = Storage(), identity_of(num_media)
    run = begin_run(
        storage, str(folder), identity, {"model": {"model_id": "drawn", "training_locations": []}}
    )
    blocks = np.array_split(np.arange(identity.num_chunks), 64)
    with ProcessPoolExecutor(NUM_CORES) as pool:
        found = pool.map(write_chunks, [str(folder)] * len(blocks), blocks, [num_media] * len(blocks))
        finish_run(storage, run, {stats.chunk: stats for block in found for stats in block})


def link_scores(largest: Path, folder: Path, num_media: int) -> None:
    """The first rows of a dataset as a dataset of its own, without writing them twice."""
    if (folder / "_SUCCESS").exists():
        return
    storage, identity = Storage(), identity_of(num_media)
    run = begin_run(
        storage, str(folder), identity, {"model": {"model_id": "drawn", "training_locations": []}}
    )
    num_whole = num_media // CHUNK_SIZE
    for chunk in range(num_whole):
        name = f"part-{chunk:08d}.parquet"
        (folder / name).hardlink_to(largest / name)
    stats = begin_run(storage, str(folder), identity, {}).finished_stats
    written = write_chunks(str(folder), np.arange(num_whole, identity.num_chunks), num_media)
    finish_run(storage, run, {**stats, **{one.chunk: one for one in written}})


def write_chunks(folder: str, chunks: np.ndarray, num_media: int) -> list[ChunkStats]:
    """Write some parts; each is the same whoever writes it."""
    storage, identity, written = Storage(), identity_of(num_media), []
    for chunk in chunks:
        start, stop = identity.span(int(chunk))
        table = make_rows(start, stop)
        stats = ChunkStats(
            chunk=int(chunk),
            num_media=stop - start,
            counts=dict(Counter(table.column("status").to_pylist())),
            bytes_read=0,
            fetch_s=0,
            decode_s=0,
            device_s=0,
            number_formats={},
            finished=0,
        )
        write_chunk(storage, folder, table, stats)
        written.append(stats)
    return written


def make_rows(start: int, stop: int) -> pa.Table:
    """Rows of the manifest's order; what a row holds depends on its number alone."""
    row = np.arange(start, stop)
    generator = np.random.default_rng(start)
    location = row // MEDIA_PER_LOCATION
    # Two cameras at every other location: their sequences interleave frame by frame.
    place = row % MEDIA_PER_LOCATION
    alone = location % 2 == 0
    sequence = np.where(alone, place // 3, place // 6 * 2 + place % 2)
    easy = np.random.default_rng(7).normal(0.0, 1.0, 1_000_000)[location % 1_000_000]
    animal = np.random.default_rng(11).random(1_000_000)[(location * 7919 + sequence) % 1_000_000] < 0.3
    is_nonblank = animal & (generator.random(row.size) < 0.9)
    logit = np.where(is_nonblank, 2.5 + easy, -2.5 + 0.5 * easy) + generator.normal(0.0, 1.5, row.size)
    is_ok = generator.random(row.size) >= 0.002
    names = pc.binary_join_element_wise("site-", text(location, 6), "")
    path = pc.binary_join_element_wise(names, text(row, 9), "/")
    species = pa.array(SPECIES).take(pa.array(row % len(SPECIES)))
    # Species lists: one name for a nonblank media, none for a blank one.
    offsets = pa.array(np.append(0, np.cumsum(is_nonblank)).astype(np.int32))
    columns = {
        "media_id": path,
        "uri": pc.binary_join_element_wise("s3://archive/", path, ""),
        "size_bytes": 900_000 + row % 400_000,
        "location_id": names,
        "deployment_id": names,
        "sequence_id": pc.binary_join_element_wise(names, text(sequence, 7), "/"),
        "frame_num": (place % 3).astype(np.int16),
        "timestamp": pa.array(1_600_000_000_000 + row * 1000, pa.int64()).cast(pa.timestamp("ms")),
        "status": np.where(is_ok, "ok", "unreadable"),
        "error": pa.array(np.where(is_ok, None, "truncated"), pa.string()),
        "p_nonblank": pa.array((1.0 / (1.0 + np.exp(-logit))).astype(np.float32), mask=~is_ok),
        "width_px": np.full(row.size, 2048, np.int32),
        "height_px": np.full(row.size, 1536, np.int32),
        "brightness": generator.random(row.size).astype(np.float32),
        "is_night": generator.random(row.size) < 0.4,
        "model_id": np.full(row.size, "drawn"),
        "label": np.where(is_nonblank, "nonblank", "blank"),
        "label_level": np.full(row.size, "media"),
        "species": pa.ListArray.from_arrays(offsets, species.filter(pa.array(is_nonblank))),
        "split": pa.nulls(row.size, pa.string()),
    }
    arrays = [
        columns[field.name].cast(field.type)
        if isinstance(columns[field.name], pa.Array)
        else pa.array(columns[field.name]).cast(field.type)
        for field in SCORES_SCHEMA
    ]
    return pa.table(arrays, schema=SCORES_SCHEMA)


def text(numbers: np.ndarray, width: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")


if __name__ == "__main__":
    main()
