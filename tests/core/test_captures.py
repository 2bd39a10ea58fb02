import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.captures import Roll, parse_capture_id, parse_image_path


def test_a_capture_id_names_season_site_roll_and_capture() -> None:
    found = parse_capture_id(" SER_S1#K11#1#205 ")
    assert found is not None
    assert (found.text, found.capture) == ("SER_S1#K11#1#205", 205)
    assert found.taken_on == Roll(park="SER", season="S1", site="K11", roll=1)


def test_one_site_is_one_location_in_all_seasons_and_its_rolls_stay_apart() -> None:
    first, second = parse_capture_id("SER_S1#K11#1#205"), parse_capture_id("SER_S2#K11#1#205")
    assert first is not None
    assert second is not None
    assert first.location_id == second.location_id == "K11"
    assert (first.deployment_id, second.deployment_id) == ("S1/K11/R1", "S2/K11/R1")


def test_equal_sites_of_two_parks_are_two_locations() -> None:
    serengeti, kruger = parse_capture_id("SER_S1#B04#1#2"), parse_capture_id("KRU_S1#B04#1#2")
    assert serengeti is not None
    assert kruger is not None
    assert (serengeti.location_id, kruger.location_id) == ("B04", "KRU/B04")
    assert serengeti.deployment_id != kruger.deployment_id


@pytest.mark.parametrize(
    ("path", "roll"),
    [
        ("S1/B04/B04_R1/S1_B04_R1_PICT0001.JPG", Roll(park="SER", season="S1", site="B04", roll=1)),
        ("SER_S11/T11/T11_R12/x.JPG", Roll(park="SER", season="S11", site="T11", roll=12)),
        ("a/b/S2/C05/C05_R3/x.JPG", Roll(park="SER", season="S2", site="C05", roll=3)),
        ("S2\\C05\\C05_R3\\x.JPG", Roll(park="SER", season="S2", site="C05", roll=3)),
        ("S1/B04/B05_R1/x.JPG", None),
        ("S1/B04/B04_R1", None),
        ("photos/IMG_0001.JPG", None),
    ],
)
def test_image_paths_name_the_roll_or_nothing(path: str, roll: Roll | None) -> None:
    assert parse_image_path(path) == roll


@pytest.mark.parametrize(
    "text", ["", "ASG000b3xp", "SER_S1#K11#1", "SER_S1#K11#one#2", "SER_S1#K/1#1#2", "#"]
)
def test_other_ids_are_none(text: str) -> None:
    assert parse_capture_id(text) is None


@given(
    st.integers(1, 99), st.from_regex(r"[A-Z][0-9]{2}", fullmatch=True), st.integers(0, 99), st.integers(0)
)
def test_every_id_that_is_written_is_read(season: int, site: str, roll: int, capture: int) -> None:
    found = parse_capture_id(f"SER_S{season}#{site}#{roll}#{capture}")
    assert found is not None
    assert (found.taken_on.season, found.location_id) == (f"S{season}", site)
    assert (found.taken_on.roll, found.capture) == (roll, capture)


@given(st.text())
def test_no_text_breaks_the_parsers(text: str) -> None:
    parse_image_path(text)
    assert parse_capture_id(text) is None or "#" in text
