"""The XMP sidecar of a media: what was decided on it, as keywords that photo managers show.

Owns: the document, and adding the same to one that somebody else wrote, where that is safe. Refuses: files,
and where they are called what.

A media has the keyword `blanktrap|blank`, `blanktrap|nonblank`, `blanktrap|review` or `blanktrap|unreadable`,
three times, as photo managers differ: in `lr:hierarchicalSubject` (Lightroom, darktable), in
`digiKam:TagsList` (with slashes) and, flat, in `dc:subject`. `p_nonblank`, the decision and the `media_id`
are properties of a namespace of our own.
"""

import io
import re
from dataclasses import dataclass
from xml.etree import ElementTree

from blanktrap.core.vocabulary import Decision

MAX_BYTES = 1 << 20
"""A larger file that somebody wrote is not merged with: it is no list of keywords."""

_ROOT = "blanktrap"
_WORDS = {
    Decision.KEEP: "nonblank",
    Decision.REVIEW: "review",
    Decision.SET_ASIDE: "blank",
    Decision.UNREADABLE: "unreadable",
}

_NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "blanktrap": "urn:blanktrap:xmp:1.0/",
}
# What XML 1.0 cannot hold, not even escaped.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class UnsafeSidecarError(ValueError):
    """A sidecar that somebody wrote cannot be added to safely; says why in a few words."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a sidecar says of a media."""

    media_id: str
    decision: Decision
    p_nonblank: float | None

    @property
    def keyword(self) -> str:
        """The keyword, its levels joined by "|"."""
        return f"{_ROOT}|{_WORDS[self.decision]}"


def sidecar_of(verdict: Verdict) -> bytes:
    """A whole sidecar, as XML in UTF-8."""
    root = ElementTree.Element(_tag("x", "xmpmeta"))
    rdf = ElementTree.SubElement(root, _tag("rdf", "RDF"))
    about = ElementTree.SubElement(rdf, _tag("rdf", "Description"), {_tag("rdf", "about"): ""})
    _add(about, verdict)
    return _written(root)


def merge_sidecar(existing: bytes, verdict: Verdict) -> bytes:
    """A sidecar with everything that an existing one says, and the verdict.

    Args:
        existing: the file somebody else wrote.
        verdict: what to add.

    Raises:
        UnsafeSidecarError: it is no XMP that we understand, or says something of blanktrap's already.
    """
    if len(existing) > MAX_BYTES:
        raise UnsafeSidecarError("its sidecar is larger than a megabyte")
    root = _parsed(existing)
    found = [root] if root.tag == _tag("rdf", "RDF") else root.findall(_tag("rdf", "RDF"))
    abouts = found[0].findall(_tag("rdf", "Description")) if len(found) == 1 else []
    if not abouts:
        raise UnsafeSidecarError("its sidecar is no XMP")
    if verdict_in(root) is not None or any(text.startswith(f"{_ROOT}|") for text in _texts(root)):
        raise UnsafeSidecarError("its sidecar has keywords of blanktrap's already")
    for prefix, name, kind, _ in _lists(verdict):
        holders = [about for about in abouts if _tag(prefix, name) in about.attrib]
        lists = [element for about in abouts for element in about.findall(_tag(prefix, name))]
        if holders or len(lists) > 1 or (lists and [child.tag for child in lists[0]] != [_tag("rdf", kind)]):
            raise UnsafeSidecarError(f"its sidecar has {prefix}:{name} in a form of its own")
    _add(abouts[0], verdict, abouts)
    return _written(root)


def verdict_in(sidecar: bytes | ElementTree.Element) -> Verdict | None:
    """What a sidecar says of a media; None where it says nothing of blanktrap's, or is no XMP."""
    try:
        root = _parsed(sidecar) if isinstance(sidecar, bytes) else sidecar
        for about in root.iter(_tag("rdf", "Description")):
            media_id = about.get(_tag("blanktrap", "mediaId"))
            if media_id is not None:
                score = about.get(_tag("blanktrap", "pNonblank"))
                return Verdict(
                    media_id=media_id,
                    decision=Decision(about.get(_tag("blanktrap", "decision"), "")),
                    p_nonblank=float(score) if score else None,
                )
    except ValueError:
        return None
    return None


def shown_id(media_id: str) -> str:
    """A media_id as a sidecar holds it: what XML cannot hold is percent-encoded."""
    encoded = _NOT_IN_XML.sub(lambda found: f"%{ord(found[0]):02X}", media_id)
    # An attribute's line breaks and tabs would come back as spaces.
    return re.sub(r"[\t\n\r]", lambda found: f"%{ord(found[0]):02X}", encoded)


def _add(
    about: ElementTree.Element, verdict: Verdict, abouts: list[ElementTree.Element] | None = None
) -> None:
    about.set(_tag("blanktrap", "mediaId"), shown_id(verdict.media_id))
    about.set(_tag("blanktrap", "decision"), verdict.decision.value)
    if verdict.p_nonblank is not None:
        about.set(_tag("blanktrap", "pNonblank"), f"{verdict.p_nonblank:.6g}")
    for prefix, name, kind, words in _lists(verdict):
        lists = [element for one in abouts or [] for element in one.findall(_tag(prefix, name))]
        holder = lists[0] if lists else ElementTree.SubElement(about, _tag(prefix, name))
        items = holder[0] if len(holder) else ElementTree.SubElement(holder, _tag("rdf", kind))
        present = {item.text for item in items}
        for word in words:
            if word not in present:
                ElementTree.SubElement(items, _tag("rdf", "li")).text = word


def _lists(verdict: Verdict) -> list[tuple[str, str, str, list[str]]]:
    """The lists of keywords: namespace, name, kind of list, words."""
    levels = verdict.keyword.split("|")
    return [
        ("dc", "subject", "Bag", levels),
        ("lr", "hierarchicalSubject", "Bag", ["|".join(levels)]),
        ("digiKam", "TagsList", "Seq", ["/".join(levels)]),
    ]


def _texts(root: ElementTree.Element) -> list[str]:
    return [element.text for element in root.iter(_tag("rdf", "li")) if element.text]


def _parsed(data: bytes) -> ElementTree.Element:
    # A document type could define entities that grow without end; XMP has none.
    if b"<!" in data.replace(b"<!--", b"") or b"\0" in data:
        raise UnsafeSidecarError("its sidecar is no plain XMP")
    try:
        for _, (prefix, uri) in ElementTree.iterparse(io.BytesIO(data), events=["start-ns"]):
            if prefix and not re.fullmatch(r"ns\d+", prefix) and prefix not in _NAMESPACES:
                ElementTree.register_namespace(prefix, uri)
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError, ValueError) as problem:
        raise UnsafeSidecarError("its sidecar is no XML") from problem


def _written(root: ElementTree.Element) -> bytes:
    for prefix, uri in _NAMESPACES.items():
        ElementTree.register_namespace(prefix, uri)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _tag(prefix: str, name: str) -> str:
    return f"{{{_NAMESPACES[prefix]}}}{name}"
