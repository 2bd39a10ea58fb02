import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from blanktrap.core.config import IndexConfig
from blanktrap.core.errors import AnnotationError
from blanktrap.files.index_summary import IndexSummary
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from blanktrap.files.storage import Storage

STORAGE = Storage()
CATEGORIES = [
    {"id": 0, "name": "empty"},
    {"id": 1, "name": "deer"},
    {"id": 2, "name": "fox"},
    {"id": 3, "name": "unknown"},
]


def index(root: Path, names: list[str], *annotations: Path) -> tuple[dict[str, dict[str, Any]], IndexSummary]:
    """Index empty files of these names, which is enough where no pixel is looked at."""
    for name in names:
        (root / "archive" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "archive" / name).touch()
    summary = build_manifest(
        [str(root / "archive")],
        str(root / "m"),
        annotations=[str(path) for path in annotations],
        inventory=None,
        config=IndexConfig(),
        storage=STORAGE,
    )
    table = pa.concat_tables(open_manifest(STORAGE, str(root / "m")).iter_tables(STORAGE))
    return {row["media_id"]: row for row in table.to_pylist()}, summary


def write_coco(path: Path, images: list[dict[str, Any]], seen: list[tuple[Any, ...]]) -> Path:
    annotations = [
        {"image_id": image, "category_id": category, "sequence_level_annotation": bool(level)}
        for image, category, *level in seen
    ]
    # Categories last: a reader that streams must not count on their place.
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": CATEGORIES}))
    return path


def images_of(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "file_name": name} for name in names]


