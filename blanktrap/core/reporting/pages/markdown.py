"""A page as Markdown, for mail, a wiki or a repository.

Owns: the form and the escaping. Refuses: HTML, and any text that becomes markup: names of locations and
species come from an archive.
"""

import re
import unicodedata

from blanktrap.core.reporting.pages.document import (
    Beside,
    Block,
    DataTable,
    Document,
    Drawing,
    Heading,
    Notices,
    Paragraph,
    Tiles,
)

_MARKUP = re.compile(r"([\\`*_{}\[\]#+!|<>$~&@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)


def render_markdown(document: Document) -> str:
    """The page as one Markdown text, tables in GitHub's form; drawings become tables of their values."""
    parts = [f"# {plain(document.title)}", plain(document.subtitle)]
    for block in document.blocks:
        parts += _block(block)
    return "\n\n".join(part for part in parts if part) + "\n"


def plain(text: str) -> str:
    """Text as it is, on one line: nothing in it becomes a link, an image, a table cell or HTML."""
    visible = "".join(one for one in " ".join(text.split()) if unicodedata.category(one)[0] != "C")
    return _MARKUP.sub(r"\\\1", visible)


def _block(block: Block) -> list[str]:
    match block:
        case Heading(text):
            return [f"## {plain(text)}"]
        case Paragraph(text):
            return [plain(text)]
        case Notices(_, title, items):
            return [f"**{plain(title)}**", "\n".join(f"- {plain(item)}" for item in items)] if items else []
        case Tiles(tiles):
            rows = tuple((tile.name, tile.value, tile.detail, tile.basis) for tile in tiles)
            columns = ("figure", "value", "", "measured on")
            return _table(DataTable(columns=columns, rows=rows))
        case DataTable():
            return _table(block)
        case Beside(tables):
            return [part for table in tables for part in _table(table)]
        case Drawing(caption=caption, table=table):
            return [plain(caption), *_table(table)]


def _table(table: DataTable) -> list[str]:
    rules = ["---" if place < table.num_text_columns else "---:" for place in range(len(table.columns))]
    rows = [table.columns, tuple(rules), *table.rows]
    lines = [
        f"| {' | '.join(cells if place == 1 else tuple(plain(cell) for cell in cells))} |"
        for place, cells in enumerate(rows)
    ]
    title = [f"**{plain(table.title)}**"] if table.title else []
    below = [plain(text) for text in (table.caption, left_out(table)) if text]
    return [*title, "\n".join(lines), *below]


def left_out(table: DataTable) -> str:
    """Say how many rows are not shown; nothing where all are."""
    return f"{table.num_left_out:,} more rows are in the report's tables." if table.num_left_out else ""
