"""A calibration is measured where it was not fitted."""

import numpy as np
import pytest
from scipy.special import expit

from blanktrap.core.errors import EvaluationError
from blanktrap.core.evaluation.calibrating import Calibration, apply_elsewhere, calibrate
from blanktrap.core.statistics.calibration import fit_calibration


def world(num_locations: int, per_location: int, *, spread: float, seed: int = 0):
    """Locations that differ by how much a score means there."""
    chance = np.random.default_rng(seed)
    places = np.repeat(np.arange(num_locations), per_location)
    odds = chance.normal(-1.0, 2.0, places.size)
    labels = chance.random(places.size) < expit(odds + chance.normal(0.0, spread, num_locations)[places])
    return expit(0.5 * odds + 0.5), labels, places


def test_a_calibration_says_what_it_rests_on() -> None:
    p, labels, places = world(12, 50, spread=0.3)
    found = calibrate(p, labels, [f"L{place}" for place in places], "temperature")
    assert (found.num_media, found.num_locations) == (600, 12)
    assert found.blank_rate == pytest.approx((~labels).mean())
    assert found.after.log_loss < found.elsewhere.log_loss < found.before.log_loss
    assert found.gain == pytest.approx(found.before.log_loss - found.elsewhere.log_loss)
    assert found.elsewhere.num_media == 600
    assert Calibration.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("kind", ["temperature", "isotonic"])
def test_no_media_is_judged_by_a_map_that_knows_its_location(kind) -> None:
    p, labels, places = world(4, 60, spread=0.5)
    judged = apply_elsewhere(p, labels, places, kind)
    for place in range(4):
        mine = places == place
        others = fit_calibration(p[~mine], labels[~mine], kind)
        assert (judged[mine] == others.apply(p[mine])).all()


def test_locations_that_disagree_show_where_the_map_was_not_fitted() -> None:
    # Two locations, and a score means the opposite at each: the fit on both is about as good as a coin,
    # log(2) = 0.693, the fit on the other one is wrong.
    p = np.tile(np.linspace(0.05, 0.95, 500), 2)
    places = np.repeat([0, 1], 500)
    labels = np.where(places == 0, p > 0.5, p < 0.5)
    found = calibrate(p, labels, places, "temperature")
    assert found.after.log_loss < 0.71
    assert found.gain < 0.0


def test_of_one_location_nothing_is_said_elsewhere() -> None:
    p, labels, _ = world(1, 80, spread=0.0)
    found = calibrate(p, labels, [None] * 80, "temperature")
    assert (found.num_locations, found.elsewhere, found.gain) == (1, None, None)


def test_media_whose_location_holds_all_of_a_label_are_not_judged() -> None:
    # All nonblank media are at A: without A there is nothing to learn from.
    found = calibrate([0.9, 0.8, 0.3, 0.2, 0.1], [1, 1, 0, 0, 0], list("AAABB"), "temperature")
    assert found.elsewhere.num_media == 2
    # Those two score 0.2 and 0.1 and are blank: the gain is against their own loss before.
    assert found.gain == pytest.approx(-np.log(0.8 * 0.9) / 2 - found.elsewhere.log_loss)


def test_a_kind_that_media_are_too_few_for_is_told() -> None:
    p, labels, places = world(3, 10, spread=0.0)
    found = calibrate(p, labels, places, "isotonic")
    assert (found.asked_for, found.map.kind) == ("isotonic", "temperature")


def test_none_and_one_label() -> None:
    assert calibrate([0.1, 0.9], [False, True], ["A", "B"], "none") is None
    with pytest.raises(EvaluationError, match="blank and nonblank"):
        calibrate([0.1, 0.9], [True, True], ["A", "B"], "temperature")
