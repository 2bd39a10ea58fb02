"""Predicts how scoring scales: `python benchmarks/scaling_model.py`, and `--measure` for what it is fed with.

A discrete-event model of `blanktrap score` on N machines. A chunk waits for the driver to hand it out, for S3
to answer (so many GETs a second and prefix), for its machine's network, for a core that decodes it, in the
object store for the GPU, and for the driver to write it. Where there is no GPU, a core decodes and infers. A
machine's cores also do what the engine costs. Simulated are enough chunks to see the steady speed; the
archive's hours follow from it.

`--measure` times the stages on one core without the engine, what the engine costs on images too small to
matter, predicts large images from both, and compares with what `score` really does there.
"""

import argparse
import heapq
import itertools
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from blanktrap.core.planning.prices import (
    HEAD_TYPE,
    INSTANCE_TYPES,
    S3_GETS_PER_S_PER_PREFIX,
    S3_PUTS_PER_S_PER_PREFIX,
    S3_USD_PER_GET,
    S3_USD_PER_PUT,
    InstanceType,
)
from blanktrap.core.planning.speeds import CPU_IMAGES_PER_S, Workload, gpu_images_per_s

LIST_PAGES_AT_ONCE = 16
KEYS_PER_PAGE = 1000
BATCH_SIZE = 32
FETCH_THREADS = 8
WRITERS = 4
HELPER = "c7i.4xlarge"
MIXES = (
    ("g4dn.xlarge", 0),
    ("g6.xlarge", 0),
    ("g6.xlarge", 1),
    ("g6.4xlarge", 0),
    ("c7i.4xlarge", 0),
    ("c7a.4xlarge", 0),
)
"""Machines that are compared, and how many decoding ones each has beside it."""
CHUNKS_AHEAD = 2
"""Decoded chunks that a GPU's machine holds: what Ray Data's share of the object store lets wait."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Seconds that one chunk, batch or image takes: stated, or measured with `--measure` on two cores."""

    fetch_s: float = 0.03
    """From asking S3 for an image to its last byte, without the machine's network: stated, 30 ms."""
    list_page_s: float = 0.15
    """One page of a listing: stated."""
    engine_s: float = 0.0009
    """Seconds of a core for an image in Ray's and the driver's processes: measured with `--measure`."""
    driver_s: float = 0.002
    """Of the driver, which is one process, for a batch: measured with `--measure`."""
    write_s: float = 0.08
    """To write one chunk: stated, one PUT."""
    copy_s: float = 0.0006
    """Seconds of a core to put the pixels of an image into the object store and to take them out: 560 kB
    there and back at 2 GB/s, stated. Without GPUs nothing is copied."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine as the model sees it."""

    num_cores: float
    decode_s: float
    infer_s: float
    """Of a core, or of the GPU where there is one."""
    has_gpu: bool
    bytes_per_s: float
    bytes_per_image: float
    """That come to it over the network: files, and pixels that other machines decoded for its GPU."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is simulated."""

    machine: Machine
    num_machines: int
    num_prefixes: int
    chunk_size: int = 1024
    costs: Costs = field(default_factory=Costs)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The steady speed, and how busy each resource was."""

    images_per_s: float
    busy: dict[str, float]
    """Share of the time, by resource."""
    waiting: float
    """Share of the cores' time in which they wait for room in the object store."""

    @property
    def bottleneck(self) -> str:
        return max(self.busy, key=lambda name: self.busy[name])


class Server:
    """Takes jobs one after the other, on one of several places."""

    def __init__(self, num_places: float = 1) -> None:
        self._free_at = [0.0] * max(1, round(num_places))
        heapq.heapify(self._free_at)
        self.busy_s = 0.0

    def take(self, now: float, seconds: float) -> float:
        """When a job that comes now is done."""
        start = max(now, heapq.heappop(self._free_at))
        heapq.heappush(self._free_at, start + seconds)
        self.busy_s += seconds
        return start + seconds

    def share(self, until: float) -> float:
        return self.busy_s / (until * len(self._free_at))


