"""Labels from the names of folders."""

from pathlib import Path

import pytest

from blanktrap.core.errors import UsageError
from tests.files.conftest import Index

NAMES = ["deer/1.jpg", "Empty/2.jpg", "unknown/3.jpg", "S1/100RECNX/4.jpg", "2019/5.jpg", "6.jpg"]


def labels_of(rows: dict[str, dict[str, object]]) -> dict[str, object]:
    return {name: row["label"] for name, row in rows.items()}


def test_the_folder_that_holds_a_file_names_its_label(index_archive: Index) -> None:
    rows, summary = index_archive(NAMES, label_from_path=True)
    assert labels_of(rows) == {**dict.fromkeys(NAMES), "deer/1.jpg": "nonblank", "Empty/2.jpg": "blank"}
    assert rows["deer/1.jpg"]["species"] == ["deer"]
    # Which folder became what is printed, so that a wrong guess shows.
    assert summary.label_folders == {
        "blank": {"Empty": 1},
        "nonblank": {"deer": 1},
        "none": {"unknown": 1, "100RECNX": 1, "2019": 1},
    }
    assert "  none: 3 media (100RECNX 1, 2019 1, unknown 1)" in summary.lines()


def test_the_pattern_names_a_folder_at_another_depth(index_archive: Index) -> None:
    rows, _ = index_archive(["deer/S1/a.jpg", "empty/S2/b.jpg"], path_pattern="{label}/{location}/{}")
    assert labels_of(rows) == {"deer/S1/a.jpg": "nonblank", "empty/S2/b.jpg": "blank"}
    assert [row["location_id"] for row in rows.values()] == ["S1", "S2"]


def test_no_blank_folder_is_said(index_archive: Index) -> None:
    _, summary = index_archive(["deer/1.jpg"], label_from_path=True)
    assert any("no folder's name means blank" in line for line in summary.lines())


def test_a_folder_that_contradicts_a_table_leaves_it_open(tmp_path: Path, index_archive: Index) -> None:
    (tmp_path / "a.csv").write_text("path,label\nempty/1.jpg,deer\n")
    rows, summary = index_archive(["empty/1.jpg"], tmp_path / "a.csv", label_from_path=True)
    assert labels_of(rows) == {"empty/1.jpg": None}
    assert summary.contradicting == ["empty/1.jpg"]


def test_thousands_of_folder_names_are_no_labels(
    index_archive: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blanktrap.files.label_folders._MAX_NAMES", 3)
    with pytest.raises(UsageError, match=r"more than 3 folder names"):
        index_archive([f"d{n}/1.jpg" for n in range(4)], label_from_path=True)
