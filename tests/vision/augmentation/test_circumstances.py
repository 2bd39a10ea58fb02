"""Each circumstance looks like what it is called."""

import io
import math

import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional

from blanktrap.vision.augmentation import blur, light, night
from blanktrap.vision.augmentation.compression import compress
from blanktrap.vision.augmentation.draw import NUM_LOTS, Draw
from blanktrap.vision.augmentation.painting import luminance
from tests.vision.augmentation.pictures import CPU, as_images, chance, only, scenes


def draw_of(lots: list[float], num_media: int = 1) -> Draw:
    given = torch.tensor(lots + [0.5] * (NUM_LOTS - len(lots)), dtype=torch.float64).expand(num_media, -1)
    return Draw(lots=given, is_infrared=torch.zeros(num_media, dtype=torch.bool), boxes=None, device=CPU)


def flat(level: int, num_media: int = 32) -> torch.Tensor:
    return torch.full((num_media, 48, 64, 3), level, dtype=torch.uint8)


def spread(images: torch.Tensor) -> torch.Tensor:
    """Mean difference of neighbours: what blur takes away."""
    return images.diff(dim=3).abs().mean((1, 2, 3))


@pytest.mark.parametrize(
    ("lot", "adjust", "lowest"),
    [
        (0, functional.adjust_saturation, 1 - light.MAX_SATURATION),
        (1, functional.adjust_contrast, 1 - light.MAX_CONTRAST),
        (2, functional.adjust_brightness, 1 - light.MAX_BRIGHTNESS),
        (3, functional.adjust_gamma, 1 / light.MAX_GAMMA),
    ],
)
def test_light_is_what_torchvision_calls_so(lot: int, adjust: object, lowest: float) -> None:
    # A lot of 0.5 is the factor 1; a lot of 0 is the smallest factor.
    images = as_images(scenes(1))
    lots = [0.5] * 4
    assert torch.allclose(light.light(images.clone(), draw_of(lots)), images, atol=1e-3)
    lots[lot] = 0.0
    expected = adjust(images / 255, lowest) * 255  # type: ignore[operator]
    assert torch.allclose(light.light(images.clone(), draw_of(lots)), expected, atol=0.01)


def test_exposure_counts_in_doublings_of_light() -> None:
    # Lots: the first below one half is overexposed; the second 0 is one stop, 2^(1 / 2.2) = 1.370.
    images = torch.full((1, 3, 4, 4), 100.0)
    assert light.exposure(images.clone(), draw_of([0.0, 0.0]))[0, 0, 0, 0] == 137
    # Three stops under, 2^(-3 / 2.2) = 0.3886.
    assert light.exposure(images.clone(), draw_of([0.9, 0.0]))[0, 0, 0, 0] == 39


def test_wrongly_exposed_images_are_far_from_what_they_were_and_never_black() -> None:
    changed = only("exposure")(flat(120), CPU, chance()).mean((1, 2, 3))
    assert ((changed >= 160) | (changed <= 90)).all()
    assert (changed >= 160).any()
    assert (changed <= 90).any()
    dark = only("exposure")(flat(20), CPU, chance()).mean((1, 2, 3))
    assert dark.min() >= light.DARKEST
    assert torch.equal(only("exposure")(flat(0), CPU, chance()), as_images(flat(0)))


def test_the_sun_shines_by_day_only() -> None:
    day = scenes(8)
    changed = only("sun_flare")(day, CPU, chance())
    assert (changed >= as_images(day) - 1e-3).all()
    assert (changed.amax((1, 2, 3)) > 240).sum() >= 6
    night_images = day[..., :1].expand(-1, -1, -1, 3).contiguous()
    assert torch.equal(only("sun_flare")(night_images, CPU, chance()), as_images(night_images))
    dark = day // 8
    assert torch.equal(only("sun_flare")(dark, CPU, chance()), as_images(dark))


def test_infrared_is_grey_noisy_and_darker_at_the_corners() -> None:
    olive = flat(120, 64) - torch.tensor([0, 0, 40], dtype=torch.uint8)
    changed = only("infrared")(olive, CPU, chance())
    assert torch.equal(changed[:, 0], changed[:, 1])
    assert torch.equal(changed[:, 0], changed[:, 2])
    corner, middle = changed[:, 0, :6, :6].mean((1, 2)), changed[:, 0, 20:34, 26:38].mean((1, 2))
    assert (corner < 0.85 * middle).all()
    mean = changed.mean((1, 2, 3))
    assert mean.min() > night.BRIGHTNESS[0] - 3
    assert mean.max() < night.BRIGHTNESS[1] + 3
    assert (changed[:, 0, 20:34, 30].std(1) > 2).all()


