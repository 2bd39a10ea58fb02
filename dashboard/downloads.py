"""Taking things along: charts as SVG and PNG, tables as CSV and Parquet.

Owns: the files, made when they are asked for and not before, and the button that offers them. Refuses: what
is in a chart or table. No cell of a CSV is run by the spreadsheet that opens it.
"""

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import streamlit as st

from blanktrap.files.exports.cells import FORMULA
from dashboard.drawing import Drawing

_PNG_SCALE = 2.0
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def offer(name: str, *, drawing: Drawing | None = None, table: pa.Table | None = None) -> None:
    """A button that opens a choice of files.

    Args:
        name: of the files, without extension; also what tells this button from others of the page.
        drawing: the chart, as SVG and PNG.
        table: the table, as CSV and Parquet.
    """
    key = f"download {name}"
    with st.popover(
        "Download", type="tertiary", icon=":material/download:", key=key, on_change="rerun"
    ) as choice:
        if not choice.open:
            return
        if drawing is not None:
            st.caption("Chart")
            _offer_file(f"{name}.svg", "SVG, for print", "image/svg+xml", lambda: svg_of(drawing))
            _offer_file(f"{name}.png", "PNG, for slides", "image/png", lambda: png_of(drawing))
        if table is not None:
            st.caption("Table")
            _offer_file(f"{name}.csv", "CSV, for spreadsheets", "text/csv", lambda: csv_of(table))
            _offer_file(
                f"{name}.parquet",
                "Parquet, for programs",
                "application/octet-stream",
                lambda: parquet_of(table),
            )


def csv_of(table: pa.Table) -> bytes:
    """A table as CSV; lists are joined by "|", and texts that begin like a formula get an apostrophe."""
    columns = {name: _flat(table.column(name)) for name in table.column_names}
    sink = io.BytesIO(_BYTE_ORDER_MARK)
    sink.seek(0, io.SEEK_END)
    pa_csv.write_csv(pa.table(columns), sink)
    return sink.getvalue()


def parquet_of(table: pa.Table) -> bytes:
    """A table as Parquet, as it is."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    data: bytes = sink.getvalue().to_pybytes()
    return data


def svg_of(drawing: Drawing) -> str:
    """A chart as SVG on white."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(drawing.whole(), allowed_base_urls=[]))


def png_of(drawing: Drawing) -> bytes:
    """A chart as PNG on white, at twice its size on the page."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(drawing.whole(), scale=_PNG_SCALE, allowed_base_urls=[]))


def _offer_file(name: str, label: str, mime: str, make: Callable[[], Any]) -> None:
    st.download_button(
        label, make, file_name=name, mime=mime, key=f"file {name}", on_click="ignore", type="tertiary"
    )


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_list(column.type):
        column = pc.binary_join(column.cast(pa.list_(pa.string())), "|")
    if pa.types.is_string(column.type):
        runs = pc.fill_null(pc.match_substring_regex(column, FORMULA), False)
        column = pc.if_else(runs, pc.binary_join_element_wise("'", column, ""), column)
    return column
