"""Snapshot Serengeti as LILA has it: a pair of tables, and other tables with its capture ids."""

import csv
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blanktrap.core.errors import AnnotationError
from blanktrap.files.storage import Storage

IMAGES = ",capture_id,image_rank_in_capture,image_path_rel\n"
ANNOTATIONS = (
    ",capture_id,season,site,roll,capture,capture_date_local,capture_time_local,subject_id,question__species,"
    "question__count_max,p_users_identified_this_species,pielous_evenness_index\n"
)

# K11 in two seasons: one site, two rolls that are both called 1.
FRAMES = {
    "SER_S1#K11#1#205": ["S1/K11/K11_R1/S1_K11_R1_PICT0613.JPG", "S1/K11/K11_R1/S1_K11_R1_PICT0614.JPG"],
    "SER_S1#K11#1#206": ["S1/K11/K11_R1/S1_K11_R1_PICT0615.JPG"],
    "SER_S2#K11#1#205": ["S2/K11/K11_R1/S2_K11_R1_PICT0001.JPG"],
    "SER_S2#B04#3#7": ["S2/B04/B04_R3/S2_B04_R3_PICT0090.JPG"],
}
PATHS = [path for paths in FRAMES.values() for path in paths]


def annotation(
    capture_id: str, species: str, *, share: str = "1.0", evenness: str = "0.0", **cells: str
) -> str:
    season, site, roll, capture = capture_id.split("#")
    day, clock = cells.get("day", "2011-02-03"), cells.get("clock", "04:05:06")
    return f"0,{capture_id},{season},{site},{roll},{capture},{day},{clock},x,{species},1,{share},{evenness}\n"


def write_lila(folder: Path, *annotations: str, frames: dict[str, list[str]] = FRAMES) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    lines = [
        f"{row},{capture},{rank},{path}\n"
        for row, (capture, rank, path) in enumerate(
            (capture, rank, path)
            for capture, paths in frames.items()
            for rank, path in enumerate(paths, start=1)
        )
    ]
    images, labels = folder / "images.csv", folder / "annotations.csv"
    images.write_text(IMAGES + "".join(lines))
    labels.write_text(ANNOTATIONS + "".join(annotations))
    return images, labels


