"""The loop learns, goes on exactly where it stopped, and stops when it should."""

from pathlib import Path

import numpy as np
import pytest
import torch

from blanktrap.core.config import AugmentConfig
from blanktrap.core.errors import CheckpointError, TrainingError
from blanktrap.core.vocabulary import Split
from blanktrap.vision.network import build_network
from blanktrap.vision.training.state import read_state, write_state
from tests.vision.training.loops import CONFIG, GapFeed, make_loop, some_media, weights_of


def test_it_learns_and_records_every_epoch() -> None:
    loop = make_loop()
    records = list(loop.epochs())
    assert [record.epoch for record in records] == [1, 2, 3]
    assert records[-1].train_loss < records[0].train_loss
    assert loop.state.best_record is not None
    assert loop.state.best_record.figures.all.num_media == 10
    assert loop.state.best_scores is not None
    assert (
        loop.state.best_scores.rows.tolist() == np.flatnonzero(some_media()[0].splits == Split.VAL).tolist()
    )
    assert all(0.0 <= record.waited_share <= 1.0 for record in records)


def test_a_run_that_goes_on_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = make_loop()
    list(whole.epochs())
    first = make_loop()
    next(first.epochs())
    write_state(tmp_path, first.state)
    second = make_loop()
    second.restore(read_state(tmp_path))
    list(second.epochs())
    assert [r.epoch for r in second.state.records] == [1, 2, 3]
    assert torch.equal(weights_of(whole), weights_of(second))
    for name, tensor in whole.state.best.items():
        assert torch.equal(tensor, second.state.best[name]), name


def test_micro_batches_change_nothing_but_the_norms_statistics() -> None:
    # With norms that keep their statistics (the head alone learns) the sum of parts is the whole.
    quiet = AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0.0))
    config = CONFIG.model_copy(
        update={"weights": "imagenet", "num_epochs": 2, "head_epochs": 1, "augment": quiet}
    )
    whole, parts = make_loop(config), make_loop(config.model_copy(update={"micro_batch_size": 3}))
    for loop in (whole, parts):
        next(loop.epochs())
    assert torch.allclose(whole.state.network["fc.weight"], parts.state.network["fc.weight"], atol=1e-6)
    assert not torch.equal(whole.state.network["fc.weight"], build_network("none").fc.weight)


def test_media_that_cannot_be_decoded_are_replaced_by_the_next() -> None:
    media, _ = some_media()
    train_rows = np.flatnonzero(media.splits == Split.TRAIN)
    feed = GapFeed(broken=set(train_rows[:7].tolist()))
    loop = make_loop(learn=feed)
    record = next(loop.epochs())
    # 30 media to learn from in steps of 8: three steps, whatever cannot be decoded.
    assert len(feed.seen) >= 24
    assert loop.state.left_out == dict.fromkeys(train_rows[:7].tolist(), "unreadable")
    assert record.figures.all.num_media == 10


def test_nothing_readable_is_one_line() -> None:
    loop = make_loop(learn=GapFeed(broken=set(range(40))))
    with pytest.raises(TrainingError, match=r"none of 30 labelled images .* \(30 unreadable\)"):
        next(loop.epochs())


def test_one_label_left_is_refused() -> None:
    media, _ = some_media()
    feed = GapFeed(broken=set(np.flatnonzero(media.is_nonblank).tolist()))
    with pytest.raises(TrainingError, match="that can be read: no nonblank media in `train`"):
        next(make_loop(learn=feed).epochs())


def test_a_loss_that_is_no_number_leaves_the_last_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = make_loop(CONFIG.model_copy(update={"learning_rate": 1e-3}))
    epochs = loop.epochs()
    next(epochs)
    before = weights_of(loop).clone()
    calls: list[int] = []
    real = loop._learner._augmenter

    def poisoned(*given: object) -> torch.Tensor:
        calls.append(1)
        return real(*given) * (float("nan") if len(calls) == 2 else 1.0)

    monkeypatch.setattr(loop._learner, "_augmenter", poisoned)
    with pytest.raises(
        TrainingError, match=r"the loss is nan at epoch 2, batch 2 of 3 \(m\d+, m\d+, m\d+, …\)"
    ):
        next(epochs)
    assert loop.state.epoch == 1
    assert before.isfinite().all()


def test_memory_that_runs_out_says_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = make_loop()

    def full(*given: object) -> torch.Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried …")

    monkeypatch.setattr(loop._learner, "_augmenter", full)
    with pytest.raises(TrainingError, match=r"8 images of 32x32 .*--micro-batch-size 4, .*--image-size"):
        next(loop.epochs())


def test_it_stops_when_nothing_gets_better(monkeypatch: pytest.MonkeyPatch) -> None:
    config = CONFIG.model_copy(update={"num_epochs": 30, "patience": 2, "learning_rate": 1e-12})
    loop = make_loop(config)
    records = list(loop.epochs())
    best = loop.state.best_record
    assert best is not None
    assert len(records) == best.epoch + 2 < 30
    assert loop.is_over


@pytest.mark.parametrize("name", ["network", "optimizer", "best_scores"])
def test_a_damaged_state_is_refused(tmp_path: Path, name: str) -> None:
    loop = make_loop()
    next(loop.epochs())
    write_state(tmp_path, loop.state)
    (tmp_path / f"{name}.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CheckpointError, match="is damaged"):
        read_state(tmp_path)


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"schema_version": 99}')
    with pytest.raises(CheckpointError, match="version 99"):
        read_state(tmp_path)
