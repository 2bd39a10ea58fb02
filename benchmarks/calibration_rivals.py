"""What calibrations fitted on few locations are worth at new ones.

    python -m benchmarks.calibration_rivals

Draws archives whose locations differ in what a score means, fits each rival on the media of a few locations
and prints its mean log loss, and that of its worst archive in twenty, on 4,000 media of 200 new ones. Three
quarters of all media are blank. `timid` networks say half of the log odds that they have reason to, `sure`
ones three times as much; both were trained as if half of all media were blank.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from blanktrap.core.statistics.calibration import fit_calibration
from blanktrap.core.statistics.reliability import log_loss

NUM_ARCHIVES = 100
BLANK_RATE = 0.75
SPREAD = 0.7  # standard deviation of the log odds between locations
SIZES = ((3, 8), (4, 15), (8, 25), (20, 50))  # locations, media of each
RIVALS = ("as they are", "Platt", "temperature", "isotonic")


def draw(chance: np.random.Generator, num_locations: int, per_location: int, apart: float, slope: float):
    """Scores and labels of one archive; labels lie `apart` deviations from each other."""
    places = np.repeat(np.arange(num_locations), per_location)
    labels = chance.random(places.size) >= BLANK_RATE
    seen = np.where(labels, apart, -apart) / 2.0 + chance.normal(size=places.size)
    odds = apart * seen + chance.normal(0.0, SPREAD, num_locations)[places]
    return expit(slope * odds), labels


def by_platt(p: np.ndarray, labels: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Platt 1999: two numbers and smoothed targets, no prior."""
    num_nonblank, num_blank = labels.sum(), (~labels).sum()
    targets = np.where(labels, (num_nonblank + 1) / (num_nonblank + 2), 1 / (num_blank + 2))
    odds, others = (logit(np.clip(given, 1e-7, 1 - 1e-7)) for given in (p, new))

    def loss(found: np.ndarray) -> float:
        tilted = found[0] * odds + found[1]
        return float((np.logaddexp(0.0, tilted) - targets * tilted).sum())

    slope, shift = minimize(loss, [1.0, 0.0], method="BFGS").x
    return expit(slope * others + shift)


def losses(seed: int, size: tuple[int, int], apart: float, slope: float) -> list[float] | None:
    """Log loss of each rival at new locations; None where the archive has one label only."""
    chance = np.random.default_rng(seed)
    p, labels = draw(chance, *size, apart, slope)
    new, new_labels = draw(chance, 200, 20, apart, slope)
    if labels.all() or not labels.any():
        return None
    judged = [new, by_platt(p, labels, new)]
    for kind in ("temperature", "isotonic"):
        fitted = fit_calibration(p, labels, kind)
        assert fitted is not None
        judged.append(fitted.apply(new))
    return [log_loss(one, new_labels) for one in judged]


def main() -> None:
    """Print one line for each kind of archive."""
    print(
        f"{'network':>8}{'apart':>7}{'locations':>11}{'media':>7}" + "".join(f"{name:>20}" for name in RIVALS)
    )
    for name, slope in (("timid", 0.5), ("sure", 3.0)):
        for apart in (0.5, 1.5, 3.0, 5.0):
            for size in SIZES:
                found = [losses(seed, size, apart, slope) for seed in range(NUM_ARCHIVES)]
                table = np.array([one for one in found if one is not None])
                told = "".join(
                    f"{mean:>12.3f} ({worst:.3f})"
                    for mean, worst in zip(table.mean(axis=0), np.quantile(table, 0.95, axis=0), strict=True)
                )
                print(f"{name:>8}{apart:>7}{size[0]:>11}{size[0] * size[1]:>7}{told}", flush=True)


if __name__ == "__main__":
    main()
