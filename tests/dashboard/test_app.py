"""What all pages share: the report that is shown, honest empty pages, names as text, the password."""

import re

import pytest

from blanktrap.core.wording import percent
from dashboard.navigation import PAGES
from dashboard.password import PASSWORD_VARIABLE, is_right
from tests.dashboard.seen import HOSTILE, drawn_texts, metrics

EVERY_PAGE = sorted(PAGES)


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_every_page_opens_and_shows_names_from_the_archive_as_text(open_page, reports, scores_dataset, name):
    page = open_page(name, *reports, scores_dataset)
    assert page.title[0].value == PAGES[name].title
    assert not page.error
    # Only code blocks and data frames, which draw text as it is, may carry a raw name.
    assert not [text for text in drawn_texts(page) if re.search("<(script|b|i)>", text)]


@pytest.mark.parametrize("name", EVERY_PAGE)
def test_without_what_it_needs_a_page_says_how_to_get_it(open_page, scores_dataset, name):
    page = open_page(name, scores_dataset)
    assert page.title[0].value == PAGES[name].title
    assert page.metric or page.code or page.dataframe or page.selectbox


def test_a_link_may_choose_among_the_reports_that_were_named(open_page, reports):
    first, second = (metrics(open_page("overview", *reports, report=one)) for one in reports)
    assert first["Nonblank recall"] != second["Nonblank recall"]


def test_the_sidebar_changes_the_report_and_the_link(open_page, reports):
    page = open_page("overview", *reports, report=reports[1])
    assert page.sidebar.selectbox[0].value == reports[1]
    page.sidebar.selectbox[0].set_value(reports[0]).run()
    assert page.query_params["report"] == reports[0]
    assert metrics(page) == metrics(open_page("overview", reports[0]))


@pytest.mark.parametrize("how_many", [1, 2])
def test_a_link_to_a_report_that_was_not_named_shows_nothing(open_page, reports, tmp_path, how_many):
    page = open_page("overview", *reports[:how_many], report=str(tmp_path))
    assert "was not given" in page.error[0].value
    assert not page.metric


def test_a_missing_report_is_a_page_that_says_what_to_do(open_page, tmp_path):
    page = open_page("overview", str(tmp_path / "none"))
    assert "is nothing to look at" in page.error[0].value.replace("\\", "")
    assert "blanktrap evaluate" in page.code[0].value


def test_a_damaged_report_is_a_page_that_says_what_is_wrong(open_page, tmp_path):
    (tmp_path / "report.json").write_text('{"schema_version": 99}')
    page = open_page("overview", str(tmp_path))
    assert "schema version 99" in page.error[0].value.replace("\\", "")


def test_nothing_is_shown_before_the_password(open_page, reports, monkeypatch):
    monkeypatch.setenv(PASSWORD_VARIABLE, "capybara")
    monkeypatch.setattr("dashboard.password._WAIT_S", 0.0)
    page = open_page("overview", reports[0])
    assert not page.metric
    page.text_input[0].set_value("capybar")
    page.button[0].click().run()
    assert not page.metric
    assert "not the password" in page.error[0].value
    page.text_input[0].set_value("capybara")
    page.button[0].click().run()
    assert metrics(page)["Nonblank recall"].endswith("%")


def test_passwords_may_have_any_letters():
    assert is_right("bärenfalle", "bärenfalle")


def test_overview_shows_the_figures_of_the_report(open_page, reports, archive):
    scores, is_nonblank = archive
    page = open_page("overview", reports[0])
    kept = scores[:-10] >= 0.3
    shown = metrics(page)
    assert shown["Kept for people"] == str(kept.sum())
    assert shown["Not scored"] == "10"
    assert shown["Nonblank recall"] == percent(kept[is_nonblank[:-10]].mean())
    assert shown["Blank recall"] == percent(1 - kept[~is_nonblank[:-10]].mean())
    told = " ".join(drawn_texts(page)).replace("\\", "")
    assert "290 labelled media at 5 locations" in told


def test_warnings_stand_before_every_figure(open_page, reports):
    page = open_page("overview", reports[0])
    assert "the model was trained or validated on" in page.warning[0].value
    kinds = [element.type for element in page.main]
    assert kinds.index("warning") < kinds.index("metric")


def test_a_model_with_a_hostile_name_is_shown_as_it_is(open_page, reports):
    assert any(HOSTILE in block.value for block in open_page("overview", reports[0]).code)
