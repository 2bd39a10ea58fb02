"""The recipe moves what it says, when it says, and draws fairly."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.config import TrainConfig, resolve
from blanktrap.core.errors import UsageError
from blanktrap.vision.network import build_network
from blanktrap.vision.training.recipe import (
    Schedule,
    build_optimizer,
    draw_order,
    measure_loss,
    prepare_phase,
    set_pace,
    weigh_labels,
)

LEARNED = TrainConfig(weights="imagenet", num_epochs=5, head_epochs=2, layer_decay=0.5)
PLAIN = TrainConfig(weights="none", num_epochs=5)


def test_the_head_goes_first_where_something_was_learned() -> None:
    assert Schedule.of(TrainConfig(weights="imagenet"), 10).head_epochs == 1
    assert Schedule.of(TrainConfig(weights="some/model"), 10).head_epochs == 1
    assert Schedule.of(TrainConfig(weights="none"), 10).head_epochs == 0
    # One epoch alone is for the whole network.
    assert Schedule.of(TrainConfig(weights="imagenet", num_epochs=1), 10).head_epochs == 0
    schedule = Schedule.of(LEARNED, 10)
    assert [schedule.phase_of(epoch) for epoch in range(1, 6)] == ["head", "head", "all", "all", "all"]


def test_both_cycles_begin_low_peak_after_a_fifth_and_end_lower() -> None:
    schedule = Schedule(head_epochs=0, num_epochs=1, steps_per_epoch=11)
    # Step 2 of 0 to 10 is a fifth of the way: the peak. At step 6 half of the way down: (1 + 4e-6) / 2.
    rates = [schedule.at(1, step).rate for step in range(11)]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[2] == pytest.approx(1.0)
    assert rates[6] == pytest.approx(0.500002)
    assert rates[10] == pytest.approx(4e-6)
    betas = [schedule.at(1, step).beta for step in (0, 2, 10)]
    assert betas == pytest.approx([0.95, 0.85, 0.95])
    # The second cycle begins where the head's ends, low again.
    both = Schedule.of(LEARNED, 10)
    assert both.at(2, 9).rate == pytest.approx(4e-6)
    assert both.at(3, 0).rate == pytest.approx(1 / 25)
    assert both.at(5, 9).rate == pytest.approx(4e-6)


@given(head=st.integers(0, 3), others=st.integers(1, 4), steps=st.integers(1, 7), data=st.data())
def test_no_pace_is_out_of_range(head: int, others: int, steps: int, data: st.DataObject) -> None:
    schedule = Schedule(head_epochs=head, num_epochs=head + others, steps_per_epoch=steps)
    epoch, step = data.draw(st.integers(1, head + others)), data.draw(st.integers(0, steps - 1))
    pace = schedule.at(epoch, step)
    assert 0.0 < pace.rate <= 1.0
    assert 0.85 <= pace.beta <= 0.95


def test_lower_stages_learn_slower_from_learned_weights_and_norms_do_not_decay() -> None:
    network = build_network("none")
    optimizer = build_optimizer(network, LEARNED)
    set_pace(optimizer, Schedule.of(LEARNED, 10).at(3, 6), LEARNED)
    group_of = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    rate = LEARNED.learning_rate * Schedule.of(LEARNED, 10).at(3, 6).rate
    parameters = dict(network.named_parameters())
    expected = {
        "fc.weight": 1.0,
        "layer4.0.conv1.weight": 0.5,
        "layer3.0.conv1.weight": 0.25,
        "layer2.0.conv1.weight": 0.125,
        "layer1.0.conv1.weight": 0.0625,
        "conv1.weight": 0.03125,
    }
    for name, scale in expected.items():
        assert group_of[id(parameters[name])]["lr"] == pytest.approx(rate * scale), name
    assert len(group_of) == len(parameters)
    for name, parameter in parameters.items():
        decays = group_of[id(parameter)]["weight_decay"] > 0
        assert decays == (parameter.ndim > 1), name


def test_what_is_new_of_the_place_learns_like_the_head_or_faster() -> None:
    network = build_network("none", 5)
    optimizer = build_optimizer(network, LEARNED)
    scale_of = {id(p): group["scale"] for group in optimizer.param_groups for p in group["params"]}
    scales = {name: scale_of[id(p)] for name, p in network.named_parameters()}
    assert scales["conv1.colours.weight"] == 0.03125
    assert scales["conv1.changes.weight"] == scales["fc.frame.weight"] == scales["fc.frame.bias"] == 1.0
    assert {scale for name, scale in scales.items() if name.startswith("fc.changes.")} == {5.0}


def test_all_stages_learn_alike_from_none() -> None:
    optimizer = build_optimizer(build_network("none"), PLAIN)
    assert {group["scale"] for group in optimizer.param_groups} == {1.0}


def test_the_head_learns_alone_on_the_statistics_it_finds() -> None:
    network = build_network("none")
    prepare_phase(network, "head")
    assert {name for name, p in network.named_parameters() if p.requires_grad} == {"fc.weight", "fc.bias"}
    assert not network.bn1.training
    prepare_phase(network, "all")
    assert all(p.requires_grad for p in network.parameters())
    assert network.bn1.training


def test_labels_weigh_alike_in_the_loss() -> None:
    # One nonblank of four: 0.5 / 0.75 for each blank, 0.5 / 0.25 for the nonblank; both sum to 2.
    is_nonblank = np.array([True, False, False, False])
    blank, nonblank = weigh_labels(is_nonblank, PLAIN)
    assert (blank, nonblank) == pytest.approx((2 / 3, 2.0))
    for balance in ("sampler", "none"):
        assert weigh_labels(is_nonblank, TrainConfig(balance=balance)) == (1.0, 1.0)


def test_loss_by_hand() -> None:
    # Smoothed by 0.1, the target of a nonblank is 0.9. At logit 0 each costs ln 2, whatever the target.
    # At logit 2 (p 0.8808) a nonblank costs -(0.9 ln 0.8808 + 0.1 ln 0.1192) = 0.3269.
    logits = torch.tensor([0.0, 2.0])
    labels, weights = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 3.0])
    loss = measure_loss(logits, labels, weights, 0.1)
    assert float(loss) == pytest.approx(math.log(2) + 3 * 0.32693, abs=1e-4)


def test_every_media_comes_once_unless_the_sampler_says_otherwise() -> None:
    rows, is_nonblank = np.arange(10, 20), np.arange(10) < 2
    for balance in ("weight", "none"):
        order = draw_order(rows, is_nonblank, TrainConfig(balance=balance), np.random.default_rng(0))
        assert sorted(order) == list(rows)
    order = draw_order(rows, is_nonblank, TrainConfig(balance="sampler"), np.random.default_rng(0))
    counts = np.bincount(order, minlength=20)[10:]
    # Five draws of two nonblank media: three and two; five of eight blank ones: each once at the most.
    assert sorted(counts[:2]) == [2, 3]
    assert counts[2:].max() == 1
    assert counts[2:].sum() == 5


def test_the_sampler_takes_what_there_is() -> None:
    order = draw_order(
        np.arange(4), np.ones(4, bool), TrainConfig(balance="sampler"), np.random.default_rng(0)
    )
    assert sorted(order) == [0, 1, 2, 3]


def test_a_head_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="leaves no epoch of 3"):
        resolve(TrainConfig, {"num_epochs": 3, "head_epochs": 3})
