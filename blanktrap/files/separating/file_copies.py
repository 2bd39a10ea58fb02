"""Copying one file on disk, checked, and putting it in its place without overwriting anything.

Owns: the staged copy, its comparison with the original by SHA-256, and the step that gives it its name.
Refuses: deciding what is copied.
"""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable
from typing import BinaryIO

from blanktrap.core.separated_names import RESERVED_PREFIX

_CHUNK = 1 << 20

NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EACCES})
"""What a file system answers that cannot link one file to another."""


class NotTheSameError(OSError):
    """What was written is not what was read."""


def staged_name(name: str) -> str:
    """What the copy of a file is called while it is made."""
    return f"{RESERVED_PREFIX}{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def unlink_staged(name: str, folder: int) -> None:
    """Remove what a run that was killed left of a file in the making."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(staged_name(name), dir_fd=folder)


def sha256_of(file: BinaryIO) -> str:
    """The SHA-256 of the rest of a file."""
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def sha256_at(name: str | os.PathLike[str], *, folder: int | None = None) -> str:
    """The SHA-256 of a file. Raises OSError; a link is not followed below a folder's descriptor."""
    with _open(name, folder) as file:
        return sha256_of(file)


def copy_checked(
    write: Callable[[BinaryIO], str], name: str, folder: int, *, times: os.stat_result | None = None
) -> str:
    """Make a file with the name `name` below a folder, whole, on the disk, and only if the name is free.

    Args:
        write: writes the content, and returns the SHA-256 of what it read.
        name: the last part of the path.
        folder: descriptor of the folder.
        times: status of the original, whose times and permissions the copy gets.

    Returns:
        The SHA-256 of the file, read back.

    Raises:
        FileExistsError: the name is taken.
        NotTheSameError: the file read back is not what was written; it was removed.
        OSError: it cannot be written.
    """
    staged = staged_name(name)
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(staged, flags, 0o644, dir_fd=folder), "w+b") as file:
        digest = write(file)
        file.flush()
        if times is not None:
            os.fchmod(file.fileno(), stat.S_IMODE(times.st_mode))
            os.utime(file.fileno(), ns=(times.st_atime_ns, times.st_mtime_ns))
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            # What is read back should come from the disk, not from memory.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(0)
        if sha256_of(file) != digest:
            os.unlink(staged, dir_fd=folder)
            raise NotTheSameError(errno.EIO, f"{name}: what was read back is not what was written")
    publish(staged, name, folder)
    return digest


def copy_of(
    source: str | os.PathLike[str], name: str, folder: int, *, source_folder: int | None = None
) -> str:
    """Copy a file on disk. As `copy_checked`; raises NotTheSameError too where the original changed "
    "meanwhile."""
    with _open(source, source_folder) as original:
        before = os.fstat(original.fileno())

        def write(file: BinaryIO) -> str:
            digest = hashlib.sha256()
            while chunk := original.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
            after = os.fstat(original.fileno())
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise NotTheSameError(errno.EIO, f"{name}: the original changed while it was copied")
            return digest.hexdigest()

        return copy_checked(write, name, folder, times=before)


def publish(staged: str, name: str, folder: int) -> None:
    """Give a staged file its name, if that is free. Raises FileExistsError, and removes the staged file."""
    try:
        os.link(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:
        os.unlink(staged, dir_fd=folder)
        raise
    except OSError as problem:
        if problem.errno not in NO_LINKS:
            raise
        # A file system without links, such as exFAT: between looking and renaming there is a moment.
        if exists(name, folder):
            os.unlink(staged, dir_fd=folder)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name) from problem
        os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
        return
    os.unlink(staged, dir_fd=folder)


def exists(name: str, folder: int) -> bool:
    """Whether anything, a broken link too, stands at a name."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _open(name: str | os.PathLike[str], folder: int | None) -> BinaryIO:
    flags = os.O_RDONLY | (os.O_NOFOLLOW if folder is not None else 0)
    return os.fdopen(os.open(name, flags, dir_fd=folder), "rb")