def test_lila_captures_give_labels_places_and_frames(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    images, _ = write_lila(
        tmp_path / "lila",
        annotation("SER_S1#K11#1#205", "zebra", share="0.9", evenness="0.3"),
        annotation("SER_S1#K11#1#205", "wildebeest", share="0.6", evenness="0.3"),
        annotation("SER_S1#K11#1#206", "blank"),
        annotation("SER_S2#K11#1#205", "human"),
    )
    rows, summary = index_archive(PATHS, images)
    assert summary.by_label == {"blank": 1, "nonblank": 3, "none": 1}
    first, second = (rows[path] for path in FRAMES["SER_S1#K11#1#205"])
    assert (first["label"], first["label_level"], first["species"]) == (
        "nonblank",
        "sequence",
        ["wildebeest", "zebra"],
    )
    assert (first["sequence_id"], first["location_id"], first["deployment_id"]) == (
        "SER_S1#K11#1#205",
        "K11",
        "S1/K11/R1",
    )
    assert [first["frame_num"], second["frame_num"]] == [0, 1]
    assert first["timestamp"] == datetime(2011, 2, 3, 4, 5, 6)
    # Of two species the share that fewer agreed on.
    assert (first["vote_share"], first["evenness"]) == pytest.approx((0.6, 0.3))
    other = rows[FRAMES["SER_S2#K11#1#205"][0]]
    assert (other["location_id"], other["deployment_id"]) == ("K11", "S2/K11/R1")
    assert (rows[PATHS[2]]["label"], rows[PATHS[2]]["species"]) == ("blank", None)


def test_a_lila_capture_that_nobody_annotated_is_never_blank(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    images, _ = write_lila(tmp_path / "lila", annotation("SER_S1#K11#1#206", "blank"))
    rows, summary = index_archive(PATHS, images)
    assert summary.by_label == {"blank": 1, "none": 4}
    assert rows[PATHS[0]]["label"] is None
    assert rows[PATHS[0]]["location_id"] == "K11"


@pytest.mark.parametrize("first", [0, 1])
def test_either_half_leads_and_finds_the_other(
    tmp_path: Path, index_archive: Callable[..., Any], first: int
) -> None:
    pair = write_lila(tmp_path / "lila", annotation("SER_S1#K11#1#206", "blank"))
    _, summary = index_archive(PATHS, pair[first])
    assert summary.by_label["blank"] == 1
    _, summary = index_archive(PATHS, pair[first], pair[1 - first])
    assert (summary.by_label["blank"], len(summary.annotations)) == (1, 1)
    _, summary = index_archive(PATHS, tmp_path / "lila")
    assert summary.by_label["blank"] == 1


@pytest.mark.parametrize(("kept", "missing"), [(0, "annotations"), (1, "images")])
def test_half_a_pair_says_what_is_missing(
    tmp_path: Path, index_archive: Callable[..., Any], kept: int, missing: str
) -> None:
    pair = write_lila(tmp_path / "lila", annotation("SER_S1#K11#1#206", "blank"))
    pair[1 - kept].unlink()
    with pytest.raises(AnnotationError, match=f"SnapshotSerengeti_v2_1_{missing}.csv") as caught:
        index_archive(PATHS, pair[kept])
    assert "\n" not in str(caught.value)


def test_what_lila_says_unclearly_is_counted_and_left_open(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    images, _ = write_lila(
        tmp_path / "lila",
        annotation("SER_S1#K11#1#205", "zebra", share="7", evenness="NaN"),
        annotation("SER_S1#K11#1#206", "zebra", day="2011-02-03"),
        annotation("SER_S1#K11#1#206", "lion", day="2011-02-04"),
        annotation("SER_S2#K11#1#205", "zebra", day="03/02/2011"),
        annotation("SER_S2#B04#3#7", "zebra", clock=""),
        annotation("SER_S9#Z99#9#9", "zebra"),
    )
    rows, summary = index_archive(PATHS, images)
    problems = summary.annotations[0].problems
    assert problems["share of volunteers that is no number from 0 to 1"] == 1
    assert problems["captures with several times, left open"] == 1
    assert problems["time in no clear spelling"] == 1
    assert summary.annotations[0].matches.num_stray_observations == 1
    assert rows[PATHS[0]]["vote_share"] is None
    assert [rows[path]["timestamp"] for path in PATHS[2:]] == [None, None, None]


def test_a_date_that_does_not_exist_is_refused_or_counted(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    images, labels = write_lila(
        tmp_path / "lila",
        annotation("SER_S1#K11#1#206", "blank"),
        annotation("SER_S1#K11#1#205", "zebra", day="2011-02-30"),
    )
    with pytest.raises(AnnotationError, match=r"row 3 .*2011-02-30") as caught:
        index_archive(PATHS, images)
    assert str(labels) in str(caught.value)
    rows, _ = index_archive(PATHS, images, skip_bad_rows=True)
    assert rows[PATHS[0]]["label"] is None
    assert rows[PATHS[2]]["label"] == "blank"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (",capture_id,image_path_rel\n0,SER_S1#K11#1#205,a.jpg\n", "image_rank_in_capture"),
        (",capture_id,image_rank_in_capture,image_path_rel\n0,,1,a.jpg\n", "row 2 has no capture_id"),
        (",capture_id,image_rank_in_capture,image_path_rel\n0,SER_S1#K11#1#205,1,\n", "no image_path_rel"),
    ],
)
def test_a_broken_table_of_images_names_file_and_place(
    tmp_path: Path, index_archive: Callable[..., Any], columns: str, words: str
) -> None:
    images, _ = write_lila(tmp_path / "lila", annotation("SER_S1#K11#1#206", "blank"))
    images.write_text(columns)
    with pytest.raises(AnnotationError, match=words) as caught:
        index_archive(PATHS, images)
    assert str(images) in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(list(FRAMES)), st.sampled_from(["zebra", "lion", "blank", "", "unknown"])),
        max_size=12,
    )
)
def test_lila_labels_follow_from_the_rows_alone(
    tmp_path_factory: pytest.TempPathFactory, index_archive: Callable[..., Any], seen: list[tuple[str, str]]
) -> None:
    images, _ = write_lila(
        tmp_path_factory.mktemp("pair"), *(annotation(capture, name) for capture, name in seen)
    )
    rows, _ = index_archive(PATHS, images)
    for capture, paths in FRAMES.items():
        names = {name for of, name in seen if of == capture}
        animals = names & {"zebra", "lion"}
        expected = None
        if animals and "blank" not in names:
            expected = "nonblank"
        elif names == {"blank"}:
            expected = "blank"
        assert {rows[path]["label"] for path in paths} == {expected}


