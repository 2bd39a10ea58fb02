"""What happens at drawn places, and when: deployments and their sequences.

Owns: the exact numbers of blank and nonblank media, and which frames are which. Refuses: pixels, and
who it is that walks through.
All of it follows from the seed alone, deployment by deployment, so that nothing has to be remembered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from blanktrap.core.config import ArchiveConfig

# Location names with what real folders have: hyphens, spaces, umlauts.
_PLACES = ("Alder", "Birch", "Cliff", "Dell", "Mühlbach", "Fern", "Gorge", "Heath", "Iron Ford", "Knoll")
_DEPLOYMENT_IMAGES = 400


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One camera at one location for one period."""

    location: int
    number: int
    location_name: str
    first_image: int
    """Number of its first image in the archive."""
    num_images: int
    num_blank: int

    @property
    def folder(self) -> str:
        """Relative folder of its files."""
        return f"{self.location_name}/D{self.number + 1:02d}"


@dataclass(frozen=True, kw_only=True)
class SequencePlan:
    """The frames of one trigger."""

    number: int
    """From 0 in its deployment."""
    first_image: int
    """Number of its first image in its deployment, from 0."""
    present: tuple[bool, ...]
    """For each frame, whether an animal is in it."""
    taken: datetime
    cloud: float
    wind: float
    exposure: float
    temperature_c: int
    seed: int


def plan_deployments(config: ArchiveConfig) -> Iterator[Deployment]:
    """Divide the images among locations, some busier than others, and among deployments.

    Yields:
        The deployments; their images sum to `num_images`, their blanks to the blank rate of it, rounded.
    """
    rng = np.random.default_rng((config.seed, 1))
    weight = rng.lognormal(0.0, 0.45, config.num_locations)
    spare = config.num_images - config.num_locations
    edges = np.floor(np.concatenate([[0.0], np.cumsum(weight) / weight.sum()]) * spare + 1e-6).astype(int)
    edges += np.arange(config.num_locations + 1)
    edges[-1] = config.num_images
    digits = max(2, len(str(config.num_locations)))
    all_blank = round(config.blank_rate * config.num_images)
    done_blank = 0
    for location in range(config.num_locations):
        name = f"{_PLACES[location % len(_PLACES)]} {location + 1:0{digits}d}"
        name = name if location % 10 in (4, 8) else name.replace(" ", "-")
        start, stop = int(edges[location]), int(edges[location + 1])
        num_parts = max(1, -(-(stop - start) // _DEPLOYMENT_IMAGES), min(2, (stop - start) // 24))
        for number in range(num_parts):
            first = start + (stop - start) * number // num_parts
            last = start + (stop - start) * (number + 1) // num_parts
            wobble = rng.uniform(-0.1, 0.1) * (last - first)
            due = round(config.blank_rate * last + wobble) - done_blank
            # What is left over must fit into the deployments to come.
            still = all_blank - done_blank
            num_blank = min(max(due, 0, still - (config.num_images - last)), still, last - first)
            done_blank += num_blank
            yield Deployment(
                location=location,
                number=number,
                location_name=name,
                first_image=first,
                num_images=last - first,
                num_blank=num_blank,
            )


def plan_sequences(config: ArchiveConfig, deployment: Deployment) -> list[SequencePlan]:
    """Tell the story of a deployment, in the order of time. Exactly its blanks are blank."""
    rng = np.random.default_rng((config.seed, 2, deployment.location, deployment.number))
    blanks, animals = deployment.num_blank, deployment.num_images - deployment.num_blank
    night_share = 0.2 + 0.35 * config.difficulty
    stories: list[tuple[tuple[bool, ...], float]] = []
    while blanks + animals:
        is_night = bool(rng.random() < night_share)
        hour = float((20.0 + rng.uniform(0.0, 9.5)) % 24 if is_night else rng.uniform(6.2, 19.3))
        size = 1 if is_night and rng.random() < 0.6 else int(rng.choice([1, 2, 3], p=[0.15, 0.2, 0.65]))
        present = _choose_frames(rng, size, blanks, animals)
        blanks -= present.count(False)
        animals -= present.count(True)
        stories.append((present, hour))
    # One deployment follows the other; where there are very many, several cameras run side by side.
    first_day = int(np.random.default_rng((config.seed, 7, deployment.location)).integers(0, 300))
    start = datetime(2020, 3, 1) + timedelta(days=first_day + 70 * (deployment.number % 20))
    days = rng.integers(0, max(6, len(stories) // 6), len(stories))
    clouds = rng.beta(0.7, 0.7, int(days.max()) + 1)
    order = sorted(range(len(stories)), key=lambda one: (days[one], stories[one][1]))
    plans: list[SequencePlan] = []
    earliest, first_image = start, 0
    for number, one in enumerate(order):
        present, hour = stories[one]
        taken = start + timedelta(days=int(days[one]), seconds=int(hour * 3600))
        taken = max(taken, earliest) + timedelta(milliseconds=int(rng.integers(0, 1000)))
        earliest = taken.replace(microsecond=0) + timedelta(seconds=90)
        # What triggered a blank sequence was the wind.
        calm = 0.1 if any(present) else 0.25
        plans.append(
            SequencePlan(
                number=number,
                first_image=first_image,
                present=present,
                taken=taken,
                cloud=float(np.clip(clouds[days[one]] + rng.normal(0.0, 0.08), 0.0, 1.0)),
                wind=float(rng.uniform(calm, calm + 0.3 + 0.5 * config.difficulty)),
                exposure=float(np.clip(rng.normal(1.0, 0.07), 0.8, 1.2)),
                temperature_c=round(14 + 8 * np.sin((hour - 9) / 24 * 2 * np.pi) + rng.normal(0, 3)),
                seed=int(rng.integers(0, 2**62)),
            )
        )
        first_image += len(present)
    return plans


def _choose_frames(rng: np.random.Generator, size: int, blanks: int, animals: int) -> tuple[bool, ...]:
    """Choose which frames have an animal, within what is left of both kinds."""
    # A visit of three frames has two with the animal on average, so blank sequences are a little rarer.
    is_blank = rng.random() * (blanks + 0.62 * animals) < 0.72 * blanks
    if blanks and (is_blank or not animals):
        return (False,) * min(size, blanks)
    choices: list[tuple[bool, ...]] = [(True,)]
    if size == 2:
        choices = [(True, True), (True, True), (True, False), (False, True)]
    elif size == 3:
        whole = (True, True, True)
        choices = [whole, whole, whole, (True, True, False), (True, False, False)]
        choices += [(False, True, True), (False, False, True), (False, True, False)]
    fitting = [one for one in choices if one.count(True) <= animals and one.count(False) <= blanks]
    return fitting[int(rng.integers(len(fitting)))] if fitting else (True,)
