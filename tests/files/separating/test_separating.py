"""Media go where they are decided to, nothing is overwritten, and all of it can be taken back."""

import hashlib
import json
import os
import re
import stat
import unicodedata
from pathlib import Path

import pytest

from blanktrap.core.config import SeparateConfig
from blanktrap.core.errors import SeparationError, SourceError, UsageError
from blanktrap.core.separated_names import NameRule
from blanktrap.files.separating import local_placing, run, ways
from blanktrap.files.separating.folders import Folders
from blanktrap.files.separating.journal import FOLDER, open_journal
from blanktrap.files.separating.run import plan_separation, separate_media
from blanktrap.files.separating.undo import undo_separation
from tests.core.test_sidecars import OLDER
from tests.files.written_scores import STORAGE, media, write_scores

MODES = ["link", "copy", "move"]


class Archive:
    """An archive on disk, its scores, and what is in both folders."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.to = root / "out"
        self.rows = []

    def add(self, name, p, *, content=None, path=None, **more):
        path = self.root / "archive" / (path or name)
        if content is not False:
            path.parent.mkdir(parents=True, exist_ok=True)
            content = content or f"image {name}".encode()
            path.write_bytes(content)
            os.utime(path, ns=(10**18 + len(self.rows), 10**18 + len(self.rows)))
            more = {"size_bytes": len(content), **more}
        self.rows.append(media(name, p, None, **{"uri": str(path), **more}))
        return path

    def separate(self, mode="link", *, batch_size=3, **config):
        scores = self.root / "scores"
        if not scores.exists():
            write_scores(scores, self.rows)
        settings = SeparateConfig(**{"cutoff": 0.3, "review_below": 0.6, "mode": mode, **config})
        return separate_media(
            str(scores), str(self.to), config=settings, storage=STORAGE, batch_size=batch_size
        )

    def plan(self, mode="link", **config):
        scores = write_scores(self.root / "scores", self.rows)
        settings = SeparateConfig(**{"cutoff": 0.3, "review_below": 0.6, "mode": mode, **config})
        return plan_separation(scores, str(self.to), config=settings, storage=STORAGE)

    def undo(self):
        return undo_separation(str(self.to), storage=STORAGE)

    def separated(self):
        """What stands below --to, less the journal."""
        return {name: what for name, what in tree(self.to).items() if not name.startswith(FOLDER)}

    def originals(self):
        return tree(self.root / "archive")


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder and what is in them; a link's own target is not looked at."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_dir()
    }


def snapshot(folder: Path) -> dict[str, tuple]:
    """Everything about a tree: names, kinds, content, times of files."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        is_file = stat.S_ISREG(status.st_mode)
        found[str(path.relative_to(folder))] = (
            stat.S_IFMT(status.st_mode),
            path.read_bytes() if is_file else b"",
            status.st_mtime_ns if is_file else 0,
        )
    return found


@pytest.fixture
def archive(tmp_path):
    archive = Archive(tmp_path)
    archive.add("S1/kept.jpg", 0.9)
    archive.add("S1/blank.jpg", 0.1)
    archive.add("S1/R1/doubtful.jpg", 0.4)
    archive.add("S2/broken.jpg", None)
    archive.add("S2/kept.jpg", 0.6)
    return archive


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


def no_links(monkeypatch):
    """As on another file system: what was linked so far is linked by its own means."""
    plain = os.link

    def link(source, target, **more):
        if str(source).startswith("/"):
            raise OSError(18, os.strerror(18))
        plain(source, target, **more)

    monkeypatch.setattr(local_placing.os, "link", link)


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


# Hostile names


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


# Taking it back


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


# Sidecars


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
