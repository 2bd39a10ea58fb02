"""Sidecars are valid XMP for any name, and say everything that an older one said."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanktrap.core.sidecars import (
    UnsafeSidecarError,
    Verdict,
    merge_sidecar,
    shown_id,
    sidecar_of,
    verdict_in,
)
from blanktrap.core.vocabulary import Decision

LI = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
NAMES = {
    "subject": "{http://purl.org/dc/elements/1.1/}subject",
    "hierarchical": "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject",
    "tags": "{http://www.digikam.org/ns/1.0/}TagsList",
}
# As digiKam and darktable write them: attributes and lists, in more than one Description.
OLDER = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:odd="http://example.org/odd/" xmp:Rating="4" odd:Kept="as &lt;it&gt; is">
   <dc:subject
   xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Bag><rdf:li>leopard</rdf:li></rdf:Bag></dc:subject>
  </rdf:Description>
  <rdf:Description rdf:about="" xmlns:digiKam="http://www.digikam.org/ns/1.0/">
   <digiKam:TagsList><rdf:Seq><rdf:li>Animals/leopard</rdf:li></rdf:Seq></digiKam:TagsList>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def verdict(media_id="S1/a.jpg", decision=Decision.SET_ASIDE, p=0.125):
    return Verdict(media_id=media_id, decision=decision, p_nonblank=p)


def words(sidecar, name):
    [holder] = ElementTree.fromstring(sidecar).iter(NAMES[name])
    return [item.text for item in holder.iter(LI)]


@pytest.mark.parametrize(
    ("decision", "word"),
    [
        (Decision.SET_ASIDE, "blank"),
        (Decision.KEEP, "nonblank"),
        (Decision.REVIEW, "review"),
        (Decision.UNREADABLE, "unreadable"),
    ],
)
def test_a_decision_is_a_keyword_for_every_photo_manager(decision, word):
    sidecar = sidecar_of(verdict(decision=decision))
    assert words(sidecar, "hierarchical") == [f"blanktrap|{word}"]
    assert words(sidecar, "tags") == [f"blanktrap/{word}"]
    assert words(sidecar, "subject") == ["blanktrap", word]


@given(st.text(), st.sampled_from(Decision), st.one_of(st.none(), st.floats(0, 1, width=32)))
def test_what_a_sidecar_says_is_read_back_whatever_the_name(media_id, decision, p):
    if any("\ud800" <= character <= "\udfff" for character in media_id):
        return  # no media_id has these
    found = verdict_in(sidecar_of(verdict(media_id, decision, p)))
    assert found is not None
    assert found.media_id == shown_id(media_id)
    assert found.decision is decision
    assert found.p_nonblank == (None if p is None else pytest.approx(p, rel=1e-5))


def test_a_hostile_name_stays_text():
    name = "\"'<&>]]>\n\0\x1b<!DOCTYPE/>.jpg"
    found = verdict_in(sidecar_of(verdict(name)))
    assert found is not None
    assert found.media_id == "\"'<&>]]>%0A%00%1B<!DOCTYPE/>.jpg"


def test_an_older_sidecar_keeps_all_it_says():
    merged = merge_sidecar(OLDER, verdict())
    assert words(merged, "subject") == ["leopard", "blanktrap", "blank"]
    assert words(merged, "tags") == ["Animals/leopard", "blanktrap/blank"]
    assert words(merged, "hierarchical") == ["blanktrap|blank"]
    text = merged.decode()
    assert 'xmp:Rating="4"' in text
    assert 'odd:Kept="as &lt;it&gt; is"' in text
    assert verdict_in(merged) == verdict()


@pytest.mark.parametrize(
    ("existing", "said"),
    [
        (b"", "is no XML"),
        (b"not xml", "is no XML"),
        (b"<a/>", "is no XMP"),
        (OLDER + b" " * (1 << 20), "larger than a megabyte"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + OLDER[OLDER.index(b"<x:") :], "no plain XMP"),
        (OLDER.replace(b"rdf:Bag", b"rdf:Alt"), "has dc:subject in a form of its own"),
        (OLDER.replace(b"<rdf:li>leopard", b"<rdf:li>blanktrap|blank"), "keywords of blanktrap's already"),
        (OLDER.decode().encode("utf-16"), "no plain XMP"),
    ],
)
def test_what_cannot_be_added_to_safely_is_refused(existing, said):
    with pytest.raises(UnsafeSidecarError, match=said):
        merge_sidecar(existing, verdict())


def test_a_sidecar_of_ours_is_not_added_to_again():
    with pytest.raises(UnsafeSidecarError, match="already"):
        merge_sidecar(sidecar_of(verdict()), verdict(decision=Decision.KEEP))
