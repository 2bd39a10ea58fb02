"""Model cards and epoch records that tests change a field of."""

from datetime import UTC, datetime

from blanktrap.core.config import Preprocessing, TrainConfig
from blanktrap.core.evaluation.epoch_figures import measure_epoch
from blanktrap.core.model_card import ModelCard, ValidationFigures, identify_model
from blanktrap.core.training_record import EpochRecord

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


FIGURES = measure_epoch(
    [0.9, 0.2, 0.6, 0.4], [True, False, False, True], is_night=[False] * 4, sequences=[-1, -1, 5, 5]
)


def make_record(**changes: object) -> EpochRecord:
    fields: dict[str, object] = {
        "epoch": 1,
        "phase": "head",
        "num_workers": 2,
        "train_loss": 0.6,
        "val_loss": 0.65,
        "learning_rate": 1e-3,
        "images_per_s": 84.25,
        "waited_share": 0.034,
        "training_s": 60.0,
        "validation_s": 5.0,
        "is_best": True,
        "figures": FIGURES,
    }
    return EpochRecord(**{**fields, **changes})