def write_csv(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_several_annotations_of_one_image_are_put_together(tmp_path: Path) -> None:
    names = ["two.jpg", "both.jpg", "none.jpg", "unsure.jpg", "open.jpg", "empty.jpg", "fox.jpg"]
    seen = [
        ("two.jpg", 2),
        ("two.jpg", 1),
        ("two.jpg", 1),
        ("both.jpg", 0),
        ("both.jpg", 1),
        ("unsure.jpg", 3),
        ("open.jpg", 0),
        ("open.jpg", 3),
        ("empty.jpg", 0),
        ("fox.jpg", 3),
        ("fox.jpg", 2),
    ]
    rows, summary = index(tmp_path, names, write_coco(tmp_path / "a.json", images_of(*names), seen))
    labels = {name: row["label"] for name, row in rows.items()}
    # An unknown beside a blank leaves the label open: it never becomes blank.
    assert labels == {
        "two.jpg": "nonblank",
        "both.jpg": None,
        "none.jpg": None,
        "unsure.jpg": None,
        "open.jpg": None,
        "empty.jpg": "blank",
        "fox.jpg": "nonblank",
    }
    assert rows["two.jpg"]["species"] == ["deer", "fox"]
    assert (summary.num_contradicting, summary.contradicting) == (1, ["both.jpg"])
    assert rows["both.jpg"]["label_level"] is None


def test_a_judgement_of_the_frame_outweighs_its_sequence(tmp_path: Path) -> None:
    seen = [("a.jpg", 1, True), ("a.jpg", 0), ("b.jpg", 1, True)]
    rows, summary = index(
        tmp_path, ["a.jpg", "b.jpg"], write_coco(tmp_path / "a.json", images_of("a.jpg", "b.jpg"), seen)
    )
    assert (rows["a.jpg"]["label"], rows["a.jpg"]["label_level"]) == ("blank", "media")
    assert (rows["b.jpg"]["label"], rows["b.jpg"]["label_level"]) == ("nonblank", "sequence")
    assert summary.num_contradicting == 0


def test_two_files_that_contradict_leave_the_label_open(tmp_path: Path) -> None:
    one = write_csv(tmp_path / "one.csv", "path,label,location\na.jpg,empty,S1\nb.jpg,deer,S1\n")
    other = write_csv(tmp_path / "other.csv", "path,label,location\na.jpg,deer,S1\nb.jpg,fox,S2\n")
    rows, summary = index(tmp_path, ["a.jpg", "b.jpg"], one, other)
    assert rows["a.jpg"]["label"] is None
    assert (rows["b.jpg"]["label"], rows["b.jpg"]["species"]) == ("nonblank", ["deer", "fox"])
    assert summary.contradicting == ["a.jpg"]
    assert rows["b.jpg"]["location_id"] is None
    assert summary.differing == ["b.jpg"]


@pytest.mark.parametrize(
    ("frames", "expected"), [([1, 2, 3], [0, 1, 2]), ([0, 1, 2], [0, 1, 2]), ([5, 6, 7], [5, 6, 7])]
)
def test_frames_count_from_zero(tmp_path: Path, frames: list[int], expected: list[int]) -> None:
    images = [
        {"id": n, "file_name": f"{n}.jpg", "frame_num": frame, "seq_id": "s", "location": 33}
        for n, frame in enumerate(frames)
    ]
    rows, _ = index(tmp_path, ["0.jpg", "1.jpg", "2.jpg"], write_coco(tmp_path / "a.json", images, []))
    assert [rows[f"{n}.jpg"]["frame_num"] for n in range(3)] == expected
    assert rows["0.jpg"]["location_id"] == "33"


def test_names_match_by_path_then_end_then_name_and_never_by_guess(tmp_path: Path) -> None:
    listed = ["p/exact.jpg", "q/r/end.jpg", "x/longer.jpg", "here/name.jpg", "s/twice.jpg", "t/twice.jpg"]
    named = ["p/exact.jpg", "end.jpg", "d/e/x/longer.jpg", "there/name.jpg", "twice.jpg", "absent.jpg"]
    text = "path,label\n" + "".join(f"{name},deer\n" for name in named)
    rows, summary = index(tmp_path, listed, write_csv(tmp_path / "a.csv", text))
    matches = summary.annotations[0].matches
    assert matches.num_by_step == {"same path": 1, "end of path": 2, "file name": 1}
    assert (matches.ambiguous, matches.without_file) == (["twice.jpg"], ["absent.jpg"])
    assert {name for name, row in rows.items() if row["label"] is None} == {"s/twice.jpg", "t/twice.jpg"}


def test_camera_names_that_repeat_tell_nothing_apart(tmp_path: Path) -> None:
    # IMG_2 of S1 is not listed; the only listed IMG_2 is of another place and must not get its label.
    text = "path,label\nS1/IMG_1.jpg,deer\nS2/IMG_1.jpg,deer\nS1/IMG_2.jpg,empty\n"
    rows, _ = index(tmp_path, ["S9/IMG_2.jpg", "S1/IMG_1.jpg"], write_csv(tmp_path / "a.csv", text))
    assert rows["S9/IMG_2.jpg"]["label"] is None
    assert rows["S1/IMG_1.jpg"]["label"] == "nonblank"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_every_separator_and_encoding_is_read(tmp_path: Path, separator: str, encoding: str) -> None:
    header = ["Path", "label", "species", "location", "deployment", "datetime", "sequence", "frame"]
    values = ["a.jpg", "animal", "ñandú", "Peñón", "R1", "2014:07:02 02:54:52", "P1", "3"]
    text = "\r\n".join(separator.join(line) for line in (header, values)) + "\r\n\r\n"
    rows, _ = index(tmp_path, ["a.jpg"], write_csv(tmp_path / "a.csv", text, encoding))
    row = rows["a.jpg"]
    assert [
        row[name] for name in ("label", "species", "location_id", "deployment_id", "sequence_id", "frame_num")
    ] == [
        "nonblank",
        ["ñandú"],
        "Peñón",
        "R1",
        "P1",
        3,
    ]
    assert str(row["timestamp"]) == "2014-07-02 02:54:52"


def test_an_unclear_time_is_counted_and_left_open(tmp_path: Path) -> None:
    text = "path,label,datetime\na.jpg,deer,05/06/2013 10:00\n"
    rows, summary = index(tmp_path, ["a.jpg"], write_csv(tmp_path / "a.csv", text))
    assert rows["a.jpg"]["timestamp"] is None
    assert summary.annotations[0].problems == {"time in no clear spelling": 1}
    assert any("05/06/2013" in line for line in summary.lines())


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", '{"images": [{"id": 1, "file_name": "a.jpg"}, {"id"', r"images\[0\]"),
        ("a.json", '{"images": [], "annotations": []}', "no categories"),
        (
            "a.json",
            '{"categories": [{"id": 1, "name": "x"}], "images": [{"id": 1}]}',
            r"images\[0\] has no file_name",
        ),
        ("a.json", '{"categories": [{"id": 1}], "images": [3]}', "expected an object"),
        (
            "a.json",
            '{"categories": [{"id": 1}], "images": [{"id": 1, "file_name": "a"}], '
            '"annotations": [{"image_id": 1, "category_id": 7}]}',
            "category_id .7.",
        ),
        ("a.csv", "path,name\na.jpg,deer\n", "no column label"),
        ("a.csv", "label\ndeer\n", "no column path"),
        ("a.csv", "path,label\na.jpg,deer\nb.jpg\n", "row 3"),
        ("a.csv", 'path,label\na.jpg,"deer\n', "no CSV"),
        ("a.csv", "path,label\n,deer\n", "row 2 has no path"),
        ("a.csv", "", "is empty"),
        ("a.csv", "one,two\n1,2\n", "no known annotation format"),
        ("a.zip", "PK\x03\x04....", "packed and damaged"),
    ],
)
def test_broken_annotations_name_file_and_place(tmp_path: Path, name: str, content: str, words: str) -> None:
    path = write_csv(tmp_path / name, content)
    with pytest.raises(AnnotationError, match=words) as caught:
        index(tmp_path, ["a.jpg"], path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.s3
def test_annotations_are_read_from_s3(tmp_path: Path, s3_bucket: str) -> None:
    uri = f"s3://{s3_bucket}/a.json"
    path = write_coco(tmp_path / "a.json", images_of("a.jpg"), [("a.jpg", 0)])
    STORAGE.write_bytes(uri, path.read_bytes())
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "a.jpg").touch()
    summary = build_manifest(
        [str(tmp_path / "archive")],
        str(tmp_path / "m"),
        annotations=[uri],
        inventory=None,
        config=IndexConfig(),
        storage=STORAGE,
    )
    assert summary.by_label == {"blank": 1}


