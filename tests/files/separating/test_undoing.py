"""All of a separation can be taken back, but for what has changed since."""

import os

import pytest

from blanktrap.core.errors import SeparationError, SourceError, UsageError
from blanktrap.files.separating import local_placing
from blanktrap.files.separating.folders import Folders
from tests.files.separating.archives import MODES, no_links, snapshot


@pytest.mark.parametrize("mode", MODES)
def test_undoing_leaves_everything_as_it_was(archive, mode):
    before = snapshot(archive.root / "archive")
    archive.separate(mode)
    lines = archive.undo().lines()
    assert snapshot(archive.root / "archive") == before
    assert not archive.to.exists()
    assert lines[0] == f"taken back   5 of 5 media in {archive.to}"


def test_undoing_leaves_an_empty_folder_that_was_there(archive):
    archive.to.mkdir()
    archive.separate()
    archive.undo()
    assert list(archive.to.iterdir()) == []


@pytest.mark.parametrize("mode", MODES)
def test_what_was_changed_since_is_left_and_named(archive, mode):
    archive.separate(mode)
    target = archive.to / "keep/S1/kept.jpg"
    target.unlink()
    target.write_bytes(b"edited")
    (archive.to / "keep/S2/added.txt").write_text("mine")
    summary = archive.undo()
    assert summary.history.not_undone.examples == {"changed since": ["S1/kept.jpg"]}
    assert archive.separated() == {"keep/S1/kept.jpg": b"edited", "keep/S2/added.txt": b"mine"}
    assert (archive.root / "archive/S2/kept.jpg").read_bytes() == b"image S2/kept.jpg"


@pytest.mark.parametrize("mode", ["link", "copy"])
def test_the_last_copy_of_a_media_is_never_removed(archive, mode):
    archive.separate(mode)
    (archive.root / "archive/S1/kept.jpg").unlink()
    summary = archive.undo()
    assert summary.history.not_undone.examples == {
        "the original is gone: this is the last copy": ["S1/kept.jpg"]
    }
    assert archive.separated() == {"keep/S1/kept.jpg": b"image S1/kept.jpg"}


def test_a_copy_of_what_an_original_was_is_left(archive):
    archive.separate("copy")
    (archive.root / "archive/S1/kept.jpg").write_bytes(b"new")
    summary = archive.undo()
    [reason] = summary.history.not_undone.counts
    assert reason.startswith("the original has changed")
    assert archive.separated() == {"keep/S1/kept.jpg": b"image S1/kept.jpg"}


def test_a_moved_file_does_not_overwrite_what_is_at_its_old_place(archive):
    archive.separate("move")
    path = archive.root / "archive/S1/kept.jpg"
    path.write_bytes(b"another")
    summary = archive.undo()
    assert summary.history.not_undone.examples == {"its old place is taken": ["S1/kept.jpg"]}
    assert path.read_bytes() == b"another"
    path.unlink()
    # Mended, the same command takes it back too.
    assert archive.undo().history.not_undone.num == 0
    assert path.read_bytes() == b"image S1/kept.jpg"
    assert not archive.to.exists()


def test_moved_files_return_to_a_folder_that_is_gone(archive):
    before = archive.originals()
    archive.separate("move")
    for folder in ("S1/R1", "S1", "S2"):
        (archive.root / "archive" / folder).rmdir()
    archive.undo()
    assert archive.originals() == before


def test_a_moved_file_that_is_at_neither_place_is_named(archive):
    archive.separate("move")
    (archive.to / "keep/S1/kept.jpg").unlink()
    assert archive.undo().history.not_undone.examples == {"it is at neither place": ["S1/kept.jpg"]}


def test_moving_between_file_systems_copies_checks_and_then_removes(archive, monkeypatch):
    before = snapshot(archive.root / "archive")
    no_links(monkeypatch)
    archive.separate("move")
    assert archive.originals() == {}
    assert len(archive.separated()) == 5
    no_links_back(monkeypatch)
    archive.undo()
    assert snapshot(archive.root / "archive") == before


def test_an_original_that_changes_after_it_was_copied_is_not_removed(archive, monkeypatch):
    no_links(monkeypatch)
    plain, path = Folders.sync, archive.root / "archive/S1/kept.jpg"

    def sync(folders):
        if not path.read_bytes().endswith(b"and more"):
            path.write_bytes(b"an animal and more")
        plain(folders)

    monkeypatch.setattr(Folders, "sync", sync)
    summary = archive.separate("move")
    assert summary.history.left.counts == {"the original has changed since it was scored": 1}
    assert path.read_bytes() == b"an animal and more"
    assert "keep/S1/kept.jpg" not in archive.separated()


def no_links_back(monkeypatch):
    plain = os.link

    def link(source, target, **more):
        if str(target).startswith("/"):
            raise OSError(18, os.strerror(18))
        plain(source, target, **more)

    monkeypatch.setattr(local_placing.os, "link", link)


def test_a_copy_that_does_not_read_back_stops_and_the_original_stays(archive, monkeypatch):
    no_links(monkeypatch)
    monkeypatch.setattr("blanktrap.files.separating.file_copies.sha256_of", lambda file: "another")
    before = snapshot(archive.root / "archive")
    with pytest.raises(SourceError, match="what was read back is not what was written"):
        archive.separate("move")
    assert snapshot(archive.root / "archive") == before


def test_there_is_nothing_to_take_back_where_nothing_was_done(archive):
    with pytest.raises(UsageError, match="there is nothing to take back at"):
        archive.undo()


def test_a_separation_that_is_being_taken_back_is_not_gone_on_with(archive):
    archive.separate("copy")
    (archive.to / "keep/S1/kept.jpg").write_bytes(b"edited")
    archive.undo()
    with pytest.raises(SeparationError, match="is being taken back"):
        archive.separate("copy")
