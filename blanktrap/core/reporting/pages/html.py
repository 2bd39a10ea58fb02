"""A page as one HTML file that needs nothing else: no script, no font, no image from elsewhere.

Owns: the form, the style and the escaping. Refuses: text that becomes markup: names of locations and species
come from an archive. Printed pages are black on white; on screen the page follows the reader's light or dark.
"""

from html import escape

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
from blanktrap.core.reporting.pages.markdown import left_out

# Scripts and loads of any kind are forbidden to the page itself, should an escape ever be missed.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c2321; --soft: #5d6764; --line: #d9dfdc;
  --panel: #f4f7f5; --warn: #fff4dd; --warn-line: #c98500; --accent: #0b6e4f;
  --recall: #d55e00; --precision: #00795a; --blank: #0072b2; --kept: #767f7b; --beta: #8c5675;
  --nonblank-bar: #e69f00; --blank-bar: #56b4e9; --rule: #1c2321; }
@media (prefers-color-scheme: dark) { :root { --paper: #14191a; --ink: #e8edeb; --soft: #a3afab;
  --line: #333c3b; --panel: #1d2425; --warn: #33290f; --warn-line: #e0a32e; --accent: #5fd0a5;
  --recall: #ff9147; --precision: #3ccfa0; --blank: #6cc4f5; --kept: #99a39f; --beta: #d79bbd;
  --nonblank-bar: #c98a00; --blank-bar: #3d87b3; --rule: #e8edeb; } }
@media print { :root { --paper: #ffffff; --ink: #000000; --soft: #444444; --line: #bbbbbb;
  --panel: #ffffff; --warn: #ffffff; --warn-line: #000000; --accent: #000000; --recall: #d55e00;
  --precision: #00795a; --blank: #0072b2; --kept: #767f7b; --beta: #8c5675; --nonblank-bar: #e69f00;
  --blank-bar: #56b4e9; --rule: #000000; }
  section, figure, table, .tiles { break-inside: avoid; }
  h2 { break-after: avoid; } details { display: none; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .8rem; padding-top: 1.1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0 0 .4rem; }
p { margin: .6rem 0; max-width: 46rem; } .subtitle, figcaption, .caption { color: var(--soft); }
.subtitle { overflow-wrap: anywhere; }
.caption, figcaption { font-size: .875rem; max-width: 46rem; margin: .4rem 0 0; }
.notices { border-left: 4px solid var(--line); background: var(--panel); padding: .8rem 1.1rem;
  margin: 1.2rem 0; border-radius: 0 6px 6px 0; }
.notices.warning { border-color: var(--warn-line); background: var(--warn); }
.notices ul { margin: 0; padding-left: 1.1rem; } .notices li { margin: .2rem 0; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(12.5rem, 1fr)); gap: .8rem;
  margin: 1.4rem 0; }
.tile { border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; background: var(--panel); }
.tile b { display: block; font-size: .875rem; font-weight: 600; }
.tile span { display: block; font-size: 1.9rem; line-height: 1.25; font-variant-numeric: tabular-nums;
  color: var(--accent); font-weight: 650; }
.tile small { display: block; color: var(--soft); font-size: .8125rem; line-height: 1.4; }
section { margin: 1.6rem 0; } .scroll { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: collapse; font-size: .9375rem; font-variant-numeric: tabular-nums; }
th, td { padding: .32rem .9rem .32rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); font-size: .8125rem; vertical-align: bottom; }
td.number, th.number { text-align: right; padding-left: .6rem; white-space: nowrap; }
td:not(.number) { overflow-wrap: break-word; max-width: 38rem; }
td:last-child, th:last-child { padding-right: 0; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1.2rem 2.4rem; }
.beside > div { min-width: 0; } .beside table { width: 100%; }
figure { margin: 1.2rem 0; overflow-x: auto; }
svg { display: block; width: 100%; height: auto; min-width: 33rem; max-width: 56rem; }
svg text { fill: var(--ink); font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
svg .soft { fill: var(--soft); } svg .grid { stroke: var(--line); stroke-width: 1; }
svg .axis { stroke: var(--soft); stroke-width: 1; }
details { margin: .5rem 0 0; font-size: .875rem; color: var(--soft); } summary { cursor: pointer; }
"""


def render_html(document: Document) -> str:
    """The page as one HTML text, in UTF-8."""
    body = "\n".join(_block(block) for block in document.blocks)
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(document.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{_text(document.title)}</h1>\n<p class="subtitle">{_text(document.subtitle)}</p>\n'
        f"{body}\n</main>\n</body>\n</html>\n"
    )


def _text(text: str) -> str:
    """Text as it is, without characters that an HTML file cannot hold."""
    return escape("".join(one for one in text if one.isprintable() or one.isspace()))


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{_text(text)}</h2>"
        case Paragraph(text):
            return f"<p>{_text(text)}</p>"
        case Notices(kind, title, items):
            return _notices(kind, title, items) if items else ""
        case Tiles():
            return _tiles(block)
        case DataTable():
            return f"<section>{_table(block)}</section>"
        case Beside(tables):
            return f'<div class="beside">{"".join(f"<div>{_table(table)}</div>" for table in tables)}</div>'
        case Drawing(svg=svg, caption=caption, table=table):
            return (
                f"<figure>{svg}<figcaption>{_text(caption)}</figcaption>"
                f"<details><summary>Values</summary>{_table(table)}</details></figure>"
            )


def _notices(kind: str, title: str, items: tuple[str, ...]) -> str:
    listed = "".join(f"<li>{_text(item)}</li>" for item in items)
    return f'<section class="notices {escape(kind)}"><h3>{_text(title)}</h3><ul>{listed}</ul></section>'


def _tiles(block: Tiles) -> str:
    tiles = "".join(
        f'<div class="tile"><b>{_text(tile.name)}</b><span>{_text(tile.value)}</span>'
        f"<small>{_text(tile.detail)}</small><small>{_text(tile.basis)}</small></div>"
        for tile in block.tiles
    )
    return f'<div class="tiles">{tiles}</div>'


def _table(table: DataTable) -> str:
    def row(tag: str, cells: tuple[str, ...]) -> str:
        return "".join(
            f"<{tag}{_number(place, table)}>{_text(cell)}</{tag}>" for place, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{row('td', cells)}</tr>" for cells in table.rows)
    title = f"<h3>{_text(table.title)}</h3>" if table.title else ""
    below = "".join(
        f'<p class="caption">{_text(text)}</p>' for text in (table.caption, left_out(table)) if text
    )
    return (
        f'{title}<div class="scroll"><table><thead><tr>{row("th", table.columns)}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{below}"
    )


def _number(place: int, table: DataTable) -> str:
    return ' class="number"' if place >= table.num_text_columns else ""
