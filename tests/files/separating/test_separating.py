"""Media go where they are decided to, and nothing is overwritten."""

import os

import pytest

from blanktrap.core.errors import SourceError
from blanktrap.files.separating import run
from blanktrap.files.separating.journal import FOLDER
from tests.files.separating.archives import MODES, Archive, no_links, snapshot

# Where media go


@pytest.mark.parametrize("mode", MODES)
def test_every_media_goes_to_the_folder_of_its_decision(archive, mode):
    before = archive.originals()
    summary = archive.separate(mode)
    assert archive.separated() == {
        "keep/S1/kept.jpg": b"image S1/kept.jpg",
        "keep/S2/kept.jpg": b"image S2/kept.jpg",
        "review/S1/R1/doubtful.jpg": b"image S1/R1/doubtful.jpg",
        "set_aside/S1/blank.jpg": b"image S1/blank.jpg",
        "unreadable/S2/broken.jpg": b"image S2/broken.jpg",
    }
    assert archive.originals() == ({} if mode == "move" else before)
    text = "\n".join(summary.lines())
    assert "keep         2 of 5 media (40.0 %), 34 bytes" in text
    assert "separated    5 of 5 media" in text


def test_links_take_no_room_and_copies_keep_times(archive):
    archive.separate("link")
    source = archive.root / "archive/S1/kept.jpg"
    assert (archive.to / "keep/S1/kept.jpg").samefile(source)
    archive.undo()
    archive.separate("copy")
    copy = archive.to / "keep/S1/kept.jpg"
    assert not copy.samefile(source)
    assert copy.stat().st_mtime_ns == source.stat().st_mtime_ns


def test_symbolic_links_are_made_where_they_are_asked_for(archive):
    archive.separate("link", link="symbolic")
    link = archive.to / "keep/S1/kept.jpg"
    assert os.readlink(link) == str(archive.root / "archive/S1/kept.jpg")


def test_symbolic_links_are_made_where_hard_ones_cannot_be(archive, monkeypatch):
    no_links(monkeypatch)
    summary = archive.separate("link")
    assert (archive.to / "keep/S1/kept.jpg").is_symlink()
    assert "5 symbolic links" in "\n".join(summary.lines())


def test_hard_links_that_cannot_be_are_refused_in_one_line(archive, monkeypatch):
    no_links(monkeypatch)
    with pytest.raises(
        SourceError, match="none of the first 5 media can be separated: no hard link: Invalid cross"
    ):
        archive.separate("link", link="hard", batch_size=10)


@pytest.mark.parametrize("mode", MODES)
def test_only_the_decisions_asked_for_are_separated(archive, mode):
    before = archive.originals()
    archive.separate(mode, only=("set_aside",))
    assert list(archive.separated()) == ["set_aside/S1/blank.jpg"]
    if mode == "move":
        assert set(before) - set(archive.originals()) == {"S1/blank.jpg"}


def test_a_burst_stays_whole(tmp_path):
    archive = Archive(tmp_path)
    for frame, p in enumerate([0.1, 0.9, 0.2]):
        archive.add(f"S1/{frame}.jpg", p, sequence_id="q")
    archive.add("S1/alone.jpg", 0.1)
    archive.separate(keep_sequences=True)
    assert sorted(archive.separated()) == [
        "keep/S1/0.jpg",
        "keep/S1/1.jpg",
        "keep/S1/2.jpg",
        "set_aside/S1/alone.jpg",
    ]


def test_nothing_to_separate_is_done_at_once(tmp_path):
    archive = Archive(tmp_path)
    summary = archive.separate()
    assert "separated    0 of 0 media" in "\n".join(summary.lines())
    archive.undo()
    assert not archive.to.exists()


# Dry run


@pytest.mark.parametrize("mode", MODES)
def test_a_dry_run_prints_counts_and_bytes_and_writes_nothing(archive, mode):
    before = snapshot(archive.root)
    lines = archive.plan(mode).lines()
    after = {name: what for name, what in snapshot(archive.root).items() if not name.startswith("scores")}
    assert after == before
    assert "set_aside    1 of 5 media (20.0 %), 18 bytes" in lines
    # 17 + 18 + 24 + 19 + 17
    assert "together     5 media, 95 bytes" in lines


# What cannot be placed


@pytest.mark.parametrize("mode", MODES)
def test_an_original_that_is_gone_is_named(archive, mode):
    archive.add("S3/gone.jpg", 0.9, content=False)
    summary = archive.separate(mode)
    assert summary.history.left.counts == {"the original is gone": 1}
    assert "left         1 of 6 media: the original is gone (S3/gone.jpg)" in summary.lines()
    assert len(archive.separated()) == 5


@pytest.mark.parametrize("mode", MODES)
def test_an_original_that_changed_since_it_was_scored_is_left(archive, mode):
    archive.rows[0]["size_bytes"] += 1
    summary = archive.separate(mode)
    assert summary.history.left.counts == {"the original has changed since it was scored": 1}
    assert (archive.root / "archive/S1/kept.jpg").exists()
    assert "keep/S1/kept.jpg" not in archive.separated()


def test_a_moved_original_that_is_a_link_is_left(archive):
    real = archive.root / "elsewhere.jpg"
    real.write_bytes(b"real")
    (archive.root / "archive/S1/link.jpg").symlink_to(real)
    archive.add("S1/link.jpg", 0.9, content=False)
    summary = archive.separate("move")
    [reason] = summary.history.left.counts
    assert "is a link" in reason
    assert (archive.root / "archive/S1/link.jpg").is_symlink()


def test_an_archive_that_was_moved_is_refused_and_nothing_is_left_behind(archive):
    for number in range(6):
        archive.add(f"S4/{number}.jpg", 0.9)
    os.rename(archive.root / "archive", archive.root / "moved")
    with pytest.raises(SourceError, match="none of 5 originals is there"):
        archive.separate()
    assert not (archive.to / FOLDER).exists()


@pytest.mark.parametrize("mode", MODES)
def test_what_stands_at_a_target_is_not_overwritten(archive, mode, monkeypatch):
    plain = run._look

    def look(placer, rows):
        """Somebody else makes a file between looking and placing."""
        reasons = plain(placer, rows)
        (archive.to / "keep/S1").mkdir(parents=True, exist_ok=True)
        (archive.to / "keep/S1/kept.jpg").write_bytes(b"mine")
        return reasons

    monkeypatch.setattr(run, "_look", look)
    summary = archive.separate(mode)
    assert summary.history.left.counts == {"something else has its place": 1}
    assert archive.separated()["keep/S1/kept.jpg"] == b"mine"
    assert (archive.root / "archive/S1/kept.jpg").read_bytes() == b"image S1/kept.jpg"
    archive.undo()
    assert archive.separated() == {"keep/S1/kept.jpg": b"mine"}
