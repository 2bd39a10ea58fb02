"""What becomes of whole and odd images: size, geometry, colour, day and night."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps

from blanktrap.core.config import Preprocessing
from blanktrap.core.vocabulary import Status
from blanktrap.vision.decoding import SCALED_MEAN_TOLERANCE, SCALED_PIXEL_TOLERANCE
from tests.vision.encoded_images import SMALL, Scene, decode, difference, encode, status_of


class TestScaledDecoding:
    """The cheap way agrees with the dear one: full decoding and the same resize."""

    @pytest.mark.parametrize(
        "size", [(64, 48), (65, 49), (127, 95), (128, 96), (513, 385), (1030, 775), (49, 640)]
    )
    @pytest.mark.parametrize("seed", [0, 1])
    def test_pixels_are_those_of_full_decoding(self, scene: Scene, size: tuple[int, int], seed: int) -> None:
        data = encode(scene(*size, seed=seed))
        full = np.asarray(Image.open(io.BytesIO(data)).resize((64, 48), Image.Resampling.BILINEAR))
        off = difference(decode(data).pixels, full)
        assert off.mean() <= SCALED_MEAN_TOLERANCE
        assert np.percentile(off, 99.9) <= SCALED_PIXEL_TOLERANCE

    @pytest.mark.parametrize(
        ("crop", "expected"), [(0.0, (256, 192)), (0.25, (256, 192)), (0.26, (512, 384))]
    )
    def test_the_scale_is_the_smallest_not_below_the_target_after_the_crop(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch, crop: float, expected: tuple[int, int]
    ) -> None:
        # 1024 by 768 at 1/4 is 256 by 192. With a quarter cropped, 144 rows are left: the target itself.
        loaded = []
        real = ImageFile.ImageFile.load

        def load(image: ImageFile.ImageFile) -> object:
            loaded.append(image.size)
            return real(image)

        monkeypatch.setattr(ImageFile.ImageFile, "load", load)
        target = Preprocessing(width_px=200, height_px=144, banner_bottom=crop)
        decode(encode(scene(1024, 768)), target)
        assert loaded[0] == expected

    @pytest.mark.real
    def test_real_photographs_agree_with_full_decoding(self, real_data: Path) -> None:
        paths = sorted((real_data / "peru" / "images").iterdir())[::9]
        paths += sorted((real_data / "missouri" / "images").glob("*/*"))[::90]
        assert len(paths) > 10
        for target in (Preprocessing(), Preprocessing(width_px=224, height_px=224), SMALL):
            for path in paths:
                size = (target.width_px, target.height_px)
                full = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
                full = np.asarray(full.resize(size, Image.Resampling.BILINEAR))
                off = difference(decode(path.read_bytes(), target).pixels, full)
                assert off.mean() <= SCALED_MEAN_TOLERANCE, path
                assert np.percentile(off, 99.9) <= SCALED_PIXEL_TOLERANCE, path


class TestGeometry:
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_orientation_and_banner_crop_are_those_of_the_upright_image(
        self, scene: Scene, orientation: int
    ) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encode(scene(320, 200), exif=exif)
        crops = Preprocessing(width_px=64, height_px=48, banner_top=0.1, banner_bottom=0.25)
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        box = (0, 0.1 * upright.height, upright.width, 0.75 * upright.height)
        expected = np.asarray(upright.resize((64, 48), Image.Resampling.BILINEAR, box=box))
        found = decode(data, crops)
        assert (found.width_px, found.height_px) == upright.size
        assert difference(found.pixels, expected).mean() < SCALED_MEAN_TOLERANCE

    def test_the_banner_leaves_no_trace(self, scene: Scene) -> None:
        # 240 rows, of which 24 at the top and 48 at the bottom are pure green.
        image = scene(320, 240)
        image.paste((0, 255, 0), (0, 0, 320, 24))
        image.paste((0, 255, 0), (0, 192, 320, 240))
        plain = scene(320, 240)
        crops = Preprocessing(width_px=64, height_px=48, banner_top=0.1, banner_bottom=0.2)
        off = difference(
            decode(encode(image, "PNG"), crops).pixels, decode(encode(plain, "PNG"), crops).pixels
        )
        assert off.max() == 0

    def test_letterbox_keeps_the_shape_and_pads_with_the_mean_colour(self) -> None:
        # 200 by 50 into 64 by 48: 64 by 16, rows 16 to 31; the mean is (124, 116, 104).
        boxed = Preprocessing(width_px=64, height_px=48, fit="letterbox")
        found = decode(encode(Image.new("RGB", (200, 50), (250, 10, 10)), "PNG"), boxed)
        assert (found.pixels[:16] == (124, 116, 104)).all()
        assert (found.pixels[32:] == (124, 116, 104)).all()
        assert (found.pixels[16:32] == (250, 10, 10)).all()
        # Padding is no light: 0.299 * 250 + 0.587 * 10 + 0.114 * 10 = 81.8 of 255.
        assert found.brightness == pytest.approx(81.8 / 255, abs=0.01)

    @pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1)])
    def test_tiny_images_are_decoded(self, size: tuple[int, int]) -> None:
        for fit in ("squash", "letterbox"):
            tiny = Preprocessing(width_px=64, height_px=48, fit=fit, banner_bottom=0.1)
            assert decode(encode(Image.new("RGB", size, (9, 9, 9))), tiny).pixels.shape == (48, 64, 3)

    def test_damaged_exif_does_not_cost_the_image(self, scene: Scene) -> None:
        data = encode(scene(), exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff\x00\x09")
        assert decode(data).pixels.shape == (48, 64, 3)


class TestColour:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
    def test_supported_formats_give_the_same_picture(self, scene: Scene, kind: str) -> None:
        options = {"lossless": True} if kind == "WEBP" else {}
        plain = decode(encode(scene(), "PNG")).pixels
        assert (
            difference(decode(encode(scene(), kind, **options)).pixels, plain).mean() < SCALED_MEAN_TOLERANCE
        )

    @pytest.mark.parametrize("mode", ["L", "1", "LA", "RGBA", "P"])
    def test_odd_modes_show_what_they_show(self, scene: Scene, mode: str) -> None:
        image = scene().convert(mode)
        expected = np.asarray(image.convert("RGB").resize((64, 48), Image.Resampling.BILINEAR))
        assert difference(decode(encode(image, "PNG")).pixels, expected).mean() < 1.0

    def test_transparent_places_show_the_mean_colour(self) -> None:
        found = decode(encode(Image.new("RGBA", (80, 60), (255, 0, 0, 0)), "PNG"))
        assert (found.pixels == (124, 116, 104)).all()

    def test_palette_transparency_shows_the_mean_colour(self) -> None:
        image = Image.new("P", (80, 60), 0)
        image.putpalette([255, 0, 0] * 256)
        assert (decode(encode(image, "PNG", transparency=0)).pixels == (124, 116, 104)).all()

    def test_cmyk_is_not_inverted(self) -> None:
        # Cyan ink absorbs red. Pillow writes Adobe's inverted form.
        found = decode(encode(Image.new("CMYK", (80, 60), (255, 0, 0, 0)), "JPEG")).pixels.mean(axis=(0, 1))
        assert found == pytest.approx((0, 255, 255), abs=6)

    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_sixteen_bits_span_black_to_white(self, kind: str) -> None:
        # 65535 is 255, 32896 is 128 (32896 / 257), 257 is 1, 0 is 0.
        for value, expected in ((65535, 255), (32896, 128), (257, 1), (0, 0)):
            image = Image.fromarray(np.full((60, 80), value, dtype=np.uint16))
            assert (decode(encode(image, kind)).pixels == expected).all()

    def test_floats_span_black_to_white(self) -> None:
        image = Image.fromarray(np.full((60, 80), 0.4, dtype=np.float32))
        assert (decode(encode(image, "TIFF")).pixels == 102).all()

    @pytest.mark.parametrize("value", [-1.0, 300.0, float("nan")])
    def test_floats_without_a_white_are_unsupported(self, value: float) -> None:
        image = Image.fromarray(np.full((60, 80), value, dtype=np.float32))
        assert status_of(encode(image, "TIFF"))[0] is Status.UNSUPPORTED

    def test_exposure_is_graded_between_the_banners(self) -> None:
        # A white banner over a black picture makes a black picture.
        image = Image.new("L", (80, 60), 10)
        image.paste(255, (0, 0, 80, 12))
        crops = Preprocessing(width_px=64, height_px=48, banner_top=0.2, auto_gamma=True)
        assert decode(encode(image, "PNG"), crops).exposure == "underexposed"
        assert decode(encode(Image.new("L", (80, 60), 240), "PNG"), crops).exposure == "overexposed"
        assert decode(encode(Image.linear_gradient("L"), "PNG"), crops).exposure == "well exposed"

    def test_brightness_is_mean_luminance(self) -> None:
        assert decode(encode(Image.new("L", (80, 60), 51), "PNG")).brightness == pytest.approx(0.2)


class TestNight:
    def test_grey_light_is_night_and_colour_is_day(self, scene: Scene) -> None:
        assert decode(encode(scene().convert("L"))).is_night
        assert decode(encode(scene().convert("L").convert("RGB"))).is_night
        assert not decode(encode(scene())).is_night

    @pytest.mark.parametrize(("tint", "is_night"), [(0, True), (4, True), (10, False), (40, False)])
    def test_a_slight_tint_is_still_infrared(self, tint: int, is_night: bool) -> None:
        # The mean of largest minus smallest channel is the tint itself; infrared ends at 6 of 255.
        data = encode(Image.new("RGB", (80, 60), (100 + tint, 100, 100)), "PNG")
        assert decode(data).is_night is is_night

    @pytest.mark.parametrize(
        ("flash", "is_night"), [(0x01, True), (0x1D, True), (0x10, False), (0x18, False)]
    )
    def test_the_flash_bit_says_night(self, scene: Scene, flash: int, is_night: bool) -> None:
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9209] = flash
        assert decode(encode(scene(), exif=exif)).is_night is is_night

    def test_a_coloured_banner_does_not_make_day(self) -> None:
        image = Image.new("RGB", (320, 240), (90, 90, 90))
        image.paste((255, 0, 0), (0, 192, 320, 240))
        assert not decode(encode(image)).is_night
        cropped = Preprocessing(width_px=64, height_px=48, banner_bottom=0.25)
        assert decode(encode(image), cropped).is_night

    @pytest.mark.real
    def test_real_photographs_are_counted_as_seen(self, real_data: Path) -> None:
        peru = sorted((real_data / "peru" / "images").iterdir())
        missouri = sorted((real_data / "missouri" / "images").glob("*/*"))
        found = [sum(decode(path.read_bytes()).is_night for path in paths) for paths in (peru, missouri)]
        # So many of 57 and of 990 are grey all over; between them and the rest lies nothing.
        assert found == [27, 703]


def test_threads_give_the_same_pixels(scene: Scene) -> None:
    encoded = [encode(scene(seed=seed)) for seed in range(8)] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(decode, encoded))
    assert all((one.pixels == decode(data).pixels).all() for one, data in zip(found, encoded, strict=True))
