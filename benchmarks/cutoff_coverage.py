"""Measures how often a promised recall holds on new locations: `python benchmarks/cutoff_coverage.py`.

For each number of labelled locations 2,000 archives are drawn, as many from each of five populations whose
locations differ in score, size and kind (`simulated_locations.py`). On each archive `promise_cutoff` and
seven rivals choose a cutoff; as the populations' recalls are known exactly, so is whether the promise held.
Printed are, of the promises made, the share that held (over all populations and in the worst one), how often
a method refused, and how much blank recall it gave up against the cutoff of one who knew the truth, all in
percent. `--held-out` takes four other populations. Two cores take about five minutes.
"""

import argparse
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from cutoff_rivals import RIVALS
from scipy.special import logit
from simulated_locations import HELD_OUT, POPULATIONS, Population

from blanktrap.core.errors import PromiseError
from blanktrap.core.statistics.promises import promise_cutoff
from blanktrap.core.statistics.recall_bounds import count_missed

CHOSEN = "promise_cutoff"
NUMS_OF_LOCATIONS = (5, 10, 20, 40, 80, 200)


@dataclass(frozen=True)
class Job:
    """Archives of one size from one population."""

    population: Population
    num_locations: int
    num_archives: int
    min_recall: float
    confidence: float


@dataclass
class Record:
    """What one method did on a job's archives."""

    num_promises: int = 0
    num_held: int = 0
    num_refused: int = 0
    given_up: float = 0.0
    """Sum over promises of the blank recall given up against the oracle."""

    def add(self, other: "Record") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def held_share(self) -> float:
        return self.num_held / self.num_promises if self.num_promises else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archives", type=int, default=2000, help="for each number of locations")
    parser.add_argument("--min-recall", type=float, default=0.95)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--locations", type=int, nargs="+", default=NUMS_OF_LOCATIONS)
    parser.add_argument(
        "--held-out", action="store_true", help="populations that promise_cutoff was not chosen on"
    )
    arguments = parser.parse_args()
    populations = HELD_OUT if arguments.held_out else POPULATIONS
    jobs = [
        Job(
            population,
            num,
            arguments.archives // len(populations),
            arguments.min_recall,
            arguments.confidence,
        )
        for num in arguments.locations
        for population in populations
    ]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        results = dict(zip(jobs, pool.map(run_job, jobs), strict=True))
    print(
        f"recall {arguments.min_recall:g} promised with confidence {arguments.confidence:g}; "
        f"{arguments.archives:,} archives for each number of locations"
    )
    for line in by_method(results, arguments.locations):
        print(line)
    for line in by_population(results, populations, arguments.locations):
        print(line)


def run_job(job: Job) -> dict[str, Record]:
    """Choose cutoffs on every archive of a job, with every method."""
    seed = [job.num_locations, [*POPULATIONS, *HELD_OUT].index(job.population)]
    generator = np.random.default_rng(seed)
    highest = job.population.oracle_cutoff(job.min_recall)
    highest_by_location = job.population.oracle_cutoff(job.min_recall, by_media=False)
    oracle = job.population.blank_recall(highest)
    records = {name: Record() for name in (CHOSEN, *RIVALS)}
    for _ in range(job.num_archives):
        scores, locations = job.population.draw(generator, job.num_locations)
        for name, record in records.items():
            cutoff = choose(name, scores, locations, job, generator)
            if cutoff is None:
                record.num_refused += 1
                continue
            at = float(logit(cutoff))
            record.num_promises += 1
            record.num_held += at <= (highest_by_location if "mean of locations" in name else highest)
            record.given_up += oracle - job.population.blank_recall(at)
    return records


def choose(
    name: str, scores: np.ndarray, locations: np.ndarray, job: Job, generator: np.random.Generator
) -> float | None:
    """The cutoff a method promises; None where it refuses."""
    if name == CHOSEN:
        try:
            return promise_cutoff(
                scores, locations, min_recall=job.min_recall, confidence=job.confidence
            ).cutoff
        except PromiseError:
            return None
    if np.unique(locations).size < 2:
        return None
    by_media = "mean of locations" not in name
    counts = count_missed(scores, locations, job.min_recall, by_media=by_media)
    believed = RIVALS[name](counts, job.min_recall, 1.0 - job.confidence, generator)
    num = believed.size if believed.all() else int(np.argmin(believed))
    return float(counts.cutoffs[num - 1]) if num else None


def by_method(results: dict[Job, dict[str, Record]], nums: list[int]) -> Iterator[str]:
    """One block for each number of locations, one line for each method."""
    for num in nums:
        yield ""
        yield (
            f"{num} locations".ljust(42)
            + "held".rjust(8)
            + "worst".rjust(8)
            + "refused".rjust(9)
            + "given up".rjust(10)
        )
        for name in (CHOSEN, *RIVALS):
            parts = [records[name] for job, records in results.items() if job.num_locations == num]
            total = Record()
            for part in parts:
                total.add(part)
            worst = min((part.held_share for part in parts if part.num_promises), default=float("nan"))
            yield line_of(name, total, f"{100 * worst:8.1f}")


def by_population(
    results: dict[Job, dict[str, Record]], populations: Iterable[Population], nums: list[int]
) -> Iterator[str]:
    """The chosen method alone, one line for each population and number of locations."""
    for population in populations:
        yield ""
        yield (
            f"{CHOSEN}, {population.name}".ljust(42)
            + "held".rjust(8)
            + "refused".rjust(17)
            + "given up".rjust(10)
        )
        for num in nums:
            job = next(job for job in results if job.population is population and job.num_locations == num)
            yield line_of(f"  {num} locations", results[job][CHOSEN], " " * 8)


def line_of(name: str, record: Record, worst: str) -> str:
    """Percent held of promises, worst population, percent refused, mean points of blank recall given up."""
    refused = record.num_refused / (record.num_refused + record.num_promises)
    given_up = 100 * record.given_up / record.num_promises if record.num_promises else float("nan")
    return f"{name:42s}{100 * record.held_share:8.1f}{worst}{100 * refused:9.1f}{given_up:10.1f}"


if __name__ == "__main__":
    main()
