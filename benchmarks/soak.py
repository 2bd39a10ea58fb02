"""Scores many small images and watches what grows: `python benchmarks/soak.py --images 200000` (20 minutes).

A few hundred drawn JPEGs are listed again and again, so that an archive of any length needs no disk. Each few
seconds the memory (PSS, MiB) and the open files of the driver, of Ray's own processes and of the actors are
written down. Told are their growth over the second half of the run, but for its end, and the speed by fifths
of it. A leak of a kilobyte an image would be 95 MiB in 100,000.
"""

import argparse
import json
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

SMALL = "160 x 120 JPEGs at 64 x 48"
NUM_FILES = 200
SAMPLE_S = 2.0
JUDGED = (0.5, 0.95)
"""Shares of the images between which growth is told; later, actors that have nothing left to do go."""
ROLES = {
    "raylet": "Ray's node",
    "gcs_server": "Ray's store",
    "ray::": "workers",
}


@dataclass
class Sample:
    """Memory and open files of a role at a moment."""

    at_s: float
    num_done: int
    mib: dict[str, float]
    files: dict[str, int]


@dataclass
class Watch:
    """Samples this process and all below it in a thread, until the block ends."""

    num_done: int = 0
    samples: list[Sample] = field(default_factory=list)
    took_s: float = 0.0
    """Of a core, for watching itself."""
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Watch":
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        me = psutil.Process()
        while not self._end.wait(SAMPLE_S):
            mib: dict[str, float] = {}
            files: dict[str, int] = {}
            for process in [me, *me.children(recursive=True)]:
                try:
                    role = "driver" if process.pid == me.pid else role_of(process)
                    mib[role] = mib.get(role, 0.0) + pss_mib(process.pid)
                    files[role] = files.get(role, 0) + process.num_fds()
                except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                    continue
            self.took_s = time.thread_time()
            at_s = time.monotonic() - self._started
            self.samples.append(Sample(at_s=at_s, num_done=self.num_done, mib=mib, files=files))


def role_of(process: psutil.Process) -> str:
    """What a process of Ray's is."""
    line = " ".join(process.cmdline()[:2])
    if "ScoreActor" in line or "MapWorker" in line:
        return "actors"
    return next((role for mark, role in ROLES.items() if mark in line), "Ray's agents")


def pss_mib(pid: int) -> float:
    """Proportional set size: shared memory counts once."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


@dataclass(frozen=True, kw_only=True)
class SmallRun:
    """How fast small images were scored, and what the driver took for it."""

    steady_images_per_s: float
    driver_share: float
    """Of a core, between 10 % and 90 % of the images, without the watching."""
    watch: Watch
    run: dict[str, object]


def draw_small(folder: Path) -> None:
    """Draw the images; those that stand are kept."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(NUM_FILES):
        path = folder / f"IMG_{number:04d}.JPG"
        if not path.exists():
            noise = np.random.default_rng(number).integers(0, 256, (12, 16, 3), dtype=np.uint8)
            Image.fromarray(noise).resize((160, 120), Image.Resampling.BICUBIC).save(path, quality=90)


