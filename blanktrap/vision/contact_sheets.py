"""Contact sheets: many pictures on one page, with a caption under each.

Owns: the layout of a page, and words from an archive drawn so that they can be read. Refuses: files, and
knowing what the pictures are of.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

PAPER: Colour = (250, 250, 248)
INK: Colour = (30, 30, 32)
EMPTY: Colour = (205, 205, 202)
"""Where a picture should be and is none."""

_FONT_PX = 14
_LINE_PX = 18
_MARGIN_PX = 8
_EDGE_PX = 4
_ELLIPSIS = "…"
# Pillow brings a font of little more than ASCII; most systems have one that draws the names of most places.
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf", "Arial.ttf")
# Longer lines are cut before they are measured: names may have thousands of characters.
_MOST_CHARACTERS = 400
# Unicode sets it aside for no character, so every font draws what it draws for those it lacks.
_IN_NO_FONT = "\U0010ffff"


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """One picture of a sheet."""

    picture: np.ndarray | None
    """Red, green, blue, uint8, shape (height_px, width_px, 3), of any size; None where there is none."""
    caption: tuple[str, ...]
    """Lines under it; each is cut to the tile's width."""
    edge: Colour | None = None
    """Colour of a frame around it."""


def contact_sheet(tiles: Sequence[Tile], columns: int, *, tile_px: int = 250) -> Image.Image:
    """Put tiles onto one page, row by row.

    Args:
        tiles: at least one. Pictures are fitted into a field whose shape is that of the first picture, and
            keep their own shape.
        columns: tiles in a row; fewer tiles make a narrower page.
        tile_px: width of a picture's field.

    Returns:
        An RGB page.

    Raises:
        ValueError: no tiles, no columns, or a picture that is no RGB of bytes.
    """
    if not tiles or columns < 1:
        raise ValueError(f"a sheet needs tiles and columns, got {len(tiles)} and {columns}")
    field = (tile_px, _field_height(tiles, tile_px))
    num_lines = max(len(tile.caption) for tile in tiles)
    cell_width = field[0] + 2 * _MARGIN_PX
    cell_height = field[1] + 2 * _MARGIN_PX + num_lines * _LINE_PX
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    page = Image.new("RGB", (columns * cell_width, rows * cell_height), PAPER)
    for number, tile in enumerate(tiles):
        left, top = number % columns * cell_width, number // columns * cell_height
        _draw_tile(page, tile, (left + _MARGIN_PX, top + _MARGIN_PX), field)
    return page


def contact_sheets(
    tiles: Iterable[Tile], columns: int, rows: int, *, tile_px: int = 250
) -> Iterator[Image.Image]:
    """Put any number of tiles onto pages of so many columns and rows, one page in memory at a time.

    Raises:
        ValueError: as `contact_sheet`.
    """
    waiting = iter(tiles)
    while page := list(islice(waiting, columns * rows)):
        yield contact_sheet(page, columns, tile_px=tile_px)


def encode_picture(picture: Image.Image) -> bytes:
    """A page or picture as JPEG of high quality, its colours at full resolution."""
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=92, subsampling=0)
    return sink.getvalue()


def readable(text: str) -> str:
    """A text from an archive on one line, with every character that cannot be drawn written as its code."""
    return "".join(
        character if character.isprintable() and _has_glyph(character) else ascii(character)[1:-1]
        for character in text
    )


def shortened(text: str, width_px: int) -> str:
    """A readable text that fits a width: cut in its middle, since names differ at both ends."""
    if len(text) > _MOST_CHARACTERS:
        half = _MOST_CHARACTERS // 2
        text = f"{readable(text[:half])}{_ELLIPSIS}{readable(text[-half:])}"
    else:
        text = readable(text)
    if _font().getlength(text) <= width_px:
        return text
    fewest, most = 0, len(text)
    while most - fewest > 1:
        kept = (fewest + most) // 2
        fewest, most = (kept, most) if _font().getlength(_cut(text, kept)) <= width_px else (fewest, kept)
    return _cut(text, fewest)


def _cut(text: str, kept: int) -> str:
    """The text with so many characters kept; of names the end tells more than the beginning."""
    first = kept // 3
    last = kept - first
    return f"{text[:first]}{_ELLIPSIS}{text[len(text) - last :]}"


def _field_height(tiles: Sequence[Tile], tile_px: int) -> int:
    """Height of the field of pictures: the first picture decides."""
    for tile in tiles:
        if tile.picture is not None:
            _refuse_other(tile.picture)
            height, width = tile.picture.shape[:2]
            return max(1, min(2 * tile_px, round(tile_px * height / width)))
    return round(tile_px * 3 / 4)


def _refuse_other(picture: np.ndarray) -> None:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"expected an RGB picture of bytes, got {picture.dtype} {picture.shape}")


def _draw_tile(page: Image.Image, tile: Tile, at: tuple[int, int], field: tuple[int, int]) -> None:
    pen = ImageDraw.Draw(page)
    left, top = at
    if tile.edge is not None:
        pen.rectangle(
            (left - _EDGE_PX, top - _EDGE_PX, left + field[0] + _EDGE_PX - 1, top + field[1] + _EDGE_PX - 1),
            fill=tile.edge,
        )
    ground = EMPTY if tile.picture is None else PAPER
    pen.rectangle((left, top, left + field[0] - 1, top + field[1] - 1), fill=ground)
    if tile.picture is None:
        pen.line((left, top, left + field[0] - 1, top + field[1] - 1), fill=PAPER, width=2)
        pen.line((left, top + field[1] - 1, left + field[0] - 1, top), fill=PAPER, width=2)
    else:
        _refuse_other(tile.picture)
        fitted = _fit(Image.fromarray(tile.picture), field)
        page.paste(fitted, (left + (field[0] - fitted.width) // 2, top + (field[1] - fitted.height) // 2))
    for number, line in enumerate(tile.caption):
        place = (left, top + field[1] + _MARGIN_PX // 2 + number * _LINE_PX)
        pen.text(place, shortened(line, field[0]), fill=INK, font=_font())


def _fit(picture: Image.Image, field: tuple[int, int]) -> Image.Image:
    """The picture as large as the field allows."""
    scale = min(field[0] / picture.width, field[1] / picture.height)
    size = (
        min(field[0], max(1, round(picture.width * scale))),
        min(field[1], max(1, round(picture.height * scale))),
    )
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BICUBIC)


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, _FONT_PX)
        except OSError:
            continue  # not on this system
    return ImageFont.load_default(_FONT_PX)


@cache
def _has_glyph(character: str) -> bool:
    font = _font()
    if font.getlength(character) != font.getlength(_IN_NO_FONT):
        return True
    return bytes(font.getmask(character)) != bytes(font.getmask(_IN_NO_FONT))
