"""Heatmaps are the derivative's, lie where the network looks, and go with the scorer's own scores."""

import numpy as np
import pytest
import torch
from torch import nn

from blanktrap.core.config import Preprocessing
from blanktrap.vision.heatmaps import Heatmaps, cell_middles, grad_cam
from blanktrap.vision.network import build_network, fold_batch_norm, split_at_last_map
from blanktrap.vision.scorer import PRECISION_TOLERANCE, Scorer
from tests.vision.small_networks import SeesRed

SMALL = Preprocessing(width_px=64, height_px=48)
WIDER = Preprocessing(width_px=160, height_px=96)


class PowerMean(nn.Module):
    """A pooling that is no mean: the cube root of the mean cube."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features.clamp_min(1e-3).pow(3).mean((2, 3), keepdim=True).pow(1 / 3)


def small_head(pooling: nn.Module, channels: int, seed: int = 0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(pooling, nn.Flatten(1), nn.Linear(channels, 1))


def pixels_of(preprocessing: Preprocessing, num_images: int = 3, seed: int = 0) -> np.ndarray:
    shape = (num_images, preprocessing.height_px, preprocessing.width_px, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


# The evidence


def test_evidence_of_a_map_worked_by_hand() -> None:
    # Two channels of 1 by 2 cells, weights 3 and -1, bias 5, mean pooling: the derivative by each cell is the
    # weight over 2 cells, so the cells' evidence is (3 * 1 - 1 * 4) / 2 = -0.5 and (3 * 2 - 1 * 0) / 2 = 3.
    head = small_head(nn.AdaptiveAvgPool2d(1), 2)
    with torch.no_grad():
        head[2].weight.copy_(torch.tensor([[3.0, -1.0]]))
        head[2].bias.copy_(torch.tensor([5.0]))
    features = torch.tensor([[[[1.0, 2.0]], [[4.0, 0.0]]]])
    evidence = grad_cam(features, head)
    assert evidence.tolist() == [[[-0.5, 3.0]]]
    # They sum to the logit less the bias: 3 * 1.5 - 1 * 2 = 2.5.
    assert float(head(features).detach()) == pytest.approx(2.5 + 5.0)


@pytest.mark.parametrize("pooling", [nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1), PowerMean()])
def test_evidence_agrees_with_finite_differences(pooling: nn.Module) -> None:
    head = small_head(pooling, 5).double()
    features = torch.rand(2, 5, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    step = 1e-6
    slopes = torch.zeros_like(features)
    for index in np.ndindex(*features.shape):
        above, below = features.clone(), features.clone()
        above[index] += step
        below[index] -= step
        slopes[index] = float((head(above) - head(below))[index[0]].detach()) / (2 * step)
    weights = slopes.sum((2, 3)) / 12
    expected = (weights[:, :, None, None] * features).sum(1)
    found = grad_cam(features, head.float())
    assert found.dtype is torch.float32
    assert np.abs(found.numpy() - expected.numpy()).max() < 1e-5


def test_an_image_has_the_same_evidence_in_any_company(taught_network: nn.Module) -> None:
    pixels = pixels_of(SMALL, 11)
    maker = Heatmaps(taught_network, Scorer(taught_network, SMALL, device="cpu", precision="float32"))
    together = maker.of_pixels(pixels)
    for at in (0, 10):
        [alone] = maker.of_pixels(pixels[at : at + 1])
        assert np.abs(alone.evidence - together[at].evidence).max() < 1e-4
        assert alone.p_nonblank == pytest.approx(together[at].p_nonblank, abs=1e-5)


def test_evidence_of_the_network_sums_to_its_logit(taught_network: nn.Module, pixels: np.ndarray) -> None:
    maker = Heatmaps(taught_network, Scorer(taught_network, SMALL, device="cpu", precision="float32"))
    bias = taught_network.fc.bias.item()
    for found in maker.of_pixels(pixels):
        logit = float(found.evidence.sum()) + bias
        assert 1.0 / (1.0 + np.exp(-logit)) == pytest.approx(found.p_nonblank, abs=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_score_is_the_scorers(taught_network: nn.Module, pixels: np.ndarray, precision: str) -> None:
    scorer = Scorer(taught_network, SMALL, device="cpu", precision=precision)
    found = [one.p_nonblank for one in Heatmaps(taught_network, scorer).of_pixels(pixels)]
    assert found == scorer.score_pixels(pixels).tolist()


def test_bfloat16_gives_nearly_the_same_map(taught_network: nn.Module, pixels: np.ndarray) -> None:
    maps = [
        Heatmaps(taught_network, Scorer(taught_network, SMALL, device="cpu", precision=name)).of_pixels(
            pixels
        )
        for name in ("float32", "bfloat16")
    ]
    for exact, rough in zip(*maps, strict=True):
        assert np.abs(exact.evidence - rough.evidence).max() < 0.05 * np.abs(exact.evidence).max() + 0.02


def test_the_network_is_left_alone(taught_network: nn.Module, pixels: np.ndarray) -> None:
    before = {name: tensor.clone() for name, tensor in taught_network.state_dict().items()}
    mode = taught_network.training
    scorer = Scorer(taught_network, SMALL, device="cpu", precision="bfloat16")
    Heatmaps(taught_network, scorer).of_pixels(pixels[:1])
    assert all(torch.equal(before[name], now) for name, now in taught_network.state_dict().items())
    assert taught_network.training == mode
    assert all(one.requires_grad and one.grad is None for one in taught_network.parameters())


def test_a_network_cut_in_two_is_the_same_network(taught_network: nn.Module) -> None:
    images = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    body, head = split_at_last_map(taught_network)
    with torch.no_grad():
        features = body(images)
        assert features.shape == (2, 512, 2, 3)
        assert torch.equal(head(features), taught_network(images))


# The place


@pytest.mark.parametrize(
    ("num_cells", "size_px", "expected"),
    [
        # Cells of 32 px around 0.5, 32.5, 64.5, 96.5; the first sees only [0, 16.5) of [-15.5, 16.5).
        (4, 128, [8.25, 32.5, 64.5, 96.5]),
        # The last of 16 cells is around 480.5 and ends at 496.5, inside the 500 px.
        (16, 500, [8.25, *(32.0 * np.arange(1, 16) + 0.5)]),
        # 40 px have cells around 0.5 and 32.5; the second sees [16.5, 40).
        (2, 40, [8.25, (16.5 + 40) / 2]),
        (1, 32, [8.25]),
        # A network that keeps twice the cells has them 16 px apart.
        (8, 128, [4.25, *(16.0 * np.arange(1, 8) + 0.5)]),
    ],
)
def test_cells_lie_where_they_look(num_cells: int, size_px: int, expected: list[float]) -> None:
    assert cell_middles(num_cells, size_px).tolist() == expected


def test_the_derivative_by_the_input_finds_the_cells_there() -> None:
    # All weights alike: a cell's field is then symmetric, and heaviest in its middle.
    network = build_network("none").eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.fill_(1.0 / module.weight[0].numel())
            elif isinstance(module, nn.BatchNorm2d):
                module.weight.fill_(1.0)
    body, _ = split_at_last_map(network)
    images = torch.ones(1, 3, 224, 288).requires_grad_()
    features = body(images)
    rows, columns = cell_middles(7, 224), cell_middles(9, 288)
    for row, column in ((3, 4), (2, 5), (4, 3)):
        [slope] = torch.autograd.grad(features[0, 0, row, column], images, retain_graph=True)
        weight = slope[0].sum(0).numpy()
        # Stretching the map would put the cells 15 px further right and down.
        assert abs(weight.sum(1).argmax() + 0.5 - rows[row]) <= 6
        assert abs(weight.sum(0).argmax() + 0.5 - columns[column]) <= 6


def test_the_heatmap_has_the_inputs_size_and_its_peak_at_the_peak(taught_network: nn.Module) -> None:
    network = head_that_says(1.0, taught_network)
    maker = Heatmaps(network, Scorer(network, WIDER, device="cpu", precision="float32"))
    for found in maker.of_pixels(pixels_of(WIDER)):
        assert found.evidence.shape == (3, 5)
        assert found.heat.shape == (96, 160)
        assert found.heat.dtype == np.float32
        assert 0.0 <= found.heat.min() <= found.heat.max() <= 1.0
        assert found.peak is not None
        x, y = found.peak[0] * 160, found.peak[1] * 96
        row, column = np.unravel_index(found.evidence.argmax(), (3, 5))
        assert (x, y) == (cell_middles(5, 160)[column], cell_middles(3, 96)[row])
        # A pixel at the middle of the strongest cell is within a pixel's share of the maximum.
        assert found.heat[int(y), int(x)] > 0.95


def head_that_says(weight: float, taught_network: nn.Module) -> nn.Module:
    network = fold_batch_norm(taught_network)
    with torch.no_grad():
        network.fc.weight.fill_(weight)
    return network


@pytest.mark.parametrize("weight", [0.0, -1.0])
def test_where_nothing_speaks_for_nonblank_the_heatmap_is_flat(
    taught_network: nn.Module, weight: float
) -> None:
    # Features are never below 0, so weights of at most 0 leave no evidence for nonblank.
    network = head_that_says(weight, taught_network)
    maker = Heatmaps(network, Scorer(network, WIDER, device="cpu", precision="float32"))
    for found in maker.of_pixels(pixels_of(WIDER)):
        assert found.peak is None
        assert not found.heat.any()
        assert (found.evidence <= 0.0).all()


def test_where_every_cell_speaks_alike_the_heatmap_is_flat(taught_network: nn.Module) -> None:
    # One cell alone has no place to point at.
    tiny = Preprocessing(width_px=32, height_px=32)
    network = head_that_says(1.0, taught_network)
    [found] = Heatmaps(network, Scorer(network, tiny, device="cpu")).of_pixels(pixels_of(tiny, 1))
    assert found.evidence.shape == (1, 1)
    assert found.evidence[0, 0] > 0.0
    assert found.peak is None


def test_the_peak_lies_on_what_the_network_looks_for() -> None:
    network = SeesRed()
    maker = Heatmaps(network, Scorer(network, WIDER, device="cpu", precision="float32"))
    chance = np.random.default_rng(5)
    for _ in range(20):
        image = chance.integers(60, 120, (96, 160, 3), dtype=np.uint8)
        left, top = int(chance.integers(0, 120)), int(chance.integers(0, 56))
        image[top : top + 40, left : left + 40] = (250, 160, 40)
        [found] = maker.of_pixels(image[None])
        assert found.peak is not None
        assert left <= found.peak[0] * 160 <= left + 40
        assert top <= found.peak[1] * 96 <= top + 40


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["auto", "float32", "float16"])
def test_a_gpu_gives_the_same_heatmaps(taught_network: nn.Module, pixels: np.ndarray, precision: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU here")
    plain = Heatmaps(taught_network, Scorer(taught_network, SMALL, device="cpu", precision="float32"))
    there = Heatmaps(taught_network, Scorer(taught_network, SMALL, device="cuda", precision=precision))
    for exact, found in zip(plain.of_pixels(pixels), there.of_pixels(pixels), strict=True):
        assert abs(exact.p_nonblank - found.p_nonblank) <= PRECISION_TOLERANCE
        assert np.abs(exact.evidence - found.evidence).max() < 0.05 * np.abs(exact.evidence).max() + 0.02
