"""Look-alikes come into one group, and the middle of a group is more typical than its edge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.selection.suggestions import of_length_one
from blanktrap.core.selection.typicality import MAX_GROUPS, NUM_NEIGHBOURS, group_alike, typicality


def at(*degrees: float) -> np.ndarray:
    """Points on the circle."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_two_crowds_are_two_groups_wherever_they_begin():
    # The first two points, where the groups begin, are of one crowd: k-means parts the crowds all the same.
    degrees = [0, 1, *np.linspace(0, 5, 18), *np.linspace(90, 95, 20)]
    groups = group_alike(at(*degrees), num_groups=2)
    assert len(set(groups[:20])) == len(set(groups[20:])) == 1
    assert groups[0] != groups[-1]


def test_groups_have_twenty_media_on_average_at_the_least():
    degrees = np.linspace(0, 170, 59)
    assert group_alike(at(*degrees), num_groups=30).max() == 1  # 59 // 20 groups


def test_a_hand_worked_typicality():
    # Chords of a unit circle: 2 sin(angle / 2). Alone in its group nothing is typical.
    points, groups = at(0, 10, 30, 120), np.asarray([0, 0, 0, 1])
    ten, twenty, thirty = (2 * np.sin(np.radians(angle) / 2) for angle in (10, 20, 30))
    expected = [2 / (ten + thirty), 2 / (ten + twenty), 2 / (twenty + thirty), 0.0]
    assert typicality(points, groups) == pytest.approx(expected, rel=1e-4)


def test_only_the_nearest_twenty_of_a_group_count():
    # Twenty-one points within a degree, and one far off, which would spoil the mean.
    crowd = at(*np.linspace(0.0, 1.0, 21), 170.0)
    typical = typicality(crowd, np.zeros(22, int))
    assert typical[10] > 1 / (2 * np.sin(np.radians(1.0) / 2))
    assert typical.argmin() == 21


def test_copies_of_one_picture_have_a_finite_typicality():
    copies = np.repeat(at(45), 30, axis=0)
    assert np.isfinite(typicality(copies, np.zeros(30, int))).all()


@given(st.integers(1, 200), st.integers(1, 700), st.integers(0, 5))
def test_every_media_has_one_group_of_those_allowed(num_media: int, num_groups: int, seed: int) -> None:
    features = np.random.default_rng(seed).normal(size=(num_media, 8)).astype(np.float32)
    features[::7] = 0.0  # such as a network that sees nothing
    features = of_length_one(features)
    groups = group_alike(features, num_groups=num_groups)
    assert groups.shape == (num_media,)
    assert (
        0 <= groups.min() <= groups.max() < max(1, min(num_groups, MAX_GROUPS, num_media // NUM_NEIGHBOURS))
    )
    typical = typicality(features, groups)
    assert np.isfinite(typical).all()
    sizes = np.bincount(groups)[groups]
    assert ((typical > 0) == (sizes > 1)).all()