class Simulation:
    """One run, as events in the order of their time."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        machine, costs = setting.machine, setting.costs
        self._driver, self._writers = Server(), Server(WRITERS)
        self._s3 = Server()
        self._network = [Server() for _ in range(setting.num_machines)]
        self._gpus = [Server() for _ in range(setting.num_machines)]
        self._cores = [Server(machine.num_cores) for _ in range(setting.num_machines)]
        self._waiting = [0] * setting.num_machines
        """Decoded chunks before each GPU."""
        self._idle: list[list[float]] = [[] for _ in range(setting.num_machines)]
        """Since when cores wait for room in the object store."""
        self._waited_s = 0.0
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()
        self._left = 0
        self._done: list[float] = []
        own = machine.decode_s + costs.engine_s + (costs.copy_s if machine.has_gpu else machine.infer_s)
        # Fetching overlaps with what the core does, in threads.
        self._core_s = setting.chunk_size * max(own, costs.fetch_s / FETCH_THREADS)

    def run(self, num_chunks: int) -> Outcome:
        """Score so many chunks; the first and the last tenth are not counted in the speed."""
        self._left = num_chunks
        cores = round(self._setting.machine.num_cores)
        for machine in range(self._setting.num_machines):
            for _ in range(cores):
                self._at(0.0, lambda now, machine=machine: self._begin(now, machine))
        while self._events:
            now, _, happen = heapq.heappop(self._events)
            happen(now)
        done = sorted(self._done)
        first, last = len(done) // 10, len(done) - len(done) // 10 - 1
        images = (last - first) * self._setting.chunk_size
        return Outcome(
            images_per_s=images / (done[last] - done[first]),
            busy=self._busy(done[-1]),
            waiting=self._waited_s / (done[-1] * cores * self._setting.num_machines),
        )

    def _at(self, when: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), happen))

    def _begin(self, now: float, machine: int) -> None:
        """A core asks for its next chunk."""
        if not self._left:
            return
        if self._setting.machine.has_gpu and self._waiting[machine] > CHUNKS_AHEAD:
            self._idle[machine].append(now)
            return
        self._left -= 1
        setting, size = self._setting, self._setting.chunk_size
        handed = self._driver.take(now, size / BATCH_SIZE * setting.costs.driver_s)
        limit = setting.num_prefixes * S3_GETS_PER_S_PER_PREFIX
        answered = self._s3.take(handed, size / limit)
        transfer_s = size * setting.machine.bytes_per_image / setting.machine.bytes_per_s
        there = self._network[machine].take(answered, transfer_s)
        # Bytes come while the core is at work: it ends when both have.
        decoded = max(there, self._cores[machine].take(handed, self._core_s))
        self._at(decoded, lambda now: self._decoded(now, machine))

    def _decoded(self, now: float, machine: int) -> None:
        if self._setting.machine.has_gpu:
            self._waiting[machine] += 1
            seconds = self._setting.chunk_size * self._setting.machine.infer_s
            scored = self._gpus[machine].take(now, seconds)
            self._at(scored, lambda now: self._scored(now, machine))
        else:
            self._write(now)
        self._begin(now, machine)

    def _scored(self, now: float, machine: int) -> None:
        self._waiting[machine] -= 1
        self._write(now)
        if self._idle[machine]:
            self._waited_s += now - self._idle[machine].pop()
            self._begin(now, machine)

    def _write(self, now: float) -> None:
        limit = 1.0 / S3_PUTS_PER_S_PER_PREFIX
        self._done.append(self._writers.take(now, max(self._setting.costs.write_s, limit)))

    def _busy(self, until: float) -> dict[str, float]:
        def mean(servers: list[Server]) -> float:
            return sum(one.share(until) for one in servers) / len(servers)

        busy = {
            "driver": self._driver.share(until),
            "S3 requests": self._s3.share(until),
            "writing": self._writers.share(until),
            "network": mean(self._network),
            "cores": mean(self._cores),
        }
        return busy | ({"GPUs": mean(self._gpus)} if self._setting.machine.has_gpu else {})


def simulate(setting: Setting) -> Outcome:
    """The steady speed of a setting."""
    slots = setting.num_machines * round(setting.machine.num_cores)
    return Simulation(setting).run(max(200, 20 * slots))


def machine_of(instance: InstanceType, workload: Workload, *, helpers: int = 0) -> Machine:
    """A machine of the price table, in the middle of what the table of speeds gives for it.

    Args:
        instance: the machine.
        workload: what is scored.
        helpers: machines without a GPU (`HELPER`) that decode for it; pixels then come over its network.
    """

    def middle(low_high: tuple[float, float]) -> float:
        return (low_high[0] * low_high[1]) ** 0.5

    per_s = (
        middle(gpu_images_per_s(instance.gpu, workload))
        if instance.gpu
        else middle(CPU_IMAGES_PER_S[instance.inference]) / workload.inference_scale()
    )
    num_cores = instance.num_vcpus + helpers * INSTANCE_TYPES[HELPER].num_vcpus
    from_others = 1.0 - instance.num_vcpus / num_cores
    return Machine(
        num_cores=num_cores,
        decode_s=middle(workload.decode_s()),
        infer_s=1.0 / per_s,
        has_gpu=instance.gpu is not None,
        bytes_per_s=middle(instance.network_gbit_per_s) * 1e9 / 8.0,
        bytes_per_image=(1.0 - from_others) * workload.mean_bytes + from_others * 3.0 * workload.input_px,
    )


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    instance: str
    helpers: int
    """Machines that decode for each."""
    num_machines: int
    images_per_s: float
    bottleneck: str
    waiting: float
    listing_hours: float
    hours: float
    usd: float

    def name(self) -> str:
        return f"{self.instance} and {self.helpers} {HELPER}" if self.helpers else self.instance

    def text(self) -> str:
        return f"{self.num_machines} of {self.name()}, {self.hours:,.1f} hours, {self.usd:,.0f} USD"


def predict(name: str, num_machines: int, workload: Workload, num_prefixes: int, *, helpers: int = 0) -> Row:
    """What an archive takes on so many spot machines of a type and a head, in the middle of the prices."""
    instance, costs = INSTANCE_TYPES[name], Costs()
    setting = Setting(
        machine=machine_of(instance, workload, helpers=helpers),
        num_machines=num_machines,
        num_prefixes=num_prefixes,
    )
    outcome = simulate(setting)
    hours = workload.num_media / outcome.images_per_s / 3600.0
    listing_s = workload.num_media / KEYS_PER_PAGE * costs.list_page_s / LIST_PAGES_AT_ONCE
    usd_per_hour = sum(instance.usd_range("spot")) / 2
    usd_per_hour += helpers * sum(INSTANCE_TYPES[HELPER].usd_range("spot")) / 2
    machines_usd = hours * (num_machines * usd_per_hour + INSTANCE_TYPES[HEAD_TYPE].usd_per_hour)
    requests_usd = workload.num_media * (S3_USD_PER_GET + S3_USD_PER_PUT / setting.chunk_size)
    return Row(
        instance=name,
        helpers=helpers,
        waiting=outcome.waiting,
        num_machines=num_machines,
        images_per_s=outcome.images_per_s,
        bottleneck=outcome.bottleneck,
        listing_hours=listing_s / 3600.0,
        hours=hours,
        usd=machines_usd + requests_usd,
    )


def print_tables(mean_bytes: float, num_prefixes: int) -> None:
    """Ten million and a billion images, on growing numbers of machines of each type."""
    for num_media, counts in ((10_000_000, (1, 4, 16, 64)), (1_000_000_000, (16, 64, 256, 1024))):
        workload = Workload(num_media=num_media, mean_bytes=mean_bytes)
        print(f"\n{num_media:,} images of {mean_bytes / 1e6:g} MB, prefixes: {num_prefixes}, spot\n")
        print("| machine | how many | images/s | bounded by | cores wait | listing, h | scoring, h | USD |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        rows = [
            predict(name, count, workload, num_prefixes, helpers=helpers)
            for name, helpers in MIXES
            for count in counts
        ]
        for row in rows:
            print(
                f"| {row.name()} | {row.num_machines:,} | {row.images_per_s:,.0f} | {row.bottleneck} | "
                f"{100 * row.waiting:.0f} % | {row.listing_hours:.1f} | {row.hours:,.1f} | {row.usd:,.0f} |"
            )
        print(f"\ncheapest: {min(rows, key=lambda row: row.usd).text()}")
        quick = [row for row in rows if row.listing_hours + row.hours <= 24.0]
        if quick:
            print(f"cheapest within a day: {min(quick, key=lambda row: row.usd).text()}")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What `--measure` finds on this machine."""

    num_cores: int
    decode_s: float
    infer_s: float
    engine_s: float
    driver_s: float
    images_per_s: float
    """What `score` did with the large images, between 10 % and 90 % of them."""

    def predicted(self, chunk_size: int) -> Outcome:
        machine = Machine(
            num_cores=self.num_cores,
            decode_s=self.decode_s,
            infer_s=self.infer_s,
            has_gpu=False,
            bytes_per_s=1e9,
            bytes_per_image=0.0,
        )
        # The driver shares the cores here: its part is in `engine_s`.
        costs = replace(Costs(), engine_s=self.engine_s, fetch_s=0.0, driver_s=0.0, write_s=0.01)
        setting = Setting(
            machine=machine,
            num_machines=1,
            num_prefixes=1000,
            chunk_size=chunk_size,
            costs=costs,
        )
        return simulate(setting)


