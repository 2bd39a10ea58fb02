"""A card in plain words."""

import numpy as np
import pytest
from scipy.special import expit

from blanktrap.core.config import AugmentConfig, Background, Preprocessing, TrainConfig
from blanktrap.core.evaluation.calibrating import calibrate
from blanktrap.core.evaluation.model_facts import ModelFacts, measure_model
from blanktrap.core.model_card import TrainingFacts, identify_model
from blanktrap.core.reporting.card_text import calibration_line, describe_card, input_line
from tests.core.cards import DIGEST, make_card


@pytest.fixture(scope="module")
def facts() -> ModelFacts:
    chance = np.random.default_rng(0)
    places, odds = np.arange(600) % 12, chance.normal(-1.0, 3.0, 600)
    labels = chance.random(600) < expit(odds)
    return measure_model(
        expit(0.5 * odds).astype(np.float32),
        labels,
        locations=[f"L{place}" for place in places],
        sequences=np.arange(600) // 2,
        is_night=places > 6,
        config=TrainConfig(),
    )


def described(facts: ModelFacts, **changes: object) -> list[str]:
    fitted = facts.calibration
    assert fitted is not None
    training = TrainingFacts(
        num_epochs=9,
        best_epoch=3,
        num_workers=2,
        training_s=754.0,
        images_per_s=84.2,
        waited_share=0.034,
        left_out={"unreadable": 3},
    )
    fields = {**vars(facts), "training": training, **changes}
    fields["model_id"] = identify_model(DIGEST, make_card().preprocessing, fitted.map)
    return describe_card(make_card(**fields))


def test_every_part_of_the_card_is_told(facts: ModelFacts) -> None:
    text = "\n".join(described(facts))
    for words in (
        "learned from 5 media (3 blank, 2 nonblank) of 2 locations (A, B)",
        "recipe: the defaults\n",
        "training: 9 of 12 epochs, the best one 3; 2 workers, 12 min 34 s, 84.2 images/s, waited 3.4 % of",
        "left out: 3 unreadable of the labelled images",
        "95 % intervals from 12 locations",
        "  day ",
        "  night ",
        "  sequences ",
        "calibration: temperature",
        "at other locations",
        "on new locations: ",
        "warning: no banner is cropped",
        "intended use: ",
        "limits: ",
    ):
        assert words in text
    metrics = facts.metrics
    assert f"average precision {metrics.average_precision:.3f} (" in text
    assert f"nonblank recall {100 * metrics.nonblank_recall:.1f} % (" in text


def test_a_card_of_version_1_has_less_to_say() -> None:
    lines = describe_card(make_card(schema_version=1))
    assert "calibration: none" in lines
    assert not any(line.startswith(("warning", "training:", "by light")) for line in lines)


def test_what_differs_from_the_defaults_is_told() -> None:
    config = TrainConfig(num_epochs=3, augment=AugmentConfig(flip=0.0), calibration="isotonic")
    lines = describe_card(make_card(config=config))
    assert "recipe: the defaults but for num_epochs 3, augment.flip 0.0, calibration isotonic" in lines


@pytest.mark.parametrize(
    ("background", "said"),
    [
        ("none", "; each media by itself"),
        ("sequence", "; compared with the other frames of its sequence"),
        ("location", "; compared with others of its location"),
    ],
)
def test_what_media_are_compared_with_is_told(background: Background, said: str) -> None:
    assert input_line(Preprocessing(background=background)).endswith(said)


def test_locations_that_were_trained_on_are_no_new_ones() -> None:
    lines = describe_card(make_card(validation_locations=("B", "C")))
    assert any(line.endswith("2 locations (B, C); 1 of them trained on, so not new ones") for line in lines)


def test_many_locations_are_counted_and_a_few_named() -> None:
    lines = describe_card(make_card(training_locations=tuple(f"L{num:03}" for num in range(300))))
    assert any("300 locations (L000, L001," in line and line.endswith("L007, …)") for line in lines)


def test_the_line_of_a_calibration_says_where_it_was_measured() -> None:
    p, labels = [0.2, 0.3, 0.6, 0.7], [False, True, False, True]
    one = calibrate(p, labels, ["A"] * 4, "temperature")
    two = calibrate(p, labels, list("AABB"), "temperature")
    assert "on the media it was fitted on, which flatters" in calibration_line(one)
    assert f"{two.elsewhere.ece:.3f} after it at locations it was not fitted on" in calibration_line(two)
    assert "50.0 % are blank" in calibration_line(two)
