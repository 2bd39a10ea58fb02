"""Contact sheets hold every picture in its place, and any name."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blanktrap.vision import contact_sheets as module
from blanktrap.vision.contact_sheets import (
    EMPTY,
    INK,
    PAPER,
    Tile,
    contact_sheet,
    contact_sheets,
    encode_picture,
    readable,
    shortened,
)

RED, GREEN = (200, 20, 20), (20, 160, 20)


def plain(colour: tuple[int, int, int], width_px: int = 100, height_px: int = 50) -> np.ndarray:
    return np.full((height_px, width_px, 3), colour, np.uint8)


def tile(colour: tuple[int, int, int], *caption: str, **more: object) -> Tile:
    return Tile(picture=plain(colour), caption=caption, **more)  # type: ignore[arg-type]


def test_tiles_stand_row_by_row() -> None:
    # A cell is 100 + 2 * 8 wide and 50 + 2 * 8 + 1 line of 18 high; three tiles in two columns make two rows.
    page = contact_sheet([tile(RED, "a"), tile(GREEN, "b"), tile(RED, "c")], 2, tile_px=100)
    assert page.size == (2 * 116, 2 * 84)
    assert page.getpixel((58, 33)) == RED
    assert page.getpixel((116 + 58, 33)) == GREEN
    assert page.getpixel((58, 84 + 33)) == RED
    assert page.getpixel((116 + 58, 84 + 33)) == PAPER


def test_captions_are_drawn_under_their_picture() -> None:
    page = np.asarray(contact_sheet([tile(RED, "IMG_0001.JPG"), tile(RED)], 2, tile_px=100))
    under, beside = page[8 + 50 : 84, :116], page[8 + 50 : 84, 116:]
    assert (np.abs(under.astype(int) - INK).sum(-1) < 60).sum() > 50
    assert (beside[12:] == PAPER).all()


def test_a_picture_keeps_its_shape_and_its_edge_goes_around_the_field() -> None:
    upright = Tile(picture=plain(GREEN, 20, 40), caption=(), edge=RED)
    page = contact_sheet([tile(GREEN), upright], 2, tile_px=100)
    # The field is 100 by 50: 20 by 40 becomes 25 by 50 in its middle, paper beside it, the edge outside.
    assert page.getpixel((116 + 58, 33)) == GREEN
    assert page.getpixel((116 + 8 + 30, 33)) == PAPER
    assert page.getpixel((116 + 5, 33)) == RED


def test_a_tile_without_a_picture_is_seen_to_have_none() -> None:
    page = contact_sheet([Tile(picture=None, caption=("unreadable",))], 5, tile_px=100)
    assert page.size == (116, 75 + 16 + 18)
    assert page.getpixel((58, 12)) == EMPTY


@pytest.mark.parametrize(("num_tiles", "heights"), [(6, [1]), (7, [1, 1]), (0, [])])
def test_many_tiles_make_several_sheets(num_tiles: int, heights: list[int]) -> None:
    pages = list(contact_sheets((tile(RED) for _ in range(num_tiles)), columns=3, rows=2, tile_px=100))
    assert len(pages) == len(heights)


def test_a_sheet_becomes_a_jpeg_that_looks_the_same() -> None:
    page = contact_sheet([tile(RED, "a")], 1, tile_px=100)
    again = Image.open(io.BytesIO(encode_picture(page)))
    assert again.format == "JPEG"
    assert np.abs(np.asarray(again).astype(int) - np.asarray(page)).mean() < 2.0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Alder 01/IMG_0001.JPG", "Alder 01/IMG_0001.JPG"),
        ("a\x1b[31m\nb\u202egpj", "a\\x1b[31m\\nb\\u202egpj"),
        ("\udcff.jpg", "\\udcff.jpg"),
        ("\U0010ffff", "\\U0010ffff"),
    ],
)
def test_what_cannot_be_drawn_is_written_as_its_code(name: str, expected: str) -> None:
    assert readable(name) == expected


def test_names_are_replaced_visibly_where_there_is_no_font_of_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_FONTS", ("no such font.ttf",))
    caches = (module._font, module._has_glyph)
    for one in caches:
        one.cache_clear()
    try:
        assert readable("Mühlbach/中") == "M\\xfchlbach/\\u4e2d"
        assert contact_sheet([tile(RED, "Mühlbach/中")], 1).size[0] == 266
    finally:
        for one in caches:
            one.cache_clear()


def test_long_names_keep_both_ends() -> None:
    name = "SER_S8/" + "x" * 30_000 + "/IMG_0001.JPG"
    short = shortened(name, 200)
    first, cut, last = short.partition("…")
    assert cut
    assert name.startswith(first)
    assert name.endswith(last)
    assert len(last) >= len("IMG_0001.JPG")


@given(st.text(max_size=600), st.integers(30, 400))
def test_any_text_fits_and_is_one_printable_line(text: str, width_px: int) -> None:
    short = shortened(text, width_px)
    assert short.isprintable()
    assert module._font().getlength(short) <= width_px


@given(st.lists(st.text(max_size=50), min_size=1, max_size=5))
def test_any_caption_makes_a_sheet(lines: list[str]) -> None:
    assert contact_sheet([tile(RED, *lines)], 3, tile_px=100).size == (116, 66 + 18 * len(lines))


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="needs tiles"):
        contact_sheet([], 3)
    with pytest.raises(ValueError, match="needs tiles"):
        contact_sheet([tile(RED)], 0)
    for wrong in (np.zeros((5, 5, 3)), np.zeros((5, 5), np.uint8), np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(ValueError, match="RGB picture of bytes"):
            contact_sheet([Tile(picture=wrong, caption=())], 1)
