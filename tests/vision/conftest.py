"""Images named by their flaw, a small labelled archive, and a small network that has learned something."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from blanktrap.core.config import Preprocessing
from blanktrap.files.manifest import Manifest
from blanktrap.vision.network import build_network
from tests.labelled_images import draw_labelled


@pytest.fixture(scope="session")
def scene() -> Callable[..., Image.Image]:
    """A colourful picture with edges, texture and a gradient; the same seed gives the same picture."""

    def draw(width_px: int = 320, height_px: int = 240, seed: int = 0) -> Image.Image:
        chance = np.random.default_rng(seed)
        coarse = chance.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((width_px, height_px), Image.Resampling.BICUBIC)
        pixels = np.asarray(image).astype(np.float32)
        pixels += chance.normal(0.0, 8.0, pixels.shape)
        pixels[height_px // 3 : height_px // 2, width_px // 4 : width_px // 2] = (200.0, 60.0, 20.0)
        return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))

    return draw


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Small networks lose more than they win by threads, and far more on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def red_and_blue(num_images: int, seed: int) -> np.ndarray:
    """Images from blue to red with noise, uint8, shape (num_images, 48, 64, 3)."""
    red = np.linspace(0, 200, num_images)[:, None, None]
    images = np.random.default_rng(seed).integers(0, 56, (num_images, 48, 64, 3)).astype(np.float64)
    images[..., 0] += red
    images[..., 2] += 200 - red
    return images.astype(np.uint8)


def normalise(pixels: np.ndarray) -> torch.Tensor:
    """The definition of preprocessing, slow and plain: shape (num_images, 3, height_px, width_px)."""
    usual = Preprocessing()
    images = (pixels / 255.0 - np.array(usual.mean)) / np.array(usual.std)
    return torch.from_numpy(images.transpose(0, 3, 1, 2)).float()


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """Twenty-two images that the taught network has not seen."""
    return red_and_blue(22, seed=0)


@pytest.fixture(scope="session")
def taught_network() -> nn.Module:
    """A ResNet34 that tells red images from blue ones, so that its scores spread over [0, 1].

    Norms have random scales and measured statistics; the last layer is fitted to logits from -3 to 3.
    """
    chance = torch.Generator().manual_seed(1)
    images, logits = normalise(red_and_blue(40, seed=1)), torch.linspace(-3.0, 3.0, 40)
    features: list[torch.Tensor] = []
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = build_network("none")
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.weight.uniform_(0.5, 1.0, generator=chance)
            norm.bias.uniform_(-0.2, 0.2, generator=chance)
            norm.momentum = 1.0
        network.train()(images)
        network.avgpool.register_forward_hook(lambda _, given, out: features.append(out.flatten(1)))
        network.eval()(images)
        network.avgpool._forward_hooks.clear()
        centre = features[0].mean(0)
        spread = features[0] - centre
        ridge = spread @ spread.T + spread.pow(2).sum(1).mean() * torch.eye(40)
        weight = spread.T @ torch.linalg.solve(ridge, logits)
        network.fc.weight.copy_(weight[None])
        network.fc.bias.copy_(-(centre @ weight)[None])
        for norm in norms:
            norm.momentum = 0.1
    return network


@pytest.fixture(scope="session", name="draw_labelled")
def _draw_labelled() -> Callable[..., Manifest]:
    """See `tests.labelled_images.draw_labelled`."""
    return draw_labelled


@pytest.fixture
def archive(tmp_path: Path, draw_labelled: Callable[..., Manifest]) -> Callable[..., Manifest]:
    """As `draw_labelled`, into this test's folder."""
    return partial(draw_labelled, tmp_path)
