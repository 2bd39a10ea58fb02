"""What a card says of a network, in terms of the scores that scoring gives."""

import numpy as np
import pytest
from scipy.special import expit

from blanktrap.core.config import Preprocessing, TrainConfig
from blanktrap.core.errors import CutoffError, EvaluationError
from blanktrap.core.evaluation.model_facts import ModelFacts, measure_model
from blanktrap.core.statistics.metrics import area_under_roc, confusion_counts
from blanktrap.core.statistics.promises import promise_cutoff

CROPPED = Preprocessing(banner_bottom=0.1)


def world(num_locations: int = 12, per_location: int = 60, *, seed: int = 0):
    chance = np.random.default_rng(seed)
    places = np.repeat(np.arange(num_locations), per_location)
    odds = chance.normal(-1.5, 3.0, places.size)
    labels = chance.random(places.size) < expit(odds + chance.normal(0.0, 0.4, num_locations)[places])
    p = expit(0.5 * odds + 0.75).astype(np.float32)
    return p, labels, np.array([f"L{place}" for place in places], dtype=object)


def measure(p, labels, locations, **changes) -> ModelFacts:
    num = len(p)
    config = TrainConfig(**{"preprocessing": CROPPED, **changes})
    return measure_model(
        p,
        labels,
        locations=locations,
        sequences=np.arange(num) // 3,
        is_night=np.arange(num) % 2 == 0,
        config=config,
    )


@pytest.mark.parametrize("kind", ["temperature", "isotonic"])
def test_figures_and_cutoff_are_of_the_calibrated_scores(kind) -> None:
    p, labels, locations = world()
    facts = measure(p, labels, locations, calibration=kind)
    calibrated = facts.calibration.map.apply(p)
    counts = confusion_counts(calibrated, labels, facts.recommended_cutoff)
    assert facts.metrics.nonblank_recall == counts.nonblank_recall >= 0.95
    assert facts.metrics.blank_recall == counts.blank_recall
    # The cutoff is a score as scoring gives it, so that its media is kept.
    assert np.float32(facts.recommended_cutoff) in calibrated
    assert facts.recommended_cutoff not in p
    assert facts.metrics.area_under_roc == pytest.approx(area_under_roc(p, labels))
    assert facts.figures.all.log_loss == pytest.approx(facts.calibration.after.log_loss)
    assert (facts.figures.day.num_media, facts.figures.sequences.num_media) == (360, 240)


def test_calibrating_changes_the_cutoff_and_not_what_is_kept() -> None:
    p, labels, locations = world()
    plain = measure(p, labels, locations, calibration="none")
    facts = measure(p, labels, locations)
    assert plain.calibration is None
    kept = p >= np.float32(plain.recommended_cutoff)
    assert (kept == (facts.calibration.map.apply(p) >= np.float32(facts.recommended_cutoff))).all()
    assert plain.intervals == facts.intervals


def test_intervals_hold_the_figures_and_narrow_with_locations() -> None:
    few, many = measure(*world(4)), measure(*world(40))
    for facts in (few, many):
        for name in ("average_precision", "area_under_roc", "blank_recall", "nonblank_precision"):
            low, high = getattr(facts.intervals, name)
            assert low <= getattr(facts.metrics, name) <= high
    assert np.ptp(many.intervals.area_under_roc) < np.ptp(few.intervals.area_under_roc) / 2
    assert (few.intervals.num_locations, few.metrics.num_locations) == (4, 4)
    assert any("4 locations and may well miss the truth" in said for said in few.warnings)
    assert many.warnings == ()


def test_the_promise_is_that_of_promise_cutoff_or_its_refusal() -> None:
    p, labels, locations = world(40)
    facts = measure(p, labels, locations)
    expected = promise_cutoff(facts.calibration.map.apply(p)[labels], locations[labels], min_recall=0.95)
    assert facts.promise.cutoff == expected.cutoff <= facts.recommended_cutoff
    assert facts.promise.recall_bound >= 0.95
    refusal = measure(*world(4)).promise
    assert refusal.cutoff is None
    assert "label about" in refusal.said
    assert measure(*world(4), min_recall=1.0).promise.cutoff is None


def test_media_of_no_known_location_are_one_group_and_no_location() -> None:
    p, labels, locations = world(3)
    locations[locations == "L0"] = None
    facts = measure(p, labels, locations)
    assert (facts.intervals.num_locations, facts.metrics.num_locations) == (3, 2)
    assert facts.calibration.num_locations == 3


def test_of_one_location_there_is_no_interval_and_it_is_said() -> None:
    p, labels, _ = world(2)
    facts = measure(p, labels, np.full(len(p), None, dtype=object))
    assert facts.intervals.area_under_roc is facts.intervals.nonblank_recall is None
    assert facts.metrics.num_locations == 0
    assert any(said.startswith("no interval") for said in facts.warnings)
    assert any("what the calibration is worth at others" in said for said in facts.warnings)


def test_what_a_person_should_know_is_warned_of() -> None:
    p, labels, locations = world()
    assert measure(p, labels, locations).warnings == ()
    assert "no banner" in measure(p, labels, locations, preprocessing=Preprocessing()).warnings[0]
    few = measure(p[:30], labels[:30], np.array(list("ABCDE") * 6, dtype=object), calibration="isotonic")
    assert any("too few of one label for an isotonic" in said for said in few.warnings)
    lying = np.where(np.arange(len(p)) < len(p) // 2, p, 1 - p)
    halves = np.where(np.arange(len(p)) < len(p) // 2, locations, "elsewhere")
    assert any("does not help at locations" in said for said in measure(lying, labels, halves).warnings)


def test_one_label_is_refused() -> None:
    p, _, locations = world(3)
    with pytest.raises(CutoffError):
        measure(p, np.zeros(len(p), bool), locations, calibration="none")
    with pytest.raises(EvaluationError, match="blank and nonblank media"):
        measure(p, np.ones(len(p), bool), locations)
    with pytest.raises(EvaluationError, match="locations"):
        measure_model(p, p > 0.5, locations=["A"], sequences=[], is_night=[], config=TrainConfig())
