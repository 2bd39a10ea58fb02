"""Wildlife Insights exports: image and sequence projects, folders and zips."""

import csv
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blanktrap.core.errors import AnnotationError

HEADER = [
    "project_id",
    "deployment_id",
    "image_id",
    "filename",
    "location",
    "is_blank",
    "identified_by",
    "class",
    "genus",
    "species",
    "common_name",
    "timestamp",
]
DEFAULTS = {
    "project_id": "1",
    "deployment_id": "D1",
    "is_blank": "0",
    "identified_by": "Ana",
    "timestamp": "2021-08-26 10:00:00",
}


def write_images(path: Path, *rows: dict[str, str], header: list[str] = HEADER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        for row in rows:
            full = {**DEFAULTS, "image_id": row.get("filename", ""), **row}
            full.setdefault("location", f"gs://bucket/deployment/9/{full['image_id']}-u.JPG")
            writer.writerow({name: full.get(name, "") for name in header})
    return path


def write_deployments(path: Path, *rows: tuple[str, str, str]) -> Path:
    lines = [f"{project},{deployment},{place},1.0,2.0\n" for project, deployment, place in rows]
    path.write_text("project_id,deployment_id,placename,longitude,latitude\n" + "".join(lines))
    return path


def test_only_is_blank_makes_blank_and_only_a_name_nonblank(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    said = {
        "blank.jpg": {"is_blank": "1", "common_name": "Blank"},
        "true.jpg": {"is_blank": "TRUE"},
        "hyena.jpg": {"genus": "Crocuta", "species": "crocuta", "common_name": "Spotted Hyaena"},
        "bird.jpg": {"class": "Aves", "common_name": "Bird"},
        "human.jpg": {"genus": "Homo", "species": "sapiens", "common_name": "Human"},
        "vehicle.jpg": {"common_name": "Vehicle"},
        "nothing.jpg": {"class": "No CV Result", "genus": "No CV Result", "common_name": "No CV Result"},
        "unknown.jpg": {"common_name": "Unknown"},
        "open.jpg": {},
        "word.jpg": {"common_name": "Blank"},
        "both.jpg": {"is_blank": "1", "genus": "Panthera", "species": "leo"},
    }
    images = write_images(tmp_path / "images.csv", *({"filename": name, **row} for name, row in said.items()))
    rows, summary = index_archive([f"D1/{name}" for name in said], images)
    labels = {name: rows[f"D1/{name}"]["label"] for name in said}
    assert labels == {
        "blank.jpg": "blank",
        "true.jpg": "blank",
        "hyena.jpg": "nonblank",
        "bird.jpg": "nonblank",
        "human.jpg": "nonblank",
        "vehicle.jpg": "nonblank",
        "nothing.jpg": None,
        "unknown.jpg": None,
        "open.jpg": None,
        "word.jpg": None,
        "both.jpg": None,
    }
    species = [
        (rows[f"D1/{name}.jpg"]["species"] or [None])[0] for name in ("hyena", "bird", "human", "vehicle")
    ]
    assert species == ["Crocuta crocuta", "Bird", "Homo sapiens", "Vehicle"]
    assert summary.contradicting == ["D1/both.jpg"]
    assert summary.annotations[0].problems["called blank where is_blank does not say so, left open"] == 1
    assert {row["label_level"] for row in rows.values()} == {"media", None}


def test_several_identifications_of_an_image_are_put_together(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    images = write_images(
        tmp_path / "images.csv",
        {"filename": "a.jpg", "genus": "Panthera", "species": "leo"},
        {"filename": "a.jpg", "genus": "Equus", "species": "quagga"},
    )
    rows, _ = index_archive(["D1/a.jpg"], images)
    assert rows["D1/a.jpg"]["species"] == ["Equus quagga", "Panthera leo"]


def test_the_place_is_the_placename_and_equal_names_of_projects_stay_apart(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    images = write_images(
        tmp_path / "images.csv",
        {"filename": "a.jpg", "deployment_id": "2019_C1", "is_blank": "1"},
        {"filename": "b.jpg", "deployment_id": "2020_C1", "is_blank": "1"},
        {
            "filename": "c.jpg",
            "deployment_id": "2019_C1",
            "is_blank": "1",
            "project_id": "2",
            "image_id": "c2",
        },
        {"filename": "d.jpg", "deployment_id": "lost", "is_blank": "1"},
    )
    write_deployments(
        tmp_path / "deployments.csv", ("1", "2019_C1", "C1"), ("1", "2020_C1", "C1"), ("2", "2019_C1", "hill")
    )
    rows, summary = index_archive(["a.jpg", "b.jpg", "c.jpg", "d.jpg"], images)
    found = {name: (row["location_id"], row["deployment_id"]) for name, row in rows.items()}
    assert found == {
        "a.jpg": ("C1", "1/2019_C1"),
        "b.jpg": ("C1", "2020_C1"),
        "c.jpg": ("hill", "2/2019_C1"),
        "d.jpg": ("lost", "lost"),
    }
    reason = "deployments that no table places, taken as places"
    assert summary.annotations[0].problems == {reason: 1}


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        # 28 can be no month: the month comes first in all of them.
        (["5/6/19 17:21", "4/28/19 00:32"], [datetime(2019, 5, 6, 17, 21), datetime(2019, 4, 28, 0, 32)]),
        (["5/6/2019 17:21", "28/4/2019 00:32"], [datetime(2019, 6, 5, 17, 21), datetime(2019, 4, 28, 0, 32)]),
        (["5/6/19 17:21", "5/7/19 17:21"], [None, None]),
        (["5/6/2019 17:21", "2019-05-06 17:22:00"], [None, datetime(2019, 5, 6, 17, 22)]),
    ],
)
def test_the_dates_of_an_export_are_read_together(
    tmp_path: Path, index_archive: Callable[..., Any], times: list[str], expected: list[datetime | None]
) -> None:
    rows = [{"filename": f"{at}.jpg", "is_blank": "1", "timestamp": text} for at, text in enumerate(times)]
    found, summary = index_archive(["D1/0.jpg", "D1/1.jpg"], write_images(tmp_path / "images.csv", *rows))
    assert [found[f"D1/{at}.jpg"]["timestamp"] for at in range(2)] == expected
    assert summary.annotations[0].problems.get("time in no clear spelling", 0) == expected.count(None)


def test_images_are_found_by_their_address_or_their_own_name(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    rows = [
        {"filename": "IMG_1.JPG", "deployment_id": "D1", "image_id": "one", "is_blank": "1"},
        {"filename": "IMG_1.JPG", "deployment_id": "D2", "image_id": "two", "genus": "Panthera"},
        {"filename": "IMG_2.JPG", "deployment_id": "D2", "image_id": "three", "genus": "Equus"},
        # The camera began anew: two files of one name in one deployment.
        {"filename": "IMG_3.JPG", "deployment_id": "D2", "image_id": "four", "is_blank": "1"},
        {"filename": "IMG_3.JPG", "deployment_id": "D2", "image_id": "five", "genus": "Equus"},
    ]
    images = write_images(tmp_path / "images.csv", *rows)
    listed = ["card/D1/IMG_1.JPG", "card/D2/IMG_1.JPG", "cloud/three-u.JPG", "card/D2/IMG_3.JPG"]
    found, summary = index_archive(listed, images)
    assert [found[name]["label"] for name in listed] == ["blank", "nonblank", "nonblank", None]
    assert found["cloud/three-u.JPG"]["species"] == ["Equus"]
    matches = summary.annotations[0].matches
    assert (matches.num_rows, matches.num_rows_matched, matches.num_rows_without_file) == (5, 3, 2)


def test_tables_split_by_project_are_one_export_in_a_folder_or_a_zip(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    export = tmp_path / "export"
    write_images(export / "images_1.csv", {"filename": "a.jpg", "is_blank": "1"})
    write_images(export / "images_2.csv", {"filename": "b.jpg", "genus": "Equus", "project_id": "2"})
    write_deployments(export / "deployments.csv", ("1", "D1", "hill"), ("2", "D1", "dale"))
    (export / "cameras.csv").write_text("project_id,camera_id,make\n1,c,x\n")
    (export / "projects.csv").write_text("project_id,project_type\n1,Image\n2,Image\n")
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(export.iterdir()):
            packed.write(path, f"wi/{path.name}")
    for source in (export, archive):
        rows, summary = index_archive(["a.jpg", "b.jpg"], source)
        assert [rows[name]["label"] for name in ("a.jpg", "b.jpg")] == ["blank", "nonblank"]
        assert [rows[name]["location_id"] for name in ("a.jpg", "b.jpg")] == ["hill", "dale"]
        assert len(summary.annotations) == 1


SEQUENCES = [
    "project_id",
    "deployment_id",
    "sequence_id",
    "is_blank",
    "identified_by",
    "genus",
    "species",
    "common_name",
    "start_time",
    "end_time",
]


def write_sequence_project(folder: Path) -> Path:
    header = [name for name in HEADER if name != "is_blank"] + ["sequence_id"]
    images = write_images(
        folder / "images.csv",
        {"filename": "1.jpg", "sequence_id": "s1"},
        {"filename": "2.jpg", "sequence_id": "s1"},
        {"filename": "3.jpg", "sequence_id": "s2"},
        {"filename": "4.jpg", "sequence_id": "s3"},
        header=header,
    )
    rows = [
        ["1", "D1", "s1", "1", "Ana", "", "", "", "2021-08-26 10:00:00", "2021-08-26 10:00:20"],
        ["1", "D1", "s2", "0", "Computer Vision", "Panthera", "onca", "Jaguar", "2021-08-27", "2021-08-27"],
    ]
    with (folder / "sequences.csv").open("w", newline="") as file:
        csv.writer(file).writerows([SEQUENCES, *rows])
    return images


def test_labels_of_a_sequence_project_are_those_of_sequences(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    images = write_sequence_project(tmp_path / "export")
    names = [f"D1/{at}.jpg" for at in range(1, 5)]
    for source in (images, tmp_path / "export" / "sequences.csv", tmp_path / "export"):
        rows, summary = index_archive(names, source)
        assert [rows[name]["label"] for name in names] == ["blank", "blank", "nonblank", None]
        assert [rows[name]["label_level"] for name in names] == ["sequence"] * 3 + [None]
        assert [rows[name]["sequence_id"] for name in names] == ["s1", "s1", "s2", "s3"]
        assert summary.annotations[0].problems["identified by Computer Vision, taken like a person's"] == 1


def test_images_that_carry_their_sequences_labels_are_labelled_by_sequence(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    images = write_images(
        tmp_path / "images.csv",
        {"filename": "1.jpg", "sequence_id": "s1", "is_blank": "1"},
        {"filename": "2.jpg", "is_blank": "1", "project_id": "2"},
        header=[*HEADER, "sequence_id"],
    )
    (tmp_path / "projects.csv").write_text("project_id,project_type\n1,Sequence\n2,Image\n")
    rows, _ = index_archive(["1.jpg", "2.jpg"], images)
    assert [rows[name]["label_level"] for name in ("1.jpg", "2.jpg")] == ["sequence", "media"]


def test_a_missing_partner_is_named(tmp_path: Path, index_archive: Callable[..., Any]) -> None:
    images = write_sequence_project(tmp_path / "export")
    (tmp_path / "export" / "sequences.csv").rename(tmp_path / "sequences.csv")
    with pytest.raises(AnnotationError, match=r"sequences\.csv \(sequence_id, deployment_id, is_blank\)"):
        index_archive(["1.jpg"], images)
    with pytest.raises(AnnotationError, match=r"put its images\.csv"):
        index_archive(["1.jpg"], tmp_path / "sequences.csv")
    whole = tmp_path / "deployments.csv"
    whole.write_text("project_id,deployment_id,placename,start_date\n1,D1,hill,2021-01-01\n")
    with pytest.raises(AnnotationError, match=r"put its images\.csv"):
        index_archive(["1.jpg"], whole)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"filename": "a.jpg", "is_blank": "maybe"}, "row 3 has is_blank 'maybe'"),
        ({"filename": "a.jpg", "timestamp": "2021-02-30 10:00:00"}, "row 3 .*2021-02-30"),
        ({"filename": "a.jpg", "image_id": ""}, "row 3 has no image_id"),
        ({"filename": "", "location": "", "image_id": "x"}, "row 3 has neither filename nor location"),
        ({"filename": "x" * 40_000 + ".jpg", "image_id": "x"}, "row 3 has a path of 40,0"),
    ],
)
def test_bad_rows_are_refused_with_file_and_row_or_counted(
    tmp_path: Path, index_archive: Callable[..., Any], row: dict[str, str], words: str
) -> None:
    images = write_images(tmp_path / "images.csv", {"filename": "good.jpg", "is_blank": "1"}, row)
    with pytest.raises(AnnotationError, match=words) as caught:
        index_archive(["D1/good.jpg"], images)
    assert str(images) in str(caught.value)
    assert "\n" not in str(caught.value)
    _, summary = index_archive(["D1/good.jpg"], images, skip_bad_rows=True)
    assert summary.by_label == {"blank": 1}


def test_one_image_id_of_two_files_labels_neither(tmp_path: Path, index_archive: Callable[..., Any]) -> None:
    images = write_images(
        tmp_path / "images.csv",
        {"filename": "a.jpg", "image_id": "same", "is_blank": "1"},
        {"filename": "b.jpg", "image_id": "same", "genus": "Equus"},
    )
    rows, summary = index_archive(["D1/a.jpg", "D1/b.jpg"], images)
    assert {row["label"] for row in rows.values()} == {None}
    assert summary.annotations[0].problems["image_id of several files, used for none"] == 1


def test_names_in_latin_1_are_read(tmp_path: Path, index_archive: Callable[..., Any]) -> None:
    images = write_images(tmp_path / "images.csv", {"filename": "ñu.jpg", "is_blank": "1"})
    images.write_bytes(images.read_text(encoding="utf-8").encode("latin-1"))
    rows, _ = index_archive(["D1/ñu.jpg"], images)
    assert rows["D1/ñu.jpg"]["label"] == "blank"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["0", "1", "true", "False", ""]),
            st.sampled_from(["", "Blank", "Unknown", "No CV Result", "CV Failed", "Impala", "Human"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_unknown_never_becomes_blank(
    tmp_path_factory: pytest.TempPathFactory, index_archive: Callable[..., Any], said: list[tuple[str, str]]
) -> None:
    images = write_images(
        tmp_path_factory.mktemp("wi") / "images.csv",
        *(
            {"filename": f"{at}.jpg", "is_blank": blank, "common_name": name}
            for at, (blank, name) in enumerate(said)
        ),
    )
    rows, _ = index_archive([f"D1/{at}.jpg" for at in range(8)], images)
    for at, (blank, name) in enumerate(said):
        is_blank, is_named = blank in ("1", "true"), name in ("Impala", "Human")
        expected = None if is_blank == is_named else "blank" if is_blank else "nonblank"
        assert rows[f"D1/{at}.jpg"]["label"] == expected


@pytest.mark.real
def test_the_real_export_gives_every_label_place_and_time(
    real_data: Path, index_archive: Callable[..., Any]
) -> None:
    folder = real_data / "annotations" / "wi_export"
    with (folder / "images.csv").open(newline="", encoding="utf-8") as file:
        images = list(csv.DictReader(file))
    names = [f"{row['deployment_id']}/{row['filename']}" for row in images]
    rows, summary = index_archive(names, folder)
    assert (len(images), {row["is_blank"] for row in images}) == (49, {"0"})
    assert summary.by_label == {"nonblank": 49}
    assert summary.num_locations == len({row["deployment_id"] for row in images})
    assert rows["2019-04-17_i9_C09/IMG_0195.JPG"]["timestamp"] == datetime(2019, 5, 5, 17, 21)
    assert rows["2019-04-17_i9_C09/IMG_0145.JPG"]["species"] == ["Hystrix cristata"]
    assert summary.num_undated == 0
    assert summary.annotations[0].matches.num_rows_matched == 49


def test_a_deployment_at_two_places_is_at_neither(tmp_path: Path, index_archive: Callable[..., Any]) -> None:
    images = write_images(tmp_path / "images.csv", {"filename": "a.jpg", "is_blank": "1"})
    write_deployments(tmp_path / "deployments.csv", ("1", "D1", "hill"), ("1", "D1", "dale"))
    rows, summary = index_archive(["D1/a.jpg"], images)
    assert rows["D1/a.jpg"]["location_id"] is None
    assert summary.annotations[0].problems["deployments that are there twice, at several places"] == 1
