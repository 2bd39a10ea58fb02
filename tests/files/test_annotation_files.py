"""What `--annotations` may name: files, folders, zips, each perhaps gzipped or on S3."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import pytest

from blanktrap.core.errors import AnnotationError, SourceError
from blanktrap.files.annotations.opening import OpenedAnnotations
from blanktrap.files.storage import Storage
from tests.files.conftest import Index

STORAGE = Storage()
LABELS = b"path,label\na.jpg,deer\nb.jpg,empty\n"


def zipped(**members: bytes) -> bytes:
    """A zip; `__` in a name stands for a slash."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name.replace("__", "/"), data)
    return sink.getvalue()


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return path


def labels_of(rows: dict[str, dict[str, object]]) -> dict[str, object]:
    return {name: row["label"] for name, row in rows.items()}


def one_line(caught: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 500
    return text


@pytest.mark.parametrize("kind", ["plain", "gzip", "gzip without its name", "zip", "folder"])
def test_labels_are_read_however_they_are_kept(tmp_path: Path, index_archive: Index, kind: str) -> None:
    path = tmp_path / "labels"
    if kind == "plain":
        path.write_bytes(LABELS)
    elif kind.startswith("gzip"):
        path = tmp_path / ("labels.csv.gz" if kind == "gzip" else "labels.csv")
        path.write_bytes(gzip.compress(LABELS))
    elif kind == "zip":
        write_zip(path, {"export/labels.csv": LABELS})
    else:
        path.mkdir()
        (path / "labels.csv").write_bytes(LABELS)
    rows, summary = index_archive(["a.jpg", "b.jpg"], path)
    assert labels_of(rows) == {"a.jpg": "nonblank", "b.jpg": "blank"}
    assert summary.annotations[0].where.startswith(str(path))


def test_what_belongs_to_no_format_is_listed_and_not_refused(tmp_path: Path, index_archive: Index) -> None:
    members = {
        "out/labels.csv": LABELS,
        "out/README.txt": b"how to cite us\n",
        "out/camera.csv": b"camera,height\n1,2\n",
        "out/IMG_1.JPG": b"\xff\xd8\xff",
        "__MACOSX/out/._labels.csv": LABELS,
        "out/._labels.csv": LABELS,
    }
    path = write_zip(tmp_path / "export.zip", members)
    rows, summary = index_archive(["a.jpg"], path)
    assert labels_of(rows) == {"a.jpg": "nonblank"}
    assert summary.passed_over == [f"{path}/out/README.txt", f"{path}/out/camera.csv"]
    assert any("of no known format: 2 (" in line for line in summary.lines())


def test_a_named_file_that_nobody_knows_is_refused(tmp_path: Path, index_archive: Index) -> None:
    good, bad = tmp_path / "labels.csv", tmp_path / "camera.csv"
    good.write_bytes(LABELS)
    bad.write_bytes(b"camera,height\n1,2\n")
    with pytest.raises(AnnotationError, match=r"camera\.csv is of no .* columns camera, height") as caught:
        index_archive(["a.jpg"], good, bad)
    one_line(caught)
    assert not (tmp_path / "manifest").exists()


def test_a_file_named_twice_is_read_once(tmp_path: Path, index_archive: Index) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(LABELS)
    _, summary = index_archive(["a.jpg"], path, path, tmp_path / "." / "labels.csv")
    assert len(summary.annotations) == 1


@pytest.mark.parametrize("name", ["../up.csv", "/abs.csv", "a/../../up.csv", "C:/x.csv", "..\\up.csv"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, index_archive: Index, name: str) -> None:
    path = write_zip(tmp_path / "export.zip", {"labels.csv": LABELS, name: LABELS})
    with pytest.raises(AnnotationError, match="leads out of its folder") as caught:
        index_archive(["a.jpg"], path)
    assert str(path) in one_line(caught)
    assert sorted(os.listdir(tmp_path)) == ["archive", "export.zip"]


def test_what_unpacks_to_hundreds_of_times_its_size_is_refused(
    tmp_path: Path, index_archive: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blanktrap.files.annotations.packed._ALWAYS_UNPACKED_BYTES", 1000)
    rows = b"path,label\n" + b"a.jpg,deer\n" * 200_000
    for path in (tmp_path / "bomb.csv.gz", tmp_path / "bomb.zip"):
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(rows))
        else:
            write_zip(path, {"bomb.csv": rows})
        with pytest.raises(AnnotationError, match=r"bomb.* unpacks to more than") as caught:
            index_archive(["a.jpg"], path)
        one_line(caught)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 and then nothing", "damaged"),
        (gzip.compress(LABELS)[:-9], "damaged"),
        (zipped(**{"[Content_Types].xml": b"<x/>", "xl__book.xml": b"<x/>"}), "save it as CSV"),
        (zipped(a__IMG=b"\xff\xd8"), "no label files"),
    ],
    ids=["empty", "cut zip", "cut gzip", "spreadsheet", "no labels"],
)
def test_a_damaged_package_gets_one_line(
    tmp_path: Path, index_archive: Index, data: bytes, words: str
) -> None:
    path = tmp_path / "labels"
    path.write_bytes(data)
    with pytest.raises(AnnotationError, match=words) as caught:
        index_archive(["a.jpg"], path)
    assert str(path) in one_line(caught)


def test_a_locked_member_is_refused(tmp_path: Path, index_archive: Index) -> None:
    data = bytearray(zipped(**{"labels.csv": LABELS}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1  # the bit that says "encrypted"
    path = tmp_path / "export.zip"
    path.write_bytes(bytes(data))
    with pytest.raises(AnnotationError, match="password"):
        index_archive(["a.jpg"], path)


def test_an_empty_folder_and_an_absent_file_get_one_line(tmp_path: Path, index_archive: Index) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(AnnotationError, match="no label files"):
        index_archive(["a.jpg"], tmp_path / "folder")
    with pytest.raises(SourceError, match="absent"):
        index_archive(["a.jpg"], tmp_path / "absent.csv")


def test_neighbours_are_offered_last_but_for_other_folders(tmp_path: Path) -> None:
    for name in ("one/a.csv", "one/b.csv", "one/c.csv", "one/d.jpg", "two/e.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(LABELS)
    named = [str(tmp_path / name) for name in ("one/a.csv", "one/b.csv", "two/e.csv")]
    opened = OpenedAnnotations(STORAGE, named, tmp_path)
    others = opened.others(opened.given[0])
    assert [(file.name, file.is_given) for file in others] == [
        ("b.csv", True),
        ("c.csv", False),
        ("e.csv", True),
    ]


@pytest.mark.s3
def test_a_zip_and_a_folder_are_read_from_s3(tmp_path: Path, index_archive: Index, s3_bucket: str) -> None:
    STORAGE.write_bytes(f"s3://{s3_bucket}/labels/labels.csv.gz", gzip.compress(LABELS))
    STORAGE.write_bytes(f"s3://{s3_bucket}/export.zip", zipped(**{"in__labels.csv": LABELS}))
    for location in ("labels", "labels/", "labels/labels.csv.gz", "export.zip"):
        rows, _ = index_archive(["a.jpg", "b.jpg"], f"s3://{s3_bucket}/{location}")
        assert labels_of(rows) == {"a.jpg": "nonblank", "b.jpg": "blank"}, location
