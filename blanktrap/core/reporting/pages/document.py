"""The parts of a page, whatever it is written as.

Owns: what a page may consist of. Refuses: markup; all text here is plain, and the writers escape it.
"""

from dataclasses import dataclass

MOST_ROWS = 30
"""Rows of a long table that are shown; the report's Parquet tables have them all."""


@dataclass(frozen=True)
class Heading:
    """The title of a section."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Notices:
    """Things to know before reading on: `warning`, or `refused` for what the data cannot support."""

    kind: str
    title: str
    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A headline figure: its name, its value, how far it may lie off, and what it is measured on."""

    name: str
    value: str
    detail: str
    basis: str


@dataclass(frozen=True)
class Tiles:
    """Headline figures, side by side."""

    tiles: tuple[Tile, ...]


@dataclass(frozen=True, kw_only=True)
class DataTable:
    """A table. Cells are words already; columns after the first `num_text_columns` are numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    caption: str = ""
    num_text_columns: int = 1
    num_left_out: int = 0
    """Rows that exist and are not shown."""


@dataclass(frozen=True)
class Beside:
    """Tables that stand side by side where there is room."""

    tables: tuple[DataTable, ...]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure, with a table of some of its values for those who cannot see it."""

    svg: str
    """An `<svg>` element, escaped already."""
    caption: str
    table: DataTable


Block = Heading | Paragraph | Notices | Tiles | DataTable | Beside | Drawing


@dataclass(frozen=True, kw_only=True)
class Document:
    """A page."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]


def cut_table(table: DataTable, most_rows: int = MOST_ROWS) -> DataTable:
    """The same table with its first rows only, and the count of those left out."""
    num_left_out = max(len(table.rows) - most_rows, 0)
    return DataTable(
        columns=table.columns,
        rows=table.rows[:most_rows],
        title=table.title,
        caption=table.caption,
        num_text_columns=table.num_text_columns,
        num_left_out=table.num_left_out + num_left_out,
    )
