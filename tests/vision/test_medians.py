"""The fast median is numpy's."""

import numpy as np
import pytest

from blanktrap.vision.medians import _exchanges, median_of


@pytest.mark.parametrize("num_images", range(1, 26))
def test_median_is_numpys(num_images: int) -> None:
    # Enough pixels that every order of a few values occurs.
    images = np.random.default_rng(num_images).integers(0, 7, (num_images, 40, 50))
    expected = np.median(images, axis=0)
    assert (median_of(images.astype(np.float32)) == expected).all()
    assert (median_of(images.astype(np.int16)) == np.floor(expected)).all()


@pytest.mark.parametrize(
    ("kind", "values", "middle"),
    [
        (np.uint8, (3, 251, 254, 255), 252),
        (np.int8, (-128, -128, 127, 127), -1),
        (np.float32, (3, 251, 254, 255), 252.5),
    ],
)
def test_type_stays_and_extreme_values_fit(
    kind: type[np.generic], values: tuple[int, ...], middle: float
) -> None:
    images = np.broadcast_to(np.array(values, kind)[:, None, None], (4, 2, 2)).copy()
    before = images.copy()
    found = median_of(images[::-1])
    assert found.dtype == kind
    assert (found == middle).all()
    assert (images == before).all()


def test_one_image_is_its_own_median_and_not_shared() -> None:
    images = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    found = median_of(images)
    found[0, 0] = 9
    assert images[0, 0, 0] == 0


def test_a_dozen_images_take_few_exchanges() -> None:
    assert len(_exchanges(12)) <= 41
