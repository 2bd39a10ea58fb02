"""The folders below `--to`, opened part by part so that no link leads out of them.

Owns: making and opening a folder below a root without ever following a link, and the files in it by their
name alone.
Refuses: names; those come from the plan.
"""

import contextlib
import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

_KEPT_OPEN = 128


class Folders:
    """Open folders below a root, the latest few kept open."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        self._open: OrderedDict[str, int] = OrderedDict()
        self.touched: set[str] = set()
        """Folders in which names were made or removed since the last `sync`."""

    def open(self, folder: str, *, make: bool) -> int:
        """A descriptor of a folder, valid until the next call.

        Raises:
            OSError: a part is a link or a file, or (without `make`) is not there.
        """
        if folder in self._open:
            self._open.move_to_end(folder)
            return self._open[folder]
        descriptor = self._root
        parts = folder.split("/") if folder else []
        try:
            for number, part in enumerate(parts):
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=descriptor)
                        self.touched.add("/".join(parts[:number]))
                within = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
                if descriptor != self._root:
                    os.close(descriptor)
                descriptor = within
        except OSError:
            if descriptor != self._root:
                os.close(descriptor)
            raise
        if descriptor != self._root:
            self._open[folder] = descriptor
            if len(self._open) > _KEPT_OPEN:
                os.close(self._open.popitem(last=False)[1])
        return descriptor

    def status(self, path: str) -> os.stat_result | None:
        """The status of what stands at a path, of a link itself; None where nothing does."""
        folder, name = split(path)
        try:
            return os.stat(name, dir_fd=self.open(folder, make=False), follow_symlinks=False)
        except FileNotFoundError:
            return None

    def unlink(self, path: str) -> None:
        """Remove a file."""
        folder, name = split(path)
        os.unlink(name, dir_fd=self.open(folder, make=False))
        self.touched.add(folder)

    def prune(self, path: str) -> None:
        """Remove the folders of a path that are empty, up to the root."""
        folder = split(path)[0]
        while folder:
            above, name = split(folder)
            self._forget(folder)
            try:
                os.rmdir(name, dir_fd=self.open(above, make=False))
                self.touched.discard(folder)
                self.touched.add(above)
            except FileNotFoundError:
                pass  # a run that was killed may have come so far
            except OSError:
                return  # not empty
            folder = above

    def _forget(self, folder: str) -> None:
        descriptor = self._open.pop(folder, None)
        if descriptor is not None:
            os.close(descriptor)

    def sync(self) -> None:
        """Wait until the names made and removed so far are on the disk."""
        for folder in self.touched:
            with contextlib.suppress(FileNotFoundError):
                os.fsync(self.open(folder, make=False))
        self.touched = set()

    def close(self) -> None:
        """Close what is open."""
        for descriptor in self._open.values():
            os.close(descriptor)
        os.close(self._root)
        self._open.clear()


@contextlib.contextmanager
def open_folders(root: Path) -> Iterator[Folders]:
    """Open the folders below a root for a block."""
    folders = Folders(root)
    try:
        yield folders
    finally:
        folders.close()


def split(path: str) -> tuple[str, str]:
    """A path's folder and its last part."""
    folder, _, name = path.rpartition("/")
    return folder, name
