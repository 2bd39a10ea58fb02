"""The words of the project, each spelt in one place.

Owns: the values that labels, label levels, statuses and splits may take, and the names other people
give to "nothing there". Refuses: any other spelling; schemas and arithmetic live elsewhere.
"""

import re
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


class Decision(StrEnum):
    """What becomes of a media. One without a score is `unreadable`, whatever its status: never set aside."""

    SET_ASIDE = "set_aside"
    REVIEW = "review"
    KEEP = "keep"
    UNREADABLE = "unreadable"


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


def _spellings(names: set[str]) -> frozenset[str]:
    """Names of several words as others join them: `no animal`, `no_animal`, `no-animal`, `noanimal`."""
    return frozenset(joint.join(name.split(" ")) for name in names for joint in (" ", "_", "-", ""))


# Names that annotation tools and archives give to an image without animal, person or vehicle. What may also
# mean something else (`background`, `ghost`, `negative`, `tom`) is not here: a lost animal is worse than a
# kept blank.
BLANK_NAMES = _spellings(
    {
        "blank",
        "blank image",
        "blank photo",
        "camera misfire",
        "empty",
        "empty image",
        "empty photo",
        "false trigger",
        "misfire",
        "no animal",
        "no animals",
        "no animal present",
        "no wildlife",
        "nothing",
        "nothing here",
        # Spanish, Portuguese, German, Dutch, French, Italian, Polish, Czech, Russian, Indonesian, Chinese
        "nada",
        "sin animal",
        "sin animales",
        "sin fauna",
        "vacia",
        "vacía",
        "vacio",
        "vacío",
        "sem animal",
        "vazia",
        "vazio",
        "leer",
        "leeg",
        "vide",
        "vuota",
        "vuoto",
        "pusty",
        "prázdné",
        "пусто",
        "kosong",
        "空",
        "空拍",
    }
)

# Names that say nobody could tell, or nobody said (`none` may be "no answer" as well as "no animal"), and of
# pictures that a camera takes while it is set up. These never become blank.
UNKNOWN_NAMES = _spellings(
    {
        "",
        "?",
        "-",
        "--",
        "#n/a",
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
        "unusable",
        "not classified",
        "corrupt",
        "corrupted",
        "calibration photo",
        "calibration photos",
        "time lapse",
        "setup",
        "setup pickup",
        "start",
        "end",
    }
)

NONBLANK_NAMES = _spellings({"non blank", "not blank", "non empty", "not empty", "animal", "object"})

# Nonblank, and no animal: what annotation tools call persons and vehicles.
_PEOPLE_NAMES = _spellings(
    {
        "person",
        "persons",
        "people",
        "group",
        "human",
        "humans",
        "homo sapiens",
        "man",
        "vehicle",
        "vehicles",
        "car",
        "truck",
        "bus",
        "motorcycle",
        "bicycle",
        "bike",
    }
)

# What programs write for a location or sequence that nobody gave: pictures that share it share nothing.
# Longer phrases may well be names of places.
_UNKNOWN_IDS = frozenset({"", "unknown", "none", "null", "nan", "na", "n/a", "#n/a"})

# The design rule for camera file systems: three digits and five letters, digits or underscores below DCIM.
_CAMERA_FOLDER = re.compile(r"DCIM|\d{3}[A-Z0-9_]{5}")

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

# Also in Dutch and German, French, Spanish, Italian and Portuguese: an answer is no species.
_YES = frozenset({"true", "t", "yes", "y", "1", "1.0", "ja", "oui", "si", "sí", "sì", "sim"})
_NO = frozenset({"false", "f", "no", "n", "0", "0.0", "nee", "nein", "non", "nao", "não"})
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


def is_unknown_id(name: str) -> bool:
    """Whether an id of a location, deployment or sequence says that there is none."""
    return name.strip().casefold() in _UNKNOWN_IDS


def label_of_folder(name: str) -> Label | None:
    """Translate the name of a folder into a label, as `label_of_name` does.

    What is only digits, and what cameras call their own folders (`DCIM`, `100RECNX`), says nothing.
    """
    if name.isdecimal() or _CAMERA_FOLDER.fullmatch(name):
        return None
    return label_of_name(name)


def is_people_name(name: str) -> bool:
    """Whether a category of nonblank media stands for persons or vehicles, and so for no wild animal."""
    return " ".join(name.strip().casefold().split()) in _PEOPLE_NAMES


def species_of_name(name: str | None) -> str | None:
    """Return the species a category name stands for, or None where it names no species."""
    if name is None or label_of_name(name) is not Label.NONBLANK:
        return None
    plain = " ".join(name.strip().split())
    return None if plain.casefold() in NONBLANK_NAMES else plain