def prepare_small(folder: Path, num_images: int, *, width_px: int = 64, height_px: int = 48) -> None:
    """Write a checkpoint with random weights, and a manifest that lists the images again and again."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from score_ways import save_random_model

    save_random_model(folder / "model", width_px=width_px, height_px=height_px)
    names = [str(folder.resolve() / "images" / f"IMG_{number:04d}.JPG") for number in range(NUM_FILES)]
    schema = pa.schema([("media_id", pa.string()), ("uri", pa.string())])
    with pq.ParquetWriter(folder / "manifest.parquet", schema) as writer:
        for start in range(0, num_images, 100_000):
            numbers = range(start, min(start + 100_000, num_images))
            uris = [names[number % NUM_FILES] for number in numbers]
            ids = [f"{number:09d}.jpg" for number in numbers]
            writer.write_table(pa.table([ids, uris], schema=schema))


def score_small(folder: Path) -> SmallRun:
    """Score the manifest and watch."""
    from score_ways import Pace

    from blanktrap.core.config import ScoreConfig
    from blanktrap.engines.scoring import score_manifest
    from blanktrap.files.manifest import open_manifest
    from blanktrap.files.storage import Storage

    out, manifest = folder / "scores", str(folder / "manifest.parquet")
    shutil.rmtree(out, ignore_errors=True)
    num_media = open_manifest(Storage(), manifest).num_media
    pace = Pace(num_media)
    driver: list[tuple[float, float]] = []
    with Watch() as watch:

        def note(num_done: int) -> None:
            watch.num_done = num_done
            pace.note(num_done)
            if 0.1 * num_media <= num_done <= 0.9 * num_media:
                driver.append((time.monotonic(), time.process_time() - watch.took_s))

        run = score_manifest(
            manifest,
            str(folder / "model"),
            str(out),
            config=ScoreConfig(),
            storage=Storage(),
            on_progress=lambda progress: note(progress.num_done),
        )
    assert run["counts"]["ok"] == num_media
    (first_at, first_s), (last_at, last_s) = driver[0], driver[-1]
    return SmallRun(
        steady_images_per_s=pace.steady_images_per_s(),
        driver_share=(last_s - first_s) / (last_at - first_at),
        watch=watch,
        run=run,
    )


def slope(samples: list[Sample], role: str, kind: str) -> tuple[float, float]:
    """Mean, and growth by 100,000 images, of a role over the second half of a run."""
    first, last = (share * samples[-1].num_done for share in JUDGED)
    half = [one for one in samples if first <= one.num_done <= last]
    values = np.array([getattr(one, kind).get(role, 0) for one in half], float)
    done = np.array([one.num_done for one in half], float)
    if len(half) < 3 or done[0] == done[-1]:
        return float(values.mean()), float("nan")
    return float(values.mean()), float(np.polyfit(done, values, 1)[0]) * 100_000


def print_findings(found: SmallRun) -> None:
    """A table by role, and the speed by fifths."""
    samples = [one for one in found.watch.samples if one.num_done]
    roles = sorted({role for one in samples for role in one.mib})
    print(
        "| processes | memory, MiB | growth by 100,000 images, MiB | open files | growth by 100,000 images |"
    )
    print("| --- | --- | --- | --- | --- |")
    for role in roles:
        memory, memory_growth = slope(samples, role, "mib")
        files, files_growth = slope(samples, role, "files")
        print(f"| {role} | {memory:,.0f} | {memory_growth:+,.1f} | {files:,.0f} | {files_growth:+,.1f} |")
    total = [sum(one.mib.values()) for one in samples]
    print(f"all together: {total[len(total) // 2]:,.0f} MiB half way, {max(total):,.0f} MiB at the most")
    speeds = fifths(samples)
    print(f"images/s by fifths of the run: {', '.join(f'{speed:.0f}' for speed in speeds)}")


def fifths(samples: list[Sample]) -> list[float]:
    """Images a second in each fifth of the images."""
    at = np.array([one.at_s for one in samples])
    done = np.array([one.num_done for one in samples], float)
    marks = np.interp(np.linspace(done[0], done[-1], 6), done, at)
    return [float((done[-1] - done[0]) / 5 / took) for took in np.diff(marks)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, default=Path(".bench/soak"), help="images and results")
    arguments = parser.parse_args()
    draw_small(arguments.folder / "images")
    prepare_small(arguments.folder, arguments.images)
    started = time.monotonic()
    found = score_small(arguments.folder)
    minutes = (time.monotonic() - started) / 60
    print(
        f"{arguments.images:,} images ({SMALL}) in {minutes:.1f} min, "
        f"steady {found.steady_images_per_s:.0f} images/s"
    )
    print(f"the driver took {100 * found.driver_share:.1f} % of a core")
    print_findings(found)
    samples = [vars(one) for one in found.watch.samples]
    (arguments.folder / "soak.json").write_text(json.dumps(samples))


if __name__ == "__main__":
    main()
