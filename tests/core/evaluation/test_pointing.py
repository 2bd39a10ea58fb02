"""The pointing game: shares by hand, the better of two blind rivals, intervals by location."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.evaluation.pointing import PointingFigures, measure_pointing


def play(hits: list[bool], locations: list[str | None], **more: object) -> PointingFigures | None:
    num = len(hits)
    facts: dict[str, object] = {
        "is_hit": hits,
        "is_flat": [False] * num,
        "random_shares": [0.2] * num,
        "centre_hits": [False] * num,
        "is_near": hits,
        "near_random_shares": [0.3] * num,
        "near_centre_hits": [False] * num,
    }
    return measure_pointing(locations=locations, **{**facts, **more})  # type: ignore[arg-type]


def test_shares_of_a_game_worked_by_hand() -> None:
    # Four media: three hits; boxes cover 0.1, 0.2, 0.3 and 0.4 (mean 0.25); the centre hits two (0.5), so the
    # gain is 0.75 - 0.5. With the margin all four are hit.
    found = play(
        [True, True, True, False],
        ["a", "a", "b", "b"],
        random_shares=[0.1, 0.2, 0.3, 0.4],
        centre_hits=[True, False, True, False],
        is_near=[True] * 4,
        near_centre_hits=[True, True, True, False],
        is_flat=[False, False, False, True],
    )
    assert found is not None
    assert (found.num_media, found.num_hits, found.num_flat, found.num_locations) == (4, 3, 1, 2)
    assert found.share == 0.75
    assert found.random_share == pytest.approx(0.25)
    assert found.centre_share == 0.5
    assert found.gain == pytest.approx(0.25)
    assert (found.tolerant_share, found.tolerant_centre_share) == (1.0, 0.75)
    assert found.tolerant_random_share == pytest.approx(0.3)


def test_the_better_of_the_two_rivals_is_the_one_to_beat() -> None:
    centre = play([True, True], ["a", "b"], centre_hits=[True, False])
    random = play([True, True], ["a", "b"], random_shares=[0.6, 0.8])
    assert centre is not None
    assert random is not None
    assert centre.gain == pytest.approx(1.0 - 0.5)
    assert "+50.0 points against the image centre" in " ".join(centre.lines())
    assert random.gain == pytest.approx(1.0 - 0.7)
    assert "+30.0 points against the random point" in " ".join(random.lines())


def test_one_location_has_no_interval_and_says_so() -> None:
    found = play([True, False, True], ["a"] * 3)
    assert found is not None
    assert found.interval is None
    assert found.gain_interval is None
    assert "no interval" in found.lines()[-1]


def test_no_media_no_figures() -> None:
    assert play([], []) is None


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["a", "b", "c", None])), min_size=1, max_size=40))
def test_intervals_hold_their_share(media: list[tuple[bool, str | None]]) -> None:
    found = play([hit for hit, _ in media], [place for _, place in media])
    assert found is not None
    assert found.share == np.mean([hit for hit, _ in media])
    assert found.num_locations == len({place for _, place in media})
    if found.interval is not None:
        assert found.interval.low <= found.share <= found.interval.high
        assert found.gain_interval is not None
        assert found.gain_interval.low <= found.gain + 1e-12
        assert found.gain <= found.gain_interval.high + 1e-12
    assert all("nan" not in line for line in found.lines())


def test_the_interval_of_the_gain_is_against_the_same_rival() -> None:
    # Every media is hit, and the better rival is the same everywhere: the gain cannot differ between
    # locations, however the other rival does.
    random = play([True] * 4, list("abcd"), random_shares=[0.6] * 4, centre_hits=[True, False, True, False])
    centre = play([True] * 4, list("abcd"), random_shares=[0.1, 0.9, 0.1, 0.9], centre_hits=[True] * 4)
    for found, gain in ((random, 0.4), (centre, 0.0)):
        assert found is not None
        assert found.gain_interval is not None
        assert found.gain_interval.low == pytest.approx(gain)
        assert found.gain_interval.high == pytest.approx(gain)
