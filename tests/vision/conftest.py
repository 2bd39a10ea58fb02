"""Images named by their flaw, and a small network that has learned something."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.vision.network import build_network

SMALL = Preprocessing(width_px=64, height_px=48)
LIMITS = DecodeLimits()


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    sink = io.BytesIO()
    image.save(sink, kind, **options)
    return sink.getvalue()


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


@pytest.fixture(scope="session")
def taught_network() -> nn.Module:
    """A ResNet34 that tells red images from blue ones, so that its scores spread over [0, 1]."""
    chance = torch.Generator().manual_seed(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network("none")
        optimizer = torch.optim.AdamW(network.parameters(), lr=3e-4)
        for _ in range(8):
            red = torch.rand(16, generator=chance)
            images = torch.randn(16, 3, 48, 64, generator=chance) * 0.3
            images[:, 0] += (4 * red - 2).view(-1, 1, 1)
            loss = nn.functional.binary_cross_entropy_with_logits(network(images).squeeze(1), red)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()
