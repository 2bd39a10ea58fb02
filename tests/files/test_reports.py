import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from blanktrap.core.errors import ReportError
from blanktrap.core.reporting.report import Report
from blanktrap.core.reporting.report_parts import (
    Archive,
    AtCutoff,
    Confusion,
    Extrapolated,
    MeasuredOn,
    SavingsFigures,
)
from blanktrap.core.statistics.savings import HandWork, NetSavings, Savings
from blanktrap.files.reports import TABLES, read_report, read_report_table, write_report
from blanktrap.files.storage import Storage

STORAGE = Storage()
PAGES = {"report.html": "<p>report</p>", "report.md": "report"}


@pytest.fixture
def report():
    confusion = Confusion(cutoff=0.4, kept_nonblank=3, missed_nonblank=1, kept_blank=2, removed_blank=4)
    savings = Savings(num_blanks_removed=600, num_nonblank_lost=10, work=HandWork())
    return Report(
        created_at=datetime(2024, 5, 1, tzinfo=UTC),
        warnings=["mind the fallen trunk"],
        scores="/scores",
        manifest_digest=None,
        model={},
        versions={},
        config={},
        measured_on=MeasuredOn(
            description="10 labelled media",
            split=None,
            num_nonblank=4,
            num_blank=6,
            num_locations=2,
            num_without_location=0,
            num_sequence_labels=0,
            num_not_scored_nonblank=0,
            num_not_scored_blank=0,
            labels_from="the scores",
        ),
        at_cutoffs=[AtCutoff(cutoff=0.4, chosen_by="set by --cutoff", confusion=confusion, figures={})],
        figures={},
        extrapolations=[
            Extrapolated(
                blank_rate=0.75,
                blank_rate_from="set by --blank-rate",
                num_media=1000,
                confusion=confusion,
                figures={},
                savings=SavingsFigures.of(NetSavings(savings=savings)),
            )
        ],
        archive=Archive(num_media=10, statuses={"ok": 10}, num_kept=5, num_set_aside=5, hours_saved=0.01),
    )


@pytest.fixture
def tables():
    return {name: pa.table({"number": [index]}) for index, name in enumerate(TABLES)}


def test_a_report_reads_back_as_written(tmp_path, report, tables):
    out = str(tmp_path / "report")
    write_report(STORAGE, out, report, tables, PAGES)
    assert read_report(STORAGE, out) == report
    assert read_report_table(STORAGE, out, "species").equals(tables["species"])
    assert json.loads((tmp_path / "report" / "report.json").read_text())["schema_version"] == 2


def test_report_json_is_written_last(tmp_path, report, tables):
    written = []

    class Watching(Storage):
        def write_bytes(self, uri, data):
            written.append(uri.rpartition("/")[2])
            super().write_bytes(uri, data)

    write_report(Watching(), str(tmp_path / "report"), report, tables, PAGES)
    assert written[-1] == "report.json"
    assert len(written) == len(TABLES) + len(PAGES) + 1


def test_a_folder_that_is_no_report_is_never_written_to(tmp_path, report, tables):
    (tmp_path / "thesis.docx").write_bytes(b"ten years")
    for overwrite in (False, True):
        with pytest.raises(ReportError, match=r"it has thesis\.docx"):
            write_report(STORAGE, str(tmp_path), report, tables, PAGES, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_a_file_in_the_place_of_a_report_is_refused(tmp_path, report, tables):
    (tmp_path / "report").write_bytes(b"x")
    with pytest.raises(ReportError, match="is a file"):
        write_report(STORAGE, str(tmp_path / "report"), report, tables, PAGES, overwrite=True)


def test_an_old_report_is_replaced_only_when_asked_and_notes_beside_it_stay(tmp_path, report, tables):
    out = str(tmp_path / "report")
    write_report(STORAGE, out, report, tables, PAGES)
    (tmp_path / "report" / "notes.txt").write_text("seen")
    with pytest.raises(ReportError, match="--overwrite"):
        write_report(STORAGE, out, report, tables, PAGES)
    write_report(STORAGE, out, report.model_copy(update={"scores": "/other"}), tables, PAGES, overwrite=True)
    assert read_report(STORAGE, out).scores == "/other"
    assert (tmp_path / "report" / "notes.txt").read_text() == "seen"


def test_a_report_that_was_killed_in_mid_writing_is_no_report(tmp_path, report, tables):
    out = str(tmp_path / "report")

    class Killed(Storage):
        def write_bytes(self, uri, data):
            if uri.endswith("locations.parquet"):
                raise KeyboardInterrupt
            super().write_bytes(uri, data)

    write_report(STORAGE, out, report, tables, PAGES)
    with pytest.raises(KeyboardInterrupt):
        write_report(Killed(), out, report, tables, PAGES, overwrite=True)
    with pytest.raises(ReportError, match=r"there is no report\.json"):
        read_report(STORAGE, out)
    write_report(STORAGE, out, report, tables, PAGES, overwrite=True)
    assert read_report(STORAGE, out) == report


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"schema_version": 1}', "schema version 1, this blanktrap reads 2"),
        ("[]", "schema version None"),
        ("{", "is damaged"),
        ('{"schema_version": 2}', "is damaged"),
    ],
)
def test_other_versions_and_damaged_reports_are_refused(tmp_path, text, words):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(ReportError, match=words) as caught:
        read_report(STORAGE, str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_missing_or_unknown_table_is_refused(tmp_path):
    with pytest.raises(ReportError, match="is missing"):
        read_report_table(STORAGE, str(tmp_path), "curve")
    with pytest.raises(ReportError, match="no table secrets"):
        read_report_table(STORAGE, str(tmp_path), "secrets")
