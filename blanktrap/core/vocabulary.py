"""The words of the project, each spelt in one place.

Owns: the values that labels, label levels, statuses and splits may take, and the names other people
give to "nothing there". Refuses: any other spelling; schemas and arithmetic live elsewhere.
"""

from enum import StrEnum


class Label(StrEnum):
    """What a person said of a media. Absent (null) where nobody said anything usable."""

    BLANK = "blank"
    NONBLANK = "nonblank"


class LabelLevel(StrEnum):
    """Whether a person judged this frame, or only the sequence it belongs to."""

    MEDIA = "media"
    SEQUENCE = "sequence"


class Status(StrEnum):
    """What became of a media in scoring. Only `ok` has a `p_nonblank`."""

    OK = "ok"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"


class Split(StrEnum):
    """The part of the labelled media that a row belongs to."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class SplitBy(StrEnum):
    """What stays whole when media are split: what a test is then a test of."""

    LOCATION = "location"
    DEPLOYMENT = "deployment"
    SEQUENCE = "sequence"
    TIME = "time"


class Position(StrEnum):
    """Where in the picture the animal is, as a person who looked says."""

    CLOSE = "close"
    BACKGROUND = "background"
    BORDER = "border"
    COVERS_CAMERA = "covers_camera"


class Circumstance(StrEnum):
    """What made the animal hard to see; several may apply to one media."""

    NIGHT = "night"
    HIGH_GRASS = "high_grass"
    WEATHER = "weather"
    BROKEN_CAMERA = "broken_camera"
    MOTION_BLUR = "motion_blur"


class QueueKind(StrEnum):
    """Why people are asked to look at the media of a review queue."""

    WRONG_LABELS = "wrong_labels"
    DISCARD_AUDIT = "discard_audit"
    ERROR_SAMPLE = "error_sample"
    SUGGESTED = "suggested"


# Names that annotation tools give to an image without animal, person or vehicle.
BLANK_NAMES = frozenset(
    {
        "blank",
        "empty",
        "no animal",
        "no_animal",
        "noanimal",
        "nothing",
        "nothing here",
        "nothinghere",
        "nothing_here",
        "false trigger",
        "false_trigger",
        "misfire",
        "vacia",
        "vacío",
        "vacio",
        "leer",
        "vide",
        "vazio",
        "vazia",
    }
)

# Names that say nobody could tell, or nobody said (`none` may be "no answer" as well as "no animal"). These
# never become blank: a lost animal is worse than a kept blank.
UNKNOWN_NAMES = frozenset(
    {
        "",
        "?",
        "na",
        "n/a",
        "nan",
        "null",
        "none",
        "none of the above",
        "no data",
        "no cv result",
        "cv needed",
        "cv failed",
        "impossible",
        "unknown",
        "uncertain",
        "undetermined",
        "not sure",
        "unclassified",
        "unidentifiable",
        "unidentified",
        "unlabeled",
        "unlabelled",
        "unsure",
        "not classified",
        "corrupt",
        "corrupted",
        "setup",
        "setup_pickup",
    }
)

NONBLANK_NAMES = frozenset(
    {"nonblank", "non-blank", "non_blank", "notblank", "not blank", "animal", "object"}
)

# Columns that hold a yes or a no, by what yes stands for. No other column's yes is understood.
_BLANK_FLAGS = frozenset({"blank", "empty", "is_blank", "is_empty", "isblank", "isempty"})
_NONBLANK_FLAGS = frozenset(
    {
        "animal",
        "animal_present",
        "contains_animal",
        "has_animal",
        "is_animal",
        "is_nonblank",
        "is_nonempty",
        "isanimal",
        "non_blank",
        "non_empty",
        "nonblank",
        "nonempty",
        "not_blank",
        "not_empty",
    }
)
FLAG_COLUMNS = _BLANK_FLAGS | _NONBLANK_FLAGS

_YES = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_NO = frozenset({"false", "f", "no", "n", "0", "0.0"})
FLAG_ANSWERS = ("true", "false", "yes", "no", "1", "0")


def is_flag_answer(text: str) -> bool:
    """Whether a text is a yes or a no."""
    return text.strip().casefold() in _YES | _NO


def label_of_flag(column: str, text: str) -> Label | None:
    """Translate a yes or no into a label.

    Args:
        column: one of `FLAG_COLUMNS`; its name says what yes stands for.
        text: the answer; empty text gives None.

    Raises:
        ValueError: the text is neither yes nor no, or the column is not known.
    """
    plain = text.strip().casefold()
    if column not in FLAG_COLUMNS or (plain and not is_flag_answer(plain)):
        raise ValueError(f"column {column!r} has {text!r}")
    if not plain:
        return None
    return Label.BLANK if (plain in _YES) == (column in _BLANK_FLAGS) else Label.NONBLANK


def label_of_name(name: str | None) -> Label | None:
    """Translate a category or species name into a label.

    Args:
        name: what an annotation file calls the content of an image, in any case; None for no answer.

    Returns:
        `Label.BLANK` for the synonyms of empty, None for names that mean "nobody can tell",
        `Label.NONBLANK` for everything else (a species, a person, a vehicle).
    """
    if name is None:
        return None
    plain = " ".join(name.strip().casefold().split())
    if plain in UNKNOWN_NAMES:
        return None
    if plain in BLANK_NAMES:
        return Label.BLANK
    return Label.NONBLANK


def species_of_name(name: str | None) -> str | None:
    """Return the species a category name stands for, or None where it names no species."""
    if name is None or label_of_name(name) is not Label.NONBLANK:
        return None
    plain = " ".join(name.strip().split())
    return None if plain.casefold() in NONBLANK_NAMES else plain
