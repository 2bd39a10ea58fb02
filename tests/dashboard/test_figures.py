"""Figures follow the cutoff, the blank rate and the work by hand, and are what counting gives."""

import csv
import io

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.statistics.metrics import confusion_counts
from blanktrap.core.wording import percent
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.storage import Storage
from dashboard.charts_cutoff import recall_precision_drawing, shares_drawing
from dashboard.compared_cutoffs import expected_counts, precision_at
from dashboard.downloads import csv_of, parquet_of, png_of, svg_of
from dashboard.lists import LOOK_AT, SET_ASIDE, list_of
from dashboard.loaders import load_report
from tests.dashboard.seen import metrics, shown_rows


def expected_recalls(archive, cutoff):
    scores, is_nonblank = archive
    counts = confusion_counts(scores[:-10], is_nonblank[:-10], cutoff)
    return percent(counts.nonblank_recall), percent(counts.blank_recall)


def recalls(page):
    return metrics(page)["Nonblank recall"], metrics(page)["Blank recall"]


def test_the_slider_moves_every_figure_to_what_counting_gives(open_page, reports, archive):
    page = open_page("cutoff", reports[0])
    assert page.slider(key="cutoff").value == pytest.approx(0.3)
    assert recalls(page) == expected_recalls(archive, 0.3)
    page.slider(key="cutoff").set_value(0.7).run()
    assert recalls(page) == expected_recalls(archive, 0.7)
    scores, is_nonblank = archive
    kept = int((scores[:-10] >= np.float32(0.7))[is_nonblank[:-10]].sum())
    measured, _, compared = (shown_rows(table) for table in page.table)
    assert measured[0]["Kept"].startswith(f"{kept} (")
    assert measured[2]["Kept"] == "10"
    assert compared[0]["Animals kept"].startswith(expected_recalls(archive, 0.7)[0])
    assert compared[1]["Cutoff"] == "0.300"
    assert any("--cutoff 0.7 " in block.value for block in page.code)


def test_the_slider_says_what_evaluating_at_that_cutoff_says(open_page, reports, scores_dataset, tmp_path):
    page = open_page("cutoff", reports[0])
    page.slider(key="cutoff").set_value(0.45).run()
    config = EvaluateConfig(cutoffs=[0.45], allow_seen=True)
    report = evaluate_scores(scores_dataset, str(tmp_path / "r"), config=config, storage=Storage())
    figures, there = report.chosen.figures, report.extrapolations[0].figures
    assert recalls(page) == (
        percent(figures["nonblank_recall"].value),
        percent(figures["blank_recall"].value),
    )
    assert metrics(page)["Nonblank precision"] == percent(there["nonblank_precision"].value)
    assert metrics(page)["Left to look at"] == percent(there["kept_share"].value)


def test_buttons_move_the_slider(open_page, reports, archive):
    page = open_page("cutoff", reports[0])
    page.button(key="go to 95 % kept").click().run()
    step = round(page.slider(key="cutoff").value * 1000)
    scores, is_nonblank = archive
    nonblank = scores[:-10][is_nonblank[:-10]]
    assert (nonblank >= np.float32(step / 1000)).mean() >= 0.95 > (nonblank >= (step + 1) / 1000).mean()
    page.button(key="go to Report's own").click().run()
    assert page.slider(key="cutoff").value == pytest.approx(0.3)


def test_the_link_carries_cutoff_and_blank_rate(open_page, reports, archive):
    page = open_page("cutoff", reports[0], cutoff="0.6", blank="95")
    assert recalls(page) == expected_recalls(archive, 0.6)
    counts = expected_counts(load_report(Storage(), reports[0]), 600, blank_rate=0.95, num_media=1_000_000)
    assert metrics(page)["Nonblank precision"] == percent(counts.nonblank_precision)


def test_another_report_begins_at_its_own_cutoff(open_page, reports):
    page = open_page("cutoff", *reports)
    page.slider(key="cutoff").set_value(0.9)
    page.slider(key="blank").set_value(40).run()
    page.sidebar.selectbox[0].set_value(reports[1]).run()
    assert page.slider(key="cutoff").value == pytest.approx(0.6)
    assert page.slider(key="blank").value == 75


