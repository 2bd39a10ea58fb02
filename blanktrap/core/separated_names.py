"""What a media is called below the folder of its decision.

Owns: the rule for names that a file system or a bucket cannot hold, or that would lead out of the folder.
Refuses: looking at a disk; what it allows is told.

A media keeps its `media_id` as its path, in Unicode NFC, wherever it can. What is changed, and how:

- a part `.` or `..`, and an empty part, as of `a//b` or `/a`, is percent-encoded: `%2E%2E`, `%2F`;
- control characters and NUL are percent-encoded;
- on disk, so are `< > : " | ? * \\`, a dot or space at the end of a part, and the first letter of a name that
  Windows keeps for devices (`NUL.jpg` becomes `%4EUL.jpg`): the folder may be on a USB disk or a network
  share;
- a part with more bytes than the file system allows is cut, and `~` with eight digits of a hash put before
  its extension; a whole key with more bytes than S3 allows becomes `~` with 32 digits;
- where two names would be one, because they differ in upper and lower case alone or because of the above,
  both get `~` and eight digits.

The digits are those of the SHA-256 of the `media_id`, up to the part that was cut: a function of the name
alone, so that any run gives the same.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from blanktrap.core.paths import suffix_of

RESERVED_PREFIX = ".blanktrap-"
"""Names that begin so are files in the making."""
MAX_KEY_BYTES = 1024
"""Bytes of an S3 key, in UTF-8."""

_CONTROLS = r"\x00-\x1f\x7f"
_NOT_ON_DISK = r'<>:"\\|?*'
_DEVICES = r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])"
_DEVICE_NAME = re.compile(rf"{_DEVICES}(?:[ .].*)?", re.IGNORECASE | re.DOTALL)
_LONGEST_SUFFIX = 16

# Anything else is its own name. Arrow looks through millions of names with these.
_ODD_KEY = rf"^$|[{_CONTROLS}]|^/|//|/$|(^|/)\.{{1,2}}(/|$)"
_ODD_PATH = rf"{_ODD_KEY}|[{_NOT_ON_DISK}]|[. ](/|$)|(^|/)\.blanktrap-|(?i:(^|/){_DEVICES}([ ./]|$))"


@dataclass(frozen=True, kw_only=True)
class NameRule:
    """What names the place allows."""

    is_s3: bool
    max_part_bytes: int
    """Bytes of one part of a path, in UTF-8."""
    max_bytes: int
    """Bytes of the whole."""
    ignores_case: bool = False
    """Whether `A.jpg` and `a.jpg` are one file there."""

    def apply(self, media_ids: pa.StringArray) -> pa.StringArray:
        """The names of media, without regard to one another; shape (num_media,)."""
        composed = pc.utf8_normalize(media_ids, form="NFC")
        odd = pc.match_substring_regex(composed, _ODD_KEY if self.is_s3 else _ODD_PATH)
        limit = min(self.max_part_bytes, self.max_bytes)
        is_odd = pc.or_(odd, pc.greater(pc.binary_length(composed), limit))
        if not pc.any(is_odd).as_py():
            return composed
        changed = [self.name_of(name) for name in pc.filter(composed, is_odd).to_pylist()]
        return pc.replace_with_mask(composed, is_odd, pa.array(changed, pa.string()))

    def name_of(self, media_id: str) -> str:
        """The name of one media."""
        media_id = unicodedata.normalize("NFC", media_id)
        names, parts = [], media_id.split("/")
        for number, part in enumerate(parts):
            name = self._part(part)
            if len(name.encode()) > self.max_part_bytes:
                # A folder's hash is of its own path: its files stay together.
                name = self._cut(name, _digits("/".join(parts[: number + 1]), 8))
            names.append(name)
        return self._whole("/".join(names), media_id)

    def apart(self, name: str, media_id: str) -> str:
        """The name of a media whose name is another's too."""
        folder, slash, last = name.rpartition("/")
        tail = f"~{_digits(media_id, 8)}"
        stem, suffix = _split_suffix(last)
        if len(f"{last}{tail}".encode()) > self.max_part_bytes:
            return f"{folder}{slash}{self._cut(last, _digits(media_id, 8))}"
        return self._whole(f"{folder}{slash}{stem}{tail}{suffix}", media_id)

    def _part(self, part: str) -> str:
        if part in ("", ".", ".."):
            return {"": "%2F", ".": "%2E", "..": "%2E%2E"}[part]
        forbidden = _CONTROLS if self.is_s3 else _CONTROLS + _NOT_ON_DISK
        name = re.sub(f"[{forbidden}]", lambda found: _encoded(found[0]), part)
        if self.is_s3:
            return name
        if name[-1] in ". ":
            name = name[:-1] + _encoded(name[-1])
        if _DEVICE_NAME.fullmatch(name) or name.startswith(RESERVED_PREFIX):
            name = _encoded(name[0]) + name[1:]
        return name

    def _cut(self, name: str, digits: str) -> str:
        stem, suffix = _split_suffix(name)
        room = self.max_part_bytes - len(suffix.encode()) - len(digits) - 1
        return f"{stem.encode()[:room].decode(errors='ignore').rstrip('. ')}~{digits}{suffix}"

    def _whole(self, name: str, media_id: str) -> str:
        if len(name.encode()) <= self.max_bytes:
            return name
        return f"~{_digits(media_id, 32)}{_split_suffix(name)[1]}"


def _split_suffix(name: str) -> tuple[str, str]:
    """A name without its extension, and the extension with its dot where it is a short one."""
    suffix = suffix_of(name)
    if not suffix or len(suffix.encode()) > _LONGEST_SUFFIX:
        return name, ""
    return name[: -len(suffix) - 1], name[-len(suffix) - 1 :]


def _digits(text: str, num: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:num]


def _encoded(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
