"""How names and numbers are spelt in exported files.

Owns: what a spreadsheet must not run, numbers of float32 without noise, JSON texts, addresses of media.
Refuses: knowing a format.

A CSV cell that begins like a formula is run by spreadsheets when the file is opened, and a file name may
begin so. An apostrophe before it prevents that. In front of a path it would name another file, so a path gets
`./`: the same file to every program that opens it. JSON and Parquet hold all names as they are.
"""

import re
from collections.abc import Iterator
from json.encoder import encode_basestring_ascii as json_text
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from blanktrap.files.exports.formats import Notes

__all__ = ["FORMULA", "CellGuard", "address_of", "iter_runs", "json_numbers", "json_text", "media_type_of"]

# Also their wide forms, which some spreadsheets take for the same, and what they skip at the beginning.
FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""A regular expression for the beginnings of texts that a spreadsheet may run."""

_MEDIA_TYPES = {"png": "image/png", "tif": "image/tiff", "tiff": "image/tiff", "webp": "image/webp"}


class CellGuard:
    """Keeps texts of CSV cells from being run, and counts them."""

    def __init__(self, notes: Notes, *, exact: bool) -> None:
        """Args:
        notes: gets the number of cells that were changed.
        exact: change nothing; what a spreadsheet would run is counted all the same.
        """
        self._notes = notes
        self._exact = exact

    def texts(
        self, column: pa.Array | pa.ChunkedArray, *, is_path: bool = False
    ) -> pa.Array | pa.ChunkedArray:
        """The texts, none of which a spreadsheet runs; nulls stay null."""
        runs = pc.fill_null(pc.match_substring_regex(column, FORMULA), False)
        num = pc.sum(runs).as_py() or 0
        if not num:
            return column
        if self._exact:
            self._notes.add("cells that begin like a formula: open the result in no spreadsheet", num)
            return column
        mark = "./" if is_path else "'"
        self._notes.add(
            f"cells that begin like a formula, with {'./' if is_path else 'an apostrophe'} before it so that "
            f"no spreadsheet runs them (--exact-names leaves it out)",
            num,
        )
        return pc.if_else(runs, pc.binary_join_element_wise(mark, column, ""), column)


def json_numbers(values: NDArray[np.float32]) -> list[str]:
    """The shortest decimals that are these float32, each with a fraction or an exponent: `0.7`, `1.0`."""
    texts: list[str] = pa.array(values, pa.float32()).cast(pa.string()).to_pylist()
    return [text if "." in text or "e" in text else f"{text}.0" for text in texts]


def address_of(base_url: str, media_id: str) -> str:
    """The address of a media below a base; on the web, what is no plain character is percent-encoded."""
    if not base_url.lower().startswith(("http://", "https://")):
        return f"{base_url.rstrip('/')}/{media_id}"  # the key of an object, which is never encoded
    # Two dots are plain characters to an address, and lead elsewhere.
    path = re.sub(r"\.(?=\.)|(?<=\.)\.", "%2E", quote(media_id, safe="/"))
    return f"{base_url.rstrip('/')}/{path}"


def media_type_of(suffix: str) -> str:
    """The media type of an extension in lower case; that of JPEG where it says nothing."""
    return _MEDIA_TYPES.get(suffix, "image/jpeg")


def iter_runs(column: pa.ChunkedArray) -> Iterator[tuple[int, int, str | None]]:
    """Yield (start, stop, text) for each run of equal texts that follow one another; null is a text too."""
    codes: NDArray[np.int32]
    if not len(column):
        return
    encoded = column.combine_chunks().dictionary_encode("encode")
    codes = encoded.indices.to_numpy()
    starts = np.flatnonzero(np.append(True, np.diff(codes) != 0))
    stops = np.append(starts[1:], len(codes))
    texts = encoded.dictionary.take(pa.array(codes[starts])).to_pylist()
    yield from zip(starts.tolist(), stops.tolist(), texts, strict=True)
