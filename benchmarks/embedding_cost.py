"""What `score --embeddings` costs: `python benchmarks/embedding_cost.py --rows 50000`.

The network computes its features for every score; keeping them means a column that is built, sent on, written
and stored. A model without training looks at drawn scenes, and what it sees is written as parts of 1,024
rows, with and without the column. Printed are bytes a row, and processor time a row of writing, and of
reading the scores alone (as all readers but `suggest` do), beside that of one forward pass at 500 by 375
pixels: processor time, so that other work on the machine does not count. What Ray takes to send the column on
is not in it.
"""

import argparse
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import torch
from evaluate_scale import CHUNK_SIZE, make_rows

from blanktrap.core.config import Preprocessing
from blanktrap.core.schemas import EMBEDDING, embedding_column
from blanktrap.files.parquet import read_parquet
from blanktrap.files.scores import ChunkStats, write_chunk
from blanktrap.files.storage import Storage
from blanktrap.vision.drawing.scenery import draw_scenery
from blanktrap.vision.drawing.scenes import Moment, draw_frame
from blanktrap.vision.network import build_network
from blanktrap.vision.scorer import Scorer

STORAGE = Storage()
NOON = Moment(taken=datetime(2024, 5, 1, 12), cloud=0.2, wind=0.5, seed=1)
COLUMNS = ["media_id", "status", "p_nonblank"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000, help="rows to write, with and without features")
    parser.add_argument("--scenes", type=int, default=32, help="drawn scenes that features are taken of")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    features, forward_s = seen(arguments.scenes)
    print(f"one forward pass: {forward_s * 1e3:.1f} ms of one core an image, features included")
    with TemporaryDirectory() as folder:
        for name, kept in (("without", None), ("with", features)):
            num_bytes, written_s, read_s = cost(Path(folder) / name, arguments.rows, kept)
            print(
                f"{name:<8} features: {num_bytes:,.0f} bytes a row, written in {written_s * 1e6:.1f} µs, "
                f"scores read in {read_s * 1e6:.2f} µs a row"
            )


def seen(num_scenes: int) -> tuple[np.ndarray, float]:
    """Features of drawn scenes, shape (num_scenes, 512), and processor seconds of a forward pass."""
    pixels = np.stack(
        [
            np.asarray(
                draw_frame(draw_scenery((0, number), width_px=500, height_px=375, difficulty=0.3), NOON).image
            )
            for number in range(num_scenes)
        ]
    )
    scorer = Scorer(build_network("none"), Preprocessing(), device="cpu")
    scorer.look_at(pixels[:8])
    started = time.process_time()
    features = scorer.look_at(pixels).features
    return features, (time.process_time() - started) / num_scenes


def cost(folder: Path, num_rows: int, features: np.ndarray | None) -> tuple[float, float, float]:
    """Bytes, and processor seconds of writing and of reading, a row."""
    generator, written_s, read_s, num_bytes = np.random.default_rng(0), 0.0, 0.0, 0
    for chunk, start in enumerate(range(0, num_rows, CHUNK_SIZE)):
        rows = make_rows(start, min(start + CHUNK_SIZE, num_rows))
        mine = None
        if features is not None:
            # Other images, as far as rounding is concerned: copies of a few rows would pack too well.
            mine = features[generator.integers(0, len(features), rows.num_rows)].astype(np.float32)
            mine = (mine * generator.normal(1.0, 0.2, mine.shape)).astype(np.float16)
        written_s += timed(partial(write, folder, chunk, rows, mine))
        path = folder / f"part-{chunk:08d}.parquet"
        num_bytes += path.stat().st_size
        read_s += timed(partial(read_parquet, path.read_bytes(), COLUMNS))
    return num_bytes / num_rows, written_s / num_rows, read_s / num_rows


def timed(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def write(folder: Path, chunk: int, rows: pa.Table, features: np.ndarray | None) -> None:
    if features is not None:
        is_there = rows.column("p_nonblank").is_valid().to_numpy()
        rows = rows.append_column(EMBEDDING, embedding_column(features, is_there=is_there))
    stats = ChunkStats(
        chunk=chunk,
        num_media=rows.num_rows,
        counts={},
        number_formats={},
        bytes_read=0,
        fetch_s=0,
        decode_s=0,
        device_s=0,
        finished=0,
    )
    write_chunk(STORAGE, str(folder), rows, stats)


if __name__ == "__main__":
    main()
