"""Training with the background: neighbours need no label, the card says so, some media are seen without."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blanktrap.core.config import AugmentConfig, Preprocessing, TrainConfig
from blanktrap.core.errors import CheckpointError
from blanktrap.core.neighbours import rule_of
from blanktrap.files.scores_reader import open_scores
from blanktrap.files.storage import Storage
from blanktrap.vision import comparing
from blanktrap.vision.augmentation import Augmenter
from blanktrap.vision.background import NO_CHANGE
from blanktrap.vision.checkpoints import first_network, load_network
from blanktrap.vision.cross_validation import cross_validate
from blanktrap.vision.labelled_media import media_of, read_labelled_rows
from blanktrap.vision.network import build_network, fold_batch_norm
from blanktrap.vision.scorer import Scorer
from blanktrap.vision.training.running import InThisProcess, train
from blanktrap.vision.training.step import Learner
from blanktrap.vision.training.workers import Workers
from tests.vision.places import draw_places

STORAGE = Storage()
PREPROCESSING = Preprocessing(width_px=64, height_px=48, background="location")
CONFIG = TrainConfig(
    weights="none",
    num_epochs=1,
    batch_size=8,
    val_share=0.3,
    preprocessing=PREPROCESSING,
    precision="float32",
)


def test_it_trains_with_unlabelled_neighbours_each_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = draw_places(tmp_path / "archive", num_places=4, num_frames=9, labelled=5)
    fetched: list[str] = []
    load = comparing.load_images

    def spy(uris: Sequence[str], *args: Any, **options: Any) -> Any:
        fetched.extend(uris)
        return load(uris, *args, **options)

    monkeypatch.setattr(comparing, "load_images", spy)
    cache, out = str(tmp_path / "cache"), str(tmp_path / "model")
    with InThisProcess(STORAGE, cache=cache) as launcher:
        summary = train(manifest, out, CONFIG, STORAGE, launcher)
    # Training and validation stations are decoded apart, and no media twice.
    assert len(fetched) == len(set(fetched)) == 36
    assert sum(summary.card.label_counts.values()) == 20
    network, card = load_network(STORAGE, out)
    assert card.preprocessing.background == "location"
    pixels = np.zeros((2, 48, 64, 5), np.uint8)
    pixels[..., 3] = NO_CHANGE
    scorer = Scorer.of(network, card)
    # A lone image is one without background.
    assert np.array_equal(scorer.score_pixels(pixels), scorer.score_pixels(pixels[..., :3]))
    fetched.clear()
    with InThisProcess(STORAGE, cache=cache) as launcher:
        train(manifest, str(tmp_path / "again"), CONFIG, STORAGE, launcher)
    assert not fetched  # all of it lies in the cache, under names that know the neighbours


def test_weights_without_background_are_widened_and_see_what_they_saw(tmp_path: Path) -> None:
    manifest = draw_places(tmp_path / "archive", num_places=4, num_frames=4, labelled=4)
    plain = CONFIG.model_copy(
        update={"preprocessing": PREPROCESSING.model_copy(update={"background": "none"})}
    )
    out = str(tmp_path / "plain")
    with InThisProcess(STORAGE) as launcher:
        train(manifest, out, plain, STORAGE, launcher)
    narrow, wide = load_network(STORAGE, out)[0].eval(), first_network(STORAGE, out, 5).eval()
    images = torch.randn(2, 5, 48, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(narrow(images[:, :3]), wide(images), atol=1e-5)
        assert torch.allclose(fold_batch_norm(wide)(images), wide(images), atol=1e-4)
    wide_out = str(tmp_path / "wide")
    config = CONFIG.model_copy(update={"weights": out})
    with InThisProcess(STORAGE) as launcher:
        train(manifest, wide_out, config, STORAGE, launcher)
    with pytest.raises(CheckpointError, match="--background sequence or location"):
        first_network(STORAGE, wide_out, 3)


def test_some_media_are_seen_as_if_they_had_no_background() -> None:
    network = build_network("none", 5)
    config = CONFIG.model_copy(update={"withhold_background": 0.25})
    optimizer = torch.optim.AdamW(network.parameters())
    learner = Learner(
        network,
        optimizer,
        Workers(),
        config,
        label_weights=(1.0, 1.0),
        step_size=8,
        device=torch.device("cpu"),
    )
    learner.begin_epoch(3)
    pixels = np.full((400, 2, 2, 5), 200, np.uint8)
    seen = learner._withhold(pixels)
    is_withheld = (seen[..., 4] == 0).all(axis=(1, 2))
    assert 60 < is_withheld.sum() < 140
    assert (seen[is_withheld][..., 3] == NO_CHANGE).all()
    assert (seen[~is_withheld] == 200).all()
    assert (pixels == 200).all()  # the cache's own pixels stay
    assert (seen[..., :3] == 200).all()


def test_what_befalls_the_colours_befalls_no_difference() -> None:
    chances = dict.fromkeys(AugmentConfig().chances(), 1.0) | {"flip": 0.0, "crop": 0.0}
    pixels = torch.randint(0, 256, (4, 48, 64, 5), generator=torch.Generator().manual_seed(0)).byte()
    cpu = torch.device("cpu")
    changed = Augmenter(AugmentConfig(**chances))(pixels, cpu, torch.Generator().manual_seed(1))
    assert torch.equal(changed[:, 3:], pixels.permute(0, 3, 1, 2)[:, 3:].float())
    assert not torch.equal(changed[:, :3], pixels.permute(0, 3, 1, 2)[:, :3].float())
    flip = AugmentConfig.off().model_copy(update={"flip": 1.0})
    mirrored = Augmenter(flip)(pixels, cpu, torch.Generator().manual_seed(1))
    assert torch.equal(mirrored, pixels.permute(0, 3, 1, 2).flip(3).float())


def test_no_neighbour_is_of_another_location(tmp_path: Path) -> None:
    manifest = draw_places(tmp_path, num_places=3, num_frames=6, labelled=3)
    media = media_of(read_labelled_rows(manifest, STORAGE, "location"), ["train"] * 9)
    rule = rule_of("location")
    assert media.places is not None
    assert rule is not None
    for place in media.places:
        assert place.neighbours
        assert {Path(uri).name.split("-")[0] for _, uri, _ in place.neighbours} == {
            Path(place.uri).name.split("-")[0]
        }


def test_folds_are_compared_too(tmp_path: Path) -> None:
    manifest = draw_places(tmp_path / "archive", num_places=4, num_frames=5, labelled=4)
    config = CONFIG.model_copy(update={"num_folds": 2})
    with InThisProcess(STORAGE) as launcher:
        summary = cross_validate(manifest, str(tmp_path / "folds"), config, STORAGE, launcher)
    assert summary.measured.figures[-1].num_media == 16
    scores = open_scores(STORAGE, str(tmp_path / "folds" / "out-of-fold"))
    [table] = scores.iter_tables(STORAGE, ["p_nonblank", "has_background"])
    assert table.column("has_background").to_pylist() == [True] * 16
