"""The gallery shows what it was asked for, and opens nothing that the scores do not name."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from dashboard.pages import gallery
from tests.dashboard.seen import HOSTILE, drawn_texts
from tests.files.written_scores import media, write_scores

NUM_MEDIA = 60
CUTOFF = 0.4


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Sequences of three at two locations; every tenth image is damaged, and so scored as unreadable."""
    folder = tmp_path_factory.mktemp("images")
    chance = np.random.default_rng(5)
    made = []
    for at in range(NUM_MEDIA):
        path = folder / f"{at}.jpg"
        if at % 10:
            Image.new("RGB", (64, 48), (at, 100, 50)).save(path)
        else:
            path.write_bytes(b"\xff\xd8\xff")
        is_nonblank = at % 3 == 0
        made.append(
            media(
                f"{HOSTILE}{at}.jpg",
                round(float(chance.random()), 2) if at % 10 else None,
                "nonblank" if is_nonblank else "blank",
                uri=str(path),
                location_id=f"L{at // 30}{HOSTILE}",
                sequence_id=f"s{at // 3}",
                frame_num=at % 3,
                timestamp=datetime(2024, 5, 1) + timedelta(minutes=at),
                species=["fox"] if is_nonblank else [],
                is_night=at % 2 == 0,
                error=None if at % 10 else "damaged: it ends early",
            )
        )
    return made


@pytest.fixture(scope="module")
def shown_scores(rows, tmp_path_factory):
    return write_scores(tmp_path_factory.mktemp("gallery") / "scores", rows)


def num_tiles(page):
    return sum(button.label == "Look closer" for button in page.button)


def found(page):
    return next(one.value for one in page.markdown if " image" in one.value and one.value.startswith("**"))


def is_missed(row):
    return row["label"] == "nonblank" and row["p_nonblank"] is not None and row["p_nonblank"] < CUTOFF


def test_a_page_of_images_is_shown_and_the_next_one_on_demand(open_page, shown_scores):
    page = open_page("gallery", shown_scores)
    assert found(page) == f"**{NUM_MEDIA} images**"
    assert num_tiles(page) == 24
    assert num_tiles(open_page("gallery", shown_scores, page="3")) == NUM_MEDIA - 48


def test_a_link_sets_the_filter_and_the_controls_show_it(open_page, shown_scores, rows):
    page = open_page("gallery", shown_scores, show="missed", cutoff=str(CUTOFF))
    expected = sum(map(is_missed, rows))
    assert 0 < num_tiles(page) == expected < 24
    assert page.selectbox(key="gallery show").value == "missed"
    assert page.number_input(key="cutoff").value == CUTOFF
    assert all(
        "nonblank" in one.value
        for one in page.markdown
        if "called blank" in one.value and "badge" in one.value
    )


def test_a_control_sets_the_filter_and_the_link_follows(open_page, shown_scores, rows):
    page = open_page("gallery", shown_scores)
    page.selectbox(key="gallery show").select("not_scored").run()
    assert not page.exception
    assert num_tiles(page) == sum(row["p_nonblank"] is None for row in rows)
    assert page.query_params["show"] == "not_scored"
    page.selectbox(key="gallery show").select("all").run()
    assert "show" not in page.query_params


def test_what_a_link_asks_for_and_is_nothing_is_passed_over(open_page, shown_scores):
    page = open_page(
        "gallery", shown_scores, show="../../etc", cutoff="nan", hour="99", page="-4", to="x", light="dusk"
    )
    assert num_tiles(page) == 24
    assert page.number_input(key="cutoff").value == 0.5


def test_an_image_that_cannot_be_shown_says_why(open_page, shown_scores):
    page = open_page("gallery", shown_scores, show="not_scored")
    reasons = [one.value for one in page.caption if one.value.startswith("unreadable\\: ")]
    assert len(reasons) == num_tiles(page)


def test_names_are_text(open_page, shown_scores, rows):
    page = open_page("gallery", shown_scores, media=rows[1]["media_id"])
    assert not [text for text in drawn_texts(page) if "<script>" in text]


def test_a_closer_look_has_the_frames_of_the_trigger(open_page, shown_scores, rows):
    page = open_page("gallery", shown_scores, media=rows[34]["media_id"])
    frames = [one.value for one in page.caption if one.value.startswith("frame ")]
    assert [text.split(" ·")[0] for text in frames] == ["frame 1 of 3", "frame 2 of 3", "frame 3 of 3"]
    assert "this one" in frames[1]
    assert rows[34]["media_id"] in next(
        one.value for one in page.code if "brightness" in one.value or "image" in one.value
    )


def test_a_click_opens_the_closer_look_and_the_link_says_so(open_page, shown_scores, rows):
    page = open_page("gallery", shown_scores)
    page.button(key="open 2").click().run()
    assert not page.exception
    assert page.query_params["media"] == rows[2]["media_id"]
    assert any(one.value == "The same trigger" for one in page.subheader)


def test_a_link_cannot_open_a_file(open_page, shown_scores, tmp_path, monkeypatch):
    secret = tmp_path / "secret.jpg"
    Image.new("RGB", (8, 8)).save(secret)
    read = []
    really = gallery.pictures_of

    def watched(storage):
        cache = really(storage)
        monkeypatch.setattr(cache, "_fetch", lambda _, uri, **more: read.append(uri) or gallery_picture())
        return cache

    def gallery_picture():
        from blanktrap.files.images.pictures import Picture

        return Picture(data=None, problem="not fetched")

    monkeypatch.setattr(gallery, "pictures_of", watched)
    page = open_page("gallery", shown_scores, media=str(secret), uri=str(secret))
    assert any("no image of the name in the link" in one.value for one in page.warning)
    assert read
    assert str(secret) not in read
    page = open_page("gallery", shown_scores, scores=str(tmp_path))
    assert any("scores that were not given" in one.value for one in page.error)
    assert num_tiles(page) == 0


def test_a_run_that_is_not_finished_is_shown_with_a_word(open_page, rows, tmp_path):
    location = write_scores(tmp_path / "scores", rows)
    (tmp_path / "scores" / "_SUCCESS").unlink()
    page = open_page("gallery", location)
    assert num_tiles(page) == 24
    assert any("not finished" in one.value for one in page.info)


def test_without_scores_the_page_says_what_to_name(open_page, tmp_path, reports, scores_dataset, monkeypatch):
    from dashboard import loaders_media

    monkeypatch.setattr(loaders_media, "scores_of", lambda opened: ())
    monkeypatch.setattr(gallery, "scores_of", lambda opened: ())
    page = open_page("gallery", reports[0])
    assert "blanktrap dashboard REPORT SCORES" in page.code[0].value
