"""Predicts how scoring scales: `python benchmarks/scaling_model.py`, and `--measure` for what it is fed with.

A discrete-event model of `blanktrap score` on N machines (`scaling_simulation.py`), fed with the tables of
prices and speeds that `blanktrap plan` uses, in the middle of their ranges. Simulated is enough to see the
steady speed; the archive's hours follow from it.

`--measure` times the stages without the engine, on all cores at once as in a run, and what the engine costs
on images too small to matter; predicts large images from both, and compares with what `score` does there.
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

from scaling_simulation import BATCH_SIZE, Costs, Machine, Outcome, Setting, simulate

from blanktrap.core.planning.prices import (
    HEAD_TYPE,
    INSTANCE_TYPES,
    S3_USD_PER_GET,
    S3_USD_PER_PUT,
    InstanceType,
)
from blanktrap.core.planning.speeds import CPU_IMAGES_PER_S, Workload, gpu_images_per_s

LIST_PAGES_AT_ONCE = 16
KEYS_PER_PAGE = 1000
STORE_SHARE = 0.3
"""Of a machine's memory that Ray gives to the object store; half of that may wait."""
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
        room_images=STORE_SHARE / 2 * instance.memory_gib * 2**30 / (3.0 * workload.input_px),
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
    """The stages of one machine, and what it did."""

    num_cores: int
    decode_s: float
    infer_s: float
    engine_s: float
    driver_s: float
    """Of a core, for a batch."""
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
            piece=chunk_size,
            costs=costs,
        )
        return simulate(setting)


def of_one_core(ceiling: float, images_per_s: float) -> Measured:
    """What `score_throughput.py` printed of two cores: way e, nothing between the stages, and way a."""
    decode_s = 0.0127  # of its images, on one core of that machine (`core/planning/speeds.py`)
    return Measured(
        num_cores=2,
        decode_s=decode_s,
        infer_s=2 / ceiling - decode_s,
        engine_s=Costs().engine_s,
        driver_s=Costs().driver_s,
        images_per_s=images_per_s,
    )


EARLIER = (of_one_core(46.5, 43.5), of_one_core(49.7, 45.4))
"""Two rounds on 23 November 2026, images of 2048 x 1536 from a folder (`docs/results.md`)."""


def measure(folder: Path, num_large: int, num_small: int) -> Measured:
    """Time the stages, the engine, and the whole."""
    import os

    from score_throughput import make_images, run_way
    from soak import SMALL, draw_small, prepare_small, score_small

    cores = os.cpu_count() or 1

    def stages_of(images: Path) -> dict[str, float]:
        with ThreadPoolExecutor(cores) as pool:
            together = list(pool.map(lambda _: run_way("e", images), range(cores)))
        return {name: mean(one[name] for one in together) for name in ("decode_s", "inference_s")}

    make_images(folder / "images", num_large)
    run_way("prepare", folder)
    stages = stages_of(folder)
    small = folder / "small"
    draw_small(small / "images")
    # The same images at a larger input are slow: what the driver takes then, it takes by the second.
    prepare_small(small, num_small // 15, width_px=320, height_px=240)
    slow = score_small(small)
    prepare_small(small, num_small)
    quick = score_small(small)
    small_stages = stages_of(small)
    engine_s = cores / quick.steady_images_per_s - small_stages["decode_s"] - small_stages["inference_s"]
    for run, what in ((slow, "at 320 x 240"), (quick, SMALL)):
        print(
            f"small images ({what}): {run.steady_images_per_s:.1f} images/s, "
            f"driver {100 * run.driver_share:.1f} % of a core",
            file=sys.stderr,
        )
    more_batches = (quick.steady_images_per_s - slow.steady_images_per_s) / BATCH_SIZE
    return Measured(
        num_cores=cores,
        decode_s=stages["decode_s"],
        infer_s=stages["inference_s"],
        engine_s=engine_s,
        driver_s=(quick.driver_share - slow.driver_share) / more_batches,
        images_per_s=run_way("a", folder)["steady_images_per_s"],
    )


def print_measured(found: Measured) -> None:
    """The prediction beside what happened."""
    outcome = found.predicted(chunk_size=32)
    error = outcome.images_per_s / found.images_per_s - 1.0
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
        found = measure(arguments.folder, arguments.images, arguments.small_images)
        print(json.dumps(vars(found), indent=1))
        print_measured(found)
    for earlier in EARLIER:
        print_measured(earlier)
    print_tables(arguments.mean_bytes, arguments.prefixes)


if __name__ == "__main__":
    main()
