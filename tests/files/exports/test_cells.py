"""Names and numbers as exported files spell them."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.files.exports.cells import (
    CellGuard,
    address_of,
    iter_runs,
    json_numbers,
    json_text,
    media_type_of,
)
from blanktrap.files.exports.formats import Notes

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@given(st.lists(st.floats(0, 1, width=32)))
def test_numbers_are_read_as_the_same_float32_and_never_as_whole_ones(values):
    scores = np.array(values, np.float32)
    read = [json.loads(text) for text in json_numbers(scores)]
    assert all(isinstance(number, float) for number in read)
    assert (np.array(read, np.float32) == scores).all()


def test_numbers_have_no_noise():
    assert json_numbers(np.array([0.1, 0.7, 1, 0, 1e-7], np.float32)) == ["0.1", "0.7", "1.0", "0.0", "1e-7"]


@given(TEXTS)
def test_texts_are_read_as_they_were(text):
    assert json.loads(json_text(text)) == text
    assert json_text(text).isascii()


@given(st.lists(TEXTS | st.none()), st.booleans())
def test_guarded_cells_are_no_formulas_and_lose_nothing(texts, is_path):
    notes = Notes()
    guarded = CellGuard(notes, exact=False).texts(pa.array(texts, pa.string()), is_path=is_path).to_pylist()
    mark = "./" if is_path else "'"
    changed = 0
    for before, after in zip(texts, guarded, strict=True):
        assert after is None or not after.startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"))
        assert after in (before, f"{mark}{before}")
        changed += after != before
    assert sum(notes.counts.values()) == changed


@pytest.mark.parametrize(
    ("base_url", "name", "address"),
    [
        ("https://a.org/b/", "S1/100% é.jpg", "https://a.org/b/S1/100%25%20%C3%A9.jpg"),
        ("https://a.org", "../x?y#z.jpg", "https://a.org/%2E%2E/x%3Fy%23z.jpg"),
        ("https://a.org", "a...b.jpg", "https://a.org/a%2E%2E%2Eb.jpg"),
        ("gs://bucket/b", "S1/100% é.jpg", "gs://bucket/b/S1/100% é.jpg"),
    ],
)
def test_addresses(base_url, name, address):
    assert address_of(base_url, name) == address


def test_media_types():
    assert [media_type_of(suffix) for suffix in ("jpg", "png", "tiff", "webp", "")] == [
        "image/jpeg",
        "image/png",
        "image/tiff",
        "image/webp",
        "image/jpeg",
    ]


def test_runs_of_equal_texts():
    column = pa.chunked_array([["a", "a", None], [None, "a"]])
    assert list(iter_runs(column)) == [(0, 2, "a"), (2, 4, None), (4, 5, "a")]
    assert list(iter_runs(pa.chunked_array([], pa.string()))) == []
