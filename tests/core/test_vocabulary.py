import pytest

from blanktrap.core.vocabulary import (
    BLANK_NAMES,
    FLAG_COLUMNS,
    NONBLANK_NAMES,
    UNKNOWN_NAMES,
    Label,
    label_of_flag,
    label_of_folder,
    label_of_name,
    species_of_name,
)


@pytest.mark.parametrize(
    "name",
    ["Empty", " false_trigger", "False  Trigger", "nothing_here", "No Animal", "no-animals", "VACÍO", "空拍"],
)
def test_synonyms_of_empty_are_blank(name: str) -> None:
    assert label_of_name(name) is Label.BLANK
    assert species_of_name(name) is None


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "None",
        "none of the above",
        "Not sure",
        "uncertain",
        "undetermined",
        "No data",
        "No CV Result",
        "unknown",
    ],
)
def test_what_nobody_said_is_never_blank(name: str | None) -> None:
    assert label_of_name(name) is None
    assert species_of_name(name) is None


def test_everything_else_is_something_that_lives() -> None:
    assert label_of_name("Red fox") is Label.NONBLANK
    assert species_of_name(" Red  fox ") == "Red fox"
    assert species_of_name("animal") is None


def test_no_name_means_two_things() -> None:
    assert not BLANK_NAMES & UNKNOWN_NAMES
    assert not BLANK_NAMES & NONBLANK_NAMES
    assert not UNKNOWN_NAMES & NONBLANK_NAMES


@pytest.mark.parametrize(
    "name", ["background", "ghost", "negative", "tom", "other", "false positive", "unknown animal", "grass"]
)
def test_what_may_mean_something_else_never_becomes_blank(name: str) -> None:
    assert label_of_name(name) is not Label.BLANK


@pytest.mark.parametrize("name", ["2019", "DCIM", "100RECNX", "101_BTCF"])
def test_folders_that_cameras_and_calendars_name_say_nothing(name: str) -> None:
    assert label_of_folder(name) is None


def test_a_yes_means_what_its_column_says() -> None:
    assert label_of_flag("is_empty", " TRUE ") is label_of_flag("is_animal", "0") is Label.BLANK
    assert label_of_flag("is_empty", "no") is label_of_flag("nonblank", "1") is Label.NONBLANK
    assert {label_of_flag(column, "") for column in FLAG_COLUMNS} == {None}
    for column, text in (("is_empty", "maybe"), ("verdict", "yes")):
        with pytest.raises(ValueError, match=column):
            label_of_flag(column, text)
