import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import IndexConfig
from blanktrap.core.errors import AnnotationError, ManifestError, SourceError, UsageError
from blanktrap.files.index_summary import IndexSummary
from blanktrap.files.indexing import build_manifest
from blanktrap.files.manifest import open_manifest
from blanktrap.files.storage import Storage, local_path

STORAGE = Storage()
Draw = Callable[..., bytes]
Rows = list[dict[str, Any]]


def index(
    sources: list[str], out: Path | str, *, annotations: list[Path] | None = None, **settings: Any
) -> tuple[Rows, IndexSummary]:
    options = {name: settings.pop(name) for name in ("inventory", "overwrite") if name in settings}
    summary = build_manifest(
        sources,
        str(out),
        annotations=[str(path) for path in annotations or []],
        config=IndexConfig(**settings),
        storage=STORAGE,
        **{"inventory": None, **options},
    )
    tables = open_manifest(STORAGE, str(out)).iter_tables(STORAGE)
    return pa.concat_tables(tables).to_pylist(), summary


def put(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def column(rows: Rows, name: str) -> list[Any]:
    return [row[name] for row in rows]


def test_every_file_is_indexed_or_counted(tmp_path: Path, make_jpeg: Draw) -> None:
    image = make_jpeg()
    archive = put(
        tmp_path / "archive",
        {
            "a.JPG": image,
            "no_extension": image,
            "IMG.001": image,
            "IMG.002": b"no image",
            "wrong.txt": image,
            "zero.jpg": b"",
            "notes.txt": b"notes",
            ".DS_Store": b"\0\0\0\1",
            "._a.JPG": b"\0\5\x16\7",
            "raw.CR2": b"II*\0raw",
        },
    )
    os.mkfifo(archive / "pipe.jpg")
    rows, summary = index([str(archive)], tmp_path / "m")
    assert column(rows, "media_id") == ["IMG.001", "a.JPG", "no_extension", "zero.jpg"]
    assert column(rows, "size_bytes") == [len(image)] * 3 + [0]
    assert summary.left_out == {
        "AppleDouble (._)": 1,
        "not a regular file": 1,
        "no extension": 1,
        ".txt": 2,
        ".002": 1,
        ".cr2": 1,
    }
    assert "not indexed, .txt: 2 (notes.txt, wrong.txt)" in summary.lines()


@pytest.mark.parametrize(
    "name",
    [
        "a b.jpg",
        "per%20cent.jpg",
        "new\nline.jpg",
        'it\'s "quoted".jpg',
        "a..b.jpg",
        "x" * 251 + ".jpg",
        "ñ/é.jpg",
        "#1?.jpg",
        "a;b,c.jpg",
    ],
)
def test_a_strange_name_keeps_its_bytes(tmp_path: Path, make_jpeg: Draw, name: str) -> None:
    rows, _ = index([str(put(tmp_path / "archive", {name: make_jpeg()}))], tmp_path / "m")
    assert column(rows, "media_id") == [name]
    assert STORAGE.read_bytes(rows[0]["uri"]) == make_jpeg()


def test_a_name_that_is_not_utf8_is_percent_encoded_and_readable(tmp_path: Path, make_jpeg: Draw) -> None:
    archive = put(tmp_path / "archive", {"ok.jpg": make_jpeg(1)})
    Path(os.fsdecode(os.fsencode(archive) + b"/caf\xe9.jpg")).write_bytes(make_jpeg(2))
    rows, _ = index([str(archive)], tmp_path / "m")
    assert column(rows, "media_id") == ["caf%E9.jpg", "ok.jpg"]
    assert local_path(rows[0]["uri"]).read_bytes() == make_jpeg(2)


def test_links_in_circles_end_and_are_counted(tmp_path: Path, make_jpeg: Draw) -> None:
    archive = put(tmp_path / "archive", {"a.jpg": make_jpeg()})
    (archive / "round").symlink_to(archive)
    (archive / "file.jpg").symlink_to(archive / "a.jpg")
    (archive / "self.jpg").symlink_to(archive / "self.jpg")
    (archive / "gone.jpg").symlink_to(archive / "nowhere.jpg")
    rows, summary = index([str(archive)], tmp_path / "m")
    assert column(rows, "media_id") == ["a.jpg", "file.jpg"]
    assert summary.left_out == {"link to a folder": 1, "broken link": 2}


def test_sources_are_told_apart_by_name_and_never_merged(tmp_path: Path, make_jpeg: Draw) -> None:
    one = put(tmp_path / "one", {"a.jpg": make_jpeg()})
    other = put(tmp_path / "other", {"a.jpg": make_jpeg(), "b.jpg": make_jpeg()})
    with pytest.raises(UsageError, match="name=SOURCE") as caught:
        index([str(one), str(other)], tmp_path / "m")
    assert str(one / "a.jpg") in str(caught.value)
    assert not (tmp_path / "m").exists()
    rows, summary = index([str(one), f"north={other}", str(one)], tmp_path / "m")
    assert column(rows, "media_id") == ["a.jpg", "north/a.jpg", "north/b.jpg"]
    assert summary.num_listed_twice == 1
    literal = put(tmp_path / "north=x", {"c.jpg": make_jpeg()})
    assert column(index([str(literal)], tmp_path / "n")[0], "media_id") == ["c.jpg"]


def test_names_in_two_forms_of_unicode_are_told_apart_in_the_refusal(tmp_path: Path, make_jpeg: Draw) -> None:
    archive = put(tmp_path / "archive", {"\u00e9.jpg": make_jpeg(), "e\u0301.jpg": make_jpeg()})
    with pytest.raises(UsageError, match="in two forms of Unicode") as caught:
        index([str(archive)], tmp_path / "manifest")
    assert r"\xe9.jpg'" in str(caught.value)
    assert r"e\u0301.jpg'" in str(caught.value)


def test_bad_sources_get_one_line(tmp_path: Path, make_jpeg: Draw) -> None:
    (tmp_path / "empty").mkdir()
    put(tmp_path, {"one.jpg": make_jpeg()})
    for error, words, sources in [
        (UsageError, "no images in", [str(tmp_path / "empty")]),
        (SourceError, "there is no", [str(tmp_path / "absent")]),
        (UsageError, "is a file", [str(tmp_path / "one.jpg")]),
        (UsageError, "gs://", ["gs://bucket/x"]),
        (UsageError, "nothing to index", []),
    ]:
        with pytest.raises(error, match=words) as caught:
            index(sources, tmp_path / "m")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "m").exists()


