"""Who walks through a drawn place, and how: one sequence at a time.

Owns: species, size, way and coat of the animals in every frame, and what difficulty means for them.
Refuses: pixels.
"""

from dataclasses import dataclass

import numpy as np

from blanktrap.vision.drawing.animals import Pose
from blanktrap.vision.drawing.plants import Colour
from blanktrap.vision.drawing.scenery import Scenery
from blanktrap.vision.drawing.scenes import Actor
from blanktrap.vision.drawing.sightings import SequencePlan
from blanktrap.vision.drawing.species import SPECIES, Species

_SIDE_PX_PER_M = 0.82
"""Apparent size of a metre at the lower edge, in share of the picture's height."""


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
    coat: Colour
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
        highest = min(0.97, (0.6 - 0.2 * difficulty) * full / metre)
        least = 0.035 + 0.37 * (1.0 - difficulty) ** 1.5
        lowest = min(highest - 0.05, max(0.16, least * full / metre))
        near = lowest + (highest - lowest) * float(rng.random()) ** (0.7 + 1.1 * difficulty)
        tufts = [
            prop
            for prop in scenery.props
            if prop.hides and lowest <= scenery.nearness(prop.foot_px) <= highest
        ]
        in_grass = bool(tufts) and rng.random() < 0.05 + 0.5 * difficulty
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
        depth = float(rng.uniform(0.7 - 0.6 * difficulty, 1.3 - 0.7 * difficulty)) * height_px
        if not present[0] or (all(present) and rng.random() < 0.05 + 0.35 * difficulty):
            x, middle = (width - depth if to_left else depth), present.index(True)
        elif not present[-1]:
            x, middle = (depth if to_left else width - depth), len(present) - 1 - present[::-1].index(True)
        coat = _coat_of(rng, species, scenery, difficulty)
        is_blurred = rng.random() < 0.1 + 0.35 * difficulty
        return _Walker(
            species=species,
            coat=coat,
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


def _coat_of(rng: np.random.Generator, species: Species, scenery: Scenery, difficulty: float) -> Colour:
    """The coat of one animal: drawn towards the colour of the ground where hard, away from it where easy."""
    ground = 0.45 * (np.array(scenery.palette.ground_a) + np.array(scenery.palette.ground_b))
    coat = np.array(species.coat) * float(rng.uniform(0.88, 1.1))
    apart = 1.0 + 0.7 * (1.0 - difficulty) ** 2 - 0.75 * difficulty**1.5 * float(rng.random())
    red, green, blue = np.clip(ground + (coat - ground) * apart, 14.0, 235.0).tolist()
    return red, green, blue
