"""Frames of a drawn place: wind moves them, animals are where their boxes are, equal seeds are equal."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from blanktrap.vision.drawing.animals import Pose, draw_animal
from blanktrap.vision.drawing.pieces import draw_seen_frame
from blanktrap.vision.drawing.scenery import Scenery, draw_scenery
from blanktrap.vision.drawing.scenes import Actor, Moment, draw_frame
from blanktrap.vision.drawing.species import SPECIES

NOON = Moment(taken=datetime(2024, 5, 1, 12), cloud=0.2, wind=0.5, seed=1)
NIGHT = replace(NOON, taken=datetime(2024, 5, 1, 23))


@pytest.fixture(scope="module")
def scenery() -> Scenery:
    return draw_scenery((0, 4), width_px=320, height_px=226, difficulty=0.3)


def actor_at(scenery: Scenery, x_px: float, *, near: float = 0.7, species: int = 0) -> Actor:
    kind = SPECIES[species]
    pose = Pose(
        species=kind, height_px=50, stride=0.2, facing_left=False, grazing=False, coat=kind.coat, seed=5
    )
    return Actor(pose=pose, x_px=x_px, foot_px=scenery.row_at(near))


def pixels_of(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image, dtype=np.float64)


def test_equal_moments_give_equal_pixels(scenery: Scenery) -> None:
    first, second = (draw_frame(scenery, NOON).image.tobytes() for _ in range(2))
    assert first == second


def test_wind_moves_a_blank_burst_beyond_its_noise(scenery: Scenery) -> None:
    gusty = [draw_frame(scenery, replace(NOON, wind=0.8, seed=seed)).image for seed in (1, 2, 3)]
    calm = [draw_frame(scenery, replace(NOON, wind=0.0, seed=seed)).image for seed in (1, 2)]
    in_calm = np.abs(pixels_of(calm[0]) - pixels_of(calm[1])).mean()
    for one, two in ((0, 1), (1, 2), (0, 2)):
        in_wind = np.abs(pixels_of(gusty[one]) - pixels_of(gusty[two])).mean()
        assert in_wind > 1.3 * in_calm


def test_night_is_grey_and_day_is_not(scenery: Scenery) -> None:
    night, day = (pixels_of(draw_frame(scenery, moment).image) for moment in (NIGHT, NOON))
    assert np.ptp(night, axis=2).max() == 0
    assert np.ptp(day, axis=2).mean() > 5


@pytest.mark.parametrize("moment", [NOON, NIGHT], ids=["day", "night"])
@pytest.mark.parametrize("species", range(len(SPECIES)), ids=[kind.name for kind in SPECIES])
def test_animal_changes_the_picture_inside_its_box(scenery: Scenery, moment: Moment, species: int) -> None:
    frame = draw_frame(scenery, moment, (actor_at(scenery, 160, near=0.95, species=species),))
    box = frame.boxes[0]
    assert box is not None
    assert frame.seen[0] > 0.6
    left, top, width, height = (int(value) for value in box)
    changed = np.abs(pixels_of(frame.image) - pixels_of(draw_frame(scenery, moment).image)).max(axis=2)
    assert (changed[top : top + height, left : left + width] > 12).mean() > 0.15
    assert (changed[:, : left - 60] > 12).mean() < 0.02


def test_animal_beyond_the_border_has_no_box_and_half_of_one_a_clipped_box(scenery: Scenery) -> None:
    gone, half = actor_at(scenery, -200), actor_at(scenery, 0)
    frame = draw_frame(scenery, NOON, (gone, half))
    assert frame.boxes[0] is None
    assert frame.seen[0] == 0
    assert frame.boxes[1] is not None
    assert frame.boxes[1][0] == 0
    assert 0.2 < frame.seen[1] < 0.8


def test_animal_that_nobody_could_see_is_brought_nearer(scenery: Scenery) -> None:
    hidden = actor_at(scenery, -200)
    frame, boxes = draw_seen_frame(scenery, NOON, (hidden,), min_seen=0.4)
    assert frame.seen[0] >= 0.4
    assert len(boxes) == 1


def test_facing_left_mirrors_the_animal() -> None:
    pose = actor_at(draw_scenery((1,), width_px=64, height_px=64, difficulty=0), 0).pose
    right, left = draw_animal(pose), draw_animal(replace(pose, facing_left=True))
    assert left.image.tobytes() == right.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).tobytes()
    assert right.eye_px[0] > right.middle_px
    assert left.eye_px[0] < left.middle_px


def test_places_differ_and_the_same_seed_is_the_same_place() -> None:
    first, second, other = (
        draw_scenery(seed, width_px=160, height_px=112, difficulty=0.3) for seed in ((1, 1), (1, 1), (1, 2))
    )
    assert first.plate.tobytes() == second.plate.tobytes()
    assert np.abs(pixels_of(first.plate) - pixels_of(other.plate)).mean() > 10