@pytest.mark.real
def test_a_real_caltech_file_gives_every_label(tmp_path: Path, real_data: Path) -> None:
    path = real_data / "annotations" / "cct20" / "cis_val_annotations.json"
    names = [image["file_name"] for image in json.loads(path.read_bytes())["images"]]
    rows, summary = index(tmp_path, names, path)
    assert summary.by_label == {"blank": 995, "nonblank": 2489}
    # A selection of Caltech's images: 318 sequences are not whole.
    [problem] = summary.annotations[0].problems.items()
    assert problem == ("sequences with more or fewer images than seq_num_frames", 318)
    assert (summary.num_locations, min(row["frame_num"] for row in rows.values())) == (10, 0)


def test_sequence_ids_that_several_locations_use_stay_apart(tmp_path: Path) -> None:
    table = write_csv(
        tmp_path / "a.csv",
        "path,label,location,sequence,datetime\n"
        "a1.jpg,empty,A,1,2020-01-01 10:00:00\n"
        "a2.jpg,empty,A,1,2020-01-01 10:00:01\n"
        "b1.jpg,empty,B,1,2020-01-01 10:00:00\n"
        "b2.jpg,empty,B,2,2020-01-01 11:00:00\n"
        "x.jpg,empty,,1,2020-01-01 10:00:00\n",
    )
    rows, summary = index(tmp_path, ["a1.jpg", "a2.jpg", "b1.jpg", "b2.jpg", "x.jpg"], table)
    found = {name: (row["sequence_id"], row["frame_num"]) for name, row in rows.items()}
    assert found == {
        "a1.jpg": ("A/1", 0),
        "a2.jpg": ("A/1", 1),
        "b1.jpg": ("B/1", 0),
        "b2.jpg": ("2", 0),
        "x.jpg": ("1", 0),
    }
    assert (summary.num_shared_sequences, summary.num_sequences) == (1, 4)
    assert "sequence ids used at several locations, put behind the location's: 1 (1)" in summary.lines()


def test_a_table_with_old_mac_line_ends_is_read(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "a.csv", "path,label\ra.jpg,empty\rb.jpg,deer\r")
    rows, _ = index(tmp_path, ["a.jpg", "b.jpg"], table)
    assert {name: row["label"] for name, row in rows.items()} == {"a.jpg": "blank", "b.jpg": "nonblank"}


@pytest.mark.parametrize(
    "text",
    [
        'path,label\na.jpg,"empty\n',
        'path,label\na.jpg,"em"pty\n',
        "path,label\na.jpg," + "x" * 200_000,
        '"path,label\ra.jpg',
    ],
    ids=["open quote", "stray quote", "long field", "open quote in the header"],
)
def test_a_table_that_is_no_csv_gets_one_line(tmp_path: Path, text: str) -> None:
    table = write_csv(tmp_path / "a.csv", text)
    with pytest.raises(AnnotationError, match=r"a\.csv") as caught:
        index(tmp_path, ["a.jpg"], table)
    assert "\n" not in str(caught.value)
    assert "\r" not in str(caught.value)


def test_coco_locations_that_nobody_knows_are_none_and_dates_settle_each_other(tmp_path: Path) -> None:
    images = [
        {"id": 1, "file_name": "a.jpg", "location": "unknown", "datetime": "5/6/2013 10:00"},
        {"id": 2, "file_name": "b.jpg", "location": "", "datetime": "25/6/2013 10:00"},
        {"id": 3, "file_name": "c.jpg", "location": 33, "datetime": "25-Jun-2013 10:00:00"},
    ]
    rows, _ = index(tmp_path, ["a.jpg", "b.jpg", "c.jpg"], write_coco(tmp_path / "c.json", images, [(1, 0)]))
    assert [rows[name]["location_id"] for name in ("a.jpg", "b.jpg", "c.jpg")] == [None, None, "33"]
    assert [str(rows[name]["timestamp"]) for name in ("a.jpg", "b.jpg", "c.jpg")] == [
        "2013-06-05 10:00:00",
        "2013-06-25 10:00:00",
        "2013-06-25 10:00:00",
    ]


def test_coco_in_another_encoding_is_said_to_be_so(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes('{"images": [{"id": 1, "file_name": "caméra/a.jpg"}]}'.encode("latin-1"))
    with pytest.raises(AnnotationError, match=r"c\.json is not UTF-8") as caught:
        index(tmp_path, ["a.jpg"], path)
    assert "b'" not in str(caught.value)
    assert "\n" not in str(caught.value)
