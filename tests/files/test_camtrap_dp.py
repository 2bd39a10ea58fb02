"""Camtrap DP packages: labels of media and of events, places, and what does not belong."""

import csv
import io
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blanktrap.core.errors import AnnotationError
from tests.files.camtrap_packages import event, media, seen, write_package


def test_observations_of_media_are_labels_of_media(tmp_path: Path, index_archive: Callable[..., Any]) -> None:
    kinds = ["animal", "human", "vehicle", "blank", "unknown", "unclassified"]
    package = write_package(
        tmp_path / "p",
        [media(kind) for kind in kinds],
        [seen(kind, kind, "Vulpes vulpes" if kind == "animal" else "") for kind in kinds],
    )
    rows, summary = index_archive([f"{kind}.jpg" for kind in kinds], package)
    assert {kind: rows[f"{kind}.jpg"]["label"] for kind in kinds} == {
        "animal": "nonblank",
        "human": "nonblank",
        "vehicle": "nonblank",
        "blank": "blank",
        "unknown": None,
        "unclassified": None,
    }
    assert [rows[f"{kind}.jpg"]["species"] for kind in kinds[:3]] == [
        ["Vulpes vulpes"],
        ["human"],
        ["vehicle"],
    ]
    row = rows["animal.jpg"]
    assert (row["label_level"], row["location_id"], row["deployment_id"]) == ("media", "L1", "D1")
    # What the clock on the spot showed; the zone is dropped.
    assert row["timestamp"] == datetime(2020, 5, 30, 4, 57, 37)
    assert summary.annotations[0].problems == {}


