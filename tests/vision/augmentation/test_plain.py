"""Augmentation changes light and place, never more."""

import pytest
import torch

from blanktrap.vision.augmentation.plain import MAX_SHIFT, augment


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_values_stay_pixels_and_the_seed_decides() -> None:
    images = torch.rand(16, 3, 48, 64, generator=chance(9)) * 255
    changed = augment(images, chance())
    assert changed.shape == images.shape
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert torch.equal(changed, augment(images, chance()))
    assert not torch.equal(changed, augment(images, chance(1)))


def test_an_animal_at_the_middle_stays_in_the_picture_and_about_half_are_mirrored() -> None:
    # A bright square at columns 40 to 47 of 64: seen at 16 to 23 when mirrored, shifted by 4 at most.
    images = torch.full((200, 3, 48, 64), 50.0)
    images[:, :, 20:28, 40:48] = 200.0
    changed = augment(images, chance())
    weight = changed[:, 0] - changed[:, 0].amin(dim=(1, 2), keepdim=True)
    columns = (weight.sum(1) * torch.arange(64)).sum(1) / weight.sum((1, 2))
    furthest = MAX_SHIFT * 64 + 0.5
    plain, mirrored = (columns - 43.5).abs() <= furthest, (columns - 19.5).abs() <= furthest
    assert (plain ^ mirrored).all()
    assert 70 < mirrored.sum() < 130
    assert columns[plain].std() > 1.0


@pytest.mark.parametrize("level", [0.0, 128.0])
def test_flat_images_stay_flat(level: float) -> None:
    changed = augment(torch.full((8, 3, 48, 64), level), chance())
    assert torch.allclose(changed.amax(dim=(1, 2, 3)), changed.amin(dim=(1, 2, 3)), atol=1e-3)
    assert (changed.mean(dim=(1, 2, 3)) <= level * 1.2501).all()
