from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from blanktrap.core.errors import ManifestError
from blanktrap.core.schemas import (
    EMBEDDING,
    MANIFEST_SCHEMA,
    NUM_FEATURES,
    conform_manifest,
    embedding_column,
    features_of,
)


def conform(name: str, values: pa.Array) -> list[object]:
    count = len(values)
    table = pa.table({"media_id": [f"{n}" for n in range(count)], "uri": ["/a"] * count, name: values})
    conformed = conform_manifest(table, where="m.parquet")
    assert conformed.schema.equals(MANIFEST_SCHEMA)
    listed: list[object] = conformed.column(name).to_pylist()
    return listed


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [("label", "blank", "Blank"), ("label_level", "sequence", "Sequence"), ("split", "val", "validation")],
)
def test_a_word_outside_the_vocabulary_is_refused_by_name(name: str, good: str, bad: str) -> None:
    assert conform(name, pa.array([good, None])) == [good, None]
    assert conform(name, pa.array([good, None]).dictionary_encode()) == [good, None]
    for word in (bad, ""):
        with pytest.raises(ManifestError, match=f"column {name} has '{word}'"):
            conform(name, pa.array([good, None, word]))


@pytest.mark.parametrize("zone", ["America/Lima", "-05:00"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_zone_is_dropped_and_the_clock_on_the_spot_kept(zone: str, unit: str) -> None:
    noon_in_utc = pa.array([datetime(2020, 1, 1, 17), None], pa.timestamp(unit)).cast(pa.timestamp("s"))
    zoned = noon_in_utc.cast(pa.timestamp(unit)).cast(pa.timestamp(unit, zone))
    assert conform("timestamp", zoned) == [datetime(2020, 1, 1, 12), None]


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_what_is_finer_than_a_millisecond_is_cut_off(unit: str) -> None:
    values = pa.array([datetime(2020, 1, 1, 12, 0, 0, 1_999)], pa.timestamp(unit))
    assert conform("timestamp", values) == [datetime(2020, 1, 1, 12, 0, 0, 1_000)]


def test_a_column_of_another_kind_is_named() -> None:
    with pytest.raises(ManifestError, match="column frame_num is string, expected int16"):
        conform("frame_num", pa.array(["first"]))
    with pytest.raises(ManifestError, match="column timestamp is timestamp"):
        conform("timestamp", pa.array([9 * 10**17], pa.timestamp("s")))


def test_features_come_back_as_they_went_in_and_nulls_are_left_out() -> None:
    features = np.arange(3 * NUM_FEATURES, dtype=np.float16).reshape(3, NUM_FEATURES)
    column = embedding_column(features, is_there=np.array([True, False, True]))
    assert column.type == EMBEDDING.type
    assert column.null_count == 1
    for given in (column, pa.chunked_array([column.slice(0, 2), column.slice(2)])):
        found, positions = features_of(given)
        assert positions.tolist() == [0, 2]
        assert (found == features[[0, 2]]).all()
    found, positions = features_of(column.slice(1, 1))
    assert found.shape == (0, NUM_FEATURES)
    assert positions.size == 0
