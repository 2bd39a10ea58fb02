"""Splits by location: disjoint, complete, and refused where they cannot be."""

import contextlib
import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blanktrap.core.config import SelectConfig
from blanktrap.core.errors import ManifestError, UsageError
from blanktrap.core.vocabulary import Split, SplitBy
from blanktrap.files.manifest import open_manifest
from blanktrap.files.manifest_writer import ManifestWriter
from blanktrap.files.selecting import select_splits
from blanktrap.files.storage import Storage

STORAGE = Storage()


def write_manifest(path: Path, num_locations: int, *, labels: list[str | None]) -> str:
    """Ten media a location; the last location's media have no location, only a sequence."""
    count = num_locations * 10
    places = [f"site {number // 10}" for number in range(count)]
    table = pa.table(
        {
            "media_id": [f"{number}.jpg" for number in range(count)],
            "uri": [f"/a/{number}.jpg" for number in range(count)],
            "location_id": [None if place == f"site {num_locations - 1}" else place for place in places],
            "sequence_id": [f"burst {number // 5}" for number in range(count)],
            "label": [labels[number % len(labels)] for number in range(count)],
        }
    )
    pq.write_table(table, path)
    return str(path)


def read(out: Path) -> list[dict[str, object]]:
    manifest = open_manifest(STORAGE, str(out))
    rows: list[dict[str, object]] = pa.concat_tables(manifest.iter_tables(STORAGE)).to_pylist()
    return rows


def test_no_location_and_no_sequence_is_in_two_splits(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 12, labels=["blank", "nonblank"])
    summary = select_splits(source, str(tmp_path / "out"), config=SelectConfig(), storage=STORAGE)
    rows = read(tmp_path / "out")
    for key in ("location_id", "sequence_id"):
        splits: dict[object, set[object]] = {}
        for row in rows:
            if row[key] is not None:
                splits.setdefault(row[key], set()).add(row["split"])
        assert all(len(found) == 1 for found in splits.values())
    assert [one.split for one in summary.splits] == ["train", "val", "test", "no split"]
    assert sum(one.num_media for one in summary.splits[:3]) == 120
    assert min(one.num_media for one in summary.splits[:3]) > 0


def test_media_without_a_label_are_in_no_split(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 6, labels=["blank", "nonblank", None])
    summary = select_splits(source, str(tmp_path / "out"), config=SelectConfig(), storage=STORAGE)
    assert {row["split"] for row in read(tmp_path / "out") if row["label"] is None} == {None}
    assert summary.num_unlabelled == 20
    assert "20 media without a label are in no split" in summary.lines()


def test_same_seed_deals_alike(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 12, labels=["blank", "nonblank"])
    for name in ("one", "two"):
        select_splits(source, str(tmp_path / name), config=SelectConfig(seed=3), storage=STORAGE)
    assert read(tmp_path / "one") == read(tmp_path / "two")


def test_manifest_without_labels_is_refused(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 3, labels=[None])
    with pytest.raises(ManifestError, match="has no labels"):
        select_splits(source, str(tmp_path / "out"), config=SelectConfig(), storage=STORAGE)
    assert not (tmp_path / "out").exists()


def test_too_few_locations_are_refused(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 3, labels=["blank", "nonblank"])
    table = pq.read_table(source).filter(pa.compute.field("location_id") == "site 0")
    pq.write_table(table, source)
    with pytest.raises(ManifestError, match="labels from 1 location, 3 splits need"):
        select_splits(source, str(tmp_path / "out"), config=SelectConfig(), storage=STORAGE)


def test_earlier_manifest_is_not_overwritten(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 6, labels=["blank", "nonblank"])
    select_splits(source, str(tmp_path / "out"), config=SelectConfig(), storage=STORAGE)
    with pytest.raises(ManifestError, match="--overwrite"):
        select_splits(source, str(tmp_path / "out"), config=SelectConfig(seed=1), storage=STORAGE)


