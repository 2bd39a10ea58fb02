"""Training learns, is repeatable, obeys splits, and refuses what it cannot learn from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from blanktrap.core.config import Preprocessing, TrainConfig
from blanktrap.core.errors import BlanktrapError, CheckpointError, TrainingError
from blanktrap.files.manifest import Manifest
from blanktrap.files.storage import Storage
from blanktrap.vision import decoded_media
from blanktrap.vision.checkpoints import load_network
from blanktrap.vision.scorer import Scorer
from blanktrap.vision.training.one_machine import train
from blanktrap.vision.training.progress import TrainProgress

STORAGE = Storage()
CONFIG = TrainConfig(
    weights="none",
    num_epochs=1,
    batch_size=8,
    val_share=0.3,
    preprocessing=Preprocessing(width_px=40, height_px=32),
)
Archive = Callable[..., Manifest]


def refused(manifest: Manifest, out: Path, config: TrainConfig = CONFIG) -> str:
    with pytest.raises(BlanktrapError) as caught:
        train(manifest, str(out), config, STORAGE)
    assert "\n" not in str(caught.value)
    assert not (out / "model.json").exists()
    return str(caught.value)


def test_it_learns_and_the_checkpoint_says_so(archive: Archive, tmp_path: Path) -> None:
    out = tmp_path / "model"
    config = CONFIG.model_copy(update={"num_epochs": 4, "learning_rate": 2e-3})
    reports: list[TrainProgress] = []
    manifest = archive(num_images=80, num_locations=5)
    summary = train(manifest, str(out), config, STORAGE, on_progress=reports.append)
    card = summary.card
    assert card.metrics.area_under_roc is not None
    assert card.metrics.area_under_roc > 0.9
    assert card.manifest_digest == manifest.digest
    assert card.config == config
    assert sum(card.label_counts.values()) == 80
    assert card.label_counts["val/blank"] + card.label_counts["val/nonblank"] == card.metrics.num_media
    assert len(card.training_locations) + card.metrics.num_locations == 5
    assert (out / "model.json").is_file()
    assert reports[0].epoch == 0
    assert reports[-1].images_done == reports[-1].images_total
    assert all("\n" not in line for line in [*summary.lines(), reports[0].text(), reports[-1].text()])
    # The figures of the card are those of the checkpoint: 95 % of nonblank validation media are kept.
    scorer = Scorer.load(STORAGE, str(out))
    numbers = [n for n in range(80) if f"place-{n // 2 % 5}" not in card.training_locations]
    uris = [tmp_path / f"image-{number}.png" for number in numbers]
    scores = [result.p_nonblank for result in scorer.score_encoded([uri.read_bytes() for uri in uris])]
    nonblank = np.array(numbers) % 2 == 0
    kept = np.array(scores, dtype=np.float32)[nonblank] >= np.float32(card.recommended_cutoff) - 0.01
    assert kept.mean() >= config.min_recall


def test_the_same_seed_gives_the_same_weights(archive: Archive, tmp_path: Path) -> None:
    manifest = archive()
    ids = [train(manifest, str(tmp_path / name), CONFIG, STORAGE).card.model_id for name in ("one", "two")]
    other = CONFIG.model_copy(update={"seed": 1})
    assert ids[0] == ids[1]
    assert train(manifest, str(tmp_path / "three"), other, STORAGE).card.model_id != ids[0]


def test_the_callers_chance_is_left_alone(archive: Archive, tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(archive(num_images=16), str(tmp_path / "model"), CONFIG, STORAGE)
    assert torch.equal(torch.rand(3), expected)


def test_given_splits_are_obeyed(archive: Archive, tmp_path: Path) -> None:
    splits = [("train", "val", "test", None)[number // 2 % 4] for number in range(32)]
    card = train(archive(split=splits), str(tmp_path / "model"), CONFIG, STORAGE).card
    assert card.training_locations == ("place-0",)
    assert card.label_counts == {"train/blank": 4, "train/nonblank": 4, "val/blank": 4, "val/nonblank": 4}


def test_validation_media_come_out_of_train_where_none_are_given(archive: Archive, tmp_path: Path) -> None:
    splits = ["test" if number // 2 % 4 == 0 else "train" for number in range(32)]
    card = train(archive(split=splits), str(tmp_path / "model"), CONFIG, STORAGE).card
    assert "place-0" not in card.training_locations
    assert len(card.training_locations) == 2


def test_a_leaking_split_is_refused_by_name(archive: Archive, tmp_path: Path) -> None:
    splits = ["val" if number < 8 else "train" for number in range(32)]
    assert "location 'place-0' is in the splits" in refused(archive(split=splits), tmp_path / "model")


def test_unlabelled_media_teach_nothing(archive: Archive, tmp_path: Path) -> None:
    manifest = archive(label=[None] * 32)
    assert "none of the 32 media has a label" in refused(manifest, tmp_path / "model")


@pytest.mark.parametrize("label", ["blank", "nonblank"])
def test_one_label_alone_is_refused(archive: Archive, tmp_path: Path, label: str) -> None:
    missing = "nonblank" if label == "blank" else "blank"
    assert f"no {missing} media in `train`" in refused(archive(label=[label] * 32), tmp_path / "model")


def test_one_location_alone_is_refused(archive: Archive, tmp_path: Path) -> None:
    assert "come from 1 location" in refused(archive(num_locations=1), tmp_path / "model")


def test_damaged_images_are_left_out_and_counted(archive: Archive, tmp_path: Path) -> None:
    manifest = archive()
    (tmp_path / "image-3.png").write_bytes(b"")
    (tmp_path / "image-5.png").unlink()
    summary = train(manifest, str(tmp_path / "model"), CONFIG, STORAGE)
    assert summary.left_out == {"unreadable": 1, "missing": 1}
    assert sum(summary.card.label_counts.values()) == 30
    assert "left out: 1 missing, 1 unreadable" in "\n".join(summary.lines())


def test_only_damaged_images_are_refused(archive: Archive, tmp_path: Path) -> None:
    manifest = archive()
    for number in range(32):
        (tmp_path / f"image-{number}.png").write_bytes(b"no image")
    assert "none of the 32 labelled images can be read" in refused(manifest, tmp_path / "model")


def test_a_standing_model_is_not_overwritten(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text("mine")
    with pytest.raises(CheckpointError, match="already holds a model"):
        train(archive(), str(tmp_path / "model"), CONFIG, STORAGE)
    assert (tmp_path / "model" / "model.json").read_text() == "mine"


def test_too_small_a_disk_is_told_before_it_fills(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(decoded_media.shutil, "disk_usage", lambda folder: Usage)
    assert "TMPDIR" in refused(archive(), tmp_path / "model")


def test_shares_that_leave_nothing_are_refused(archive: Archive, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"val_share": 0.5, "test_share": 0.5})
    with pytest.raises(TrainingError, match="leave nothing to train on"):
        train(archive(), str(tmp_path / "model"), config, STORAGE)


def test_training_goes_on_from_a_checkpoint(archive: Archive, tmp_path: Path) -> None:
    manifest = archive(num_images=16)
    train(manifest, str(tmp_path / "one"), CONFIG, STORAGE)
    gentle = CONFIG.model_copy(
        update={"weights": str(tmp_path / "one"), "learning_rate": 1e-12, "num_epochs": 1}
    )
    train(manifest, str(tmp_path / "two"), gentle, STORAGE)
    one, two = (load_network(STORAGE, str(tmp_path / name))[0].state_dict() for name in ("one", "two"))
    assert torch.allclose(one["conv1.weight"], two["conv1.weight"], atol=1e-6)


def test_model_that_has_seen_the_test_is_not_gone_on_from(archive: Archive, tmp_path: Path) -> None:
    first = train(archive(num_images=16), str(tmp_path / "one"), CONFIG, STORAGE).card
    swapped = [
        "test" if f"place-{number // 2 % 4}" == first.training_locations[0] else "train"
        for number in range(16)
    ]
    config = CONFIG.model_copy(update={"weights": str(tmp_path / "one")})
    said = refused(archive(num_images=16, split=swapped), tmp_path / "two", config)
    assert "has already seen" in said
    assert "of the locations that are now held out" in said


def test_card_remembers_what_the_earlier_model_saw(archive: Archive, tmp_path: Path) -> None:
    first = train(archive(num_images=16), str(tmp_path / "one"), CONFIG, STORAGE).card
    fewer = ["train" if f"place-{n // 2 % 4}" == first.training_locations[0] else None for n in range(16)]
    fewer = [
        "val" if f"place-{n // 2 % 4}" in first.validation_locations else split
        for n, split in enumerate(fewer)
    ]
    config = CONFIG.model_copy(update={"weights": str(tmp_path / "one")})
    second = train(archive(num_images=16, split=fewer), str(tmp_path / "two"), config, STORAGE).card
    assert second.training_locations == first.training_locations


def test_uncropped_banner_is_warned_of(
    archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(archive(num_images=16), str(tmp_path / "one"), CONFIG, STORAGE)
    assert "no banner is cropped" in caplog.text


def test_later_frames_are_left_out_and_counted(archive: Archive, tmp_path: Path) -> None:
    # Frames of one location and label follow each other 8 apart: 0 and 8, 1 and 9, … are sequences.
    manifest = archive(
        sequence_id=[f"s{number % 8 + 8 * (number // 16)}" for number in range(32)],
        frame_num=[number // 8 % 2 for number in range(32)],
        label_level=["sequence"] * 32,
    )
    config = CONFIG.model_copy(update={"frames": "first"})
    summary = train(manifest, str(tmp_path / "model"), config, STORAGE)
    assert sum(summary.card.label_counts.values()) == 16
    assert "--frames first left out 16 of the 32 labelled media" in "\n".join(summary.lines())
    said = refused(manifest, tmp_path / "two", CONFIG.model_copy(update={"frames": "only-media-level"}))
    assert "leaves none of the 32 labelled media" in said


def test_image_that_was_replaced_since_it_was_indexed_teaches_nothing(
    archive: Archive, tmp_path: Path
) -> None:
    archive()
    sizes = [(tmp_path / f"image-{number}.png").stat().st_size for number in range(32)]
    sizes[3] += 1
    summary = train(archive(size_bytes=sizes), str(tmp_path / "model"), CONFIG, STORAGE)
    assert summary.left_out == {"unreadable": 1}