def test_a_field_of_ten_megabytes_is_refused_or_left_open(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    long = "x" * 10_000_000
    images, _ = write_lila(
        tmp_path / "lila", annotation("SER_S1#K11#1#206", "blank"), annotation("SER_S1#K11#1#205", long)
    )
    with pytest.raises(AnnotationError, match="row 3 is longer than"):
        index_archive(PATHS, images)
    rows, _ = index_archive(PATHS, images, skip_bad_rows=True)
    assert (rows[PATHS[0]]["label"], rows[PATHS[2]]["label"]) == (None, "blank")


def test_frames_that_begin_with_the_second_are_not_called_the_first(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    images, _ = write_lila(tmp_path / "lila", annotation("SER_S1#K11#1#205", "zebra"))
    lines = images.read_text().splitlines(keepends=True)
    images.write_text(lines[0] + "".join(line for line in lines[1:] if line.split(",")[2] == "2"))
    rows, _ = index_archive(PATHS, images)
    assert rows[PATHS[1]]["frame_num"] == 1


def test_tables_in_latin_1_and_with_a_byte_order_mark_are_read(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    frames = {"SER_S1#K11#1#205": ["S1/K11/K11_R1/ñ.JPG"]}
    images, labels = write_lila(tmp_path / "lila", annotation("SER_S1#K11#1#205", "ñandú"), frames=frames)
    images.write_bytes(images.read_text().encode("latin-1"))
    labels.write_bytes(labels.read_text().encode("utf-8-sig"))
    rows, _ = index_archive(["S1/K11/K11_R1/ñ.JPG"], labels)
    assert rows["S1/K11/K11_R1/ñ.JPG"]["species"] == ["ñandú"]


def test_a_plain_table_takes_the_place_from_a_capture_id(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        "path,label,sequence,location\na.jpg,empty,SER_S8#V10#2#681,\nb.jpg,empty,SER_S8#V10#2#682,here\n"
    )
    rows, _ = index_archive(["a.jpg", "b.jpg"], path)
    found = [(rows[name]["location_id"], rows[name]["deployment_id"]) for name in ("a.jpg", "b.jpg")]
    assert found == [("V10", "S8/V10/R2"), ("here", "S8/V10/R2")]


@pytest.mark.real
def test_the_real_season_8_table_says_where_its_captures_were_taken(
    real_data: Path, index_archive: Callable[..., Any]
) -> None:
    path = real_data / "annotations" / "hakuna_madata_train_stub.csv"
    with path.open(newline="") as file:
        table = list(csv.DictReader(file))
    assert (len(table), sum(row["labels"] == "empty" for row in table)) == (100, 58)
    # All rows of the sample bear one file's name, and name many captures: the label stays open.
    [name] = {row["file_name"] for row in table}
    rows, summary = index_archive([name], path)
    assert rows[name]["location_id"] == "V10"
    assert (rows[name]["label"], rows[name]["sequence_id"]) == (None, None)
    assert (summary.contradicting, summary.differing) == ([name], [name])


@pytest.mark.s3
def test_half_a_pair_on_s3_finds_the_other_beside_it(
    tmp_path: Path, index_archive: Callable[..., Any], s3_bucket: str
) -> None:
    pair = write_lila(tmp_path / "lila", annotation("SER_S1#K11#1#206", "blank"))
    for path in pair:
        Storage().write_bytes(f"s3://{s3_bucket}/labels/{path.name}", path.read_bytes())
    for given_name in ("labels/annotations.csv", "labels/images.csv", "labels/"):
        _, summary = index_archive(PATHS, f"s3://{s3_bucket}/{given_name}")
        assert summary.by_label == {"blank": 1, "none": 4}


def test_both_lila_tables_joined_in_one_are_read(tmp_path: Path, index_archive: Callable[..., Any]) -> None:
    one, two, three = (list(FRAMES)[number] for number in (0, 1, 3))
    table = tmp_path / "joined.csv"
    table.write_text(
        "capture_id,image_rank_in_capture,image_path_rel,question__species,p_users_identified_this_species\n"
        f"{one},1,{FRAMES[one][0]},zebra,0.9\n{one},1,{FRAMES[one][0]},impala,0.6\n"
        f"{one},2,{FRAMES[one][1]},zebra,0.9\n{one},2,{FRAMES[one][1]},impala,0.6\n"
        f"{two},1,{FRAMES[two][0]},blank,1.0\n{three},1,{FRAMES[three][0]},,\n"
    )
    rows, summary = index_archive(PATHS, table)
    frames = [rows[path] for path in FRAMES[one]]
    assert [row["frame_num"] for row in frames] == [0, 1]
    for row in frames:
        assert (row["label"], row["label_level"], row["location_id"]) == ("nonblank", "sequence", "K11")
        assert row["species"] == ["impala", "zebra"]
        assert row["vote_share"] == pytest.approx(0.6)
    assert rows[FRAMES[two][0]]["label"] == "blank"
    # An outer join leaves the cells of a capture that nobody annotated empty.
    assert rows[FRAMES[three][0]]["label"] is None
    assert summary.annotations[0].companions == []


def test_a_share_that_r_wrote_as_na_is_no_mistake(tmp_path: Path, index_archive: Callable[..., Any]) -> None:
    images, _ = write_lila(tmp_path / "t", annotation(next(iter(FRAMES)), "zebra", evenness="NA"))
    rows, summary = index_archive(PATHS, images)
    assert rows[PATHS[0]]["evenness"] is None
    assert summary.annotations[0].problems == {}
