"""The model card: what it accepts and what names a model."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from blanktrap.core.config import Preprocessing, TrainConfig
from blanktrap.core.model_card import ModelCard, ValidationFigures, identify_model
from blanktrap.core.schemas import CHECKPOINT_VERSION

DIGEST = "0123456789abcdef" * 4


def make_card(**changes: object) -> ModelCard:
    fields: dict[str, object] = {
        "model_id": identify_model(DIGEST, Preprocessing()),
        "preprocessing": Preprocessing(),
        "weights_sha256": DIGEST,
        "manifest_digest": "sha256:abc",
        "training_locations": ("A", "B"),
        "label_counts": {"train/blank": 3, "train/nonblank": 2},
        "config": TrainConfig(),
        "metrics": ValidationFigures(
            num_media=4,
            num_nonblank=2,
            num_locations=1,
            average_precision=0.9,
            area_under_roc=None,
            nonblank_recall=1.0,
            blank_recall=0.5,
            nonblank_precision=None,
        ),
        "recommended_cutoff": 0.3,
        "created": datetime(2026, 1, 2, tzinfo=UTC),
        "blanktrap_version": "0.1.0",
    }
    return ModelCard(**{**fields, **changes})


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


def test_other_weights_have_another_name() -> None:
    assert identify_model("f" * 64, Preprocessing()) != identify_model(DIGEST, Preprocessing())


@pytest.mark.parametrize(
    "changes",
    [
        {"model_id": "resnet34-000000000000"},
        {"preprocessing": Preprocessing(banner_top=0.2)},
        {"schema_version": 2},
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
