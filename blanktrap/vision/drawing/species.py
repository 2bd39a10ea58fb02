"""The species of the drawn archive, all of our own invention.

Owns: how each is built and coloured, and how often it comes by. Refuses: drawing.

Shapes are given in heights of the back: x forward from the middle of the body, y up from the ground.
"""

from dataclasses import dataclass

from blanktrap.vision.drawing.plants import Colour

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Species:
    """How one species is built and coloured."""

    name: str
    share: float
    """Relative frequency."""
    height_m: float
    """Height of the back in metres."""
    coat: Colour
    belly: Colour
    back: Points
    """Outline of body, neck and head, clockwise from the root of the tail."""
    legs: tuple[float, ...]
    """Forward position of each leg at the body; hind and fore, far and near."""
    leg_width: float
    leg_top: float
    """Height at which the legs leave the body."""
    tail: Points
    tail_width: float
    ears: tuple[Points, ...]
    eye: tuple[float, float]
    antlers: bool = False
    stripe: Points = ()
    """A pale stripe, such as a badger's."""
    pattern: float = 0.0
    """Strength of spots in the coat, from 0 to 1."""
    grazes: bool = False
    """Whether its neck is long enough to reach the ground."""


SPECIES = (
    Species(
        name="moor deer",
        share=0.36,
        height_m=1.0,
        coat=(150, 102, 62),
        belly=(196, 164, 126),
        back=((-0.66, 0.86), (-0.45, 1.0), (0.0, 0.95), (0.36, 1.02), (0.54, 1.22), (0.68, 1.46), (0.8, 1.56),
              (0.93, 1.52), (1.1, 1.4), (1.12, 1.32), (0.94, 1.32), (0.82, 1.28), (0.72, 1.06), (0.62, 0.78),
              (0.44, 0.58), (0.1, 0.54), (-0.3, 0.56), (-0.58, 0.62), (-0.7, 0.74)),
        legs=(-0.56, -0.46, 0.36, 0.46),
        leg_width=0.085,
        leg_top=0.68,
        tail=((-0.66, 0.88), (-0.78, 0.78)),
        tail_width=0.06,
        ears=(((0.72, 1.52), (0.6, 1.74), (0.8, 1.6)), ((0.8, 1.54), (0.78, 1.78), (0.88, 1.58))),
        eye=(0.91, 1.45),
        antlers=True,
        grazes=True,
    ),
    Species(
        name="bristle boar",
        share=0.2,
        height_m=0.85,
        coat=(82, 68, 58),
        belly=(70, 58, 50),
        back=((-0.82, 0.7), (-0.66, 0.9), (-0.2, 1.0), (0.25, 1.04), (0.6, 0.92), (0.86, 0.74), (1.08, 0.52),
              (1.24, 0.42), (1.24, 0.32), (1.0, 0.3), (0.78, 0.3), (0.56, 0.3), (0.2, 0.3), (-0.3, 0.32),
              (-0.7, 0.4), (-0.84, 0.54)),
        legs=(-0.66, -0.52, 0.34, 0.48),
        leg_width=0.1,
        leg_top=0.45,
        tail=((-0.82, 0.72), (-0.95, 0.6), (-0.93, 0.46)),
        tail_width=0.035,
        ears=(((0.58, 0.88), (0.52, 1.12), (0.72, 0.86)), ((0.66, 0.84), (0.64, 1.08), (0.78, 0.8))),
        eye=(0.9, 0.6),
    ),
    Species(
        name="amber fox",
        share=0.14,
        height_m=0.5,
        coat=(190, 104, 48),
        belly=(214, 196, 172),
        back=((-0.78, 0.82), (-0.5, 0.98), (0.0, 0.94), (0.45, 0.98), (0.66, 1.1), (0.82, 1.24), (0.98, 1.22),
              (1.12, 1.08), (1.36, 0.98), (1.36, 0.92), (1.1, 0.9), (0.92, 0.86), (0.76, 0.74), (0.5, 0.52),
              (0.1, 0.52), (-0.4, 0.56), (-0.7, 0.6)),
        legs=(-0.64, -0.5, 0.44, 0.56),
        leg_width=0.1,
        leg_top=0.66,
        tail=((-0.72, 0.82), (-1.05, 0.6), (-1.35, 0.42)),
        tail_width=0.2,
        ears=(((0.78, 1.2), (0.76, 1.48), (0.92, 1.24)), ((0.9, 1.22), (0.94, 1.46), (1.02, 1.18))),
        eye=(1.08, 1.1),
        grazes=True,
    ),
    Species(
        name="field hare",
        share=0.12,
        height_m=0.34,
        coat=(150, 124, 90),
        belly=(206, 196, 178),
        back=((-0.66, 0.5), (-0.6, 0.86), (-0.3, 1.02), (0.1, 0.9), (0.36, 0.86), (0.5, 1.02), (0.66, 1.12),
              (0.82, 1.04), (0.94, 0.9), (0.9, 0.8), (0.72, 0.72), (0.6, 0.52), (0.5, 0.28), (0.1, 0.2),
              (-0.3, 0.14), (-0.6, 0.2)),
        legs=(-0.42, -0.3, 0.4, 0.5),
        leg_width=0.11,
        leg_top=0.34,
        tail=((-0.66, 0.5), (-0.76, 0.58)),
        tail_width=0.16,
        ears=(((0.5, 1.04), (0.26, 1.62), (0.48, 1.6), (0.62, 1.1)),
              ((0.58, 1.08), (0.46, 1.7), (0.62, 1.66), (0.7, 1.1))),
        eye=(0.76, 0.98),
    ),
    Species(
        name="crested fowl",
        share=0.09,
        height_m=0.4,
        coat=(96, 78, 70),
        belly=(134, 96, 66),
        back=((-0.6, 0.9), (-0.3, 0.98), (0.1, 0.98), (0.34, 1.14), (0.42, 1.42), (0.54, 1.54), (0.66, 1.48),
              (0.82, 1.4), (0.66, 1.36), (0.58, 1.16), (0.54, 0.86), (0.38, 0.56), (0.0, 0.44),
              (-0.36, 0.58)),
        legs=(-0.04, 0.1),
        leg_width=0.05,
        leg_top=0.54,
        tail=((-0.5, 0.86), (-0.95, 0.95), (-1.35, 1.1)),
        tail_width=0.17,
        ears=(((0.46, 1.48), (0.34, 1.7), (0.56, 1.54)),),
        eye=(0.62, 1.45),
        pattern=0.5,
    ),
    Species(
        name="brush cat",
        share=0.06,
        height_m=0.42,
        coat=(148, 132, 106),
        belly=(196, 184, 160),
        back=((-0.84, 0.84), (-0.5, 0.98), (0.0, 0.9), (0.46, 0.98), (0.66, 1.14), (0.84, 1.24), (1.02, 1.18),
              (1.14, 1.04), (1.12, 0.94), (0.98, 0.88), (0.8, 0.86), (0.66, 0.66), (0.4, 0.52), (-0.1, 0.5),
              (-0.6, 0.54), (-0.82, 0.66)),
        legs=(-0.7, -0.56, 0.42, 0.54),
        leg_width=0.12,
        leg_top=0.64,
        tail=((-0.82, 0.82), (-1.1, 0.56), (-1.2, 0.3), (-1.36, 0.36)),
        tail_width=0.1,
        ears=(((0.78, 1.22), (0.78, 1.4), (0.92, 1.26)), ((0.92, 1.24), (0.98, 1.38), (1.04, 1.16))),
        eye=(1.04, 1.08),
        pattern=1.0,
        grazes=True,
    ),
    Species(
        name="banded badger",
        share=0.03,
        height_m=0.36,
        coat=(112, 108, 104),
        belly=(52, 48, 46),
        back=((-0.98, 0.6), (-0.7, 0.92), (-0.2, 1.02), (0.3, 0.94), (0.7, 0.84), (1.0, 0.72), (1.3, 0.5),
              (1.3, 0.4), (1.0, 0.36), (0.6, 0.28), (0.0, 0.22), (-0.6, 0.24), (-0.92, 0.36)),
        legs=(-0.7, -0.5, 0.4, 0.6),
        leg_width=0.17,
        leg_top=0.36,
        tail=((-0.94, 0.62), (-1.2, 0.5)),
        tail_width=0.15,
        ears=(((0.74, 0.82), (0.76, 0.96), (0.88, 0.8)),),
        eye=(1.08, 0.58),
        stripe=((0.6, 0.84), (1.28, 0.5), (1.26, 0.44), (0.62, 0.66)),
    ),
)  # fmt: skip
