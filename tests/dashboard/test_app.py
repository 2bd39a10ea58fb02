import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from blanktrap.core.config import EvaluateConfig
from blanktrap.core.schemas import SCORES_SCHEMA
from blanktrap.core.statistics.metrics import confusion_counts
from blanktrap.core.wording import percent
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.scores import ChunkStats, RunIdentity, begin_run, finish_run, write_chunk
from blanktrap.files.storage import Storage

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
NUM_MEDIA = 300


@pytest.fixture(scope="module")
def archive():
    """Scores and labels; the last ten media could not be read."""
    random = np.random.default_rng(7)
    is_nonblank = random.random(NUM_MEDIA) < 0.4
    scores = np.where(is_nonblank, random.beta(4, 2, NUM_MEDIA), random.beta(1, 5, NUM_MEDIA))
    return scores.astype(np.float32), is_nonblank


@pytest.fixture(scope="module")
def reports(archive, tmp_path_factory):
    """Two reports of the same scores at different cutoffs, in folders whose names try to be HTML."""
    scores, is_nonblank = archive
    folder = tmp_path_factory.mktemp("reports")
    storage = Storage()
    location = str(folder / "<b>scores")
    identity = RunIdentity(
        manifest_digest="sha256:d",
        num_media=NUM_MEDIA,
        model_id="m1",
        chunk_size=NUM_MEDIA,
        precision="float32",
        max_pixels=1,
        max_bytes=1,
    )
    model = {"model_id": "<script>alert(1)</script>", "training_locations": ["L1"]}
    run = begin_run(storage, location, identity, {"model": model})
    failed = range(NUM_MEDIA - 10, NUM_MEDIA)
    rows = [
        {
            "media_id": str(index),
            "uri": f"/{index}",
            "location_id": f"L{index % 5}",
            "status": "unreadable" if index in failed else "ok",
            "p_nonblank": None if index in failed else scores[index],
            "model_id": "m1",
            "label": "nonblank" if is_nonblank[index] else "blank",
            "species": [],
        }
        for index in range(NUM_MEDIA)
    ]
    stats = ChunkStats(
        chunk=0,
        num_media=NUM_MEDIA,
        counts={"ok": NUM_MEDIA - 10, "unreadable": 10},
        bytes_read=0,
        fetch_s=0,
        decode_s=0,
        device_s=0,
        number_formats={},
        finished=0,
    )
    write_chunk(storage, location, pa.Table.from_pylist(rows, schema=SCORES_SCHEMA), stats)
    finish_run(storage, run, {0: stats})
    made = []
    for cutoff in (0.3, 0.6):
        out = str(folder / f"<i>report-{cutoff}")
        evaluate_scores(
            location, out, config=EvaluateConfig(cutoffs=[cutoff], allow_seen=True), storage=storage
        )
        made.append(out)
    return made


@pytest.fixture
def open_page(monkeypatch):
    def run(*arguments, report=None):
        monkeypatch.syspath_prepend(str(APP.parents[1]))
        monkeypatch.setattr(sys, "argv", [str(APP), *arguments])
        st.cache_data.clear()
        page = AppTest.from_file(str(APP), default_timeout=30)
        if report is not None:
            page.query_params["report"] = report
        return page.run()

    return run


def metrics(page):
    return {metric.label: metric.value for metric in page.metric}


def expected_recalls(archive, cutoff):
    scores, is_nonblank = archive
    counts = confusion_counts(scores[:-10], is_nonblank[:-10], cutoff)
    return percent(counts.nonblank_recall), percent(counts.blank_recall)


def test_the_page_shows_the_figures_of_the_reports_cutoff(open_page, reports, archive):
    page = open_page(reports[0])
    assert not page.exception
    shown = metrics(page)
    assert (shown["Nonblank recall"], shown["Blank recall"]) == expected_recalls(archive, 0.3)
    assert page.slider[0].value == pytest.approx(0.3)
    assert "290 labelled media at 5 locations" in page.markdown[0].value.replace("\\", "")


def test_warnings_stand_before_every_figure(open_page, reports):
    page = open_page(reports[0])
    assert "the model was trained or validated on" in page.warning[0].value
    kinds = [element.type for element in page.main]
    assert kinds.index("warning") < kinds.index("markdown")


def test_the_slider_moves_the_figures_to_what_counting_gives(open_page, reports, archive):
    page = open_page(reports[0])
    before = metrics(page)
    page.slider[0].set_value(0.7).run()
    after = metrics(page)
    assert (after["Nonblank recall"], after["Blank recall"]) == expected_recalls(archive, 0.7)
    assert before["Nonblank recall"] != after["Nonblank recall"]
    scores, is_nonblank = archive
    kept = int((scores[:-10] >= np.float32(0.7))[is_nonblank[:-10]].sum())
    assert page.table[0].value.loc["nonblank", "Kept"].startswith(f"{kept} (")
    assert page.table[0].value.loc["not scored", "Kept"] == "10"


def test_the_blank_rate_moves_precision_and_leaves_recall(open_page, reports):
    page = open_page(reports[0])
    before = metrics(page)
    page.slider(key="blank_rate").set_value(95).run()
    after = metrics(page)
    assert after["Nonblank recall"] == before["Nonblank recall"]
    assert float(after["Nonblank precision"][:-2]) < float(before["Nonblank precision"][:-2])


def test_a_faster_hand_saves_fewer_hours(open_page, reports):
    page = open_page(reports[0])
    hours = float(metrics(page)["Hours saved"][:-2].replace(",", ""))
    page.number_input(key="images_per_hour").set_value(1000).run()
    assert float(metrics(page)["Hours saved"][:-2].replace(",", "")) == pytest.approx(hours / 2, abs=1)


def test_a_link_may_choose_among_the_reports_that_were_named(open_page, reports, archive):
    page = open_page(*reports, report=reports[1])
    assert metrics(page)["Nonblank recall"] == expected_recalls(archive, 0.6)[0]


@pytest.mark.parametrize("how_many", [1, 2])
def test_a_link_to_a_report_that_was_not_named_shows_nothing(open_page, reports, tmp_path, how_many):
    page = open_page(*reports[:how_many], report=str(tmp_path))
    assert not page.exception
    assert "was not given" in page.error[0].value
    assert not page.metric


def test_a_missing_report_is_a_page_that_says_what_to_do(open_page, tmp_path):
    page = open_page(str(tmp_path / "none"))
    assert not page.exception
    assert "is no report" in page.error[0].value.replace("\\", "")
    assert "blanktrap evaluate" in page.code[0].value


def test_without_a_report_the_page_says_how_to_name_one(open_page):
    page = open_page()
    assert not page.exception
    assert "blanktrap dashboard REPORT" in page.code[0].value


def test_names_from_an_archive_are_shown_as_text(open_page, reports):
    page = open_page(reports[0])
    # Only code blocks, which draw text as it is, may carry a raw name.
    drawn = [element.value for kind in (page.markdown, page.caption, page.warning) for element in kind]
    assert not [text for text in drawn if "<script>" in text or "<b>scores" in text]
    assert any("<script>alert(1)</script>" in block.value for block in page.code)