def test_an_existing_manifest_is_kept_unless_told(tmp_path: Path, make_jpeg: Draw) -> None:
    archive = put(tmp_path / "archive", {"a.jpg": make_jpeg()})
    index([str(archive)], tmp_path / "m")
    with pytest.raises(ManifestError, match="--overwrite"):
        index([str(archive)], tmp_path / "m")
    index([str(archive)], tmp_path / "m", overwrite=True)


def test_indexing_twice_gives_the_same_digest(tmp_path: Path, make_jpeg: Draw) -> None:
    archive = put(tmp_path / "archive", {f"S{n % 3}/x{n}.jpg": make_jpeg() for n in range(30)})
    digests = []
    for out in ("m", "n"):
        index([str(archive)], tmp_path / out, path_pattern="{location}/{}")
        digests.append(open_manifest(STORAGE, str(tmp_path / out)).digest)
    assert digests[0] == digests[1]


def test_rows_are_sorted_by_place_time_and_id_with_unknown_last(tmp_path: Path, make_jpeg: Draw) -> None:
    at = datetime(2020, 1, 1, 10)
    archive = put(
        tmp_path / "archive",
        {
            "B/2.jpg": make_jpeg(taken=at),
            "B/1.jpg": make_jpeg(),
            "A/2.jpg": make_jpeg(taken=at),
            "A/1.jpg": make_jpeg(taken=at),
            "A/0.jpg": make_jpeg(taken=at.replace(hour=11)),
            "top.jpg": make_jpeg(taken=at.replace(year=2000)),
        },
    )
    rows, summary = index([str(archive)], tmp_path / "m", path_pattern="{location}/{}", read_exif=True)
    ids = ["A/1.jpg", "A/2.jpg", "A/0.jpg", "B/2.jpg", "B/1.jpg", "top.jpg"]
    assert column(rows, "media_id") == ids
    assert (summary.num_pattern_missed, summary.num_undated, summary.num_exif_read) == (1, 1, 6)