def test_the_manifest_itself_is_never_the_output(tmp_path: Path) -> None:
    source = write_manifest(tmp_path / "m.parquet", 6, labels=["blank", "nonblank"])
    out = tmp_path / "out"
    select_splits(source, str(out), config=SelectConfig(), storage=STORAGE)
    before = read(out)
    (tmp_path / "link").symlink_to(out)
    for place in (f"{out}/", f"file://{out}", f"{tmp_path}/link", f"{out}/part-00000.parquet"):
        with pytest.raises(ManifestError, match="where the manifest itself is") as caught:
            select_splits(place, str(out), config=SelectConfig(), storage=STORAGE, overwrite=True)
        assert "\n" not in str(caught.value)
    assert read(out) == before


# Every way of splitting


IDS = st.sampled_from([None, "a", "b", "c", "d", "e", "f"])
ROWS = st.lists(
    st.tuples(
        IDS,
        IDS,
        IDS,
        st.one_of(st.none(), st.integers(0, 20)),
        st.sampled_from(["blank", "nonblank", None]),
        st.one_of(st.none(), st.booleans()),
    ),
    min_size=4,
    max_size=40,
)


def write_rows(path: Path, rows: list[tuple[Any, ...]]) -> str:
    """Rows of location, deployment, sequence, day, label and night."""
    columns = list(zip(*rows, strict=True))
    days = [None if day is None else datetime(2013, 6, 1) + timedelta(days=day) for day in columns[3]]
    table = pa.table(
        {
            "media_id": [f"{number}.jpg" for number in range(len(rows))],
            "uri": [f"/a/{number}.jpg" for number in range(len(rows))],
            "location_id": pa.array(columns[0], pa.string()),
            "deployment_id": pa.array(columns[1], pa.string()),
            "sequence_id": pa.array(columns[2], pa.string()),
            "timestamp": pa.array(days, pa.timestamp("ms")),
            "label": pa.array(columns[4], pa.string()),
            "is_night": pa.array(columns[5], pa.bool_()),
        }
    )
    pq.write_table(table, path)
    return str(path)


@given(rows=ROWS, by=st.sampled_from(list(SplitBy)), choose=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_split_leaks_and_no_row_is_lost(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]], by: SplitBy, choose: bool
) -> None:
    folder = tmp_path_factory.mktemp("leak")
    source = write_rows(folder / "m.parquet", rows)
    config = SelectConfig(by=by, num_images=8 if choose else None)
    with contextlib.suppress(ManifestError, UsageError):
        select_splits(source, str(folder / "out"), config=config, storage=STORAGE)
    if not (folder / "out").exists():
        return
    made = read(folder / "out")
    assert [row["media_id"] for row in made] == [f"{number}.jpg" for number in range(len(rows))]
    whole = {SplitBy.LOCATION: ["location_id"], SplitBy.DEPLOYMENT: ["deployment_id"]}.get(by, [])
    for key in ["sequence_id", *whole]:
        seen: dict[object, object] = {}
        for row in made:
            if row[key] is not None and row["split"] is not None:
                assert seen.setdefault(row[key], row["split"]) == row["split"], (by, key)
    assert all(row["split"] is None for row in made if row["label"] is None)


