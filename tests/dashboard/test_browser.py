"""The dashboard in a real browser: an afternoon's work, without one complaint from the console."""

import csv
from datetime import datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from benchmarks.dashboard_browser import (
    NO_CHROMIUM,
    PATIENCE_MS,
    Complaints,
    browsing,
    find_chromium,
    open_at,
    serving,
    settle,
)
from blanktrap.core.audits.review import settle_answers
from blanktrap.core.config import EvaluateConfig
from blanktrap.core.statistics.metrics import confusion_counts
from blanktrap.core.vocabulary import Circumstance, Label
from blanktrap.core.wording import percent
from blanktrap.files.decision_logs import read_decisions
from blanktrap.files.evaluating import evaluate_scores
from blanktrap.files.review_queues import read_review_queue
from blanktrap.files.storage import Storage
from dashboard.navigation import FIRST, PAGES
from tests.files.written_scores import media, write_scores

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

NUM_MEDIA = 80
CUTOFF = 0.4
HOSTILE = "<img src=x onerror=window.hacked=1>"
SIZES = ((1280, 800), (834, 1112))


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Small pictures at four locations, whose names and species try to be HTML."""
    folder = tmp_path_factory.mktemp("images")
    chance = np.random.default_rng(11)
    made = []
    for at in range(NUM_MEDIA):
        path = folder / f"{at}.jpg"
        Image.new("RGB", (160, 120), (3 * at, 100, 50)).save(path)
        is_nonblank = at % 2 == 0
        score = chance.beta(4, 2) if is_nonblank else chance.beta(2, 4)
        made.append(
            media(
                f"{HOSTILE}{at}.jpg",
                round(float(score), 3),
                "nonblank" if is_nonblank else "blank",
                uri=str(path),
                location_id=f"{at // 20}{HOSTILE}",
                sequence_id=f"s{at // 4}",
                frame_num=at % 4,
                timestamp=datetime(2024, 5, 1) + timedelta(minutes=at),
                species=[f"fox{HOSTILE}"] if is_nonblank else [],
                brightness=0.5,
                is_night=False,
            )
        )
    return made


@pytest.fixture(scope="module")
def named(rows, tmp_path_factory):
    """A report with a sample of errors, and its scores."""
    folder = tmp_path_factory.mktemp("outputs")
    scores = write_scores(folder / "scores", rows)
    config = EvaluateConfig(cutoffs=[CUTOFF], allow_seen=True, sample_errors=(5, 5))
    evaluate_scores(scores, str(folder / "report"), config=config, storage=Storage())
    return str(folder / "report"), scores


@pytest.fixture(scope="module")
def browser():
    if find_chromium() is None:
        pytest.skip(NO_CHROMIUM)
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def address(browser, named):
    with serving(named) as where:
        yield where


@pytest.fixture
def page(browser, address):
    """A visitor of their own; whatever they do, nothing of the archive runs and the console stays quiet."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    found = context.new_page()
    complaints = Complaints(found)
    yield found
    assert found.evaluate("() => window.hacked") is None
    assert complaints.all == []
    context.close()


def test_a_link_to_a_page_works_on_the_first_visit(page, address):
    open_at(page, f"{address}/gallery?show=missed")
    assert page.locator("h1").inner_text() == "Gallery"
    assert page.get_by_role("link", name="Overview").is_visible()


def test_three_images_are_judged_by_keyboard_and_stand_in_the_file(page, address, named):
    queue = f"{named[0]}/error_sample"
    num_media = read_review_queue(Storage(), queue).rows.num_rows
    open_at(page, f"{address}/review")
    name = page.get_by_label("Your name")
    name.click()
    page.keyboard.type("bunz")  # keys of buttons are letters of names as well
    page.keyboard.press("Enter")
    page.get_by_text(f"image 1 of {num_media}").wait_for()
    settle(page)
    page.locator("h1").click()  # out of the field
    for keys, following in ((("b",), 2), (("5", "n"), 3), (("u",), 4)):
        for key in keys:
            page.keyboard.press(key)
            settle(page)
        page.get_by_text(f"image {following} of {num_media}").wait_for()
    answers = read_decisions(Storage(), queue).answers
    assert [one.label for one in answers] == [Label.BLANK, Label.NONBLANK, None]
    assert answers[1].circumstances == (Circumstance.NIGHT,)
    assert {one.labelled_by for one in answers} == {"bunz"}
    page.keyboard.press("z")
    page.get_by_text(f"image 3 of {num_media}").wait_for()
    page.keyboard.press("ArrowLeft")
    page.get_by_text(f"image 2 of {num_media}").wait_for()
    page.get_by_text("you said nonblank").wait_for()
    assert len(settle_answers(read_decisions(Storage(), queue).answers).answers) == 2


