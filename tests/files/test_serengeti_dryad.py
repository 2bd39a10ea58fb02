"""Snapshot Serengeti as Dryad has it: a table of images beside the consensus or the gold standard."""

import csv
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from blanktrap.core.errors import AnnotationError

EVENTS = {
    "ASG0001": ["S1/B04/B04_R1/S1_B04_R1_PICT0001.JPG", "S1/B04/B04_R1/S1_B04_R1_PICT0002.JPG"],
    "ASG0002": ["S1/B04/B04_R1/S1_B04_R1_PICT0003.JPG"],
    "ASG0003": ["S1/C05/C05_R2/S1_C05_R2_PICT0001.JPG"],
    "ASG0004": ["S3/C05/C05_R2/S3_C05_R2_PICT0009.JPG"],
}
EVENT_PATHS = [path for paths in EVENTS.values() for path in paths]
CONSENSUS = (
    "CaptureEventID,DateTime,SiteID,NumSpecies,Species,Count,NumClassifications,NumVotes,NumBlanks,Evenness\n"
)
GOLD = "CaptureEventID,NumSpecies,Species,Count\n"


def write_dryad(folder: Path, *, consensus: str | None = None, gold: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    lines = [f"{event},{path}\n" for event, paths in EVENTS.items() for path in paths]
    (folder / "all_images.csv").write_text("CaptureEventID,URL_Info\n" + "".join(lines))
    if consensus is not None:
        (folder / "consensus_data.csv").write_text(CONSENSUS + consensus)
    if gold is not None:
        (folder / "gold_standard_data.csv").write_text(GOLD + gold)
    return folder


def test_a_capture_that_the_consensus_does_not_list_is_blank(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    folder = write_dryad(
        tmp_path / "dryad",
        consensus="ASG0001,2010-07-20 06:14:06,B04,1,zebra,3,20,15,0,0.4\n"
        "ASG0004,2012-01-02 03:04:05,C05,1,human,1,10,10,0,0\n",
    )
    rows, summary = index_archive(EVENT_PATHS, folder / "all_images.csv")
    assert {name: row["label"] for name, row in rows.items()} == {
        EVENT_PATHS[0]: "nonblank",
        EVENT_PATHS[1]: "nonblank",
        EVENT_PATHS[2]: "blank",
        EVENT_PATHS[3]: "blank",
        EVENT_PATHS[4]: "nonblank",
    }
    assert {row["label_level"] for row in rows.values()} == {"sequence"}
    first, second = rows[EVENT_PATHS[0]], rows[EVENT_PATHS[1]]
    assert (first["sequence_id"], first["location_id"], first["deployment_id"]) == (
        "ASG0001",
        "B04",
        "S1/B04/R1",
    )
    assert [first["frame_num"], second["frame_num"]] == [0, 1]
    assert first["timestamp"] == datetime(2010, 7, 20, 6, 14, 6)
    # 15 of 20 volunteers.
    assert (first["vote_share"], first["evenness"]) == pytest.approx((0.75, 0.4))
    assert summary.annotations[0].problems == {
        "captures that consensus_data.csv does not list, called blank for that": 2
    }


def test_a_season_that_the_consensus_does_not_cover_is_not_blank(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    folder = write_dryad(tmp_path / "dryad", consensus="ASG0001,2010-07-20 06:14:06,B04,1,zebra,3,,,,\n")
    rows, summary = index_archive(EVENT_PATHS, folder)
    assert rows[EVENT_PATHS[4]]["label"] is None
    assert summary.by_label == {"blank": 2, "nonblank": 2, "none": 1}
    reason = "captures of seasons that consensus_data.csv has nothing of, left open"
    assert summary.annotations[0].problems[reason] == 1


def test_tables_that_share_no_capture_make_nothing_blank(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    folder = write_dryad(
        tmp_path / "dryad", consensus="SER_S1#B04#1#1,2010-07-20 06:14:06,B04,1,zebra,3,,,,\n"
    )
    with pytest.raises(AnnotationError, match="shares no capture") as caught:
        index_archive(EVENT_PATHS, folder)
    assert "\n" not in str(caught.value)


def test_a_consensus_row_that_is_left_out_makes_no_capture_blank(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    folder = write_dryad(
        tmp_path / "dryad",
        consensus="ASG0001,2010-07-20 06:14:06,B04,1,zebra,3,,,,\n"
        "ASG0002,2010-02-30 06:14:06,B04,1,lion,1,,,,\n",
    )
    with pytest.raises(AnnotationError, match=r"row 3 .*2010-02-30"):
        index_archive(EVENT_PATHS, folder)
    rows, _ = index_archive(EVENT_PATHS, folder, skip_bad_rows=True)
    assert (rows[EVENT_PATHS[2]]["label"], rows[EVENT_PATHS[3]]["label"]) == (None, "blank")


@pytest.mark.parametrize("row", ["ASG0002,2010-07-20\n", ",2010-07-20 06:14:06,B04,1,lion,1,,,,\n"])
def test_a_consensus_row_whose_capture_cannot_be_told_is_always_refused(
    tmp_path: Path, index_archive: Callable[..., Any], row: str
) -> None:
    folder = write_dryad(
        tmp_path / "dryad", consensus="ASG0001,2010-07-20 06:14:06,B04,1,zebra,3,,,,\n" + row
    )
    with pytest.raises(AnnotationError, match="would make its capture blank"):
        index_archive(EVENT_PATHS, folder, skip_bad_rows=True)


def test_the_gold_standard_is_a_sample_and_makes_nothing_blank(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    folder = write_dryad(tmp_path / "dryad", gold="ASG0001,1,zebra,1\nASG0003,1,impossible,NA\n")
    rows, summary = index_archive(EVENT_PATHS, folder / "gold_standard_data.csv")
    assert summary.by_label == {"nonblank": 2, "none": 3}
    assert rows[EVENT_PATHS[3]]["label"] is None
    reason = "captures that the sample gold_standard_data.csv does not list, left open"
    assert summary.annotations[0].problems == {reason: 2}


def test_consensus_and_gold_standard_are_read_side_by_side(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    folder = write_dryad(
        tmp_path / "dryad",
        consensus="ASG0001,2010-07-20 06:14:06,B04,1,zebra,3,,,,\n"
        "ASG0002,2010-07-20 06:15:00,B04,1,lion,3,,,,\n",
        gold="ASG0001,1,zebra,1\nASG0003,1,lion,1\n",
    )
    rows, summary = index_archive(EVENT_PATHS, folder)
    assert len(summary.annotations) == 2
    # The volunteers saw nothing there, the experts a lion: open, and listed.
    assert rows[EVENT_PATHS[3]]["label"] is None
    assert summary.contradicting == [EVENT_PATHS[3]]


def test_a_dryad_table_without_its_partner_says_what_is_missing(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    folder = write_dryad(tmp_path / "dryad", gold="ASG0001,1,zebra,1\n")
    (folder / "all_images.csv").unlink()
    with pytest.raises(AnnotationError, match=r"all_images\.csv \(CaptureEventID, URL_Info\)"):
        index_archive(EVENT_PATHS, folder / "gold_standard_data.csv")


def test_the_volunteers_raw_answers_are_no_labels(tmp_path: Path, index_archive: Callable[..., Any]) -> None:
    folder = write_dryad(tmp_path / "dryad")
    raw = folder / "raw_data_for_dryad.csv"
    raw.write_text("ClassificationID,CaptureEventID,NumSpecies,Species\n1,ASG0001,1,zebra\n")
    with pytest.raises(AnnotationError, match="no known annotation format"):
        index_archive(EVENT_PATHS, raw)


@pytest.mark.real
def test_the_real_gold_standard_labels_its_captures_and_no_others(
    tmp_path: Path, real_data: Path, index_archive: Callable[..., Any]
) -> None:
    path = real_data / "annotations" / "serengeti_gold" / "gold_standard_data.csv"
    with path.open(newline="") as file:
        gold = list(csv.DictReader(file))
    assert len(gold) == 4432
    events = sorted({row["CaptureEventID"] for row in gold})
    names = {event: f"S1/B04/B04_R1/{event}.JPG" for event in [*events, "elsewhere"]}
    images = tmp_path / "all_images.csv"
    images.write_text(
        "CaptureEventID,URL_Info\n" + "".join(f"{event},{name}\n" for event, name in names.items())
    )
    rows, summary = index_archive(names.values(), path, images)
    # Worked out apart from the reader: a capture is open where no row of it names anything.
    named = {row["CaptureEventID"] for row in gold if row["Species"] != "impossible"}
    assert (len(events), len(named)) == (4149, 4119)
    assert summary.by_label == {"nonblank": len(named), "none": len(events) - len(named) + 1}
    assert rows[names["elsewhere"]]["label"] is None
    two = Counter(row["CaptureEventID"] for row in gold)
    assert sum(len(row["species"] or []) > 1 for row in rows.values()) == sum(
        count > 1 for count in two.values()
    )


def test_a_field_of_ten_megabytes_never_makes_a_capture_blank(
    tmp_path: Path, index_archive: Callable[..., Any]
) -> None:
    long = "x" * 10_000_000
    folder = write_dryad(
        tmp_path / "dryad",
        consensus=f"ASG0001,2010-07-20 06:14:06,B04,1,zebra,3,,,,\nASG0002,2010,B04,1,{long},1,,,,\n",
    )
    with pytest.raises(AnnotationError, match="would make its capture blank"):
        index_archive(EVENT_PATHS, folder, skip_bad_rows=True)
