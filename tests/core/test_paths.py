import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.errors import UsageError
from blanktrap.core.paths import (
    PathFields,
    folder_name_of,
    is_image_name,
    media_id_of,
    parse_path_pattern,
    plain_path,
    suffix_of,
)


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


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("S1/a b.jpg", "S1/a b.jpg"),
        ("C:\\data\\S1\\a.jpg", "data/S1/a.jpg"),
        ("c:/data/a.jpg", "data/a.jpg"),
        ("\\\\server\\share\\a.jpg", "server/share/a.jpg"),
        ("/mnt/a.jpg", "mnt/a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("S1//./a.jpg", "S1/a.jpg"),
        ("file:///mnt/a%20b.jpg", "mnt/a b.jpg"),
        ("file:///C:/data/a.jpg", "data/a.jpg"),
        ("s3://bucket/a%20b.jpg", "bucket/a%20b.jpg"),
        ("https://host/a%20b.jpg?x=/y#z", "host/a b.jpg"),
        ("a..b/...jpg", "a..b/...jpg"),
        ("10:30.jpg", "10:30.jpg"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ("", ""),
        ("/", ""),
        ("S1/", ""),
        (".", ""),
    ],
)
def test_a_path_of_another_program_in_plain_form(path: str, plain: str) -> None:
    assert plain_path(path) == (plain, False)


@pytest.mark.parametrize(
    ("path", "plain"),
    [("../S1/a.jpg", "S1/a.jpg"), ("S1/x/../a.jpg", "S1/a.jpg"), ("../../../a.jpg", "a.jpg"), ("S1/..", "")],
)
def test_what_climbs_never_leaves_the_beginning(path: str, plain: str) -> None:
    assert plain_path(path) == (plain, True)


@given(st.text(alphabet="aB1./\\: %é", max_size=20))
def test_a_plain_path_is_its_own_plain_form(path: str) -> None:
    plain, _ = plain_path(path)
    assert not {"", ".", ".."} & set(plain.split("/")) or plain == ""
    if ":" not in plain:
        assert plain_path(plain) == (plain, False)


def test_the_folder_of_a_file() -> None:
    assert [folder_name_of(path) for path in ("a/b/c.jpg", "b/c.jpg", "c.jpg")] == ["b", "b", ""]


def test_a_pattern_may_name_the_label() -> None:
    pattern = parse_path_pattern("{label}/{location}/{}")
    assert pattern.names_label
    assert pattern.match("deer/S1/a.jpg") == PathFields(location_id="S1", label_name="deer")
    assert not parse_path_pattern("{location}/{}").names_label
