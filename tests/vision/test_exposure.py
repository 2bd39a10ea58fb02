"""Exposure is graded on pictures, and mended alike wherever pixels are read."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.core.exposure import ExposureGrade, gamma_for, grade_exposure
from blanktrap.files.manifest import Manifest
from blanktrap.files.storage import Storage
from blanktrap.vision.decoding import DecodedImage, decode_image
from blanktrap.vision.drawing.scenery import Scenery, draw_scenery
from blanktrap.vision.drawing.scenes import Moment, draw_frame
from blanktrap.vision.labelled_media import media_of, read_labelled_rows
from blanktrap.vision.loading import load_images
from blanktrap.vision.pixel_cache import PixelCache
from blanktrap.vision.training.cached_feed import CachedFeed, decoder_here

UNDER, WELL, OVER = ExposureGrade.UNDER, ExposureGrade.WELL, ExposureGrade.OVER
NOON = Moment(taken=datetime(2024, 5, 1, 12), cloud=0.2, wind=0.5, seed=1)
PLAIN = Preprocessing(width_px=64, height_px=48)
MENDED = PLAIN.model_copy(update={"auto_gamma": True})
STOPS = [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5]


@pytest.fixture(scope="module")
def scenery() -> Scenery:
    return draw_scenery((0, 4), width_px=320, height_px=226, difficulty=0.3)


def histogram(image: Image.Image) -> list[int]:
    return image.convert("L").histogram()


def exposed(image: Image.Image, stops: float) -> Image.Image:
    """The picture of a sensor that got 2^stops times the light."""
    values = np.asarray(image, dtype=np.float64) * 2.0 ** (stops / 2.2)
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def decode(image: Image.Image, preprocessing: Preprocessing) -> DecodedImage:
    sink = io.BytesIO()
    image.save(sink, "PNG")
    return decode_image(sink.getvalue(), preprocessing, DecodeLimits())


def test_a_ramp_of_exposure_is_graded_in_order(scenery: Scenery) -> None:
    image = draw_frame(scenery, NOON).image
    ramp = [grade_exposure(histogram(exposed(image, stops))) for stops in STOPS]
    order = [UNDER, WELL, OVER]
    numbers = [order.index(one.grade) for one in ramp]
    assert numbers == sorted(numbers)
    assert ramp[STOPS.index(0)].grade is WELL
    assert ramp[STOPS.index(-4)].grade is UNDER
    assert ramp[STOPS.index(3)].grade is OVER
    assert [one.underexposed for one in ramp] == sorted((one.underexposed for one in ramp), reverse=True)
    assert [one.overexposed for one in ramp] == sorted(one.overexposed for one in ramp)
    gammas = [gamma_for(histogram(exposed(image, stops))) for stops in STOPS]
    assert gammas == sorted(gammas)
    assert gammas[0] < 1.0 < gammas[-1]


@pytest.mark.parametrize("hour", [7, 9, 12, 16, 22, 23, 2])
def test_drawn_photographs_of_day_and_night_are_well_exposed(scenery: Scenery, hour: int) -> None:
    image = draw_frame(scenery, replace(NOON, taken=datetime(2024, 5, 1, hour))).image
    assert grade_exposure(histogram(image)).grade is WELL


@pytest.mark.real
def test_real_photographs_by_infrared_lamp_are_not_underexposed_because_it_is_night(real_data: Path) -> None:
    cropped = Preprocessing(width_px=160, height_px=160, banner_top=0.06, banner_bottom=0.06)
    grades: dict[bool, list[ExposureGrade]] = {True: [], False: []}
    for path in sorted((real_data / "missouri" / "images").glob("*/*"))[::12]:
        image = decode_image(path.read_bytes(), cropped, DecodeLimits())
        grades[image.is_night].append(grade_exposure(histogram(Image.fromarray(image.pixels))).grade)
    assert len(grades[True]) > 40
    assert grades[True].count(UNDER) < 0.15 * len(grades[True])
    assert grades[False].count(WELL) > 0.9 * len(grades[False])


def test_dark_pictures_are_brightened_and_bright_ones_darkened(scenery: Scenery) -> None:
    image = draw_frame(scenery, NOON).image
    plain, mended = (decode(image, preprocessing) for preprocessing in (PLAIN, MENDED))
    assert (mended.pixels == plain.pixels).all(), "a well exposed picture stays as it is"
    for stops, is_brighter in ((-4, True), (4, False)):
        plain, mended = (decode(exposed(image, stops), preprocessing) for preprocessing in (PLAIN, MENDED))
        assert bool(mended.pixels.mean() > plain.pixels.mean()) is is_brighter
        # What is said of the photograph is said of the photograph.
        assert (mended.brightness, mended.is_night) == (plain.brightness, plain.is_night)


def test_padding_and_banner_do_not_count(scenery: Scenery) -> None:
    dark = exposed(draw_frame(scenery, NOON).image, -5)
    with_banner = Image.new("RGB", (dark.width, dark.height + 40), (255, 255, 255))
    with_banner.paste(dark, (0, 0))
    share = 40 / with_banner.height
    boxed = MENDED.model_copy(update={"height_px": 64, "fit": "letterbox", "banner_bottom": share})
    found = decode(with_banner, boxed).pixels
    # 320 by 226 into 64 by 64 is 64 by 45: ten rows from the top are padding, of the mean colour.
    assert (found[:8] == (124, 116, 104)).all()
    unboxed = decode(dark, MENDED.model_copy(update={"height_px": 45})).pixels
    assert abs(found[12:52].mean() - unboxed.mean()) < 6
    assert found[12:52].mean() > 1.5 * decode(dark, PLAIN).pixels.mean()


def test_grey_stays_grey(scenery: Scenery) -> None:
    night = exposed(draw_frame(scenery, replace(NOON, taken=datetime(2024, 5, 1, 23))).image, -5)
    mended = decode(night, MENDED)
    assert mended.is_night
    assert np.ptp(mended.pixels.astype(int), axis=2).max() == 0


def test_training_and_scoring_see_the_same_pixels(archive: Callable[..., Manifest], tmp_path: Path) -> None:
    storage = Storage()
    rows = read_labelled_rows(archive(num_images=6), storage)
    for number, path in enumerate(rows.column("uri").to_pylist()):
        exposed(Image.open(path), number - 5).save(path)
    media = media_of(rows, ["train"] * 6)
    cache = PixelCache(tmp_path / "cache", MENDED)
    feed = CachedFeed(media, cache, decoder_here(media, MENDED, storage, num_threads=1))
    scored = load_images(
        rows.column("uri").to_pylist(),
        [None] * 6,
        storage=storage,
        preprocessing=MENDED,
        limits=DecodeLimits(),
        num_threads=1,
    )
    seen = [one.image.pixels for one in scored if one.image]
    for _ in ("decoded", "from the cache"):
        (batch,) = feed.epoch(np.arange(6), 6)
        assert (batch.pixels == np.stack(seen)).all()
    plain = CachedFeed(media, PixelCache(tmp_path / "cache", PLAIN), decoder_here(media, PLAIN, storage))
    (other,) = plain.epoch(np.arange(6), 6)
    assert not (other.pixels == np.stack(seen)).all(), "the cache tells one preprocessing from another"
