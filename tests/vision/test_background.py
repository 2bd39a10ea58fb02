"""What changed at a place, and nothing else, shows in the difference."""

import numpy as np
import pytest

from blanktrap.vision.background import (
    NO_CHANGE,
    Change,
    see_change,
    small_luminance,
    with_change,
    without_background,
)
from tests.vision.places import frame, scene

TOP, LEFT = 40, 60


def changes(now: np.ndarray, others: list[np.ndarray], alike: list[bool] | None = None) -> Change:
    is_alike = np.array(alike if alike is not None else [True] * len(others))
    return see_change(small_luminance(now), np.stack([small_luminance(one) for one in others]), is_alike)


def apart(change: Change) -> np.ndarray:
    return np.asarray(change.difference.astype(int) - NO_CHANGE)


def neighbours(num: int = 7) -> list[np.ndarray]:
    return [frame(1, number) for number in range(1, num + 1)]


def shows_animal(change: Change) -> bool:
    """Darker where the animal is, and next to nothing beyond its surroundings."""
    found = apart(change)
    beyond = np.ones(found.shape, bool)
    beyond[TOP - 12 : TOP + 28, LEFT - 12 : LEFT + 32] = False
    inside = found[TOP + 2 : TOP + 14, LEFT + 2 : LEFT + 18]
    return bool(np.median(inside) < -40 and np.abs(found[beyond]).max() < 60)


def test_an_animal_shows_and_nothing_else() -> None:
    change = changes(frame(1, 0, (TOP, LEFT)), neighbours())
    assert change.has_background
    assert (change.mask == 255).all()
    assert shows_animal(change)
    blank = apart(changes(frame(1, 0), neighbours()))
    assert np.abs(blank).max() < 60
    assert np.median(np.abs(blank)) < 24  # within the noise itself


def test_neighbours_with_animals_of_their_own_do_no_harm() -> None:
    others = neighbours()
    others[0], others[3] = frame(1, 1, (TOP, LEFT)), frame(1, 4, (10, 20))
    assert shows_animal(changes(frame(1, 0, (TOP, LEFT)), others))


def test_light_that_changes_smoothly_is_no_change() -> None:
    reach = np.linspace(0.6, 1.15, 128)[None, :, None]
    dimmed = (frame(1, 0, (TOP, LEFT)) * reach).clip(0, 255).astype(np.uint8)
    assert shows_animal(changes(dimmed, neighbours()))


@pytest.mark.parametrize("alike", [[], [True, True], [False] * 7, [True, False, True, False, False]])
def test_too_few_neighbours_in_the_same_light_are_no_background(alike: list[bool]) -> None:
    change = changes(frame(1, 0), neighbours(len(alike)) or neighbours(1), alike or [False])
    assert not change.has_background
    assert not change.mask.any()
    assert (change.difference == NO_CHANGE).all()


def test_a_knocked_camera_is_laid_over_and_its_border_is_masked() -> None:
    shifted = [np.roll(one, (3, -4), (0, 1)) for one in neighbours()]
    for one in shifted:
        one[:3] = one[:, -4:] = 90  # what came into view
    change = changes(frame(1, 0, (TOP, LEFT)), shifted)
    assert shows_animal(change)
    # Moved back, rows at the bottom and columns at the left are not covered.
    assert not change.mask[-3:].any()
    assert not change.mask[:, :4].any()
    assert (change.mask[:-3, 4:] == 255).all()
    assert (change.difference[change.mask == 0] == NO_CHANGE).all()


def test_another_view_is_no_background() -> None:
    assert not changes(frame(1, 0), [frame(2, number) for number in range(6)]).has_background


def test_after_a_camera_was_turned_only_the_new_view_counts() -> None:
    mixed = [*neighbours(4), *(frame(2, number) for number in range(6))]
    assert shows_animal(changes(frame(1, 0, (TOP, LEFT)), mixed))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("level", [0, 130, 255])
def test_images_of_one_level_are_no_error(level: int) -> None:
    flat = np.full((96, 128, 3), level, np.uint8)
    change = changes(flat, [flat] * 4)
    assert (change.difference == NO_CHANGE).all()


@pytest.mark.parametrize(("height_px", "width_px"), [(375, 500), (96, 128), (33, 47), (32, 600)])
def test_small_images_and_channels_fit_any_input(height_px: int, width_px: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
    small = small_luminance(pixels)
    assert max(small.shape) <= 256
    change = see_change(small, np.stack([small] * 4), np.ones(4, bool))
    joined = with_change(pixels, change)
    assert joined.shape == (height_px, width_px, 5)
    assert np.array_equal(joined[..., :3], pixels)
    assert (joined[..., 3] == NO_CHANGE).all()
    assert (joined[..., 4] == 255).all()
    nothing = without_background(joined)
    assert np.array_equal(nothing[..., :3], pixels)
    assert not nothing[..., 4].any()


def test_the_same_frames_give_the_same_bytes() -> None:
    one, again = (changes(frame(1, 0, (TOP, LEFT)), neighbours()) for _ in range(2))
    assert np.array_equal(one.difference, again.difference)
    assert scene(1).shape == (96, 128, 3)
