"""What the network with background has more: strength of change by cell, and a head that is shown it."""

import numpy as np
import pytest
import torch
from torch import nn

from blanktrap.core.config import CHANGE_SPREAD, Preprocessing
from blanktrap.vision.background import NO_CHANGE
from blanktrap.vision.network import build_network, fold_batch_norm, split_at_last_map, widen
from blanktrap.vision.place_network import PlaceHead, join_changes
from blanktrap.vision.scorer import PRECISION_TOLERANCE, Scorer, _BlockedNetwork, _TwoParts

WIDE = Preprocessing(width_px=128, height_px=64, background="location")


@pytest.fixture(scope="module")
def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = build_network("none", 5)
        made.train()(torch.randn(16, 5, 64, 128))
    return made.eval()


def images_of(codes: np.ndarray, known: float = 1.0) -> torch.Tensor:
    """Black images, shape (1, 5, height, width), with these differences of full strength 1."""
    images = torch.zeros(1, 5, *codes.shape)
    images[0, 3] = torch.from_numpy(codes) * NO_CHANGE / CHANGE_SPREAD
    images[0, 4] = known
    return images


def test_the_strength_of_each_size_of_block_lies_in_its_cell() -> None:
    # 64 by 128 px: blocks of 2, 4, 8, 16 and 32 px. A square of 4 px, darker by half, in cell (1, 2).
    codes = np.zeros((64, 128), np.float32)
    codes[40:44, 72:76] = -0.5
    joined = join_changes(torch.zeros(1, 512, 2, 4), images_of(codes))
    assert joined.shape == (1, 519, 2, 4)
    known, mean, *peaks = joined[0, 512:]
    assert (known == 1.0).all()
    # 16 of the 1,024 px of a cell by half.
    assert mean[1, 2] == pytest.approx(0.5 * 16 / 1024)
    assert mean.sum() == mean[1, 2]
    # Blocks as small as the square hold it whole; of 8, 16 and 32 px it is a quarter, a 16th, a 64th.
    expected = [0.5, 0.5, 0.5 / 4, 0.5 / 16, 0.5 / 64]
    assert [float(peak[1, 2]) for peak in peaks] == pytest.approx(expected)
    assert [float(peak[0, 0]) for peak in peaks[:4]] == [0.0] * 4


def test_colours_alone_are_left_as_they_are() -> None:
    maps = torch.randn(2, 512, 3, 4)
    assert join_changes(maps, torch.randn(2, 3, 96, 128)) is maps


def test_without_background_the_head_hears_nothing_of_change() -> None:
    torch.manual_seed(0)
    head = PlaceHead(nn.Linear(512, 1))
    frame = torch.randn(4, 512)
    silent = torch.cat([frame, torch.zeros(4, 2), torch.zeros(4, 5)], 1)
    shouting = torch.cat([frame, torch.zeros(4, 1), torch.full((4, 1), 0.3), torch.full((4, 5), 0.9)], 1)
    assert torch.equal(head(silent), head(shouting))


def test_the_head_hears_of_change_where_it_is_known(network: nn.Module) -> None:
    codes = np.zeros((64, 128), np.float32)
    codes[40:44, 72:76] = -0.5
    body, head = split_at_last_map(network)
    with torch.no_grad():
        still, moved = (head[0](body(images_of(one))) for one in (np.zeros_like(codes), codes))
        heard = network.fc.changes  # type: ignore[union-attr]
        said = head[-1](moved) - head[-1](still)
        frame = network.fc.frame  # type: ignore[union-attr]
        assert not torch.allclose(said, frame(moved[:, :512]) - frame(still[:, :512]), atol=1e-4)
    assert heard[0].in_features == 7  # type: ignore[index,union-attr]


def test_a_widened_network_sees_what_it_saw_until_it_learns() -> None:
    torch.manual_seed(1)
    narrow = build_network("none").eval()
    nn.init.normal_(narrow.fc.weight)  # type: ignore[union-attr,arg-type]
    images = torch.randn(2, 5, 64, 96)
    with torch.no_grad():
        before = narrow(images[:, :3])
        wide = widen(narrow, 5, from_zero=True).eval()
        assert torch.allclose(wide(images), before, atol=1e-5)
    wide.train()(images).sum().backward()
    for name in ("conv1.changes.weight", "fc.changes.2.weight"):
        assert wide.get_parameter(name).grad is not None
        assert wide.get_parameter(name).grad.abs().sum() > 0  # type: ignore[union-attr]


def test_cut_folded_and_blocked_it_is_the_same_network(network: nn.Module) -> None:
    images = torch.randn(3, 5, 64, 128, generator=torch.Generator().manual_seed(2))
    body, head = split_at_last_map(network)
    with torch.inference_mode():
        expected = network(images)
        assert torch.equal(head(body(images)), expected)
        folded = fold_batch_norm(network)
        for form in (_TwoParts(folded), _BlockedNetwork(fold_batch_norm(network))):
            features, logits = form(images)
            assert torch.allclose(logits, expected, atol=1e-4)
            assert features.shape == (3, 519)


def test_half_precision_hears_nearly_the_same(network: nn.Module) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (6, 64, 128, 5), np.uint8)
    pixels[..., 4] = 255
    exact, rough = (
        Scorer(network, WIDE, device="cpu", precision=name).look_at(pixels)
        for name in ("float32", "bfloat16")
    )
    assert np.abs(exact.p_nonblank - rough.p_nonblank).max() <= PRECISION_TOLERANCE
    assert exact.features.shape == (6, 512)
