"""From a file's path to its media_id, and what its folders say of place and sequence.

Owns: the media_id of a relative path, which names look like images, how paths that other programs wrote are
compared with ours, and `--path-pattern`. Refuses: disk and network; listing and sniffing are floor 1.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from blanktrap.core.errors import UsageError

IMAGE_SUFFIXES = frozenset({"jpg", "jpeg", "jpe", "png", "tif", "tiff", "webp"})

# Raw formats are TIFF inside, so that their first bytes would pass for an image that can be decoded.
RAW_SUFFIXES = frozenset({"arw", "cr2", "dng", "nef", "nrw", "orf", "pef", "raw", "rw2", "srw"})

PATTERN_FIELDS = ("location", "deployment", "sequence")
_LABEL = "label"
_KEPT_FIELDS = (*PATTERN_FIELDS, _LABEL)

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:(?=/)")
# A path without any of these is its own plain form.
_NOT_PLAIN = re.compile(r"[\\:]|//|(?:^|/)\.{0,2}(?:/|$)")


def media_id_of(relative: str, *, name: str | None = None) -> str:
    """The media_id of a path relative to its source: the path itself, in Unicode's composed form (NFC).

    A file system may store `é` as one character or as two; composed, the id survives the move to S3.

    Args:
        relative: the path, parts joined by "/".
        name: the source's name where the user gave one; it becomes the first part.
    """
    composed = unicodedata.normalize("NFC", relative)
    return f"{name}/{composed}" if name else composed


def plain_path(path: str) -> tuple[str, bool]:
    """A path as another program wrote it, in the form that is compared with media ids.

    Backslashes become slashes; a scheme, a drive letter and leading slashes go; `.` and `..` are resolved
    by the letter, so that nothing points above the beginning; a `file://` or web address is decoded.

    Args:
        path: such as `C:\\data\\a.jpg`, `\\\\server\\share\\a.jpg`, `file:///data/a.jpg` or `../S1/a.jpg`.

    Returns:
        The plain path in Unicode NFC, empty where the path names no file; and whether it had a `..`.
    """
    plain = unicodedata.normalize("NFC", path)
    if not _NOT_PLAIN.search(plain):
        return plain, False
    plain = plain.replace("\\", "/")
    scheme = _SCHEME.match(plain)
    if scheme:
        plain = plain[scheme.end() :]
        if scheme[1].lower() in ("http", "https"):
            plain = re.split(r"[?#]", plain, maxsplit=1)[0]
        if scheme[1].lower() in ("file", "http", "https"):
            plain = unicodedata.normalize("NFC", unquote(plain))
    plain = _DRIVE.sub("", plain.lstrip("/"), count=1) if _DRIVE.match(plain.lstrip("/")) else plain
    kept: list[str] = []
    climbs = False
    parts = plain.split("/")
    for part in parts:
        if part == "..":
            climbs = True
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    return ("" if parts[-1] in ("", ".", "..") else "/".join(kept)), climbs


def file_name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def suffix_of(path: str) -> str:
    """The file name's extension in lower case, without the dot; empty where there is none."""
    stem, dot, suffix = file_name_of(path).rpartition(".")
    return suffix.lower() if dot and stem else ""


def folder_name_of(path: str) -> str:
    """The folder that holds the file; empty where it lies in none."""
    return path.rpartition("/")[0].rpartition("/")[2]


def is_image_name(path: str) -> bool:
    """Whether the name alone says image: its extension does, and it is no AppleDouble companion."""
    return suffix_of(path) in IMAGE_SUFFIXES and not is_apple_double(path)


def is_apple_double(path: str) -> bool:
    """Whether macOS wrote the file beside the real one (`._IMG_0001.JPG`): same extension, no image."""
    return file_name_of(path).startswith("._")


@dataclass(frozen=True, kw_only=True)
class PathFields:
    """What a path pattern read from one path."""

    location_id: str | None = None
    deployment_id: str | None = None
    sequence_id: str | None = None
    label_name: str | None = None
    """What a folder calls the content of its files."""


@dataclass(frozen=True, kw_only=True)
class PathPattern:
    """A parsed `--path-pattern`.

    The pattern's parts stand for the path's first parts, from the left; a path may have more, never
    fewer. `{}` matches anything within one part, and so do `{location}`, `{deployment}`, `{sequence}` and
    `{label}`, which also keep it; other characters match themselves. Where pattern and path have equally
    many parts the last one is the file name: a part that is nothing but a name, such as `{location}`, never
    takes it.

    A deployment's id starts with its location, a sequence's with both, where the pattern names them:
    `R1` under `S1` is `S1/R1`, so that two locations that both have an `R1` stay apart.
    """

    text: str
    parts: tuple[re.Pattern[str], ...]
    bare_last: bool
    """The last part is nothing but a named placeholder."""

    @property
    def names_label(self) -> bool:
        """Whether one of its parts is the label."""
        return any(_LABEL in part.groupindex for part in self.parts)

    def match(self, relative: str) -> PathFields | None:
        """Read a path relative to its source; None where the pattern does not fit."""
        names = relative.split("/")
        if len(names) < len(self.parts) or (len(names) == len(self.parts) and self.bare_last):
            return None
        found: dict[str, str] = {}
        for part, name in zip(self.parts, names, strict=False):
            matched = part.fullmatch(name)
            if matched is None:
                return None
            found.update(matched.groupdict())
        found = {field: unicodedata.normalize("NFC", value) for field, value in found.items()}
        ids: dict[str, str] = {}
        for depth, field in enumerate(PATTERN_FIELDS, start=1):
            if field in found:
                outer = [found[other] for other in PATTERN_FIELDS[: depth - 1] if other in found]
                ids[f"{field}_id"] = "/".join([*outer, found[field]])
        return PathFields(**ids, label_name=found.get(_LABEL))


def parse_path_pattern(text: str) -> PathPattern:
    """Parse a `--path-pattern` such as `{location}/{deployment}/{}`.

    Raises:
        UsageError: an unknown or repeated placeholder, a stray brace, an empty part, or nothing to keep.
    """
    example = "expected one such as {location}/{deployment}/{}"
    parts = text.strip("/").split("/")
    named = [name for name in _PLACEHOLDER.findall(text) if name]
    for name in named:
        if name not in _KEPT_FIELDS:
            allowed = ", ".join(f"{{{field}}}" for field in _KEPT_FIELDS)
            raise UsageError(f"--path-pattern {text!r} has {{{name}}}, known are {allowed} and {{}}")
        if named.count(name) > 1:
            raise UsageError(
                f"--path-pattern {text!r} has {{{name}}} twice: name it once, use {{}} elsewhere"
            )
    if not named:
        raise UsageError(f"--path-pattern {text!r} names nothing: {example}")
    if any(not part for part in parts):
        raise UsageError(f"--path-pattern {text!r} has an empty part: {example}")
    if set("{}") & set(_PLACEHOLDER.sub("", text)):
        raise UsageError(f"--path-pattern {text!r} has a brace too many: {example}")
    compiled = tuple(_compile_part(part) for part in parts)
    return PathPattern(
        text=text, parts=compiled, bare_last=parts[-1] in {f"{{{field}}}" for field in _KEPT_FIELDS}
    )


def _compile_part(part: str) -> re.Pattern[str]:
    expression, position = "", 0
    for found in _PLACEHOLDER.finditer(part):
        expression += re.escape(unicodedata.normalize("NFC", part[position : found.start()]))
        expression += f"(?P<{found[1]}>.+?)" if found[1] else ".+?"
        position = found.end()
    return re.compile(expression + re.escape(part[position:]), re.DOTALL)
