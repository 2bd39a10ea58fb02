"""The model card: what it accepts and what names a model."""

import json
from datetime import datetime

import pytest
from pydantic import ValidationError

from blanktrap.core.config import Preprocessing
from blanktrap.core.evaluation.calibrating import calibrate
from blanktrap.core.model_card import ModelCard, TrainingFacts, identify_model, recommended_cutoff
from blanktrap.core.schemas import CHECKPOINT_VERSION
from blanktrap.core.statistics.calibration import IsotonicMap, TemperatureMap
from tests.core.cards import DIGEST, make_card, make_record


def test_a_card_survives_its_file() -> None:
    card = make_card()
    assert ModelCard.model_validate_json(card.model_dump_json()) == card
    assert card.schema_version == CHECKPOINT_VERSION


def test_the_name_is_the_same_anywhere() -> None:
    # Pinned: scores written by other versions carry it.
    assert identify_model(DIGEST, Preprocessing()) == "resnet34-5c71253d8f9c"


@pytest.mark.parametrize(
    "changed",
    [
        Preprocessing(width_px=501),
        Preprocessing(height_px=374),
        Preprocessing(fit="letterbox"),
        Preprocessing(banner_top=0.01),
        Preprocessing(banner_bottom=0.01),
        Preprocessing(mean=(0.5, 0.5, 0.5)),
        Preprocessing(std=(0.5, 0.5, 0.5)),
    ],
)
def test_whatever_changes_scores_changes_the_name(changed: Preprocessing) -> None:
    assert identify_model(DIGEST, changed) != identify_model(DIGEST, Preprocessing())


def test_a_calibration_changes_the_name_and_its_figures_do_not() -> None:
    plain = identify_model(DIGEST, Preprocessing())
    names = {
        identify_model(DIGEST, Preprocessing(), one)
        for one in (
            TemperatureMap(slope=2.0, shift=0.5),
            TemperatureMap(slope=2.0, shift=0.6),
            IsotonicMap(scores=(0.0,), probabilities=(0.5,), slope=2.0),
        )
    }
    assert len(names | {plain}) == 4
    fitted = calibrate([0.1, 0.6, 0.4, 0.9], [0, 0, 1, 1], list("ABAB"), "temperature")
    named = identify_model(DIGEST, Preprocessing(), fitted.map)
    card = make_card(calibration=fitted, model_id=named)
    assert ModelCard.model_validate_json(card.model_dump_json()) == card
    other = fitted.model_copy(update={"num_media": 9})
    assert make_card(calibration=other, model_id=named).model_id == named


def test_a_calibration_that_was_edited_is_refused() -> None:
    fitted = calibrate([0.1, 0.6, 0.4, 0.9], [0, 0, 1, 1], list("ABAB"), "temperature")
    with pytest.raises(ValidationError, match="weights, preprocessing and calibration"):
        make_card(calibration=fitted)
    named = identify_model(DIGEST, Preprocessing(), fitted.map)
    with pytest.raises(ValidationError, match="version 1 has no calibration"):
        make_card(calibration=fitted, model_id=named, schema_version=1)


def test_a_card_of_version_1_still_loads() -> None:
    # As the first version wrote it.
    first = {
        "schema_version": 1,
        "architecture": "resnet34",
        "model_id": "resnet34-5c71253d8f9c",
        "preprocessing": {
            "width_px": 500,
            "height_px": 375,
            "fit": "squash",
            "banner_top": 0.0,
            "banner_bottom": 0.0,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        },
        "weights_sha256": DIGEST,
        "manifest_digest": "sha256:abc",
        "training_locations": ["A"],
        "validation_locations": ["B"],
        "label_counts": {"train/blank": 3},
        "config": {
            "weights": "none",
            "num_epochs": 8,
            "batch_size": 32,
            "learning_rate": 0.001,
            "weight_decay": 0.05,
            "min_recall": 0.95,
            "frames": "all",
            "num_folds": None,
            "val_share": 0.2,
            "test_share": 0.0,
            "seed": 0,
            "preprocessing": {"width_px": 500},
        },
        "metrics": {
            "num_media": 4,
            "num_nonblank": 2,
            "num_locations": 1,
            "average_precision": 0.9,
            "area_under_roc": None,
            "nonblank_recall": 1.0,
            "blank_recall": 0.5,
            "nonblank_precision": None,
        },
        "recommended_cutoff": 0.3,
        "created": "2026-01-02T00:00:00Z",
        "blanktrap_version": "0.1.0",
        "intended_use": "sorting",
        "limits": "many",
    }
    card = ModelCard.model_validate_json(json.dumps(first))
    assert card.schema_version == 1
    assert card.calibration_map is None
    assert (card.intervals, card.figures, card.promise, card.training, card.warnings) == (None,) * 4 + ((),)


def test_training_facts_are_those_of_all_epochs() -> None:
    # 60 s at 10 images/s and 40 s at 5: 800 images in 100 s. Waited 0.1·60 + 0.35·40 = 20 s of 100.
    records = [
        make_record(epoch=1, training_s=60.0, images_per_s=10.0, waited_share=0.1, validation_s=5.0),
        make_record(
            epoch=2,
            training_s=40.0,
            images_per_s=5.0,
            waited_share=0.35,
            validation_s=5.0,
            is_best=False,
            num_workers=3,
        ),
    ]
    facts = TrainingFacts.of(records, {"unreadable": 2, "missing": 1})
    assert (facts.num_epochs, facts.best_epoch, facts.num_workers) == (2, 1, 3)
    assert (facts.training_s, facts.images_per_s) == (110.0, pytest.approx(8.0))
    assert facts.waited_share == pytest.approx(0.2)
    assert list(facts.left_out) == ["missing", "unreadable"]


def test_other_weights_have_another_name() -> None:
    assert identify_model("f" * 64, Preprocessing()) != identify_model(DIGEST, Preprocessing())


@pytest.mark.parametrize(
    "changes",
    [
        {"model_id": "resnet34-000000000000"},
        {"preprocessing": Preprocessing(banner_top=0.2)},
        {"schema_version": 3},
        {"schema_version": 0},
        {"architecture": "resnet50"},
        {"weights_sha256": "short"},
        {"recommended_cutoff": 1.5},
        {"created": datetime(2026, 1, 2)},
        {"surprise": 1},
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make_card(**changes)


@pytest.mark.parametrize(
    ("said", "cutoff"),
    [(0.25, 0.25), (0, 0.0), (1, 1.0), (1.5, None), (-0.1, None), (True, None), ("0.2", None), (None, None)],
)
def test_only_a_number_in_range_is_a_recommendation(said: object, cutoff: float | None) -> None:
    assert recommended_cutoff({"model": {"recommended_cutoff": said}}) == cutoff
    assert recommended_cutoff({}) is None