def test_media_close_in_time_at_one_place_form_a_sequence(tmp_path: Path, make_jpeg: Draw) -> None:
    at = datetime(2020, 1, 1, 10, 0, 0)
    seconds = {"1": (0, "5"), "2": (2, "5"), "3": (4, "5"), "4": (7, "0"), "5": (7, "0")}
    files = {
        f"A/{name}.jpg": make_jpeg(taken=at.replace(second=second), subsecond=fraction)
        for name, (second, fraction) in seconds.items()
    }
    other = {"B/1.jpg": make_jpeg(taken=at), "B/2.jpg": make_jpeg(), "top.jpg": make_jpeg(taken=at)}
    archive = put(tmp_path / "archive", {**files, **other})
    settings = {"path_pattern": "{location}/{}", "read_exif": True}
    rows, _ = index([str(archive)], tmp_path / "m", **settings)
    found = {row["media_id"]: (row["sequence_id"], row["frame_num"]) for row in rows}
    # 0.5, 2.5 and 4.5 s follow each other within 2 s; 7.0 s comes 2.5 s later.
    first, second = found["A/1.jpg"][0], found["A/4.jpg"][0]
    assert [found[f"A/{n}.jpg"] for n in (1, 2, 3)] == [(first, 0), (first, 1), (first, 2)]
    assert [found[f"A/{n}.jpg"] for n in (4, 5)] == [(second, 0), (second, 1)]
    assert len({first, second, found["B/1.jpg"][0]}) == 3
    assert found["B/2.jpg"] == (None, None)
    assert found["top.jpg"] == (None, None)
    wider, _ = index([str(archive)], tmp_path / "n", sequence_gap_s=3.0, **settings)
    assert len({row["sequence_id"] for row in wider if row["location_id"] == "A"}) == 1


def test_a_file_of_two_sources_is_wholly_the_first_ones(tmp_path: Path, make_jpeg: Draw) -> None:
    archive = put(tmp_path / "archive", {"S1/a.jpg": make_jpeg(), "S1/b.jpg": make_jpeg()})
    # Relative to S1 the pattern fits nothing; relative to the archive it does.
    rows, _ = index([str(archive / "S1"), str(archive)], tmp_path / "m", path_pattern="{location}/{}")
    assert column(rows, "media_id") == ["a.jpg", "b.jpg"]
    assert column(rows, "location_id") == [None, None]
    rows, _ = index([str(archive), str(archive / "S1")], tmp_path / "n", path_pattern="{location}/{}")
    assert column(rows, "media_id") == ["S1/a.jpg", "S1/b.jpg"]
    assert column(rows, "location_id") == ["S1", "S1"]


def test_progress_speaks_of_every_step(tmp_path: Path, make_jpeg: Draw) -> None:
    archive = put(tmp_path / "archive", {f"{n}.jpg": make_jpeg(taken=datetime(2020, 1, 1)) for n in range(3)})
    seen: list[tuple[int, str]] = []
    build_manifest(
        [str(archive)],
        str(tmp_path / "m"),
        annotations=[],
        inventory=None,
        config=IndexConfig(read_exif=True),
        storage=STORAGE,
        on_progress=lambda *told: seen.append(told),
    )
    assert list(dict.fromkeys(seen)) == [
        (3, "listed 3 files"),
        (3, "joining"),
        (3, "read 3/3 EXIF headers"),
        (3, "sorting"),
        (3, "wrote 3 rows"),
    ]


def test_a_pattern_that_fits_nothing_names_a_path(tmp_path: Path, make_jpeg: Draw) -> None:
    archive = put(tmp_path / "archive", {"S1/x.jpg": make_jpeg()})
    with pytest.raises(UsageError, match=r"S1/x\.jpg"):
        index([str(archive)], tmp_path / "m", path_pattern="{location}/{deployment}/{}")


