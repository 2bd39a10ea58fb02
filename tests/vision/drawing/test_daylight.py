"""Light follows the hour, wind moves what it should and leaves the rest."""

from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from blanktrap.vision.drawing.daylight import blow, flash_at, lean, light_at

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8))


@pytest.mark.parametrize(("hour", "is_night"), [(5, True), (7, False), (12, False), (19, False), (20, True)])
def test_cameras_switch_to_infrared_between_dusk_and_dawn(hour: int, is_night: bool) -> None:
    assert light_at(datetime(2024, 5, 1, hour), cloud=0.0).is_night == is_night


def test_sun_is_highest_in_the_middle_of_the_day_and_changes_side() -> None:
    morning, noon, evening = (light_at(datetime(2024, 5, 1, hour), cloud=0.0) for hour in (7, 13, 19))
    assert noon.sun_height > 0.95 > morning.sun_height
    assert morning.sun_side < 0 < evening.sun_side


def test_flash_falls_off_with_distance() -> None:
    level = flash_at(np.linspace(0.0, 0.8, 9, dtype=np.float32))
    assert (np.diff(level) > 0).all()
    assert 0.0 < level[0] < 0.3


def test_wind_moves_the_inside_and_keeps_the_rim_and_another_gust_moves_otherwise() -> None:
    first, second = (
        np.asarray(
            blow(np.random.default_rng(seed), PICTURE, strength_px=3.0, still_above=0.0), dtype=np.float64
        )
        for seed in (1, 2)
    )
    still = np.asarray(PICTURE, dtype=np.float64)
    assert np.abs(first - still)[20:-20, 20:-20].mean() > 20
    assert np.abs(first - second)[20:-20, 20:-20].mean() > 20
    assert np.abs(first - still)[0].mean() < np.abs(first - still)[60].mean()


def test_no_wind_moves_nothing() -> None:
    still = blow(np.random.default_rng(1), PICTURE, strength_px=0.0, still_above=0.0)
    assert still.tobytes() == PICTURE.tobytes()


def test_leaning_plant_keeps_its_foot_and_moves_its_top() -> None:
    pole = Image.new("RGBA", (41, 50), (0, 0, 0, 0))
    pole.paste((255, 255, 255, 255), (19, 0, 22, 50))
    bent = np.asarray(lean(pole, 10.0).getchannel("A"), dtype=np.float64)
    margin = (bent.shape[1] - 41) / 2
    columns = np.arange(bent.shape[1]) - margin
    top, foot = ((bent[row] * columns).sum() / bent[row].sum() for row in (1, 48))
    assert foot == pytest.approx(20, abs=1.0)
    assert abs(top - foot) == pytest.approx(9.5, abs=1.0)