def measure(folder: Path, num_large: int, num_small: int) -> Measured:
    """Time the stages, the engine, and the whole."""
    import os

    from score_throughput import make_images, run_way
    from soak import SMALL, draw_small, prepare_small, score_small

    cores = os.cpu_count() or 1
    make_images(folder / "images", num_large)
    run_way("prepare", folder)
    stages = run_way("e", folder)
    small = folder / "small"
    draw_small(small / "images")
    prepare_small(small, num_small)
    small_run = score_small(small)
    small_stages = run_way("e", small)
    engine_s = cores / small_run.steady_images_per_s - small_stages["decode_s"] - small_stages["inference_s"]
    print(f"small images ({SMALL}): {small_run.steady_images_per_s:.1f} images/s", file=sys.stderr)
    return Measured(
        num_cores=cores,
        decode_s=stages["decode_s"],
        infer_s=stages["inference_s"],
        engine_s=engine_s,
        driver_s=small_run.driver_s_per_batch,
        images_per_s=run_way("a", folder)["steady_images_per_s"],
    )


def print_measured(found: Measured) -> None:
    """The prediction beside what happened."""
    outcome = found.predicted(chunk_size=32)
    error = outcome.images_per_s / found.images_per_s - 1.0
    print(json.dumps(vars(found), indent=1))
    print(
        f"one machine: predicted {outcome.images_per_s:.1f} images/s, measured {found.images_per_s:.1f} "
        f"({100 * error:+.1f} %; aim: within 15 %), bounded by {outcome.bottleneck}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="compare with this machine first")
    parser.add_argument("--images", type=int, default=300, help="large images to measure with")
    parser.add_argument("--small-images", type=int, default=4000, help="small ones, for the engine's cost")
    parser.add_argument("--mean-bytes", type=float, default=1.2e6, help="of an archive's image")
    parser.add_argument("--prefixes", type=int, default=1, help="that S3 serves at full speed each")
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="images and results")
    arguments = parser.parse_args()
    if arguments.measure:
        print_measured(measure(arguments.folder, arguments.images, arguments.small_images))
    print_tables(arguments.mean_bytes, arguments.prefixes)


if __name__ == "__main__":
    main()
