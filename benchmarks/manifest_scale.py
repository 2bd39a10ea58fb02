"""Measures `index` and `select` on millions of rows: `python benchmarks/manifest_scale.py --rows 10000000`.

A list of URIs and a table of labels, both Parquet, are made in a temporary folder: 225 locations, rolls of
2,000 sequences of three frames, 75 % blank, 48 species of very different frequency, labels given to whole
sequences. Then `index` joins the two, and `select` splits the manifest by location, and once
more with a balanced choice of 3,200 media. Each step is a process of its own: its seconds, its peak memory
(DuckDB is part of the process) and the most that its temporary folder held are printed. No image is read.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
NUM_LOCATIONS = 225
NUM_SPECIES = 48
CHUNK = 999_999
STEPS = ("index", "select", "select, balanced")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="for everything made (default: TMPDIR)")
    parser.add_argument("--out", type=Path, default=None, help="write the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="blanktrap-scale-", dir=arguments.folder) as name:
        folder = Path(name)
        started = time.perf_counter()
        make_tables(folder, arguments.rows)
        print(f"made {arguments.rows:,} rows in {time.perf_counter() - started:.0f} s", flush=True)
        figures = {step: run_step(step, folder, arguments.rows) for step in STEPS}
    text = json.dumps({"num_rows": arguments.rows, "num_cores": os.cpu_count(), "steps": figures}, indent=1)
    if arguments.out is not None:
        arguments.out.write_text(text)


def make_tables(folder: Path, num_rows: int) -> None:
    """Write `list.parquet` and `labels.parquet`."""
    chance = np.random.default_rng(0)
    blank_shares = chance.uniform(0.5, 0.95, NUM_LOCATIONS)
    weights = 1.0 / np.arange(1, NUM_SPECIES + 1)
    writers: list[pq.ParquetWriter] = []
    for start in range(0, num_rows, CHUNK):
        rows = np.arange(start, min(start + CHUNK, num_rows))
        tables = _tables(rows, num_rows, blank_shares, weights / weights.sum(), chance)
        if not writers:
            names = ("list.parquet", "labels.parquet")
            writers = [
                pq.ParquetWriter(folder / one, table.schema) for one, table in zip(names, tables, strict=True)
            ]
        for writer, table in zip(writers, tables, strict=True):
            writer.write_table(table)
    for writer in writers:
        writer.close()


def _tables(
    rows: np.ndarray,
    num_rows: int,
    blank_shares: np.ndarray,
    species_shares: np.ndarray,
    chance: np.random.Generator,
) -> tuple[pa.Table, pa.Table]:
    """Some rows of the list of URIs and of the labels, sequences whole."""
    sequences = rows // 3
    locations = sequences * NUM_LOCATIONS // (num_rows // 3 + 1)
    rolls = sequences // 2000
    first = sequences - sequences[0]
    is_blank = (
        chance.random(first[-1] + 1)
        < blank_shares[locations[np.searchsorted(sequences, np.unique(sequences))]]
    )[first]
    species = chance.choice(NUM_SPECIES, first[-1] + 1, p=species_shares)[first]
    # A sequence every 21 minutes, so that nights and days take turns at every location.
    times = np.datetime64("2010-07-01", "s") + sequences * 1260 + rows % 3
    texts = [pa.array(column).cast(pa.string()) for column in (locations, rolls, sequences, rows)]
    location = pc.binary_join_element_wise("L", texts[0], "")
    roll = pc.binary_join_element_wise(location, texts[1], "_R")
    path = pc.binary_join_element_wise(location, roll, pc.binary_join_element_wise("PICT", texts[3], ""), "/")
    path = pc.binary_join_element_wise(path, ".JPG", "")
    labels = {
        "path": path,
        "label": pc.if_else(pa.array(is_blank), "blank", "nonblank"),
        "species": pc.if_else(
            pa.array(is_blank),
            None,
            pc.binary_join_element_wise("species", pa.array(species).cast(pa.string()), " "),
        ),
        "level": pa.repeat("sequence", rows.size),
        "location": location,
        "deployment": roll,
        "datetime": pa.array(times).cast(pa.string()),
        "sequence": pc.binary_join_element_wise("SER", texts[2], "#"),
        "frame": pa.array(rows % 3),
    }
    uris = pc.binary_join_element_wise("s3://archive", path, "/")
    return pa.table({"uri": uris}), pa.table(labels)


def run_step(step: str, folder: Path, num_rows: int) -> dict[str, Any]:
    """Run one command in a process of its own and measure it."""
    index = ["index", f"{folder}/list.parquet", "--annotations", f"{folder}/labels.parquet"]
    commands = {
        "index": [*index, "--out", f"{folder}/manifest"],
        "select": ["select", f"{folder}/manifest", "--out", f"{folder}/split"],
        "select, balanced": [
            *("select", f"{folder}/manifest", "--out", f"{folder}/balanced"),
            *("--num-images", "3200", "--min-species", "3", "--max-per-location", "100"),
        ],
    }
    spill = folder / "temporary"
    spill.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(spill), "PYTHONPATH": str(ROOT)}
    log = folder / "log.txt"
    started = time.perf_counter()
    with log.open("w") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "blanktrap", *commands[step]],
            stdout=printed,
            stderr=printed,
            env=environment,
        )
        most_bytes = 0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            most_bytes = max(most_bytes, _size_of(spill))
            time.sleep(0.5)
    wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{step} failed:\n{log.read_text()}")
    figures = {
        "seconds": wall_s,
        "rows_per_s": num_rows / wall_s,
        "peak_memory_gib": usage.ru_maxrss / 2**20,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "temporary_gib": most_bytes / 2**30,
    }
    print(
        f"{step}: {num_rows:,} rows in {wall_s:.0f} s, {figures['rows_per_s']:,.0f} rows/s, "
        f"peak {figures['peak_memory_gib']:.2f} GiB, {figures['temporary_gib']:.1f} GiB of temporary disk",
        flush=True,
    )
    for line in log.read_text().splitlines():
        if not line.startswith(("listed", "read", "wrote")):
            print(f"  {line}", flush=True)
    return figures


def _size_of(folder: Path) -> int:
    """Bytes in a folder whose files come and go."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


if __name__ == "__main__":
    main()
