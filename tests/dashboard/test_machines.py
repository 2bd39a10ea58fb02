"""Trainings and scoring runs, finished and not."""

import json
from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from blanktrap.core.evaluation.calibrating import calibrate
from blanktrap.core.model_card import CARD_NAME, identify_model
from blanktrap.files.storage import Storage
from blanktrap.files.training_logs import log_epoch
from dashboard.charts_runs import speed_drawing
from dashboard.downloads import svg_of
from tests.core.cards import DIGEST, make_card, make_record
from tests.dashboard.seen import drawn_texts, metrics


@pytest.fixture
def training(tmp_path):
    """Two epochs of a training that has no model yet."""
    folder = tmp_path / "model"
    folder.mkdir()
    for record in (make_record(), make_record(epoch=2, train_loss=0.4)):
        log_epoch(Storage(), str(folder), record)
    return folder


def speed_of(num_seconds):
    times = [datetime(2026, 1, 1, 12) + part * timedelta(seconds=num_seconds) / 4 for part in range(5)]
    speed = {"time": pa.array(times, pa.timestamp("ms")), "images_per_s": [0.0, 1.0, 2.0, 3.0, 4.0]}
    return speed_drawing(pa.table(speed))


@pytest.mark.parametrize(("num_seconds", "step_s"), [(0, 1), (1, 1), (90, 15), (599, 100), (600, None)])
def test_a_short_run_is_told_to_the_second(num_seconds, step_s) -> None:
    drawing = speed_of(num_seconds)
    count = drawing.spec["encoding"]["x"]["axis"].get("tickCount")
    assert count == (step_s and {"interval": "seconds", "step": step_s})
    assert svg_of(drawing).startswith("<svg")  # an axis that cannot be drawn fails here


def write_card(folder, **changes):
    card = make_card(**changes)
    (folder / CARD_NAME).write_text(card.model_dump_json())
    return card


def test_a_training_that_goes_on_shows_its_epochs(open_page, training):
    page = open_page("training", str(training))
    assert "goes on" in page.info[0].value
    assert not page.metric
    assert [one.value for one in page.subheader] == ["Loss", "On validation images"]


def test_a_model_shows_its_figures_warnings_and_calibration(open_page, training):
    calibration = calibrate(
        [0.9, 0.8, 0.7, 0.3, 0.2, 0.1] * 10,
        [True, True, False, True, False, False] * 10,
        ["A", "B"] * 30,
        "temperature",
    )
    card = make_card()
    write_card(
        training,
        calibration=calibration,
        model_id=identify_model(DIGEST, card.preprocessing, calibration.map),
        warnings=("no banner is cropped",),
    )
    page = open_page("training", str(training))
    assert metrics(page)["Average precision"] == "90.0 %"
    assert metrics(page)["Recall at 0.3"] == "100.0 %"
    assert "banner" in page.warning[0].value
    assert "Are scores probabilities?" in [one.value for one in page.subheader]


def test_two_models_stand_side_by_side(open_page, training, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_card(training)
    write_card(other)
    page = open_page("training", str(training), str(other))
    assert page.selectbox[0].options == [str(training), str(other)]
    assert len(page.dataframe[0].value) == 2


def test_a_damaged_card_is_one_line(open_page, training):
    (training / CARD_NAME).write_text("{}")
    page = open_page("training", str(training))
    assert "schema version" in page.error[0].value


def test_a_finished_run_says_what_failed_and_why(open_page, scores_dataset):
    page = open_page("runs", scores_dataset)
    assert metrics(page)["Scored"] == "300"
    assert metrics(page)["Failed"] == "10"
    reasons = page.dataframe[0].value
    assert reasons.iloc[0]["reason"] == "cannot be decoded: it ends early"
    assert reasons.iloc[0]["num_media"] == 10


def test_a_run_that_goes_on_shows_how_far_it_is(open_page, scores_dataset, tmp_path):
    # As one that was just begun: its record, and no part yet.
    record = json.loads(Storage().read_bytes(f"{scores_dataset}/run.json"))
    record = {key: value for key, value in record.items() if key not in ("counts", "wall_s", "images_per_s")}
    (tmp_path / "run.json").write_text(json.dumps({**record, "state": "running"}))
    page = open_page("runs", str(tmp_path))
    assert "goes on" in page.info[0].value
    assert metrics(page)["Scored"] == "0"


def test_a_report_whose_scores_are_gone_says_so(open_page, reports, tmp_path):
    report = json.loads(Storage().read_bytes(f"{reports[0]}/report.json"))
    report["scores"] = str(tmp_path / "gone")
    for path in Storage().list_folder(reports[0]):
        (tmp_path / "r").mkdir(exist_ok=True)
        (tmp_path / "r" / path.relative).write_bytes(Storage().read_bytes(path.uri))
    (tmp_path / "r" / "report.json").write_text(json.dumps(report))
    page = open_page("runs", str(tmp_path / "r"))
    assert "cannot be read" in page.error[0].value
    assert not [text for text in drawn_texts(page) if "Traceback" in text]
