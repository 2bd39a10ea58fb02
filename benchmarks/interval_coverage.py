"""Measures how often 95 % intervals hold the truth: `python benchmarks/interval_coverage.py`.

Nonblank recall at a fixed cutoff is estimated on archives of 2 to 80 locations, drawn from the populations of
`simulated_locations.py`, whose recalls are known exactly. Printed is the share of archives whose interval
holds the truth, and the mean width: of Wilson's interval (media taken as independent), of the bootstrap's
percentiles, and of `share_interval`. One core takes about half a minute.
"""

import argparse

import numpy as np
from scipy.special import expit
from simulated_locations import POPULATIONS, Population

from blanktrap.core.statistics.intervals import (
    Interval,
    location_bootstrap,
    percentile_interval,
    share_interval,
    wilson_interval,
)

RECALL = 0.9
NUM_RESAMPLES = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--archives", type=int, default=400, help="for each population and number of locations"
    )
    parser.add_argument("--locations", type=int, nargs="+", default=[2, 5, 10, 20, 40, 80])
    arguments = parser.parse_args()
    print(f"recall {RECALL:g}, 95 % intervals: percent that hold the truth, and mean width")
    print(
        "population".ljust(28)
        + "locations"
        + "independent".rjust(16)
        + "percentile".rjust(16)
        + "chosen".rjust(16)
    )
    for population in POPULATIONS:
        for num_locations in arguments.locations:
            print(line_of(population, num_locations, arguments.archives))


def line_of(population: Population, num_locations: int, num_archives: int) -> str:
    """Coverage and width of each interval over many archives."""
    cutoff = np.float32(expit(population.oracle_cutoff(RECALL)))
    held, widths = np.zeros(3), np.zeros(3)
    generator = np.random.default_rng([num_locations, POPULATIONS.index(population)])
    num_done = 0
    while num_done < num_archives:
        scores, locations = population.draw(generator, num_locations)
        sizes = np.bincount(locations, minlength=num_locations)
        if (sizes > 0).sum() < 2:
            continue
        kept = np.bincount(locations[scores >= cutoff], minlength=num_locations)
        for place, interval in enumerate(intervals_of(kept, sizes, seed=num_done)):
            held[place] += interval.low <= RECALL <= interval.high
            widths[place] += interval.high - interval.low
        num_done += 1
    cells = [
        f"{100 * share:8.1f} {width:7.3f}"
        for share, width in zip(held / num_done, widths / num_done, strict=True)
    ]
    return f"{population.name:28s}{num_locations:9d}" + "".join(cells)


def intervals_of(kept: np.ndarray, sizes: np.ndarray, *, seed: int) -> list[Interval]:
    """The three intervals of one archive's recall."""
    sums = location_bootstrap(np.column_stack([kept, sizes]), num_resamples=NUM_RESAMPLES, seed=seed)
    values = np.divide(sums[:, 0], sums[:, 1], out=np.full(NUM_RESAMPLES, np.nan), where=sums[:, 1] > 0)
    estimate = kept.sum() / sizes.sum()
    percentile, chosen = percentile_interval(values), share_interval(estimate, values, sizes=sizes)
    if percentile is None or chosen is None:
        raise SystemExit("an archive without nonblank media slipped through")
    return [wilson_interval(kept.sum(), sizes.sum()), percentile, chosen]


if __name__ == "__main__":
    main()
