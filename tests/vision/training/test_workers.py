"""Many workers take the steps that one would take."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import multiprocessing, nn

from blanktrap.core.config import AugmentConfig
from blanktrap.core.errors import TrainingError
from blanktrap.vision.training.loop import TrainingLoop
from blanktrap.vision.training.workers import Workers
from tests.vision.training.loops import CONFIG, make_loop

# All 30 training media are one step, and only the head moves: no norm sees another batch than alone.
ONE_STEP = CONFIG.model_copy(
    update={
        "weights": "imagenet",
        "batch_size": 64,
        "num_epochs": 3,
        "head_epochs": 2,
        "augment": AugmentConfig(**dict.fromkeys(AugmentConfig.model_fields, 0.0)),
    }
)

PHASES = CONFIG.model_copy(update={"weights": "imagenet", "head_epochs": 1})


def moments(loop: TrainingLoop) -> torch.Tensor:
    """The running mean of the gradients."""
    of = [value.flatten() for name, value in loop.state.optimizer.items() if name.endswith("exp_avg")]
    return torch.cat(of)


def _work(rank: int, count: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=count
    )
    try:
        loop = make_loop(ONE_STEP)
        records = [record for _, record in zip(range(2), loop.epochs(), strict=False)]
        assert loop.state.best_scores is not None
        torch.save(
            {
                "moments": moments(loop),
                "rows": loop.state.best_scores.rows.tolist(),
                "loss": records[-1].train_loss,
            },
            f"{folder}/{rank}.pt",
        )
    finally:
        torch.distributed.destroy_process_group()


def _work_through_phases(rank: int, count: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=count
    )
    try:
        wrapped: list[int] = []
        wrap = Workers.wrap

        def counted(workers: Workers, network: nn.Module) -> nn.Module:
            wrapped.append(workers.rank)
            return wrap(workers, network)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Workers, "wrap", counted)
            loop = make_loop(PHASES)
            before = [value.clone() for value in loop._network.parameters()]
            phases = [record.phase for record in loop.epochs()]
        after = list(loop._network.parameters())
        moved = [not torch.equal(one, two) for one, two in zip(before, after, strict=True)]
        torch.save(
            {"weights": after, "moved": moved, "phases": phases, "wrapped": len(wrapped)},
            f"{folder}/{rank}.pt",
        )
    finally:
        torch.distributed.destroy_process_group()


def test_layers_that_begin_to_learn_later_are_shared_by_all_workers(tmp_path: Path) -> None:
    multiprocessing.spawn(_work_through_phases, args=(2, str(tmp_path)), nprocs=2)
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert one["phases"] == ["head", "all", "all"]
    assert one["wrapped"] == 2
    assert all(one["moved"])
    for mine, others in zip(one["weights"], other["weights"], strict=True):
        assert torch.equal(mine, others)


def test_three_workers_take_the_steps_of_one(tmp_path: Path) -> None:
    alone = make_loop(ONE_STEP)
    records = [record for _, record in zip(range(2), alone.epochs(), strict=False)]
    expected = moments(alone)
    multiprocessing.spawn(_work, args=(3, str(tmp_path)), nprocs=3)
    for rank in range(3):
        found = torch.load(tmp_path / f"{rank}.pt")
        # Moments, not weights: AdamW moves a weight as far for a gradient that is rounding alone.
        assert (found["moments"] - expected).norm() < 1e-3 * expected.norm()
        assert alone.state.best_scores is not None
        assert found["rows"] == alone.state.best_scores.rows.tolist()
        assert found["loss"] == pytest.approx(records[-1].train_loss, rel=1e-5)


def test_shares_sum_to_the_step_and_parts_to_the_media() -> None:
    shares, rows = [], []
    for rank in range(3):
        workers = Workers()
        workers.rank, workers.count = rank, 3
        shares.append(workers.share_of(32))
        rows.extend(workers.part_of(np.arange(100), seed=4).tolist())
    assert shares == [11, 11, 10]
    assert sorted(rows) == list(range(100))


def test_more_workers_than_media_in_a_step_are_refused() -> None:
    workers = Workers()
    workers.count = 40
    with pytest.raises(TrainingError, match="40 workers have nothing to share in steps of 32 media"):
        workers.share_of(32)
