import pytest

from blanktrap.core.errors import UsageError
from blanktrap.core.paths import PathFields, is_image_name, media_id_of, parse_path_pattern, suffix_of


def test_one_id_however_accents_are_stored() -> None:
    assert media_id_of("Sitio/cafe\u0301.jpg") == media_id_of("Sitio/caf\u00e9.jpg") == "Sitio/caf\u00e9.jpg"
    assert media_id_of("a/b.jpg", name="peru") == "peru/a/b.jpg"


@pytest.mark.parametrize("name", ["a.jpg", "x/B.JPEG", "c.Tif", "d.webp", "e.png", "f.jpe", "new\nline.jpg"])
def test_image_extensions_in_any_case_are_images(name: str) -> None:
    assert is_image_name(name)


@pytest.mark.parametrize("name", ["._a.jpg", "x/._B.JPEG", ".jpg", "jpg", "a.jpg.txt", "a.mp4", ".DS_Store"])
def test_companions_and_other_files_are_no_images_by_name(name: str) -> None:
    assert not is_image_name(name)


def test_a_dot_in_a_folder_is_no_extension() -> None:
    assert suffix_of("day.1/IMG_0001") == ""


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{location}/{deployment}/{}", "S1/R1/x.jpg", PathFields(location_id="S1", deployment_id="S1/R1")),
        # Parts beyond the pattern are free.
        (
            "{location}/{deployment}/{}",
            "S1/R1/day2/x.jpg",
            PathFields(location_id="S1", deployment_id="S1/R1"),
        ),
        ("{location}", "S1/R1/x.jpg", PathFields(location_id="S1")),
        ("{}/{sequence}/{}", "S1/Q9/x.jpg", PathFields(sequence_id="Q9")),
        (
            "season{}/{location}_{deployment}/",
            "season3/B04_R1/x.jpg",
            PathFields(location_id="B04", deployment_id="B04/R1"),
        ),
        # A file name is read where the pattern says more than a bare name.
        ("{location}_{}", "B04_0001.jpg", PathFields(location_id="B04")),
        # A bare name never takes the file name; fewer parts than the pattern never fit.
        ("{location}", "x.jpg", None),
        ("{location}/{deployment}", "S1/x.jpg", None),
        ("{location}/{deployment}/{}", "S1/x.jpg", None),
        ("season{}/{location}/{}", "S1/R1/x.jpg", None),
    ],
)
def test_a_pattern_reads_the_first_parts_of_a_path(
    pattern: str, path: str, expected: PathFields | None
) -> None:
    assert parse_path_pattern(pattern).match(path) == expected


def test_equal_rolls_of_two_locations_stay_apart() -> None:
    pattern = parse_path_pattern("{location}/{deployment}/{sequence}/{}")
    one, other = pattern.match("S1/R1/Q1/x.jpg"), pattern.match("S2/R1/Q1/x.jpg")
    assert one is not None
    assert other is not None
    assert (one.deployment_id, one.sequence_id) == ("S1/R1", "S1/R1/Q1")
    assert one.deployment_id != other.deployment_id
    assert one.sequence_id != other.sequence_id


@pytest.mark.parametrize(
    "pattern",
    ["{site}/{}", "{}/{}", "plain", "{location}/{location}", "{location", "a}/{location}", "{location}//{}"],
)
def test_a_wrong_pattern_is_refused_in_one_line(pattern: str) -> None:
    with pytest.raises(UsageError, match="--path-pattern") as caught:
        parse_path_pattern(pattern)
    assert "\n" not in str(caught.value)


def test_regular_expression_characters_in_a_pattern_match_themselves() -> None:
    assert parse_path_pattern("a.b/{location}/{}").match("axb/S1/x.jpg") is None
