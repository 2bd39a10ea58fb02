"""An archive on disk with its scores, for tests that separate it."""

import os
import stat
from pathlib import Path

from blanktrap.core.config import SeparateConfig
from blanktrap.files.separating import local_placing
from blanktrap.files.separating.journal import FOLDER
from blanktrap.files.separating.run import plan_separation, separate_media
from blanktrap.files.separating.undo import undo_separation
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


def no_links(monkeypatch):
    """As on another file system: what was linked so far is linked by its own means."""
    plain = os.link

    def link(source, target, **more):
        if str(source).startswith("/"):
            raise OSError(18, os.strerror(18))
        plain(source, target, **more)

    monkeypatch.setattr(local_placing.os, "link", link)