def test_the_blank_rate_moves_precision_and_leaves_recall(open_page, reports):
    page = open_page("cutoff", reports[0])
    before = metrics(page)
    page.slider(key="blank").set_value(95).run()
    after = metrics(page)
    assert after["Nonblank recall"] == before["Nonblank recall"]
    assert float(after["Nonblank precision"][:-2]) < float(before["Nonblank precision"][:-2])


def test_a_recall_that_cannot_be_promised_is_refused_with_the_reason(open_page, reports):
    told = [info.value for info in open_page("cutoff", reports[0]).info]
    assert any("5 locations cannot support" in text.replace("\\", "") for text in told)


def test_savings_follow_speed_wage_and_machines(open_page, reports):
    page = open_page("savings", reports[0])
    begin = metrics(page)
    assert begin["Money saved, net"] == "-"
    hours = float(begin["Hours saved"][:-2])
    page.number_input(key="images_per_hour").set_value(250)
    page.number_input(key="wage").set_value(20.0)
    page.number_input(key="images").set_value(300_000).run()
    after = metrics(page)
    more = float(after["Hours saved"][:-2].replace(",", ""))
    # 300 images became 300,000, each of which takes twice as long.
    assert more == pytest.approx(hours * 1000 * 2, rel=0.1)
    assert float(after["Money saved, net"].replace(",", "")) == pytest.approx(20 * more, rel=0.01)
    page.number_input(key="machine_price").set_value(3600.0)
    page.number_input(key="pace").set_value(100.0).run()
    less = float(metrics(page)["Money saved, net"].replace(",", ""))
    # 300,000 images at 100 a second are 3,000 s, at 1 a second of price.
    assert float(after["Money saved, net"].replace(",", "")) - less == pytest.approx(3000, abs=2)


def test_missed_shares_are_those_of_the_report_and_lead_to_the_gallery(open_page, reports, archive):
    scores, is_nonblank = archive
    page = open_page("errors", reports[0])
    num_missed = int((scores[:-10] < np.float32(0.3))[is_nonblank[:-10]].sum())
    assert metrics(page)["Missed"] == str(num_missed)
    assert page.get("page_link")


def test_both_lists_together_hold_every_media_once(scores_dataset, archive):
    scores, _ = archive
    lists = [
        list(csv.DictReader(io.StringIO(list_of(Storage(), scores_dataset, 0.3, some)[3:].decode())))
        for some in (LOOK_AT, SET_ASIDE)
    ]
    assert [len(rows) for rows in lists] == [
        300 - int((scores[:-10] < 0.3).sum()),
        (scores[:-10] < 0.3).sum(),
    ]
    assert len({row["media_id"] for rows in lists for row in rows}) == 300
    assert {row["decision"] for row in lists[1]} == {"set_aside"}


def test_only_the_chosen_points_data_changes_with_the_cutoff(reports):
    # What stays the same the browser does not draw again.
    loaded = load_report(Storage(), reports[0])
    precision = precision_at(loaded, 0.75)
    for draw in (shares_drawing, recall_precision_drawing):
        one, other = draw(loaded, precision, 300), draw(loaded, precision, 301)
        assert one.spec == other.spec
        changed = {name for name in one.data if not one.data[name].equals(other.data[name])}
        assert changed == {"chosen"}


def test_charts_become_files(reports):
    loaded = load_report(Storage(), reports[0])
    chart = shares_drawing(loaded, precision_at(loaded, 0.75), 300)
    assert svg_of(chart).startswith("<svg")
    assert "nonblank recall" in svg_of(chart)
    assert png_of(chart).startswith(b"\x89PNG")


def test_tables_become_files_whose_cells_no_spreadsheet_runs():
    table = pa.table({"species": ["=cmd()", "fox", None], "media": [["a", "b"], [], None], "n": [1, 2, 3]})
    assert pq.read_table(io.BytesIO(parquet_of(table))).equals(table)
    data = csv_of(table)
    assert data.startswith(b"\xef\xbb\xbf")
    read = pa_csv.read_csv(io.BytesIO(data[3:]))
    assert read.column("species").to_pylist()[:2] == ["'=cmd()", "fox"]
    assert read.column("media").to_pylist()[0] == "a|b"
