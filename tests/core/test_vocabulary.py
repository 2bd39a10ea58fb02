import pytest

from blanktrap.core.vocabulary import Label, label_of_name, species_of_name


@pytest.mark.parametrize("name", ["Empty", " false_trigger", "False  Trigger", "nothing_here", "No Animal"])
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
