"""Hostile names stay below the folder, and no two media get one name."""

import hashlib
import os
import unicodedata

import pytest

from blanktrap.core.separated_names import NameRule
from blanktrap.files.separating import run
from tests.files.separating.archives import MODES, Archive, snapshot

HOSTILE = [
    "../../../escaped.jpg",
    "/absolute.jpg",
    "a b/100%.jpg",
    "quote'\"`.jpg",
    "new\nline.jpg",
    "日本/ñandú.jpg",
    "NUL.jpg",
    f"{'x' * 300}.jpg",
    "a//b.jpg",
    "what?.jpg",
    "-rf.jpg",
    "~/home.jpg",
    "_journal/journal.jsonl.jpg",
]


@pytest.mark.parametrize("mode", MODES)
def test_hostile_names_stay_below_the_folder(tmp_path, mode):
    archive = Archive(tmp_path)
    for number, name in enumerate(HOSTILE):
        archive.add(name, 0.9, path=f"{number}.jpg")
    before = snapshot(tmp_path / "archive")
    archive.separate(mode)
    separated = archive.separated()
    assert len(separated) == len(HOSTILE)
    assert all(name.startswith("keep/") for name in separated)
    assert {"archive", "scores", "out"} == set(os.listdir(tmp_path))
    archive.undo()
    assert snapshot(tmp_path / "archive") == before


@pytest.mark.parametrize("mode", MODES)
def test_media_that_would_get_one_name_are_both_kept(tmp_path, mode):
    archive = Archive(tmp_path)
    archive.add("a:b.jpg", 0.9, path="1.jpg", content=b"colon")
    archive.add("a%3Ab.jpg", 0.9, path="2.jpg", content=b"per cent")
    archive.add("plain.jpg", 0.9)
    archive.separate(mode)
    assert sorted(archive.separated().values()) == [b"colon", b"image plain.jpg", b"per cent"]
    names = {
        f"keep/a%3Ab~{hashlib.sha256(name.encode()).hexdigest()[:8]}.jpg" for name in ("a:b.jpg", "a%3Ab.jpg")
    }
    assert set(archive.separated()) == names | {"keep/plain.jpg"}


def test_names_that_differ_in_case_are_told_apart_where_that_is_one_file(tmp_path, monkeypatch):
    plain = run.names_allowed
    monkeypatch.setattr(
        run, "names_allowed", lambda *given: NameRule(**{**vars(plain(*given)), "ignores_case": True})
    )
    archive = Archive(tmp_path)
    archive.add("IMG_1.jpg", 0.9)
    archive.add("img_1.JPG", 0.9)
    archive.separate()
    folded = [name.casefold() for name in archive.separated()]
    assert len(set(folded)) == 2


def test_a_name_in_decomposed_unicode_is_composed(tmp_path):
    archive = Archive(tmp_path)
    archive.add(unicodedata.normalize("NFD", "é.jpg"), 0.9, path="1.jpg")
    archive.separate()
    assert list(archive.separated()) == ["keep/é.jpg"]


def test_a_media_named_twice_is_placed_once_and_named(tmp_path):
    archive = Archive(tmp_path)
    archive.add("a.jpg", 0.9)
    archive.rows.append(archive.rows[0])
    summary = archive.separate("move")
    assert summary.history.left.counts == {"something else has its place": 1}
    assert list(archive.separated().values()) == [b"image a.jpg"]


def test_a_link_to_a_folder_under_to_is_not_followed(archive):
    outside = archive.root / "outside"
    outside.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_place", interrupted)
        with pytest.raises(KeyboardInterrupt):
            archive.separate("copy")
    (archive.to / "keep").symlink_to(outside)
    summary = archive.separate("copy")
    assert list(outside.iterdir()) == []
    assert summary.history.left.counts == {"a file or link stands where a folder should be": 2}


def interrupted(*_):
    raise KeyboardInterrupt