def test_an_infrared_image_keeps_its_light() -> None:
    grey = scenes(16)[..., :1].expand(-1, -1, -1, 3).contiguous()
    changed = only("infrared")(grey, CPU, chance())
    assert (changed.mean((1, 2, 3)) - as_images(grey).mean((1, 2, 3))).abs().max() < 2


def test_a_smear_is_the_mean_along_its_line() -> None:
    # One white pixel, a line of 4 px to the right: five places, a fifth in each.
    image = torch.zeros(1, 9, 11)
    image[0, 4, 5] = 1.0
    smeared = blur.smear(image, 4.0, 0.0)
    assert torch.allclose(smeared[0, 4], torch.tensor([0, 0, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0, 0, 0]))
    assert torch.allclose(blur.smear(image, 4.0, math.pi / 2)[0, :, 5].sum(), torch.tensor(1.0))
    assert torch.equal(blur.smear(torch.ones(2, 6, 6), 5.5, 0.7), torch.ones(2, 6, 6))


def test_blur_is_torchvisions_gaussian_away_from_the_border() -> None:
    images = as_images(scenes(2))
    deviations = torch.tensor([0.8, 2.0]).view(-1, 1, 1, 1)
    ours = blur.blurred(images, deviations, reach_px=6)
    for image, expected, deviation in zip(ours, images, (0.8, 2.0), strict=True):
        theirs = functional.gaussian_blur(expected, [13, 13], [deviation, deviation])
        assert torch.allclose(image[:, 8:-8, 8:-8], theirs[:, 8:-8, 8:-8], atol=1e-3)


@pytest.mark.parametrize("name", ["motion_blur", "defocus"])
def test_blurred_images_are_softer_and_as_bright(name: str) -> None:
    pixels = scenes(8, 96, 128)
    images, changed = as_images(pixels), only(name)(pixels, CPU, chance())
    assert (spread(changed) < 0.9 * spread(images)).all()
    assert (changed.mean((1, 2, 3)) - images.mean((1, 2, 3))).abs().max() < 1.0


def test_fog_takes_contrast_away_above_all() -> None:
    pixels = scenes(16)
    images, changed = as_images(pixels), only("fog")(pixels, CPU, chance())
    above, below = slice(0, 16), slice(32, 48)
    kept_above = changed[:, :, above].std((1, 2, 3)) / images[:, :, above].std((1, 2, 3))
    kept_below = changed[:, :, below].std((1, 2, 3)) / images[:, :, below].std((1, 2, 3))
    assert kept_above.mean() < kept_below.mean() < 1


def test_rain_is_bright_streaks_that_fall() -> None:
    streaks = only("rain")(flat(40), CPU, chance())[:, 0]
    down, across = streaks.diff(dim=1).abs().mean(), streaks.diff(dim=2).abs().mean()
    assert across > 1.5 * down
    assert (streaks.amax((1, 2)) > streaks.amin((1, 2)) + 5).all()


@pytest.mark.parametrize("name", ["drops", "grass"])
def test_what_lies_before_the_scene_hides_less_than_a_third_of_it(name: str) -> None:
    pixels = scenes(60, 96, 128)
    changed = only(name)(pixels, CPU, chance())
    hidden = ((changed - as_images(pixels)).abs().amax(1) > 4).float().mean((1, 2))
    assert 0.005 < hidden.mean() < 0.2
    assert hidden.max() < 0.33


def test_grass_grows_from_below() -> None:
    pixels = scenes(40, 96, 128)
    off = (only("grass")(pixels, CPU, chance()) - as_images(pixels)).abs().mean((0, 1, 3))
    assert off[-10:].mean() > off[40:50].mean() > off[:10].mean()
    assert off[:10].mean() < 0.1


def test_jpeg_is_that_of_an_encoder_at_the_stated_quality() -> None:
    pixels = scenes(1)
    file = io.BytesIO()
    Image.fromarray(pixels[0].numpy()).save(file, "JPEG", quality=20)
    worst = compress(pixels, torch.zeros(1))
    assert worst[0].numpy().tobytes() == Image.open(file).tobytes()
    best = compress(pixels, torch.full((1,), 0.999))
    error = [(one.int() - pixels.int()).abs().float().mean() for one in (worst, best)]
    assert error[0] > 1.3 * error[1] > 0


def test_luminance_is_rec_601() -> None:
    # 0.299 * 100 + 0.587 * 50 + 0.114 * 200 = 82.05
    image = torch.tensor([100.0, 50.0, 200.0]).view(1, 3, 1, 1)
    assert luminance(image).item() == pytest.approx(82.05, abs=0.1)
