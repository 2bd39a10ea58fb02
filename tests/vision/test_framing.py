"""Boxes go through banner crop, squash and letterbox as the pixels do."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blanktrap.core.config import DecodeLimits, Preprocessing
from blanktrap.vision.decoding import decode_image
from blanktrap.vision.framing import Framing, distance_to_areas


def test_squash_with_banners_by_hand() -> None:
    # 2000 by 1000 into 500 by 300 without the top tenth and the lowest tenth: y of 0.1 is row 0, 0.9 is row
    # 300, so a row is (y - 0.1) / 0.8 * 300; a column is 500 x.
    framing = Framing.of(
        2000, 1000, Preprocessing(width_px=500, height_px=300, banner_top=0.1, banner_bottom=0.1)
    )
    assert framing.picture == (0, 0, 500, 300)
    assert framing.to_input((0.2, 0.3, 0.6, 0.7)) == pytest.approx((100.0, 75.0, 300.0, 225.0))
    # Half of it lies in the banner: row -18.75 becomes row 0.
    assert framing.to_input((0.0, 0.05, 1.0, 0.5)) == pytest.approx((0.0, 0.0, 500.0, 150.0))
    assert framing.to_input((0.2, 0.0, 0.4, 0.1)) is None
    assert framing.to_input((0.2, 0.92, 0.4, 1.0)) is None
    assert framing.to_original(0.4, 0.5) == pytest.approx((0.4, 0.5))
    assert framing.to_original(0.0, 0.0) == pytest.approx((0.0, 0.1))


def test_letterbox_by_hand() -> None:
    # 800 by 400 into 400 by 400: scale 0.5, 400 by 200, with 100 rows of padding above and below.
    framing = Framing.of(800, 400, Preprocessing(width_px=400, height_px=400, fit="letterbox"))
    assert framing.picture == (0, 100, 400, 300)
    assert framing.to_input((0.25, 0.5, 0.75, 1.0)) == pytest.approx((100.0, 200.0, 300.0, 300.0))
    # The input's middle is the image's; a place in the padding is outside the image.
    assert framing.to_original(0.5, 0.5) == pytest.approx((0.5, 0.5))
    assert framing.to_original(0.5, 0.125) == pytest.approx((0.5, -0.25))


def test_letterbox_with_a_banner_by_hand() -> None:
    # Without its lowest fifth, 400 by 1000 is 400 by 800; into 200 by 200 at 0.25: 100 by 200, with 50
    # columns of padding on either side.
    framing = Framing.of(
        400, 1000, Preprocessing(width_px=200, height_px=200, fit="letterbox", banner_bottom=0.2)
    )
    assert framing.picture == (50, 0, 150, 200)
    assert framing.to_input((0.5, 0.4, 1.0, 0.8)) == pytest.approx((100.0, 100.0, 150.0, 200.0))


@pytest.mark.parametrize("fit", ["squash", "letterbox"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("size", [(1600, 900), (640, 640), (900, 1600)])
def test_a_drawn_box_is_found_where_it_is_said_to_be(
    fit: str, orientation: int, size: tuple[int, int]
) -> None:
    preprocessing = Preprocessing(
        width_px=300,
        height_px=225,
        fit=fit,
        banner_top=0.06,
        banner_bottom=0.09,  # type: ignore[arg-type]
    )
    upright = Image.new("RGB", size, (20, 20, 20))
    area = (0.3, 0.2, 0.55, 0.7)
    corners = [round(share * side) for share, side in zip(area, (*size, *size), strict=True)]
    upright.paste((250, 250, 250), tuple(corners))
    turn = {
        1: None,
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright if turn[orientation] is None else upright.transpose(turn[orientation])  # type: ignore[arg-type]
    exif = Image.Exif()
    exif[0x0112] = orientation
    sink = io.BytesIO()
    stored.save(sink, "JPEG", quality=95, exif=exif)
    decoded = decode_image(sink.getvalue(), preprocessing, DecodeLimits())
    assert (decoded.width_px, decoded.height_px) == size
    found = Framing.of(*size, preprocessing).to_input(area)
    assert found is not None
    bright = decoded.pixels.mean(-1) > 135 + (decoded.pixels.std(-1) > 12) * 1000  # padding has a colour
    rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
    drawn = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    assert np.abs(np.array(drawn) - found).max() <= 1.5


@given(
    st.integers(40, 4000),
    st.integers(40, 4000),
    st.floats(0, 0.4),
    st.floats(0, 0.4),
    st.booleans(),
    st.floats(0.001, 0.999),
    st.floats(0.001, 0.999),
)
def test_there_and_back_is_the_same_place(
    width: int, height: int, top: float, bottom: float, squash: bool, x: float, y: float
) -> None:
    preprocessing = Preprocessing(
        width_px=320,
        height_px=240,
        fit="squash" if squash else "letterbox",
        banner_top=top,
        banner_bottom=bottom,
    )
    framing = Framing.of(width, height, preprocessing)
    across, down = framing.to_original(x, y)
    if 0.01 < across < 0.99 and top + 0.01 < down < 1 - bottom - 0.01:
        area = framing.to_input((across - 0.001, down - 0.001, across, down))
        assert area is not None
        assert area[2:] == pytest.approx((x * 320, y * 240), abs=1e-6)


def test_distance_to_the_nearest_area() -> None:
    # From (0, 0): 5 to the corner (3, 4), 2 to the side at x = -2. Inside: 0.
    areas = [(3.0, 4.0, 9.0, 9.0), (-5.0, -1.0, -2.0, 1.0)]
    assert distance_to_areas(np.array([0.0, 5.0]), np.array([0.0, 5.0]), areas).tolist() == [2.0, 0.0]
    assert distance_to_areas(np.array([0.0]), np.array([0.0]), areas[:1]).tolist() == [5.0]