def test_an_event_labels_the_media_of_its_deployment_within_both_its_ends(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    times = {
        "before": "2020-05-30T04:57:36+02:00",
        "first": "2020-05-30T04:57:37+02:00",
        "last": "2020-05-30T02:57:44Z",
        "after": "2020-05-30T02:57:45Z",
    }
    package = write_package(
        tmp_path / "p",
        [media(name, when=when) for name, when in times.items()] + [media("other", "D2", times["first"])],
        [event("animal", "2020-05-30T02:57:37Z", "2020-05-30T02:57:44Z", species="Lutra lutra")],
    )
    rows, _ = index_archive([f"{name}.jpg" for name in (*times, "other")], package)
    labelled = {name for name, row in rows.items() if row["label"] == "nonblank"}
    assert labelled == {"first.jpg", "last.jpg"}
    row = rows["last.jpg"]
    assert (row["label_level"], row["species"], row["sequence_id"]) == ("sequence", ["Lutra lutra"], "E1")
    assert rows["before.jpg"]["sequence_id"] != "E1"


def test_a_judgement_of_the_media_outweighs_its_event(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    package = write_package(
        tmp_path / "p",
        [media("a"), media("b")],
        [seen("a", "blank", event="E1"), event("animal", "2020-05-30T02:57:37Z", "2020-05-30T02:57:38Z")],
    )
    rows, summary = index_archive(["a.jpg", "b.jpg"], package)
    assert [(rows[name]["label"], rows[name]["label_level"]) for name in ("a.jpg", "b.jpg")] == [
        ("blank", "media"),
        ("nonblank", "sequence"),
    ]
    assert summary.num_contradicting == 0


def test_media_of_several_events_have_no_sequence_from_them(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    whole, part = (
        ("2020-05-30T02:00:00Z", "2020-05-30T03:00:00Z"),
        ("2020-05-30T02:57:37Z", "2020-05-30T02:57:38Z"),
    )
    package = write_package(
        tmp_path / "p",
        [media("in"), media("out", when="2020-05-30T02:30:00Z")],
        [event("animal", *whole, name="whole"), event("animal", *part, name="part")],
    )
    rows, _ = index_archive(["in.jpg", "out.jpg"], package)
    assert rows["out.jpg"]["sequence_id"] == "whole"
    assert rows["in.jpg"]["sequence_id"] == "gap:in.jpg"


def test_the_place_is_an_id_else_a_name_else_coordinates(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    names = [f"m{at}" for at in range(1, 6)]
    package = write_package(
        tmp_path / "p",
        [media(name, f"D{at}") for at, name in enumerate(names, start=1)],
        [seen(name, "blank") for name in names],
    )
    rows, summary = index_archive([f"{name}.jpg" for name in names], package)
    assert [rows[f"{name}.jpg"]["location_id"] for name in names] == ["L1", "L1", "dale", "51.5,4.25", None]
    assert summary.annotations[0].problems == {"media of deployments that the package does not list": 1}


def test_files_behind_web_addresses_are_found_by_their_names(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    base = "2020-05-30T04:57:37+02:00,https://example.org/assets"
    rows = [
        f"a,D1,{base}/1/file,own.jpg",
        f"b,D1,{base}/2/file,IMG_1.jpg",
        f"c,D2,{base}/3/file,IMG_1.jpg",
        f"d,D2,{base}/4/file,IMG_2.jpg",
        f"e,D2,{base}/5/file,IMG_2.jpg",
        f"f,D2,{base}/S9/tail.jpg?size=full,",
        f"g,D2,{base}/cloud.jpg,card.jpg",
    ]
    package = write_package(tmp_path / "p", rows, [seen(name, "blank") for name in "abcdefg"])
    listed = ["x/own.jpg", "D1/IMG_1.jpg", "D2/IMG_1.jpg", "D2/IMG_2.jpg", "S9/tail.jpg", "cloud.jpg"]
    found, summary = index_archive(listed, package)
    assert [found[name]["label"] for name in listed] == ["blank", "blank", "blank", None, "blank", "blank"]
    matches = summary.annotations[0].matches
    assert (matches.num_rows, matches.num_rows_matched, matches.num_rows_without_file) == (7, 5, 2)


def test_what_belongs_to_nothing_is_counted(tmp_path: Path, index_archive: Callable[..., Any]) -> None:
    package = write_package(
        tmp_path / "p",
        [
            media("a"),
            media("b", when="2020-05-30T04:57:37"),
            media("twice"),
            "twice,D1,2020-05-30,other.jpg,",
        ],
        [
            seen("a", "blank"),
            seen("nowhere", "animal"),
            event("animal", "2020-05-30T09:00:00Z", "2020-05-30T09:01:00Z", name="quiet"),
            event("animal", "2020-05-30T09:00:00Z", "2020-05-30T08:00:00Z"),
            event("blank", "2020-05-30T09:00:00Z", "2020-05-30T09:00:00Z", deployment="D9"),
            "D1,a,,,,media,animal,Vulpes vulpes,machine",
        ],
    )
    rows, summary = index_archive(["a.jpg", "b.jpg", "twice.jpg", "other.jpg"], package)
    one = summary.annotations[0]
    assert one.matches.num_stray_observations == 1
    assert one.problems == {
        "mediaID of several files, used for none": 1,
        "events in which no media was taken": 2,
        "events without an interval of time, which belong to no media": 1,
        "events of deployments that the package does not list": 1,
        "time without a zone, which belongs to no event": 2,
        "observations made by a machine, taken like a person's": 1,
    }
    assert summary.contradicting == ["a.jpg"]
    assert rows["twice.jpg"]["label"] is None


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("observations", seen("a", "ghost"), "row 3 has the observationType 'ghost'"),
        ("observations", "D1,,,,,media,animal,,human", "row 3 is of level media and has no mediaID"),
        ("observations", "D1,a,,,,week,animal,,human", "row 3 has the observationLevel 'week'"),
        (
            "observations",
            event("animal", "2020-02-30T00:00:00Z", "2020-03-01T00:00:00Z"),
            "row 3 .*2020-02-30",
        ),
        ("media", media("b", when="2020-13-01T00:00:00Z"), "row 3 .*2020-13-01"),
        ("media", ",D1,2020-05-30T00:00:00Z,b.jpg,", "row 3 has no mediaID"),
        ("media", "b,D1,2020-05-30T00:00:00Z,,", "row 3 has neither filePath nor fileName"),
        ("media", media("x" * 40_000), "has a .* of 40,0"),
        ("deployments", ",L1,,,", "row 6 has no deploymentID"),
    ],
)
def test_bad_rows_are_refused_with_file_and_row_or_counted(
    tmp_path: Path, index_archive: Callable[..., Any], name: str, row: str, words: str
) -> None:
    package = write_package(tmp_path / "p", [media("a")], [seen("a", "blank")])
    path = tmp_path / "p" / f"{name}.csv"
    path.write_text(path.read_text() + row + "\n")
    with pytest.raises(AnnotationError, match=words) as caught:
        index_archive(["a.jpg"], package)
    assert "\n" not in str(caught.value)
    _, summary = index_archive(["a.jpg"], package, skip_bad_rows=True)
    assert summary.by_label == {"blank": 1}


def test_a_table_of_ones_own_with_coordinates_is_no_package(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    own = tmp_path / "own.csv"
    own.write_text("path,label,deploymentID,latitude,longitude\na.jpg,empty,D1,1,2\n")
    _, summary = index_archive(["a.jpg"], own)
    assert (summary.by_label, summary.annotations[0].format_name) == ({"blank": 1}, "table")


def test_a_missing_column_is_named(tmp_path: Path, index_archive: Callable[..., Any]) -> None:
    package = write_package(tmp_path / "p", [media("a")], [seen("a", "blank")])
    (tmp_path / "p" / "media.csv").write_text("mediaID,deploymentID,filePath\na,D1,a.jpg\n")
    with pytest.raises(AnnotationError, match=r"media\.csv has no column timestamp"):
        index_archive(["a.jpg"], package)


INSTANTS = [datetime(2020, 5, 30) + timedelta(minutes=at) for at in range(12)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["D1", "D2"]), st.integers(0, 11)), min_size=1, max_size=6),
    st.lists(
        st.tuples(
            st.sampled_from(["D1", "D2"]),
            st.integers(0, 11),
            st.integers(0, 6),
            st.sampled_from(["animal", "blank", "unknown"]),
        ),
        max_size=5,
    ),
)
def test_the_interval_join_is_that_of_a_double_loop(
    tmp_path_factory: pytest.TempPathFactory,
    index_archive: Callable[..., Any],
    taken: list[tuple[str, int]],
    events: list[tuple[str, int, int, str]],
) -> None:
    def written(at: int, zone: int) -> str:
        return f"{INSTANTS[at % 12] + timedelta(hours=zone):%Y-%m-%dT%H:%M:%S}+{zone:02d}:00"

    package = write_package(
        tmp_path_factory.mktemp("dp"),
        [media(f"m{n}", where, written(at, 2)) for n, (where, at) in enumerate(taken)],
        [
            event(
                kind, written(start, 0), written(min(start + length, 11), 9), name=f"E{n}", deployment=where
            )
            for n, (where, start, length, kind) in enumerate(events)
        ],
    )
    rows, _ = index_archive([f"m{n}.jpg" for n in range(6)], package)
    for number, (where, at) in enumerate(taken):
        kinds = {kind for of, start, length, kind in events if of == where and start <= at <= start + length}
        expected = None
        if "animal" in kinds and "blank" not in kinds:
            expected = "nonblank"
        elif kinds == {"blank"}:
            expected = "blank"
        assert rows[f"m{number}.jpg"]["label"] == expected


@pytest.mark.real
def test_the_real_package_gives_the_labels_that_a_double_loop_gives(
    real_data: Path, index_archive: Callable[..., Any]
) -> None:
    folder = real_data / "annotations" / "camtrap_dp" / "tdwg_example"

    def rows_of(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO((folder / f"{name}.csv").read_text(encoding="utf-8"))))

    deployments, media_rows, observations = map(rows_of, ("deployments", "media", "observations"))
    blanks = [row for row in observations if row["observationType"] == "blank"]
    assert (len(deployments), len(media_rows), len(observations), len(blanks)) == (4, 423, 549, 115)
    by_media: dict[str, set[str]] = defaultdict(set)
    by_event: dict[str, set[str]] = defaultdict(set)
    for row in observations:
        if row["observationLevel"] == "media":
            by_media[row["mediaID"]].add(row["observationType"])
            continue
        start, end = (datetime.fromisoformat(row[name]) for name in ("eventStart", "eventEnd"))
        for one in media_rows:
            is_within = start <= datetime.fromisoformat(one["timestamp"]) <= end
            if one["deploymentID"] == row["deploymentID"] and is_within:
                by_event[one["mediaID"]].add(row["observationType"])
    expected: dict[str, tuple[str | None, str | None]] = {}
    for one in media_rows:
        level, kinds = "media", by_media[one["mediaID"]] - {"unknown", "unclassified"}
        if not kinds:
            level, kinds = "sequence", by_media[one["mediaID"]] | by_event[one["mediaID"]]
        is_animal, is_blank = bool(kinds & {"animal", "human", "vehicle"}), "blank" in kinds
        label = "nonblank" if is_animal and not is_blank else "blank" if kinds == {"blank"} else None
        expected[one["fileName"]] = (label, level if label else None)

    rows, summary = index_archive([row["fileName"] for row in media_rows], folder)
    assert {name: (row["label"], row["label_level"]) for name, row in rows.items()} == expected
    assert summary.by_label == {"blank": 112, "nonblank": 300, "none": 11}
    assert (summary.num_locations, summary.annotations[0].matches.num_rows_matched) == (4, 423)
    assert summary.annotations[0].problems == {"observations made by a machine, taken like a person's": 22}
