"""Bad rows: one line with file and row, or counted where the user asks; every row has one fate."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blanktrap.core.config import IndexConfig
from blanktrap.core.errors import AnnotationError
from blanktrap.files.annotations.formats import BadRowError
from blanktrap.files.annotations.staging import AnnotationStage
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from blanktrap.files.storage import Storage
from tests.files.conftest import Index

LONG = "x" * 10_000_000
CATEGORIES = [{"id": 0, "name": "empty"}, {"id": 1, "name": "deer"}]


def write_coco(path: Path, images: list[Any], annotations: list[Any] | None = None) -> Path:
    document = {"images": images, "annotations": annotations or [], "categories": CATEGORIES}
    path.write_text(json.dumps(document))
    return path


def refused_then_skipped(
    index_archive: Index, path: Path, words: str, num_bad: int = 1
) -> dict[str, dict[str, Any]]:
    """The rows that are left once the bad ones are skipped; without being asked, they are refused."""
    with pytest.raises(AnnotationError, match=words) as caught:
        index_archive(["a.jpg", "b.jpg"], path)
    message = str(caught.value)
    assert str(path) in message
    assert "--skip-bad-rows" in message
    assert "\n" not in message
    assert len(message) < 600
    assert not (path.parent / "manifest" / "_manifest.json").exists()
    rows, summary = index_archive(["a.jpg", "b.jpg"], path, skip_bad_rows=True)
    assert sum(summary.annotations[0].bad_rows.values()) == num_bad
    assert max(map(len, summary.lines())) < 1000
    return rows


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("b.jpg,deer,2013-02-30 10:00:00", "row 3 has the time '2013-02-30 10:00:00', which does not exist"),
        ("b.jpg,deer,2013-02-28 25:61", "row 3 has the time '2013-02-28 25:61'"),
        ("b.jpg,deer,31/02/2013", "row 3 has the time"),
        ("b.jpg,deer", "row 3 has 2 columns, the header has 3"),
        ("b.jpg,deer,,oops", "row 3 has 4 columns, the header has 3"),
        (",deer,", "row 3 has no path"),
        ("b.jpg\0,deer,", "row 3 has a path with a null character"),
        ("S1/,deer,", "row 3 has the path 'S1/', which names no file"),
        ("..,deer,", "row 3 has the path"),
        (f"b.jpg,{LONG},", "row 3 is longer than 131,072 characters"),
        (f"{'x' * 40_000},deer,", "row 3 has a path of 40,000 characters"),
    ],
)
def test_a_bad_row_of_a_table_is_refused_or_counted(
    tmp_path: Path, index_archive: Index, row: str, words: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"path,label,datetime\na.jpg,empty,2013-02-28\n{row}\nb.jpg,empty,0000-00-00 00:00:00\n")
    rows = refused_then_skipped(index_archive, path, words)
    assert {name: one["label"] for name, one in rows.items()} == {"a.jpg": "blank", "b.jpg": "blank"}
    assert rows["b.jpg"]["timestamp"] is None


def test_rows_behind_one_that_is_left_out_keep_their_numbers(tmp_path: Path, index_archive: Index) -> None:
    (tmp_path / "a.csv").write_text(f"path,label\n{LONG},deer\n,deer\na.jpg,deer\n")
    _, summary = index_archive(["a.jpg"], tmp_path / "a.csv", skip_bad_rows=True)
    assert summary.annotations[0].bad_row_examples["row left out"] == [
        "row 2 is longer than 131,072 characters",
        "row 3 has no path",
    ]


def test_no_date_is_no_fault_and_an_open_one_is_counted(tmp_path: Path, index_archive: Index) -> None:
    times = ["", "0000:00:00 00:00:00", "NA", "unknown", "05/06/2013 10:00", "yesterday"]
    names = [f"{n}.jpg" for n in range(len(times))]
    lines = [f"{name},deer,{time}" for name, time in zip(names, times, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["path,label,datetime", *lines]))
    rows, summary = index_archive(names, tmp_path / "a.csv")
    assert {row["timestamp"] for row in rows.values()} == {None}
    assert summary.annotations[0].problems == {"time in no clear spelling": 2}


@pytest.mark.parametrize(
    ("images", "annotations", "words", "num_bad"),
    [
        ([{"id": 2, "file_name": "b.jpg", "datetime": "2013-02-30"}], [], r"images\[1\] has the time", 1),
        ([{"id": 2, "file_name": LONG}], [], r"images\[1\] has a path of 10,000,000 characters", 1),
        ([{"id": 2, "file_name": "b.jpg", "location": LONG}], [], r"images\[1\] has a location of", 1),
        ([{"id": 2, "file_name": "b\0.jpg"}], [], r"images\[1\] has a path with a null character", 1),
        ([{"id": 2}], [], r"images\[1\] has no file_name", 1),
        ([{"file_name": "b.jpg"}], [], r"images\[1\] has no id", 1),
        ([], [{"image_id": 1}], r"annotations\[1\] has no category_id", 1),
        ([], [{"image_id": 1, "category_id": 9}], r"annotations\[1\] has category_id '9'", 1),
        ([], [{"image_id": 1, "category_id": LONG}], r"annotations\[1\] has category_id 'x{40}…'", 1),
        ([{"id": 2, "file_name": LONG, "frame_num": "1"}], [], r"images\[1\] has a path of", 1),
    ],
)
def test_a_bad_row_of_coco_is_refused_or_counted(
    tmp_path: Path, index_archive: Index, images: list[Any], annotations: list[Any], words: str, num_bad: int
) -> None:
    path = write_coco(
        tmp_path / "a.json",
        [{"id": 1, "file_name": "a.jpg"}, *images],
        [{"image_id": 1, "category_id": 0}, *annotations],
    )
    rows = refused_then_skipped(index_archive, path, words, num_bad)
    assert rows["a.jpg"]["label"] == "blank"


def test_half_a_character_is_no_text(tmp_path: Path) -> None:
    stage = AnnotationStage(tmp_path / "media.parquet", tmp_path / "observations.parquet")
    with pytest.raises(BadRowError, match="has a path that is no Unicode text"):
        stage.add_media("1", "\ud800.jpg")
    with pytest.raises(BadRowError, match="has a species that is no Unicode text"):
        stage.add_observation("1", "\ud800")
    stage.close()


def test_images_of_one_id_are_refused_or_both_left_out(tmp_path: Path, index_archive: Index) -> None:
    images = [{"id": "x", "file_name": "a.jpg"}, {"id": "y", "file_name": "b.jpg"}]
    path = write_coco(
        tmp_path / "a.json",
        [*images, {"id": "x", "file_name": "c.jpg"}],
        [{"image_id": "x", "category_id": 0}, {"image_id": "y", "category_id": 1}],
    )
    rows = refused_then_skipped(index_archive, path, r"images\[2\] has the id 'x' of images\[0\]", 2)
    # Whose label it is cannot be told: neither gets it.
    assert {name: row["label"] for name, row in rows.items()} == {"a.jpg": None, "b.jpg": "nonblank"}


def test_a_corrupt_image_has_no_label(tmp_path: Path, index_archive: Index) -> None:
    images = [
        {"id": 1, "file_name": "a.jpg", "corrupt": True},
        {"id": 2, "file_name": "b.jpg", "corrupt": False},
        {"id": 3, "file_name": "c.jpg", "corrupt": True},
    ]
    seen = [{"image_id": image, "category_id": category} for image, category in ((1, 0), (2, 0), (3, 1))]
    rows, summary = index_archive(["a.jpg", "b.jpg", "c.jpg"], write_coco(tmp_path / "a.json", images, seen))
    labels = {name: row["label"] for name, row in rows.items()}
    assert labels == {"a.jpg": None, "b.jpg": "blank", "c.jpg": None}
    assert summary.annotations[0].problems == {"marked as corrupt, label left open": 2}


def test_sequences_of_another_length_than_stated_are_counted(tmp_path: Path, index_archive: Index) -> None:
    images = [
        {"id": n, "file_name": f"{n}.jpg", "seq_id": sequence, "location": place, "seq_num_frames": stated}
        for n, (place, sequence, stated) in enumerate(
            [("A", "1", 2), ("A", "1", 2), ("B", "1", 1), ("A", "2", 3), ("A", "2", 3), ("A", None, 5)]
        )
    ]
    _, summary = index_archive(["0.jpg"], write_coco(tmp_path / "a.json", images))
    reason = "sequences with more or fewer images than seq_num_frames"
    assert summary.annotations[0].problems == {reason: 1}
    assert summary.annotations[0].problem_examples[reason] == ["2"]


@pytest.mark.parametrize(
    "name",
    [
        "C:\\data\\S1\\a.jpg",
        "\\\\server\\share\\S1\\a.jpg",
        "/mnt/archive/S1/a.jpg",
        "file:///mnt/S1/a.jpg",
        "s3://bucket/old/S1/a.jpg",
        "https://host/old/S1/a.jpg?sig=1",
        ".\\S1\\a.jpg",
        "../S1/a.jpg",
        "S1/x/../a.jpg",
        "../../../../S1//a.jpg",
    ],
)
def test_a_path_of_another_machine_is_matched_by_its_end(
    tmp_path: Path, index_archive: Index, name: str
) -> None:
    path = tmp_path / "a.json"
    write_coco(path, [{"id": 1, "file_name": name}], [{"image_id": 1, "category_id": 0}])
    rows, summary = index_archive(["S1/a.jpg", "S2/a.jpg"], path)
    assert {one: row["label"] for one, row in rows.items()} == {"S1/a.jpg": "blank", "S2/a.jpg": None}
    problems = summary.annotations[0].problems
    assert problems == ({"path with .., matched without it": 1} if ".." in name else {})


def test_a_backslash_in_a_name_is_taken_as_it_is_written_first(tmp_path: Path, index_archive: Index) -> None:
    path = tmp_path / "a.csv"
    path.write_text("path,label\nS1\\a.jpg,empty\nS2\\a.jpg,empty\n")
    rows, _ = index_archive(["S1/a.jpg", "S1\\a.jpg", "S2/a.jpg"], path)
    labels = {name: row["label"] for name, row in rows.items()}
    assert labels == {"S1/a.jpg": None, "S1\\a.jpg": "blank", "S2/a.jpg": "blank"}


def test_deep_and_endless_json_get_one_line(tmp_path: Path, index_archive: Index) -> None:
    for number, text in enumerate(
        ['{"images": ' + "[" * 100_000, '{"images": [{"id": 1e400, "file_name": "a.jpg"}]}']
    ):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        with pytest.raises(AnnotationError, match=rf"{number}\.json") as caught:
            index_archive(["a.jpg"], path)
        assert "\n" not in str(caught.value)


PATHS = st.sampled_from(
    [
        "a.jpg",
        "S1/a.jpg",
        "S1/b.jpg",
        "S2/b.jpg",
        "../S1/b.jpg",
        "C:\\x\\S2\\b.jpg",
        "gone.jpg",
        "",
        "S1/",
        "..",
    ]
)
LABELS = st.sampled_from(["deer", "empty", "unknown", "", "1"])
TIMES = st.sampled_from(["", "2020-01-01 10:00:00", "2020-02-30", "1/2/2020", "0000-00-00"])
LISTED = st.sets(st.sampled_from(["a.jpg", "S1/a.jpg", "S1/b.jpg", "S2/b.jpg", "c.jpg"]), min_size=1)


@settings(max_examples=30, deadline=None)
@given(listed=LISTED, rows=st.lists(st.tuples(PATHS, LABELS, TIMES), min_size=1, max_size=8))
def test_every_row_has_one_fate_and_every_file_is_in_the_manifest(
    listed: set[str], rows: list[tuple[str, str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for file in listed:
            (root / "archive" / file).parent.mkdir(parents=True, exist_ok=True)
            (root / "archive" / file).touch()
        (root / "a.csv").write_text("path,label,datetime\n" + "".join(f"{','.join(row)}\n" for row in rows))
        storage = Storage()
        summary = build_manifest(
            [str(root / "archive")],
            str(root / "m"),
            annotations=[str(root / "a.csv")],
            inventory=None,
            config=IndexConfig(skip_bad_rows=True),
            storage=storage,
        )
        table = pa.concat_tables(open_manifest(storage, str(root / "m")).iter_tables(storage))
    [one] = summary.annotations
    found = one.matches
    num_usable = found.num_rows_matched + found.num_rows_ambiguous + found.num_rows_without_file
    assert found.num_rows == num_usable
    num_blank_lines = sum(row == ("", "", "") for row in rows)
    assert num_usable + sum(one.bad_rows.values()) + num_blank_lines == len(rows)
    assert set(table.column("media_id").to_pylist()) == listed
    assert found.num_media_matched + found.num_media_unnamed == len(listed)
    # Never blank without a row that says so, and never blank beside a row that says nonblank.
    for media, label in zip(*(table.column(key).to_pylist() for key in ("media_id", "label")), strict=True):
        if label == "blank":
            assert any(said == "empty" and path.endswith(Path(media).name) for path, said, _ in rows)
