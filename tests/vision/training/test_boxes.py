"""Boxes reach the crop where the pixels are, whichever way they came."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from blanktrap.cli import app
from blanktrap.core.config import AugmentConfig, Preprocessing, TrainConfig
from blanktrap.core.errors import TrainingError
from blanktrap.engines import training as engine
from blanktrap.files.annotations.boxes import MediaBoxes
from blanktrap.files.manifest import Manifest
from blanktrap.files.storage import Storage
from blanktrap.vision import cross_validation
from blanktrap.vision.augmentation.view import MAX_MARGIN
from blanktrap.vision.cross_validation import cross_validate
from blanktrap.vision.labelled_media import LabelledMedia
from blanktrap.vision.pixel_cache import PixelCache
from blanktrap.vision.training import running, step
from blanktrap.vision.training.cached_feed import CachedFeed, decoder_here
from blanktrap.vision.training.run_folder import RunFolder, begin_run, open_run
from blanktrap.vision.training.running import InThisProcess
from blanktrap.vision.training.step import Learner
from blanktrap.vision.training.workers import Workers
from tests.vision.training.loops import CONFIG, some_media

STORAGE = Storage()
NUM_DRAWS = 48
# Of the digest before there were boxes.
DIGEST_WITHOUT = "sha256:6e20ef5359ba8625676c4a80914c67a820a725295c3822de5f215d11b34ac6d2"
LEFT = MediaBoxes(areas=((0.0, 0.25, 0.1, 0.5),), shape=(200.0, 100.0))
BESIDE = MediaBoxes(areas=((0.0, 0.0, 1.0, 1.0), (0.1, 0.2, 0.3, 1 / 3)), shape=None)


class Watching(nn.Module):
    """Keeps the images that it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 1)
        self.seen: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(images.detach())
        logits: torch.Tensor = self.linear(images.mean((2, 3)))
        return logits


def shown(
    folder: Path, boxes: dict[str, tuple[MediaBoxes, ...]], fit: str = "squash", **chances: float
) -> torch.Tensor:
    """What the network sees of one animal in many draws: of 1, how much is white; shape (num_draws,).

    200 by 100, its lowest fifth a banner; the animal is 20 by 25 at the left border, from a quarter of the
    height to its half.
    """
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[25:50, :20] = 255
    pixels[80:] = 128
    Image.fromarray(pixels).save(folder / "a.png")
    none = np.array([None], object)
    media = LabelledMedia(
        media_ids=np.array(["a.png"], object),
        uris=np.array([str(folder / "a.png")], object),
        sizes_bytes=none,
        location_ids=none,
        sequence_ids=none,
        is_nonblank=np.array([True]),
        splits=np.array(["train"], object),
    ).with_boxes(boxes)
    preprocessing = Preprocessing(
        width_px=160,
        height_px=160,
        fit=fit,  # type: ignore[arg-type]
        banner_bottom=0.2,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )
    config = TrainConfig(
        preprocessing=preprocessing,
        precision="float32",
        micro_batch_size=20,
        augment=AugmentConfig.off().model_copy(update=chances),
    )
    cache = PixelCache(folder / "cache", preprocessing)
    feed = CachedFeed(media, cache, decoder_here(media, preprocessing, STORAGE))
    network = Watching()
    learner = Learner(
        network,
        torch.optim.SGD(network.parameters(), 0.1),
        Workers(),
        config,
        label_weights=(1.0, 1.0),
        step_size=NUM_DRAWS,
        device=torch.device("cpu"),
    )
    learner.begin_epoch(1)
    [batch] = feed.epoch(np.zeros(NUM_DRAWS, np.int64), NUM_DRAWS)
    learner.learn(batch, media, "here")
    return torch.cat(network.seen)[:, 0].mean((1, 2))


