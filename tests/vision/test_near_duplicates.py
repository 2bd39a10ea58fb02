"""Nearly equal pictures on two sides of a split are reported with their locations."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from blanktrap.core.config import SelectConfig
from blanktrap.core.vocabulary import Split
from blanktrap.files.selecting import select_splits
from blanktrap.files.storage import Storage
from blanktrap.vision.near_duplicates import check_duplicates

STORAGE = Storage()


def test_copy_in_the_test_split_is_found(tmp_path: Path, scene: Callable[..., Image.Image]) -> None:
    # Eight places of one picture each; the second of `test` is a darker copy of one in `train`.
    for number in range(8):
        scene(seed=number).save(tmp_path / f"{number}.jpg")
    scene(seed=0).point(lambda level: level * 0.8).save(tmp_path / "7.jpg")
    (tmp_path / "6.jpg").write_bytes(b"no picture")
    table = pa.table(
        {
            "media_id": [f"{number}.jpg" for number in range(8)],
            "uri": [str(tmp_path / f"{number}.jpg") for number in range(8)],
            "location_id": [f"S{number}" for number in range(8)],
            "label": ["blank", "nonblank"] * 4,
        }
    )
    pq.write_table(table, tmp_path / "m.parquet")
    out = str(tmp_path / "out")
    config = SelectConfig(assign={Split.TEST: ("S6", "S7")})
    select_splits(str(tmp_path / "m.parquet"), out, config=config, storage=STORAGE)
    found = check_duplicates(out, storage=STORAGE, sample=100, seed=0)
    assert (found.num_pairs, found.num_hashed, found.num_unreadable) == (1, 7, 1)
    assert found.examples[0].startswith("0.jpg (train, S0) and 7.jpg (test, S7): ")
    [row] = csv.DictReader((tmp_path / "out" / "near_duplicates.csv").open())
    assert {row["location_id_1"], row["location_id_2"]} == {"S0", "S7"}
    record = json.loads((tmp_path / "out" / "selection.json").read_text())
    assert record["near_duplicates"]["num_pairs"] == 1
    assert check_duplicates(out, storage=STORAGE, sample=2, seed=0).lines()[0].count("2 of the 8 media")
