"""Each image is changed by chance, on its own, and stays a picture of the same thing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blanktrap.core.config import AugmentConfig
from blanktrap.vision.augmentation import Augmenter
from tests.vision.augmentation.pictures import ALWAYS, CHANCES, CPU, as_images, chance, only, scenes


def test_nothing_happens_when_everything_is_off() -> None:
    pixels = scenes()
    before = pixels.clone()
    assert torch.equal(Augmenter(AugmentConfig.off())(pixels, CPU, chance()), as_images(before))


@pytest.mark.parametrize("config", [AugmentConfig(), ALWAYS])
@pytest.mark.parametrize(("num_media", "height_px", "width_px"), [(1, 32, 32), (3, 33, 47), (2, 75, 40)])
def test_any_batch_of_any_size_stays_pixels(
    config: AugmentConfig, num_media: int, height_px: int, width_px: int
) -> None:
    pixels = scenes(num_media, height_px, width_px)
    before = pixels.clone()
    changed = Augmenter(config)(pixels, CPU, chance())
    assert changed.shape == (num_media, 3, height_px, width_px)
    assert changed.dtype == torch.float32
    assert changed.isfinite().all()
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert torch.equal(pixels, before), "the pixels belong to the feed"


def test_the_generator_decides_all() -> None:
    augmenter, pixels = Augmenter(ALWAYS), scenes()
    torch.manual_seed(1)
    changed = augmenter(pixels, CPU, chance())
    torch.manual_seed(2)
    assert torch.equal(changed, augmenter(pixels, CPU, chance()))
    assert not torch.equal(changed, augmenter(pixels, CPU, chance(1)))
    going_on = chance()
    augmenter(pixels, CPU, going_on)
    assert not torch.equal(changed, augmenter(pixels, CPU, going_on))


@pytest.mark.parametrize("name", CHANCES)
def test_what_happens_to_an_image_does_not_depend_on_the_others(name: str) -> None:
    augmenter, pixels = only(name, 0.5), scenes(16)
    others = scenes(16, seed=9)
    others[:4] = pixels[:4]
    others[10] = 0
    others[11] = 255
    changed, beside = (augmenter(batch, CPU, chance())[:4] for batch in (pixels, others))
    assert torch.allclose(changed, beside, atol=1e-3)


def test_one_circumstance_does_not_move_the_dice_of_another() -> None:
    pixels = scenes(32)
    moved = only("flip", 0.5)(pixels, CPU, chance())
    both = only("flip", 0.5, light=0.3)(pixels, CPU, chance())
    unlit = (moved == both).all(dim=3).all(dim=2).all(dim=1)
    assert 12 < unlit.sum() < 30


@pytest.mark.parametrize("name", CHANCES)
def test_a_chance_is_the_share_of_images_that_are_changed(name: str) -> None:
    pixels = scenes(200, 32, 32)
    for share, low, high in ((0.0, 0, 0), (0.3, 40, 80), (1.0, 200, 200)):
        changed = only(name, share)(pixels, CPU, chance())
        differs = (changed != as_images(pixels)).flatten(1).any(1).sum()
        assert low <= differs <= high


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_an_infrared_image_never_gets_colour(seed: int) -> None:
    grey = scenes(2, 40, 56, seed)[..., :1].expand(-1, -1, -1, 3).contiguous()
    # The infrared look comes last and would hide what was painted before it.
    changed = Augmenter(ALWAYS.model_copy(update={"infrared": 0.0}))(grey, CPU, chance(seed))
    assert (changed.amax(1) - changed.amin(1)).max() < 0.5


@pytest.mark.parametrize("level", [0, 1, 128, 255])
@pytest.mark.parametrize("name", CHANCES)
def test_flat_images_give_numbers(name: str, level: int) -> None:
    changed = only(name)(torch.full((3, 36, 44, 3), level, dtype=torch.uint8), CPU, chance())
    assert changed.isfinite().all()