@pytest.mark.parametrize("size", SIZES, ids=["laptop", "tablet"])
def test_every_page_fits_its_window(page, address, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for name, entry in PAGES.items():
        open_at(page, f"{address}/{name if name != FIRST else ''}")
        assert page.locator("h1").inner_text() == entry.title
        too_wide = page.evaluate(
            "() => { const main = document.querySelector('[data-testid=stMain]');"
            " return main.scrollWidth - main.clientWidth; }"
        )
        assert too_wide <= 0, name


def shown_figure(page, name):
    card = page.get_by_test_id("stMetric").filter(has=page.get_by_text(name, exact=True)).first
    return card.get_by_test_id("stMetricValue").inner_text()


def value_of(slider):
    return float(slider.evaluate("one => one.getAttribute('aria-valuenow') ?? one.value"))


def test_the_slider_shows_what_evaluating_at_that_cutoff_gives(page, address, rows):
    open_at(page, f"{address}/cutoff")
    scores = np.array([row["p_nonblank"] for row in rows], dtype=np.float32)
    is_nonblank = np.array([row["label"] == "nonblank" for row in rows])
    slider = page.get_by_role("slider").first
    slider.focus()
    for wanted in (0.4, 0.46):
        while value_of(slider) < wanted - 1e-9:
            page.keyboard.press("ArrowRight")
        counts = confusion_counts(scores, is_nonblank, value_of(slider))
        expected = percent(counts.nonblank_recall)
        page.get_by_test_id("stMetric").filter(has_text="Nonblank recall").get_by_text(
            expected, exact=True
        ).wait_for()
        settle(page)
        assert shown_figure(page, "Blank recall") == percent(counts.blank_recall)


def test_the_list_of_images_is_downloaded(page, address, rows):
    open_at(page, f"{address}/gallery?show=missed&cutoff={CUTOFF}")
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV, for spreadsheets").click()
    with open(waiting.value.path(), encoding="utf-8-sig", newline="") as file:
        found = [row["media_id"] for row in csv.DictReader(file)]
    missed = [
        row["media_id"]
        for row in rows
        if row["label"] == "nonblank" and row["p_nonblank"] < np.float32(CUTOFF)
    ]
    assert found == missed != []


def test_a_closer_look_opens_from_a_tile_and_from_its_link(page, address, rows):
    open_at(page, f"{address}/gallery")
    page.get_by_role("button", name="Look closer").nth(1).click()
    page.get_by_text("frame 2 of 4").wait_for()
    settle(page)
    link, shown = page.url, page.get_by_role("dialog").inner_text()
    page.keyboard.press("Escape")
    page.get_by_text("frame 2 of 4").wait_for(state="detached")
    open_at(page, link)
    page.get_by_text("frame 2 of 4").wait_for()
    settle(page)
    assert page.get_by_role("dialog").inner_text() == shown


def test_a_chosen_cutoff_goes_along_to_the_images_and_back(page, address):
    open_at(page, f"{address}/cutoff")
    slider = page.get_by_role("slider").first
    slider.focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    page.get_by_role("link", name="Gallery").click()
    page.get_by_role("heading", name="Gallery").wait_for()
    settle(page)
    assert page.get_by_role("spinbutton", name="Cutoff").input_value() == "0.401"
    page.get_by_role("spinbutton", name="Cutoff").fill("0.300")
    page.keyboard.press("Enter")
    settle(page)
    page.get_by_role("link", name="Cutoff").click()
    page.get_by_role("heading", name="Cutoff", exact=True).wait_for()
    settle(page)
    assert value_of(page.get_by_role("slider").first) == 0.3
