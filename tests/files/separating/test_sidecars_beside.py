"""Keywords stand beside separated files, and say all that an original's sidecar says."""

import re

import pytest

from tests.core.test_sidecars import OLDER
from tests.files.separating.archives import MODES, Archive, snapshot


def keywords(sidecar: bytes) -> list[str]:
    return re.findall(r">(blanktrap\|\w+)<", sidecar.decode())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("naming", "name"), [("digikam", "keep/S1/kept.jpg.xmp"), ("adobe", "keep/S1/kept.xmp")]
)
def test_a_sidecar_stands_beside_the_separated_file_and_goes_with_it(archive, mode, naming, name):
    before = snapshot(archive.root / "archive")
    summary = archive.separate(mode, xmp=naming)
    separated = archive.separated()
    assert len(separated) == 10
    assert keywords(separated[name]) == ["blanktrap|nonblank"]
    assert "sidecars     5 of 5 media have an XMP file" in summary.lines()
    assert mode == "move" or snapshot(archive.root / "archive") == before
    archive.undo()
    assert snapshot(archive.root / "archive") == before
    assert not archive.to.exists()


def test_what_an_originals_sidecar_says_is_kept_and_it_is_not_touched(archive):
    older = OLDER.replace(b"leopard", b"serval")
    beside = archive.root / "archive/S1/kept.jpg.xmp"
    beside.write_bytes(older)
    archive.separate(xmp="digikam")
    written = archive.separated()["keep/S1/kept.jpg.xmp"]
    assert b"serval" in written
    assert keywords(written) == ["blanktrap|nonblank"]
    assert beside.read_bytes() == older


def test_a_sidecar_that_cannot_be_joined_is_named_and_none_is_written(archive):
    (archive.root / "archive/S1/kept.xmp").write_bytes(b"no xml")
    summary = archive.separate(xmp="digikam")
    assert "keep/S1/kept.jpg.xmp" not in archive.separated()
    assert "keep/S1/kept.jpg" in archive.separated()
    assert "no sidecar   1 of 5 media: its sidecar is no XML (S1/kept.jpg)" in summary.lines()


def test_two_media_that_would_share_a_sidecar_do_not(tmp_path):
    archive = Archive(tmp_path)
    archive.add("IMG_1.jpg", 0.9)
    archive.add("IMG_1.png", 0.9)
    summary = archive.separate(xmp="adobe")
    assert summary.history.without_sidecar.examples == {
        "something else has the place of its sidecar": ["IMG_1.png"]
    }
    archive.undo()
    assert not archive.to.exists()


def test_a_sidecar_that_was_edited_stays_when_all_is_taken_back(archive):
    archive.separate(xmp="digikam")
    path = archive.to / "keep/S1/kept.jpg.xmp"
    path.write_bytes(path.read_bytes().replace(b"nonblank", b"leopard"))
    summary = archive.undo()
    assert summary.history.not_undone.examples == {"its sidecar has changed since": ["S1/kept.jpg"]}
    assert list(archive.separated()) == ["keep/S1/kept.jpg.xmp"]


def test_a_long_name_has_room_for_its_sidecar(tmp_path):
    archive = Archive(tmp_path)
    archive.add(f"{'x' * 251}.jpg", 0.9)
    archive.separate(xmp="digikam")
    assert len(archive.separated()) == 2
