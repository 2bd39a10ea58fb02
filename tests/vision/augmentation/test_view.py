"""A view may cut a stated share, and no more of an animal whose box is known."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blanktrap.core.config import AugmentConfig
from blanktrap.vision.augmentation import view
from blanktrap.vision.augmentation.draw import NUM_LOTS, Draw
from tests.vision.augmentation.pictures import CPU, as_images, chance, only, scenes

CUT = AugmentConfig().max_cut


def windows(monkeypatch: pytest.MonkeyPatch, max_cut: float, boxes: list[torch.Tensor] | None, num: int):
    """Left, top, right, bottom of what each of many views shows, as shares of the picture."""
    seen: list[torch.Tensor] = []
    real = torch.nn.functional.affine_grid

    def note(moves: torch.Tensor, size: list[int], align_corners: bool) -> torch.Tensor:
        seen.append(moves.double())
        return real(moves, size, align_corners=align_corners)

    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.functional, "affine_grid", note)
        lots = torch.rand(num, NUM_LOTS, dtype=torch.float64, generator=chance(num))
        draw = Draw(lots=lots, is_infrared=torch.zeros(num, dtype=torch.bool), boxes=boxes, device=CPU)
        view.crop(torch.zeros(num, 3, 4, 4), draw, max_cut)
    half = torch.stack([seen[0][:, 0, 0], seen[0][:, 1, 1]], 1) / 2
    middle = (seen[0][:, :, 2] + 1) / 2
    return torch.cat([middle - half, middle + half], 1)


@pytest.mark.parametrize("max_cut", [0.0, 0.06, 0.3])
def test_no_view_cuts_more_than_the_stated_share_of_the_picture(
    monkeypatch: pytest.MonkeyPatch, max_cut: float
) -> None:
    shown = windows(monkeypatch, max_cut, None, 4000)
    cut = shown[:, :2].clamp(min=0) + (1 - shown[:, 2:]).clamp(min=0)
    assert cut.max() <= max_cut + 1e-6
    assert max_cut == 0 or cut.max() > 0.8 * max_cut
    margin = torch.maximum(-shown[:, :2], shown[:, 2:] - 1)
    assert 0.8 * view.MAX_MARGIN < margin.max() <= view.MAX_MARGIN + 1e-6


@settings(max_examples=40)
@given(
    corners=st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=3),
    max_cut=st.sampled_from([0.0, 0.06, 0.3, 0.5]),
)
def test_every_known_box_keeps_its_share_of_area(corners: list[tuple[float, ...]], max_cut: float) -> None:
    given_boxes = torch.tensor(corners, dtype=torch.float64).view(-1, 2, 2)
    boxes = torch.cat([given_boxes.amin(1), given_boxes.amax(1)], 1)
    with pytest.MonkeyPatch.context() as patch:
        shown = windows(patch, max_cut, [boxes] * 40, 40)
    for window in shown:
        inside = torch.minimum(window[2:], boxes[:, 2:]) - torch.maximum(window[:2], boxes[:, :2])
        sides = boxes[:, 2:] - boxes[:, :2]
        assert (inside.clamp(min=0).prod(1) >= (1 - max_cut) * sides.prod(1) - 1e-6).all()


def test_a_painted_animal_at_the_border_is_spared_where_its_box_is_known() -> None:
    # 10 columns and 20 rows of 100 by 75 at the corner: without a box, a cut of 0.3 can take it away.
    pixels = torch.zeros(48, 75, 100, 3, dtype=torch.uint8)
    pixels[:, 0:20, 0:10] = 255
    box = torch.tensor([[0.0, 0.0, 10 / 100, 20 / 75]])
    crop = only("crop", max_cut=0.3)
    without = crop(pixels, CPU, chance())[:, 0].sum((1, 2)) / 255
    spared = crop(pixels, CPU, chance(), [box] * 48)[:, 0].sum((1, 2)) / 255
    assert without.min() == 0
    # The view may shrink the animal by (1 + MAX_MARGIN)² besides, and half a pixel goes at its border.
    assert spared.min() >= 0.7 * 200 / (1 + view.MAX_MARGIN) ** 2 * 0.9


def test_images_without_boxes_and_with_none_inside_are_cropped_alike() -> None:
    pixels, crop = scenes(8), only("crop")
    empty = [torch.zeros(0, 4)] * 8
    assert torch.equal(crop(pixels, CPU, chance()), crop(pixels, CPU, chance(), empty))


def test_a_mirrored_image_is_mirrored_exactly_and_so_are_its_boxes() -> None:
    pixels = scenes(8)
    assert torch.equal(only("flip")(pixels, CPU, chance()), as_images(pixels).flip(3))
    # An animal at the right border, which the mirror brings to the left one.
    marked = torch.zeros(64, 100, 100, 3, dtype=torch.uint8)
    marked[:, :, 90:] = 255
    box = torch.tensor([[0.9, 0.0, 1.0, 1.0]])
    both = only("flip", crop=1.0, max_cut=0.3)
    kept = both(marked, CPU, chance(), [box] * 64)[:, 0].mean((1, 2)) / 255 * 100
    assert kept.min() >= 0.7 * 10 / (1 + view.MAX_MARGIN) * 0.9
