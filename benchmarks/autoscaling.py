"""Brings machines with GPUs from 0 to 2 and back: `python benchmarks/autoscaling.py`, about two minutes.

Ray's autoscaler with its provider of fake machines (`fake_multinode`): each is a Ray node on this machine
that has a GPU in name only. A scoring job asks for two actors with a GPU each; the machines come, and go when
they have been idle for a while. Printed is when how many were there; the exit status is 1 where they did not
come, did not go, or a row is missing.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

NUM_IMAGES = 600
# What the autoscaler asks of a configuration that no launcher has filled out.
EMPTY: dict[str, Any] = {
    **{name: {} for name in ("auth", "docker", "file_mounts")},
    **{name: [] for name in ("cluster_synced_files", "rsync_exclude", "rsync_filter")},
    **{f"{when}setup_commands": [] for when in ("", "head_", "worker_")},
    **{f"{which}_start_ray_commands": [] for which in ("head", "worker")},
    "initialization_commands": [],
    "file_mounts_sync_continuously": False,
    "upscaling_speed": 1.0,
}
IDLE_MINUTES = 0.15
DEADLINE_S = 240.0
SAMPLE_S = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=NUM_IMAGES)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bt-scale-"))
    head, address = start_head(folder)
    try:
        timeline, num_rows = score_and_watch(folder, address, arguments.images)
    finally:
        stop(head)
        shutil.rmtree(folder, ignore_errors=True)
    print_timeline(timeline)
    counts = [count for _, count, _ in timeline]
    came, went = max(counts), counts[-1]
    print(f"machines with a GPU: 0 at first, {came} at the most, {went} at the end; {num_rows:,} rows")
    if counts[0] or came != 2 or went or num_rows != arguments.images:
        sys.exit(1)


def start_head(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a head that computes nothing, with an autoscaler; returns it and its address."""
    from ray.util import get_node_ip_address

    # Ray takes 127.0.0.1, where it is asked to connect there, for the machine's own address.
    host = get_node_ip_address()
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    worker = {"CPU": 2, "GPU": 1, "object_store_memory": 100 * 1024 * 1024}
    config = {
        **EMPTY,
        "cluster_name": "fake",
        "max_workers": 2,
        "idle_timeout_minutes": IDLE_MINUTES,
        "provider": {
            "type": "fake_multinode",
            # Nobody logs in to a fake machine to set it up.
            "disable_node_updaters": True,
            # All have one address: told apart by it, none is ever seen to be up, or idle.
            "use_node_id_as_ip": True,
            "gcs_address": f"{host}:{port}",
            "head_resources": {"CPU": 0, "object_store_memory": 100 * 1024 * 1024},
        },
        "available_node_types": {
            "ray.head.default": {
                "resources": {"CPU": 0},
                "max_workers": 0,
                "node_config": {},
            },
            "gpu": {"resources": worker, "min_workers": 0, "max_workers": 2, "node_config": {}},
        },
        "head_node_type": "ray.head.default",
    }
    path = folder / "cluster.json"  # JSON is YAML
    path.write_text(json.dumps(config))
    ray = Path(sys.executable).with_name("ray")
    command = [str(ray), "start", "--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false"]
    command += [f"--autoscaling-config={path}", f"--temp-dir={folder / 'ray'}", "--block"]
    command += ["--object-store-memory=200000000", f"--node-ip-address={host}"]
    log = (folder / "head.log").open("wb")
    os.environ.update(RAY_AUTH_MODE="disabled", RAY_raylet_start_wait_time_s="120")
    environment = {**os.environ, "RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
    process = subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
    )
    deadline = time.monotonic() + DEADLINE_S
    while b"Ray runtime started" not in (folder / "head.log").read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"the head did not start:\n{(folder / 'head.log').read_text()}")
        time.sleep(0.1)
    return process, f"{host}:{port}"


def score_and_watch(folder: Path, address: str, num_images: int) -> tuple[list[tuple[float, int, str]], int]:
    """Score with a GPU an actor, and write down when how many machines were there until they are gone."""
    import ray
    from soak import draw_small, prepare_small

    from blanktrap.core.config import ScoreConfig
    from blanktrap.engines import scoring
    from blanktrap.files.storage import Storage

    draw_small(folder / "images")
    prepare_small(folder, num_images)
    scoring.ScoreActor = actor_without_gpu()  # type: ignore[misc]
    os.environ["RAY_ADDRESS"] = address
    ray.init(address=address, log_to_driver=False)
    timeline: list[tuple[float, int, str]] = [(0.0, gpu_nodes(), "the job starts")]
    started, ended = time.monotonic(), threading.Event()

    def watch() -> None:
        while not ended.wait(SAMPLE_S):
            count = gpu_nodes()
            if count != timeline[-1][1]:
                timeline.append((time.monotonic() - started, count, ""))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    # A job that asks for more than there is waits for the cluster to grow.
    config = ScoreConfig(num_gpus=1.0, min_actors=2, max_actors=2, chunk_size=20, batch_size=10)
    run: dict[str, Any] = scoring.score_manifest(
        str(folder / "manifest.parquet"),
        str(folder / "model"),
        str(folder / "scores"),
        config=config,
        storage=Storage(),
    )
    timeline.append((time.monotonic() - started, gpu_nodes(), "the job is done"))
    deadline = time.monotonic() + DEADLINE_S
    while gpu_nodes() and time.monotonic() < deadline:
        time.sleep(SAMPLE_S)
    ended.set()
    watching.join()
    timeline.append((time.monotonic() - started, gpu_nodes(), "the end"))
    ray.shutdown()
    return timeline, sum(run["counts"].values())


def actor_without_gpu() -> type:
    """An actor that takes a GPU from Ray, and computes without it."""
    from blanktrap.engines.scoring import ScoreActor

    class ActorWithoutGpu(ScoreActor):
        def __init__(self, model: str, storage: Any, precision: Any, device: str, **options: Any) -> None:
            super().__init__(model, storage, precision, "cpu", **options)

    return ActorWithoutGpu


def gpu_nodes() -> int:
    """Machines with a GPU that are there."""
    import ray

    return sum(bool(node["Alive"] and node["Resources"].get("GPU")) for node in ray.nodes())


def print_timeline(timeline: list[tuple[float, int, str]]) -> None:
    print("| s | machines with a GPU | |")
    print("| --- | --- | --- |")
    for at_s, count, what in timeline:
        print(f"| {at_s:.0f} | {count} | {what} |")


def stop(head: subprocess.Popen[bytes]) -> None:
    """End the head and all that came of it, by their ids."""
    family = psutil.Process(head.pid).children(recursive=True) if head.poll() is None else []
    head.send_signal(signal.SIGTERM)
    try:
        head.wait(timeout=20)
    except subprocess.TimeoutExpired:
        head.kill()
        head.wait()
    for process in family:
        if process.is_running():
            process.kill()


if __name__ == "__main__":
    main()
