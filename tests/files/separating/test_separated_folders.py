"""Whose folder it is: one that holds something else, or lies in the archive, is refused."""

import json
import os
import unicodedata

import pytest

from blanktrap.core.errors import SeparationError, UsageError
from blanktrap.files.separating import local_placing, ways
from blanktrap.files.separating.journal import FOLDER, open_journal
from tests.files.separating.archives import MODES, snapshot
from tests.files.written_scores import STORAGE

# Whose folder it is


@pytest.mark.parametrize("was_there", [False, True])
def test_a_way_that_does_not_go_leaves_the_place_as_it_was(archive, was_there):
    archive.add("a.jpg", 0.9)
    if was_there:
        archive.to.mkdir()
    with pytest.raises(UsageError, match="are on disk"):
        archive.separate("manifest")
    assert archive.to.exists() == was_there
    assert not was_there or not list(archive.to.iterdir())


def test_a_folder_with_something_else_is_refused(archive):
    archive.to.mkdir()
    (archive.to / "notes.txt").write_text("mine")
    with pytest.raises(SeparationError, match=r"out is not empty \(it has notes.txt\)"):
        archive.separate()
    assert os.listdir(archive.to) == ["notes.txt"]


def test_a_file_is_refused(archive):
    archive.to.write_text("mine")
    with pytest.raises(SeparationError, match="is a file: give --to a folder"):
        archive.separate()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"cutoff": 0.2}, "was begun with cutoff 0.3, now cutoff 0.2 is asked for"),
        ({"review_below": None}, "was begun with review below 0.6, now no review below is asked for"),
        ({"mode": "copy"}, "was begun with mode link, now mode copy is asked for"),
        ({"keep_sequences": True}, "was begun with no keep sequences, now keep sequences is asked for"),
        ({"only": ("keep",)}, "now only keep is asked for"),
    ],
)
def test_another_configuration_under_the_same_folder_is_refused(archive, other, said):
    archive.separate("link")
    before = snapshot(archive.to)
    with pytest.raises(SeparationError, match=said):
        archive.separate(**{"mode": "link", **other})
    assert snapshot(archive.to) == before


def test_two_runs_at_once_are_refused(archive):
    archive.to.mkdir()
    journal = open_journal(STORAGE, str(archive.to), create=True)
    with pytest.raises(SeparationError, match="another `blanktrap separate` is at work there"):
        archive.separate()
    journal.close()
    archive.separate()


def test_a_second_run_does_nothing_again(archive):
    archive.separate("copy")
    before = snapshot(archive.to)
    summary = archive.separate("copy")
    assert snapshot(archive.to) == before
    assert "5 of them were done by an earlier start" in "\n".join(summary.lines())


def test_a_torn_last_line_is_cut_off_and_a_damaged_one_refused(archive):
    archive.separate()
    path = archive.to / FOLDER / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'00000000 {"kind":"beg')
    archive.separate()
    assert path.read_bytes() == whole
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1].replace(b"planned", b"plannet"), *lines[2:]]))
    with pytest.raises(SeparationError, match=r"journal.jsonl is damaged at record 1"):
        archive.separate()


def test_the_journal_is_written_before_anything_is_touched(archive, monkeypatch):
    seen = []
    plain = os.link

    def link(source, target, **more):
        lines = (archive.to / FOLDER / "journal.jsonl").read_bytes().splitlines()
        seen.append([json.loads(line[9:])["kind"] for line in lines][-1])
        plain(source, target, **more)

    monkeypatch.setattr(local_placing.os, "link", link)
    archive.separate()
    assert seen == ["begin"] * 5


# Inside the archive


@pytest.mark.parametrize("mode", MODES)
def test_a_folder_inside_the_archive_is_refused_and_nothing_is_left_there(archive, mode):
    archive.to = archive.root / "archive" / "sorted" / "1"
    before = snapshot(archive.root / "archive")
    with pytest.raises(UsageError, match=r"sorted/1 is inside the archive \S+/archive: .* beside it"):
        archive.separate(mode)
    assert snapshot(archive.root / "archive") == before


def test_folders_that_were_made_for_it_go_with_it_and_no_others(archive):
    (archive.root / "mine").mkdir()
    archive.to = archive.root / "mine" / "made" / "sorted"
    archive.separate()
    archive.undo()
    assert [path.name for path in archive.root.iterdir() if path.name == "mine"] == ["mine"]
    assert list((archive.root / "mine").iterdir()) == []
    archive.separate()
    (archive.root / "mine" / "made" / "notes.txt").write_text("mine")
    archive.undo()
    assert [path.name for path in (archive.root / "mine" / "made").iterdir()] == ["notes.txt"]


def test_a_dry_run_and_a_link_into_the_archive_are_refused_too(archive):
    (archive.root / "elsewhere").symlink_to(archive.root / "archive")
    archive.to = archive.root / "elsewhere" / "sorted"
    with pytest.raises(UsageError, match="inside the archive"):
        archive.plan()
    assert not archive.to.exists()


def test_the_archive_is_where_its_ids_begin_whatever_form_its_names_have():
    nfd, nfc = (unicodedata.normalize(form, "/data/é/é.jpg") for form in ("NFD", "NFC"))
    assert ways._archive_of("/data/S1/a.jpg", "S1/a.jpg") == "/data"
    assert ways._archive_of("file:///data/a%20b/c.jpg", "name/c.jpg") == "/data/a b"
    assert ways._archive_of(nfd, nfc.removeprefix("/data/")) == "/data"
    assert ways._archive_of("s3://bucket/2024/S1/a.jpg", "S1/a.jpg") == "s3://bucket/2024"
    # A whole bucket or disk may be all there is; and ids of another kind say nothing.
    assert ways._archive_of("s3://bucket/S1/a.jpg", "S1/a.jpg") is None
    assert ways._archive_of("/a.jpg", "a.jpg") is None
    assert ways._archive_of("/data/a.jpg", "b.jpg") is None
    assert ways._is_inside("s3://bucket/2024/out", "s3://bucket/2024")
    assert not ways._is_inside("s3://bucket/2024-out", "s3://bucket/2024")
    assert not ways._is_inside("/data/out", "s3://bucket")
