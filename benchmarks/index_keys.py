"""Measures how fast `blanktrap index` lists an S3 bucket: `python benchmarks/index_keys.py --out keys.json`.

A local S3 server (moto, a process of its own) holds small objects in a camera-trap layout. The same bucket
is indexed with many listing requests at once, and listed with boto3's plain paginator, alternating; the
ratio of the two, the peak memory of this process and the number of requests are what to look at. moto is one
Python process on the same cores, so against it requests side by side gain little; with `--latency-ms` every
request waits that long first, as on a network.
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

from s3_server import S3Server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000, help="objects in the bucket")
    parser.add_argument("--rounds", type=int, default=3, help="times each way is measured")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="wait before each answer")
    parser.add_argument("--out", type=Path, default=None, help="write the figures as JSON")
    arguments = parser.parse_args()
    with S3Server(arguments.keys, arguments.latency_ms) as server:
        os.environ.update(server.environment())
        figures = measure(arguments.keys, arguments.rounds)
    figures["latency_ms"] = arguments.latency_ms
    text = json.dumps(figures, indent=1)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text)


def measure(num_keys: int, rounds: int) -> dict[str, float]:
    """Index and list the bucket in turn; seconds are medians."""
    from blanktrap.core.config import IndexConfig
    from blanktrap.files.indexing import build_manifest
    from blanktrap.files.storage import Storage

    storage = Storage()
    listing, total, plain = [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            summary = build_manifest(
                ["s3://archive/S1/"],
                f"{folder}/manifest",
                annotations=[],
                inventory=None,
                config=IndexConfig(path_pattern="{location}/{deployment}/{}"),
                storage=storage,
            )
        if summary.num_media != num_keys:
            raise SystemExit(f"indexed {summary.num_media:,} of {num_keys:,} keys")
        listing.append(summary.listing_s)
        total.append(summary.total_s)
        started = time.monotonic()
        pages = storage.client().get_paginator("list_objects_v2").paginate(Bucket="archive", Prefix="S1/")
        num_plain = sum(len(page["Contents"]) for page in pages)
        plain.append(time.monotonic() - started)
        if num_plain != num_keys:
            raise SystemExit(f"the paginator listed {num_plain:,} of {num_keys:,} keys")
    return {
        "num_keys": num_keys,
        "rounds": rounds,
        "index_listing_s": statistics.median(listing),
        "index_total_s": statistics.median(total),
        "index_keys_per_s": num_keys / statistics.median(listing),
        "paginator_s": statistics.median(plain),
        "paginator_keys_per_s": num_keys / statistics.median(plain),
        "ratio": statistics.median(plain) / statistics.median(listing),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
    }


if __name__ == "__main__":
    main()