def archive(path: Path, **changes: Any) -> str:
    """Twelve locations of two deployments of five sequences of three frames, 2013-06-01 to 2013-06-12."""
    rows = []
    for number in range(360):
        place, sequence = number // 30, number // 3
        rows.append(
            (
                f"S{place}",
                f"S{place}/R{number // 15 % 2}",
                f"q{sequence}",
                place,
                ["blank", "nonblank"][sequence % 2],
                None,
            )
        )
    source = write_rows(path, rows)
    table = pq.read_table(source)
    species = [[f"sp{number // 3 % 7}"] if number // 3 % 2 else [] for number in range(360)]
    table = table.append_column("species", pa.array(species, pa.list_(pa.string())))
    for name, values in changes.items():
        place = table.schema.get_field_index(name)
        column = pa.array(values, table.schema.field(name).type if place >= 0 else None)
        table = table.set_column(place, name, column) if place >= 0 else table.append_column(name, column)
    pq.write_table(table, source)
    return source


def splits_by(rows: list[dict[str, Any]], key: str) -> dict[object, set[object]]:
    found: dict[object, set[object]] = {}
    for row in rows:
        found.setdefault(row[key], set()).add(row["split"])
    return found


def test_manifest_says_what_its_splits_are_made_by(tmp_path: Path) -> None:
    source = archive(tmp_path / "m.parquet")
    for by in SplitBy:
        select_splits(source, str(tmp_path / by), config=SelectConfig(by=by), storage=STORAGE)
        assert open_manifest(STORAGE, str(tmp_path / by)).split_by is by
        assert json.loads((tmp_path / by / "selection.json").read_text())["split_by"] == by
    assert open_manifest(STORAGE, source).split_by is SplitBy.LOCATION
    assert all(
        len(found) == 1 for found in splits_by(read(tmp_path / "deployment"), "deployment_id").values()
    )
    assert any(len(found) > 1 for found in splits_by(read(tmp_path / "sequence"), "location_id").values())


def test_named_locations_go_where_they_are_sent_and_the_rest_trains(tmp_path: Path) -> None:
    config = SelectConfig(assign={Split.TEST: ("S1", "S2"), Split.VAL: ("S3",)})
    select_splits(archive(tmp_path / "m.parquet"), str(tmp_path / "out"), config=config, storage=STORAGE)
    found = splits_by(read(tmp_path / "out"), "location_id")
    assert found["S1"] == found["S2"] == {"test"}
    assert found["S3"] == {"val"}
    assert all(splits == {"train"} for name, splits in found.items() if name not in ("S1", "S2", "S3"))


def test_time_splits_at_the_dates_and_undated_media_are_counted(tmp_path: Path) -> None:
    days = [datetime(2013, 6, 1) + timedelta(days=number // 30) for number in range(360)]
    source = archive(tmp_path / "m.parquet", timestamp=[None] * 3 + days[3:])
    config = SelectConfig(by=SplitBy.TIME, val_from=datetime(2013, 6, 9), test_from=datetime(2013, 6, 11))
    summary = select_splits(source, str(tmp_path / "out"), config=config, storage=STORAGE)
    # Days 1 to 8 train, 9 and 10 validate, 11 and 12 test; the first sequence has no time.
    assert [one.num_media for one in summary.splits] == [237, 60, 60, 3]
    assert "left out: 3 media without a time" in summary.lines()


def test_sequence_over_a_boundary_goes_by_its_earliest_frame(tmp_path: Path) -> None:
    rows = [
        ("A", None, "q", 0, "blank", None),
        ("A", None, "q", 9, "blank", None),
        ("A", None, "q", None, "blank", None),
        ("A", None, None, 9, "nonblank", None),
    ]
    config = SelectConfig(by=SplitBy.TIME, test_from=datetime(2013, 6, 5))
    select_splits(
        write_rows(tmp_path / "m.parquet", rows), str(tmp_path / "out"), config=config, storage=STORAGE
    )
    assert [row["split"] for row in read(tmp_path / "out")] == ["train", "train", "train", "test"]


def test_choice_is_balanced_of_first_frames_and_leaves_the_test_alone(tmp_path: Path) -> None:
    config = SelectConfig(num_images=40, max_per_location=6)
    summary = select_splits(
        archive(tmp_path / "m.parquet"), str(tmp_path / "out"), config=config, storage=STORAGE
    )
    train, val, test, _ = summary.splits
    assert train.num_media + val.num_media == 40
    assert train.num_media == 2 * train.num_blank == train.num_sequences
    assert val.num_media == 2 * val.num_blank == val.num_sequences
    assert test.num_media == 3 * test.num_sequences
    rows = read(tmp_path / "out")
    assert len(rows) == 360
    assert max(Counter(row["location_id"] for row in rows if row["split"] in ("train", "val")).values()) <= 6
    again = select_splits(
        archive(tmp_path / "m.parquet"), str(tmp_path / "again"), config=config, storage=STORAGE
    )
    assert again.splits == summary.splits
    assert read(tmp_path / "again") == rows


def test_budget_that_cannot_be_met_is_said(tmp_path: Path) -> None:
    summary = select_splits(
        archive(tmp_path / "m.parquet"),
        str(tmp_path / "out"),
        config=SelectConfig(num_images=3200),
        storage=STORAGE,
    )
    [line] = [line for line in summary.lines() if "--num-images" in line]
    assert line.startswith(f"warning: --num-images 3,200 was not reached: {summary.num_chosen:,} found")
    assert summary.num_chosen < 120


@pytest.mark.parametrize(
    ("changes", "config", "said"),
    [
        ({"label": ["nonblank"] * 360}, {}, "all 360 labelled media of .* are nonblank: label some blank"),
        (
            {"deployment_id": [None] * 360},
            {"by": "deployment"},
            "--by deployment: none of the 360 .* a deployment",
        ),
        ({"sequence_id": [None] * 360}, {"by": "sequence"}, "--by sequence: none of the 360 .* a sequence"),
        ({"timestamp": [None] * 360}, {"by": "time"}, "--by time: none of the 360 .* has a time"),
        ({"media_id": ["x"] * 360}, {}, "has 360 rows with the media_id 'x'"),
        ({"sequence_id": ["q"] * 360}, {}, "labels from 1 location .1 sequence such as 'q'"),
        (
            {},
            {"assign": {"test": ("S99",)}},
            "--assign test=S99: no labelled media of .* has the location 'S99'",
        ),
        (
            {},
            {"min_species": 9, "frames": "all"},
            "--min-species 9: of the deployments of .* none has more than [1-7] species",
        ),
        ({}, {"min_blank": 99}, "no deployment of .* has 99 blank and 0 nonblank"),
        ({}, {"num_images": 1}, "--num-images 1 leaves train empty: train and val need 4 or more together"),
        (
            {},
            {"by": "time", "val_from": datetime(2020, 1, 1)},
            "would be in val: they are from 2013-06-01 to 2013-06-12",
        ),
        ({}, {"keep_splits": True}, "has no splits to keep"),
        (
            {"split": ["train"] * 20 + ["test"] * 340},
            {"keep_splits": True},
            "the splits of .* leak: location 'S0' is in train and test",
        ),
        (
            {"split": ["train"] * 20 + ["test"] * 340},
            {"keep_splits": True, "by": "sequence"},
            "the splits of .* leak: sequence 'q6' is in train and test",
        ),
        ({"is_night": ["dusk"] * 360}, {}, "column is_night is string, expected bool"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_writes_nothing(
    tmp_path: Path, changes: dict[str, Any], config: dict[str, Any], said: str
) -> None:
    if "is_night" in changes:
        source = archive(tmp_path / "m.parquet")
        table = pq.read_table(source).drop_columns("is_night")
        pq.write_table(table.append_column("is_night", pa.array(changes["is_night"])), source)
    else:
        source = archive(tmp_path / "m.parquet", **changes)
    with pytest.raises((ManifestError, UsageError), match=said) as caught:
        select_splits(source, str(tmp_path / "out"), config=SelectConfig(**config), storage=STORAGE)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_locations_that_a_sequence_ties_cannot_be_sent_two_ways(tmp_path: Path) -> None:
    sequences = ["tie" if number in (0, 30) else f"q{number // 3}" for number in range(360)]
    source = archive(tmp_path / "m.parquet", sequence_id=sequences)
    config = SelectConfig(assign={Split.TEST: ("S0",), Split.VAL: ("S1",)})
    with pytest.raises(UsageError, match="puts location 'S0' into test and 'S1' into val, and sequences"):
        select_splits(source, str(tmp_path / "out"), config=config, storage=STORAGE)


def test_selection_goes_when_its_manifest_is_replaced(tmp_path: Path) -> None:
    source, out = archive(tmp_path / "m.parquet"), str(tmp_path / "out")
    select_splits(source, out, config=SelectConfig(), storage=STORAGE)
    select_splits(source, out, config=SelectConfig(seed=1), storage=STORAGE, overwrite=True)
    assert json.loads((tmp_path / "out" / "selection.json").read_text())["seed"] == 1
    ManifestWriter(STORAGE, out, overwrite=True).finish({})
    assert not (tmp_path / "out" / "selection.json").exists()