@pytest.mark.parametrize("flip", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("fit", ["squash", "letterbox"])
def test_an_animal_at_the_border_is_spared_where_its_box_is_known(
    tmp_path: Path, fit: str, flip: float
) -> None:
    # Squashed, 80 of 100 rows remain: a tenth of the columns times 25 / 80 of the rows. In the letterbox the
    # picture is 160 by 64 of 160 rows.
    whole = 0.1 * 25 / 80 * (1.0 if fit == "squash" else 64 / 160)
    as_it_is = shown(tmp_path, {}, fit)
    assert as_it_is == pytest.approx(whole, rel=0.02)
    views = {"flip": flip, "crop": 1.0, "max_cut": 0.3}
    assert shown(tmp_path, {}, fit, **views).min() < 0.1 * whole
    # The view may shrink the animal by (1 + MAX_MARGIN)² besides, and half a pixel goes at its border.
    least = 0.7 * whole / (1 + MAX_MARGIN) ** 2 * 0.9
    assert shown(tmp_path, {"a.png": (LEFT,)}, fit, **views).min() >= least


def test_boxes_of_a_file_that_states_the_turned_shape_spare_nothing(tmp_path: Path) -> None:
    turned = MediaBoxes(areas=LEFT.areas, shape=(100.0, 200.0))
    views = {"crop": 1.0, "max_cut": 0.3}
    assert torch.equal(shown(tmp_path, {"a.png": (turned,)}, **views), shown(tmp_path, {}, **views))
    both = shown(tmp_path, {"a.png": (turned, MediaBoxes(areas=LEFT.areas, shape=None))}, **views)
    assert torch.equal(both, shown(tmp_path, {"a.png": (LEFT,)}, **views))


# Runs


def begin(location: Path, boxes: dict[str, tuple[MediaBoxes, ...]]) -> RunFolder:
    media = some_media()[0].with_boxes(boxes)
    return begin_run(STORAGE, str(location), media, CONFIG, manifest_digest="sha256:1")


def test_workers_read_the_boxes_that_the_run_began_with(tmp_path: Path) -> None:
    run = begin(tmp_path / "run", {"m3": (LEFT, BESIDE), "m5": (BESIDE,), "elsewhere": (LEFT,)})
    seen = open_run(STORAGE, run.location, CONFIG).media.boxes
    assert seen is not None
    assert seen.tolist() == [{3: (LEFT, BESIDE), 5: (BESIDE,)}.get(number, ()) for number in range(40)]
    taken = run.media.take(np.array([5, 0, 3]))
    assert taken.boxes is not None
    assert taken.boxes.tolist() == [(BESIDE,), (), (LEFT, BESIDE)]
    assert open_run(STORAGE, begin(tmp_path / "plain", {}).location, CONFIG).media.boxes is None


def test_a_run_without_boxes_is_what_it_was_and_other_boxes_are_another_run(tmp_path: Path) -> None:
    begin(tmp_path / "plain", {})
    record = json.loads((tmp_path / "plain" / "run.json").read_text())
    assert record["media_digest"] == DIGEST_WITHOUT
    begin(tmp_path / "boxed", {"m3": (LEFT,)})
    begin(tmp_path / "boxed", {"m3": (LEFT,)})
    for place, boxes in (("boxed", {"m3": (BESIDE,)}), ("boxed", {}), ("plain", {"m3": (LEFT,)})):
        with pytest.raises(TrainingError, match="of other media of this manifest, or of other boxes: give"):
            begin(tmp_path / place, boxes)  # type: ignore[arg-type]


SMALL = TrainConfig(
    weights="none",
    num_epochs=1,
    batch_size=8,
    val_share=0.3,
    preprocessing=Preprocessing(width_px=40, height_px=32),
)


def test_training_gives_the_boxes_to_its_workers(
    archive: Callable[..., Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bool, int]] = []
    monkeypatch.setattr(step, "Augmenter", lambda config: note)

    def note(pixels: torch.Tensor, device: torch.device, chance: Any, boxes: list[torch.Tensor]) -> Any:
        # The bright square of a nonblank image has 230 of red, the ground less than 120.
        is_nonblank = pixels[..., 0].amax((1, 2)) > 180
        seen.extend(zip(is_nonblank.tolist(), (len(one) for one in boxes), strict=True))
        return pixels.permute(0, 3, 1, 2).float()

    boxes = {f"image-{number}.png": (LEFT,) for number in range(0, 32, 2)}
    with InThisProcess(STORAGE) as launcher:
        parts = SMALL.model_copy(update={"micro_batch_size": 3})
        running.train(archive(), str(tmp_path / "model"), parts, STORAGE, launcher, boxes=boxes)
    assert Counter(seen) == {(True, 1): 12, (False, 0): 12}


def test_every_fold_has_its_boxes_and_other_boxes_are_other_folds(
    archive: Callable[..., Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = {"image-0.png": (LEFT,), "image-4.png": (BESIDE,)}
    seen: dict[str, Any] = {}

    def note(media: LabelledMedia, out: str, *rest: Any, **named: Any) -> None:
        assert media.boxes is not None
        for media_id, found in zip(media.media_ids, media.boxes, strict=True):
            seen.setdefault(media_id, set()).add(found)

    monkeypatch.setattr(cross_validation, "train_media", note)
    monkeypatch.setattr(cross_validation, "_begin", lambda plan: 1 / 0)
    config = SMALL.model_copy(update={"num_folds": 3})
    manifest = archive(48, 6)

    def go(**boxes: tuple[MediaBoxes, ...]) -> None:
        cross_validate(manifest, str(tmp_path / "out"), config, STORAGE, None, boxes=boxes)  # type: ignore[arg-type]

    with pytest.raises(ZeroDivisionError):
        go(**boxes)
    assert seen == {f"image-{n}.png": {boxes.get(f"image-{n}.png", ())} for n in range(48)}
    for others in ({}, {"image-0.png": (BESIDE,)}):
        with pytest.raises(TrainingError, match="out holds folds trained with other boxes: give --out a new"):
            go(**others)
    with pytest.raises(ZeroDivisionError):
        go(**boxes)


def test_the_command_says_what_its_files_gave_and_goes_on_with_no_others(
    archive: Callable[..., Manifest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    manifest = archive()
    images = [
        {"file": f"image-{number}.png", "detections": [{"category": "1", "conf": conf, "bbox": [0, 0, 1, 1]}]}
        for number, conf in ((0, 0.9), (1, 0.9), (2, 0.5), (99, 0.9))
    ]
    (tmp_path / "md.json").write_text(json.dumps({"images": images, "info": {}}))

    class Stopping(InThisProcess):
        def run(self, *given: Any) -> None:
            super().run(*given)
            raise KeyboardInterrupt

    monkeypatch.setattr(engine, "OnRay", lambda workers, storage, **named: Stopping(storage))
    options = ["--weights", "none", "--num-epochs", "1", "--batch-size", "8", "--image-size", "40x32"]
    command = ["train", manifest.location, "--out", str(tmp_path / "model"), "--background", "none", *options]
    boxes = ["--boxes", str(tmp_path / "md.json")]
    for more, num_boxed in ((boxes, 2), ([*boxes, "--min-confidence", "0.6"], 1)):
        with pytest.raises(
            TrainingError, match="1 of 1 epochs are kept" if num_boxed == 2 else "other boxes"
        ):
            app([*command, *more], standalone_mode=False)
        assert capsys.readouterr().out == (
            f"{tmp_path}/md.json: boxes for {num_boxed} of 16 nonblank media; those of 1 blank media left "
            "out; 1 of the 4 files that it names not known here\n"
        )
