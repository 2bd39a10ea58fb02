"""What happens at drawn places, and when: deployments, sequences, and who walks through them.

Owns: the exact numbers of blank and nonblank media, and the story of every sequence. Refuses: pixels.
All of it follows from the seed alone, deployment by deployment, so that nothing has to be remembered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from blanktrap.core.config import ArchiveConfig
from blanktrap.vision.animals import Pose
from blanktrap.vision.scenery import Scenery
from blanktrap.vision.scenes import Actor
from blanktrap.vision.species import SPECIES, Species

# Location names with what real folders have: hyphens, spaces, umlauts.
_PLACES = ("Alder", "Birch", "Cliff", "Dell", "Mühlbach", "Fern", "Gorge", "Heath", "Iron Ford", "Knoll")
_DEPLOYMENT_IMAGES = 400
_SIDE_PX_PER_M = 0.62
"""Apparent size of a metre at the lower edge, in share of the picture's height."""


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
    done_blank = 0
    for location in range(config.num_locations):
        name = f"{_PLACES[location % len(_PLACES)]} {location + 1:0{digits}d}"
        name = name if location % 10 in (4, 8) else name.replace(" ", "-")
        start, stop = int(edges[location]), int(edges[location + 1])
        num_parts = max(1, -(-(stop - start) // _DEPLOYMENT_IMAGES), min(2, (stop - start) // 24))
        for number in range(num_parts):
            first = start + (stop - start) * number // num_parts
            last = start + (stop - start) * (number + 1) // num_parts
            wobble = 0.0 if last == config.num_images else rng.uniform(-0.1, 0.1) * (last - first)
            due = round(config.blank_rate * last + wobble) - done_blank
            num_blank = int(np.clip(due, 0, last - first))
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
    start = datetime(2023, 3, 1) + timedelta(days=int(rng.integers(0, 500)) + 60 * deployment.number)
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
        low, high = (
            (0.1, 0.4 + 0.6 * config.difficulty) if any(present) else (0.25, 0.55 + 0.45 * config.difficulty)
        )
        plans.append(
            SequencePlan(
                number=number,
                first_image=first_image,
                present=present,
                taken=taken,
                cloud=float(np.clip(clouds[days[one]] + rng.normal(0.0, 0.08), 0.0, 1.0)),
                wind=float(rng.uniform(low, high)),
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


def stage_visit(
    scenery: Scenery, plan: SequencePlan, *, difficulty: float
) -> list[tuple[tuple[Actor, ...], Species | None]]:
    """Say for each frame of a sequence which animals are where.

    Args:
        scenery: the place.
        plan: the sequence.
        difficulty: in [0, 1]; smaller, better hidden, better camouflaged, more at the border.

    Returns:
        For each frame its animals and their species; nothing and None in a blank frame.
    """
    if not any(plan.present):
        return [((), None)] * len(plan.present)
    rng = np.random.default_rng((plan.seed, 3))
    share = np.array([species.share for species in SPECIES])
    species = SPECIES[int(rng.choice(len(SPECIES), p=share / share.sum()))]
    is_herd = species.name in ("moor deer", "bristle boar") and rng.random() < 0.3
    walkers = [
        _Walker.choose(rng, scenery, species, plan, difficulty)
        for _ in range(int(rng.integers(2, 4)) if is_herd else 1)
    ]
    if is_herd:
        # A herd keeps together: all go the way of the first, one behind the other.
        walkers = [walkers[0], *(walker.behind(walkers[0], rng) for walker in walkers[1:])]
    return [
        (tuple(walker.at(frame) for walker in walkers), species) if seen else ((), None)
        for frame, seen in enumerate(plan.present)
    ]


@dataclass(frozen=True, kw_only=True)
class _Walker:
    """One animal on its way through the picture."""

    species: Species
    coat: tuple[float, float, float]
    height_px: float
    x_px: float
    """Column at frame `since`."""
    since: int
    step_px: float
    """Columns moved from frame to frame, negative to the left."""
    foot_px: float
    grazing: bool
    stride: float
    blur_px: float
    eyes_shine: bool
    seed: int

    @staticmethod
    def choose(
        rng: np.random.Generator, scenery: Scenery, species: Species, plan: SequencePlan, difficulty: float
    ) -> "_Walker":
        full = scenery.height_px
        metre = species.height_m * _SIDE_PX_PER_M * full
        highest = min(0.98, 0.5 * full / metre)
        lowest = min(highest - 0.05, max(0.16, (0.2 - 0.16 * difficulty) * full / metre))
        near = lowest + (highest - lowest) * float(rng.random()) ** (0.8 + difficulty)
        tufts = [
            prop
            for prop in scenery.props
            if prop.hides and lowest <= scenery.nearness(prop.foot_px) <= highest
        ]
        in_grass = bool(tufts) and rng.random() < 0.1 + 0.5 * difficulty
        tuft = tufts[int(rng.integers(len(tufts)))] if in_grass else None
        if tuft is not None:
            near = scenery.nearness(tuft.foot_px - 1.0)
        height_px = metre * near * float(rng.uniform(0.9, 1.1))
        to_left = bool(rng.random() < 0.5)
        pace = float(rng.uniform(0.25, 1.1)) * height_px * (-1 if to_left else 1)
        present = plan.present
        middle = present.index(True) + (present.count(True) - 1) // 2
        width = scenery.width_px
        x = tuft.x_px if tuft is not None else float(rng.uniform(0.18, 0.82)) * width
        # How far the middle of the body stands inside the border, in heights of its back.
        depth = float(rng.uniform(0.15, 1.0 - 0.5 * difficulty)) * height_px
        if not present[0] or (all(present) and rng.random() < 0.1 + 0.3 * difficulty):
            x, middle = (width - depth if to_left else depth), present.index(True)
        elif not present[-1]:
            x, middle = (depth if to_left else width - depth), len(present) - 1 - present[::-1].index(True)
        hiding = float(np.clip(0.1 + 0.55 * difficulty * rng.random() + 0.1 * rng.normal(), 0.0, 0.7))
        ground = np.array(scenery.palette.ground_a) * 0.5 + np.array(scenery.palette.ground_b) * 0.5
        coat = np.array(species.coat) * float(rng.uniform(0.85, 1.12)) * (1 - hiding) + ground * 0.8 * hiding
        is_blurred = rng.random() < 0.15 + 0.3 * difficulty
        return _Walker(
            species=species,
            coat=(float(coat[0]), float(coat[1]), float(coat[2])),
            height_px=height_px,
            x_px=float(np.clip(x, 0.1 * height_px, width - 0.1 * height_px)),
            since=middle,
            step_px=pace,
            foot_px=scenery.row_at(near),
            grazing=species.grazes and rng.random() < 0.3,
            stride=float(rng.random()),
            blur_px=float(rng.uniform(2.0, 4.0 + 9.0 * difficulty)) if is_blurred else 0.0,
            eyes_shine=bool(rng.random() < 0.8),
            seed=int(rng.integers(0, 2**31)),
        )

    def behind(self, leader: "_Walker", rng: np.random.Generator) -> "_Walker":
        """The same animal, following another at a little distance."""
        size = float(rng.uniform(0.75, 1.05))
        back = -np.sign(leader.step_px) * leader.height_px * float(rng.uniform(0.9, 2.2))
        return _Walker(
            **{
                **vars(leader),
                "height_px": leader.height_px * size,
                "x_px": leader.x_px + back,
                "foot_px": leader.foot_px - leader.height_px * float(rng.uniform(0.02, 0.12)),
                "stride": self.stride,
                "grazing": self.grazing,
                "seed": self.seed,
            }
        )

    def at(self, frame: int) -> Actor:
        """Where it is in a frame of the sequence."""
        moved = frame - self.since
        return Actor(
            pose=Pose(
                species=self.species,
                height_px=self.height_px,
                stride=self.stride + 0.31 * moved,
                facing_left=self.step_px < 0,
                grazing=self.grazing,
                coat=self.coat,
                seed=self.seed,
            ),
            x_px=self.x_px + self.step_px * moved * (0.3 if self.grazing else 1.0),
            foot_px=self.foot_px,
            blur_px=self.blur_px,
            eyes_shine=self.eyes_shine,
        )