@pytest.mark.parametrize("kind", ["txt", "csv", "single.csv", "parquet"])
def test_a_list_gives_the_ids_of_its_folder(tmp_path: Path, make_jpeg: Draw, kind: str) -> None:
    archive = put(tmp_path / "archive", {"S1/a.jpg": make_jpeg(), "S2/b.jpg": make_jpeg()})
    names = ["S1/a.jpg", "S2/b.jpg", "S2/gone.jpg", "S2/b.jpg"]
    path = archive / f"list.{kind}"
    if kind == "txt":
        path.write_text("\ufeff" + "\r\n".join(names) + "\r\n\r\n")
    elif kind == "csv":
        path.write_text("n,path\n" + "".join(f'1,"{name}"\n' for name in names))
    elif kind == "single.csv":
        path.write_text("\n".join(str(archive / name) for name in names))
    else:
        pq.write_table(pa.table({"uri": [str(archive / name) for name in names]}), path)
    rows, summary = index([str(path)], tmp_path / "m")
    assert column(rows, "media_id") == names[:3]
    assert rows[0]["uri"] == str(archive / "S1/a.jpg")
    assert column(rows, "size_bytes") == [len(make_jpeg()), len(make_jpeg()), None]
    assert summary.num_listed_twice == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [("x,y\n1,2\n", "uri or path"), ("http://h/a.jpg\n", "http://"), ("\n", "no images")],
)
def test_a_bad_list_gets_one_line(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(UsageError, match=words):
        index([str(tmp_path / "list.csv")], tmp_path / "m")


def test_broken_annotations_stop_before_listing(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"images": [')
    seen: list[tuple[int, str]] = []
    with pytest.raises(AnnotationError, match=r"broken\.json"):
        build_manifest(
            [str(tmp_path)],
            str(tmp_path / "m"),
            annotations=[str(tmp_path / "broken.json")],
            inventory=None,
            config=IndexConfig(),
            storage=STORAGE,
            on_progress=lambda *told: seen.append(told),
        )
    assert seen == []


@pytest.mark.s3
def test_the_move_from_folder_to_s3_keeps_ids_labels_and_order(
    tmp_path: Path, make_jpeg: Draw, s3_bucket: str
) -> None:
    at = datetime(2020, 1, 1, 10)
    names = [
        "S1/R1/a b.jpg",
        "S1/R1/ñ%+&=.JPG",
        "S2/R1/deep/er/x'y\".png",
        "S2/R2/no_extension",
        "S2/R2/I.001",
    ]
    archive = put(tmp_path / "archive", {name: make_jpeg(n, taken=at) for n, name in enumerate(names)})
    put(archive, {"S1/notes.txt": make_jpeg(), "S1/R1/I.002": b"no image"})
    for path in (path for path in archive.rglob("*") if path.is_file()):
        STORAGE.write_bytes(f"s3://{s3_bucket}/pre/{path.relative_to(archive)}", path.read_bytes())
    STORAGE.write_bytes(f"s3://{s3_bucket}/pre/S1/", b"")
    STORAGE.write_bytes(f"s3://{s3_bucket}/prefix-of-another/z.jpg", make_jpeg())
    settings = {"path_pattern": "{location}/{deployment}/{}", "read_exif": True}
    local, _ = index([str(archive)], tmp_path / "m", **settings)
    remote, summary = index([f"s3://{s3_bucket}/pre"], f"s3://{s3_bucket}/manifest", **settings)
    assert {row["etag"] for row in local} == {None}
    assert all(len(row["etag"]) == 32 for row in remote)
    of_place = {"uri": "", "etag": ""}
    assert [{**row, **of_place} for row in local] == [{**row, **of_place} for row in remote]
    assert sorted(column(remote, "media_id")) == sorted(names)
    assert summary.left_out == {".txt": 1, ".002": 1, "folder marker": 1}
    assert all(STORAGE.read_bytes(row["uri"]) for row in remote)


@pytest.mark.s3
def test_a_missing_bucket_and_an_empty_prefix_get_one_line(tmp_path: Path, s3_bucket: str) -> None:
    with pytest.raises(SourceError, match="no bucket"):
        index(["s3://no-such-bucket-here/x"], tmp_path / "m")
    with pytest.raises(UsageError, match="read as the folder"):
        index([f"s3://{s3_bucket}/x"], tmp_path / "m")


@pytest.mark.real
def test_missouri_is_indexed_with_every_label(tmp_path: Path, real_data: Path) -> None:
    archive = real_data / "missouri"
    rows, summary = index([str(archive)], tmp_path / "m", annotations=[archive / "annotations.json"])
    assert summary.by_label == {"blank": 246, "nonblank": 744}
    assert (len(rows), summary.num_sequences, summary.num_with_location) == (990, 78, 840)
    assert {row["frame_num"] for row in rows} >= {0, 1}


@pytest.mark.real
def test_peru_bursts_come_from_exif_as_from_labels(tmp_path: Path, real_data: Path) -> None:
    archive = real_data / "peru"
    labelled, summary = index([str(archive)], tmp_path / "m", annotations=[archive / "labels.csv"])
    assert summary.by_label == {"blank": 33, "nonblank": 24}
    found, _ = index([str(archive)], tmp_path / "n", read_exif=True, path_pattern="{location}/{}")
    by_label = {row["media_id"]: row["sequence_id"] for row in labelled}
    by_time = {row["media_id"]: row["sequence_id"] for row in found}
    assert (
        len(set(by_time.values()))
        == len(set(by_label.values()))
        == len({(by_time[name], by_label[name]) for name in by_label})
    )
