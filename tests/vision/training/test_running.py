"""Training learns, is repeatable, obeys splits, and refuses what it cannot learn from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from blanktrap.core.config import Preprocessing, TrainConfig, WorkersConfig
from blanktrap.core.errors import BlanktrapError, CheckpointError, LossError, TrainingError
from blanktrap.core.training_record import EpochRecord
from blanktrap.files.manifest import Manifest
from blanktrap.files.storage import Storage
from blanktrap.vision import pixel_cache
from blanktrap.vision.checkpoints import load_network
from blanktrap.vision.scorer import Scorer
from blanktrap.vision.training import running
from blanktrap.vision.training.progress import TrainProgress, TrainSummary
from blanktrap.vision.training.run_folder import RunFolder
from blanktrap.vision.training.running import InThisProcess, Launcher

STORAGE = Storage()
CONFIG = TrainConfig(
    weights="none",
    num_epochs=1,
    batch_size=8,
    val_share=0.3,
    preprocessing=Preprocessing(width_px=40, height_px=32),
)
Archive = Callable[..., Manifest]


def train(
    manifest: Manifest,
    out: Path,
    config: TrainConfig = CONFIG,
    *,
    launcher: Launcher | None = None,
    **options: Any,
) -> TrainSummary:
    """A run whose only worker is this process."""
    if launcher is not None:
        return running.train(manifest, str(out), config, STORAGE, launcher, **options)
    with InThisProcess(STORAGE) as here:
        return running.train(manifest, str(out), config, STORAGE, here, **options)


def refused(manifest: Manifest, out: Path, config: TrainConfig = CONFIG) -> str:
    with pytest.raises(BlanktrapError) as caught:
        train(manifest, out, config)
    assert "\n" not in str(caught.value)
    assert not (out / "model.json").exists()
    return str(caught.value)


def test_it_learns_and_the_checkpoint_says_so(archive: Archive, tmp_path: Path) -> None:
    out = tmp_path / "model"
    config = CONFIG.model_copy(update={"num_epochs": 4, "learning_rate": 2e-3})
    reports: list[TrainProgress] = []
    manifest = archive(num_images=80, num_locations=5)
    summary = train(manifest, out, config, on_progress=reports.append)
    card = summary.card
    assert card.metrics.area_under_roc is not None
    assert card.metrics.area_under_roc > 0.9
    assert card.manifest_digest == manifest.digest
    assert card.config == config
    assert sum(card.label_counts.values()) == 80
    assert card.label_counts["val/blank"] + card.label_counts["val/nonblank"] == card.metrics.num_media
    assert len(card.training_locations) + card.metrics.num_locations == 5
    assert (out / "model.json").is_file()
    assert reports[0].epoch == 1
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
    ids = [train(manifest, tmp_path / name).card.model_id for name in ("one", "two")]
    other = CONFIG.model_copy(update={"seed": 1})
    assert ids[0] == ids[1]
    assert train(manifest, tmp_path / "three", other).card.model_id != ids[0]


def test_the_callers_chance_is_left_alone(archive: Archive, tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(archive(num_images=16), tmp_path / "model", CONFIG)
    assert torch.equal(torch.rand(3), expected)


def test_given_splits_are_obeyed(archive: Archive, tmp_path: Path) -> None:
    splits = [("train", "val", "test", None)[number // 2 % 4] for number in range(32)]
    card = train(archive(split=splits), tmp_path / "model", CONFIG).card
    assert card.training_locations == ("place-0",)
    assert card.label_counts == {"train/blank": 4, "train/nonblank": 4, "val/blank": 4, "val/nonblank": 4}


def test_validation_media_come_out_of_train_where_none_are_given(archive: Archive, tmp_path: Path) -> None:
    splits = ["test" if number // 2 % 4 == 0 else "train" for number in range(32)]
    card = train(archive(split=splits), tmp_path / "model", CONFIG).card
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
    summary = train(manifest, tmp_path / "model", CONFIG)
    assert summary.left_out == {"unreadable": 1, "missing": 1}
    assert sum(summary.card.label_counts.values()) == 30
    assert "left out: 1 missing, 1 unreadable" in "\n".join(summary.lines())


def test_only_damaged_images_are_refused(archive: Archive, tmp_path: Path) -> None:
    manifest = archive()
    for number in range(32):
        (tmp_path / f"image-{number}.png").write_bytes(b"no image")
    assert "none of 24 labelled images to learn from can be read (24 unreadable)" in refused(
        manifest, tmp_path / "model"
    )


def test_a_standing_model_is_not_overwritten(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").write_text("mine")
    with pytest.raises(CheckpointError, match="already holds a model"):
        train(archive(), tmp_path / "model", CONFIG)
    assert (tmp_path / "model" / "model.json").read_text() == "mine"


def test_too_small_a_disk_is_told_before_it_fills(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(pixel_cache.shutil, "disk_usage", lambda folder: Usage)
    assert "give --cache a folder on a larger disk" in refused(archive(), tmp_path / "model")


def test_shares_that_leave_nothing_are_refused(archive: Archive, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"val_share": 0.5, "test_share": 0.5})
    with pytest.raises(TrainingError, match="leave nothing to train on"):
        train(archive(), tmp_path / "model", config)


def test_training_goes_on_from_a_checkpoint(archive: Archive, tmp_path: Path) -> None:
    manifest = archive(num_images=16)
    train(manifest, tmp_path / "one", CONFIG)
    gentle = CONFIG.model_copy(
        update={"weights": str(tmp_path / "one"), "learning_rate": 1e-12, "num_epochs": 1}
    )
    train(manifest, tmp_path / "two", gentle)
    one, two = (load_network(STORAGE, str(tmp_path / name))[0].state_dict() for name in ("one", "two"))
    assert torch.allclose(one["conv1.weight"], two["conv1.weight"], atol=1e-6)


def test_model_that_has_seen_the_test_is_not_gone_on_from(archive: Archive, tmp_path: Path) -> None:
    first = train(archive(num_images=16), tmp_path / "one", CONFIG).card
    swapped = [
        "test" if f"place-{number // 2 % 4}" == first.training_locations[0] else "train"
        for number in range(16)
    ]
    config = CONFIG.model_copy(update={"weights": str(tmp_path / "one")})
    said = refused(archive(num_images=16, split=swapped), tmp_path / "two", config)
    assert "has already seen" in said
    assert "of the locations that are now held out" in said


def test_card_remembers_what_the_earlier_model_saw(archive: Archive, tmp_path: Path) -> None:
    first = train(archive(num_images=16), tmp_path / "one", CONFIG).card
    fewer = ["train" if f"place-{n // 2 % 4}" == first.training_locations[0] else None for n in range(16)]
    fewer = [
        "val" if f"place-{n // 2 % 4}" in first.validation_locations else split
        for n, split in enumerate(fewer)
    ]
    config = CONFIG.model_copy(update={"weights": str(tmp_path / "one")})
    second = train(archive(num_images=16, split=fewer), tmp_path / "two", config).card
    assert second.training_locations == first.training_locations


def test_uncropped_banner_is_warned_of(
    archive: Archive, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(archive(num_images=16), tmp_path / "one", CONFIG)
    assert "no banner is cropped" in caplog.text


def test_later_frames_are_left_out_and_counted(archive: Archive, tmp_path: Path) -> None:
    # Frames of one location and label follow each other 8 apart: 0 and 8, 1 and 9, … are sequences.
    manifest = archive(
        sequence_id=[f"s{number % 8 + 8 * (number // 16)}" for number in range(32)],
        frame_num=[number // 8 % 2 for number in range(32)],
        label_level=["sequence"] * 32,
    )
    config = CONFIG.model_copy(update={"frames": "first"})
    summary = train(manifest, tmp_path / "model", config)
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
    summary = train(archive(size_bytes=sizes), tmp_path / "model", CONFIG)
    assert summary.left_out == {"unreadable": 1}


# Runs that stop


class Interrupted(InThisProcess):
    """Stops when an epoch is done, as Ctrl-C or a failure would."""

    def __init__(self, after_epoch: int, problem: BaseException) -> None:
        super().__init__(STORAGE)
        self._after_epoch, self._problem = after_epoch, problem

    def run(self, folder: RunFolder, on_step: Any, on_epoch: Any) -> None:
        def stop(record: EpochRecord) -> None:
            on_epoch(record)
            if record.epoch == self._after_epoch:
                raise self._problem

        super().run(folder, on_step, stop)


THREE = CONFIG.model_copy(update={"num_epochs": 3})


def stop_after(
    epoch: int,
    problem: BaseException,
    manifest: Manifest,
    out: Path,
    config: TrainConfig = THREE,
    **options: Any,
) -> str:
    with Interrupted(epoch, problem) as launcher, pytest.raises(TrainingError) as caught:
        train(manifest, out, config, launcher=launcher, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_stopped_run_goes_on_and_ends_as_if_it_had_not_been_stopped(archive: Archive, tmp_path: Path) -> None:
    manifest = archive()
    whole = train(manifest, tmp_path / "whole", THREE)
    said = stop_after(2, KeyboardInterrupt(), manifest, tmp_path / "parts")
    kept = tmp_path / "parts.unfinished" / "training"
    assert said == f"stopped: 2 of 3 epochs are kept in {kept}; run the same command again to go on"
    assert files_below(tmp_path / "parts") == {
        "training.parquet",
        *(f"tensorboard/{path.name}" for path in (tmp_path / "parts" / "tensorboard").iterdir()),
    }
    seen: list[TrainProgress] = []
    parts = train(manifest, tmp_path / "parts", THREE, on_progress=seen.append)
    assert {progress.epoch for progress in seen} == {3}
    assert parts.card.weights_sha256 == whole.card.weights_sha256
    assert parts.num_epochs == 3
    assert not (tmp_path / "parts.unfinished").exists()


def test_run_stopped_before_its_first_epoch_leaves_nothing_behind(archive: Archive, tmp_path: Path) -> None:
    manifest, out = archive(), tmp_path / "model"
    launcher = Mock(run=Mock(side_effect=KeyboardInterrupt()))
    with pytest.raises(TrainingError) as caught:
        train(manifest, out, THREE, launcher=launcher)
    assert str(caught.value) == "stopped before the first epoch was finished: there is no model"
    assert not (tmp_path / "model.unfinished").exists()
    train(manifest, out, CONFIG)  # another recipe may be tried


def test_another_recipe_or_manifest_under_the_same_name_is_refused(archive: Archive, tmp_path: Path) -> None:
    manifest, out = archive(), tmp_path / "model"
    stop_after(1, KeyboardInterrupt(), manifest, out)
    before = files_below(tmp_path / "model.unfinished")
    holds = f"{out}.unfinished/training holds a run"
    preprocessing = THREE.preprocessing.model_copy(update={"width_px": 44})
    for change, words in [
        ({"learning_rate": 2e-3}, "trained with learning-rate 0.001, now it is 0.002"),
        ({"preprocessing": preprocessing}, "trained with image-size 40, now it is 44"),
        ({"num_epochs": 4}, "trained with num-epochs 3, now it is 4"),
    ]:
        said = refused(manifest, out, THREE.model_copy(update=change))
        assert said.startswith(f"{holds} {words}: give another --name")
    other = archive(num_images=28)
    assert refused(other, out, THREE).startswith(f"{holds} of another manifest: give another --name")
    assert files_below(tmp_path / "model.unfinished") == before


def test_fewer_media_at_once_may_be_asked_for_when_memory_ran_out(archive: Archive, tmp_path: Path) -> None:
    manifest, out = archive(), tmp_path / "model"
    said = stop_after(1, TrainingError("out of memory"), manifest, out)
    assert said == "out of memory"
    smaller = THREE.model_copy(update={"micro_batch_size": 4})
    assert train(manifest, out, smaller).num_epochs == 3


def test_run_that_fails_before_its_first_epoch_leaves_nothing(archive: Archive, tmp_path: Path) -> None:
    manifest = archive()
    diverging = THREE.model_copy(update={"learning_rate": 1e30})
    said = refused(manifest, tmp_path / "model", diverging)
    assert "is no number" in said or "the loss is nan" in said
    assert said.endswith("(now 1e+30); no epoch was finished, so there is no model")
    assert not (tmp_path / "model.unfinished").exists()


def test_best_epoch_is_kept_when_the_loss_becomes_no_number(archive: Archive, tmp_path: Path) -> None:
    manifest, out = archive(), tmp_path / "model"
    said = stop_after(2, LossError("the loss is nan at epoch 3, batch 1 of 3"), manifest, out)
    assert said.startswith("the loss is nan at epoch 3, batch 1 of 3; the best epoch before it, ")
    assert said.endswith(f" of 2, is kept in {out}")
    assert load_network(STORAGE, str(out))[1].config == THREE
    assert not (tmp_path / "model.unfinished").exists()


def test_storage_that_was_named_keeps_the_run(archive: Archive, tmp_path: Path) -> None:
    manifest = archive()
    workers = WorkersConfig(storage=str(tmp_path / "runs"), name="first")
    one = train(manifest, tmp_path / "one", CONFIG, workers=workers)
    assert (tmp_path / "runs" / "first" / "latest.json").is_file()
    seen: list[TrainProgress] = []
    two = train(manifest, tmp_path / "two", CONFIG, workers=workers, on_progress=seen.append)
    assert (seen, two.card.weights_sha256) == ([], one.card.weights_sha256)


def test_weights_that_a_killed_end_left_are_written_again(archive: Archive, tmp_path: Path) -> None:
    manifest, out = archive(), tmp_path / "model"
    stop_after(2, KeyboardInterrupt(), manifest, out)
    (out / "model.safetensors").write_bytes(b"half")
    train(manifest, out, THREE)
    assert load_network(STORAGE, str(out))[1].config == THREE


def test_model_that_is_somebody_elses_stays(archive: Archive, tmp_path: Path) -> None:
    out = tmp_path / "model"
    out.mkdir()
    (out / "model.safetensors").write_bytes(b"mine")
    assert "already holds a model" in refused(archive(), out)
    assert (out / "model.safetensors").read_bytes() == b"mine"


def test_temporary_cache_is_removed_and_a_named_one_stays(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(pixel_cache.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    train(archive(), tmp_path / "one")
    assert list((tmp_path / "tmp").iterdir()) == []
    with InThisProcess(STORAGE, cache=str(tmp_path / "cache")) as launcher:
        train(archive(), tmp_path / "two", launcher=launcher)
    assert len(files_below(tmp_path / "cache")) == 32
