import numpy as np
import pyarrow as pa
import pytest

from blanktrap.core.errors import EvaluationError
from blanktrap.core.statistics.locations import code_locations

NAMES = ["S2", None, "S1", "S2", None]


@pytest.mark.parametrize(
    "given",
    [
        NAMES,
        np.array(NAMES, dtype=object),
        pa.array(NAMES),
        pa.array(NAMES).dictionary_encode(),
        pa.chunked_array([NAMES[:2], NAMES[2:]]),
        pa.chunked_array([pa.array(NAMES[:2]).dictionary_encode(), pa.array(NAMES[2:]).dictionary_encode()]),
    ],
    ids=["list", "numpy", "arrow", "dictionary", "chunked", "chunked dictionary"],
)
def test_equal_names_get_one_code_and_unknown_ones_the_last(given):
    codes, names = code_locations(given)
    assert names == ["S2", "S1", None]
    assert codes.tolist() == [0, 2, 1, 0, 2]


def test_codes_may_be_numbers_and_may_be_none_at_all():
    codes, names = code_locations(np.array([7, 3, 7]))
    assert (codes.tolist(), names) == ([0, 1, 0], [7, 3])
    assert code_locations([])[0].size == 0
    assert code_locations(pa.chunked_array([], pa.string()))[1] == []


def test_names_of_two_kinds_are_refused():
    with pytest.raises(EvaluationError, match="of one kind"):
        code_locations(["S1", 2])


def test_no_known_location_at_all_is_one_group():
    codes, names = code_locations([None, None, None])
    assert codes.tolist() == [0, 0, 0]
    assert names == [None]
