"""What is written for people: every text stays text, and every drawing is one that a browser takes."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest

from blanktrap.core.reporting.pages.charts import cutoff_chart, trade_off_chart
from blanktrap.core.reporting.pages.document import (
    Beside,
    DataTable,
    Document,
    Drawing,
    Heading,
    Notices,
    Paragraph,
    Tile,
    Tiles,
    cut_table,
)
from blanktrap.core.reporting.pages.drawing import Axis, Mark, Panel, count_axis
from blanktrap.core.reporting.pages.html import render_html
from blanktrap.core.reporting.pages.markdown import render_markdown

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</table></svg><b>bold</b>",
    "[link](https://evil.example)",
    "![image](https://evil.example/x.png)",
    "https://evil.example",
    "www.evil.example",
    "me@evil.example",
    "a|b\n# title\n- item",
    "`code` *bold* _under_ ~~gone~~ $x$ &amp; \\",
    "\u202egnp.exe\u200b\x00\x1b[31m",
]


def page(text):
    table = DataTable(columns=("name", text), rows=((text, "1"),), title=text, caption=text)
    return Document(
        title=text,
        subtitle=text,
        blocks=(
            Heading(text),
            Paragraph(text),
            Notices("warning", text, (text,)),
            Tiles((Tile(name=text, value=text, detail=text, basis=text),)),
            table,
            Beside((table, table)),
            Drawing(svg="<svg></svg>", caption=text, table=table),
        ),
    )


class Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


def read(html):
    reader = Reader()
    reader.feed(html)
    return reader


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_an_archive_never_becomes_html(text):
    harmless, hostile = read(render_html(page("plain"))), read(render_html(page(text)))
    assert hostile.tags == harmless.tags
    assert {name for name, _ in hostile.attributes} == {name for name, _ in harmless.attributes}
    if text.isprintable():
        assert hostile.texts.count(text) == harmless.texts.count("plain")


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_an_archive_never_becomes_markdown(text):
    written = render_markdown(page(text))
    # What a writer of Markdown would take for markup has a backslash before it.
    bare = re.sub(r"\\.", "", written)
    assert not re.search(r"[<>`$]|!\[|\]\(|https?://|(?i:www\.)|[^|]@", bare)
    widths = {line.count("|") - line.count("\\|") for line in written.splitlines() if line.startswith("|")}
    assert widths <= {3, 5}
    assert [line for line in written.splitlines() if line.startswith("# ")] == written.splitlines()[:1]
    assert "\x1b" not in written
    assert "\u202e" not in written


def test_a_page_needs_nothing_from_elsewhere():
    html = render_html(page("plain"))
    reader = read(html)
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.tags)
    assert not {"src", "href", "onload", "onclick"} & {name for name, _ in reader.attributes}
    assert "default-src 'none'" in html
    assert not re.search(r"url\(|@import|https?:", html)


def test_a_long_table_is_cut_and_says_by_how_much():
    table = DataTable(columns=("place",), rows=tuple((f"L{at}",) for at in range(1040)))
    cut = cut_table(table, 30)
    assert (len(cut.rows), cut.num_left_out) == (30, 1010)
    document = Document(title="t", subtitle="s", blocks=(cut,))
    for written in (render_html(document), render_markdown(document)):
        assert "1,010 more rows" in written
        assert "L29" in written
        assert "L30" not in written
    assert cut_table(cut, 30) == cut


def test_empty_notices_leave_nothing():
    document = Document(title="t", subtitle="s", blocks=(Notices("refused", "What is missing", ()),))
    assert "What is missing" not in render_html(document) + render_markdown(document)


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (7, ["0", "2", "4", "6", "8"]),
        (282, ["0", "100", "200", "300"]),
        (1_000_000, ["0", "200,000", "400,000", "600,000", "800,000", "1,000,000"]),
    ],
)
def test_count_axes_have_round_ticks_and_hold_the_most(most, ticks):
    axis = count_axis("media", most)
    assert [text for _, text in axis.ticks] == ticks
    assert axis.high >= most


def test_points_stand_where_their_values_are_and_gaps_break_the_line():
    panel = Panel(Axis("x", ((0, "0"), (10, "10"))), Axis("y", ((0, "0"), (1, "1"))), 20, 100, 50, 200)
    panel.line([0, 5, 6, 10], [0, 1, np.nan, 0.5], Mark("m", "recall"))
    # x: 50 + 200 · value / 10; y: 20 + 100 · (1 - value).
    assert 'd="M50.0 120.0L150.0 20.0M250.0 70.0"' in panel.marks[0]


def drawings():
    cutoffs = np.arange(1001) / 1000
    empty = pa.nulls(1001, pa.float64())
    curve = pa.table(
        {
            "cutoff": cutoffs,
            "nonblank_recall": 1 - cutoffs,
            "nonblank_recall_low": empty,
            "nonblank_recall_high": empty,
            "nonblank_precision": pa.array([*cutoffs[:-1], None]),
            "f_beta": cutoffs,
            "blank_recall": cutoffs,
            "blank_recall_low": cutoffs * 0.9,
            "blank_recall_high": cutoffs,
            "kept_share": 1 - cutoffs,
            "num_kept_nonblank": np.arange(1001),
            "num_kept_blank": np.arange(1001),
        }
    )
    edges = np.arange(51) / 50
    histogram = pa.table(
        {
            "bin_start": [*edges[:-1], None],
            "bin_end": [*edges[1:], None],
            **{name: np.arange(51) for name in ("num_nonblank", "num_blank", "num_archive")},
        }
    )
    roc = pa.table(
        {"cutoff": [None, 0.5, 0.1], "nonblank_recall": [0, 0.8, 1], "blank_kept_share": [0, 0.1, 1.0]}
    )
    return cutoff_chart(curve, histogram, 0.31, beta=2.0), trade_off_chart(roc, 10, 20, (0.8, 0.1))


def test_drawings_are_well_formed_and_hold_no_nan():
    for drawing in drawings():
        ElementTree.fromstring(drawing.svg)
        assert "nan" not in drawing.svg
        assert "<title>" in drawing.svg


def test_lines_differ_in_more_than_colour():
    cutoffs, _ = drawings()
    lines = re.findall(
        r'stroke="(var\(--[a-z]+\))" stroke-width="2.25" stroke-linejoin="round"([^/]*)/>', cutoffs.svg
    )
    assert len(lines) == 5
    assert len({dashes for _, dashes in lines}) == 5


def test_intervals_that_are_not_there_are_said_so_in_the_values():
    cutoffs, _ = drawings()
    assert cutoffs.table.rows[0][2] == "none"
    assert cutoffs.table.rows[5][6] == "36.0 to 40.0 %"
