"""The discrete-event model behind `scaling_model.py`: machines, and what a run does on them.

A piece of a chunk waits for the driver to hand it out, for S3 to answer (so many GETs a second and prefix),
for its machine's network, for a core that decodes it, in the object store for the GPU, and to be written.
Where there is no GPU, a core decodes and infers. Cores also do what the engine costs.
"""

import heapq
import itertools
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from blanktrap.core.planning.prices import S3_GETS_PER_S_PER_PREFIX

BATCH_SIZE = 32
FETCH_THREADS = 8
WRITERS = 4
MOST_PIECES = 100_000


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Seconds that one chunk, batch or image takes: stated, but for two from `scaling_model.py --measure`."""

    fetch_s: float = 0.03
    """From asking S3 for an image to its last byte, without the machine's network: stated, 30 ms."""
    list_page_s: float = 0.15
    """One page of a listing: stated."""
    engine_s: float = 0.0019
    """Seconds of a core for an image in Ray's and the driver's processes: measured on two slow cores."""
    driver_s: float = 0.0072
    """Of the driver, which is one process, for a batch: measured on two slow cores."""
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
    room_images: float = 0.0
    """Decoded images that may wait in the object store for its GPU."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is simulated."""

    machine: Machine
    num_machines: int
    num_prefixes: int
    chunk_size: int = 1024
    piece: int = 128
    """Images that move together in the model: a few batches."""
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
        """Decoded pieces before each GPU."""
        self._idle: list[list[float]] = [[] for _ in range(setting.num_machines)]
        """Since when cores wait for room in the object store."""
        self._waited_s = 0.0
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()
        self._left = 0
        self._done: list[float] = []
        own = machine.decode_s + costs.engine_s + (costs.copy_s if machine.has_gpu else machine.infer_s)
        # Fetching overlaps with what the core does, in threads.
        self._core_s = setting.piece * max(own, costs.fetch_s / FETCH_THREADS)

    def run(self, num_pieces: int) -> Outcome:
        """Score so many pieces; the first and the last fifth are not counted in the speed."""
        self._left = num_pieces
        cores = round(self._setting.machine.num_cores)
        for machine in range(self._setting.num_machines):
            for _ in range(cores):
                self._at(0.0, lambda now, machine=machine: self._begin(now, machine))
        while self._events:
            now, _, happen = heapq.heappop(self._events)
            happen(now)
        done = sorted(self._done)
        begin, end = done[len(done) // 5], done[len(done) - len(done) // 5 - 1]
        # Machines that are alike finish at the same moments: those of the first moment came before it.
        num_between = bisect_right(done, end) - bisect_right(done, begin)
        return Outcome(
            images_per_s=num_between * self._setting.piece / (end - begin),
            busy=self._busy(done[-1]),
            waiting=self._waited_s / (done[-1] * cores * self._setting.num_machines),
        )

    def _at(self, when: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), happen))

    def _begin(self, now: float, machine: int) -> None:
        """A core asks for its next piece."""
        if not self._left:
            return
        has_room = self._waiting[machine] * self._setting.piece <= self._setting.machine.room_images
        if self._setting.machine.has_gpu and not has_room:
            self._idle[machine].append(now)
            return
        self._left -= 1
        setting, size = self._setting, self._setting.piece
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
            seconds = self._setting.piece * self._setting.machine.infer_s
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
        seconds = self._setting.costs.write_s * self._setting.piece / self._setting.chunk_size
        self._done.append(self._writers.take(now, seconds))

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
    return Simulation(setting).run(max(400, min(25 * slots, MOST_PIECES)))
