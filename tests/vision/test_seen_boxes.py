"""Boxes are given where the network sees them, or not at all."""

import pytest

from blanktrap.core.config import Preprocessing
from blanktrap.files.annotations.boxes import MediaBoxes
from blanktrap.vision.seen_boxes import areas_in_input, is_turned, shares_of_input

BANNER = Preprocessing(width_px=100, height_px=50, banner_bottom=0.2)


def boxes_of(*areas: tuple[float, float, float, float], shape: tuple[float, float] | None = None):
    return MediaBoxes(areas=areas, shape=shape)


def test_a_box_moves_with_the_banner_that_is_cropped() -> None:
    # 0.8 of the height remains: 0.4 of the original is the input's middle; what lies in the banner is cut.
    boxes = [boxes_of((0.0, 0.4, 0.25, 0.8), (0.5, 0.6, 1.0, 1.0), (0.1, 0.85, 0.2, 0.95))]
    assert shares_of_input(boxes, 2000, 1000, BANNER).tolist() == [
        pytest.approx([0.0, 0.5, 0.25, 1.0]),
        pytest.approx([0.5, 0.75, 1.0, 1.0]),
    ]
    assert areas_in_input(boxes, 2000, 1000, BANNER)[0] == pytest.approx((0.0, 25.0, 25.0, 50.0))


def test_padding_counts_by_the_size_of_the_image_itself() -> None:
    # 800 by 400 in a square input takes its middle half; 400 by 800 its middle columns.
    square = Preprocessing(width_px=64, height_px=64, fit="letterbox")
    boxes = [boxes_of((0.0, 0.0, 0.5, 1.0))]
    assert shares_of_input(boxes, 800, 400, square).tolist() == [pytest.approx([0.0, 0.25, 0.5, 0.75])]
    assert shares_of_input(boxes, 400, 800, square).tolist() == [pytest.approx([0.25, 0.0, 0.5, 1.0])]


def test_boxes_drawn_on_a_turned_image_are_none_and_those_of_another_file_stay() -> None:
    drawn = boxes_of((0.0, 0.0, 0.1, 0.1), shape=(2000.0, 1000.0))
    detected = boxes_of((0.0, 0.0, 0.5, 0.4))
    assert [is_turned(drawn, *size) for size in ((2000, 1000), (1000, 2000), (1000, 1000))] == [
        False,
        True,
        False,
    ]
    assert not is_turned(detected, 1000, 2000)
    for both in ([drawn, detected], [detected, drawn]):
        assert shares_of_input(both, 1000, 2000, BANNER).tolist() == [pytest.approx([0.0, 0.0, 0.5, 0.5])]
        assert len(shares_of_input(both, 2000, 1000, BANNER)) == 2


def test_no_box_is_an_empty_table() -> None:
    banner_alone = [boxes_of((0.0, 0.9, 1.0, 1.0))]
    for boxes in ([], banner_alone):
        assert shares_of_input(boxes, 2000, 1000, BANNER).shape == (0, 4)
